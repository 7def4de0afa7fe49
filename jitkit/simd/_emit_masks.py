"""Machine code of masks."""

from __future__ import annotations

from typing import Any

from jitkit._core.ir import FLAG, WORD, constant, ir, resized
from jitkit.simd import _masks as ops
from jitkit.simd._emit import Emitter, emits
from jitkit.simd._numba_types import register_type


@emits(ops.select)
def select(e: Emitter, mask: Any, a: Any, b: Any) -> Any:
    return e.builder.select(mask, a, b)


@emits(ops.to_bits)
def to_bits(e: Emitter, mask: Any) -> Any:
    return resized(e.builder, _bits(e, mask), WORD.width)


@emits(ops.from_bits)
def from_bits(e: Emitter, _: Any, bits: Any) -> Any:
    lanes = e.result.lanes
    return e.builder.bitcast(resized(e.builder, bits, lanes), register_type(e.result))


@emits(ops.any)
def any(e: Emitter, mask: Any) -> Any:
    bits = _bits(e, mask)
    return e.builder.icmp_unsigned("!=", bits, bits.type(0))


@emits(ops.all)
def all(e: Emitter, mask: Any) -> Any:
    bits = _bits(e, mask)
    return e.builder.icmp_unsigned("==", bits, bits.type(-1))


@emits(ops.none)
def none(e: Emitter, mask: Any) -> Any:
    bits = _bits(e, mask)
    return e.builder.icmp_unsigned("==", bits, bits.type(0))


@emits(ops.count)
def count(e: Emitter, mask: Any) -> Any:
    return e.intrinsic("ctpop", to_bits(e, mask))


@emits(ops.first_set)
def first_set(e: Emitter, mask: Any) -> Any:
    bits = to_bits(e, mask)
    if mask.type.count < WORD.width:
        bits = e.builder.or_(bits, constant(1 << mask.type.count))  # an end that is found if nothing else is
    return e.intrinsic("cttz", bits, FLAG(0), of=WORD)


@emits(ops.last_set)
def last_set(e: Emitter, mask: Any) -> Any:
    return e.builder.sub(constant(WORD.width - 1), e.intrinsic("ctlz", to_bits(e, mask), FLAG(0), of=WORD))


def _bits(e: Emitter, mask: Any) -> Any:
    return e.builder.bitcast(mask, ir.IntType(mask.type.count))
