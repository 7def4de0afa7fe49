"""The loops of the shipped ufuncs, which `_shipped` loads as machine code by names like ``clip_d``: that of float64."""
# Overloads must look like what they implement, and loops like each other.
# ruff: noqa: ARG001
# mypy: allow-untyped-defs, allow-untyped-decorators

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import overload
from jitkit._core.jit import jit
from jitkit.simd._intrinsics import INVALID, load_at, load_one_at, lower_flags, raised_flags, store_at, word_at
from jitkit.simd._kinds import VectorType, native, vector
from jitkit.simd._loops import make_loop
from jitkit.simd._numba_types import SimdVector
from jitkit.simd._shipped_kernels import clip_floats, clip_integers, hypotenuse, reciprocal_root

DIVIDED_BYTES = 32  # of vectors for the divider: none is faster on wider ones


def _hypot(a: Any, b: Any) -> Any:
    raise NotImplementedError


@overload(_hypot)
def _hypot_overload(a, b):
    if not isinstance(a, SimdVector):
        return None
    kernel = hypotenuse(a.vector)
    return lambda a, b: kernel(a, b)


def _clip(v: Any, low: Any, high: Any) -> Any:
    raise NotImplementedError


@overload(_clip)
def _clip_overload(v, low, high):
    if not isinstance(v, SimdVector):
        return None
    kernel = clip_floats if v.vector.dtype.kind == "f" else clip_integers
    return lambda v, low, high: kernel(v, low, high)


# As kernels call them with vectors of any type.
rsqrt = reciprocal_root


@jit
def hypot(a: Any, b: Any) -> Any:
    """Square root of the sum of squares."""
    return _hypot(a, b)


@jit
def clip(v: Any, low: Any, high: Any) -> Any:
    """The number of an interval that is nearest."""
    return _clip(v, low, high)


FUNCTIONS = ("rsqrt", "hypot", "clip")


def __getattr__(name: str) -> Any:
    function, _, letter = name.partition("_")
    if function not in FUNCTIONS or len(letter) != 1:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    kind = native(letter)
    if function == "clip":
        return clip_loop(kind)
    if function == "hypot":
        return hypot_loop(kind)
    kind = vector(letter, min(kind.nbytes, DIVIDED_BYTES) // kind.dtype.itemsize)
    return make_loop(rsqrt, kind, 1, kind.dtype.itemsize)


def hypot_loop(kind: VectorType) -> Any:
    """Return the loop of `hypot`, which is long: so it stands in few places, and items with gaps come one by one.

    One by one is also right for `reduce` and `accumulate`, which read what has just been written.
    """
    lanes, size, one = kind.lanes, kind.dtype.itemsize, kind.with_lanes(1)

    @jit
    def loop(arguments: Any, dimensions: Any, steps: Any, data: Any) -> Any:
        count = word_at(dimensions, 0)
        a, b, out = word_at(arguments, 0), word_at(arguments, 1), word_at(arguments, 2)
        a_step, b_step, out_step = word_at(steps, 0), word_at(steps, 1), word_at(steps, 2)
        before = raised_flags()
        i = 0
        a_alone, b_alone = a_step == 0, b_step == 0
        beside = (a_step == size or a_alone) and (b_step == size or b_alone) and out_step == size
        if beside and out != a + a_step and count >= lanes:
            x, y = load_one_at(kind, a), load_one_at(kind, b)
            while i + lanes <= count:
                if not a_alone:
                    x = load_at(kind, a + i * size)
                if not b_alone:
                    y = load_at(kind, b + i * size)
                store_at(out + i * size, hypot(x, y))
                i += lanes
        while i < count:
            result = hypot(load_one_at(one, a + i * a_step), load_one_at(one, b + i * b_step))
            store_at(out + i * out_step, result)
            i += 1
        if (raised_flags() & ~before) & INVALID:
            lower_flags(
                INVALID
            )  # of comparisons with NaN whose result was not used: LLVM makes them before it is known
        return 0

    return loop


def clip_loop(kind: VectorType) -> Any:
    """Return the loop of `clip`, which is compiled for ten dtypes: less code than the usual one."""
    lanes, size, one = kind.lanes, kind.dtype.itemsize, kind.with_lanes(1)
    floats = kind.dtype.kind == "f"

    @jit
    def loop(arguments: Any, dimensions: Any, steps: Any, data: Any) -> Any:
        count = word_at(dimensions, 0)
        x, low, high = word_at(arguments, 0), word_at(arguments, 1), word_at(arguments, 2)
        out, out_step = word_at(arguments, 3), word_at(steps, 3)
        step, low_step, high_step = word_at(steps, 0), word_at(steps, 1), word_at(steps, 2)
        before = raised_flags() if floats else 0
        i = 0
        if low_step == 0 and high_step == 0 and step == size and out_step == size and count >= lanes:
            least, most = load_one_at(kind, low), load_one_at(kind, high)
            while i < count:
                # The last vector lies over the one before: what has been clipped, perhaps in place, stays as it is.
                i = min(i, count - lanes)
                store_at(out + i * size, clip(load_at(kind, x + i * size), least, most))
                i += lanes
        while i < count:
            least, most = load_one_at(one, low + i * low_step), load_one_at(one, high + i * high_step)
            store_at(out + i * out_step, clip(load_one_at(one, x + i * step), least, most))
            i += 1
        if floats and raised_flags() != before:
            lower_flags(raised_flags() & ~before)  # comparing with NaN raises "invalid", and to clip is no operation
        return 0

    return loop
