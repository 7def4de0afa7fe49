"""What the kernel of `_copy` takes from a record at a time. Loads no numba."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

FOUR = 4
FOUR_COLUMNS = 4 * FOUR  # bytes: four values of 4 bytes, which most of PX4's are


def steps_of(widths: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Steps through columns of some widths, of which the values lie side by side in a record.

    Returns
    -------
    (n, 3) int64
        Bytes from a record's beginning to the values, bytes of them, and the first column's number. Columns of 4 bytes
        go four at a time where so many are neighbours; the last four of them may have some of those before.
    """
    starts = (np.cumsum(widths) - widths).tolist()
    steps: list[tuple[int, int, int]] = []
    first = 0
    for width, run in itertools.groupby(widths.tolist()):
        stop = first + len(list(run))
        if width == 4 and stop - first >= FOUR:
            columns = [min(column, stop - FOUR) for column in range(first, stop, FOUR)]
            steps += ((starts[column], FOUR_COLUMNS, column) for column in columns)
        else:
            steps += ((starts[column], width, column) for column in range(first, stop))
        first = stop
    return np.array(steps, np.int64)
