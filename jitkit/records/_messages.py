"""Sentences that more than one error of this room needs."""

from __future__ import annotations

import difflib
from typing import Any

from jitkit.errors import DecodeError
from jitkit.records._leaves import Leaf


def unknown_name(name: Any, names: tuple[str, ...]) -> str:
    """Return the sentence for a field or column that is not there."""
    wanted = str(name)
    inside = [known for known in names if known.startswith(f"{wanted}.")]
    if inside:
        return f"expected one column, got {name!r}, a nested record with the columns {', '.join(inside)}"
    # What ends or begins like it first: `seq` of `head.seq`, `bat` of `battery`.
    alike = [known for known in names if known.endswith(f".{wanted}") or (wanted and known.startswith(wanted))]
    close = alike or difflib.get_close_matches(wanted, names, n=1)
    found = f": did you mean {close[0]!r}?" if close else ""
    return f"expected one of {', '.join(names)}, got {name!r}{found}"


def not_allowed(leaf: Leaf, value: int, record: int, offset: int) -> DecodeError:
    """Return the error for a raw value that an enumeration or boolean may not have."""
    return DecodeError(
        f"expected {expected_values(leaf)}, got {value} at offset {offset} (field {leaf.name}, record {record})",
        kind="boolean" if leaf.labels is None else "enum",
        offset=offset,
        record=record,
        field=leaf.name,
    )


def expected_values(leaf: Leaf) -> str:
    """Name what a checked leaf may be: `0 (idle) or 1 (armed)`."""
    if leaf.labels is None:
        return "0 or 1 (boolean)"
    texts = [f"{value} ({text})" for value, text in leaf.labels.items()]
    shown = texts if len(texts) <= 8 else [*texts[:7], f"one of {len(texts) - 7} more"]
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
