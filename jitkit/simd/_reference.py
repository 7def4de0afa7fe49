"""What the functions from arrays to numbers compute, in plain NumPy and Python: the oracle of their tests."""

from __future__ import annotations

from typing import Any

import numpy as np

RUNNING_SUMS = 32


def sum(x: np.ndarray[Any, Any]) -> Any:  # noqa: A001
    """Sum as `simd.sum` orders it: item i goes to running sum i mod 32, and the sums are added in halves."""
    wide = _widened(x)
    return _added(wide, x.dtype if x.dtype.kind == "f" else wide.dtype)


def dot(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Any:
    """Sum of products in the order of `sum`."""
    products = _widened(x) * _widened(y)
    return _added(products, x.dtype if x.dtype.kind == "f" else products.dtype)


def minmax(x: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """Least and greatest item; -0.0 is less than 0.0."""
    least = greatest = x.flat[0]
    for item in x.flat:
        if item != item:
            return x.dtype.type(np.nan), x.dtype.type(np.nan)
        if item < least or (item == least and np.signbit(item)):
            least = item
        if item > greatest or (item == greatest and not np.signbit(item)):
            greatest = item
    return least, greatest


def count_equal(x: np.ndarray[Any, Any], value: Any) -> int:
    """Number of items that are equal to a value of the array's dtype."""
    count = 0
    for item in x.flat:
        if item == value:
            count += 1
    return count


def _widened(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ravel(x).astype(f"{x.dtype.kind}8")


def _added(items: np.ndarray[Any, Any], result: np.dtype[Any]) -> Any:
    if items.size == 0:
        return result.type(0)
    nothing = items.dtype.type(-0.0 if items.dtype.kind == "f" else 0)
    sums = np.full(RUNNING_SUMS, nothing)
    rows = np.full(-(-items.size // RUNNING_SUMS) * RUNNING_SUMS, nothing)
    rows[: items.size] = items
    for row in rows.reshape(-1, RUNNING_SUMS):
        sums = sums + row
    while sums.size > 1:
        half = sums.size // 2
        sums = sums[:half] + sums[half:]
    return sums[0].astype(result)
