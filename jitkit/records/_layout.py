"""Where each field of a record lies, proven when the class is made."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from jitkit.errors import LayoutError
from jitkit.records._types import (
    Array,
    BitField,
    ByteOrder,
    Bytes,
    Enumerated,
    FieldType,
    Nested,
    Number,
    Pad,
    Scaled,
)

LayoutName = Literal["c", "packed"]
LARGEST = 2**31 - 1  # bytes: NumPy keeps the size of an item in a C int


@dataclass(frozen=True)
class Placed:
    """One field and its place in the record, in bits from the record's first."""

    name: str
    type: FieldType
    start: int
    width: int
    byteorder: ByteOrder

    @property
    def stop(self) -> int:
        """First bit behind the field."""
        return self.start + self.width


@dataclass(frozen=True)
class Layout:
    """A proven record: fields in the order of their annotations, size and alignment in bytes."""

    record: str
    name: LayoutName
    byteorder: ByteOrder
    fields: tuple[Placed, ...]
    itemsize: int
    alignment: int


def lay_out(
    record: str,
    fields: dict[str, FieldType],
    *,
    layout: LayoutName,
    byteorder: ByteOrder,
    size: int | None,
    allow_padding: bool,
) -> Layout:
    """Place the fields, or raise a LayoutError that names the field, the offset and the remedy.

    Notes
    -----
    ``layout="c"`` follows the System V ABI for LP64 machines: a scalar is aligned to its size, an array to its item,
    a record to its widest field, and the size is a multiple of the alignment (psABI 1.0, section 3.1.2). Bit fields
    there stand for C bit fields of one unsigned type: ``uint8_t`` when none of a run crosses a byte, else the type
    that is as wide as the run, which must then be 16, 32 or 64 bits and lie at a multiple of its size.
    """
    if not fields:
        raise LayoutError(f"{record}: expected at least one field")
    placed: list[Placed] = []
    alignment = 1
    cursor = 0  # bits from the start of the record
    for name, kind in fields.items():
        _refuse_order_of_records(record, name, kind)
        order = own_byteorder(kind, byteorder)
        width = width_of(kind)
        if not is_bits(kind):
            if not allow_padding:
                _refuse_open_byte(record, placed, cursor, f"{name} ({kind!r})")
            align = alignment_of(kind) if layout == "c" else 1
            alignment = max(alignment, align)
            natural = -(-cursor // (8 * align)) * 8 * align
        else:
            natural = cursor
            _refuse_mixed_bit_order(record, placed, cursor, name, order)
        start = natural if kind.position is None else 8 * kind.position
        if layout == "c" and start != natural and start % 8 == natural % 8 == 0:
            raise LayoutError(
                f"{record}.{name}: expected offset {natural // 8}, where a C compiler puts it, got .at({start // 8}); "
                f"use layout='packed' for free offsets"
            )
        placed.append(Placed(name, kind, start, width, order))
        cursor = start + width
    _refuse_overlap(record, placed)
    end = max(field.stop for field in placed)
    if end > 8 * LARGEST:
        raise LayoutError(f"{record}: expected at most {LARGEST} bytes, as in NumPy, got {-(-end // 8)}")
    if not allow_padding:
        _refuse_open_byte(record, placed, end, "the end of the record")
    if layout == "c":
        alignment = max([alignment, *_bit_unit_sizes(record, placed)])
    itemsize = -(-end // (8 * alignment)) * alignment
    if not allow_padding:
        _refuse_implicit_padding(record, placed, 8 * itemsize)
    if size is not None and size != itemsize:
        raise LayoutError(f"{record}: expected size={size} bytes, got {itemsize}: {_sizes(placed)}")
    return Layout(record, layout, byteorder, tuple(placed), itemsize, alignment)


def width_of(kind: FieldType) -> int:
    """Width of a field in bits."""
    match kind:
        case Number():
            return kind.bits
        case Scaled() | Enumerated():
            return kind.base.bits
        case Bytes() | Pad():
            return 8 * kind.size
        case Array():
            return math.prod(kind.shape) * width_of(kind.item)
        case Nested():
            return 8 * int(kind.record.itemsize)
    raise AssertionError(kind)


def alignment_of(kind: FieldType) -> int:
    """Alignment of a field of whole bytes, in bytes, as a C compiler has it."""
    match kind:
        case Number():
            return kind.bits // 8
        case Scaled() | Enumerated():
            return kind.base.bits // 8
        case Array():
            return alignment_of(kind.item)
        case Nested():
            return int(kind.record._layout.alignment)
    return 1


def is_bits(kind: FieldType) -> bool:
    """Whether the field may start inside a byte."""
    match kind:
        case BitField():
            return True
        case Scaled() | Enumerated():
            return isinstance(kind.base, BitField)
        case Array():
            return is_bits(kind.item)
    return False


def own_byteorder(kind: FieldType, default: ByteOrder) -> ByteOrder:
    """Byte order of a field: the innermost one stated, else the record's."""
    order = kind.byteorder or default
    match kind:
        case Scaled() | Enumerated():
            return own_byteorder(kind.base, order)
        case Array():
            return own_byteorder(kind.item, order)
    return order


def _refuse_order_of_records(record: str, name: str, kind: FieldType) -> None:
    inner = kind
    while isinstance(inner, Array):
        inner = inner.item
    if isinstance(inner, Nested) and kind.byteorder is not None:
        raise LayoutError(
            f"{record}.{name}: expected no byte order of its own, got {kind.byteorder}: {inner!r} has one"
        )


def _refuse_open_byte(record: str, placed: list[Placed], cursor: int, what: str) -> None:
    if cursor % 8:
        last = max(placed, key=lambda field: field.stop if field.stop <= cursor else -1)
        raise LayoutError(
            f"{record}: expected {what} to start at a whole byte, got bit {cursor % 8} of byte {cursor // 8}, "
            f"after {last.name}: name the gap with `{free_name(placed)}: int = jk.bits({8 - cursor % 8})`"
        )


def _refuse_mixed_bit_order(record: str, placed: list[Placed], cursor: int, name: str, order: ByteOrder) -> None:
    if cursor % 8 and placed[-1].byteorder != order:
        raise LayoutError(
            f"{record}.{name}: expected {placed[-1].byteorder}-endian bits like {placed[-1].name} in the same byte "
            f"(offset {cursor // 8}), got {order}-endian: the byte order can change at a whole byte only"
        )


def _refuse_overlap(record: str, placed: list[Placed]) -> None:
    by_start = sorted(placed, key=lambda field: field.start)
    for before, after in pairwise(by_start):
        if after.start < before.stop:
            raise LayoutError(
                f"{record}.{after.name}: expected an offset of at least {-(-before.stop // 8)}, "
                f"where {before.name} ends, got {after.start // 8}: fields may not overlap"
            )


def _refuse_implicit_padding(record: str, placed: list[Placed], stop: int) -> None:
    """A gap of whole bytes must be named: what is in it would leak out or be lost without anyone's notice."""
    end, last = 0, "the start of the record"
    by_start = sorted(placed, key=lambda field: field.start)
    for field in [*by_start, Placed("the end of the record", Pad(size=1), stop, 0, "little")]:
        if field.start > end:
            gap, bits = divmod(field.start - end, 8)
            what, remedy = _count(gap, "byte"), f"None = jk.pad({gap})"
            if bits:
                what, remedy = _count(8 * gap + bits, "bit"), f"int = jk.bits({8 * gap + bits})"
            raise LayoutError(
                f"{record}: {what} of implicit padding at offset {end // 8}, between {last} and {field.name}: "
                f"name it with `{free_name(placed)}: {remedy}`, or pass allow_padding=True"
            )
        end, last = field.stop, field.name


def free_name(placed: list[Placed]) -> str:
    """Return a name for a pad that no field has."""
    names = {field.name for field in placed}
    return next(name for i in itertools.count(1) if (name := "_pad" if i == 1 else f"_pad{i}") not in names)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _bit_unit_sizes(record: str, placed: list[Placed]) -> Iterator[int]:
    """Yield the alignment in bytes that each run of bit fields gives the record in C; see `lay_out`."""
    run: list[Placed] = []
    for field in [*placed, None]:
        if field is not None and is_bits(field.type):
            run.append(field)
            continue
        if any(_crosses_a_byte(member) for member in run):
            start, width = run[0].start, run[-1].stop - run[0].start
            if width not in (16, 32, 64) or start % width:
                raise LayoutError(
                    f"{record}.{run[0].name}: expected bit fields that cross a byte to fill 16, 32 or 64 bits "
                    f"at a multiple of their size, as in one C integer, got {width} bits at offset {start // 8}: "
                    f"add `jk.bits` or `jk.pad` before, or use layout='packed'"
                )
            yield width // 8
        run = []


def _crosses_a_byte(field: Placed) -> bool:
    width = element_width(field.type)
    return any(start // 8 != (start + width - 1) // 8 for start in range(field.start, field.stop, width))


def element_width(kind: FieldType) -> int:
    """Width in bits of one item of an array of any depth, or of the field itself."""
    while isinstance(kind, Array):
        kind = kind.item
    return width_of(kind)


def _sizes(placed: list[Placed]) -> str:
    return ", ".join(
        f"{field.name} {field.width // 8} B" if field.width % 8 == 0 else f"{field.name} {field.width} bits"
        for field in placed
    )
