"""Machine code of running totals."""

from __future__ import annotations

from typing import Any

from jitkit.simd import _scans as ops
from jitkit.simd._emit import Emitter, emits
from jitkit.simd._emit_reductions import Combine, greater, lesser, plus


@emits(ops.prefix_sum)
def prefix_sum(e: Emitter, v: Any) -> Any:
    return _scanned(e, plus, v, -0.0 if e.letter == "f" else 0)  # 0.0 would turn -0.0 into 0.0


@emits(ops.prefix_min)
def prefix_min(e: Emitter, v: Any) -> Any:
    return _scanned(e, lesser, v)


@emits(ops.prefix_max)
def prefix_max(e: Emitter, v: Any) -> Any:
    return _scanned(e, greater, v)


@emits(ops.prefix_xor)
def prefix_xor(e: Emitter, v: Any) -> Any:
    return _scanned(e, lambda e, a, b: e.builder.xor(a, b), v, 0)


def _scanned(e: Emitter, combine: Combine, v: Any, nothing: float | None = None) -> Any:
    """Lanes before the first are `nothing`, which changes no number, or the first again, which then does not either."""
    lanes, step = v.type.count, 1
    while step < lanes:
        if nothing is None:
            before = e.swizzled(v, e.undefined(v), [max(i - step, 0) for i in range(lanes)])
        else:
            before = e.swizzled(e.number(nothing), v, range(lanes - step, 2 * lanes - step))
        v = combine(e, v, before)
        step *= 2
    return v
