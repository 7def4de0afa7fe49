"""`Queue` inside kernels."""

from __future__ import annotations

from jitkit._core.intrinsics import overload, overload_attribute, overload_method, types
from jitkit.ring import _many
from jitkit.ring._accepts import require_element
from jitkit.ring._block import REFUSED
from jitkit.ring._intrinsics import borrow, load_relaxed
from jitkit.ring._types import QueueType


@overload_method(QueueType, "push")
def _push(queue, value):
    require_element(queue, value)
    return lambda queue, value: _many.push(borrow(queue), value)


@overload_method(QueueType, "pop")
def _pop(queue):
    return lambda queue: _many.pop(borrow(queue))


@overload_method(QueueType, "pop_or")
def _pop_or(queue, default):
    if not isinstance(default, types.NoneType):
        require_element(queue, default)
    return lambda queue, default: _many.pop_or(borrow(queue), default)


@overload_attribute(QueueType, "is_empty")
def _is_empty(queue):
    return lambda queue: _many.length(borrow(queue)) == 0


@overload_attribute(QueueType, "is_full")
def _is_full(queue):
    capacity = queue.capacity
    return lambda queue: _many.length(borrow(queue)) == capacity


@overload_attribute(QueueType, "capacity", inline="always")
def _capacity(queue):
    capacity = queue.capacity
    return lambda queue: capacity


@overload_attribute(QueueType, "dropped")
def _dropped(queue):
    return lambda queue: load_relaxed(queue, REFUSED)


@overload(len)
def _len(queue):
    if isinstance(queue, QueueType):
        return lambda queue: _many.length(borrow(queue))
    return None
