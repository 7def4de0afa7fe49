"""From columns to records: check every value, turn it into its raw one, and write it into place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from jitkit.errors import DecodeError, LayoutError
from jitkit.records._layout import Layout
from jitkit.records._leaves import Leaf, is_checked, raw_dtype
from jitkit.records._messages import expected_values, unknown_name
from jitkit.records._plan import block_of, steps_of

KINDS = {"u": "biu", "i": "biu", "f": "fiub", "?": "biu", "S": "S"}  # array kinds that a field of a kind takes


def pack(layout: Layout, leaves: tuple[Leaf, ...], columns: Mapping[str, Any]) -> bytes:
    """Encode columns; see `Record.pack`."""
    from jitkit.records import _kernels_pack, _table

    names = tuple(leaf.name for leaf in leaves)
    if not isinstance(columns, Mapping):
        raise LayoutError(f"expected a mapping of field names to arrays, got {type(columns).__name__}")
    for name in columns:
        if name not in names:
            raise LayoutError(f"{layout.record}: {unknown_name(name, names)}")
    missing = [name for name in names if name not in columns]
    if missing:
        raise LayoutError(f"{layout.record}: expected all columns, got none for {', '.join(missing)}")
    raws = [raw_column(leaf, columns[leaf.name]) for leaf in leaves]
    count = len(raws[0]) if raws else 0
    for leaf, raw in zip(leaves, raws, strict=True):
        if len(raw) != count:
            raise DecodeError(
                f"expected columns of equal length, got {count} rows of {leaves[0].name} and {len(raw)} of {leaf.name}",
                kind="length",
                field=leaf.name,
            )
    stored = tuple(
        replace(leaf, scaled=False, valid=None, labels=None, dtype=raw.dtype)
        for leaf, raw in zip(leaves, raws, strict=True)
    )
    table = _table.table_of(steps_of(stored, layout.itemsize))
    data = np.zeros(count * layout.itemsize, np.uint8)
    addresses = np.array([raw.ctypes.data for raw in raws], np.int64)
    _kernels_pack.encode(data, count, layout.itemsize, block_of(layout.itemsize), table, addresses)
    return data.tobytes()


def raw_column(leaf: Leaf, values: Any) -> np.ndarray[Any, Any]:
    """Return the raw elements of a column as a C-contiguous native array of shape ``(n, *leaf.shape)``.

    Raises
    ------
    LayoutError
        If the values are of another kind or shape than the field's.
    DecodeError
        If one does not fit.
    """
    column = _as_array(leaf, values)
    if leaf.kind == "S":
        return _raw_bytes(leaf, column)
    raw = _unscaled(leaf, column) if leaf.scaled else column
    if leaf.kind == "f":
        return _raw_floats(leaf, column, raw)
    low, high = (0, 1) if leaf.kind == "?" else _limits(leaf)
    outside = (raw < low) | (raw > high)
    if outside.any():
        _refuse(leaf, column, raw, outside, f"a raw value in {low}..{high} ({leaf.describe()})", "range")
    stored = raw.astype(raw_dtype(leaf), order="C")
    if is_checked(leaf) and leaf.labels is not None:
        unlisted = ~np.isin(stored, np.array(list(leaf.labels), stored.dtype))
        if unlisted.any():
            _refuse(leaf, column, stored, unlisted, expected_values(leaf), "enum")
    return stored


def _as_array(leaf: Leaf, values: Any) -> np.ndarray[Any, Any]:
    try:
        column = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise LayoutError(f"{leaf.name}: expected an array of shape (n{_tail(leaf)}): {error}") from None
    if column.dtype == object and leaf.kind in "ui" and not leaf.scaled:
        column = _big_integers(leaf, column)
    kinds = "fiub" if leaf.scaled else KINDS[leaf.kind]
    if column.dtype.kind not in kinds and column.size:
        raise LayoutError(f"{leaf.name}: expected values for {leaf.describe()}, got an array of {column.dtype}")
    if column.ndim != 1 + len(leaf.shape) or column.shape[1:] != leaf.shape:
        if column.size:
            raise LayoutError(f"{leaf.name}: expected shape (n{_tail(leaf)}), got {column.shape}")
        column = np.empty((0, *leaf.shape), leaf.dtype)
    return column


def _big_integers(leaf: Leaf, column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Python integers that no NumPy integer holds make an array of objects: they are out of every range."""
    for index, value in enumerate(column.reshape(-1)):
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
            low, high = _limits(leaf)
            raise DecodeError(
                f"expected a raw value in {low}..{high} ({leaf.describe()}), got {value} "
                f"(field {leaf.name}, record {index // leaf.size})",
                kind="range",
                record=index // leaf.size,
                field=leaf.name,
            )
    return column


def _raw_bytes(leaf: Leaf, column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    size = leaf.bits // 8
    if column.size and column.dtype.itemsize > size:
        lengths = np.strings.str_len(column)
        long = lengths > size
        if long.any():
            _refuse(leaf, column, column, long, f"at most {size} bytes", "range")
    return column.astype(f"S{size}", order="C")


def _unscaled(leaf: Leaf, column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    raw = (column.astype(np.float64) - leaf.offset) / leaf.scale
    if leaf.kind == "f":
        return raw
    nan = np.isnan(raw)
    if nan.any():
        _refuse(leaf, column, raw, nan, f"a number that {leaf.describe()} can hold", "range")
    return np.rint(raw)


def _raw_floats(leaf: Leaf, column: np.ndarray[Any, Any], raw: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    with np.errstate(over="ignore"):  # found below, with its place
        stored = raw.astype(raw_dtype(leaf), order="C")
    overflown = np.isinf(stored) & ~np.isinf(raw)
    if overflown.any():
        _refuse(leaf, column, raw, overflown, f"a value that {leaf.describe()} can hold", "range")
    return stored


def _limits(leaf: Leaf) -> tuple[int, int]:
    return (-(1 << (leaf.bits - 1)), (1 << (leaf.bits - 1)) - 1) if leaf.kind == "i" else (0, (1 << leaf.bits) - 1)


def _refuse(
    leaf: Leaf,
    column: np.ndarray[Any, Any],
    raw: np.ndarray[Any, Any],
    bad: np.ndarray[Any, Any],
    expected: str,
    kind: str,
) -> NoReturn:
    place = tuple(int(i) for i in np.argwhere(bad)[0])
    value = column[place].item()
    got = f"{raw[place].item():.17g} from {value}{' ' + leaf.unit if leaf.unit else ''}" if leaf.scaled else repr(value)
    raise DecodeError(
        f"expected {expected}, got {got} (field {leaf.name}, record {place[0]})",
        kind=kind,
        record=place[0],
        field=leaf.name,
    )


def _tail(leaf: Leaf) -> str:
    return "".join(f", {length}" for length in leaf.shape) or ","
