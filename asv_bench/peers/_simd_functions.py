"""The other functions that jitkit ships against NumPy's: no figure is wanted of them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from _simd_bench import KI, MI, Bench, numbers, room, size
from _table import Row
from _timing import Call

from jitkit import simd

FLOATS = ("f8", "f4")
# Sums may be taken in any order, and a reciprocal root may be rounded once or twice.
TOLERANCE = {"f8": 1e-12, "f4": 1e-5, "u1": 0.0}


class Work(NamedTuple):
    """A function of jitkit's by name, what NumPy users write, and the calls of both for an array."""

    name: str
    numpy: str
    make: Callable[[Callable[..., Any], np.ndarray], tuple[Call, Call]]  # of jitkit's function: theirs, ours
    dtypes: tuple[str, ...] = FLOATS


def functions(bench: Bench) -> Iterator[Row]:
    """Each by itself, in the processor's cache and beyond the first one."""
    for work in WORKS:
        function = getattr(simd, work.name, None)
        if function is None:
            yield Row(against=work.numpy, work=f"simd.{work.name}", why_not_measured="this jitkit has no such function")
            continue
        for dtype in work.dtypes:
            for count in (16 * KI,) if bench.quick else (16 * KI, MI):
                yield _compared(bench, work, function, numbers(count, np.dtype(dtype)))


def _compared(bench: Bench, work: Work, function: Callable[..., Any], x: np.ndarray) -> Row:
    theirs, ours = work.make(function, x)
    title = f"simd.{work.name}, {x.dtype.kind}{8 * x.itemsize}, {size(x.size)}"
    expected, got = np.array(theirs()), np.array(ours())  # copies: both may write to the same array
    if expected.shape != got.shape or not np.allclose(got, expected, rtol=TOLERANCE[x.dtype.str[1:]], atol=0.0):
        raise SystemExit(f"{title}: expected {expected!r}, got {got!r}")
    best = bench.best({"numpy": theirs, "jitkit": ours})
    return Row(against=work.numpy, work=title, theirs=best["numpy"], jitkit=best["jitkit"])


def _rsqrt(function: Callable[..., Any], x: np.ndarray) -> tuple[Call, Call]:
    out = room(x.size, x.dtype)

    def numpy() -> np.ndarray:
        return np.divide(1, np.sqrt(x, out=out), out=out)

    return numpy, partial(function, x, out=out)


def _hypot(function: Callable[..., Any], x: np.ndarray) -> tuple[Call, Call]:
    y, out = x[::-1].copy(), room(x.size, x.dtype)
    return partial(np.hypot, x, y, out=out), partial(function, x, y, out=out)


def _clip(function: Callable[..., Any], x: np.ndarray) -> tuple[Call, Call]:
    out, limits = room(x.size, x.dtype), (x.dtype.type(25), x.dtype.type(75))
    return partial(np.clip, x, *limits, out=out), partial(function, x, *limits, out=out)


def _dot(function: Callable[..., Any], x: np.ndarray) -> tuple[Call, Call]:
    y = x[::-1].copy()
    return partial(np.dot, x, y), partial(function, x, y)


def _sum(function: Callable[..., Any], x: np.ndarray) -> tuple[Call, Call]:
    return partial(np.sum, x), partial(function, x)


def _minmax(function: Callable[..., Any], x: np.ndarray) -> tuple[Call, Call]:
    return (lambda: (x.min(), x.max())), partial(function, x)


def _count_equal(function: Callable[..., Any], x: np.ndarray) -> tuple[Call, Call]:
    value = x[0]
    return (lambda: np.count_nonzero(x == value)), partial(function, x, value)


WORKS = (
    Work("rsqrt", "1 / np.sqrt", _rsqrt),
    Work("hypot", "np.hypot", _hypot),
    Work("clip", "np.clip", _clip),
    Work("dot", "np.dot", _dot),
    Work("sum", "np.sum", _sum),
    Work("minmax", "x.min(), x.max()", _minmax),
    Work("count_equal", "np.count_nonzero(x == v)", _count_equal, ("u1", "f4")),
)
