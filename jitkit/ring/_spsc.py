"""A channel of one producer and one consumer, without locks: the kernels of both ends.

Each end writes its own counter alone, and looks at the other's only when the ring seems full or empty: CACHED_HEAD and
CACHED_TAIL are what was last seen. An element is written before TAIL is (release), and read after it (acquire);
a slot is read before HEAD is written (release), and written again after HEAD was read (acquire).

Always ``CACHED_HEAD <= HEAD <= CACHED_TAIL <= TAIL`` and ``TAIL - HEAD <= capacity``, by numbers that wrap around. An
end that is closed seems full: so only what is slow already looks whether it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.intrinsics import types
from jitkit._core.jit import jit
from jitkit.ring._block import (
    CACHED_HEAD,
    CACHED_TAIL,
    CLOSED,
    GONE,
    HEAD,
    MISSED,
    PEEKED,
    PEEKED_AT,
    REFUSED,
    RESERVED,
    RESERVED_AT,
    TAIL,
)
from jitkit.ring._copying import put_in, take_out, up_to_the_seam
from jitkit.ring._failures import HAS_NO_CONSUMER, IS_CLOSED, MUST_WAIT, OVERLAPS
from jitkit.ring._intrinsics import (
    as_element,
    capacity_of,
    is_from_python,
    lies_over,
    load,
    load_acquire,
    load_relaxed,
    nbytes_of,
    read,
    store,
    store_release,
    waits,
    write,
)
from jitkit.ring._messages import EMPTY_CHANNEL, TOO_MANY_COMMITTED, TOO_MANY_RELEASED
from jitkit.ring._quiet_intrinsics import quietly_with
from jitkit.ring._raising_intrinsics import raise_index_error, succeeded
from jitkit.ring._waiting import FIRST_PAUSE, LONGEST_PAUSE, pause_for, wait_a_turn

ZERO, ONE = np.uint64(0), np.uint64(1)


@jit
def free_slots(tx: Any, tail: Any) -> Any:
    """How many slots are free, by what the consumer has done so far."""
    if load(tx, CLOSED):
        return np.int64(IS_CLOSED)
    head = load_acquire(tx, HEAD)
    store(tx, CACHED_HEAD, head)
    return np.int64(room_after(tx, tail - head))


@jit
def room_after(tx: Any, used: Any) -> Any:
    """How many slots are free: none, also where another process has made nonsense of a counter."""
    return capacity_of(tx) - min(used, capacity_of(tx))


@jit
def batch_of(end: Any) -> Any:
    """How many elements an end lets come, while they do come, before it goes on with them.

    Whoever looks at the other side's counter takes its cache line away; and in a channel that is full or empty both
    work on the same line of slots, too. An element then costs two journeys of a line: 45 ns, instead of 6.
    """
    return np.int64(max(capacity_of(end) >> np.uint64(2), ONE))


@jit
def room_for_one(tx: Any, tail: Any) -> Any:
    """Look whether the consumer has made room, wait for it if that is the policy; return how many slots are free."""
    free = free_slots(tx, tail)
    pauses = FIRST_PAUSE
    while 0 <= free < batch_of(tx) and pauses <= LONGEST_PAUSE and not is_from_python(tx):
        pause_for(pauses)
        before, free = free, free_slots(tx, tail)
        if free == before:
            break
        pauses *= 2
    if free != 0:
        return free
    if not waits(tx):
        store(tx, REFUSED, load(tx, REFUSED) + ONE)
        return free
    return np.int64(MUST_WAIT) if is_from_python(tx) else wait_for_room(tx, tail)


@jit
def wait_for_room(tx: Any, tail: Any) -> Any:
    """Wait until a slot is free; return how many are."""
    turn = 0
    free = free_slots(tx, tail)
    while free == 0:
        if load_relaxed(tx, GONE):
            return np.int64(HAS_NO_CONSUMER)
        turn = wait_a_turn(turn)
        free = free_slots(tx, tail)
    return free


find_room = quietly_with(types.uint64, room_for_one)


def push(tx, value):
    """Put an element in; tell whether it was stored."""
    tail = load(tx, TAIL)
    if tail - load(tx, CACHED_HEAD) == capacity_of(tx) and succeeded(find_room(tx, tail)) <= 0:
        return False
    write(tx, tail, value)
    store_release(tx, TAIL, tail + ONE)
    return True


@jit
def extend_once(tx: Any, source: Any, count: Any) -> Any:
    """Put in what there is room for, from an address on; return how many."""
    tail = load(tx, TAIL)
    if lies_over(tx, 1, source, nbytes_of(tx, np.uint64(count))):
        return np.int64(OVERLAPS)
    free = np.int64(room_after(tx, tail - load(tx, CACHED_HEAD)))
    if free < count:
        free = free_slots(tx, tail)
        if free < 0:
            return free
    kept = np.uint64(min(count, free))
    put_in(tx, tail, source, kept)
    store_release(tx, TAIL, tail + kept)
    return np.int64(kept)


@jit
def extend(tx: Any, source: Any, count: Any) -> Any:
    """Put elements in from an address on; return how many were stored."""
    stored = extend_once(tx, source, count)
    if stored < 0:
        return stored
    if not waits(tx):
        store(tx, REFUSED, load(tx, REFUSED) + np.uint64(count - stored))
    elif not is_from_python(tx):
        while stored < count:
            free = wait_for_room(tx, load(tx, TAIL))
            if free < 0:
                return free
            stored += extend_once(tx, source + nbytes_of(tx, np.uint64(stored)), count - stored)
    return stored


@jit
def reservable(tx: Any, count: Any) -> Any:
    """How many of `count` slots can be filled in place: those that are free and lie side by side."""
    tail = load(tx, TAIL)
    free = free_slots(tx, tail)
    if free == 0 and count > 0:
        free = room_for_one(tx, tail)
    if free < 0:
        return free
    given = up_to_the_seam(tx, tail, np.uint64(min(max(count, 0), free)))
    store(tx, RESERVED, given)
    store(tx, RESERVED_AT, tail)
    return np.int64(given)


def commit(tx, count):
    """Publish the first of the slots that were reserved."""
    if count < 0 or np.uint64(count) > reserved(tx):
        raise ValueError(TOO_MANY_COMMITTED)
    store(tx, RESERVED, ZERO)
    store_release(tx, TAIL, load(tx, TAIL) + np.uint64(count))


@jit
def reserved(tx: Any) -> Any:
    """How many slots are reserved: none any more, if something was put in since."""
    return load(tx, RESERVED) if load(tx, RESERVED_AT) == load(tx, TAIL) else ZERO


def close(tx):
    """Say that nothing more will come."""
    store(tx, RESERVED, ZERO)
    store_release(tx, CLOSED, ONE)
    store(tx, CACHED_HEAD, load(tx, TAIL) - capacity_of(tx))


@jit
def unread(rx: Any, head: Any) -> Any:
    """How many elements are there, by what the producer has done so far."""
    tail = load_acquire(rx, TAIL)
    store(rx, CACHED_TAIL, tail)
    return np.int64(tail - head)


@jit
def look_for_one(rx: Any, head: Any) -> Any:
    """Look whether the producer has put something in; return how many elements there are."""
    there = unread(rx, head)
    pauses = FIRST_PAUSE
    while there < batch_of(rx) and pauses <= LONGEST_PAUSE and not is_from_python(rx):
        pause_for(pauses)
        before, there = there, unread(rx, head)
        if there == before:
            break
        pauses *= 2
    return there


find_one = quietly_with(types.uint64, look_for_one)


def pop(rx):
    """Take the oldest element out."""
    head = load(rx, HEAD)
    if head == load(rx, CACHED_TAIL) and find_one(rx, head) == 0:
        raise_index_error(EMPTY_CHANNEL)
        return read(rx, head)  # where a `try` is around, which throws it away
    value = read(rx, head)
    store_release(rx, HEAD, head + ONE)
    return value


def pop_or(rx, default):
    """Take the oldest element out, or return a default."""
    head = load(rx, HEAD)
    if head == load(rx, CACHED_TAIL) and find_one(rx, head) == 0:
        return as_element(rx, default)
    value = read(rx, head)
    store_release(rx, HEAD, head + ONE)
    return value


@jit
def drain(rx: Any, target: Any, count: Any) -> Any:
    """Take up to `count` elements out, to an address; return how many there were."""
    head, count = load(rx, HEAD), np.uint64(count)
    if lies_over(rx, 1, target, nbytes_of(rx, count)):
        return np.int64(OVERLAPS)
    if load(rx, CACHED_TAIL) - head < count:
        unread(rx, head)
    taken = min(count, load(rx, CACHED_TAIL) - head, capacity_of(rx))
    take_out(rx, head, target, taken)
    store_release(rx, HEAD, head + taken)
    return np.int64(taken)


@jit
def peekable(rx: Any, count: Any) -> Any:
    """How many of `count` elements can be read in place: those that are there and lie side by side."""
    head = load(rx, HEAD)
    unread(rx, head)
    there = min(load(rx, CACHED_TAIL) - head, capacity_of(rx))
    given = up_to_the_seam(rx, head, min(np.uint64(max(count, 0)), there))
    store(rx, PEEKED, given)
    store(rx, PEEKED_AT, head)
    return np.int64(given)


def release(rx, count):
    """Give up the first of the elements that were peeked at."""
    if count < 0 or np.uint64(count) > peeked(rx):
        raise ValueError(TOO_MANY_RELEASED)
    store(rx, PEEKED, ZERO)
    store_release(rx, HEAD, load(rx, HEAD) + np.uint64(count))


@jit
def peeked(rx: Any) -> Any:
    """How many elements are peeked at: none any more, if something was taken out since."""
    return load(rx, PEEKED) if load(rx, PEEKED_AT) == load(rx, HEAD) else ZERO


@jit
def has_ended(rx: Any) -> Any:
    """Whether nothing will come any more: whoever closes has published all before, so CLOSED is looked at first."""
    return load_acquire(rx, CLOSED) != 0 and load_acquire(rx, TAIL) == load(rx, HEAD)


def close_consumer(rx):
    """Say that nothing more will be taken out."""
    store_release(rx, GONE, ONE)


@jit
def dropped(end: Any) -> Any:
    """How many elements were refused, or overwritten before they were taken out: never too many.

    HEAD moves on before MISSED does, so that is read first; what lies between HEAD and TAIL counts only as of one time.
    """
    missed, head = load_acquire(end, MISSED), load_acquire(end, HEAD)
    left = load_acquire(end, TAIL) - head
    while load_acquire(end, HEAD) != head:
        missed, head = load_acquire(end, MISSED), load_acquire(end, HEAD)
        left = load_acquire(end, TAIL) - head
    overwritten = left - min(left, capacity_of(end))
    return np.int64(load_relaxed(end, REFUSED) + missed + overwritten)


@jit
def waiting(end: Any) -> Any:
    """How many elements are in the channel; the other end may change that at once."""
    head = load_acquire(end, HEAD)
    return np.int64(min(load_acquire(end, TAIL) - head, capacity_of(end)))
