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
from jitkit.ring._copying import put_in, require_other_memory, take_out, up_to_the_seam
from jitkit.ring._intrinsics import (
    as_element,
    borrow,
    capacity_of,
    is_from_python,
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
from jitkit.ring._messages import EMPTY_CHANNEL, ENDED, NOBODY, TOO_MANY_COMMITTED, TOO_MANY_RELEASED
from jitkit.ring._raising_intrinsics import raise_index_error
from jitkit.ring._waiting import breathe, wait_a_turn

ZERO, ONE = np.uint64(0), np.uint64(1)


def push(tx, value):
    """Put an element in; tell whether it was stored."""
    tail = load(tx, TAIL)
    if tail - load(tx, CACHED_HEAD) == capacity_of(tx) and not make_room(borrow(tx), tail):
        return False
    write(tx, tail, value)
    store_release(tx, TAIL, tail + ONE)
    return True


@jit
def make_room(tx: Any, tail: Any) -> Any:
    """Look whether the consumer has made room, and wait for it if that is the policy; tell whether there is some."""
    if free_slots(tx, tail):
        return True
    if not is_from_python(tx):
        breathe()
        if free_slots(tx, tail):
            return True
    if not waits(tx):
        store(tx, REFUSED, load(tx, REFUSED) + ONE)
        return False
    if is_from_python(tx):
        raise BlockingIOError  # Python waits by itself
    wait_for_room(tx, tail)
    return True


@jit
def free_slots(tx: Any, tail: Any) -> Any:
    """How many slots are free, by what the consumer has done so far."""
    if load(tx, CLOSED):
        raise ValueError(ENDED)
    head = load_acquire(tx, HEAD)
    store(tx, CACHED_HEAD, head)
    return room_after(tx, tail - head)


@jit
def room_after(tx: Any, used: Any) -> Any:
    """How many slots are free: none, also where another process has made nonsense of a counter."""
    return capacity_of(tx) - min(used, capacity_of(tx))


@jit
def wait_for_room(tx: Any, tail: Any) -> Any:
    """Wait until a slot is free; return how many are."""
    turn = 0
    while free_slots(tx, tail) == 0:
        if load_relaxed(tx, GONE):
            raise BrokenPipeError(NOBODY)
        turn = wait_a_turn(turn)
    return free_slots(tx, tail)


@jit
def extend_once(tx: Any, source: Any, count: Any) -> Any:
    """Put in what there is room for, from an address on; return how many."""
    tail, count = load(tx, TAIL), np.uint64(count)
    require_other_memory(tx, source, count)
    kept = min(count, room_after(tx, tail - load(tx, CACHED_HEAD)))
    if kept < count:
        kept = min(count, free_slots(tx, tail))
    put_in(tx, tail, source, kept)
    store_release(tx, TAIL, tail + kept)
    return kept


@jit
def extend(tx: Any, source: Any, count: Any) -> Any:
    """Put elements in from an address on; return how many were stored."""
    stored = extend_once(tx, source, count)
    wanted = np.uint64(count)
    if not waits(tx):
        store(tx, REFUSED, load(tx, REFUSED) + (wanted - stored))
    elif not is_from_python(tx):
        while stored < wanted:
            wait_for_room(tx, load(tx, TAIL))
            stored += extend_once(tx, source + nbytes_of(tx, stored), wanted - stored)
    return np.int64(stored)


@jit
def reservable(tx: Any, count: Any) -> Any:
    """How many of `count` slots can be filled in place: those that are free and lie side by side."""
    tail = load(tx, TAIL)
    free = free_slots(tx, tail)
    if free == 0 and count > 0:
        if waits(tx) and not is_from_python(tx):
            free = wait_for_room(tx, tail)
        elif not waits(tx):
            store(tx, REFUSED, load(tx, REFUSED) + ONE)
    given = up_to_the_seam(tx, tail, min(np.uint64(max(count, 0)), free))
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


def pop(rx):
    """Take the oldest element out."""
    head = load(rx, HEAD)
    if head == load(rx, CACHED_TAIL) and not has_more(borrow(rx), head):
        raise_index_error(EMPTY_CHANNEL)
        return read(rx, head)  # where a `try` is around, which throws it away
    value = read(rx, head)
    store_release(rx, HEAD, head + ONE)
    return value


def pop_or(rx, default):
    """Take the oldest element out, or return a default."""
    head = load(rx, HEAD)
    if head == load(rx, CACHED_TAIL) and not has_more(borrow(rx), head):
        return as_element(rx, default)
    value = read(rx, head)
    store_release(rx, HEAD, head + ONE)
    return value


@jit
def has_more(rx: Any, head: Any) -> Any:
    """Look whether the producer has put something in."""
    tail = load_acquire(rx, TAIL)
    if tail == head and not is_from_python(rx):
        breathe()
        tail = load_acquire(rx, TAIL)
    store(rx, CACHED_TAIL, tail)
    return tail != head


@jit
def drain(rx: Any, target: Any, count: Any) -> Any:
    """Take up to `count` elements out, to an address; return how many there were."""
    head, count = load(rx, HEAD), np.uint64(count)
    require_other_memory(rx, target, count)
    if load(rx, CACHED_TAIL) - head < count:
        has_more(rx, head)
    taken = min(count, load(rx, CACHED_TAIL) - head, capacity_of(rx))
    take_out(rx, head, target, taken)
    store_release(rx, HEAD, head + taken)
    return np.int64(taken)


@jit
def peekable(rx: Any, count: Any) -> Any:
    """How many of `count` elements can be read in place: those that are there and lie side by side."""
    head = load(rx, HEAD)
    has_more(rx, head)
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
    unread = load_acquire(end, TAIL) - head
    while load_acquire(end, HEAD) != head:
        missed, head = load_acquire(end, MISSED), load_acquire(end, HEAD)
        unread = load_acquire(end, TAIL) - head
    overwritten = unread - min(unread, capacity_of(end))
    return np.int64(load_relaxed(end, REFUSED) + missed + overwritten)


@jit
def waiting(end: Any) -> Any:
    """How many elements are in the channel; the other end may change that at once."""
    head = load_acquire(end, HEAD)
    return np.int64(min(load_acquire(end, TAIL) - head, capacity_of(end)))
