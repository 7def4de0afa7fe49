"""What calls of a channel's ends from Python come down to.

A negative number is a failure, also that of an end which a kernel has: Python then finds out why.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.jit import jit
from jitkit._core.thread_words import replace_word
from jitkit.ring import _lossy, _spsc
from jitkit.ring._block import CLOSED, CONSUMER_BUSY, GONE, HEAD, PRODUCER_BUSY, TAIL
from jitkit.ring._calls import ANY, NOTHING
from jitkit.ring._failures import MUST_WAIT
from jitkit.ring._intrinsics import block_at, capacity_of, load, load_acquire, load_relaxed, overwrites, store_release
from jitkit.ring._waiting import NAP, SPINS, YIELDS, wait_a_turn

_push, _pop_or, _close = jit(_spsc.push), jit(_spsc.pop_or), jit(_spsc.close)
_push_lossily = jit(_lossy.push)


@jit
def extend(block: Any, source: Any, count: Any) -> Any:
    """Put elements in, without waiting; return how many were stored."""
    tx = block_at(ANY, block, NOTHING)
    if load(tx, PRODUCER_BUSY):
        return MUST_WAIT
    if overwrites(tx):
        return _lossy.extend(tx, source, count)
    return _spsc.extend(tx, source, count)


@jit
def reserve(block: Any, count: Any) -> Any:
    """Reserve slots; return how many."""
    tx = block_at(ANY, block, NOTHING)
    if load(tx, PRODUCER_BUSY):
        return MUST_WAIT
    if overwrites(tx):
        return _lossy.reservable(tx, count)
    return _spsc.reservable(tx, count)


@jit
def publish(block: Any, count: Any) -> Any:
    """Publish slots that were filled in place."""
    tx = block_at(ANY, block, NOTHING)
    store_release(tx, TAIL, load(tx, TAIL) + np.uint64(count))
    return 0


@jit
def close(block: Any) -> Any:
    """Say that nothing more will come."""
    _close(block_at(ANY, block, NOTHING))
    return 0


@jit
def _is_full(tx: Any) -> Any:
    return load_acquire(tx, TAIL) - load_acquire(tx, HEAD) >= capacity_of(tx)


@jit
def await_room(block: Any, milliseconds: Any) -> Any:
    """Wait for a free slot; 1 if there is one, or nobody will ever make one."""
    tx = block_at(ANY, block, NOTHING)
    last = SPINS + YIELDS + milliseconds * 1000 // NAP
    turn = 0
    # Only looked at: by mistake, another thread may use the end meanwhile.
    while _is_full(tx) and not load_relaxed(tx, GONE) and not load_relaxed(tx, CLOSED):
        if turn >= last:
            return 0
        turn = wait_a_turn(turn)
    return 1


@jit
def drain(block: Any, target: Any, count: Any) -> Any:
    """Take elements out; return how many."""
    rx = block_at(ANY, block, NOTHING)
    if load(rx, CONSUMER_BUSY):
        return MUST_WAIT
    if overwrites(rx):
        return _lossy.drain(rx, target, count)
    return _spsc.drain(rx, target, count)


@jit
def peek(block: Any, count: Any) -> Any:
    """Look at elements; return how many."""
    rx = block_at(ANY, block, NOTHING)
    if load(rx, CONSUMER_BUSY):
        return MUST_WAIT
    return _spsc.peekable(rx, count)


@jit
def free(block: Any, count: Any) -> Any:
    """Give up elements that were looked at in place."""
    rx = block_at(ANY, block, NOTHING)
    store_release(rx, HEAD, load(rx, HEAD) + np.uint64(count))
    return 0


@jit
def has_ended(block: Any) -> Any:
    """1 if nothing will come any more."""
    return int(_spsc.has_ended(block_at(ANY, block, NOTHING)))


@jit
def await_more(block: Any, milliseconds: Any) -> Any:
    """Wait for an element; 1 if there is one, or none will ever come."""
    rx = block_at(ANY, block, NOTHING)
    last = SPINS + YIELDS + milliseconds * 1000 // NAP
    turn = 0
    # Only looked at: a CACHED_TAIL behind the HEAD of another thread would let it read what is not there.
    while load_acquire(rx, TAIL) == load_acquire(rx, HEAD) and not _spsc.has_ended(rx):
        if turn >= last:
            return 0
        turn = wait_a_turn(turn)
    return 1


@jit
def replace(address: Any, old: Any, new: Any) -> Any:
    """Write a word if it is still `old`, in one step; 1 if it was."""
    return int(replace_word(address, old, new))


def _send_of(itemsize: int) -> Any:
    @jit
    def send(block: Any, element: Any) -> Any:
        """Put the element at an address in; 1 if it was stored."""
        tx = block_at(itemsize, block, NOTHING)
        if load(tx, PRODUCER_BUSY):
            return MUST_WAIT
        if overwrites(tx):
            return int(_push_lossily(tx, element))
        return int(_push(tx, element))

    return send


def _receive_of(itemsize: int) -> Any:
    @jit
    def receive(block: Any, target: Any) -> Any:
        """Take the oldest element out, to an address, which is returned; 0 if there is none."""
        rx = block_at(itemsize, block, target)
        if load(rx, CONSUMER_BUSY):
            return MUST_WAIT
        if overwrites(rx):
            return _lossy.pop_or(rx, NOTHING)
        return _pop_or(rx, NOTHING)

    return receive


send, send_1, send_2, send_4, send_8, send_16 = map(_send_of, (ANY, 1, 2, 4, 8, 16))
receive, receive_1, receive_2, receive_4, receive_8, receive_16 = map(_receive_of, (ANY, 1, 2, 4, 8, 16))
