"""Machine code of the operators."""

from __future__ import annotations

from typing import Any

from jitkit.simd import _operators as ops
from jitkit.simd._emit import Emitter, emits


@emits(ops.add)
def add(e: Emitter, a: Any, b: Any) -> Any:
    return e.builder.fadd(a, b) if e.letter == "f" else e.builder.add(a, b)


@emits(ops.sub)
def sub(e: Emitter, a: Any, b: Any) -> Any:
    return e.builder.fsub(a, b) if e.letter == "f" else e.builder.sub(a, b)


@emits(ops.mul)
def mul(e: Emitter, a: Any, b: Any) -> Any:
    return e.builder.fmul(a, b) if e.letter == "f" else e.builder.mul(a, b)


@emits(ops.truediv)
def truediv(e: Emitter, a: Any, b: Any) -> Any:
    return e.builder.fdiv(a, b)


@emits(ops.floordiv)
def floordiv(e: Emitter, a: Any, b: Any) -> Any:
    return (_float_quotient if e.letter == "f" else _quotient)(e, a, b)[0]


@emits(ops.mod)
def mod(e: Emitter, a: Any, b: Any) -> Any:
    return (_float_quotient if e.letter == "f" else _quotient)(e, a, b)[1]


def _quotient(e: Emitter, a: Any, b: Any) -> tuple[Any, Any]:
    """Quotient and rest of integers. Machine division traps on a divisor of 0, and on the least number by -1."""
    zero, one = e.number(0), e.number(1)
    no_divisor = e.builder.icmp_unsigned("==", b, zero)
    if e.letter == "u":
        divisor = e.builder.select(no_divisor, one, b)
        quotient, rest = e.builder.udiv(a, divisor), e.builder.urem(a, divisor)
    else:
        minus_one = e.builder.icmp_signed("==", b, e.number(-1))
        divisor = e.builder.select(e.builder.or_(no_divisor, minus_one), one, b)
        quotient, rest = e.builder.sdiv(a, divisor), e.builder.srem(a, divisor)
        # Machine division rounds to zero: down is one less where there is a rest of the other sign.
        other_sign = e.builder.icmp_signed("<", e.builder.xor(rest, divisor), zero)
        below = e.builder.and_(e.builder.icmp_signed("!=", rest, zero), other_sign)
        quotient = e.builder.select(below, e.builder.sub(quotient, one), quotient)
        rest = e.builder.select(below, e.builder.add(rest, divisor), rest)
        quotient = e.builder.select(minus_one, e.builder.neg(a), quotient)
    return e.builder.select(no_divisor, zero, quotient), e.builder.select(no_divisor, zero, rest)


def _float_quotient(e: Emitter, a: Any, b: Any) -> tuple[Any, Any]:
    """Quotient and rest of floats as NumPy's `npy_divmod` has them: by the rest of `fmod`, which is exact."""
    zero, one = e.number(0.0), e.number(1.0)
    rest = e.builder.frem(a, b)
    has_rest = e.builder.fcmp_unordered("!=", rest, zero)
    negative = e.builder.fcmp_ordered("<", b, zero)
    other_sign = e.builder.xor(negative, e.builder.fcmp_ordered("<", rest, zero))
    exact = e.builder.fdiv(e.builder.fsub(a, rest), b)
    below = e.builder.and_(has_rest, other_sign)
    rest = e.builder.select(below, e.builder.fadd(rest, b), rest)
    rest = e.builder.select(has_rest, rest, e.intrinsic("copysign", zero, b))
    exact = e.builder.select(below, e.builder.fsub(exact, one), exact)
    down = e.intrinsic("floor", exact)
    far = e.builder.fcmp_ordered(">", e.builder.fsub(exact, down), e.number(0.5))
    whole = e.builder.select(far, e.builder.fadd(down, one), down)
    plain = e.builder.fdiv(a, b)
    none = e.builder.fcmp_ordered("==", exact, zero)
    whole = e.builder.select(none, e.intrinsic("copysign", zero, plain), whole)
    without = e.builder.fcmp_ordered("==", b, zero)
    return e.builder.select(without, plain, whole), rest


@emits(ops.and_)
def and_(e: Emitter, a: Any, b: Any) -> Any:
    return e.builder.and_(a, b)


@emits(ops.or_)
def or_(e: Emitter, a: Any, b: Any) -> Any:
    return e.builder.or_(a, b)


@emits(ops.xor)
def xor(e: Emitter, a: Any, b: Any) -> Any:
    return e.builder.xor(a, b)


@emits(ops.invert)
def invert(e: Emitter, a: Any) -> Any:
    return e.builder.not_(a)


@emits(ops.lshift)
def lshift(e: Emitter, a: Any, b: Any) -> Any:
    """LLVM leaves a shift by all bits or more open; `select` does not look at what it does not take."""
    small = e.builder.icmp_unsigned("<", b, e.number(e.kind.bits))
    return e.builder.select(small, e.builder.shl(a, b), e.number(0))


@emits(ops.rshift)
def rshift(e: Emitter, a: Any, b: Any) -> Any:
    most = e.number(e.kind.bits - 1)
    small = e.builder.icmp_unsigned("<=", b, most)
    if e.letter == "u":
        return e.builder.select(small, e.builder.lshr(a, b), e.number(0))
    return e.builder.ashr(a, e.builder.select(small, b, most))


@emits(ops.neg)
def neg(e: Emitter, a: Any) -> Any:
    return e.builder.fneg(a) if e.letter == "f" else e.builder.neg(a)


@emits(ops.pos)
def pos(e: Emitter, a: Any) -> Any:
    return a


def _comparison(symbol: str) -> Any:
    def emit(e: Emitter, a: Any, b: Any) -> Any:
        if isinstance(e.call.arguments[0], type(e.result)):  # masks
            return e.builder.icmp_unsigned(symbol, a, b)
        if e.letter == "f":
            return (e.builder.fcmp_unordered if symbol == "!=" else e.builder.fcmp_ordered)(symbol, a, b)
        return (e.builder.icmp_signed if e.letter == "i" else e.builder.icmp_unsigned)(symbol, a, b)

    return emit


for _symbol, _function in {"<": ops.lt, "<=": ops.le, ">": ops.gt, ">=": ops.ge, "==": ops.eq, "!=": ops.ne}.items():
    emits(_function)(_comparison(_symbol))
