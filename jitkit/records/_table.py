"""The schema as data: the steps of a record as the table that the kernel of `_kernels` runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

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
from jitkit.records._plan import Step

NUMBER = {"u": UNSIGNED, "?": UNSIGNED, "S": UNSIGNED, "i": SIGNED}
FLOAT = {16: HALF, 32: SINGLE, 64: DOUBLE}


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
    """Return what `first_unlisted` needs: the checked columns, and the lows and spans of their intervals.

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
