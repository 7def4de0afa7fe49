"""Machine code of what moves lanes about inside registers. LLVM finds the instructions for a given order of lanes."""

from __future__ import annotations

from typing import Any

from jitkit._core.ir import ir
from jitkit.simd import _shuffles as ops
from jitkit.simd._emit import Emitter, emits
from jitkit.simd._emit_scatter import deinterleaved, interleaved

HALF = 16  # bytes inside which AVX2 moves lanes at once, and that SSE's registers have


@emits(ops.swizzle)
def swizzle(e: Emitter, v: Any, _: Any) -> Any:
    return e.swizzled(v, e.undefined(v), e.argument(1).indices)


@emits(ops.swizzle2)
def swizzle2(e: Emitter, a: Any, b: Any, _: Any) -> Any:
    return e.swizzled(a, b, e.argument(2).indices)


@emits(ops.reverse)
def reverse(e: Emitter, v: Any) -> Any:
    return e.swizzled(v, e.undefined(v), range(v.type.count)[::-1])


@emits(ops.rotate_elements_left)
def rotate_elements_left(e: Emitter, v: Any, _: Any) -> Any:
    return _rotated(e, v, e.argument(1).value)


@emits(ops.rotate_elements_right)
def rotate_elements_right(e: Emitter, v: Any, _: Any) -> Any:
    return _rotated(e, v, -e.argument(1).value)


def _rotated(e: Emitter, v: Any, n: int) -> Any:
    lanes = v.type.count
    return e.swizzled(v, e.undefined(v), [(lane + n) % lanes for lane in range(lanes)])


@emits(ops.shift_elements_left)
def shift_elements_left(e: Emitter, v: Any, _: Any, fill: Any = None) -> Any:
    lanes, n = v.type.count, e.argument(1).value
    return e.swizzled(v, _filling(e, v, fill), [min(lane + n, lanes) for lane in range(lanes)])


@emits(ops.shift_elements_right)
def shift_elements_right(e: Emitter, v: Any, _: Any, fill: Any = None) -> Any:
    lanes, n = v.type.count, e.argument(1).value
    return e.swizzled(v, _filling(e, v, fill), [lane - n if lane >= n else lanes for lane in range(lanes)])


@emits(ops.resize)
def resize(e: Emitter, v: Any, _: Any, fill: Any = None) -> Any:
    return e.swizzled(v, _filling(e, v, fill), [min(lane, v.type.count) for lane in range(e.result.lanes)])


def _filling(e: Emitter, v: Any, fill: Any) -> Any:
    return ir.Constant(v.type, None) if fill is None else e.splat(fill, v.type.count)


@emits(ops.interleave)
def interleave(e: Emitter, a: Any, b: Any) -> Any:
    return interleaved(e, a, b)


@emits(ops.deinterleave)
def deinterleave(e: Emitter, a: Any, b: Any) -> Any:
    return deinterleaved(e, a, b)


@emits(ops.concat)
def concat(e: Emitter, a: Any, b: Any) -> Any:
    return e.swizzled(a, b, range(2 * a.type.count))


@emits(ops.low_half)
def low_half(e: Emitter, v: Any) -> Any:
    return e.swizzled(v, e.undefined(v), range(v.type.count // 2))


@emits(ops.high_half)
def high_half(e: Emitter, v: Any) -> Any:
    return e.swizzled(v, e.undefined(v), range(v.type.count // 2, v.type.count))


@emits(ops.transpose)
def transpose(e: Emitter, *rows: Any) -> Any:
    """Each bit of a row's number changes places with one of a lane's: first those inside 16 bytes, all at once.

    When rows of a group are interleaved inside 16 bytes, the highest bit of their number becomes the lowest of the
    lane's there, whose highest becomes the lowest of the row's. After as many rounds as those have, all are changed.
    """
    lanes, held = len(rows), list(rows)
    block = min(lanes, HALF // e.kind.dtype.itemsize)
    low = [lane // block * block + lane % block // 2 + lane % 2 * lanes for lane in range(lanes)]
    high = [index + block // 2 for index in low]
    for _ in range(block.bit_length() - 1):
        mixed = []
        for group in range(0, lanes, block):
            for k in range(group, group + block // 2):
                a, b = held[k], held[k + block // 2]
                mixed += [e.swizzled(a, b, low), e.swizzled(a, b, high)]
        held = mixed
    while block < lanes:
        one = [lane if not lane & block else lane - block + lanes for lane in range(lanes)]
        other = [lane + lanes if lane & block else lane + block for lane in range(lanes)]
        for k in range(lanes):
            if not k & block:
                a, b = held[k], held[k + block]
                held[k], held[k + block] = e.swizzled(a, b, one), e.swizzled(a, b, other)
        block *= 2
    return held
