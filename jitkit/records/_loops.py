"""Machine code for one record class: what its layout makes constant, the compiler sees as constant. Loads no numba."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jitkit._core.ir import (
    BYTE,
    UNROLL,
    WORD,
    bytes_of,
    constant,
    copy_memory,
    for_each,
    ir,
    lanes_of,
    like,
    pointer,
    prefetch_for_store,
    resized,
    store_past_caches,
    transposed,
)
from jitkit.records._element import element
from jitkit.records._leaves import is_checked_in_code
from jitkit.records._machine import Loaded, Machine, emit_listed
from jitkit.records._plan import SPECIALISED_BLOCK, STREAMING_BLOCK, WORD_WIDTHS, Step, block_of

CACHE_LINE = 64  # bytes, on x86-64 and most ARM processors
VECTOR = 16  # bytes of words that are decoded together: what every x86-64 and 64-bit ARM processor has registers for
LANE = 4  # bytes of the words that are transposed in registers
DONE, UNLISTED, MISALIGNED = range(3)  # what a decoder returns
STREAMS = 12  # columns that a processor can be expected to foresee the stores of
GROUP = 8  # steps in one LLVM function
UNROLLED = 8  # arrays of at most so many elements become one loop over records for each element


def emit_decoder(
    builder: Any,
    itemsize: int,
    steps: Sequence[Step],
    streaming: bool,
    source: Any,
    nrecords: Any,
    anchor: Any,
    offsets: Any,
    first: Any,
) -> Any:
    """Emit the loops that decode `nrecords` records at address `source`; for the other arguments see `emit_group`.

    Returns DONE, or UNLISTED where an element has a value that it may not have; when `streaming`, MISALIGNED if nothing
    was done, because columns, or rows that are `first`, do not begin where cache lines do. Safe when each step's words
    lie inside the record (see `Word`), and source and columns are as long as is said.
    """
    block = block_of(itemsize, STREAMING_BLOCK if streaming else SPECIALISED_BLOCK)
    streaming = streaming and block == STREAMING_BLOCK  # of large records there are few rows, and fewer in a block
    if streaming:
        table = builder.inttoptr(offsets, WORD.as_pointer())
        places = first
        for column in {step.column for step in steps} | {step.mask for step in steps if step.mask >= 0}:
            begin = builder.add(anchor, builder.load(builder.gep(table, [constant(column)])))
            places = builder.or_(places, begin)
        misaligned = builder.icmp_unsigned("!=", builder.and_(places, constant(CACHE_LINE - 1)), constant(0))
        with builder.if_then(misaligned, likely=False):
            builder.ret(constant(MISALIGNED))
    prefetch = 0 if streaming or len({step.column for step in steps}) <= STREAMS else block
    groups = [
        emit_group(builder.module, steps[i : i + GROUP], itemsize, streaming=streaming, prefetch=prefetch)
        for i in range(0, len(steps), GROUP)
    ]
    unlisted = builder.alloca(WORD)
    builder.store(constant(0), unlisted)
    with for_each(builder, constant(0), nrecords, block) as start:
        ahead = builder.add(start, constant(block))
        records = builder.sub(builder.select(builder.icmp_signed("<", ahead, nrecords), ahead, nrecords), start)
        at = builder.add(source, builder.mul(start, constant(itemsize)))
        for group in groups:
            found = builder.call(group, [at, records, anchor, offsets, builder.add(first, start)])
            builder.store(builder.or_(builder.load(unlisted), found), unlisted)
    if streaming:
        builder.fence("seq_cst")
    any_unlisted = builder.icmp_unsigned("!=", builder.load(unlisted), constant(0))
    return builder.select(any_unlisted, constant(UNLISTED), constant(DONE))


def emit_group(module: Any, steps: Sequence[Step], itemsize: int, *, streaming: bool, prefetch: int) -> Any:
    """Return an LLVM function ``(source, records, anchor, offsets, first row)`` that does some steps for one block.

    `offsets` is the address of a table that says where columns and masks begin, in bytes from address `anchor`. In one
    function for all steps, the time to compile would grow with the square of their number.
    """
    function = ir.Function(module, ir.FunctionType(WORD, [WORD] * 5), module.get_unique_name("jitkit.records.steps"))
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    source, records, anchor, offsets, first = function.args
    table = builder.inttoptr(offsets, WORD.as_pointer())

    def address(column: int) -> Any:
        return builder.add(anchor, builder.load(builder.gep(table, [constant(column)])))

    unlisted = builder.alloca(WORD)
    builder.store(constant(0), unlisted)
    for quad in quads_of(steps, itemsize):
        targets = [
            Targets(
                column=address(step.column),
                mask=address(step.mask) if step.mask >= 0 else None,
                unlisted=unlisted,
                streaming=streaming and step.leaf.size == 1,
            )
            for step in quad.steps
        ]
        if prefetch:
            emit_prefetches(builder, quad.steps, targets, first, prefetch)
        if len(quad.steps) == 1:
            emit_step(builder, quad.steps[0], itemsize, source, records, first, targets[0])
        else:
            emit_quad(builder, quad, itemsize, source, records, first, targets)
    builder.ret(builder.load(unlisted))
    return function


@dataclass(frozen=True)
class Targets:
    """What a step writes to."""

    column: Any  # address
    mask: Any  # address, or None
    unlisted: Any  # pointer to a word that stays 0 as long as all values are among the allowed ones
    # Whether to write past the caches. Then column and mask begin at a cache line, and so does each block: one element
    # of a record is one row, and a block is a multiple of the rows that fill a vector.
    streaming: bool


@dataclass(frozen=True)
class Line:
    """Evenly spaced elements."""

    source: Any  # address of the record that holds the first, or of what corresponds to it further on
    hop: int  # bytes from one element to the next
    place: Any  # index of the first element in column and mask
    pitch: int  # places from one element to the next


@dataclass(frozen=True)
class Quad:
    """Steps whose words of 4 bytes all lie in 16 bytes of the record from `offset` on; or one step of any kind."""

    steps: list[Step]
    offset: int = 0


def quads_of(steps: Sequence[Step], itemsize: int) -> Iterator[Quad]:
    """Put neighbours together that one vector load brings."""
    rest = list(steps)
    while rest:
        offset = rest[0].word.offset
        offset -= LANE * -(-max(0, offset + VECTOR - itemsize) // LANE)  # so that the vector ends within the record
        count = next((i for i, step in enumerate(rest) if not is_lane(step, offset)), len(rest))
        if count < 2 or offset < 0:
            count = 1
            yield Quad(rest[:1])
        else:
            yield Quad(rest[:count], offset)
        del rest[:count]


def is_lane(step: Step, offset: int) -> bool:
    """Whether a step is one word of each record, and a lane of the vector at an offset in the record."""
    word, distance = step.word, step.word.offset - offset
    is_word = step.leaf.size == 1 and not step.run and word.width == LANE and not word.spill
    return is_word and 0 <= distance < VECTOR and distance % LANE == 0


def emit_quad(
    builder: Any, quad: Quad, itemsize: int, source: Any, records: Any, first: Any, targets: Sequence[Targets]
) -> None:
    """Emit the loops of the steps of a quad: four records are loaded as vectors, and turned into four columns."""
    lanes = VECTOR // LANE
    words = ir.VectorType(ir.IntType(8 * LANE), lanes).as_pointer()
    stop = builder.and_(records, constant(-lanes))
    with for_each(builder, constant(0), stop, lanes, scalar=True, unroll=1) as i:
        at = builder.add(source, builder.mul(i, constant(itemsize)))
        start = pointer(builder, at, BYTE)
        places = [builder.gep(start, [constant(quad.offset + row * itemsize)]) for row in range(lanes)]
        rows = [builder.load(builder.bitcast(place, words), align=1) for place in places]
        columns = transposed(builder, rows)
        for step, target in zip(quad.steps, targets, strict=True):
            word = columns[(step.word.offset - quad.offset) // LANE]
            emit_elements(Loaded(builder, at, lanes, itemsize, word), step, target, builder.add(first, i))
    for step, target in zip(quad.steps, targets, strict=True):
        emit_loop(builder, step, Line(source, itemsize, first, 1), target, stop, records, 1)


def emit_step(builder: Any, step: Step, itemsize: int, source: Any, records: Any, first: Any, targets: Targets) -> None:
    """Emit the loops of one step over `records` records at address `source`."""
    row = builder.add(builder.mul(first, constant(step.leaf.size)), constant(step.element))
    if step.count > UNROLLED:
        with for_each(builder, constant(0), records) as i:
            at = builder.add(source, builder.mul(i, constant(itemsize)))
            place = builder.add(row, builder.mul(i, constant(step.leaf.size)))
            emit_line(builder, step, Line(at, step.hop, place, step.every), targets, constant(step.count))
    else:
        for j in range(step.count):
            at = builder.add(source, constant(j * step.hop))
            place = builder.add(row, constant(j * step.every))
            emit_line(builder, step, Line(at, itemsize, place, step.leaf.size), targets, records)


def emit_line(builder: Any, step: Step, line: Line, targets: Targets, count: Any) -> None:
    """Emit the loops for `count` elements.

    Those that become neighbours are decoded and stored as vectors: storing one by one was what took the time (packets
    of 27 fields in cache, on Zen 4: 9 GB/s one by one, 14 GB/s with vectors).
    """
    lanes = lanes_for(step) if line.pitch == 1 else 1
    start = constant(0)
    if lanes > 1:
        stop = builder.and_(count, constant(-lanes))
        emit_loop(builder, step, line, targets, start, stop, lanes)
        start = stop
    emit_loop(builder, step, line, targets, start, count, 1, UNROLL if lanes == 1 else 1)


def lanes_for(step: Step) -> int:
    """Elements that are decoded together; 1 for those that are copied as bytes."""
    if step.run:
        return 1
    single_load = step.word.width in WORD_WIDTHS and not step.word.spill
    return VECTOR // (step.word.width if single_load else 8)


def emit_loop(
    builder: Any, step: Step, line: Line, targets: Targets, start: Any, stop: Any, lanes: int, unroll: int = 1
) -> None:
    """Emit the loop for the elements `start` to `stop` of a line, `lanes` of them at a time."""
    with for_each(builder, start, stop, lanes, scalar=True, unroll=unroll) as i:
        at = builder.add(line.source, builder.mul(i, constant(line.hop)))
        place = builder.add(line.place, builder.mul(i, constant(line.pitch)))
        if step.run:
            target = builder.add(targets.column, builder.mul(place, constant(step.leaf.dtype.itemsize)))
            copy_memory(builder, target, builder.add(at, constant(step.word.offset)), constant(step.run))
        else:
            emit_elements(Machine(builder, at, lanes, line.hop), step, targets, place)


def emit_elements(machine: Machine, step: Step, targets: Targets, place: Any) -> None:
    """Emit what decodes the elements of a machine's records, and stores them from index `place` on."""
    builder = machine.builder
    value, valid = element(machine, step.leaf, step.word)
    emit_store(machine, value, targets.column, place, targets.streaming)
    if valid is not None:
        flags = builder.zext(valid, like(valid.type, BYTE))
        emit_store(machine, flags, targets.mask, place, targets.streaming)
    if is_checked_in_code(step.leaf):
        wrong = builder.bitcast(builder.not_(emit_listed(builder, step.leaf, value)), ir.IntType(machine.lanes))
        found = builder.or_(builder.load(targets.unlisted), resized(builder, wrong, 64))
        builder.store(found, targets.unlisted)


def emit_store(machine: Machine, value: Any, column: Any, place: Any, streaming: bool) -> None:
    """Emit what stores the elements of a machine's records in a column, from index `place` on."""
    builder, size = machine.builder, bytes_of(lanes_of(value.type))
    target = pointer(builder, builder.add(column, builder.mul(place, constant(size))), value.type)
    if streaming and machine.lanes * size >= VECTOR:
        # safe: `place` is a multiple of the lanes, counted from the beginning of a cache line; see `Targets`.
        store_past_caches(builder, value, target, align=min(machine.lanes * size, CACHE_LINE))
    else:
        builder.store(value, target, align=1)


def emit_prefetches(builder: Any, steps: Sequence[Step], targets: Sequence[Targets], first: Any, block: int) -> None:
    """Ask for the parts of columns that the block after next, of `block` records, will write.

    Where the columns do not fit the cache, this makes packets of 27 fields 1.5 times faster and records of 5 fields
    0.9 times (measured on Zen 5): a processor foresees a few streams of stores, but not one for each of thirty columns.
    """
    for step, target in zip(steps, targets, strict=True):
        size = step.leaf.dtype.itemsize
        if step.leaf.size > 1 or step.run:
            continue
        now = builder.add(target.column, builder.mul(first, constant(size)))
        for line in range(0, block * size, CACHE_LINE):
            prefetch_for_store(builder, builder.add(now, constant(2 * block * size + line)))
