"""The NumPy dtype of a record."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.errors import LayoutError
from jitkit.records._layout import Layout, Placed, is_bits
from jitkit.records._types import Array, ByteOrder, Bytes, Enumerated, FieldType, Nested, Number, Pad, Scaled


def dtype_of(layout: Layout) -> np.dtype[Any]:
    """Return the structured dtype of raw values that has the record's offsets and size."""
    fields = [field for field in layout.fields if not isinstance(field.type, Pad)]
    for field in fields:
        if is_bits(field.type):
            raise LayoutError(
                f"{layout.record}.{field.name}: expected fields of whole bytes, got {field.type!r}: "
                f"NumPy has no dtype for bit fields; `{layout.record}.columns` decodes them"
            )
    return np.dtype(
        {
            "names": [field.name for field in fields],
            "formats": [_format(field, field.type) for field in fields],
            "offsets": [field.start // 8 for field in fields],
            "itemsize": layout.itemsize,
        }
    )


def _format(field: Placed, kind: FieldType) -> Any:
    match kind:
        case Array():
            return _format(field, kind.item), kind.shape
        case Nested():
            return dtype_of(kind.record._layout)
        case Bytes():
            return np.dtype(f"S{kind.size}")
        case Scaled() | Enumerated():
            return number_dtype(kind.base, field.byteorder)
        case Number():
            return number_dtype(kind, field.byteorder)
    raise AssertionError(kind)


def number_dtype(number: Number, byteorder: ByteOrder) -> np.dtype[Any]:
    """Return the dtype of a number of whole bytes."""
    if number.kind == "?":
        return np.dtype(np.bool_)
    return np.dtype(f"{'<' if byteorder == 'little' else '>'}{number.kind}{number.bits // 8}")
