"""Numba gets to know vectors and ufuncs once both it and this room are loaded, whichever comes first.

If numba comes later, it asks through the entry point in pyproject.toml before it first compiles.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np


class Shipped(NamedTuple):
    """A ufunc that jitkit ships: what kernels must know of it."""

    ufunc: np.ufunc
    loops: str  # module that has its loops
    function: str  # there: the function of vectors
    letters: str  # NumPy's letters of the dtypes that it works on


_shipped: list[Shipped] = []


def numba_is_there() -> bool:
    """Whether numba is loaded."""
    return "numba" in sys.modules


def introduce(shipped: Shipped) -> None:
    """Let kernels call a ufunc, now or when numba comes."""
    _shipped.append(shipped)
    if numba_is_there():
        introduce_all()


def introduce_all() -> None:
    """Tell numba of what it does not know yet."""
    from jitkit.simd import _array_typing, _typing  # noqa: F401
    from jitkit.simd._ufunc_typing import register_shipped

    while _shipped:
        register_shipped(_shipped.pop())


if numba_is_there():
    from jitkit.simd import _array_typing, _typing  # noqa: F401
