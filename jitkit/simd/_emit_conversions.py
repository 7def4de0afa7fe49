"""Machine code of conversions."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.ir import resized
from jitkit.simd import _conversions as ops
from jitkit.simd._emit import Emitter, emits
from jitkit.simd._kinds import VectorType
from jitkit.simd._numba_types import register_type


@emits(ops.cast)
def cast(e: Emitter, _: Any, v: Any) -> Any:
    return _converted(e, v, e.kind, e.result)


def _converted(e: Emitter, v: Any, source: VectorType, wanted: VectorType) -> Any:
    into, letter = register_type(wanted), wanted.dtype.kind
    if source.dtype.kind != "f":
        if letter != "f":
            return resized(e.builder, v, wanted.bits, signed=source.dtype.kind == "i")
        return (e.builder.sitofp if source.dtype.kind == "i" else e.builder.uitofp)(v, into)
    if letter != "f":
        return _whole(e, v, wanted)
    if source.bits == wanted.bits:
        return v
    return (e.builder.fpext if source.bits < wanted.bits else e.builder.fptrunc)(v, into)


def _whole(e: Emitter, v: Any, wanted: VectorType) -> Any:
    """Integers of floats. LLVM has this as ``fptosi.sat``, but on x86 it does that lane by lane.

    What its plain conversion gives for a number that does not fit is open: so floats are put between the limits first.
    The upper one may be no float, as 2**31 - 1 is no float32. Then those too high are picked out afterwards.
    """
    limits, lane = np.iinfo(wanted.dtype), e.kind.dtype.type
    least, most = float(lane(limits.min)), float(lane(limits.max))
    if limits.min:
        v = e.builder.select(e.builder.fcmp_ordered("ord", v, v), v, e.number(0.0))
    v = e.builder.select(e.builder.fcmp_ordered(">", v, e.number(least)), v, e.number(least))  # never NaN any more
    convert = e.builder.fptosi if limits.min or wanted.bits < 32 else e.builder.fptoui
    into = register_type(wanted if wanted.bits >= 32 else wanted.with_dtype("i4"))
    if int(most) == limits.max:
        v = e.builder.select(e.builder.fcmp_ordered("<", v, e.number(most)), v, e.number(most))
        return resized(e.builder, convert(v, into), wanted.bits)
    too_high = e.builder.fcmp_ordered(">=", v, e.number(most))
    return e.builder.select(too_high, e.number(int(limits.max), wanted), convert(v, into))


@emits(ops.saturating_cast)
def saturating_cast(e: Emitter, _: Any, v: Any) -> Any:
    own, limits = np.iinfo(e.kind.dtype), np.iinfo(e.result.dtype)
    letter = "s" if e.letter == "i" else "u"
    if limits.min > own.min:
        v = e.intrinsic(f"{letter}max", v, e.number(int(limits.min)))
    if limits.max < own.max:
        v = e.intrinsic(f"{letter}min", v, e.number(int(limits.max)))
    return resized(e.builder, v, e.result.bits, signed=e.letter == "i")


@emits(ops.bitcast)
def bitcast(e: Emitter, _: Any, v: Any) -> Any:
    return e.builder.bitcast(v, register_type(e.result))


@emits(ops.to_int)
def to_int(e: Emitter, _: Any, mask: Any) -> Any:
    return e.builder.sext(mask, register_type(e.result))


@emits(ops.widen)
def widen(e: Emitter, v: Any) -> Any:
    return _converted(e, v, e.kind, e.result)


@emits(ops.widen_low)
def widen_low(e: Emitter, v: Any) -> Any:
    return _converted(e, e.swizzled(v, v, range(e.result.lanes)), e.kind, e.result)


@emits(ops.widen_high)
def widen_high(e: Emitter, v: Any) -> Any:
    return _converted(e, e.swizzled(v, v, range(e.result.lanes, e.kind.lanes)), e.kind, e.result)
