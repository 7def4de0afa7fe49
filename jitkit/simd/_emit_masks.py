"""Machine code of masks."""

from __future__ import annotations

from typing import Any

from jitkit._core.ir import WORD, ir, resized
from jitkit.simd import _masks as ops
from jitkit.simd._emit import Emitter, emits
from jitkit.simd._numba_types import register_type


@emits(ops.select)
def select(e: Emitter, mask: Any, a: Any, b: Any) -> Any:
    return e.builder.select(mask, a, b)


@emits(ops.to_bits)
def to_bits(e: Emitter, mask: Any) -> Any:
    return resized(e.builder, e.builder.bitcast(mask, ir.IntType(mask.type.count)), WORD.width)


@emits(ops.from_bits)
def from_bits(e: Emitter, _: Any, bits: Any) -> Any:
    lanes = e.result.lanes
    return e.builder.bitcast(resized(e.builder, bits, lanes), register_type(e.result))
