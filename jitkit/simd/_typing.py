"""Vectors inside kernels: loading this file tells numba all about them."""

from jitkit.simd import (
    _emit_arithmetic,
    _emit_bits,
    _emit_compress,
    _emit_conversions,
    _emit_lookup,
    _emit_masks,
    _emit_memory,
    _emit_operators,
    _emit_reductions,
    _emit_scans,
    _emit_scatter,
    _emit_shuffles,
    _emit_values,
    _members,
    _numba_types,
)

__all__ = [
    "_emit_arithmetic",
    "_emit_bits",
    "_emit_compress",
    "_emit_conversions",
    "_emit_lookup",
    "_emit_masks",
    "_emit_memory",
    "_emit_operators",
    "_emit_reductions",
    "_emit_scans",
    "_emit_scatter",
    "_emit_shuffles",
    "_emit_values",
    "_members",
    "_numba_types",
]
