"""Reading one record or one field, from Python and inside kernels."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from jitkit._core.buffers import byte_view
from jitkit._core.lazy import lazy
from jitkit.records import _reference
from jitkit.records._instance import check_leaf
from jitkit.records._leaves import Leaf, is_checked


class Reader:
    """Function ``read(buffer, i)`` that gives one field of record `i`; see `Record.reader`.

    Called inside a kernel, it compiles to a bounds check and the loads that the field needs.
    """

    def __init__(self, record: str, itemsize: int, leaf: Leaf) -> None:
        self._record = record
        self._itemsize = itemsize
        self._leaf = leaf

    def __call__(self, buffer: Any, i: int) -> Any:
        """Value of the field: a number, bytes, or an array.

        Raises
        ------
        IndexError
            If the buffer has no whole record `i`.
        DecodeError
            If the buffer is not contiguous, or the value is not in its enumeration.
        """
        data = byte_view(buffer)
        i = record_index(self._record, self._itemsize, data.size, i)
        record = data[i * self._itemsize : (i + 1) * self._itemsize].tobytes()
        if is_checked(self._leaf):
            check_leaf(self._leaf, record, i, self._itemsize)
        value = _reference.read(self._leaf, record, 0)
        return np.array(value, self._leaf.dtype) if self._leaf.shape else value

    def __repr__(self) -> str:
        return f"<reader of {self._record}.{self._leaf.name}: {self._leaf.describe()}>"

    def __jitkit_fingerprint__(self) -> Any:
        """What kernels that use the reader depend on."""
        return self._record, self._itemsize, self._leaf

    @lazy
    def _kernel(self) -> Any:
        from jitkit.records._typing import field_reader

        return field_reader(self._record, self._itemsize, self._leaf)

    @property
    def _numba_type_(self) -> Any:
        """What numba sees where a kernel names the reader: a compiled function."""
        return self._kernel._numba_type_


def record_index(record: str, itemsize: int, nbytes: int, i: Any) -> int:
    """Return `i` as an int, if a buffer of `nbytes` bytes has a whole record there."""
    count = nbytes // itemsize
    try:
        index = operator.index(i)
    except TypeError:
        raise TypeError(f"expected the index of a record ({record}) to be an integer, got {i!r}") from None
    if not 0 <= index < count:
        allowed = f"an index in 0..{count - 1}" if count else "a buffer with a whole record"
        raise IndexError(f"expected {allowed} ({count} records of {record}), got index {index}")
    return index
