"""Functions of vectors that the shipped ufuncs apply: reciprocal roots, hypotenuses and clipping."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from jitkit._core.jit import jit
from jitkit.simd import _typing  # noqa: F401 (numba must know vectors)
from jitkit.simd._arithmetic import abs as magnitude
from jitkit.simd._arithmetic import clamp, is_infinite, is_nan, max_fast, min_fast
from jitkit.simd._arithmetic import max as greater_of
from jitkit.simd._arithmetic import min as lesser_of
from jitkit.simd._arithmetic import sqrt as hardware_root
from jitkit.simd._conversions import bitcast, cast
from jitkit.simd._kinds import VectorType, vector
from jitkit.simd._masks import all as all_of
from jitkit.simd._masks import select
from jitkit.simd._memory import splat
from jitkit.simd._values import Vector

# Of float64 numbers from LOW on and below HIGH neither squares nor their sums overflow or become subnormal.
LOW, HIGH = 2.0**-400, 2.0**500
SCALE = 2.0**600  # brings subnormal numbers there; its inverse, the largest
FRACTION_BITS = 52
FAR = 60 << FRACTION_BITS  # between bits of numbers of which one is 2^60 times the other
UPPER = 0xFFFF_FFFF_F800_0000  # of 53 bits of a float64 number, the upper 26: their square is exact


@jit
def reciprocal_root(v: Any) -> Any:
    """1 / sqrt(v), rounded twice."""
    return 1.0 / hardware_root(v)


@jit
def clip_integers(v: Any, low: Any, high: Any) -> Any:
    """As NumPy: `high` where `low` is greater than that."""
    return clamp(v, low, high)


@jit
def clip_floats(v: Any, low: Any, high: Any) -> Any:
    """The same; NaN where anything is NaN."""
    clipped = clamp(v, low, high)
    return select(is_nan(high), high, select(is_nan(low), low, clipped))


@cache
def hypotenuse(kind: VectorType) -> Any:
    """Return the jitted ``(a, b)`` for one type of vectors."""
    return hypotenuse_of_single(kind) if kind.bits == 32 else hypotenuse_of_double(kind)


def hypotenuse_of_single(kind: VectorType) -> Any:
    """In float64, which has the squares exactly, and all of their sums."""
    double = kind.with_dtype("f8")

    @jit
    def hypot(a: Any, b: Any) -> Any:
        x, y = cast(double, a), cast(double, b)
        result = cast(kind, hardware_root(x * x + y * y))
        return select(is_infinite(a) | is_infinite(b), splat(kind, np.inf), result)

    return hypot


def hypotenuse_of_double(kind: VectorType) -> Any:
    """With the sum of squares rounded only once, and numbers scaled where there are large or small ones."""
    words, parts = kind.with_dtype("u8"), vector("u4", 2 * kind.lanes)
    low, high = (int(np.array(limit).view("u8")) >> 32 for limit in (LOW, HIGH))
    # Compared are 32 bits each, as not every processor compares unsigned 64; the lower halves tell nothing.
    start, span = (
        Vector(np.resize(np.array(pair, "u4"), parts.lanes)) for pair in ([0, low], [0xFFFF_FFFF, high - low - 1])
    )

    @jit
    def nearby(x: Any, y: Any) -> Any:
        """Of numbers in range, x not less than y; Dekker's sum of what is exact, then what is left of the squares."""
        upper_x = bitcast(kind, bitcast(words, x) & UPPER)
        upper_y = bitcast(kind, bitcast(words, y) & UPPER)
        one, other = upper_x * upper_x, upper_y * upper_y
        total = one + other
        lost = other - (total - one)
        rest = (x + upper_x) * (x - upper_x) + (y + upper_y) * (y - upper_y)
        return hardware_root(total + (lost + rest))

    @jit
    def anywhere(a: Any, b: Any) -> Any:
        """Of all numbers, without flags that the result does not deserve."""
        infinite, nan = is_infinite(a) | is_infinite(b), is_nan(a) | is_nan(b)
        special = infinite | nan
        bits_a = bitcast(words, select(special, splat(kind, 1.0), magnitude(a)))
        bits_b = bitcast(words, select(special, splat(kind, 1.0), magnitude(b)))
        greater, lesser = greater_of(bits_a, bits_b), lesser_of(bits_a, bits_b)
        x = bitcast(kind, greater)
        # What is 2^60 times less changes nothing, but its square could become subnormal.
        y = select(greater - lesser >= FAR, splat(kind, 0.0), bitcast(kind, lesser))
        large, small = x >= HIGH, x < LOW
        scale = select(large, splat(kind, 1 / SCALE), select(small, splat(kind, SCALE), splat(kind, 1.0)))
        back = select(large, splat(kind, SCALE), select(small, splat(kind, 1 / SCALE), splat(kind, 1.0)))
        result = nearby(x * scale, y * scale) * back
        return select(infinite, splat(kind, np.inf), select(nan, a + b, result))

    @jit
    def hypot(a: Any, b: Any) -> Any:
        x, y = magnitude(a), magnitude(b)
        if all_of(greater_of(bitcast(parts, x) - start, bitcast(parts, y) - start) <= span):
            return nearby(max_fast(x, y), min_fast(x, y))
        return anywhere(a, b)

    return hypot
