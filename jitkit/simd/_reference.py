"""What the functions from arrays to numbers compute, in plain Python, on its own numbers.

It is the oracle of the tests and the denominator of the benchmarks. Python's floats are float64; its integers do not
wrap around, as sums of 64 bits do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

RUNNING_SUMS = 32


def sum(x: Sequence[Any]) -> Any:  # noqa: A001
    """Sum as `simd.sum` orders it: item i goes to running sum i mod 32, and the sums are added in halves."""
    return _added(x)


def dot(x: Sequence[Any], y: Sequence[Any]) -> Any:
    """Sum of products in the order of `sum`."""
    return _added(a * b for a, b in zip(x, y, strict=True))


def minmax(x: Sequence[Any]) -> tuple[Any, Any]:
    """Least and greatest item; -0.0 is less than 0.0."""
    least = greatest = x[0]
    for item in x:
        if item != item:
            return item, item
        if item < least or (item == least and math.copysign(1.0, item) < 0.0):
            least = item
        if item > greatest or (item == greatest and math.copysign(1.0, item) > 0.0):
            greatest = item
    return least, greatest


def count_equal(x: Sequence[Any], value: Any) -> int:
    """Number of items that are equal to a value."""
    count = 0
    for item in x:
        if item == value:
            count += 1
    return count


def _added(items: Iterable[Any]) -> Any:
    sums: list[Any] = []
    for i, item in enumerate(items):
        if i < RUNNING_SUMS:
            sums.append(item)
        else:
            sums[i % RUNNING_SUMS] += item
    if not sums:
        return 0
    sums += [-0.0 if isinstance(sums[0], float) else 0] * (RUNNING_SUMS - len(sums))  # which change nothing
    while len(sums) > 1:
        half = len(sums) // 2
        sums = [sums[i] + sums[half + i] for i in range(half)]
    return sums[0]
