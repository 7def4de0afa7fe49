"""The schema as data: the steps of a record as the table that the kernels of `_kernels` run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np

from jitkit._core.intrinsics import types
from jitkit._core.jit import compiled
from jitkit.records import _kernels
from jitkit.records._kernels import (
    CHECK,
    DOUBLE,
    HALF,
    INTEGER,
    MOVE,
    REAL,
    RUN,
    SIGNED,
    SINGLE,
    STEP,
    UNSIGNED,
)
from jitkit.records._leaves import Leaf, intervals, is_checked
from jitkit.records._plan import BLOCK, Decoder, Step, block_of

NUMBER = {"u": UNSIGNED, "?": UNSIGNED, "S": UNSIGNED, "i": SIGNED}
FLOAT = {16: HALF, 32: SINGLE, 64: DOUBLE}


BUFFER = types.Array(types.uint8, 1, "C", readonly=True)
ANCHOR, OFFSETS, WORDS = types.uint8[::1], types.int64[::1], types.uint64[::1]


def table_driven(itemsize: int, steps: Sequence[Step], leaves: Sequence[Leaf]) -> Decoder:
    """Return the decoder ``(data, count, anchor, columns, first)`` that runs the steps from a table."""
    table, block = table_of(steps), block_of(itemsize, BLOCK)
    size = types.int64
    decode = compiled(_kernels.decode, BUFFER, size, size, size, numba.typeof(table), ANCHOR, OFFSETS, size)

    def decode_all(data: Any, count: int, anchor: Any, columns: Any, first: int) -> bool:
        decode(data, count, itemsize, block, table, anchor, columns, first)
        return False

    if not any(map(is_checked, leaves)):
        return decode_all
    checks = checks_of(leaves)
    any_unlisted = compiled(_kernels.any_unlisted, numba.typeof(checks[0]), WORDS, WORDS, ANCHOR, OFFSETS, size, size)

    def decode_and_check(data: Any, count: int, anchor: Any, columns: Any, first: int) -> bool:
        decode(data, count, itemsize, block, table, anchor, columns, first)
        return bool(any_unlisted(*checks, anchor, columns, first, count))

    return decode_and_check


def table_of(steps: Sequence[Step]) -> np.ndarray[Any, Any]:
    """Return the steps as a structured array of dtype STEP."""
    table = np.zeros(len(steps), STEP)
    for row, step in zip(table, steps, strict=True):
        leaf, word = step.leaf, step.word
        row["op"] = operation(step)
        row["column"], row["mask"], row["element"], row["pitch"] = step.column, step.mask, step.element, leaf.size
        row["count"], row["hop"], row["every"], row["run"] = step.count, step.hop, step.every, step.run
        row["offset"], row["width"], row["swapped"], row["big"] = word.offset, word.width, word.swapped, word.big
        row["left"], row["right"], row["spill"] = word.left, word.right, word.spill
        row["number"], row["size"] = number_of(leaf), leaf.dtype.itemsize
        row["scale"], row["shift"] = leaf.scale, leaf.offset
        if leaf.valid is not None:
            low, high = leaf.valid
            row["least"], row["most"] = low, high
            if leaf.dtype.kind != "f":
                row["low"] = np.uint64(int(low) % 2**64).view(np.int64)
                row["span"] = np.uint64(int(high - low)).view(np.int64)
    return table


def operation(step: Step) -> int:
    """What the kernel does for a step."""
    if step.run:
        return RUN
    if step.leaf.scaled:
        return REAL
    return MOVE if step.word.whole and step.mask < 0 else INTEGER


def number_of(leaf: Leaf) -> int:
    """What the raw elements of a leaf are."""
    return FLOAT[leaf.bits] if leaf.kind == "f" else NUMBER[leaf.kind]


def checks_of(leaves: Sequence[Leaf]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return what `any_unlisted` needs: the checked columns, and the lows and spans of their intervals.

    A column is compared as unsigned words of its own size; the allowed values, in that order, become as few intervals
    as possible.
    """
    rows: list[tuple[int, ...]] = []
    found: list[tuple[int, int]] = []
    for column, leaf in enumerate(leaves):
        if is_checked(leaf):
            size = leaf.dtype.itemsize
            own = intervals(leaf, 8 * size)
            rows.append((column, size, leaf.size, len(found), len(own)))
            found += own
    lows, spans = np.array(found, np.uint64).reshape(-1, 2).T
    return np.array(rows, CHECK), np.ascontiguousarray(lows), np.ascontiguousarray(spans)
