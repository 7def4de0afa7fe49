"""Machine code of integers beyond the operators."""

from __future__ import annotations

from typing import Any

from jitkit._core.ir import FLAG, ir, resized
from jitkit.simd import _bits as ops
from jitkit.simd._emit import Emitter, emits


@emits(ops.count_ones)
def count_ones(e: Emitter, v: Any) -> Any:
    return e.intrinsic("ctpop", v)


@emits(ops.leading_zeros)
def leading_zeros(e: Emitter, v: Any) -> Any:
    return e.intrinsic("ctlz", v, FLAG(0))  # 0 is not left open


@emits(ops.trailing_zeros)
def trailing_zeros(e: Emitter, v: Any) -> Any:
    return e.intrinsic("cttz", v, FLAG(0))


@emits(ops.swap_bytes)
def swap_bytes(e: Emitter, v: Any) -> Any:
    return v if e.kind.bits == 8 else e.intrinsic("bswap", v)


@emits(ops.reverse_bits)
def reverse_bits(e: Emitter, v: Any) -> Any:
    return e.intrinsic("bitreverse", v)


# A funnel shift of twice the same is a rotation, and counts its bits modulo the lane's.
@emits(ops.rotl)
def rotl(e: Emitter, v: Any, n: Any) -> Any:
    return e.intrinsic("fshl", v, v, n)


@emits(ops.rotr)
def rotr(e: Emitter, v: Any, n: Any) -> Any:
    return e.intrinsic("fshr", v, v, n)


def _of_sign(e: Emitter, name: str, a: Any, b: Any) -> Any:
    return e.intrinsic(("s" if e.letter == "i" else "u") + name, a, b)


@emits(ops.saturating_add)
def saturating_add(e: Emitter, a: Any, b: Any) -> Any:
    return _of_sign(e, "add.sat", a, b)


@emits(ops.saturating_sub)
def saturating_sub(e: Emitter, a: Any, b: Any) -> Any:
    return _of_sign(e, "sub.sat", a, b)


@emits(ops.abs_diff)
def abs_diff(e: Emitter, a: Any, b: Any) -> Any:
    return e.builder.sub(_of_sign(e, "max", a, b), _of_sign(e, "min", a, b))


@emits(ops.average)
def average(e: Emitter, a: Any, b: Any) -> Any:
    """Half of what both have is the bits they share, and half of the others: LLVM knows it as ``pavg``."""
    shift = e.builder.ashr if e.letter == "i" else e.builder.lshr
    return e.builder.sub(e.builder.or_(a, b), shift(e.builder.xor(a, b), e.number(1)))


@emits(ops.mul_high)
def mul_high(e: Emitter, a: Any, b: Any) -> Any:
    bits = e.kind.bits
    product = _product(e, a, b)
    places = ir.Constant(product.type, [bits] * e.kind.lanes)
    return e.builder.trunc(e.builder.lshr(product, places), a.type)


@emits(ops.mul_wide)
def mul_wide(e: Emitter, a: Any, b: Any) -> Any:
    half = e.kind.lanes // 2
    parts = [range(start, start + half) for start in (0, half)]
    return [_product(e, e.swizzled(a, a, part), e.swizzled(b, b, part)) for part in parts]


def _product(e: Emitter, a: Any, b: Any) -> Any:
    """In twice as many bits."""
    long_a, long_b = (resized(e.builder, each, 2 * e.kind.bits, signed=e.letter == "i") for each in (a, b))
    return e.builder.mul(long_a, long_b)
