"""The ends of a channel inside kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.intrinsics import (
    NumbaTypeError,
    as_index,
    overload,
    overload_attribute,
    overload_method,
    types,
)
from jitkit._core.jit import jit
from jitkit.errors import JitkitError
from jitkit.ring import _lossy, _spsc
from jitkit.ring._accepts import is_block_of_elements, require_array, require_element
from jitkit.ring._block import CLOSED, HEAD, TAIL
from jitkit.ring._buffer_typing import extend_one_by_one
from jitkit.ring._consumer import require_still
from jitkit.ring._intrinsics import borrow, load, require_shape, view
from jitkit.ring._quiet_intrinsics import on_items
from jitkit.ring._raising_intrinsics import succeeded
from jitkit.ring._types import ConsumerType, ProducerType
from jitkit.ring._waiting import wait_a_turn


def _is_lossy(end: Any) -> bool:
    return bool(end.policy == "overwrite")


@overload_method(ProducerType, "push", inline="always")
def _push(tx, value):
    require_element(tx, value)
    return _lossy.push if _is_lossy(tx) else _spsc.push


extend_items, extend_items_lossily = on_items(_spsc.extend), on_items(_lossy.extend)
drain_items, drain_items_lossily = on_items(_spsc.drain), on_items(_lossy.drain)


@overload_method(ProducerType, "extend", inline="always")
def _extend(tx, values):
    require_array(tx, values)
    if not is_block_of_elements(tx, values):
        return lambda tx, values: extend_one_by_one(tx, values)
    extend = extend_items_lossily if _is_lossy(tx) else extend_items

    def extend_by_block(tx, values):
        require_shape(tx, values)
        return succeeded(extend(tx, values))

    return extend_by_block


@overload_method(ProducerType, "reserve")
def _reserve(tx, count):
    reservable = _lossy.reservable if _is_lossy(tx) else _spsc.reservable
    return lambda tx, count: view(tx, load(tx, TAIL), succeeded(reservable(borrow(tx), as_index(count))))


@overload_method(ProducerType, "commit")
def _commit(tx, count):
    return _spsc.commit


@overload_method(ProducerType, "close")
def _close(tx):
    return _spsc.close


@overload_attribute(ProducerType, "closed")
def _is_closed(tx):
    return lambda tx: load(tx, CLOSED) != 0


@overload_attribute(ProducerType, "position")
def _published(tx):
    return lambda tx: load(tx, TAIL)


@overload_attribute(ConsumerType, "position")
def _taken_out(rx):
    return lambda rx: load(rx, HEAD)


@overload_attribute(ProducerType, "is_full")
def _is_full(tx):
    capacity = tx.capacity
    return lambda tx: _spsc.waiting(borrow(tx)) == capacity


@overload_method(ConsumerType, "pop", inline="always")
def _pop(rx):
    return (lambda rx: _lossy.pop(borrow(rx))) if _is_lossy(rx) else _spsc.pop


@overload_method(ConsumerType, "pop_or", inline="always")
def _pop_or(rx, default):
    if not isinstance(default, types.NoneType):
        require_element(rx, default)
    return (lambda rx, default: _lossy.pop_or(borrow(rx), default)) if _is_lossy(rx) else _spsc.pop_or


@overload_method(ConsumerType, "drain", inline="always")
def _drain(rx, out):
    require_array(rx, out, out=True)
    if not is_block_of_elements(rx, out):
        return lambda rx, out: drain_by_a_copy(rx, out)
    drain = drain_items_lossily if _is_lossy(rx) else drain_items

    def drain_by_block(rx, out):
        require_shape(rx, out)
        return succeeded(drain(rx, out))

    return drain_by_block


@jit
def drain_by_a_copy(rx, out):
    """Take elements out to where they do not lie side by side."""
    require_shape(rx, out)
    copied = np.empty(out.shape, out.dtype)
    taken = rx.drain(copied)
    out[:taken] = copied[:taken]
    return taken


@overload_method(ConsumerType, "peek")
def _peek(rx, count):
    try:
        require_still(rx.policy, rx)
    except JitkitError as error:
        raise NumbaTypeError(str(error)) from error
    return lambda rx, count: view(rx, load(rx, HEAD), _spsc.peekable(borrow(rx), as_index(count)))


@overload_method(ConsumerType, "release")
def _release(rx, count):
    return _spsc.release


@overload_method(ConsumerType, "wait")
def _wait(rx):
    def wait(rx):
        turn = 0
        while _spsc.unread(borrow(rx), load(rx, HEAD)) == 0 and not _spsc.has_ended(borrow(rx)):
            turn = wait_a_turn(turn)
        return _spsc.waiting(borrow(rx)) > 0

    return wait


@overload_method(ConsumerType, "close")
def _close_consumer(rx):
    return _spsc.close_consumer


@overload_attribute(ConsumerType, "closed")
def _has_ended(rx):
    return lambda rx: _spsc.has_ended(borrow(rx))


@overload_attribute(ConsumerType, "is_empty")
def _is_empty(rx):
    return lambda rx: _spsc.waiting(borrow(rx)) == 0


@overload(len)
def _len(end):
    if isinstance(end, (ProducerType, ConsumerType)):
        return lambda end: _spsc.waiting(borrow(end))
    return None


def _capacity(end):
    capacity = end.capacity
    return lambda end: capacity


def _dropped(end):
    return lambda end: _spsc.dropped(borrow(end))


for _kind in (ProducerType, ConsumerType):
    overload_attribute(_kind, "capacity", inline="always")(_capacity)
    overload_attribute(_kind, "dropped")(_dropped)
