"""A ring buffer that one thread uses at a time: the kernels, in which `ring` may be of any type that has a block.

What users call for single elements is put into their own code, by numba's `inline="always"`: counters then stay in
registers from one turn of a loop to the next. Numba 0.68 does that well for functions that assign each name once.

Where the oldest element is overwritten, HEAD is only looked at by those who take elements out. It may then lie further
behind TAIL than there are slots: what lies between was overwritten, and whoever notices counts it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.jit import jit
from jitkit.ring._block import HEAD, MISSED, REFUSED, TAIL
from jitkit.ring._copying import put_in, take_out, up_to_the_seam
from jitkit.ring._failures import OVERLAPS
from jitkit.ring._intrinsics import (
    as_element,
    as_position,
    borrow,
    capacity_of,
    lies_over,
    load,
    load_relaxed,
    nbytes_of,
    oldest,
    overwrites,
    read,
    store,
    store_relaxed,
    unlikely,
    view,
    write,
)
from jitkit.ring._messages import EMPTY_BUFFER, OUTSIDE
from jitkit.ring._raising_intrinsics import from_the_oldest, raise_index_error

ONE = np.uint64(1)


def push(ring, value):
    """Put an element in; tell whether it was stored."""
    tail = load(ring, TAIL)
    if not overwrites(ring) and unlikely(tail - load(ring, HEAD) == capacity_of(ring)):
        store_relaxed(ring, REFUSED, load_relaxed(ring, REFUSED) + ONE)
        store(ring, TAIL, tail)  # as it was: a counter that every turn of a loop stores stays in a register
        return False
    write(ring, tail, value)
    store(ring, TAIL, tail + ONE)
    return True


def pop(ring):
    """Take the oldest element out."""
    head = oldest(ring)
    if unlikely(head == load(ring, TAIL)):
        raise_index_error(EMPTY_BUFFER)
        return read(ring, head)  # where a `try` is around, which throws it away
    if overwrites(ring):
        store(ring, MISSED, load(ring, MISSED) + (head - load(ring, HEAD)))
    store(ring, HEAD, head + ONE)
    return read(ring, head)


def pop_or(ring, default):
    """Take the oldest element out, or return a default."""
    head = oldest(ring)
    if unlikely(head == load(ring, TAIL)):
        store(ring, HEAD, load(ring, TAIL))  # the same; LLVM would leave a store of what was loaded from there out
        return as_element(ring, default)
    if overwrites(ring):
        store(ring, MISSED, load(ring, MISSED) + (head - load(ring, HEAD)))
    store(ring, HEAD, head + ONE)
    return read(ring, head)


@jit
def first_left(ring: Any) -> Any:
    """Move HEAD to the oldest element that is still there, count what it passes as missed, and return it."""
    head = oldest(ring)
    store(ring, MISSED, load(ring, MISSED) + (head - load(ring, HEAD)))
    store(ring, HEAD, head)
    return head


@jit
def extend(ring: Any, source: Any, count: Any) -> Any:
    """Put elements in from an address on; return how many were stored."""
    tail, count = load(ring, TAIL), np.uint64(count)
    if lies_over(ring, 1, source, nbytes_of(ring, count)):
        return np.int64(OVERLAPS)  # some would be overwritten before they are read
    if overwrites(ring):
        kept = min(count, capacity_of(ring))
        put_in(ring, tail + (count - kept), source + nbytes_of(ring, count - kept), kept)
        store(ring, TAIL, tail + count)
        return np.int64(count)
    kept = min(count, capacity_of(ring) - (tail - load(ring, HEAD)))
    put_in(ring, tail, source, kept)
    store(ring, TAIL, tail + kept)
    store(ring, REFUSED, load(ring, REFUSED) + (count - kept))
    return np.int64(kept)


@jit
def drain(ring: Any, target: Any, count: Any) -> Any:
    """Take up to `count` elements out, to an address; return how many there were."""
    if lies_over(ring, 1, target, nbytes_of(ring, np.uint64(count))):
        return np.int64(OVERLAPS)
    head = first_left(ring)
    taken = min(np.uint64(count), load(ring, TAIL) - head)
    take_out(ring, head, target, taken)
    store(ring, HEAD, head + taken)
    return np.int64(taken)


@jit
def length(ring: Any) -> Any:
    """How many elements there are."""
    return np.int64(load(ring, TAIL) - oldest(ring))


@jit
def dropped(ring: Any) -> Any:
    """How many elements were refused, or overwritten before they were read."""
    return np.int64(load(ring, REFUSED) + load(ring, MISSED) + (oldest(ring) - load(ring, HEAD)))


def clear(ring):
    """Forget all elements; what was dropped stays counted."""
    first_left(borrow(ring))
    store(ring, HEAD, load(ring, TAIL))


def peek(ring, i=0):
    """Element `i`, counted from the oldest on, or from the newest back if it is negative."""
    first = oldest(ring)
    count = load(ring, TAIL) - first
    place = from_the_oldest(as_position(i), count)
    if unlikely(place >= count):
        raise_index_error(OUTSIDE)
    return read(ring, first + place)


def slices(ring):
    """Views of the elements up to the end of the memory, and of those from its beginning on."""
    first, count = oldest(ring), np.uint64(length(borrow(ring)))
    straight = up_to_the_seam(borrow(ring), first, count)
    return view(ring, first, np.int64(straight)), view(ring, first + straight, np.int64(count - straight))
