"""Explicit portable SIMD."""

from jitkit.simd._kinds import VectorType, native, vector
from jitkit.simd._masks import from_bits, select, to_bits
from jitkit.simd._memory import first, iota, load, splat, store
from jitkit.simd._values import Mask, Pattern, Vector, pattern

__all__ = ["Mask", "Pattern", "Vector", "VectorType", "native", "pattern", "vector"]
