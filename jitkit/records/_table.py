"""The schema as data: the steps of a record as the table that the kernels run. Loads no numba where they are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jitkit._core.native import Parameter, kernel
from jitkit.records._leaves import Leaf, intervals, is_checked_in_code
from jitkit.records._plan import BLOCK, Decoder, Step, block_of

MOVE, RUN, INTEGER, REAL = range(4)  # what a step does
UNSIGNED, SIGNED, HALF, SINGLE, DOUBLE = range(5)  # what its raw elements are
NUMBER = {"u": UNSIGNED, "?": UNSIGNED, "S": UNSIGNED, "i": SIGNED}
FLOAT = {16: HALF, 32: SINGLE, 64: DOUBLE}

STEP = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("op", "column", "mask", "element", "pitch", "count", "hop", "every", "run"),
            *("offset", "width", "swapped", "big", "left", "right", "spill"),
            *("number", "size", "low", "span"),
        )
    ]
    + [(name, np.float64) for name in ("scale", "shift", "least", "most")]
)

CHECK = np.dtype([(name, np.int64) for name in ("column", "size", "pitch", "interval", "intervals")])


def table_driven(itemsize: int, steps: Sequence[Step], leaves: Sequence[Leaf]) -> Decoder:
    """Return the decoder ``(data, count, anchor, columns, first)`` that runs the steps from a table."""
    table, block = table_of(steps), block_of(itemsize, BLOCK)
    nsteps = len(table)
    decode = decode_kernel()

    def decode_all(data: Any, count: int, anchor: Any, columns: Any, first: int) -> int:
        return decode(data, count, itemsize, block, table, nsteps, anchor, columns, first)

    if not any(map(is_checked_in_code, leaves)):
        return decode_all
    checks, lows, spans = checks_of(leaves)
    nchecks = len(checks)
    any_unlisted = unlisted_kernel()

    def decode_and_check(data: Any, count: int, anchor: Any, columns: Any, first: int) -> int:
        return decode(data, count, itemsize, block, table, nsteps, anchor, columns, first) or any_unlisted(
            checks, nchecks, lows, spans, anchor, columns, first, count
        )

    return decode_and_check


def table_encoder(itemsize: int, steps: Sequence[Step]) -> Callable[[Any, int, Any], int]:
    """Return the encoder ``(data, count, addresses)`` that runs the steps from a table."""
    table, block = table_of(steps), block_of(itemsize, BLOCK)
    nsteps = len(table)
    encode = encode_kernel()

    def encode_all(data: Any, count: int, addresses: Any) -> int:
        return encode(data, count, itemsize, block, table, nsteps, addresses)

    return encode_all


def decode_kernel() -> Callable[..., int]:
    """Return `_kernels.decode`, called with arrays where it takes addresses."""
    parameters: list[Parameter] = ["buffer", "int", "int", "int", "buffer", "int", "buffer", "buffer", "int"]
    return kernel("jitkit.records._kernels:decode", parameters)


def unlisted_kernel() -> Callable[..., int]:
    """Return `_kernels.any_unlisted`, called with arrays where it takes addresses."""
    parameters: list[Parameter] = ["buffer", "int", "buffer", "buffer", "buffer", "buffer", "int", "int"]
    return kernel("jitkit.records._kernels:any_unlisted", parameters)


def encode_kernel() -> Callable[..., int]:
    """Return `_kernels_pack.encode`, called with arrays where it takes addresses."""
    parameters: list[Parameter] = ["buffer", "int", "int", "int", "buffer", "int", "buffer"]
    return kernel("jitkit.records._kernels_pack:encode", parameters)


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
        if is_checked_in_code(leaf):
            size = leaf.dtype.itemsize
            own = intervals(leaf, 8 * size)
            rows.append((column, size, leaf.size, len(found), len(own)))
            found += own
    lows, spans = np.array(found, np.uint64).reshape(-1, 2).T
    return np.array(rows, CHECK), np.ascontiguousarray(lows), np.ascontiguousarray(spans)
