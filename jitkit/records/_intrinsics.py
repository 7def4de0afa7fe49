"""Machine code for one record class: what its layout makes constant, the compiler sees as constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jitkit._core.ir import WORD, cgutils, emit_half_to_double, for_each, intrinsic, ir, numba_type, pointer, types
from jitkit.records._element import element, raw_word
from jitkit.records._leaves import Leaf, intervals
from jitkit.records._plan import BLOCK, WORD_WIDTHS, Step, covering_word

UNROLLED = 8  # arrays of at most so many elements become one loop over records for each element

DOUBLE, SINGLE, FLAG = ir.DoubleType(), ir.FloatType(), ir.IntType(1)


class Machine:
    """LLVM values for `element`: the record starts at address `at`."""

    def __init__(self, builder: Any, at: Any) -> None:
        self.builder = builder
        self.at = at

    def load(self, offset: int, width: int, swapped: bool) -> Any:
        """See `Backend`."""
        kind = ir.IntType(8 * width)
        address = self.builder.add(self.at, constant(offset))
        word = self.builder.load(pointer(self.builder, address, kind), align=1)
        return self.builder.bswap(word) if swapped else word

    def join(self, parts: list[tuple[Any, int]]) -> Any:
        """See `Backend`."""
        joined = constant(0)
        for part, left in parts:
            wide = self.resized(part, WORD, signed=False)
            shift = self.builder.shl if left >= 0 else self.builder.lshr
            joined = self.builder.or_(joined, shift(wide, constant(abs(left))))
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
        if offset:  # adding 0 would turn -0.0 into 0.0
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


class Staged(Machine):
    """The same for elements whose words have been loaded before; see `emit_staged`."""

    def __init__(self, builder: Any, word: Any) -> None:
        super().__init__(builder, None)
        self.word = word

    def load(self, offset: int, width: int, swapped: bool) -> Any:
        """Return the word: the loop before has loaded and swapped it."""
        return self.word


def decoder_intrinsic(itemsize: int, block: int, steps: Sequence[Step]) -> Any:
    """Return an intrinsic ``(data address, records, columns address, offsets address, first row)`` for the steps."""

    @intrinsic
    def decode(typing_context: Any, source: Any, nrecords: Any, anchor: Any, offsets: Any, first: Any) -> Any:
        # safe: each step's word lies inside the record (see `Word`), the kernel around it has checked the sizes.

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source, nrecords, anchor, offsets, first = args
            table = builder.inttoptr(offsets, WORD.as_pointer())
            count = 1 + max((max(step.column, step.mask) for step in steps), default=-1)
            columns = [builder.add(anchor, builder.load(builder.gep(table, [constant(i)]))) for i in range(count)]
            with for_each(builder, constant(0), nrecords, block) as start:
                ahead = builder.add(start, constant(block))
                stop = builder.select(builder.icmp_signed("<", ahead, nrecords), ahead, nrecords)
                for step in steps:
                    emit_step(builder, step, itemsize, source, start, stop, first, columns)
            return context.get_dummy_value()

        return types.void(types.intp, types.intp, types.intp, types.intp, types.intp), codegen

    return decode


def emit_step(
    builder: Any, step: Step, itemsize: int, source: Any, start: Any, stop: Any, first: Any, columns: Sequence[Any]
) -> None:
    """Emit the loops of one step over the records `start` to `stop`."""
    row = builder.add(builder.mul(builder.add(first, start), constant(step.leaf.size)), constant(step.element))
    records = builder.sub(stop, start)
    source = builder.add(source, builder.mul(start, constant(itemsize)))
    if step.count > UNROLLED:
        with for_each(builder, constant(0), records) as i:
            at = builder.add(source, builder.mul(i, constant(itemsize)))
            place = builder.add(row, builder.mul(i, constant(step.leaf.size)))
            with for_each(builder, constant(0), constant(step.count), BLOCK) as j:
                rest = builder.sub(constant(step.count), j)
                count = builder.select(builder.icmp_signed("<", rest, constant(BLOCK)), rest, constant(BLOCK))
                ahead = builder.add(at, builder.mul(j, constant(step.hop)))
                ahead_in_column = builder.add(place, builder.mul(j, constant(step.every)))
                emit_row(builder, step, ahead, step.hop, columns, ahead_in_column, step.every, count)
    else:
        for j in range(step.count):
            ahead = builder.add(source, constant(j * step.hop))
            place = builder.add(row, constant(j * step.every))
            emit_row(builder, step, ahead, itemsize, columns, place, step.leaf.size, records)


def emit_row(
    builder: Any, step: Step, source: Any, hop: int, columns: Sequence[Any], place: Any, pitch: int, count: Any
) -> None:
    """Emit the loops for `count` <= BLOCK elements, `hop` bytes apart, into every `pitch`-th place of the column.

    Elements that need more than a load and a store are loaded in a loop of their own: the second loop, over words
    side by side, is then vectorised. As one loop it would be scalar, or gather, which is slower.
    """

    def at(i: Any) -> Any:
        return builder.add(source, builder.mul(i, constant(hop)))

    def to(i: Any) -> Any:
        return builder.add(place, builder.mul(i, constant(pitch)))

    word, plain = step.word, step.mask < 0 and not step.leaf.scaled and step.word.whole
    if step.run:
        with for_each(builder, constant(0), count, scalar=True) as i:
            emit_copy(builder, step, at(i), to(i), columns)
    elif plain or word.spill or word.width not in WORD_WIDTHS:
        with for_each(builder, constant(0), count, scalar=True) as i:
            emit_element(builder, Machine(builder, at(i)), step, to(i), columns)
    else:
        kind = ir.IntType(8 * word.width)
        words = cgutils.alloca_once(builder, ir.ArrayType(kind, BLOCK))
        with for_each(builder, constant(0), count, scalar=True) as i:
            loaded = Machine(builder, at(i)).load(word.offset, word.width, word.swapped)
            builder.store(loaded, builder.gep(words, [constant(0), i]))
        with for_each(builder, constant(0), count, scalar=pitch > 1) as i:
            staged = builder.load(builder.gep(words, [constant(0), i]))
            emit_element(builder, Staged(builder, staged), step, to(i), columns)


def emit_copy(builder: Any, step: Step, at: Any, place: Any, columns: Sequence[Any]) -> None:
    """Emit the copy of a run of bytes from the record at `at`."""
    byte = ir.IntType(8)
    to = pointer(builder, column_address(builder, step, place, columns), byte)
    origin = pointer(builder, builder.add(at, constant(step.word.offset)), byte)
    cgutils.raw_memcpy(builder, to, origin, constant(step.run), 1)


def emit_element(builder: Any, machine: Machine, step: Step, place: Any, columns: Sequence[Any]) -> None:
    """Emit the value of one element, and the stores to `place` of its column and mask."""
    value, valid = element(machine, step.leaf, step.word)
    target = column_address(builder, step, place, columns)
    builder.store(value, pointer(builder, target, value.type), align=1)
    if valid is not None:
        flag = builder.zext(valid, ir.IntType(8))
        builder.store(flag, pointer(builder, builder.add(columns[step.mask], place), flag.type), align=1)


def column_address(builder: Any, step: Step, place: Any, columns: Sequence[Any]) -> Any:
    """Address of element `place` of a step's column."""
    return builder.add(columns[step.column], builder.mul(place, constant(step.leaf.dtype.itemsize)))


def constant(value: int) -> Any:
    """64-bit integer constant."""
    return ir.Constant(WORD, value)


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
        place = builder.add(at, constant(start // 8))
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
