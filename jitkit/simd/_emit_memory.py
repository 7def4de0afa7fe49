"""Machine code of what makes vectors, and moves them between registers and arrays."""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import cgutils
from jitkit._core.ir import constant, ir, store_past_caches
from jitkit.simd import _memory as ops
from jitkit.simd._emit import INT32, Emitter, emits
from jitkit.simd._numba_types import register_type


@emits(ops.splat)
def splat(e: Emitter, _: Any, value: Any) -> Any:
    return e.splat(value, e.result.lanes)


@emits(ops.iota)
def iota(e: Emitter, _: Any) -> Any:
    return ir.Constant(register_type(e.result), list(range(e.result.lanes)))


@emits(ops.first)
def first(e: Emitter, _: Any, count: Any) -> Any:
    """By 32-bit lanes, of which more fit into a register: more than all lanes and less than none make no difference."""
    lanes = e.result.lanes
    some = e.builder.icmp_signed("<", count, constant(lanes))
    few = e.builder.select(some, count, constant(lanes))
    few = e.builder.select(e.builder.icmp_signed("<", few, constant(0)), constant(0), few)
    numbers = ir.Constant(ir.VectorType(INT32, lanes), list(range(lanes)))
    return e.builder.icmp_signed("<", numbers, e.splat(e.builder.trunc(few, INT32), lanes))


@emits(ops.load)
def load(e: Emitter, _: Any, x: Any, i: Any, mask: Any = None) -> Any:
    # safe: reads the lanes from `i` on that the mask has; the kernel keeps them inside the array.
    kind = e.result
    at = place(e, 1, x, i, kind.lanes if mask is None else None)
    size = kind.dtype.itemsize
    if mask is None:
        return e.builder.load(e.builder.bitcast(at, register_type(kind).as_pointer()), align=size)
    return e.memory("masked.load", kind, at, INT32(size), mask, e.number(0, kind))


@emits(ops.load_aligned)
def load_aligned(e: Emitter, _: Any, x: Any, i: Any) -> Any:
    # safe: reads the lanes from `i` on; the kernel keeps them inside the array, at a multiple of the vector's bytes.
    kind = e.result
    at = place(e, 1, x, i, kind.lanes)
    return e.builder.load(e.builder.bitcast(at, register_type(kind).as_pointer()), align=kind.nbytes)


@emits(ops.from_array)
def from_array(e: Emitter, _: Any, x: Any) -> Any:
    # safe: reads the array's first lanes; the kernel takes one that has them.
    kind = e.result
    at = place(e, 1, x, constant(0), kind.lanes)
    return e.builder.load(e.builder.bitcast(at, register_type(kind).as_pointer()), align=kind.dtype.itemsize)


@emits(ops.store)
def store(e: Emitter, x: Any, i: Any, v: Any, mask: Any = None) -> Any:
    # safe: writes the lanes from `i` on that the mask has; the kernel keeps them inside the array.
    kind = e.kind
    at = place(e, 0, x, i, kind.lanes if mask is None else None)
    size = kind.dtype.itemsize
    if mask is None:
        e.builder.store(v, e.builder.bitcast(at, v.type.as_pointer()), align=size)
    else:
        e.memory("masked.store", kind, v, at, INT32(size), mask, result=ir.VoidType())


@emits(ops.store_aligned)
def store_aligned(e: Emitter, x: Any, i: Any, v: Any) -> None:
    # safe: writes the lanes from `i` on; the kernel keeps them inside the array, at a multiple of the vector's bytes.
    at = place(e, 0, x, i, e.kind.lanes)
    e.builder.store(v, e.builder.bitcast(at, v.type.as_pointer()), align=e.kind.nbytes)


@emits(ops.store_nontemporal)
def store_nontemporal(e: Emitter, x: Any, i: Any, v: Any) -> None:
    # safe: writes the lanes from `i` on; the kernel keeps them inside the array, at a multiple of the vector's bytes.
    at = place(e, 0, x, i, e.kind.lanes)
    store_past_caches(e.builder, v, e.builder.bitcast(at, v.type.as_pointer()), e.kind.nbytes)


@emits(ops.fence)
def fence(e: Emitter) -> None:
    e.builder.fence("seq_cst")


def place(e: Emitter, number: int, x: Any, i: Any, lanes: int | None) -> Any:
    """Pointer to one item of an array, which is an argument of a number; checked with its followers if numba checks."""
    array = e.context.make_array(e.types[number])(e.context, e.builder, x)
    if lanes is not None:
        check_places(e, array, i, e.builder.add(i, constant(lanes - 1)))
    return e.builder.gep(array.data, [i])


def check_places(e: Emitter, array: Any, *places: Any) -> None:
    """Raise an IndexError if a position is outside the array, where numba does so everywhere."""
    if e.context.enable_boundscheck:
        length = e.builder.extract_value(array.shape, 0)
        for at in places:
            cgutils.do_boundscheck(e.context, e.builder, at, length)
