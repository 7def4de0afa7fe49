"""What stands at a place in the buffer: the parts of a frame that need no checksum.

Buffers, plans and sync words come as addresses: see `_registers`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.intrinsics import load
from jitkit.telemetry._report import CUT_OFF
from jitkit.telemetry.framing._inlined import inlined
from jitkit.telemetry.framing._plan import (
    CRC_SIZE,
    LENGTH_AT,
    LENGTH_BIG,
    LENGTH_SIZE,
    LOWEST,
    PLUS,
    SCALE,
    SPAN,
    SYNC_MASK,
    SYNC_SIZE,
    SYNC_WORD,
)
from jitkit.telemetry.framing._reasons import NO_SYNC, REASONS, WRONG_CHECKSUM, WRONG_LENGTH
from jitkit.telemetry.framing._search import skip_places

# What is no place in the buffer says why there is no frame.
IS_NO_SYNC, IS_WRONG_LENGTH, IS_WRONG_CHECKSUM, IS_CUT_OFF = (
    -1 - REASONS.index(reason) for reason in (NO_SYNC, WRONG_LENGTH, WRONG_CHECKSUM, CUT_OFF)
)


@inlined
def measure(base: Any, size: Any, at: Any, layout: Any, sync: Any) -> Any:
    """Where the frame that begins at a place would stop; a negative number if it has no sync word or no sound length.

    A frame without a checksum must also be followed by a sync word, or the part of one with which the buffer ends.
    """
    if not begins(base, size, at, layout, sync):
        return IS_NO_SYNC
    left, value, width = size - at, np.uint64(0), plan_at(layout, LENGTH_SIZE)
    if width:
        offset = plan_at(layout, LENGTH_AT)
        if left < offset + width:
            return IS_CUT_OFF
        # safe: the field ends in the buffer.
        value = number_at(base + at + offset, width, plan_at(layout, LENGTH_BIG))
        # One unsigned comparison: what is less than the lowest value becomes huge.
        if value - np.uint64(plan_at(layout, LOWEST)) > np.uint64(plan_at(layout, SPAN)):
            return IS_WRONG_LENGTH
    length = np.int64(value) * plan_at(layout, SCALE) + plan_at(layout, PLUS)
    if length > left:
        return IS_CUT_OFF
    stop = at + length
    if width and stop < size and not plan_at(layout, CRC_SIZE) and not begins(base, size, stop, layout, sync):
        return IS_WRONG_LENGTH
    return stop


@inlined
def plan_at(layout: Any, number: Any) -> Any:
    # safe: a plan has SIZE numbers.
    return load(layout + 8 * number, np.int64)


@inlined
def begins(base: Any, size: Any, at: Any, layout: Any, sync: Any) -> Any:
    """Whether the buffer has the sync word at a place, or ends with a part of it there."""
    # safe: there are `left` bytes from the place on, and as many of the sync word as it has.
    left, known = size - at, 0
    if left >= 8:
        word = load(base + at, np.int64) & plan_at(layout, SYNC_MASK)
        if word != plan_at(layout, SYNC_WORD):
            return False
        known = 8
    return is_same(base + at + known, sync + known, min(plan_at(layout, SYNC_SIZE), left) - known)


@inlined
def is_same(one: Any, other: Any, nbytes: Any) -> Any:
    """Whether the bytes at two addresses are the same."""
    # safe: the caller owns `nbytes` bytes at both.
    k = 0
    while k < nbytes and load(one + k, np.uint8) == load(other + k, np.uint8):
        k += 1
    return k >= nbytes


@inlined
def find(base: Any, size: Any, at: Any, end: Any, sync: Any, nbytes: Any) -> Any:
    """First place from `at` on that has the whole sync word, or `end`, or the buffer's end if there is none before."""
    distance = nbytes - 1
    last = size - distance
    stop = min(last, max(at, end))
    near, far = load(sync, np.uint8), load(sync + distance, np.uint8)
    while at < stop:
        # safe: the last place is one where the buffer has room for all of the sync word.
        at = skip_places(base + at, base + stop, near, far, distance) - base
        if at < stop and is_same(base + at, sync, nbytes):
            return at
        at += 1
    return stop if stop < last else size


@inlined
def number_at(address: Any, size: Any, big: Any) -> Any:
    """Unsigned number of 1, 2, 4 or 8 bytes at an address."""
    # safe: reads `size` bytes, which are the caller's.
    if size == 2:
        short = np.uint64(load(address, np.uint16))
        return (short >> np.uint64(8) | short << np.uint64(8)) & np.uint64(0xFFFF) if big else short
    value = np.uint64(0)
    for k in range(size):
        byte = np.uint64(load(address + (k if big else size - 1 - k), np.uint8))
        value = value << np.uint64(8) | byte
    return value
