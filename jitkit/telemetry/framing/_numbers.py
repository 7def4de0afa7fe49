"""What arguments must be: whole numbers, and dtypes of unsigned ones."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np


def whole(name: str, value: Any) -> int:
    """Return a number as an int.

    Raises
    ------
    TypeError
        If it is none, or True or False.
    """
    try:
        if isinstance(value, bool | np.bool):
            raise TypeError
        return index(value)
    except TypeError:
        raise TypeError(f"expected {name} to be an int, got {value!r}") from None


def at_least(least: int, name: str, value: Any) -> int:
    """Return a number as an int; a ValueError says that it is too small."""
    number = whole(name, value)
    if number < least:
        raise ValueError(f"expected {name} of at least {least}, got {number}")
    return number


def unsigned(name: str, dtype: Any, most: int) -> np.dtype[Any]:
    """Return a dtype of unsigned numbers of at most `most` bytes.

    Raises
    ------
    TypeError
        If it is no such dtype.
    """
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.kind != "u" or found.itemsize > most or dtype is None:
        names = "u1, " + ", ".join(f"<u{size}, >u{size}" for size in (2, 4, 8) if size <= most)
        raise TypeError(f"expected the dtype of {name} to be one of {names}, got {dtype!r}")
    return found
