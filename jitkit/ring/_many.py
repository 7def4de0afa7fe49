"""A queue of many producers and many consumers, without locks: the kernels (after Vyukov's bounded queue).

Every slot has a sequence number, which says whose turn it is: ``2 * i`` lets the producer of element `i` in, one more
its consumer, and ``2 * (i + capacity)`` the producer of the element that the slot holds next. Doubled, the two never
meet, also where the capacity is 1. Whoever's turn it is claims the element's number, by compare-and-swap; the release
store of the next sequence number then hands the slot on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.jit import jit
from jitkit.ring._block import HEAD, REFUSED, TAIL
from jitkit.ring._intrinsics import as_element, capacity_of, load_acquire, load_relaxed, read, write
from jitkit.ring._messages import EMPTY_QUEUE
from jitkit.ring._queue_intrinsics import add_to_counter, load_sequence, replace_counter, store_sequence

ONE = np.uint64(1)


@jit
def turn_of(queue: Any, i: Any, expected: Any) -> Any:
    """Compare the sequence number of a slot with what is expected: 0, or less, or more."""
    return np.int64(load_sequence(queue, i) - expected)


@jit
def push(queue: Any, value: Any) -> Any:
    """Put an element in; tell whether it was stored."""
    i, element = load_relaxed(queue, TAIL), as_element(queue, value)  # which may raise: not once a slot is claimed
    while True:
        turn = turn_of(queue, i, i << ONE)
        if turn < 0:  # the consumer of the element that was there has not been here
            add_to_counter(queue, REFUSED, ONE)
            return False
        if turn == 0 and replace_counter(queue, TAIL, i, i + ONE):
            break
        i = load_relaxed(queue, TAIL)
    write(queue, i, element)
    store_sequence(queue, i, (i << ONE) + ONE)
    return True


@jit
def claim(queue: Any) -> Any:
    """Claim the oldest element; return its number, and whether there was one."""
    i = load_relaxed(queue, HEAD)
    while True:
        turn = turn_of(queue, i, (i << ONE) + ONE)
        if turn < 0:  # its producer has not been here
            return i, False
        if turn == 0 and replace_counter(queue, HEAD, i, i + ONE):
            return i, True
        i = load_relaxed(queue, HEAD)


@jit
def pop(queue: Any) -> Any:
    """Take the oldest element out."""
    i, found = claim(queue)
    if not found:
        raise IndexError(EMPTY_QUEUE)
    value = read(queue, i)
    store_sequence(queue, i, (i + capacity_of(queue)) << ONE)
    return value


@jit
def pop_or(queue: Any, default: Any) -> Any:
    """Take the oldest element out, or return a default."""
    i, found = claim(queue)
    if not found:
        return as_element(queue, default)
    value = read(queue, i)
    store_sequence(queue, i, (i + capacity_of(queue)) << ONE)
    return value


@jit
def length(queue: Any) -> Any:
    """How many elements there are; others may change that at once."""
    head = load_acquire(queue, HEAD)
    return np.int64(min(load_acquire(queue, TAIL) - head, capacity_of(queue)))
