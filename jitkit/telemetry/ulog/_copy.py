"""Records to columns: the kernel that moves values from where records lie in a file to where columns are."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.intrinsics import load, store
from jitkit._core.jit import jit

BLOCK = 256  # records whose bytes stay in the first-level cache while one column after the other is taken from them


@jit
def move(data: Any, offsets: Any, count: Any, at: Any, width: Any, target: Any) -> None:
    """Copy one value of each of `count` records to where they lie side by side."""
    # safe: every record has the value's bytes, and the target has room for as many.
    if width == 4:
        for i in range(count):
            store(target + 4 * i, load(data + load(offsets + 8 * i, np.int64) + at, np.uint32))
    elif width == 8:
        for i in range(count):
            store(target + 8 * i, load(data + load(offsets + 8 * i, np.int64) + at, np.uint64))
    elif width == 2:
        for i in range(count):
            store(target + 2 * i, load(data + load(offsets + 8 * i, np.int64) + at, np.uint16))
    else:
        for i in range(count):
            store(target + i, load(data + load(offsets + 8 * i, np.int64) + at, np.uint8))


@jit
def columns(data: Any, offsets: Any, count: Any, table: Any, number: Any, targets: Any, memory: Any, row: Any) -> Any:
    """Copy the values of records to columns.

    Parameters
    ----------
    data : int
        Address that records are counted from.
    offsets : address of (count,) int64
        Where each record begins.
    table : address of (number, 2) int64
        Of each column: bytes from a record's beginning to its value, and bytes of the value (1, 2, 4 or 8).
    targets : address of (number,) int64
        Bytes from `memory` to the first value of each column.
    row : int
        Where in the columns the first record goes.
    """
    # safe: the caller has made the columns, of more rows than `row + count`, and records have the size of the table.
    for first in range(0, count, BLOCK):
        some = min(BLOCK, count - first)
        for i in range(number):
            at, width = load(table + 16 * i, np.int64), load(table + 16 * i + 8, np.int64)
            target = memory + load(targets + 8 * i, np.int64) + (row + first) * width
            move(data, offsets + 8 * first, some, at, width, target)
    return 0
