"""What only queues have: counters that several threads write, and a sequence number for each slot."""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import intrinsic, types
from jitkit._core.ir import WORD, behind, constant
from jitkit.ring._intrinsics import capacity_in, itemsize_in, members_of, word_in


@intrinsic(prefer_literal=True)
def replace_counter(typing_context: Any, ring: Any, place: Any, old: Any, new: Any) -> Any:
    """Write a counter if it is still `old`; tell whether it was."""
    # safe: places are those that `_block` names.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        target = word_in(context, builder, ring, args[0], place.literal_value)
        return builder.extract_value(builder.cmpxchg(target, args[2], args[3], "seq_cst", "monotonic"), 1)

    return types.boolean(ring, place, types.uint64, types.uint64), codegen


@intrinsic(prefer_literal=True)
def add_to_counter(typing_context: Any, ring: Any, place: Any, number: Any) -> Any:
    """Add to a counter that several threads add to."""
    # safe: as `replace_counter`.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        target = word_in(context, builder, ring, args[0], place.literal_value)
        builder.atomic_rmw("add", target, args[2], "monotonic")
        return context.get_dummy_value()

    return types.void(ring, place, types.uint64), codegen


def _sequence_of(context: Any, builder: Any, ring: Any, value: Any, index: Any) -> Any:
    """Pointer to the sequence number of a slot: those of a queue stand behind its slots."""
    # safe: `_block` makes room for as many as there are slots.
    capacity = capacity_in(context, builder, ring, value)
    nbytes = builder.mul(capacity, itemsize_in(context, builder, ring, value))
    start = builder.and_(builder.add(nbytes, constant(7)), constant(-8))
    offset = builder.shl(builder.and_(index, builder.sub(capacity, constant(1))), constant(3))
    slots = members_of(context, builder, ring, value).slots
    return behind(builder, slots, builder.add(start, offset), WORD)


@intrinsic
def load_sequence(typing_context: Any, ring: Any, index: Any) -> Any:
    """Sequence number of a slot, and with it all that was written before it was."""
    # safe: see `_sequence_of`.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_sequence_of(context, builder, ring, *args), "acquire", 8)

    return types.uint64(ring, types.uint64), codegen


@intrinsic
def store_sequence(typing_context: Any, ring: Any, index: Any, number: Any) -> Any:
    """Write the sequence number of a slot after all that was written before."""
    # safe: see `_sequence_of`.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        target = _sequence_of(context, builder, ring, *args[:2])
        builder.store_atomic(args[2], target, "release", 8)
        return context.get_dummy_value()

    return types.void(ring, types.uint64, types.uint64), codegen
