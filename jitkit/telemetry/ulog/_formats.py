"""Format definitions: from their text to the columns of a topic, nested types and arrays taken apart.

Nothing here trusts a text: sizes are counted before anything is made of them, and no format is larger than a message.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from jitkit._core.lazy import lazy
from jitkit.errors import DecodeError
from jitkit.records import FlatLayout
from jitkit.telemetry.ulog._constants import DTYPES, LARGEST_PAYLOAD
from jitkit.telemetry.ulog._copy_steps import steps_of
from jitkit.telemetry.ulog._kept import Kept

LARGEST = LARGEST_PAYLOAD - 2  # bytes of a record: a message of data begins with its id
DEEPEST = 32  # formats within formats
KEPT = 1 << 22  # bytes of formats, and of layouts, that are kept for the next file: a log of PX4 has up to a fifth
FIELD, COLUMN = 200, 120  # bytes that one takes about, besides its name


class Field(NamedTuple):
    """One field of a format; `items` is None for one value, the number of items of an array otherwise."""

    type: str
    items: int | None
    name: str


TIMESTAMP = Field("uint64_t", None, "timestamp")


class Format:
    """A format definition as its text has it. One text makes one object, as long as it is kept."""

    __slots__ = ("fields", "inside", "name")

    def __init__(self, name: str, fields: tuple[Field, ...]) -> None:
        self.name, self.fields = name, fields
        self.inside = tuple(dict.fromkeys(field.type for field in fields if field.type not in DTYPES))


def parse_format(payload: bytes) -> Format:
    """Parse ``name:type field;type[n] field;...``.

    Raises
    ------
    DecodeError
        If the text is no such definition. Its kind is ``"format"``.
    """
    return _formats.get(payload) or _formats.put(payload, _parse(payload))


def _parse(payload: bytes) -> Format:
    name, colon, text = payload.decode("utf-8", "replace").partition(":")
    if not (name and colon and name.isprintable()):
        raise DecodeError(f"expected a format as name:type field;..., got {_shown(payload)}", kind="format")
    fields = tuple(_parse_field(name, part) for part in text.split(";") if part)
    if len({field.name for field in fields}) < len(fields):
        raise DecodeError(f"expected fields of different names, got {_shown(payload)}", kind="format", topic=name)
    return Format(name, fields)


def _parse_field(format_name: str, text: str) -> Field:
    kind, space, name = text.partition(" ")
    kind, bracket, number = kind.partition("[")
    digits = number[:-1]
    is_sound = not bracket or (number.endswith("]") and digits.isascii() and digits.isdigit() and len(digits) <= 5)
    # In names of columns, dots and brackets say what is inside what.
    if not (kind and space and name and is_sound and text.isprintable() and not set(name) & set(" .[]")):
        raise DecodeError(
            f"expected a field as type name, got {_shown(text)} (format {format_name})",
            kind="format",
            topic=format_name,
        )
    return Field(kind, int(digits) if bracket else None, name)


class Layout:
    """The columns of a topic, and where they lie in a record. They are only written down when records are decoded.

    Attributes
    ----------
    name : str
        Of the format.
    format : Format
    inside : dict of str to Layout
        Of the formats that fields have as their types.
    low, high : int
        Bytes of a record without its trailing padding, which loggers leave out, and with it.
    width : int
        How many columns there are.
    letters : int
        Of the names of all columns.
    effort : int
        Steps that it takes to write the columns down.
    weight : int
        Bytes of memory that it takes about, with its columns and what is inside it.
    timestamp : int or None
        Bytes from a record's beginning to its time in microseconds.
    """

    def __init__(self, format_: Format, inside: dict[str, Layout]) -> None:
        self.name, self.format, self.inside = format_.name, format_, inside
        sizes = [_size(field, inside) for field in format_.fields]
        self.high = sum(size.nbytes for size in sizes)
        self.effort: int = sum(size.effort for size in sizes)
        self.letters = sum(size.letters for size in sizes)
        self.depth: int = 1 + max((layout.depth for layout in inside.values()), default=0)
        self._fields = list(format_.fields)
        while self._fields and self._fields[-1].name.startswith("_padding"):
            self._fields.pop()
            sizes.pop()
        self.low, self.width = sum(size.nbytes for size in sizes), sum(size.columns for size in sizes)
        own = COLUMN * self.width + self.letters + FIELD * len(format_.fields)
        self.weight: int = own + sum(layout.weight for layout in inside.values())
        starts = itertools.accumulate((size.nbytes for size in sizes), initial=0)
        times = [start for field, start in zip(self._fields, starts, strict=False) if field == TIMESTAMP]
        self.timestamp = times[0] if times else None

    @lazy
    def flat(self) -> FlatLayout:
        """The columns, to be filled: their names are those that pyulog has, ``"q[0]"`` and ``"outer.inner"``."""
        columns = list(_columns(self._fields, self.inside, ""))
        return FlatLayout(self.name, [name for name, _ in columns], [DTYPES[kind] for _, kind in columns])

    @lazy
    def steps(self) -> np.ndarray[Any, Any]:
        """What is copied together: see `_copy_steps.steps_of`."""
        return steps_of(self.flat.widths)


class Size(NamedTuple):
    """How large a field is: its bytes, its columns, the letters of their names, and the steps to write them down."""

    nbytes: int
    columns: int
    letters: int
    effort: int


def _size(field: Field, inside: Mapping[str, Layout]) -> Size:
    times = 1 if field.items is None else field.items
    if field.type in DTYPES:
        return Size(times * DTYPES[field.type].itemsize, times, times * len(field.name), 2 * times)
    one = inside[field.type]
    letters = one.letters + one.width * len(field.name)
    return Size(times * one.high, times * one.width, times * letters, times * (one.effort + 1))


def layout_of(name: str, formats: Mapping[str, Format], known: dict[str, Layout] | None = None) -> Layout:
    """Take a format apart into columns.

    Parameters
    ----------
    known : dict, optional
        Layouts of these formats that were made before; those that are made are put in.

    Raises
    ------
    DecodeError
        If it, or one inside it, is not there, contains itself, or is larger than a message. Its kind is ``"format"``.
    """
    layout = _made(name, formats, {} if known is None else known, ())
    if not layout.width:
        raise DecodeError(f"expected a format with a field (format {name}), got none", kind="format", topic=name)
    return layout


def _made(name: str, formats: Mapping[str, Format], known: dict[str, Layout], outer: tuple[str, ...]) -> Layout:
    if name in known:
        return known[name]
    if name not in formats:
        raise DecodeError(f"expected the format of {name!r}, got none", kind="format", topic=name)
    if name in outer or len(outer) == DEEPEST:
        what = "in themselves" if name in outer else f"more than {DEEPEST} deep"
        raise DecodeError(f"expected formats that are not {what} (format {name})", kind="format", topic=name)
    format_ = formats[name]
    inside = tuple(_made(kind, formats, known, (*outer, name)) for kind in format_.inside)
    layout = _layouts.get((format_, inside)) or _layouts.put(
        (format_, inside), Layout(format_, {layout.name: layout for layout in inside})
    )
    if max(layout.high, layout.effort // 4) > LARGEST or layout.depth > DEEPEST:
        raise DecodeError(
            f"expected at most {LARGEST:,} bytes, got {layout.high:,} (format {name})", kind="format", topic=name
        )
    known[name] = layout
    return layout


_formats: Kept[bytes, Format] = Kept(KEPT, KEPT // 16, lambda text, format_: len(text) + FIELD * len(format_.fields))
_layouts: Kept[tuple[Format, tuple[Layout, ...]], Layout] = Kept(KEPT, KEPT // 16, lambda _, layout: layout.weight)


def _columns(fields: Iterable[Field], inside: Mapping[str, Layout], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield names and types of columns."""
    for kind, count, field in fields:
        items = [prefix + field] if count is None else [f"{prefix}{field}[{i}]" for i in range(count)]
        for item in items:
            if kind in DTYPES:
                yield item, kind
            else:
                yield from _columns(inside[kind].format.fields, inside[kind].inside, item + ".")


def _shown(text: Any) -> str:
    shown = repr(text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
