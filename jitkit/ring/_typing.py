"""Rings on their way between Python and kernels; `_introduction` loads this once numba is there."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from jitkit._core.intrinsics import (
    NativeValue,
    box,
    cgutils,
    memory_reference,
    typeof_impl,
    types,
    unbox,
)
from jitkit._core.ir import WORD, behind, constant
from jitkit.ring import _buffer_typing, _channel_typing, _queue_typing, _window_typing  # noqa: F401
from jitkit.ring._block import CONSUMER_BUSY, PRODUCER_BUSY, block_nbytes
from jitkit.ring._buffer import RingBuffer
from jitkit.ring._consumer import Consumer
from jitkit.ring._elements import Element
from jitkit.ring._intrinsics import set_slots
from jitkit.ring._object import living
from jitkit.ring._producer import Producer
from jitkit.ring._queue import Queue
from jitkit.ring._types import ConsumerType, ProducerType, QueueType, RingBufferType, WindowType
from jitkit.ring._window import WindowBuffer

MEMINFO = types.MemInfoPointer(types.voidptr)


@typeof_impl.register(RingBuffer)
def _type_of_ring_buffer(value: RingBuffer, context: Any) -> Any:
    return introduced(value, RingBufferType(value._element, value._capacity, value._policy))


def introduced(value: Any, kind: Any) -> Any:
    """Give an object what the way into kernels needs, where numba finds it the next time."""
    value._meminfo = memory_reference(value._block, value._memory)
    value._numba_type_ = kind
    return kind


def unbox_block(kind: Any, value: Any, c: Any) -> Any:
    """Let a kernel work on the block of an object, which it keeps alive."""
    # safe: an object has `_meminfo` since numba has asked for its type, and its block as long as itself.
    builder = c.builder
    held = c.pyapi.object_getattr_string(value, "_meminfo")
    failed = cgutils.is_null(builder, held)
    result = cgutils.alloca_once_value(builder, cgutils.get_null_value(c.context.get_value_type(kind)))
    with builder.if_then(builder.not_(failed)):
        builder.store(_value_from(c, kind, c.unbox(MEMINFO, held).value), result)
        c.pyapi.decref(held)
    return NativeValue(builder.load(result), is_error=failed)


def _value_from(c: Any, kind: Any, meminfo: Any) -> Any:
    members = cgutils.create_struct_proxy(kind)(c.context, c.builder)
    members.meminfo = meminfo
    members.block = c.context.nrt.meminfo_data(c.builder, meminfo)
    set_slots(c.builder, members)
    return members._getvalue()


unbox(RingBufferType)(unbox_block)


@box(RingBufferType)
def _box_ring_buffer(kind: Any, value: Any, c: Any) -> Any:
    make = partial(_ring_buffer_of, kind.element.dtype, kind.element.raw, kind.capacity, kind.policy)
    return box_block(kind, value, c, make)


def box_block(kind: Any, value: Any, c: Any, make: Any) -> Any:
    """Return the object that has the block, or have one made: ``make(address, meminfo)``."""
    members = cgutils.create_struct_proxy(kind)(c.context, c.builder, value=value)
    address = c.pyapi.long_from_ssize_t(c.builder.ptrtoint(members.block, WORD))
    meminfo = c.box(MEMINFO, members.meminfo)
    function = c.pyapi.unserialize(c.pyapi.serialize_object(make))
    result = c.pyapi.call_function_objargs(function, [address, meminfo])
    for held in (function, meminfo, address):
        c.pyapi.decref(held)
    return result


def _ring_buffer_of(
    dtype: np.dtype[Any], raw: bool, capacity: int, policy: str, address: int, meminfo: Any
) -> RingBuffer:
    known = living.get((RingBuffer.family, address))
    if known is not None:
        return known  # type: ignore[no-any-return]
    ring = RingBuffer.__new__(RingBuffer)
    ring._make(
        Element(dtype, raw=raw), capacity, policy, memory_at(address, block_nbytes(capacity, dtype.itemsize), meminfo)
    )
    return ring


@typeof_impl.register(Queue)
def _type_of_queue(value: Queue, context: Any) -> Any:
    return introduced(value, QueueType(value._element, value._capacity, value._policy))


unbox(QueueType)(unbox_block)


@box(QueueType)
def _box_queue(kind: Any, value: Any, c: Any) -> Any:
    return box_block(kind, value, c, partial(_known, "Queue"))


@typeof_impl.register(WindowBuffer)
def _type_of_window(value: WindowBuffer, context: Any) -> Any:
    return introduced(value, WindowType(value._element, value._capacity, value.rolling))


unbox(WindowType)(unbox_block)


@box(WindowType)
def _box_window(kind: Any, value: Any, c: Any) -> Any:
    return box_block(kind, value, c, partial(_known, "WindowBuffer"))


@typeof_impl.register(Producer)
def _type_of_producer(value: Producer, context: Any) -> Any:
    return introduced(value, ProducerType(value._element, value._capacity, value._policy))


@typeof_impl.register(Consumer)
def _type_of_consumer(value: Consumer, context: Any) -> Any:
    return introduced(value, ConsumerType(value._element, value._capacity, value._policy))


@unbox(ProducerType)
@unbox(ConsumerType)
def _unbox_end(kind: Any, value: Any, c: Any) -> Any:
    """Take an end for as long as the kernel runs: nobody else may use it meanwhile."""
    builder = c.builder
    claimed = c.pyapi.call_method(value, "_claim")
    refused = cgutils.is_null(builder, claimed)
    result = cgutils.alloca_once_value(builder, cgutils.get_null_value(c.context.get_value_type(kind)))
    failed = cgutils.alloca_once_value(builder, refused)
    with builder.if_then(builder.not_(refused)):
        c.pyapi.decref(claimed)
        native = unbox_block(kind, value, c)
        builder.store(native.value, result)
        builder.store(native.is_error, failed)
    place = PRODUCER_BUSY if isinstance(kind, ProducerType) else CONSUMER_BUSY

    def give_back() -> None:
        with builder.if_then(builder.not_(builder.load(failed))):
            builder.store(constant(0), word_of(c, kind, builder.load(result), place))

    return NativeValue(builder.load(result), is_error=builder.load(failed), cleanup=give_back)


def word_of(c: Any, kind: Any, value: Any, place: int) -> Any:
    """Pointer to a word of a block's header."""
    members = cgutils.create_struct_proxy(kind)(c.context, c.builder, value=value)
    return behind(c.builder, members.block, constant(place), WORD)


@box(ProducerType)
def _box_producer(kind: Any, value: Any, c: Any) -> Any:
    return box_block(kind, value, c, partial(_known, "Producer"))


@box(ConsumerType)
def _box_consumer(kind: Any, value: Any, c: Any) -> Any:
    return box_block(kind, value, c, partial(_known, "Consumer"))


def _known(family: str, address: int, meminfo: Any) -> Any:
    return living[family, address]  # kernels make no such objects: it is the one that the kernel was given


class _Memory:
    """Memory that something else keeps."""

    def __init__(self, address: int, nbytes: int, owner: Any) -> None:
        self.owner = owner
        self.__array_interface__ = {"data": (address, False), "shape": (nbytes,), "typestr": "|u1", "version": 3}


def memory_at(address: int, nbytes: int, owner: Any) -> np.ndarray[Any, Any]:
    """Array over memory; it keeps the owner alive."""
    return np.asarray(_Memory(address, nbytes, owner))
