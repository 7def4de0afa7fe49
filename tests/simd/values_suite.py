"""Vectors and masks of several types that tests hand about, and what tells whether they came back."""

import numpy as np

import jitkit as jk
from jitkit import simd

RNG = np.random.default_rng(5)


def some(kind):
    return simd.Vector((RNG.random(kind.lanes) * 100).astype(kind.dtype))


V, BYTES, WORDS = simd.f32x8, simd.u8x64, simd.i64x2
A, B, K = some(V), some(V), some(BYTES)
M, HALF = simd.Mask(RNG.random(64) < 0.5), simd.Mask([True, False] * 4)
VALUES = {"f32x8": A, "f64x8": some(simd.f64x8), "u8x64": K, "i64x2": some(WORDS),
          "mask4": simd.Mask([True, False, False, True]), "mask64": M}  # fmt: skip


def same(got, expected):
    """Whether values are the same, bit for bit; for kernels give Python's floats for NumPy's."""
    if isinstance(expected, (simd.Vector, simd.Mask)):
        return type(got) is type(expected) and got.kind == expected.kind and np.array_equal(got, expected)
    if isinstance(expected, tuple):
        return len(got) == len(expected) and all(map(same, got, expected))
    return bool(got == expected)


@jk.jit
def maybe(v, n):
    if n > 2:
        return v
    return None
