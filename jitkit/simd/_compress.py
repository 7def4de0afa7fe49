"""Moving the lanes that a mask has next to each other, and back.

What `_memory` says of positions holds here too; no access is checked where numba checks others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.simd._kinds import Kind, VectorType
from jitkit.simd._memory import gathered, scattered
from jitkit.simd._operation import Call, operation
from jitkit.simd._rules import INDEX, array_of, index, mask, type_of, vector_of

Lanes = Any  # arrays, (lanes,): what an emulation gets


def _compress(name: str, value: Kind, where: Kind) -> Call:
    vector = vector_of(name, value)
    return Call(vector, (vector, mask(name, where, lanes=vector.lanes)))


@operation(_compress)
def compress(v: Lanes, mask: Lanes) -> Lanes:
    """Lanes that a mask has, moved to the front in their order; the rest are 0.

    One instruction with AVX-512 in one register, where 8-bit and 16-bit lanes need VBMI2. With AVX2, up to eight 32-bit
    or four 64-bit lanes take about eight, and a table in memory. Otherwise lanes are moved one by one, through memory
    and without branches.
    """
    lanes = np.zeros_like(v)
    lanes[: np.count_nonzero(mask)] = v[mask]
    return lanes


@operation(_compress)
def expand(v: Lanes, mask: Lanes) -> Lanes:
    """The first lanes, moved in their order to where a mask is true; 0 where it is not. The opposite of `compress`.

    It costs what `compress` does.
    """
    lanes = np.zeros_like(v)
    lanes[mask] = v[: np.count_nonzero(mask)]
    return lanes


def _compress_store(name: str, array: Kind, i: Kind, value: Kind, where: Kind) -> Call:
    vector = vector_of(name, value)
    taken = array_of(name, array, vector, writable=True), index(name, i), vector
    return Call(INDEX, (*taken, mask(name, where, lanes=vector.lanes)))


@operation(_compress_store)
def compress_store(x: Any, i: int, v: Lanes, mask: Lanes) -> int:
    """Write lanes that a mask has to ``x[i], x[i + 1], ...`` and nothing behind them.

    It costs what `compress` does and a masked store. Where lanes are moved one by one, they are written so at once.

    Parameters
    ----------
    x : (n,) array, contiguous
        Of the vector's dtype.
    i : int
        Where the first lane that the mask has goes.

    Returns
    -------
    int
        How many lanes the mask has: the next ones may go to ``i`` plus this.
    """
    count = int(np.count_nonzero(mask))
    scattered(x, i + np.arange(count), v[mask])
    return count


def _expand_load(name: str, kind: Kind, array: Kind, i: Kind, where: Kind) -> Call:
    vector = type_of(name, kind)
    taken = kind, array_of(name, array, vector), index(name, i)
    return Call(vector, (*taken, mask(name, where, lanes=vector.lanes)))


@operation(_expand_load)
def expand_load(V: VectorType, x: Any, i: int, mask: Lanes) -> Lanes:  # noqa: N803
    """Lanes ``x[i], x[i + 1], ...`` where a mask is true, and 0 where it is not; nothing behind them is read.

    It costs what `expand` does.

    Parameters
    ----------
    x : (n,) array, contiguous
        Of the vector's dtype.
    i : int
        Where the first lane that the mask has lies.
    """
    return gathered(V, x, i + np.cumsum(mask) - 1, mask)
