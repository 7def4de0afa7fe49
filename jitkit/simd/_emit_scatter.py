"""Machine code of what moves vectors between registers and items that do not lie side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jitkit._core.ir import BYTE, constant, gathered, ir, resized
from jitkit.simd import _scatter as ops
from jitkit.simd._emit import INT32, Emitter, emits
from jitkit.simd._emit_memory import check_places, place
from jitkit.simd._kinds import VectorType
from jitkit.simd._numba_types import lane_type, register_type


@emits(ops.load_strided)
def load_strided(e: Emitter, _: Any, x: Any, i: Any, step: Any, mask: Any = None) -> Any:
    # safe: reads the items i, i + step, ... that the mask has; the kernel keeps them inside the array.
    kind = e.result
    array = _array(e, 1, x)
    if mask is not None:
        return _gather(e, kind, _strided_pointers(e, kind, array, e.types[1], i, step), mask)
    at = _strided(e, kind, array, e.types[1], i, step)
    return one_by_one(e, kind, lambda lane: e.builder.load(at(lane), align=kind.dtype.itemsize))


@emits(ops.store_strided)
def store_strided(e: Emitter, x: Any, i: Any, step: Any, v: Any, mask: Any = None) -> None:
    # safe: writes the items i, i + step, ... that the mask has; the kernel keeps them inside the array.
    kind = e.kind
    array = _array(e, 0, x)
    if mask is not None:
        _scatter(e, kind, _strided_pointers(e, kind, array, e.types[0], i, step), v, mask)
        return
    at = _strided(e, kind, array, e.types[0], i, step)
    for lane in range(kind.lanes):
        e.builder.store(e.builder.extract_element(v, INT32(lane)), at(lane), align=kind.dtype.itemsize)


@emits(ops.gather)
def gather(e: Emitter, _: Any, x: Any, indices: Any, mask: Any = None) -> Any:
    # safe: reads the items of the indices that the mask has; the kernel keeps them inside the array.
    return _gather(e, e.result, _indexed(e, 1, x, indices, mask), mask)


@emits(ops.scatter)
def scatter(e: Emitter, x: Any, indices: Any, v: Any, mask: Any = None) -> None:
    # safe: writes the items of the indices that the mask has; the kernel keeps them inside the array.
    _scatter(e, e.argument(2), _indexed(e, 0, x, indices, mask), v, mask)


@emits(ops.load_interleaved)
def load_interleaved(e: Emitter, _: Any, x: Any, i: Any, n: Any) -> Any:
    # safe: reads as many items from `i` on as all the vectors have lanes; the kernel keeps them inside the array.
    kind, count = e.result[0], len(e.result)
    at = place(e, 1, x, i, kind.lanes * count)
    parts = []
    for k in range(count):
        start = e.builder.bitcast(e.builder.gep(at, [constant(k * kind.lanes)]), register_type(kind).as_pointer())
        parts.append(e.builder.load(start, align=kind.dtype.itemsize))
    if count == 3:
        return [_picked(e, parts, [k + count * lane for lane in range(kind.lanes)]) for k in range(count)]
    if count == 2:
        return deinterleaved(e, *parts)
    (first, second), (third, fourth) = deinterleaved(e, *parts[:2]), deinterleaved(e, *parts[2:])
    (a, c), (b, d) = deinterleaved(e, first, third), deinterleaved(e, second, fourth)
    return [a, b, c, d]


@emits(ops.store_interleaved)
def store_interleaved(e: Emitter, x: Any, i: Any, *vectors: Any) -> None:
    # safe: writes as many items from `i` on as all the vectors have lanes; the kernel keeps them inside the array.
    kind, count = e.kind, len(vectors)
    lanes = kind.lanes
    at = place(e, 0, x, i, lanes * count)
    if count == 3:
        rows = [range(part * lanes, part * lanes + lanes) for part in range(count)]
        parts = [_picked(e, vectors, [item % count * lanes + item // count for item in row]) for row in rows]
    elif count == 2:
        parts = interleaved(e, *vectors)
    else:
        a, b, c, d = vectors
        pairs = zip(interleaved(e, a, c), interleaved(e, b, d), strict=True)
        parts = [part for pair in pairs for part in interleaved(e, *pair)]
    for k, part in enumerate(parts):
        start = e.builder.bitcast(e.builder.gep(at, [constant(k * lanes)]), part.type.as_pointer())
        e.builder.store(part, start, align=kind.dtype.itemsize)


def interleaved(e: Emitter, a: Any, b: Any) -> list[Any]:
    """Lanes of two vectors by turns: the first half, and the second."""
    lanes = a.type.count
    turns = [lane // 2 + lane % 2 * lanes for lane in range(2 * lanes)]
    return [e.swizzled(a, b, turns[:lanes]), e.swizzled(a, b, turns[lanes:])]


def deinterleaved(e: Emitter, a: Any, b: Any) -> list[Any]:
    """The even lanes of two vectors, one after the other, and the odd ones."""
    lanes = a.type.count
    return [e.swizzled(a, b, range(0, 2 * lanes, 2)), e.swizzled(a, b, range(1, 2 * lanes, 2))]


def _picked(e: Emitter, vectors: Sequence[Any], indices: Sequence[int]) -> Any:
    """Lanes picked from three vectors, counted on from each to the next: two at first, the third's are put between."""
    a, b, c = vectors
    lanes = a.type.count
    held = e.swizzled(a, b, [index if index < 2 * lanes else 0 for index in indices])
    return e.swizzled(held, c, [lane if index < 2 * lanes else index - lanes for lane, index in enumerate(indices)])


def one_by_one(e: Emitter, kind: VectorType, load: Callable[[int], Any]) -> Any:
    """Vector of ``load(0), load(1), ...``."""
    value = gathered(e.builder, kind.lanes, load)
    return e.splat(value, 1) if kind.lanes == 1 else value


def _array(e: Emitter, number: int, x: Any) -> Any:
    return e.context.make_array(e.types[number])(e.context, e.builder, x)


def _strided(e: Emitter, kind: VectorType, array: Any, given: Any, i: Any, step: Any) -> Callable[[int], Any]:
    """Pointers to items by lane; checked if numba checks."""
    check_places(e, array, i, e.builder.add(i, e.builder.mul(step, constant(kind.lanes - 1))))
    start, jump = _in_bytes(e, kind, array, given, i, step)
    data = e.builder.bitcast(array.data, BYTE.as_pointer())
    item = lane_type(kind).as_pointer()

    def at(lane: int) -> Any:
        offset = e.builder.add(start, e.builder.mul(jump, constant(lane)))
        return e.builder.bitcast(e.builder.gep(data, [offset]), item)

    return at


def _strided_pointers(e: Emitter, kind: VectorType, array: Any, given: Any, i: Any, step: Any) -> Any:
    start, jump = _in_bytes(e, kind, array, given, i, step)
    numbers = ir.Constant(ir.VectorType(start.type, kind.lanes), list(range(kind.lanes)))
    offsets = e.builder.mul(e.splat(jump, kind.lanes), numbers)
    data = e.builder.bitcast(array.data, BYTE.as_pointer())
    return _pointers(e, data, e.builder.add(e.splat(start, kind.lanes), offsets))


def _in_bytes(e: Emitter, kind: VectorType, array: Any, given: Any, i: Any, step: Any) -> tuple[Any, Any]:
    """Where the first lane lies in an array that may have gaps, and how far it is to the next."""
    contiguous = given.layout == "C"
    stride = constant(kind.dtype.itemsize) if contiguous else e.builder.extract_value(array.strides, 0)
    return e.builder.mul(i, stride), e.builder.mul(step, stride)


def _indexed(e: Emitter, number: int, x: Any, indices: Any, mask: Any) -> Any:
    """Pointers to the items of indices; checked if numba checks."""
    array = _array(e, number, x)
    signed = e.argument(number + 1).dtype.kind == "i"
    wide = resized(e.builder, indices, 64, signed=signed)
    if mask is None and e.context.enable_boundscheck:
        check_places(e, array, *(e.builder.extract_element(wide, INT32(lane)) for lane in range(wide.type.count)))
    return _pointers(e, array.data, wide)


def _pointers(e: Emitter, base: Any, offsets: Any) -> Any:
    """Vector of pointers, each so many items behind another; llvmlite knows only how to make one of them."""
    found = e.builder.gep(base, [offsets], source_etype=base.type.pointee)
    found.type = ir.VectorType(ir.PointerType(), offsets.type.count)
    return found


def _gather(e: Emitter, kind: VectorType, pointers: Any, mask: Any) -> Any:
    size = INT32(kind.dtype.itemsize)
    return e.memory("masked.gather", kind, pointers, size, _all(kind, mask), e.number(0, kind), places=_places(kind))


def _scatter(e: Emitter, kind: VectorType, pointers: Any, v: Any, mask: Any) -> None:
    size = INT32(kind.dtype.itemsize)
    arguments = v, pointers, size, _all(kind, mask)
    e.memory("masked.scatter", kind, *arguments, result=ir.VoidType(), places=_places(kind))


def _all(kind: VectorType, mask: Any) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(1), kind.lanes), [1] * kind.lanes) if mask is None else mask


def _places(kind: VectorType) -> str:
    return f"v{kind.lanes}p0"
