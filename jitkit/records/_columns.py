"""What decoding gives: columns by name, in one piece of memory, with their masks, units and labels."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

import numpy as np

from jitkit._core.extras import require
from jitkit.records._leaves import Leaf
from jitkit.records._messages import unknown_name
from jitkit.records._schema import Arena, Schema

WIDTH = 80  # characters of a line in `repr`
SHOWN = 4  # values of a column in `repr`, and of an item that is an array
MOST_SHOWN = 60  # columns in `repr`


class Columns(Mapping[str, "np.ndarray[Any, Any]"]):
    """Columns of decoded records: a mapping of field names to arrays, all with ``len(columns)`` rows.

    Attributes
    ----------
    tail : bytes
        What was left behind the last whole record, when decoded with ``tail="keep"``.

    Notes
    -----
    All columns of one decoding lie in one allocation, each from a multiple of 64 bytes on: one that is kept keeps the
    others in memory. ``column.copy()`` frees it of them.
    """

    __slots__ = ("_anchor", "_arena", "_arrays", "_masks", "tail")

    def __init__(self, arena: Arena, anchor: Any, arrays: dict[str, np.ndarray[Any, Any]] | None = None) -> None:
        self._arena = arena
        self._anchor = anchor
        self._arrays = arrays  # None: to be made when the first is asked for
        self._masks: dict[str, np.ndarray[Any, Any]] = {}
        self.tail = b""

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        arrays = self._arrays if self._arrays is not None else self._all()
        try:
            return arrays[name]
        except (KeyError, TypeError):
            raise KeyError(unknown_name(name, self._arena.schema.names)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._arena.schema.names)

    def __len__(self) -> int:
        return self._arena.count

    def __contains__(self, name: object) -> bool:
        return name in self._arena.schema.places

    # A mapping's views take their length from it, which here is the number of rows: these have their own.
    def keys(self) -> KeysView[str]:
        """Names of the columns, in the order of the fields."""
        return self._all().keys()

    def values(self) -> ValuesView[np.ndarray[Any, Any]]:
        """Arrays of the columns, in the order of the fields."""
        return self._all().values()

    def items(self) -> ItemsView[str, np.ndarray[Any, Any]]:
        """Names and arrays of the columns, in the order of the fields."""
        return self._all().items()

    __eq__ = object.__eq__  # two mappings of arrays have no single truth value
    __hash__ = object.__hash__

    @property
    def nbytes(self) -> int:
        """Size of all columns and masks in bytes."""
        return self._arena.count * sum(self._arena.schema.row_bytes)

    def valid(self, name: str) -> np.ndarray[Any, Any]:
        """Mask of the values inside the field's valid range, which includes both ends; NaN is outside.

        Returns
        -------
        (n, ...) bool
            Shaped like the column. All true for a field without a range.

        Raises
        ------
        KeyError
            If there is no such column.
        """
        mask = self._masks.get(name)
        if mask is None:
            leaf = self._leaf(name)
            if leaf.valid is None:
                mask = np.ones((self._arena.count, *leaf.shape), np.bool_)
            else:
                mask = self._arena.mask(self._anchor, leaf)
            self._masks[name] = mask
        return mask

    def unit(self, name: str) -> str | None:
        """Unit of a scaled field, or None."""
        return self._leaf(name).unit

    def labels(self, name: str) -> np.ndarray[Any, Any]:
        """Texts of an enumerated field, one for each row.

        Raises
        ------
        KeyError
            If there is no such column, or it has no enumeration.
        """
        leaf = self._leaf(name)
        if leaf.labels is None:
            raise KeyError(f"expected a column with an enumeration, got {name!r} ({leaf.describe()})")
        values = np.array(list(leaf.labels), leaf.dtype)  # in ascending order: `enum_` sorts them
        texts = np.array(list(leaf.labels.values()))
        return texts[np.searchsorted(values, self[name])]

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """Copy into one structured array of dtype ``[(name, dtype, shape), ...]``."""
        dtype = np.dtype([(leaf.name, leaf.dtype, leaf.shape) for leaf in self._arena.schema.leaves])
        rows = np.empty(self._arena.count, dtype)
        for name, column in self.items():
            rows[name] = column
        return rows

    def to_arrow(self) -> Any:
        """Return a `pyarrow.Table`; numbers are shared, not copied.

        Units and labels are in the metadata of the Arrow fields, under ``unit`` and ``labels`` (JSON). A field of
        shape (k,) becomes a fixed-size list, bytes become binary without the trailing zeros.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        from jitkit.records._arrow import arrow_table

        return arrow_table(self, self._arena.schema.leaves)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Arrow's C data interface: Polars, DuckDB, pyarrow and others read columns through it."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_polars(self) -> Any:
        """Return a `polars.DataFrame`.

        Raises
        ------
        MissingExtraError
            If polars or pyarrow is not installed.
        """
        return require("polars", "Columns.to_polars").from_arrow(self.to_arrow())

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`; a field of shape (k,) becomes a column of arrays.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        pandas = require("pandas", "Columns.to_pandas")
        return pandas.DataFrame({name: column if column.ndim == 1 else list(column) for name, column in self.items()})

    def __repr__(self) -> str:
        leaves = self._arena.schema.leaves[:MOST_SHOWN]
        rows = [(leaf.name, leaf.becomes(), leaf.unit or "") for leaf in leaves]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
        lines = [f"Columns of {self._arena.schema.record}: {self._arena.count:,} rows, {self.nbytes:,} bytes"[:WIDTH]]
        for leaf, row in zip(leaves, rows, strict=True):
            start = "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append((start + "  " + self._sample(leaf, WIDTH - len(start) - 2)).rstrip()[:WIDTH])
        if len(self._arena.schema.leaves) > MOST_SHOWN:
            lines.append(f"  ... and {len(self._arena.schema.leaves) - MOST_SHOWN:,} more columns")
        return "\n".join(lines)

    def _sample(self, leaf: Leaf, room: int) -> str:
        """As many values as there is room for, each whole: part of a number would be another number."""
        column = self[leaf.name]
        every = self._arena.count <= 2 * SHOWN
        shown = list(map(_short, column if every else column[:SHOWN]))
        end = [] if every else ["...", _short(column[-1])]
        while shown and len(text := " ".join([*shown, *end])) > room:
            shown.pop()
            end = end[-2:] or ["..."]
        return text if shown else "..." if self._arena.count else ""

    def __reduce__(self) -> tuple[Any, ...]:
        masks = {leaf.name: self.valid(leaf.name) for leaf in self._arena.schema.masked}
        return _restored, (self._arena.schema, self._arena.count, self._all(), masks, self.tail)

    def _all(self) -> dict[str, np.ndarray[Any, Any]]:
        if self._arrays is None:
            self._arrays = self._arena.arrays(self._anchor)
        return self._arrays

    def _leaf(self, name: str) -> Leaf:
        try:
            return self._arena.schema.leaves[self._arena.schema.places[name]]
        except (KeyError, TypeError):
            raise KeyError(unknown_name(name, self._arena.schema.names)) from None


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "[" + " ".join(map(_short, value[:SHOWN])) + (" ..." if len(value) > SHOWN else "") + "]"
    if isinstance(value, np.floating):
        return f"{value:.6g}"
    return repr(bytes(value)) if isinstance(value, bytes) else str(value)


def _restored(schema: Schema, count: int, arrays: Any, masks: Any, tail: bytes) -> Columns:
    """Columns from a pickle: arrays of their own, without an arena."""
    columns = Columns(Arena(schema, count), None, arrays)
    columns._masks.update(masks)
    columns.tail = tail
    return columns
