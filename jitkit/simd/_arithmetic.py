"""Arithmetic beyond the operators: fused products, least and greatest, roots, rounding, and what kind of float it is.

Costs are those of one register with AVX2 or AVX-512; constants, which loops load only once, are not counted.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from jitkit.simd._operation import operation
from jitkit.simd._rules import comparison, same

Lanes = Any  # arrays, (lanes,): what an emulation gets

# Features of processors that have fused products, for which LLVM then makes `mul_add` one.
FUSING = frozenset({"fma", "fma4", "neon"})


@operation(same("f"))
def fma(a: Lanes, b: Lanes, c: Lanes) -> Lanes:
    """``a * b + c``, rounded once.

    Notes
    -----
    The same bits on every processor. On one without fused products (x86 before AVX2) each lane is a call into the C
    library: 5 to 12 times slower than `mul_add` where that library has the instruction itself (measured on Zen 4,
    compiled for Nehalem), and more where it must do without. If rounding twice does no harm, use `mul_add`.
    """
    return _fused_single(a, b, c) if a.dtype == np.float32 else _fused_double(a, b, c)


@operation(same("f"))
def mul_add(a: Lanes, b: Lanes, c: Lanes) -> Lanes:
    """``a * b + c`` in the fastest way: rounded once where the processor has fused products, and twice elsewhere."""
    from jitkit._core import cpu  # loads LLVM

    return fma.__wrapped__(a, b, c) if FUSING & cpu.target().features else a * b + c  # type: ignore[attr-defined]


@operation(same("if"))
def abs(v: Lanes) -> Lanes:  # noqa: A001
    """Without the sign; the most negative integer stays as it is. Of 64-bit integers one instruction with AVX-512."""
    return np.abs(v)


@operation(same())
def min(a: Lanes, b: Lanes) -> Lanes:  # noqa: A001
    """The lesser one; beside a NaN, the number. Of zeros with different signs, that of `b`.

    Of floats three instructions: see `min_fast`. Of 64-bit integers one with AVX-512 only.
    """
    return np.where(np.isnan(b) | (a < b), a, b)


@operation(same())
def max(a: Lanes, b: Lanes) -> Lanes:  # noqa: A001
    """The greater one; beside a NaN, the number. Of zeros with different signs, that of `b`.

    Of floats three instructions: see `max_fast`. Of 64-bit integers one with AVX-512 only.
    """
    return np.where(np.isnan(b) | (a > b), a, b)


@operation(same())
def minimum(a: Lanes, b: Lanes) -> Lanes:
    """The lesser one; NaN beside a NaN, as in NumPy. -0.0 is less than 0.0. Of floats about five instructions."""
    lesser = np.where((a < b) | ((a == b) & np.signbit(a)), a, b) if a.dtype.kind == "f" else np.minimum(a, b)
    return np.where(np.isnan(a), a, lesser)


@operation(same())
def maximum(a: Lanes, b: Lanes) -> Lanes:
    """The greater one; NaN beside a NaN, as in NumPy. 0.0 is greater than -0.0. Of floats about five instructions."""
    greater = np.where((a > b) | ((a == b) & np.signbit(b)), a, b) if a.dtype.kind == "f" else np.maximum(a, b)
    return np.where(np.isnan(a), a, greater)


@operation(same())
def min_fast(a: Lanes, b: Lanes) -> Lanes:
    """``a if a < b else b``, of floats too one instruction: beside a NaN, and of equal numbers, it is `b`."""
    return np.where(a < b, a, b)


@operation(same())
def max_fast(a: Lanes, b: Lanes) -> Lanes:
    """``a if a > b else b``, of floats too one instruction: beside a NaN, and of equal numbers, it is `b`."""
    return np.where(a > b, a, b)


@operation(same())
def clamp(v: Lanes, low: Lanes, high: Lanes) -> Lanes:
    """`low` where it is less than that, then `high` where it is greater than that. A NaN stays; one as a bound is none.

    Two instructions.
    """
    raised = np.where(low > v, low, v)
    return np.where(high < raised, high, raised)


@operation(same("f"))
def sqrt(v: Lanes) -> Lanes:
    """Square root, correctly rounded; NaN of negative numbers. One slow instruction."""
    return np.sqrt(v)


@operation(same("f"))
def recip(v: Lanes) -> Lanes:
    """``1 / v``, correctly rounded. One slow instruction."""
    return 1 / v


@operation(same("f"))
def rsqrt_estimate(v: Lanes) -> Lanes:
    """``1 / sqrt(v)`` as the processor estimates it: the bits differ between processors.

    Notes
    -----
    The relative error is at most 1.5 * 2**-12: that of RSQRTPS, which x86 has for float32. With AVX-512 it is at most
    2**-14, also of float64 (VRSQRT14PS, VRSQRT14PD; both bounds: Intel 64 and IA-32 Architectures Software Developer's
    Manual, volume 2). Elsewhere it is a square root and a division. Of zero it is infinite with the zero's sign, of
    infinity zero, and of negative numbers NaN. Subnormal numbers may count as zeros.
    """
    return 1 / np.sqrt(v)


@operation(same("f"))
def floor(v: Lanes) -> Lanes:
    """Rounded down to a whole number. Before SSE4.1 a call into the C library for each lane."""
    return np.floor(v)


@operation(same("f"))
def ceil(v: Lanes) -> Lanes:
    """Rounded up to a whole number. Before SSE4.1 a call into the C library for each lane."""
    return np.ceil(v)


@operation(same("f"))
def trunc(v: Lanes) -> Lanes:
    """Rounded to a whole number towards zero. Before SSE4.1 a call into the C library for each lane."""
    return np.trunc(v)


@operation(same("f"))
def round(v: Lanes) -> Lanes:  # noqa: A001
    """Rounded to the nearest whole number, halves away from zero as in Rust and C; NumPy has `round_ties_even`.

    Three or four instructions; before SSE4.1 a call into the C library for each lane.
    """
    whole = np.trunc(v)
    return np.copysign(np.where(np.abs(v - whole) >= 0.5, np.abs(whole) + 1, whole), v)


@operation(same("f"))
def round_ties_even(v: Lanes) -> Lanes:
    """Rounded to the nearest whole number, halves to the even one. Before SSE4.1 a call for each lane."""
    return np.rint(v)


@operation(same("f"))
def fract(v: Lanes) -> Lanes:
    """``v - trunc(v)``, which has the sign of `v`; NaN of infinities. Two instructions."""
    return v - np.trunc(v)


@operation(same("f"))
def copysign(magnitude: Lanes, sign: Lanes) -> Lanes:
    """The first with the sign of the second, also of zeros and NaNs. One instruction with AVX-512, three without."""
    return np.copysign(magnitude, sign)


@operation(same("if"))
def signum(v: Lanes) -> Lanes:
    """Sign: -1, 0 or 1 of integers; of floats, where zeros have signs too, -1 or 1, and NaN of NaN. A few instructions.

    As in Rust; `np.sign` gives 0 for zeros.
    """
    return np.where(np.isnan(v), v, np.copysign(v.dtype.type(1), v)) if v.dtype.kind == "f" else np.sign(v)


@operation(comparison("f"))
def is_nan(v: Lanes) -> Lanes:
    """Where it is no number."""
    return np.isnan(v)


@operation(comparison("f"))
def is_infinite(v: Lanes) -> Lanes:
    """Where it is infinite. Two instructions."""
    return np.isinf(v)


@operation(comparison("f"))
def is_finite(v: Lanes) -> Lanes:
    """Where it is neither infinite nor NaN. Two instructions."""
    return np.isfinite(v)


@operation(comparison("f"))
def is_sign_negative(v: Lanes) -> Lanes:
    """Where the sign is negative, also that of -0.0 and of NaNs."""
    return np.signbit(v)


def _fused_single(a: Lanes, b: Lanes, c: Lanes) -> Lanes:
    """By float64, which has the product exactly, and the sum with an error that is a float64 too.

    Rounding that sum again could go wrong where it seems to lie halfway between two float32. So it is rounded to odd
    first: an inexact sum whose last bit is 0 moves by one place towards the exact one (Boldo and Melquiond, Emulation
    of FMA and Correctly Rounded Sums: Proved Algorithms Using Rounding to Odd, 2008).
    """
    product, c = a.astype(np.float64) * b, c.astype(np.float64)
    total = product + c
    back = total - product
    error = (product - (total - back)) + (c - back)  # Knuth's two-sum
    inexact = np.isfinite(total) & (error != 0) & (total.view(np.int64) & 1 == 0)
    odd = np.where(inexact, np.nextafter(total, np.copysign(np.inf, error)), total)
    return odd.astype(np.float32)


def _fused_double(a: Lanes, b: Lanes, c: Lanes) -> Lanes:
    return np.array([_fused(*lane) for lane in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)])


def _fused(a: float, b: float, c: float) -> float:
    if not np.isfinite(a) or not np.isfinite(b):
        return a * b + c
    if not np.isfinite(c):
        return c  # however large the product is
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return a * b + c  # has the sign of the zero
    try:
        return float(exact)  # rounds correctly
    except OverflowError:
        return float("inf") if exact > 0 else float("-inf")
