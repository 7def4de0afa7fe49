"""Loops over words of 1, 2, 4 or 8 bytes whose width and byte order are only known when they run.

Each intrinsic is a branch to one loop per width and order. A loop that asked for them at each word would be several
times slower, and a function for each would take as many times longer to compile.
"""

from collections.abc import Callable, Iterator
from typing import Any

from jitkit._core.intrinsics import intrinsic, types
from jitkit._core.ir import FLAG, UNROLL, WORD, constant, for_each, gathered, ir, pointer, resized, swap_bytes

VECTOR = 128  # bits: what every x86-64 and 64-bit ARM processor has registers for


@intrinsic
def copy_words(typing: Any, width: Any, swapped: Any, source: Any, hop: Any, target: Any, count: Any) -> Any:
    """Copy `count` words from every `hop`-th byte, reversed when `swapped`, to a dense array."""
    # safe: reads `width` bytes at each of source + i * hop, writes count * width bytes at target; both the caller's.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        width, swapped, source, hop, target, count = args
        moved = strided(builder, source, hop), dense(builder, target)
        emit_moves(builder, width, swapped, count, *moved, neighbours=True)
        return context.get_dummy_value()

    return types.void(types.intp, types.boolean, types.intp, types.intp, types.intp, types.intp), codegen


@intrinsic
def spread_words(typing: Any, width: Any, swapped: Any, source: Any, target: Any, hop: Any, count: Any) -> Any:
    """Copy `count` words from a dense array, reversed when `swapped`, to every `hop`-th byte."""
    # safe: reads count * width bytes at source, writes `width` bytes at each of target + i * hop; both the caller's.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        width, swapped, source, target, hop, count = args
        emit_moves(builder, width, swapped, count, dense(builder, source), strided(builder, target, hop))
        return context.get_dummy_value()

    return types.void(types.intp, types.boolean, types.intp, types.intp, types.intp, types.intp), codegen


@intrinsic
def gather_words(typing: Any, width: Any, swapped: Any, source: Any, hop: Any, words: Any, count: Any) -> Any:
    """Load words like `copy_words`, and widen them to the items of an array of uint64."""
    # safe: reads `width` bytes at each of source + i * hop, writes `count` items of `words`; both the caller's.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        width, swapped, source, hop, words, count = args
        moved = strided(builder, source, hop), items(builder, words)
        emit_moves(builder, width, swapped, count, *moved, neighbours=True)
        return context.get_dummy_value()

    return types.void(types.intp, types.boolean, types.intp, types.intp, words, types.intp), codegen


@intrinsic
def scatter_words(typing: Any, words: Any, width: Any, swapped: Any, target: Any, hop: Any, count: Any) -> Any:
    """Store the low `width` bytes of each uint64 of an array, reversed when `swapped`, to every `hop`-th byte."""
    # safe: reads `count` items of `words`, writes `width` bytes at each of target + i * hop; both the caller's.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        words, width, swapped, target, hop, count = args
        emit_moves(builder, width, swapped, count, items(builder, words), strided(builder, target, hop))
        return context.get_dummy_value()

    return types.void(words, types.intp, types.boolean, types.intp, types.intp, types.intp), codegen


@intrinsic
def narrow_words(typing: Any, words: Any, width: Any, target: Any, count: Any) -> Any:
    """Store the low `width` bytes of each uint64 of an array to a dense array, in native order."""
    # safe: reads `count` items of `words`, writes count * width bytes at target; both the caller's.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        words, width, target, count = args
        emit_moves(builder, width, FLAG(0), count, items(builder, words), dense(builder, target))
        return context.get_dummy_value()

    return types.void(words, types.intp, types.intp, types.intp), codegen


Place = Callable[[Any, Any], Any]  # (index, word type) -> pointer to what lies there


def strided(builder: Any, address: Any, hop: Any) -> Place:
    """Places `hop` bytes apart."""
    return lambda i, word: pointer(builder, builder.add(address, builder.mul(i, hop)), word)


def dense(builder: Any, address: Any) -> Place:
    """Places side by side, as far apart as a word is wide."""
    return lambda i, word: strided(builder, address, constant(word.width // 8))(i, word)


def items(builder: Any, words: Any) -> Place:
    """Places of the items of an array of uint64, whatever the width of the word is."""
    return lambda i, _: builder.gep(words, [i])


def emit_moves(
    builder: Any, width: Any, swapped: Any, count: Any, source: Place, target: Place, *, neighbours: bool = False
) -> None:
    """Emit the loops that move words from `source` to `target`, for each width and order.

    Words whose targets are `neighbours` are stored as vectors: one by one they would keep the processor's way to memory
    busy (packets of 27 fields in cache, on Zen 4: 5.5 GB/s one by one, 6.4 GB/s with vectors).
    """
    for word, reverse in word_shapes(builder, width, swapped):
        start = constant(0)
        if neighbours:
            lanes = VECTOR // word.width
            stop = builder.and_(count, constant(-lanes))
            emit_loop(builder, word, reverse, start, stop, source, target, lanes)
            start = stop
        emit_loop(builder, word, reverse, start, count, source, target, 1, 1 if neighbours else UNROLL)


def emit_loop(
    builder: Any,
    word: Any,
    reverse: bool,
    start: Any,
    stop: Any,
    source: Place,
    target: Place,
    lanes: int,
    unroll: int = 1,
) -> None:
    """Emit the loop that moves the words from index `start` to `stop`, `lanes` at a time."""
    with for_each(builder, start, stop, lanes, scalar=True, unroll=unroll) as i:

        def one(lane: int) -> Any:
            return resized(builder, builder.load(source(builder.add(i, constant(lane)), word), align=1), word.width)

        value = gathered(builder, lanes, one)
        value = swap_bytes(builder, value) if reverse else value
        to = target(i, word)
        value = resized(builder, value, to.type.pointee.width)
        builder.store(value, builder.bitcast(to, value.type.as_pointer()), align=1)


def word_shapes(builder: Any, width: Any, swapped: Any) -> Iterator[tuple[Any, bool]]:
    """Branch on width and order: yields each word type and order, with a block of its own to fill."""
    done = builder.append_basic_block("words.done")
    key = builder.add(builder.mul(width, ir.Constant(WORD, 2)), builder.zext(swapped, WORD))
    branch = builder.switch(key, done)
    for nbytes in (1, 2, 4, 8):
        for reverse in (False, True):
            block = builder.append_basic_block(f"words.{nbytes}{'.swapped' if reverse else ''}")
            branch.add_case(ir.Constant(WORD, 2 * nbytes + reverse), block)
            builder.position_at_end(block)
            yield ir.IntType(8 * nbytes), reverse and nbytes > 1
            builder.branch(done)
    builder.position_at_end(done)
