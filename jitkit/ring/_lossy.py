"""A channel whose producer never waits: it overwrites the oldest element, and the consumer notices what it has lost.

The producer says in ANNOUNCED how far it is going to write, before it does. The consumer copies, and looks there
afterwards: what may have been written to meanwhile is thrown away. It reads memory that is being written: LLVM then
promises no value (Language Reference, "Memory Model for Concurrent Operations"), and none is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.intrinsics import types
from jitkit._core.jit import jit
from jitkit.ring._block import ANNOUNCED, CLOSED, HEAD, MISSED, RESERVED, RESERVED_AT, TAIL
from jitkit.ring._copying import move_down, put_in, take_out, up_to_the_seam
from jitkit.ring._failures import IS_CLOSED, OVERLAPS
from jitkit.ring._intrinsics import (
    as_element,
    capacity_of,
    fence_acquire,
    fence_release,
    lies_over,
    load,
    load_acquire,
    load_relaxed,
    nbytes_of,
    read,
    store,
    store_relaxed,
    store_release,
    write,
)
from jitkit.ring._messages import EMPTY_CHANNEL
from jitkit.ring._quiet_intrinsics import quietly_with
from jitkit.ring._raising_intrinsics import succeeded

ONE = np.uint64(1)


@jit
def announce(tx: Any, tail: Any) -> Any:
    """Say that all slots of elements before `tail` may be written to from now on; return 0, or why they may not."""
    if load(tx, CLOSED):
        return np.int64(IS_CLOSED)
    # What was announced stays so, also where nothing came of it: its slots may have been written to.
    if np.int64(tail - load_relaxed(tx, ANNOUNCED)) > 0:
        store_relaxed(tx, ANNOUNCED, tail)
    fence_release()
    return np.int64(0)


announce_to = quietly_with(types.uint64, announce)


def push(tx, value):
    """Put an element in."""
    tail = load(tx, TAIL)
    element = as_element(tx, value)
    if succeeded(announce_to(tx, tail + ONE)) < 0:
        return False  # where a `try` is around, which throws it away
    write(tx, tail, element)
    store_release(tx, TAIL, tail + ONE)
    return True


@jit
def extend(tx: Any, source: Any, count: Any) -> Any:
    """Put elements in from an address on; of more than fit, the last ones."""
    tail, count = load(tx, TAIL), np.uint64(count)
    if lies_over(tx, 1, source, nbytes_of(tx, count)):
        return np.int64(OVERLAPS)
    failure = announce(tx, tail + count)
    if failure:
        return failure
    kept = min(count, capacity_of(tx))
    put_in(tx, tail + (count - kept), source + nbytes_of(tx, count - kept), kept)
    store_release(tx, TAIL, tail + count)
    return np.int64(count)


@jit
def reservable(tx: Any, count: Any) -> Any:
    """How many of `count` slots can be filled in place: they are announced, whether they will be filled or not."""
    tail = load(tx, TAIL)
    given = up_to_the_seam(tx, tail, min(np.uint64(max(count, 0)), capacity_of(tx)))
    failure = announce(tx, tail + given)
    if failure:
        return failure
    store(tx, RESERVED, given)
    store(tx, RESERVED_AT, tail)
    return np.int64(given)


@jit
def skip(rx: Any, count: Any) -> None:
    """Go on some elements later, and count those before it as missed."""
    store_release(rx, HEAD, load(rx, HEAD) + count)
    store_release(rx, MISSED, load(rx, MISSED) + count)


@jit
def catch_up(rx: Any) -> Any:
    """Go on at the oldest element that is still there; return how many there are.

    ANNOUNCED is read before TAIL: the other way round, a producer that goes once around meanwhile would leave a TAIL so
    old that the channel seems empty.
    """
    announced, tail, head = load_acquire(rx, ANNOUNCED), load_acquire(rx, TAIL), load(rx, HEAD)
    there = tail - head
    ahead = max(announced - head, there)
    lost = min(ahead - min(ahead, capacity_of(rx)), there)
    if lost > 0:
        skip(rx, lost)
    return there - lost


@jit
def give_up_half(rx: Any) -> None:
    """Go on in the middle of what is there: at its beginning the producer would overtake at once again."""
    there = catch_up(rx)
    skip(rx, there - (there >> ONE))


@jit
def lost_of(rx: Any, count: Any) -> Any:
    """How many of the elements from HEAD on, which have just been copied, may have been written to meanwhile."""
    fence_acquire()
    ahead = load_relaxed(rx, ANNOUNCED) - load(rx, HEAD)
    return min(ahead - min(ahead, capacity_of(rx)), count)


@jit
def pop_or(rx: Any, default: Any) -> Any:
    """Take the oldest element out, or return a default."""
    while catch_up(rx) > 0:
        head = load(rx, HEAD)
        value = read(rx, head)
        if lost_of(rx, ONE) == 0:
            store_release(rx, HEAD, head + ONE)
            return value
        give_up_half(rx)
    return as_element(rx, default)


@jit
def pop(rx: Any) -> Any:
    """Take the oldest element out."""
    while catch_up(rx) > 0:
        head = load(rx, HEAD)
        value = read(rx, head)
        if lost_of(rx, ONE) == 0:
            store_release(rx, HEAD, head + ONE)
            return value
        give_up_half(rx)
    raise IndexError(EMPTY_CHANNEL)


@jit
def drain(rx: Any, target: Any, count: Any) -> Any:
    """Take up to `count` elements out, to an address; return how many there were."""
    if lies_over(rx, 1, target, nbytes_of(rx, np.uint64(count))):
        return np.int64(OVERLAPS)
    taken = min(np.uint64(count), catch_up(rx))
    head = load(rx, HEAD)
    take_out(rx, head, target, taken)
    lost = lost_of(rx, taken)
    skip(rx, lost)
    move_down(target, target + nbytes_of(rx, lost), nbytes_of(rx, taken - lost))
    store_release(rx, HEAD, head + taken)
    return np.int64(taken - lost)
