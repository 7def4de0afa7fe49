"""Machine code for one record class: what its layout makes constant, the compiler sees as constant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from jitkit._core.ir import WORD, cgutils, emit_half_to_double, intrinsic, ir, numba_type, pointer, types
from jitkit.records._element import element, raw_word
from jitkit.records._leaves import Leaf, intervals
from jitkit.records._plan import Step, covering_word

UNROLLED = 8  # arrays of at most so many elements become one loop over records for each element

DOUBLE, SINGLE, FLAG = ir.DoubleType(), ir.FloatType(), ir.IntType(1)


class Machine:
    """LLVM values for `element`: the record starts at address `at`."""

    def __init__(self, builder: Any, at: Any) -> None:
        self.builder = builder
        self.at = at
        # What a decoder writes is never what it reads: without this the compiler may not load ahead of a store.
        self.reads = alias_scope(builder.module)

    def load(self, offset: int, width: int, swapped: bool) -> Any:
        """See `Backend`."""
        kind = ir.IntType(8 * width)
        address = self.builder.add(self.at, ir.Constant(WORD, offset))
        word = self.builder.load(pointer(self.builder, address, kind), align=1)
        word.set_metadata("alias.scope", self.reads)
        return self.builder.bswap(word) if swapped else word

    def join(self, parts: list[tuple[Any, int]]) -> Any:
        """See `Backend`."""
        joined = ir.Constant(WORD, 0)
        for part, left in parts:
            wide = self.resized(part, WORD, signed=False)
            shift = self.builder.shl if left >= 0 else self.builder.lshr
            joined = self.builder.or_(joined, shift(wide, ir.Constant(WORD, abs(left))))
        return joined

    def trim(self, word: Any, width: int, left: int, right: int, signed: bool) -> Any:
        """See `Backend`."""
        shift = self.builder.ashr if signed else self.builder.lshr
        word = self.builder.shl(word, ir.Constant(word.type, left))
        return shift(word, ir.Constant(word.type, right))

    def number(self, word: Any, leaf: Leaf) -> Any:
        """See `Backend`."""
        if leaf.kind == "f":
            return word if leaf.bits == 16 else self.builder.bitcast(word, SINGLE if leaf.bits == 32 else DOUBLE)
        if leaf.scaled:
            return word
        return self.resized(word, ir.IntType(8 * leaf.dtype.itemsize), leaf.kind == "i")

    def real(self, number: Any, leaf: Leaf) -> Any:
        """See `Backend`."""
        if leaf.kind == "f":
            if leaf.bits == 16:
                return emit_half_to_double(self.builder, number)
            return number if number.type == DOUBLE else self.builder.fpext(number, DOUBLE)
        convert = self.builder.sitofp if leaf.kind == "i" else self.builder.uitofp
        return convert(number, DOUBLE)

    def scale(self, real: Any, factor: float, offset: float, single: bool) -> Any:
        """See `Backend`."""
        scaled = self.builder.fmul(real, ir.Constant(DOUBLE, factor))
        scaled = self.builder.fadd(scaled, ir.Constant(DOUBLE, offset))
        return self.builder.fptrunc(scaled, SINGLE) if single else scaled

    def within(self, number: Any, leaf: Leaf, low: float, high: float) -> Any:
        """See `Backend`."""
        if leaf.dtype.kind == "f":
            real = emit_half_to_double(self.builder, number) if leaf.dtype.itemsize == 2 else number
            real = self.builder.fpext(real, DOUBLE) if real.type == SINGLE else real
            above = self.builder.fcmp_ordered(">=", real, ir.Constant(DOUBLE, low))
            below = self.builder.fcmp_ordered("<=", real, ir.Constant(DOUBLE, high))
            return self.builder.and_(above, below)
        moved = self.builder.sub(number, ir.Constant(number.type, int(low)))
        return self.builder.icmp_unsigned("<=", moved, ir.Constant(number.type, int(high - low)))

    def resized(self, word: Any, kind: Any, signed: bool) -> Any:
        """Integer of another width, extended by its sign or by zeros."""
        if word.type.width == kind.width:
            return word
        if word.type.width > kind.width:
            return self.builder.trunc(word, kind)
        return self.builder.sext(word, kind) if signed else self.builder.zext(word, kind)


def alias_scope(module: Any) -> Any:
    """Metadata of the loads from records: one set of addresses, to which no store of columns belongs."""
    domain = module.add_metadata([ir.MetaDataString(module, "jitkit.records")])
    return module.add_metadata([module.add_metadata([ir.MetaDataString(module, "jitkit.records.source"), domain])])


def decoder_intrinsic(itemsize: int, block: int, steps: Sequence[Step]) -> Any:
    """Return an intrinsic ``(data address, records, columns address, offsets address, first row)`` for the steps."""

    @intrinsic
    def decode(typing_context: Any, source: Any, nrecords: Any, anchor: Any, offsets: Any, first: Any) -> Any:
        # safe: each step's word lies inside the record (see `Word`), the kernel around it has checked the sizes.

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source, nrecords, anchor, offsets, first = args
            table = builder.inttoptr(offsets, WORD.as_pointer())
            count = 1 + max(max(step.column, step.mask) for step in steps)
            columns = [
                builder.add(anchor, builder.load(builder.gep(table, [ir.Constant(WORD, i)]))) for i in range(count)
            ]
            with for_each(builder, ir.Constant(WORD, 0), nrecords, block) as start:
                ahead = builder.add(start, ir.Constant(WORD, block))
                stop = builder.select(builder.icmp_signed("<", ahead, nrecords), ahead, nrecords)
                for step in steps:
                    emit_step(builder, step, itemsize, source, start, stop, first, columns)
            return context.get_dummy_value()

        return types.void(types.intp, types.intp, types.intp, types.intp, types.intp), codegen

    return decode


@contextmanager
def for_each(builder: Any, start: Any, stop: Any, step: int) -> Iterator[Any]:
    """Loop over start, start + step, ... below stop; gives the index."""
    with cgutils.for_range_slice(builder, start, stop, ir.Constant(WORD, step)) as (index, _):
        yield index


def emit_step(
    builder: Any, step: Step, itemsize: int, source: Any, start: Any, stop: Any, first: Any, columns: Sequence[Any]
) -> None:
    """Emit the loops of one step over the records `start` to `stop`."""

    def constant(value: int) -> Any:
        return ir.Constant(WORD, value)

    def record(index: Any, j: Any) -> None:
        at = builder.add(source, builder.mul(index, constant(itemsize)))
        at = builder.add(at, builder.mul(j, constant(step.hop)))
        place = builder.add(builder.mul(builder.add(first, index), constant(step.leaf.size)), constant(step.element))
        emit_element(builder, step, at, builder.add(place, j), columns)

    if step.count <= UNROLLED:
        for j in range(step.count):
            with for_each(builder, start, stop, 1) as index:
                record(index, constant(j))
    else:
        with for_each(builder, start, stop, 1) as index, for_each(builder, constant(0), constant(step.count), 1) as j:
            record(index, j)


def emit_element(builder: Any, step: Step, at: Any, place: Any, columns: Sequence[Any]) -> None:
    """Emit the code for one element: from the record at `at` to element `place` of its column and mask."""
    leaf = step.leaf
    target = builder.add(columns[step.column], builder.mul(place, ir.Constant(WORD, leaf.dtype.itemsize)))
    if step.run:
        byte = ir.IntType(8)
        origin = builder.add(at, ir.Constant(WORD, step.word.offset))
        to, origin = pointer(builder, target, byte), pointer(builder, origin, byte)
        cgutils.raw_memcpy(builder, to, origin, ir.Constant(WORD, step.run), 1)
        return
    machine = Machine(builder, at)
    value, valid = element(machine, leaf, step.word)
    emit_store(builder, machine, value, target)
    if valid is not None:
        mask = builder.add(columns[step.mask], place)
        emit_store(builder, machine, builder.zext(valid, ir.IntType(8)), mask)


def emit_store(builder: Any, machine: Machine, value: Any, address: Any) -> None:
    """Store a column's value, which is never a part of a record."""
    store = builder.store(value, pointer(builder, address, value.type), align=1)
    store.set_metadata("noalias", machine.reads)


def field_type(leaf: Leaf) -> Any:
    """Numba type of a field's value: that of the column's element, float32 for binary16, nested tuples for an array."""
    is_half = leaf.dtype.kind == "f" and leaf.dtype.itemsize == 2
    kind = types.float32 if is_half else numba_type(leaf.dtype)  # numba has no float16 on the CPU
    for length in reversed(leaf.shape):
        kind = types.UniTuple(kind, length)
    return kind


def emit_field(context: Any, builder: Any, leaf: Leaf, itemsize: int, at: Any) -> Any:
    """Emit the value of a field of the record at address `at`."""
    starts = leaf.element_starts()

    def value(kind: Any) -> Any:
        if isinstance(kind, types.UniTuple):
            return context.make_tuple(builder, kind, [value(kind.dtype) for _ in range(kind.count)])
        return emit_scalar(context, builder, leaf, kind, itemsize, at, next(starts))

    return value(field_type(leaf))


def emit_scalar(context: Any, builder: Any, leaf: Leaf, kind: Any, itemsize: int, at: Any, start: int) -> Any:
    """Emit the value of the element whose first bit is `start`."""
    if leaf.kind == "S":
        place = builder.add(at, ir.Constant(WORD, start // 8))
        return context.unpack_value(builder, kind, pointer(builder, place, context.get_data_type(kind)), align=1)
    machine = Machine(builder, at)
    value, _ = element(machine, replace(leaf, valid=None), covering_word(leaf, start, start, itemsize))
    if kind == types.boolean:
        return builder.trunc(value, FLAG)
    if leaf.dtype.kind == "f" and leaf.dtype.itemsize == 2:
        return builder.fptrunc(emit_half_to_double(builder, value), SINGLE)
    return value


def emit_listed(builder: Any, leaves: Sequence[Leaf], itemsize: int, at: Any) -> Any:
    """Emit whether all values of the checked leaves of the record at `at` are among the allowed ones."""
    listed = ir.Constant(FLAG, 1)
    for leaf in leaves:
        for start in leaf.element_starts():
            word = raw_word(Machine(builder, at), covering_word(leaf, start, start, itemsize))
            inside = ir.Constant(FLAG, 0)
            for low, span in intervals(leaf, word.type.width):
                moved = builder.sub(word, ir.Constant(word.type, low))
                inside = builder.or_(inside, builder.icmp_unsigned("<=", moved, ir.Constant(word.type, span)))
            listed = builder.and_(listed, inside)
    return listed
