"""From columns to records: check every value, turn it into its raw one, and write it into place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jitkit._core.fresh import fresh_bytes
from jitkit.errors import DecodeError, LayoutError
from jitkit.records._leaves import Leaf, raw_dtype
from jitkit.records._messages import expected_values, unknown_name
from jitkit.records._schema import Schema

PIECE = 1 << 14  # rows of a scaled column that are turned into raw values at a time
KINDS = {"u": "biu", "i": "biu", "f": "fiub", "?": "biu", "S": "S"}  # array kinds that a field of a kind takes


def pack(schema: Schema, columns: Mapping[str, Any]) -> bytes:
    """Encode columns; see `Record.pack`."""
    leaves, names = schema.leaves, schema.names
    if not isinstance(columns, Mapping):
        raise LayoutError(f"expected a mapping of field names to arrays, got {type(columns).__name__}")
    for name in columns:
        if name not in names:
            raise LayoutError(f"{schema.record}: {unknown_name(name, names)}")
    missing = [name for name in names if name not in columns]
    if missing:
        raise LayoutError(f"{schema.record}: expected all columns, got none for {', '.join(missing)}")
    raws = [raw_column(leaf, columns[leaf.name]) for leaf in leaves]
    count = len(raws[0]) if raws else 0
    for leaf, raw in zip(leaves, raws, strict=True):
        if len(raw) != count:
            raise DecodeError(
                f"expected columns of equal length, got {count} rows of {leaves[0].name} and {len(raw)} of {leaf.name}",
                kind="length",
                field=leaf.name,
            )
    data, target = fresh_bytes(count * schema.itemsize)
    schema.encode(target, count, np.array([raw.ctypes.data for raw in raws], np.int64))
    return target.tobytes() if data is None else data


def raw_column(leaf: Leaf, values: Any, of: str | None = None) -> np.ndarray[Any, Any]:
    """Return the raw elements of a column as a C-contiguous native array of shape ``(n, *leaf.shape)``.

    `of` is the class of a single record, whose messages speak of a value instead of a column.

    Raises
    ------
    LayoutError
        If the values are of another kind or shape than the field's.
    DecodeError
        If one does not fit.
    """
    try:
        column = _Column(leaf, values, of)
        if not leaf.scaled or len(column.values) <= PIECE:
            return column.raw()
        # Piece by piece, so that what is computed on the way stays in the cache.
        rows, stored = column.values, np.empty(column.values.shape, raw_dtype(leaf))
        for start in range(0, len(rows), PIECE):
            column.first, column.values = start, rows[start : start + PIECE]
            stored[start : start + PIECE] = column.raw()
        return stored
    except OverflowError as error:  # a Python integer beyond every float
        raise LayoutError(f"{leaf.name}: expected values for {leaf.describe()}: {error}") from None


class _Column:
    """A user's values for one leaf, on their way to raw ones."""

    def __init__(self, leaf: Leaf, values: Any, of: str | None) -> None:
        self.leaf = leaf
        self.of = of
        self.first = 0  # index of the first record of `values`, for messages
        self.name = leaf.name if of is None else f"{of}.{leaf.name}"
        self.values = self.as_array(values)

    def raw(self) -> np.ndarray[Any, Any]:
        """The raw elements, checked."""
        leaf, values = self.leaf, self.values
        if leaf.kind == "S":
            return self.raw_bytes()
        if values.dtype == np.bool_:
            values = values != 0  # bytes of an array that was only viewed as booleans may be anything
        raw = self.unscaled() if leaf.scaled else values
        if leaf.kind == "f":
            return self.raw_floats(raw)
        whole = raw.dtype == raw_dtype(leaf) and not leaf.is_bit_field  # every value of the type fits
        low, high = (0, 1) if leaf.kind == "?" else limits(leaf)
        # In float64, in which scaled values come, only the power of two above the largest integer is exact.
        if not whole:
            outside = (raw < low) | (raw >= float(high + 1) if leaf.scaled else raw > high)
            self.refuse(outside, raw, f"a raw value in {low}..{high} ({leaf.describe()})", "range")
        stored = raw.astype(raw_dtype(leaf), order="C", copy=False)
        if leaf.labels is not None:
            unlisted = ~np.isin(stored, np.array(list(leaf.labels), stored.dtype))
            self.refuse(unlisted, stored, expected_values(leaf), "enum")
        return stored

    def as_array(self, values: Any) -> np.ndarray[Any, Any]:
        """The values as an array of the right kind and shape."""
        leaf = self.leaf
        try:
            array = np.asarray(values)
        except ValueError as error:  # rows of different lengths
            raise LayoutError(f"{self.name}: expected {self.wanted_shape()}: {error}") from None
        if array.dtype.kind in "fO" and not isinstance(values, np.ndarray):
            array = self.of_integers(np.asarray(values, object), array)
        kinds = "fiub" if leaf.scaled else KINDS[leaf.kind]
        if array.size and array.dtype.kind not in kinds:
            got = f"an array of {array.dtype}" if self.of is None else repr(values[0])
            raise LayoutError(f"{self.name}: expected {self.wanted()}, got {got}")
        if not array.size and array.ndim == 1:
            return np.empty((0, *leaf.shape), leaf.dtype)
        if array.shape[1:] != leaf.shape or array.ndim == 0:
            shape = array.shape if self.of is None else array.shape[1:]
            raise LayoutError(f"{self.name}: expected {self.wanted_shape()}, got {shape}")
        return array

    def of_integers(self, items: np.ndarray[Any, Any], array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """What NumPy makes objects or floats of, because no type of its holds all of these Python integers."""
        leaf = self.leaf
        if leaf.kind not in "uif" or not all(isinstance(item, int | np.integer) for item in items.flat):
            return array
        if leaf.scaled or leaf.kind == "f":
            return items.astype(np.float64)
        low, high = limits(leaf)
        outside = np.array([not low <= item <= high for item in items.flat], np.bool_).reshape(items.shape)
        self.values = items
        self.refuse(outside, items, f"a raw value in {low}..{high} ({leaf.describe()})", "range")
        return items.astype(raw_dtype(leaf))

    def wanted(self) -> str:
        """What the values should be, in words."""
        if self.leaf.scaled:
            return "numbers" if self.of is None else "a number"
        return f"values for {self.leaf.describe()}" if self.of is None else f"a value for {self.leaf.describe()}"

    def wanted_shape(self) -> str:
        """What shape they should have, in words."""
        return f"shape {('n', *self.leaf.shape)}".replace("'", "") if self.of is None else f"shape {self.leaf.shape}"

    def raw_bytes(self) -> np.ndarray[Any, Any]:
        """Bytes, filled up with zeros."""
        size = self.leaf.bits // 8
        if self.values.size and self.values.dtype.itemsize > size:
            self.refuse(np.strings.str_len(self.values) > size, self.values, f"at most {size} bytes", "range")
        return self.values.astype(f"S{size}", order="C")

    def unscaled(self) -> np.ndarray[Any, Any]:
        """Raw values nearest to physical ones, still as floats."""
        leaf = self.leaf
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is refused, with its place
            raw = (self.values.astype(np.float64) - leaf.offset) / leaf.scale
        if leaf.kind == "f":
            return raw
        self.refuse(np.isnan(raw), raw, f"a number that {leaf.describe()} can hold", "range")
        return np.rint(raw)

    def raw_floats(self, raw: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Floats of the field's size, none of which became infinite on the way."""
        if raw.dtype == raw_dtype(self.leaf) and not self.leaf.scaled:
            return np.ascontiguousarray(raw)
        with np.errstate(over="ignore"):
            stored = raw.astype(raw_dtype(self.leaf), order="C")
        overflown = np.isinf(stored) & np.isfinite(self.values)
        self.refuse(overflown, raw, f"a value that {self.leaf.describe()} can hold", "range")
        return stored

    def refuse(self, bad: np.ndarray[Any, Any], raw: np.ndarray[Any, Any], expected: str, kind: str) -> None:
        """Raise a DecodeError for the first bad element, if there is one."""
        if not bad.any():
            return
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        value = self.values[place]
        got = repr(value.item() if isinstance(value, np.generic) else value)
        if self.leaf.scaled:
            got = f"{raw[place].item():.17g} from {got}{' ' + self.leaf.unit if self.leaf.unit else ''}"
        record = self.first + place[0] if self.of is None else None
        where = f"field {self.name}" if record is None else f"field {self.leaf.name}, record {record}"
        raise DecodeError(
            f"expected {expected}, got {got} ({where})",
            kind=kind,
            record=record,
            field=self.leaf.name,
        )


def limits(leaf: Leaf) -> tuple[int, int]:
    """Smallest and largest raw integer of a leaf."""
    return (-(1 << (leaf.bits - 1)), (1 << (leaf.bits - 1)) - 1) if leaf.kind == "i" else (0, (1 << leaf.bits) - 1)
