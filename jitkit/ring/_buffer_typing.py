"""`RingBuffer` inside kernels: its constructor, its methods and its attributes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from jitkit._core.intrinsics import (
    NumbaTypeError,
    intrinsic,
    overload,
    overload_attribute,
    overload_method,
    types,
)
from jitkit._core.intrinsics import numpy_dtype as numpy_dtype_of
from jitkit._core.jit import jit
from jitkit.errors import JitkitError
from jitkit.ring import _local
from jitkit.ring._accepts import is_block_of_elements, require_array, require_element
from jitkit.ring._block import check_capacity, check_policy
from jitkit.ring._buffer import RingBuffer
from jitkit.ring._construction import emit_new_block
from jitkit.ring._elements import Element, element_of
from jitkit.ring._intrinsics import borrow, require_shape
from jitkit.ring._quiet_intrinsics import on_items
from jitkit.ring._raising_intrinsics import succeeded
from jitkit.ring._types import RingBufferType


@overload(RingBuffer, prefer_literal=True)
def _new_ring_buffer(dtype, capacity, policy="reject"):
    element = constant_element(dtype, "RingBuffer")
    kind = RingBufferType(
        element,
        constant_capacity(capacity, f"RingBuffer({element})"),
        constant_policy(policy, "RingBuffer", ("reject", "overwrite")),
    )

    @intrinsic
    def new(typing_context: Any) -> Any:
        # safe: the block has the size that its header says.
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return emit_new_block(context, builder, kind, "ring buffer")

        return kind(), codegen

    def make(dtype, capacity, policy="reject"):
        return new()

    return make


def constant_element(dtype: Any, where: str) -> Element:
    """Element that a kernel's constructor is given: a NumPy type, a dtype, its name, or a record class."""
    try:
        if isinstance(dtype, types.StringLiteral):
            return element_of(dtype.literal_value, where)
        if (record := getattr(dtype, "record", None)) is not None:
            return element_of(record, where)
        if isinstance(dtype, (types.NumberClass, types.DType)):
            return element_of(numpy_dtype_of(dtype.dtype), where)
    except JitkitError as error:
        raise NumbaTypeError(str(error)) from error
    raise NumbaTypeError(f"expected a dtype or a record class that is a constant, got {dtype} ({where})")


def constant_capacity(capacity: Any, where: str) -> int:
    """Capacity that a kernel's constructor is given."""
    if not isinstance(capacity, types.IntegerLiteral):
        raise NumbaTypeError(
            f"expected a capacity that is a constant, got {capacity} ({where}): it is part of the type"
        )
    try:
        return check_capacity(capacity.literal_value, where)
    except JitkitError as error:
        raise NumbaTypeError(str(error)) from error


def constant_policy(policy: Any, where: str, choices: tuple[str, ...]) -> str:
    """Policy that a kernel's constructor is given."""
    if isinstance(policy, types.Omitted):
        policy = policy.value
    elif isinstance(policy, types.StringLiteral):
        policy = policy.literal_value
    elif not isinstance(policy, str):
        raise NumbaTypeError(f"expected a policy that is a constant, got {policy} ({where})")
    try:
        return check_policy(policy, where, choices)
    except ValueError as error:
        raise NumbaTypeError(str(error)) from error


@overload_method(RingBufferType, "push", inline="always")
def _push(ring, value):
    require_element(ring, value)
    return _local.push


@overload_method(RingBufferType, "pop", inline="always")
def _pop(ring):
    return _local.pop


@overload_method(RingBufferType, "pop_or", inline="always")
def _pop_or(ring, default):
    if not isinstance(default, types.NoneType):
        require_element(ring, default)
    return _local.pop_or


extend_items, drain_items = on_items(_local.extend), on_items(_local.drain)


@overload_method(RingBufferType, "extend", inline="always")
def _extend(ring, values):
    require_array(ring, values)
    if is_block_of_elements(ring, values):

        def extend_by_block(ring, values):
            require_shape(ring, values)
            return succeeded(extend_items(ring, values))

        return extend_by_block

    return lambda ring, values: extend_one_by_one(ring, values)


@jit
def extend_one_by_one(ring, values):
    """Put elements in that do not lie side by side, or are of another type."""
    require_shape(ring, values)
    stored = 0
    for i in range(values.shape[0]):
        if ring.push(values[i]):
            stored += 1
    return stored


@overload_method(RingBufferType, "drain", inline="always")
def _drain(ring, out):
    require_array(ring, out, out=True)
    if is_block_of_elements(ring, out):

        def drain_by_block(ring, out):
            require_shape(ring, out)
            return succeeded(drain_items(ring, out))

        return drain_by_block

    return lambda ring, out: drain_one_by_one(ring, out)


@jit
def drain_one_by_one(ring, out):
    """Take elements out to where they do not lie side by side."""
    require_shape(ring, out)
    taken = min(out.shape[0], len(ring))
    for i in range(taken):
        out[i] = ring.pop()
    return taken


@overload_method(RingBufferType, "peek", inline="always")
def _peek(ring, i=0):
    return _local.peek


@overload(operator.getitem)
def _getitem(ring, i):
    if isinstance(ring, RingBufferType):
        return lambda ring, i: ring.peek(i)
    return None


@overload(len)
def _len(ring):
    if isinstance(ring, RingBufferType):
        return lambda ring: _local.length(borrow(ring))
    return None


@overload_method(RingBufferType, "clear")
def _clear(ring):
    return _local.clear


@overload_method(RingBufferType, "slices")
def _slices(ring):
    return _local.slices


@overload_method(RingBufferType, "to_array")
def _to_array(ring):
    return lambda ring: np.concatenate(ring.slices())


@overload_attribute(RingBufferType, "capacity", inline="always")
def _capacity(ring):
    capacity = ring.capacity
    return lambda ring: capacity


@overload_attribute(RingBufferType, "is_empty")
def _is_empty(ring):
    return lambda ring: _local.length(borrow(ring)) == 0


@overload_attribute(RingBufferType, "is_full")
def _is_full(ring):
    capacity = ring.capacity
    return lambda ring: _local.length(borrow(ring)) == capacity


@overload_attribute(RingBufferType, "dropped")
def _dropped(ring):
    return lambda ring: _local.dropped(borrow(ring))
