"""From arrays to numbers, by vectors: the kernels of `simd.sum`, `simd.dot`, `simd.minmax` and `simd.count_equal`.

`_array_functions` loads them as machine code by names like ``sum_f8``; `_array_typing` brings them into kernels.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from jitkit._core.intrinsics import load as value_at
from jitkit._core.intrinsics import store as store_value
from jitkit._core.jit import jit
from jitkit.simd import _typing  # noqa: F401 (numba must know vectors)
from jitkit.simd._arithmetic import max_fast, min_fast
from jitkit.simd._conversions import bitcast, cast
from jitkit.simd._intrinsics import load_at, load_few_at, load_one_at
from jitkit.simd._kinds import VectorType, native, vector
from jitkit.simd._masks import any as any_of
from jitkit.simd._masks import count, select
from jitkit.simd._memory import first, splat
from jitkit.simd._reductions import reduce_and, reduce_max, reduce_min, reduce_or, reduce_sum
from jitkit.simd._values import Mask

LANES = 8  # of running sums, on every processor: their order makes the bits
SUMS = 4 * LANES  # running sums: four vectors, as an addition takes as long as four do side by side


def wide_of(dtype: Any) -> np.dtype[Any]:
    """Dtype that items are added in."""
    return np.dtype({"f": "f8", "i": "i8", "u": "u8"}[np.dtype(dtype).kind])


def result_of(dtype: Any) -> np.dtype[Any]:
    """Dtype of sums: those of float32 are rounded to that in the end."""
    return np.dtype(dtype) if np.dtype(dtype).kind == "f" else wide_of(dtype)


@cache
def total_of(dtype: str, inputs: int) -> Any:
    """Return the jitted ``(x, y, count)`` that adds items of an array, or products of two; `y` is unused for one."""
    kind, wide = vector(dtype, LANES), vector(wide_of(dtype), LANES)
    size = kind.dtype.itemsize
    nothing = wide.dtype.type(-0.0 if wide.dtype.kind == "f" else 0)  # added to 0.0, 0.0 would hide that of -0.0
    two = inputs == 2

    @jit
    def row(x: Any, y: Any, i: Any) -> Any:
        v = cast(wide, load_at(kind, x + i * size))
        return v * cast(wide, load_at(kind, y + i * size)) if two else v

    @jit
    def short_row(x: Any, y: Any, i: Any, few: Any) -> Any:
        if few <= 0:
            return splat(wide, nothing)
        few = min(few, LANES)
        v = cast(wide, load_few_at(kind, x + i * size, few))
        if two:
            v = v * cast(wide, load_few_at(kind, y + i * size, few))
        return select(first(wide, few), v, splat(wide, nothing))

    @jit
    def total(x: Any, y: Any, count: Any) -> Any:
        a = b = c = d = splat(wide, nothing)
        i = 0
        while i + SUMS <= count:
            a += row(x, y, i)
            b += row(x, y, i + LANES)
            c += row(x, y, i + 2 * LANES)
            d += row(x, y, i + 3 * LANES)
            i += SUMS
        if i < count:
            a += short_row(x, y, i, count - i)
            b += short_row(x, y, i + LANES, count - i - LANES)
            c += short_row(x, y, i + 2 * LANES, count - i - 2 * LANES)
            d += short_row(x, y, i + 3 * LANES, count - i - 3 * LANES)
        if count == 0:
            return wide.dtype.type(0)
        return reduce_sum((a + c) + (b + d))

    return total


@cache
def least_and_greatest_of(dtype: str) -> Any:
    """Return the jitted ``(x, count)`` that gives the least and the greatest item, of one at least."""
    return _of_floats(native(dtype)) if np.dtype(dtype).kind == "f" else _of_integers(native(dtype))


def _of_integers(kind: VectorType) -> Any:
    lanes, size = kind.lanes, kind.dtype.itemsize

    @jit
    def least_and_greatest(x: Any, count: Any) -> Any:
        low = high = load_one_at(kind, x)
        i = 0
        while i < count:
            v = load_at(kind, x + i * size) if i + lanes <= count else load_few_at(kind, x + i * size, count - i)
            low, high = min_fast(v, low), max_fast(v, high)
            i += lanes
        return reduce_min(low), reduce_max(high)

    return least_and_greatest


def _of_floats(kind: VectorType) -> Any:
    """NaN is noticed beside, and so are the signs of zeros, which comparisons do not tell."""
    lanes, size = kind.lanes, kind.dtype.itemsize
    words = kind.with_dtype(f"i{size}")
    number = kind.dtype.type
    no_lane = Mask([False] * lanes)

    @jit
    def least_and_greatest(x: Any, count: Any) -> Any:
        low = high = load_one_at(kind, x)
        some = every = bitcast(words, low)
        nan = no_lane
        i = 0
        while i < count:
            v = load_at(kind, x + i * size) if i + lanes <= count else load_few_at(kind, x + i * size, count - i)
            low, high = min_fast(v, low), max_fast(v, high)
            some, every = some | bitcast(words, v), every & bitcast(words, v)
            nan = nan | (v != v)
            i += lanes
        if any_of(nan):
            return number(np.nan), number(np.nan)
        least, greatest = reduce_min(low), reduce_max(high)
        if least == 0:  # then nothing else is negative
            least = number(-0.0) if reduce_or(some) < 0 else number(0.0)
        if greatest == 0:  # then nothing else is positive
            greatest = number(-0.0) if reduce_and(every) < 0 else number(0.0)
        return least, greatest

    return least_and_greatest


@cache
def count_of(dtype: str) -> Any:
    """Return the jitted ``(x, count, value)`` that counts the items which are equal to a value."""
    kind = native(dtype)
    lanes, size = kind.lanes, kind.dtype.itemsize

    @jit
    def count_equal(x: Any, number: Any, value: Any) -> Any:
        wanted = splat(kind, value)
        found = i = 0
        while i + lanes <= number:
            found += count(load_at(kind, x + i * size) == wanted)
            i += lanes
        if i < number:
            few = number - i
            found += count((load_few_at(kind, x + i * size, few) == wanted) & first(kind, few))
        return found

    return count_equal


def __getattr__(name: str) -> Any:
    """Kernels as `_core.native` calls them, with addresses: results are stored, or returned where they are counts."""
    function, _, letters = name.partition("_")
    if letters not in DTYPES or function not in ("sum", "dot", "minmax", "count"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    number, added = np.dtype(letters).type, result_of(letters).type
    if function == "sum":
        total = total_of(letters, 1)

        @jit
        def sum_(x: Any, size: Any, out: Any) -> Any:
            store_value(out, added(total(x, x, size)))
            return 0

        return sum_
    if function == "dot":
        total = total_of(letters, 2)

        @jit
        def dot(x: Any, y: Any, size: Any, out: Any) -> Any:
            store_value(out, added(total(x, y, size)))
            return 0

        return dot
    if function == "minmax":
        least_and_greatest, size_of_one = least_and_greatest_of(letters), np.dtype(letters).itemsize

        @jit
        def minmax(x: Any, size: Any, out: Any) -> Any:
            least, greatest = least_and_greatest(x, size)
            store_value(out, number(least))
            store_value(out + size_of_one, number(greatest))
            return 0

        return minmax
    counted = count_of(letters)

    @jit
    def count_equal(x: Any, size: Any, value: Any) -> Any:
        return counted(x, size, value_at(value, number))

    return count_equal


DTYPES = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
