"""Moving vectors between registers and items of arrays that do not lie side by side in the order of the lanes.

What `_memory` says of positions and masks holds here too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.simd._kinds import Kind, VectorType
from jitkit.simd._memory import gathered, scattered
from jitkit.simd._operation import Call, operation
from jitkit.simd._rules import array_of, constant, fail, index, one_type, optional_mask, type_of, vector_of

Lanes = Any  # arrays, (lanes,): what an emulation gets
MOST_INTERLEAVED = 4


def _load_strided(name: str, kind: Kind, array: Kind, i: Kind, step: Kind, *mask: Kind) -> Call:
    vector = type_of(name, kind)
    taken = array_of(name, array, vector, gaps=True)
    places = index(name, i), index(name, step)
    return Call(vector, (kind, taken, *places, *optional_mask(name, mask, vector.lanes)))


@operation(_load_strided)
def load_strided(V: VectorType, x: Any, i: int, step: int, mask: Lanes = None) -> Lanes:  # noqa: N803
    """Lanes ``x[i], x[i + step], ...``; 0 in those that a mask leaves out, which are not read.

    It takes one or two instructions for each lane; with a mask it costs what `gather` does.

    Parameters
    ----------
    x : (n,) array, which may have gaps
        Of the vector's dtype.
    i : int
        Where the first lane lies.
    step : int
        From one lane to the next; it may be negative, or 0.
    mask : mask, optional
        Lanes to read.
    """
    return gathered(V, x, i + step * np.arange(V.lanes), mask)


def _store_strided(name: str, array: Kind, i: Kind, step: Kind, value: Kind, *mask: Kind) -> Call:
    vector = vector_of(name, value)
    taken = array_of(name, array, vector, writable=True, gaps=True)
    places = index(name, i), index(name, step)
    return Call(None, (taken, *places, vector, *optional_mask(name, mask, vector.lanes)))


@operation(_store_strided)
def store_strided(x: Any, i: int, step: int, v: Lanes, mask: Lanes = None) -> None:
    """Write lanes to ``x[i], x[i + step], ...``; those that a mask leaves out stay as they are.

    It takes one or two instructions for each lane; with a mask it costs what `scatter` does.

    Parameters
    ----------
    x : (n,) array, which may have gaps
        Of the vector's dtype.
    i : int
        Where the first lane goes.
    step : int
        From one lane to the next; it may be negative. If it is 0, the last lane wins.
    mask : mask, optional
        Lanes to write.
    """
    scattered(x, i + step * np.arange(len(v)), v, mask)


def _indices(name: str, kind: Kind, vector: VectorType) -> VectorType:
    indices = vector_of(name, kind, "iu")
    if indices.lanes != vector.lanes:
        fail(name, f"{vector.lanes} indices for {vector.name}", kind)
    return indices


def _gather(name: str, kind: Kind, array: Kind, indices: Kind, *mask: Kind) -> Call:
    vector = type_of(name, kind)
    taken = array_of(name, array, vector), _indices(name, indices, vector)
    return Call(vector, (kind, *taken, *optional_mask(name, mask, vector.lanes)))


@operation(_gather)
def gather(V: VectorType, x: Any, indices: Lanes, mask: Lanes = None) -> Lanes:  # noqa: N803
    """Lanes ``x[indices[0]], x[indices[1]], ...``; 0 in those that a mask leaves out, which are not read.

    For 32-bit and 64-bit lanes it is one instruction with AVX-512 and AVX2, which takes about as long as reading the
    lanes one by one; that is what is done for others, and elsewhere.

    Parameters
    ----------
    x : (n,) array, contiguous
        Of the vector's dtype.
    indices : vector of integers
        Positions, as many as the vector has lanes. They need not be 64-bit numbers.
    mask : mask, optional
        Lanes to read.
    """
    return gathered(V, x, indices.astype(np.int64), mask)


def _scatter(name: str, array: Kind, indices: Kind, value: Kind, *mask: Kind) -> Call:
    vector = vector_of(name, value)
    taken = array_of(name, array, vector, writable=True), _indices(name, indices, vector)
    return Call(None, (*taken, vector, *optional_mask(name, mask, vector.lanes)))


@operation(_scatter)
def scatter(x: Any, indices: Lanes, v: Lanes, mask: Lanes = None) -> None:
    """Write lanes to ``x[indices[0]], x[indices[1]], ...``; the last lane wins where two indices are equal.

    For 32-bit and 64-bit lanes it is one instruction with AVX-512, which takes about as long as writing the lanes one
    by one; that is what is done for others, and elsewhere.

    Parameters
    ----------
    x : (n,) array, contiguous
        Of the vector's dtype.
    indices : vector of integers
        Positions, as many as the vector has lanes. They need not be 64-bit numbers.
    mask : mask, optional
        Lanes to write; the others stay as they are.
    """
    scattered(x, indices.astype(np.int64), v, mask)


def _load_interleaved(name: str, kind: Kind, array: Kind, i: Kind, n: Kind) -> Call:
    vector = type_of(name, kind)
    if not 2 <= constant(name, n) <= MOST_INTERLEAVED:
        fail(name, f"2 to {MOST_INTERLEAVED} vectors", n)
    return Call((vector,) * constant(name, n), (kind, array_of(name, array, vector), index(name, i), n))


@operation(_load_interleaved)
def load_interleaved(V: VectorType, x: Any, i: int, n: int) -> Any:  # noqa: N803
    """`n` vectors of items that lie by turns: item ``x[i + k]`` goes to vector ``k % n``.

    Red, green and blue of an image, say. It takes `n` loads, and 2, 6 or 8 shuffles for 2, 3 or 4 registers of AVX-512,
    where lanes of 8 bits need VBMI. With AVX2 it takes 4 to 16 shuffles and blends for lanes of 32 and 64 bits, and up
    to 32 for smaller ones.

    Parameters
    ----------
    x : (m,) array, contiguous
        Of the vectors' dtype; ``n * V.lanes`` items are read.
    i : int
        Where the first lane of the first vector lies.
    n : int, constant
        From 2 to 4.

    Returns
    -------
    tuple of n vectors
    """
    every = [i + k + n * np.arange(V.lanes) for k in range(n)]
    return tuple(gathered(V, x, places) for places in every)


def _store_interleaved(name: str, array: Kind, i: Kind, *values: Kind) -> Call:
    vector = one_type(name, "iuf", *values)
    if not 2 <= len(values) <= MOST_INTERLEAVED:
        fail(name, f"2 to {MOST_INTERLEAVED} vectors", *values)
    return Call(None, (array_of(name, array, vector, writable=True), index(name, i), *(vector for _ in values)))


@operation(_store_interleaved)
def store_interleaved(x: Any, i: int, *vectors: Lanes) -> None:
    """Write 2 to 4 vectors so that their lanes lie by turns: the opposite of `load_interleaved`, which costs as much.

    Parameters
    ----------
    x : (m,) array, contiguous
        Of the vectors' dtype.
    i : int
        Where the first lane of the first vector goes.
    *vectors : vectors of one type
    """
    lanes = np.stack(vectors, axis=1).reshape(-1)
    scattered(x, i + np.arange(len(lanes)), lanes)
