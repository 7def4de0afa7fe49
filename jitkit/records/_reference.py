"""The decoder in plain Python: what every kernel of this room computes, one element at a time.

It is the oracle of the tests, the denominator of the benchmarks, and what reads and writes single records.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jitkit.records._leaves import Leaf

FLOAT_FORMATS = {16: "e", 32: "f", 64: "d"}  # of the struct module


def decode(record: Any, data: bytes) -> dict[str, list[Any]]:
    """Return the columns of all whole records in `data`; array fields give nested lists."""
    columns: dict[str, list[Any]] = {leaf.name: [] for leaf in record._leaves}
    for base in range(0, len(data) - record.itemsize + 1, record.itemsize):
        for leaf in record._leaves:
            columns[leaf.name].append(read(leaf, data, base))
    return columns


def encode(record: Any, columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Return the records that `columns` make: the inverse of `decode`; pads become zeros."""
    count = len(next(iter(columns.values()))) if columns else 0
    data = bytearray(count * record.itemsize)
    for i in range(count):
        for leaf in record._leaves:
            write(leaf, data, i * record.itemsize, columns[leaf.name][i])
    return bytes(data)


def validity(leaf: Leaf, values: Sequence[Any]) -> list[Any]:
    """Return which values lie in the leaf's valid range, nested like the values."""
    low, high = leaf.valid or (-math.inf, math.inf)
    return [
        validity(leaf, value) if isinstance(value, list) else leaf.valid is None or low <= value <= high
        for value in values
    ]


def read(leaf: Leaf, data: bytes | bytearray | memoryview, base: int) -> Any:
    """Value of one leaf in the record that starts at byte `base`."""
    values = [physical(leaf, read_raw(leaf, data, 8 * base + start)) for start in leaf.element_starts()]
    return nest(values, leaf.shape)


def write(leaf: Leaf, data: bytearray, base: int, value: Any) -> None:
    """Put one leaf's value into the record that starts at byte `base`; its bits there must be zero."""
    for start, element in zip(leaf.element_starts(), flat(value, len(leaf.shape)), strict=True):
        write_raw(leaf, data, 8 * base + start, raw(leaf, element))


def read_raw(leaf: Leaf, data: bytes | bytearray | memoryview, start: int) -> Any:
    """Raw element at bit `start`: bytes, float, bool or int."""
    stop = start + leaf.bits
    covering = bytes(data[start // 8 : -(-stop // 8)])
    if leaf.kind == "S":
        return covering.rstrip(b"\0")
    word = int.from_bytes(covering, leaf.byteorder)
    after = -stop % 8 if leaf.byteorder == "big" else start % 8
    word = (word >> after) & ((1 << leaf.bits) - 1)
    if leaf.kind == "f":
        code = FLOAT_FORMATS[leaf.bits]
        return struct.unpack("<" + code, word.to_bytes(leaf.bits // 8, "little"))[0]
    if leaf.kind == "i" and word >> (leaf.bits - 1):
        return word - (1 << leaf.bits)
    return bool(word) if leaf.kind == "?" and word <= 1 else word


def write_raw(leaf: Leaf, data: bytearray, start: int, element: Any) -> None:
    """Put a raw element at bit `start`."""
    if leaf.kind == "S":
        data[start // 8 : start // 8 + len(element)] = element
        return
    if leaf.kind == "f":
        element = int.from_bytes(struct.pack("<" + FLOAT_FORMATS[leaf.bits], element), "little")
    stop = start + leaf.bits
    first, last = start // 8, -(-stop // 8)
    after = -stop % 8 if leaf.byteorder == "big" else start % 8
    word = int.from_bytes(data[first:last], leaf.byteorder)
    word |= (int(element) & ((1 << leaf.bits) - 1)) << after
    data[first:last] = word.to_bytes(last - first, leaf.byteorder)


def physical(leaf: Leaf, element: Any) -> Any:
    """Column value of a raw element."""
    if not leaf.scaled:
        return element
    value = float(element) * leaf.scale
    value = value if leaf.added is None else value + leaf.added
    return single(value) if leaf.dtype.str[1:] == "f4" else value


def raw(leaf: Leaf, value: Any) -> Any:
    """Raw element nearest to a column value: the inverse of `physical`."""
    if not leaf.scaled:
        return value
    element = (float(value) - leaf.offset) / leaf.scale
    return element if leaf.kind == "f" else round(element)


def single(value: float) -> float:
    """`value` rounded to float32."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:  # beyond the largest float32: IEEE 754 rounds to infinity
        return math.copysign(math.inf, value)


def nest(values: list[Any], shape: tuple[int, ...]) -> Any:
    """Nested lists of the given shape from values in C order; the value itself for the shape ()."""
    if not shape:
        return values[0]
    step = math.prod(shape[1:])
    return [nest(values[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def flat(value: Any, depth: int) -> Iterator[Any]:
    """Yield the elements of nested sequences of the given depth in C order."""
    if depth == 0:
        yield value
    else:
        for item in value:
            yield from flat(item, depth - 1)
