"""Machine code for one record class: what its layout makes constant, the compiler sees as constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jitkit._core.ir import (
    WORD,
    cgutils,
    emit_half_to_double,
    for_each,
    intrinsic,
    ir,
    numba_type,
    pointer,
    prefetch_for_store,
    types,
)
from jitkit.records._element import element, raw_word
from jitkit.records._leaves import Leaf, intervals
from jitkit.records._plan import SPECIALISED_BLOCK, Step, covering_word

CACHE_LINE = 64  # bytes, on x86-64 and most ARM processors
STREAMS = 12  # columns that a processor can be expected to foresee the stores of
GROUP = 8  # steps in one LLVM function
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

    def scale(self, real: Any, factor: float, offset: float | None, single: bool) -> Any:
        """See `Backend`."""
        scaled = self.builder.fmul(real, ir.Constant(DOUBLE, factor))
        if offset is not None:
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


def decoder_intrinsic(itemsize: int, block: int, steps: Sequence[Step]) -> Any:
    """Return an intrinsic ``(data address, records, anchor address, offsets address, first row)`` for the steps."""

    @intrinsic
    def decode(typing_context: Any, source: Any, nrecords: Any, anchor: Any, offsets: Any, first: Any) -> Any:
        # safe: each step's word lies inside the record (see `Word`), the kernel around it has checked the sizes.

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source, nrecords, anchor, offsets, first = args
            many = len({step.column for step in steps}) > STREAMS
            groups = [
                emit_group(builder.module, steps[i : i + GROUP], itemsize, prefetch=many)
                for i in range(0, len(steps), GROUP)
            ]
            with for_each(builder, constant(0), nrecords, block) as start:
                ahead = builder.add(start, constant(block))
                records = builder.sub(builder.select(builder.icmp_signed("<", ahead, nrecords), ahead, nrecords), start)
                at = builder.add(source, builder.mul(start, constant(itemsize)))
                for group in groups:
                    builder.call(group, [at, records, anchor, offsets, builder.add(first, start)])
            return context.get_dummy_value()

        return types.void(types.intp, types.intp, types.intp, types.intp, types.intp), codegen

    return decode


def emit_group(module: Any, steps: Sequence[Step], itemsize: int, *, prefetch: bool) -> Any:
    """Return an LLVM function ``(source, records, anchor, offsets, first row)`` that does some steps for one block.

    In one function for all steps, the time to compile would grow with the square of their number.
    """
    kind = ir.FunctionType(ir.VoidType(), [WORD] * 5)
    function = ir.Function(module, kind, module.get_unique_name("jitkit.records.steps"))
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    source, records, anchor, offsets, first = function.args
    table = builder.inttoptr(offsets, WORD.as_pointer())

    def address(column: int) -> Any:
        return builder.add(anchor, builder.load(builder.gep(table, [constant(column)])))

    for step in steps:
        mask = address(step.mask) if step.mask >= 0 else None
        if prefetch and step.leaf.size == 1:
            size = step.leaf.dtype.itemsize
            emit_prefetch(builder, builder.add(address(step.column), builder.mul(first, constant(size))), size)
        emit_step(builder, step, itemsize, source, records, first, address(step.column), mask)
    builder.ret_void()
    return function


def emit_step(
    builder: Any, step: Step, itemsize: int, source: Any, records: Any, first: Any, column: Any, mask: Any
) -> None:
    """Emit the loops of one step over `records` records at address `source`."""
    row = builder.add(builder.mul(first, constant(step.leaf.size)), constant(step.element))
    if step.count > UNROLLED:
        with for_each(builder, constant(0), records) as i:
            at = builder.add(source, builder.mul(i, constant(itemsize)))
            place = builder.add(row, builder.mul(i, constant(step.leaf.size)))
            emit_row(builder, step, at, step.hop, column, mask, place, step.every, constant(step.count))
    else:
        for j in range(step.count):
            ahead = builder.add(source, constant(j * step.hop))
            place = builder.add(row, constant(j * step.every))
            emit_row(builder, step, ahead, itemsize, column, mask, place, step.leaf.size, records)


def emit_row(
    builder: Any, step: Step, source: Any, hop: int, column: Any, mask: Any, place: Any, pitch: int, count: Any
) -> None:
    """Emit the loop for `count` elements, `hop` bytes apart, into every `pitch`-th place of the column and mask."""
    size = step.leaf.dtype.itemsize
    with for_each(builder, constant(0), count, scalar=True) as i:
        at = builder.add(source, builder.mul(i, constant(hop)))
        to = builder.add(place, builder.mul(i, constant(pitch)))
        target = builder.add(column, builder.mul(to, constant(size)))
        if step.run:
            byte = ir.IntType(8)
            origin = pointer(builder, builder.add(at, constant(step.word.offset)), byte)
            cgutils.raw_memcpy(builder, pointer(builder, target, byte), origin, constant(step.run), 1)
        else:
            value, valid = element(Machine(builder, at), step.leaf, step.word)
            builder.store(value, pointer(builder, target, value.type), align=1)
            if valid is not None:
                flag = builder.zext(valid, ir.IntType(8))
                builder.store(flag, pointer(builder, builder.add(mask, to), flag.type), align=1)


def emit_prefetch(builder: Any, target: Any, size: int) -> None:
    """Ask for the part of a column that the block after next will write, items of `size` bytes at `target` now.

    Where the columns do not fit the cache, this makes packets of 27 fields 1.5 times faster and records of 5 fields
    0.9 times (measured on Zen 5): a processor foresees a few streams of stores, but not one for each of thirty columns.
    """
    ahead = 2 * SPECIALISED_BLOCK * size
    for line in range(0, SPECIALISED_BLOCK * size, CACHE_LINE):
        prefetch_for_store(builder, builder.add(target, constant(ahead + line)))


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
