"""Single records as Python objects: small and exact, not fast."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jitkit.errors import LayoutError
from jitkit.records import _pack, _reference
from jitkit.records._layout import Placed
from jitkit.records._leaves import Leaf, allowed_values, is_checked
from jitkit.records._messages import not_allowed, unknown_name
from jitkit.records._types import Array, FieldType, Nested, Pad


def fill(record: Any, values: dict[str, Any]) -> None:
    """Set the fields of a new record from keyword arguments.

    Raises
    ------
    LayoutError
        If a field is missing or unknown.
    DecodeError
        If a value does not fit its field.
    """
    cls = type(record)
    fields = tuple(value_fields(cls))
    names = tuple(field.name for field in fields)
    for name in values:
        if name not in names:
            raise LayoutError(f"{cls.__name__}(): {unknown_name(name, names)}")
    missing = [name for name in names if name not in values]
    if missing:
        raise LayoutError(f"{cls.__name__}(): expected a value for each field, got none for {', '.join(missing)}")
    vars(record).update(values)
    # What its own bytes say is what the record holds: values that do not fit are refused here, where the caller is, and
    # records of equal bytes are equal however they were made.
    vars(record).update(vars(read(cls, to_bytes(record))))


def value_fields(cls: Any) -> Iterator[Placed]:
    """Yield the fields that have values: all but pads."""
    return (field for field in cls._layout.fields if not isinstance(field.type, Pad))


def read(cls: Any, data: bytes, index: int = 0) -> Any:
    """Return the record that `data` is, which stood at `index` among others.

    Raises
    ------
    DecodeError
        If an enumeration or boolean has a value that it may not have.
    """
    for leaf in filter(is_checked, cls._leaves):
        check_leaf(leaf, data, index, cls.itemsize)
    leaves = {leaf.name: leaf for leaf in cls._leaves}
    record = cls.__new__(cls)
    for field in value_fields(cls):
        shape, inner = nested_in(field.type)
        if inner is None:
            leaf = leaves[field.name]
            value = _reference.read(leaf, data, 0)
            vars(record)[field.name] = np.array(value, leaf.dtype) if leaf.shape else value
        else:
            starts = range(field.start // 8, field.stop // 8, inner.itemsize)
            records = [read(inner, data[start : start + inner.itemsize]) for start in starts]
            vars(record)[field.name] = _reference.nest(records, shape)
    return record


def check_leaf(leaf: Leaf, data: bytes, index: int, itemsize: int) -> None:
    """Raise a DecodeError if a checked leaf of record `index`, which `data` is, has a value that it may not have."""
    for start in leaf.element_starts():
        value = int(_reference.read_raw(leaf, data, start))
        if value not in allowed_values(leaf):
            raise not_allowed(leaf, value, index, index * itemsize + start // 8)


def to_bytes(record: Any) -> bytes:
    """Encode a record."""
    cls = type(record)
    leaves = {leaf.name: leaf for leaf in cls._leaves}
    data = bytearray(cls.itemsize)
    for field in value_fields(cls):
        value = vars(record)[field.name]
        shape, inner = nested_in(field.type)
        if inner is None:
            leaf = leaves[field.name]
            elements = _pack.raw_column(leaf, [value], of=cls.__name__).reshape(-1)
            for start, element in zip(leaf.element_starts(), elements, strict=True):
                _reference.write_raw(leaf, data, start, element.item())
        else:
            records = _records(f"{cls.__name__}.{field.name}", value, shape, inner)
            data[field.start // 8 : field.stop // 8] = b"".join(map(bytes, records))
    return bytes(data)


def nested_in(kind: FieldType) -> tuple[tuple[int, ...], Any]:
    """Shape of a field, and the record class in it; None if there is none."""
    shape: tuple[int, ...] = ()
    while isinstance(kind, Array):
        shape, kind = shape + kind.shape, kind.item
    return shape, kind.record if isinstance(kind, Nested) else None


def _records(name: str, value: Any, shape: tuple[int, ...], inner: Any) -> list[Any]:
    records = list(_flat(value, shape))
    if len(records) != math.prod(shape) or not all(isinstance(record, inner) for record in records):
        wanted = f"a {inner.__name__}" if not shape else f"{inner.__name__} records in lists of shape {shape}"
        raise LayoutError(f"{name}: expected {wanted}, got {value!r}")
    return records


def _flat(value: Any, shape: tuple[int, ...]) -> Iterator[Any]:
    """Yield the items of lists nested as `shape` says; of other ones, nothing."""
    if not shape:
        yield value
    elif isinstance(value, Sequence) and len(value) == shape[0]:
        for item in value:
            yield from _flat(item, shape[1:])


def equal(one: Any, other: Any) -> bool:
    """Whether two records of one class have equal bytes, by which NaN is itself."""
    return to_bytes(one) == to_bytes(other)


def describe(record: Any) -> str:
    """Return what `repr` shows."""
    values = (f"{field.name}={vars(record)[field.name]!r}" for field in value_fields(type(record)))
    return f"{type(record).__name__}({', '.join(values)})"
