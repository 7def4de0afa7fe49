"""Machine code of arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jitkit._core.cpu import target
from jitkit._core.ir import FLAG, declared, ir
from jitkit.simd import _arithmetic as ops
from jitkit.simd._emit import Emitter, emits


def _one_intrinsic(name: str) -> Any:
    def emit(e: Emitter, *arguments: Any) -> Any:
        return e.intrinsic(name, *arguments)

    return emit


# LLVM assumes the default rounding mode, in which `rint` is `roundeven`: older C libraries lack the latter.
for _function, _name in {
    ops.fma: "fma", ops.mul_add: "fmuladd", ops.sqrt: "sqrt", ops.floor: "floor", ops.ceil: "ceil",
    ops.trunc: "trunc", ops.round: "round", ops.round_ties_even: "rint", ops.copysign: "copysign",
}.items():  # fmt: skip
    emits(_function)(_one_intrinsic(_name))


@emits(ops.abs)
def abs(e: Emitter, v: Any) -> Any:
    return e.intrinsic("fabs", v) if e.letter == "f" else e.intrinsic("abs", v, FLAG(0))


def _picked(e: Emitter, symbol: str, a: Any, b: Any) -> Any:
    """``a if a < b else b``, which of floats is what x86 does: LLVM's `minnum` leaves zeros open, and takes longer."""
    if e.letter == "f":
        return e.builder.select(e.builder.fcmp_ordered(symbol, a, b), a, b)
    return e.intrinsic(("s" if e.letter == "i" else "u") + {"<": "min", ">": "max"}[symbol], a, b)


@emits(ops.min_fast)
def min_fast(e: Emitter, a: Any, b: Any) -> Any:
    return _picked(e, "<", a, b)


@emits(ops.max_fast)
def max_fast(e: Emitter, a: Any, b: Any) -> Any:
    return _picked(e, ">", a, b)


@emits(ops.min)
def min(e: Emitter, a: Any, b: Any) -> Any:
    return _picked(e, "<", a, _number(e, b, a))


@emits(ops.max)
def max(e: Emitter, a: Any, b: Any) -> Any:
    return _picked(e, ">", a, _number(e, b, a))


def _number(e: Emitter, b: Any, a: Any) -> Any:
    """`b`, but `a` where that is NaN. If the result were picked so, LLVM would not see the minimum in it."""
    return e.builder.select(e.builder.fcmp_unordered("uno", b, b), a, b) if e.letter == "f" else b


@emits(ops.minimum)
def minimum(e: Emitter, a: Any, b: Any) -> Any:
    return e.intrinsic("minimum", a, b) if e.letter == "f" else _picked(e, "<", a, b)


@emits(ops.maximum)
def maximum(e: Emitter, a: Any, b: Any) -> Any:
    return e.intrinsic("maximum", a, b) if e.letter == "f" else _picked(e, ">", a, b)


@emits(ops.clamp)
def clamp(e: Emitter, v: Any, low: Any, high: Any) -> Any:
    return _picked(e, "<", high, _picked(e, ">", low, v))


@emits(ops.recip)
def recip(e: Emitter, v: Any) -> Any:
    return e.builder.fdiv(e.number(1.0), v)


@emits(ops.rsqrt_estimate)
def rsqrt_estimate(e: Emitter, v: Any) -> Any:
    # safe: an instruction is chosen only if the processor that numba compiles for has it.
    features, bits, size = target().features, e.kind.bits, e.kind.bits * e.kind.lanes
    if "avx512f" in features:
        width = 512 if size >= 512 or "avx512vl" not in features else 256 if size == 256 else 128
        return _by_registers(e, v, width // bits, _rsqrt14)
    if bits == 32 and "avx" in features and size > 128:
        return _by_registers(e, v, 8, lambda e, part: _x86(e, "avx.rsqrt.ps.256", part))
    if bits == 32 and "sse" in features:
        return _by_registers(e, v, 4, lambda e, part: _x86(e, "sse.rsqrt.ps", part))
    return e.builder.fdiv(e.number(1.0), e.intrinsic("sqrt", v))


def _rsqrt14(e: Emitter, part: Any) -> Any:
    """Of all lanes: the mask, which has at least 8 bits, is full."""
    lanes, bits = part.type.count, e.kind.bits
    every = ir.Constant(ir.IntType(16 if lanes == 16 else 8), -1)
    return _x86(e, f"avx512.rsqrt14.p{'s' if bits == 32 else 'd'}.{lanes * bits}", part, e.undefined(part), every)


def _x86(e: Emitter, name: str, part: Any, *others: Any) -> Any:
    kind = ir.FunctionType(part.type, [part.type, *(other.type for other in others)])
    return e.builder.call(declared(e.builder.module, f"llvm.x86.{name}", kind), [part, *others])


def _by_registers(e: Emitter, v: Any, lanes: int, emit: Callable[[Emitter, Any], Any]) -> Any:
    """What is emitted for one register of so many lanes, for a vector that is wider, or fills not even one."""
    have = v.type.count
    if have <= lanes:
        whole = emit(e, v if have == lanes else e.swizzled(v, v, [i % have for i in range(lanes)]))
        return whole if have == lanes else e.swizzled(whole, whole, range(have))
    halves = [e.swizzled(v, v, range(start, start + have // 2)) for start in (0, have // 2)]
    low, high = (_by_registers(e, half, lanes, emit) for half in halves)
    return e.swizzled(low, high, range(have))


@emits(ops.fract)
def fract(e: Emitter, v: Any) -> Any:
    return e.builder.fsub(v, e.intrinsic("trunc", v))


@emits(ops.signum)
def signum(e: Emitter, v: Any) -> Any:
    if e.letter == "i":
        return _picked(e, "<", _picked(e, ">", v, e.number(-1)), e.number(1))
    signed = e.intrinsic("copysign", e.number(1.0), v)
    return e.builder.select(e.builder.fcmp_unordered("uno", v, v), v, signed)


@emits(ops.is_nan)
def is_nan(e: Emitter, v: Any) -> Any:
    return e.builder.fcmp_unordered("uno", v, v)


@emits(ops.is_infinite)
def is_infinite(e: Emitter, v: Any) -> Any:
    return e.builder.fcmp_ordered("==", e.intrinsic("fabs", v), e.number(float("inf")))


@emits(ops.is_finite)
def is_finite(e: Emitter, v: Any) -> Any:
    return e.builder.fcmp_ordered("<", e.intrinsic("fabs", v), e.number(float("inf")))


@emits(ops.is_sign_negative)
def is_sign_negative(e: Emitter, v: Any) -> Any:
    kind = ir.VectorType(ir.IntType(e.kind.bits), e.kind.lanes)
    return e.builder.icmp_signed("<", e.builder.bitcast(v, kind), ir.Constant(kind, [0] * e.kind.lanes))
