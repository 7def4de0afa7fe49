"""Vectors of one dtype from vectors of another.

If nothing else is said, they cost about one instruction for each register that is read or written.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.simd._kinds import Kind, MaskKind, VectorType
from jitkit.simd._operation import Call, operation
from jitkit.simd._rules import fail, mask, type_of, vector_of

Lanes = Any  # arrays, (lanes,): what an emulation gets


def _as_many_lanes(name: str, wanted: Kind, given: Kind) -> tuple[VectorType, VectorType]:
    vector = type_of(name, wanted)
    if isinstance(given, MaskKind):
        fail(name, "a vector (simd.to_int takes a mask)", given)
    source = vector_of(name, given)
    if source.lanes != vector.lanes:
        fail(name, f"a vector of {vector.lanes} lanes for {vector.name}", given)
    return vector, source


def _cast(name: str, wanted: Kind, given: Kind) -> Call:
    vector, source = _as_many_lanes(name, wanted, given)
    return Call(vector, (wanted, source))


@operation(_cast)
def cast(V: VectorType, v: Lanes) -> Lanes:  # noqa: N803
    """Convert lanes to another dtype, of as many lanes: what Rust does for ``as``.

    Notes
    -----
    Integers that do not fit lose their upper bits (`saturating_cast` gives the nearest that fits). Floats are rounded
    to the nearest, ties to even. From floats to integers they are rounded towards zero; what does not fit becomes the
    nearest integer that does, and NaN 0: about five instructions. From floats to 64-bit integers, and from signed
    64-bit integers to floats, lanes are converted one by one without AVX-512.
    """
    if v.dtype.kind == "f" and V.dtype.kind in "iu":
        return _saturated_float(V.dtype, v)
    return v.astype(V.dtype)


def _saturating_cast(name: str, wanted: Kind, given: Kind) -> Call:
    vector, source = _as_many_lanes(name, wanted, given)
    if vector.dtype.kind == "f" or source.dtype.kind == "f":
        fail(name, "integer vectors (simd.cast converts floats, and saturates too)", wanted, given)
    return Call(vector, (wanted, source))


@operation(_saturating_cast)
def saturating_cast(V: VectorType, v: Lanes) -> Lanes:  # noqa: N803
    """Convert integers to another dtype, of as many lanes; what does not fit becomes the nearest that does.

    One to three instructions; of 64-bit lanes about ten without AVX-512.
    """
    limits, own = np.iinfo(V.dtype), np.iinfo(v.dtype)
    least, most = (max(limits.min, own.min), min(limits.max, own.max))
    return np.clip(v, v.dtype.type(least), v.dtype.type(most)).astype(V.dtype)


def _bitcast(name: str, wanted: Kind, given: Kind) -> Call:
    vector = type_of(name, wanted)
    if isinstance(given, MaskKind):
        fail(name, "a vector (simd.to_bits takes a mask)", given)
    source = vector_of(name, given)
    if source.nbytes != vector.nbytes:
        fail(name, f"a vector of {vector.nbytes} bytes for {vector.name}", given)
    return Call(vector, (wanted, source))


@operation(_bitcast)
def bitcast(V: VectorType, v: Lanes) -> Lanes:  # noqa: N803
    """Take the bytes of a vector for another type of as many bytes, in the order they have in memory. Costs nothing."""
    return v.view(V.dtype)


def _to_int(name: str, wanted: Kind, given: Kind) -> Call:
    vector = type_of(name, wanted)
    if vector.dtype.kind == "f":
        fail(name, "a type of integer vectors", wanted)
    return Call(vector, (wanted, mask(name, given, lanes=vector.lanes)))


@operation(_to_int)
def to_int(V: VectorType, mask: Lanes) -> Lanes:  # noqa: N803
    """All bits set (-1 of signed numbers) where a mask is true, and 0 elsewhere; ``v != 0`` is the way back."""
    return np.where(mask, ~V.dtype.type(0), V.dtype.type(0))


def _wider(name: str, given: Kind) -> VectorType:
    """Type of the same lanes in twice as many bits."""
    source = vector_of(name, given)
    if source.bits == 64:
        fail(name, "lanes of 8 to 32 bits", given)
    return source.with_dtype(f"{source.dtype.kind}{2 * source.dtype.itemsize}")


def _widen(name: str, given: Kind) -> Call:
    return Call(_wider(name, given), (given,))


@operation(_widen)
def widen(v: Lanes) -> Lanes:
    """Convert all lanes to twice as many bits: the vector is twice as long."""
    return v.astype(f"{v.dtype.kind}{2 * v.dtype.itemsize}")


def _widen_half(name: str, given: Kind) -> Call:
    wider = _wider(name, given)
    if wider.lanes == 1:
        fail(name, "two lanes or more", given)
    return Call(wider.with_lanes(wider.lanes // 2), (given,))


@operation(_widen_half)
def widen_low(v: Lanes) -> Lanes:
    """Convert the first half of the lanes to twice as many bits."""
    return v[: len(v) // 2].astype(f"{v.dtype.kind}{2 * v.dtype.itemsize}")


@operation(_widen_half)
def widen_high(v: Lanes) -> Lanes:
    """Convert the second half of the lanes to twice as many bits."""
    return v[len(v) // 2 :].astype(f"{v.dtype.kind}{2 * v.dtype.itemsize}")


def _saturated_float(dtype: np.dtype[Any], v: Lanes) -> Lanes:
    """Integers of floats: beside the least, which every float dtype has, they are compared with the first too many."""
    limits = np.iinfo(dtype)
    too_low, too_high = v <= v.dtype.type(limits.min), v >= v.dtype.type(float(int(limits.max) + 1))
    inside = np.where(too_low | too_high | np.isnan(v), 0, v).astype(dtype)
    return np.where(too_low, dtype.type(limits.min), np.where(too_high, dtype.type(limits.max), inside))
