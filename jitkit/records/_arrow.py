"""Columns as an Arrow table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jitkit._core.extras import require
from jitkit.records._leaves import Leaf


def arrow_table(columns: Mapping[str, np.ndarray[Any, Any]], leaves: Sequence[Leaf]) -> Any:
    """Return a `pyarrow.Table` of the leaves' columns, which shares the memory of the numeric ones."""
    arrow = require("pyarrow", "Columns.to_arrow")
    arrays = [_array(arrow, columns[leaf.name]) for leaf in leaves]
    fields = [
        arrow.field(leaf.name, array.type, nullable=False, metadata=_metadata(leaf))
        for leaf, array in zip(leaves, arrays, strict=True)
    ]
    return arrow.Table.from_arrays(arrays, schema=arrow.schema(fields))


def _array(arrow: Any, column: np.ndarray[Any, Any]) -> Any:
    flat = column.reshape(-1)  # copies nothing: columns are contiguous
    values = _binary(arrow, flat) if column.dtype.kind == "S" else arrow.array(flat)
    # Lists within lists, from the innermost axis outwards.
    for length in reversed(column.shape[1:]):
        values = arrow.FixedSizeListArray.from_arrays(values, length)
    return values


def _binary(arrow: Any, column: np.ndarray[Any, Any]) -> Any:
    """Bytes without their trailing zeros; Arrow's own conversion would end each at its first zero."""
    lengths = np.strings.str_len(column)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    size = column.dtype.itemsize
    kept = np.arange(size) < lengths[:, np.newaxis]
    data = column.view(np.uint8).reshape(-1, size)[kept]
    buffers = [None, arrow.py_buffer(offsets), arrow.py_buffer(data)]
    large = arrow.LargeBinaryArray.from_buffers(arrow.large_binary(), len(column), buffers)
    return large.cast(arrow.binary()) if offsets[-1] < 2**31 else large  # 32-bit offsets reach no further


def _metadata(leaf: Leaf) -> dict[str, str] | None:
    notes = {}
    if leaf.unit is not None:
        notes["unit"] = leaf.unit
    if leaf.labels is not None:
        notes["labels"] = json.dumps({str(value): text for value, text in leaf.labels.items()})
    return notes or None
