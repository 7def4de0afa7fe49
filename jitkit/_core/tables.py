"""Tables of records for a terminal: as many records as fit, and nothing in them that the terminal would obey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

STYLE: dict[str, Any] = {"box": None, "padding": (0, 2, 0, 0), "header_style": "bold", "title_justify": "left"}


class Cells(NamedTuple):
    """A column of a table."""

    title: str
    most: int  # characters: what is longer is cut
    texts: Sequence[str]
    is_right: bool = False  # whether the texts end at the column's right side


def fitting(columns: Sequence[Cells], width: int, title: str | None = None) -> Table:
    """Make a table of the first columns that fit a screen of so many characters."""
    table = Table(title=title, title_style="bold", **STYLE)
    shown = []
    for column in columns:
        shortened = [cell if len(cell) <= column.most else f"{cell[: column.most - 1]}…" for cell in column.texts]
        width -= max(map(len, [column.title, *shortened])) + 2
        if width < 0:
            break
        table.add_column(column.title, no_wrap=True, justify="right" if column.is_right else "left")
        shown.append(shortened)
    for line in zip(*shown, strict=True):
        table.add_row(*line)
    return table


def text(value: Any) -> str:
    """What a file says, in one line: control characters in it would be the terminal's."""
    if isinstance(value, np.ndarray):
        return f"[{', '.join(map(text, value))}]"
    if isinstance(value, (bool, int, np.integer)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    said = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in said)
