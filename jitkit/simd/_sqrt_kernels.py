"""Square roots, correctly rounded, by multiplications beside the processor's divider.

The divider gives a vector of roots every so many cycles, and the multipliers idle meanwhile. So of each group of
vectors some go to the divider, and the roots of the others are computed from the processor's estimate of 1 / sqrt(x).

The error of the estimate is squared away by a polynomial: with ``g = x y`` and ``h = y / 2``, both off by a relative
``e``, ``r = 1/2 - g h`` is about ``-e``, and the root is ``g (1 - 2 r) ** -1/2 = g (1 + r + 3/2 r^2 + 5/2 r^3 + ...)``.
What is left is below half a unit in the last place, and one fused step ``g + h (x - g g)`` rounds it correctly (P.
Markstein, "IA-64 and Elementary Functions", 2000, section 9.3). The constants below make that true for every estimate
within the bounds of Intel's manual, not for those of one processor only.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from jitkit._core import cpu
from jitkit._core.jit import jit
from jitkit.simd._arithmetic import fma, rsqrt_estimate
from jitkit.simd._arithmetic import sqrt as hardware_sqrt
from jitkit.simd._conversions import bitcast, cast
from jitkit.simd._kinds import VectorType, native, vector
from jitkit.simd._masks import all as all_of
from jitkit.simd._masks import select
from jitkit.simd._memory import splat
from jitkit.simd._values import Vector


class Group(NamedTuple):
    """How a group of vectors is shared out."""

    vector: VectorType
    soft: int  # vectors whose roots are multiplied
    hard: int  # vectors that the divider gets


def group_of(dtype: Any) -> Group | None:
    """How to share out work on the processor that numba compiles for; None where it all goes to the divider.

    Measured on Cascade Lake and Zen 4; other shares are up to a sixth faster on one of them, and slower on the other.
    """
    kind, features = native(dtype), cpu.target().features
    if {"avx512f", "avx512dq", "avx512vl"} <= features and kind.nbytes == 64:
        return Group(kind, 3, 2 if kind.bits == 32 else 1)
    if {"avx2", "fma"} <= features and kind.nbytes >= 32:
        return Group(vector(dtype, 32 // kind.dtype.itemsize), 2, 3)
    return None


@cache
def soft_root(kind: VectorType, wide: bool) -> Any:
    """Return the jitted root of numbers in the range of `limits`, from an estimate off by 2^-14, or 1.5 * 2^-12.

    The dropped term of the polynomial is replaced by its best multiple of one that is there; `C` is half an ulp below
    1/2 where the root would otherwise be a neighbour's for the numbers next to a power of 4.
    """
    unsigned = kind.with_dtype(f"u{kind.dtype.itemsize}")
    one_less = np.array(1 << (23 if kind.bits == 32 else 52), unsigned.dtype)[()]  # of the exponent: half the number
    bound = 2.0**-14 if wide else 1.5 * 2.0**-12

    @jit
    def begin(x: Any, y: Any, c: Any) -> Any:
        g = x * y
        h = bitcast(kind, bitcast(unsigned, y) - one_less)
        return g, h, fma(-g, h, splat(kind, c))

    @jit
    def end(x: Any, g: Any, h: Any, w: Any) -> Any:
        root, half = fma(g, w, g), fma(h, w, h)
        return fma(fma(-root, root, x), half, root)

    if kind.bits == 32 and wide:

        @jit
        def root(x: Any) -> Any:
            g, h, r = begin(x, rsqrt_estimate(x), 0.5)
            return end(x, g, h, r)

    elif kind.bits == 32:
        below_half = 0.5 - 2.0**-25

        @jit
        def root(x: Any) -> Any:
            g, h, r = begin(x, rsqrt_estimate(x), below_half)
            return end(x, g, h, r * fma(r, splat(kind, 1.5), splat(kind, 1.0)))

    elif wide:
        below_half = 0.5 - 2.0**-54
        b = 1.5 + 35 / 8 * (2 * 2**0.5 - 2) * bound**2

        @jit
        def root(x: Any) -> Any:
            g, h, r = begin(x, rsqrt_estimate(x), below_half)
            return end(x, g, h, r * fma(r, fma(r, splat(kind, 2.5), splat(kind, b)), splat(kind, 1.0)))

    else:
        below_half = 0.5 - 2.0**-54
        single = kind.with_dtype("f4")
        a = 63 / 8  # the term of r^5, of which the polynomial has what r^3 and r can take over
        b, c = 2.5 + a * 5 / 4 * bound**2, 1.0 - a * 5 / 16 * bound**4

        @jit
        def root(x: Any) -> Any:
            g, h, r = begin(x, cast(kind, rsqrt_estimate(cast(single, x))), below_half)
            w = fma(r, fma(r, fma(r, splat(kind, 4.375), splat(kind, b)), splat(kind, 1.5)), splat(kind, c))
            return end(x, g, h, r * w)

    return root


def limits(kind: VectorType, wide: bool) -> tuple[float, float]:
    """From which number on, and below which, `soft_root` is right, and no step of it is subnormal or infinite."""
    if kind.bits == 32:
        return 2.0**-78, np.inf
    return (2.0**-900, np.inf) if wide else (2.0**-120, 2.0**120)


@cache
def range_test(kind: VectorType, wide: bool) -> tuple[Any, Any]:
    """Return the jitted ``(x)`` that tells how far numbers are above the limits, and ``(distances)``: are all inside.

    In integers, because comparing floats may raise the flag "invalid"; by 32 bits each, which more of the processor's
    ports can do. The lower halves of float64 numbers tell nothing.
    """
    parts = vector("u4", kind.nbytes // 4)
    low, high = (int(np.array(limit, kind.dtype).view(f"u{kind.dtype.itemsize}")) for limit in limits(kind, wide))
    if kind.bits == 32:
        pairs = [low], [high - low - 1]
    else:
        pairs = [0, low >> 32], [0xFFFF_FFFF, (high >> 32) - (low >> 32) - 1]
    start, span = (Vector(np.resize(np.array(numbers, "u4"), parts.lanes)) for numbers in pairs)

    @jit
    def distances(x: Any) -> Any:
        return bitcast(parts, x) - start

    @jit
    def inside(distances: Any) -> Any:
        return all_of(distances <= span)

    return distances, inside


@cache
def any_root(kind: VectorType, wide: bool) -> Any:
    """Return the jitted root of any numbers, for vectors that have some out of range.

    Zeros, infinity and quiet NaN are their own roots: 1 takes their place meanwhile, which raises no flags.
    """
    soft, (distances, inside) = soft_root(kind, wide), range_test(kind, wide)
    unsigned = kind.with_dtype(f"u{kind.dtype.itemsize}")
    infinite = np.array(np.inf, kind.dtype).view(unsigned.dtype)[()]
    quiet = np.array(np.nan, kind.dtype).view(unsigned.dtype)[()] & ~np.array(-0.0, kind.dtype).view(unsigned.dtype)[()]
    sign = kind.bits - 1

    @jit
    def root(x: Any) -> Any:
        bits = bitcast(unsigned, x)
        own = ((bits & ~splat(unsigned, 1 << sign)) == 0) | (bits == infinite) | ((bits & quiet) == quiet)
        others = select(own, splat(kind, 1.0), x)
        if inside(distances(others)):
            return select(own, x, soft(others))
        return hardware_sqrt(x)

    return root
