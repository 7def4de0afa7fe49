"""What the cases of `jitkit.simd` work on, and the ways to do it that are longer than a line."""

import math
from functools import cache

import numpy as np


def numbers(dtype):
    return lambda n: (np.random.default_rng(7).uniform(0.01, 100.0, n).astype(dtype),)


def pairs(dtype):
    return lambda n: (*numbers(dtype)(n), np.linspace(1.0, 2.0, n).astype(dtype))


def limited(dtype):
    return lambda n: (*numbers(dtype)(n), np.array(25, dtype)[()], np.array(75, dtype)[()])


def statuses(n):
    """One byte of four, and which of them to count."""
    return np.arange(n, dtype=np.uint8) % 4, 3


def text(n):
    """Printable but for the last byte, so that all of it has to be looked at."""
    data = np.resize(np.frombuffer(b"2026-03-01T12:00:00Z 101.325 kPa, ", np.uint8), n)
    data[-1:] = 0x07
    return (data,)


@cache
def search():
    """A kernel as users write them: a loop that ends early, which no compiler puts into vectors."""
    import jitkit as jk  # here and not above: loading the suite must not need what an old commit lacks
    from jitkit import simd

    @jk.jit
    def first_unprintable(data):
        V = simd.u8x64  # noqa: N806 (a type)
        i = 0
        while i + V.lanes <= data.size:
            block = simd.load(V, data, i)
            odd = (block < 32) | (block > 126)
            if simd.any(odd):
                return i + simd.first_set(odd)
            i += V.lanes
        rest = simd.first(V, data.size - i)
        block = simd.load(V, data, i, rest)
        odd = ((block < 32) | (block > 126)) & rest
        return i + simd.first_set(odd) if simd.any(odd) else -1

    return first_unprintable


def search_in_kernel(data):
    return search()(data)


def search_with_python(data):
    for i, byte in enumerate(data):
        if byte < 32 or byte > 126:
            return i
    return -1


def search_with_numpy(data):
    odd = (data < 32) | (data > 126)
    i = int(odd.argmax())
    return i if odd[i] else -1


def roots_with_python(x):
    return [math.sqrt(number) for number in x]


def rsqrt_with_python(x):
    return [1.0 / math.sqrt(number) for number in x]


def rsqrt_with_numpy(x):
    return 1 / np.sqrt(x)


def hypot_with_python(x, y):
    return [math.hypot(a, b) for a, b in zip(x, y, strict=True)]


def clip_with_python(x, low, high):
    return [min(max(number, low), high) for number in x]


def minmax_with_numpy(x):
    return x.min(), x.max()


def count_with_numpy(x, value):
    return np.count_nonzero(x == value)
