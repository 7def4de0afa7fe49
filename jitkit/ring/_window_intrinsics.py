"""What only windows have: second slots, samples as numbers, and the memory of running statistics."""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import cgutils, intrinsic, types
from jitkit._core.ir import BYTE, behind, constant, pointer
from jitkit.ring._block import PREFIX, ROLLING, SUFFIX
from jitkit.ring._intrinsics import capacity_in, itemsize_in, members_of, set_slots, slot_in, word_in
from jitkit.ring._types import AnySamples, BlockType
from jitkit.ring._values import emit_write

MEAN, SQUARES, LEAST, GREATEST = range(4)


@intrinsic
def write_again(typing_context: Any, window: Any, index: Any, value: Any) -> Any:
    """Store sample number `index` where the slots are a second time."""
    # safe: behind the slots there are as many again.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        nbytes = itemsize_in(context, builder, window, args[0])
        slot = slot_in(context, builder, window, args[0], args[1])
        again = behind(builder, slot, builder.mul(nbytes, capacity_in(context, builder, window, args[0])))
        emit_write(context, builder, window, nbytes, again, value, args[2])
        return context.get_dummy_value()

    return types.void(window, types.uint64, value), codegen


@intrinsic
def sample(typing_context: Any, window: Any, index: Any) -> Any:
    """Sample number `index`."""
    # safe: the index is reduced to the capacity.
    kind = window.sample

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        slot = slot_in(context, builder, window, args[0], args[1])
        return context.unpack_value(builder, kind, builder.bitcast(slot, context.get_data_type(kind).as_pointer()))

    return kind(window, types.uint64), codegen


@intrinsic
def rolling_of(typing_context: Any, window: Any) -> Any:
    """Length of the running statistics: a constant, where it is part of the type."""
    # safe: reads the header at most.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _rolling(context, builder, window, args[0])

    return types.intp(window), codegen


def _rolling(context: Any, builder: Any, window: Any, value: Any) -> Any:
    if isinstance(window, BlockType):
        return constant(window.rolling)
    return builder.load(word_in(context, builder, window, value, ROLLING))


def _place(context: Any, builder: Any, window: Any, value: Any, start: int, offset: Any, kind: Any) -> Any:
    """Pointer to a word of the statistics."""
    # safe: the block has as many words as `ROLLING` says, of which the kernels use places from 0 on.
    block = members_of(context, builder, window, value).block
    at = builder.add(constant(start), builder.shl(offset, constant(3)))
    return behind(builder, block, at, context.get_data_type(kind))


def _kind(window: Any, what: Any) -> Any:
    """Numba type of a statistic."""
    return window.sample if what.literal_value in (LEAST, GREATEST) else types.float64


@intrinsic(prefer_literal=True)
def prefix(typing_context: Any, window: Any, what: Any) -> Any:
    """Statistic of a block's beginning."""
    # safe: see `_place`.
    kind = _kind(window, what)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, window, args[0], PREFIX, constant(what.literal_value), kind)
        return context.unpack_value(builder, kind, place)

    return kind(window, what), codegen


@intrinsic(prefer_literal=True)
def set_prefix(typing_context: Any, window: Any, what: Any, number: Any) -> Any:
    """Write a statistic of a block's beginning."""
    # safe: see `_place`.
    kind = _kind(window, what)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, window, args[0], PREFIX, constant(what.literal_value), kind)
        context.pack_value(builder, kind, args[2], place)
        return context.get_dummy_value()

    return types.void(window, what, kind), codegen


def _suffix_place(context: Any, builder: Any, window: Any, what: Any, value: Any, i: Any, kind: Any) -> Any:
    rolling = _rolling(context, builder, window, value)
    offset = builder.add(builder.mul(rolling, constant(what.literal_value)), i)
    return _place(context, builder, window, value, SUFFIX, offset, kind)


@intrinsic(prefer_literal=True)
def suffix(typing_context: Any, window: Any, what: Any, i: Any) -> Any:
    """Statistic of the `i + 1` samples before a block."""
    # safe: see `_place`.
    kind = _kind(window, what)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _suffix_place(context, builder, window, what, args[0], args[2], kind)
        return context.unpack_value(builder, kind, place)

    return kind(window, what, types.intp), codegen


@intrinsic(prefer_literal=True)
def set_suffix(typing_context: Any, window: Any, what: Any, i: Any, number: Any) -> Any:
    """Write a statistic of the `i + 1` samples before a block."""
    # safe: see `_place`.
    kind = _kind(window, what)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _suffix_place(context, builder, window, what, args[0], args[2], kind)
        context.pack_value(builder, kind, args[3], place)
        return context.get_dummy_value()

    return types.void(window, what, types.intp, kind), codegen


@intrinsic(prefer_literal=True)
def samples_at(typing_context: Any, dtype: Any, block: Any) -> Any:
    """Block at an address whose samples are numbers of a dtype."""
    # safe: the caller has made the window, of samples of that dtype, and keeps it alive.
    kind = AnySamples(dtype.literal_value)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = cgutils.create_struct_proxy(kind)(context, builder)
        value.block = pointer(builder, args[1], BYTE)
        set_slots(builder, value)
        return value._getvalue()

    return kind(dtype, types.intp), codegen
