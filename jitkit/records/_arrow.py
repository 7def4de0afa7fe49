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
    if column.ndim == 1:
        return arrow.array(column)
    # Lists within lists, from the innermost axis outwards; reshaping a column of its own memory copies nothing.
    values = arrow.array(column.reshape(-1))
    for length in reversed(column.shape[1:]):
        values = arrow.FixedSizeListArray.from_arrays(values, length)
    return values


def _metadata(leaf: Leaf) -> dict[str, str] | None:
    notes = {}
    if leaf.unit is not None:
        notes["unit"] = leaf.unit
    if leaf.labels is not None:
        notes["labels"] = json.dumps({str(value): text for value, text in leaf.labels.items()})
    return notes or None
