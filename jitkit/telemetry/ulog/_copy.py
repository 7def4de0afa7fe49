"""Records to columns: the kernel that moves values from where records lie in a file to where columns are."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.intrinsics import load, store
from jitkit._core.jit import jit
from jitkit.telemetry.ulog._copy_steps import FOUR, FOUR_COLUMNS
from jitkit.telemetry.ulog._four import move_four

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
def move_columns(data: Any, offsets: Any, count: Any, at: Any, targets: Any, memory: Any, row: Any) -> None:
    """Copy four values of 4 bytes of each of `count` records to four columns, from `row` on."""
    # safe: every record has the values' 16 bytes, and the columns have room for as many.
    one = memory + load(targets, np.int64) + 4 * row
    two = memory + load(targets + 8, np.int64) + 4 * row
    three = memory + load(targets + 16, np.int64) + 4 * row
    four = memory + load(targets + 24, np.int64) + 4 * row
    whole = count - count % FOUR
    for i in range(0, whole, FOUR):
        move_four(data + at, offsets + 8 * i, one + 4 * i, two + 4 * i, three + 4 * i, four + 4 * i)
    for i in range(whole, count):
        values = data + load(offsets + 8 * i, np.int64) + at
        store(one + 4 * i, load(values, np.uint32))
        store(two + 4 * i, load(values + 4, np.uint32))
        store(three + 4 * i, load(values + 8, np.uint32))
        store(four + 4 * i, load(values + 12, np.uint32))


@jit
def columns(data: Any, offsets: Any, count: Any, steps: Any, number: Any, targets: Any, memory: Any, row: Any) -> Any:
    """Copy the values of records to columns.

    Parameters
    ----------
    data : int
        Address that records are counted from.
    offsets : address of (count,) int64
        Where each record begins.
    steps : address of (number, 3) int64
        What to copy together, as `Layout.steps` has it: bytes from a record's beginning to the values, bytes of them,
        and the first column's number.
    targets : address of int64
        Bytes from `memory` to the first value of each column.
    row : int
        Where in the columns the first record goes.
    """
    # safe: the caller has made the columns, of more rows than `row + count`, and records have the size of the steps.
    for first in range(0, count, BLOCK):
        some = min(BLOCK, count - first)
        for i in range(number):
            step = steps + 24 * i
            at, width = load(step, np.int64), load(step + 8, np.int64)
            places = targets + 8 * load(step + 16, np.int64)
            if width == FOUR_COLUMNS:
                move_columns(data, offsets + 8 * first, some, at, places, memory, row + first)
            else:
                target = memory + load(places, np.int64) + (row + first) * width
                move(data, offsets + 8 * first, some, at, width, target)
    return 0
