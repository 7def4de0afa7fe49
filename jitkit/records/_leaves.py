"""A record flattened into the columns it decodes to: nested records and arrays of records come apart here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jitkit.errors import LayoutError
from jitkit.records._layout import Layout, Placed, width_of
from jitkit.records._types import (
    Array,
    BitField,
    ByteOrder,
    Bytes,
    Enumerated,
    FieldType,
    Kind,
    Nested,
    Number,
    Pad,
    Scaled,
)

MOST_INTERVALS = 16  # that a value is compared with, one after the other
MOST_AXES = 63  # of a field: NumPy's arrays have up to 64, of which the first counts the records


@dataclass(frozen=True)
class Leaf:
    """One column: where its raw elements lie in the record, and what they become.

    Invariants: every element lies inside the record; elements that do not start at a whole byte, or whose width is
    not 8, 16, 32 or 64 bits, are integers.
    """

    name: str
    kind: Kind
    start: int  # of the first element, in bits from the record's first bit
    bits: int  # of one raw element
    byteorder: ByteOrder
    shape: tuple[int, ...]  # of the elements of one record: () for a scalar
    steps: tuple[int, ...]  # in bits, from one element to the next along each axis of `shape`
    dtype: np.dtype[Any]  # of one element of the column
    is_bit_field: bool
    scaled: bool = False
    scale: float = 1.0
    offset: float = 0.0
    unit: str | None = None
    valid: tuple[float, float] | None = None  # in the column's own precision: see `bounds`
    labels: Mapping[int, str] | None = None

    @property
    def size(self) -> int:
        """Elements in one record."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the column that one record makes."""
        return self.size * self.dtype.itemsize

    @property
    def added(self) -> float | None:
        """The offset of a scaled leaf; None for 0 on floats, where adding it would turn -0.0 into 0.0."""
        return None if self.kind == "f" and self.offset == 0.0 else self.offset

    def element_starts(self) -> Iterator[int]:
        """Bit offsets of the elements of one record, in C order."""
        for index in itertools.product(*map(range, self.shape)):
            yield self.start + sum(i * step for i, step in zip(index, self.steps, strict=True))

    def becomes(self) -> str:
        """Column type in words: `float32[4]`, `S16`."""
        name = self.dtype.str[1:] if self.kind == "S" else self.dtype.name
        return name + (str(list(self.shape)) if self.shape else "")

    def describe(self) -> str:
        """Raw type in words, for messages: `u16 big-endian`, `3 bits`."""
        if self.kind == "S":
            return f"{self.bits // 8} byte{'s' if self.bits > 8 else ''}"
        if self.is_bit_field:
            return f"{'signed ' if self.kind == 'i' else ''}{self.bits} bit{'s' if self.bits > 1 else ''}"
        if self.kind == "?":
            return "boolean"
        return f"{self.kind}{self.bits}" + (f" {self.byteorder}-endian" if self.bits > 8 else "")


def leaves_of(layout: Layout) -> tuple[Leaf, ...]:
    """Columns of a record, in the order of its fields; pads have none."""
    try:
        leaves = tuple(_flatten(layout, prefix="", start=0, shape=(), steps=()))
        for leaf in leaves:
            if len(leaf.shape) > MOST_AXES:
                raise LayoutError(f"{leaf.name}: expected at most {MOST_AXES} axes, as in NumPy, got {len(leaf.shape)}")
        return leaves
    except LayoutError as error:  # of a field of this very record: nested ones are proven already
        raise LayoutError(f"{layout.record}.{error}") from None


def _flatten(layout: Layout, prefix: str, start: int, shape: tuple[int, ...], steps: tuple[int, ...]) -> Iterator[Leaf]:
    for field in layout.fields:
        yield from _field_leaves(field, field.type, prefix + field.name, start + field.start, shape, steps)


def _field_leaves(
    field: Placed, kind: FieldType, name: str, start: int, shape: tuple[int, ...], steps: tuple[int, ...]
) -> Iterator[Leaf]:
    match kind:
        case Pad():
            return
        case Array():
            item = width_of(kind.item)
            inner = [item * math.prod(kind.shape[axis + 1 :]) for axis in range(len(kind.shape))]
            yield from _field_leaves(field, kind.item, name, start, shape + kind.shape, steps + tuple(inner))
        case Nested():
            yield from _flatten(kind.record._layout, name + ".", start, shape, steps)
        case Bytes():
            dtype = np.dtype(f"S{kind.size}")
            yield Leaf(name, "S", start, 8 * kind.size, field.byteorder, shape, steps, dtype, False)
        case Number():
            yield _number(kind, native_dtype(kind), kind.valid, name, start, field.byteorder, shape, steps)
        case Scaled():
            leaf = _number(kind.base, kind.dtype, kind.valid, name, start, field.byteorder, shape, steps)
            yield replace(leaf, scaled=True, scale=kind.scale, offset=kind.offset, unit=kind.unit)
        case Enumerated(base=base):
            leaf = _number(base, native_dtype(base), base.valid, name, start, field.byteorder, shape, steps)
            yield replace(leaf, labels=kind.labels)
        case _:
            raise AssertionError(kind)


def _number(
    raw: Number,
    dtype: np.dtype[Any],
    valid: tuple[float, float] | None,
    name: str,
    start: int,
    byteorder: ByteOrder,
    shape: tuple[int, ...],
    steps: tuple[int, ...],
) -> Leaf:
    valid = bounds(name, valid, dtype, raw)
    is_bit_field = isinstance(raw, BitField)
    return Leaf(name, raw.kind, start, raw.bits, byteorder, shape, steps, dtype, is_bit_field, valid=valid)


def native_dtype(number: Number) -> np.dtype[Any]:
    """Smallest native dtype that holds a raw number: its own, or for bit fields the next wider integer."""
    return _smallest(number.kind, number.bits)


def _smallest(kind: Kind, bits: int) -> np.dtype[Any]:
    if kind == "?":
        return np.dtype(np.bool_)
    width = next(width for width in (8, 16, 32, 64) if bits <= width)
    return np.dtype(f"{kind}{width // 8}")


def bounds(
    name: str, valid: tuple[float, float] | None, dtype: np.dtype[Any], raw: Number
) -> tuple[float, float] | None:
    """Return a valid range as NumPy compares it with a column: rounded to its float type, or to whole numbers.

    Raises
    ------
    LayoutError
        If an integer column can hold no value of the range.
    """
    if valid is None or raw.kind == "?":
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):  # a bound beyond the type's largest number is infinite, as in NumPy
            return float(dtype.type(_as_float(valid[0]))), float(dtype.type(_as_float(valid[1])))
    least, most = raw.limits
    low = least if valid[0] < least else math.ceil(min(valid[0], most + 1))
    high = most if valid[1] > most else math.floor(max(valid[1], least - 1))
    if low > high:
        raise LayoutError(f"{name}: expected a valid range that {raw!r} can reach ({least}..{most}), got {valid}")
    return low, high


def is_checked(leaf: Leaf) -> bool:
    """Whether only some of the raw values may occur."""
    return leaf.kind == "?" or leaf.labels is not None


def is_checked_in_code(leaf: Leaf) -> bool:
    """Whether decoders check the values as they come; those of long lists are looked up afterwards."""
    return is_checked(leaf) and len(intervals(leaf, 8 * leaf.dtype.itemsize)) <= MOST_INTERVALS


def allowed_values(leaf: Leaf) -> Collection[int]:
    """Raw values that may occur in a checked leaf."""
    return (0, 1) if leaf.labels is None else leaf.labels.keys()


def raw_dtype(leaf: Leaf) -> np.dtype[Any]:
    """Smallest native dtype that holds a raw element."""
    if leaf.kind == "S":
        return leaf.dtype
    return _smallest(leaf.kind, leaf.bits)


def intervals(leaf: Leaf, width: int) -> list[tuple[int, int]]:
    """Return the allowed values of a checked leaf as few intervals ``low .. low + span``, as words of `width` bits."""
    found: list[tuple[int, int]] = []
    for value in sorted(allowed % 2**width for allowed in allowed_values(leaf)):
        if found and value == sum(found[-1]) + 1:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((value, 0))
    return found


def _as_float(bound: float) -> float:
    try:
        return float(bound)
    except OverflowError:  # an integer beyond the largest float
        return math.copysign(math.inf, bound)
