"""Making vectors, and moving them between registers and arrays.

Positions count lanes from the start of a 1-d array. In a kernel nobody checks that they lie inside it, unless numba
does so everywhere (``boundscheck=True``, NUMBA_BOUNDSCHECK=1); from Python an IndexError says so. Lanes that a mask
leaves out are neither read nor written: they may lie outside.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.simd._kinds import Kind, MaskKind, VectorType
from jitkit.simd._operation import Call, operation
from jitkit.simd._rules import array_of, fail, index, lane, letter_of, optional_mask, type_of, vector_of

Lanes = Any  # arrays, (lanes,): what an emulation gets


def _splat(name: str, kind: Kind, value: Kind) -> Call:
    vector = type_of(name, kind)
    if not letter_of(value) or (letter_of(value) == "f" and vector.dtype.kind != "f"):
        fail(name, f"a number that lanes of {vector.dtype} can have", value)
    return Call(vector, (kind, lane(vector)))


@operation(_splat)
def splat(V: VectorType, value: Any) -> Lanes:  # noqa: N803
    """Vector with one number in every lane."""
    return np.full(V.lanes, value)


def _iota(name: str, kind: Kind) -> Call:
    return Call(type_of(name, kind), (kind,))


@operation(_iota)
def iota(V: VectorType) -> Lanes:  # noqa: N803
    """0, 1, 2, ... in the lanes."""
    return np.arange(V.lanes)


def _first(name: str, kind: Kind, count: Kind) -> Call:
    return Call(MaskKind(type_of(name, kind).lanes), (kind, index(name, count)))


@operation(_first)
def first(V: VectorType, count: int) -> Lanes:  # noqa: N803
    """Mask of the first `count` lanes: none if it is negative, all if there are not so many."""
    return np.arange(V.lanes) < count


def _load(name: str, kind: Kind, array: Kind, i: Kind, *mask: Kind) -> Call:
    vector = type_of(name, kind)
    return Call(vector, (kind, array_of(name, array, vector), index(name, i), *optional_mask(name, mask, vector.lanes)))


@operation(_load)
def load(V: VectorType, x: Any, i: int, mask: Lanes = None) -> Lanes:  # noqa: N803
    """Lanes of ``x[i : i + V.lanes]``; 0 in those that a mask leaves out, which are not read.

    Parameters
    ----------
    x : (n,) array, contiguous
        Of the vector's dtype.
    i : int
        Where the first lane lies.
    mask : mask, optional
        Lanes to read. Without AVX-512, masked 8-bit and 16-bit lanes are read one by one.
    """
    return _gathered(V, x, i + np.arange(V.lanes), mask)


def _store(name: str, array: Kind, i: Kind, value: Kind, *mask: Kind) -> Call:
    vector = vector_of(name, value)
    wanted = array_of(name, array, vector, writable=True), index(name, i), vector
    return Call(None, (*wanted, *optional_mask(name, mask, vector.lanes)))


@operation(_store)
def store(x: Any, i: int, v: Lanes, mask: Lanes = None) -> None:
    """Write lanes to ``x[i : i + lanes]``; those that a mask leaves out stay as they are.

    Parameters
    ----------
    x : (n,) array, contiguous
        Of the vector's dtype.
    i : int
        Where the first lane goes.
    mask : mask, optional
        Lanes to write. Without AVX-512, masked 8-bit and 16-bit lanes are written one by one.
    """
    _scattered(x, i + np.arange(len(v)), v, mask)


def _checked(x: Any, places: Lanes, mask: Lanes | None) -> Lanes:
    """Which lanes take part."""
    taking = np.ones(len(places), bool) if mask is None else mask
    wrong = taking & ((places < 0) | (places >= len(x)))
    if wrong.any():
        raise IndexError(f"expected positions from 0 to {len(x) - 1}, got {places[wrong][0]}")
    return taking


def _gathered(V: VectorType, x: Any, places: Lanes, mask: Lanes | None = None) -> Lanes:  # noqa: N803
    taking = _checked(x, places, mask)
    lanes = np.zeros(V.lanes, V.dtype)
    lanes[taking] = x[places[taking]]
    return lanes


def _scattered(x: Any, places: Lanes, v: Lanes, mask: Lanes | None = None) -> None:
    taking = _checked(x, places, mask)
    x[places[taking]] = v[taking]
