"""Making vectors, and moving them between registers and arrays.

Positions count items from the start of a 1-d array. In a kernel nobody checks that they lie inside it, unless numba
does so everywhere (``boundscheck=True``, NUMBA_BOUNDSCHECK=1) and no mask is given; from Python an IndexError says so.
Lanes that a mask leaves out are neither read nor written: they may lie outside.
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
    return gathered(V, x, i + np.arange(V.lanes), mask)


def _load_aligned(name: str, kind: Kind, array: Kind, i: Kind) -> Call:
    return _load(name, kind, array, i)


@operation(_load_aligned)
def load_aligned(V: VectorType, x: Any, i: int) -> Lanes:  # noqa: N803
    """Lanes of ``x[i : i + V.lanes]``, where the address of ``x[i]`` is a multiple of ``V.nbytes``.

    On x86 with AVX it is no faster than `load` at the same address. In a kernel nobody checks the address: any other
    than such a multiple ends the process or reads as `load` does; from Python it is a ValueError.

    Parameters
    ----------
    x : (n,) array, contiguous
        Of the vector's dtype.
    i : int
        Where the first lane lies.
    """
    _require_aligned("simd.load_aligned", x, i, V.nbytes)
    return gathered(V, x, i + np.arange(V.lanes))


def _from_array(name: str, kind: Kind, array: Kind) -> Call:
    return Call(type_of(name, kind), (kind, array_of(name, array, type_of(name, kind))))


@operation(_from_array)
def from_array(V: VectorType, x: Any) -> Lanes:  # noqa: N803
    """Vector of all items of an array, which has as many as the vector has lanes.

    From Python, another number is a ValueError; in a kernel, what lies behind a shorter array is undefined.

    Parameters
    ----------
    x : (V.lanes,) array, contiguous
        Of the vector's dtype.
    """
    if len(x) != V.lanes:
        raise ValueError(f"simd.from_array: expected an array of {V.lanes} items, got {len(x)}")
    return x


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
    scattered(x, i + np.arange(len(v)), v, mask)


def _store_aligned(name: str, array: Kind, i: Kind, value: Kind) -> Call:
    return _store(name, array, i, value)


@operation(_store_aligned)
def store_aligned(x: Any, i: int, v: Lanes) -> None:
    """Write lanes to ``x[i : i + lanes]``, where the address of ``x[i]`` is a multiple of the vector's bytes.

    On x86 with AVX it is no faster than `store` at the same address. In a kernel nobody checks the address: any other
    than such a multiple ends the process or writes as `store` does; from Python it is a ValueError.

    Parameters
    ----------
    x : (n,) array, contiguous
        Of the vector's dtype.
    i : int
        Where the first lane goes.
    """
    _require_aligned("simd.store_aligned", x, i, v.nbytes)
    scattered(x, i + np.arange(len(v)), v)


@operation(_store_aligned)
def store_nontemporal(x: Any, i: int, v: Lanes) -> None:
    """Write lanes as `store_aligned` does, but past the caches, for arrays larger than they are.

    Whole cache lines, one after the other, save the processor reading what is overwritten; single vectors here and
    there are far slower than `store`. Other threads may see the lanes late: call `fence` before telling them.

    Parameters
    ----------
    x : (n,) array, contiguous
        Of the vector's dtype.
    i : int
        Where the first lane goes.
    """
    _require_aligned("simd.store_nontemporal", x, i, v.nbytes)
    scattered(x, i + np.arange(len(v)), v)


def _fence(_: str) -> Call:
    return Call(None, ())


@operation(_fence)
def fence() -> None:
    """Let other threads see all that was stored before, also past the caches, ahead of what is stored from now on.

    It costs tens of nanoseconds: call it once after many stores.
    """


def _require_aligned(name: str, x: Any, i: int, nbytes: int) -> None:
    address = x.ctypes.data + int(i) * x.itemsize
    if address % nbytes:
        raise ValueError(f"{name}: expected an address that is a multiple of {nbytes}, got {address:#x} of x[{i}]")


def checked(x: Any, places: Lanes, mask: Lanes | None) -> Lanes:
    """Which lanes take part.

    Raises
    ------
    IndexError
        If one of them lies outside the array.
    """
    taking = np.ones(len(places), bool) if mask is None else mask
    wrong = taking & ((places < 0) | (places >= len(x)))
    if wrong.any():
        raise IndexError(f"expected positions from 0 to {len(x) - 1}, got {places[wrong][0]}")
    return taking


def gathered(V: VectorType, x: Any, places: Lanes, mask: Lanes | None = None) -> Lanes:  # noqa: N803
    """Items of an array in lanes, 0 where a mask leaves one out."""
    taking = checked(x, places, mask)
    lanes = np.zeros(V.lanes, V.dtype)
    lanes[taking] = x[places[taking]]
    return lanes


def scattered(x: Any, places: Lanes, v: Lanes, mask: Lanes | None = None) -> None:
    """Write lanes to items of an array; the last wins where several go to one."""
    taking = checked(x, places, mask)
    for place, value in zip(places[taking], v[taking], strict=True):
        x[place] = value
