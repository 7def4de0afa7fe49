"""Structured records over raw bytes: declared as classes, proven when they are made, decoded at memory speed."""

from jitkit.records._columns import Columns
from jitkit.records._fields import (
    array,
    bits,
    boolean,
    bytes_,
    enum_,
    f16,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    pad,
    scaled,
    u8,
    u16,
    u32,
    u64,
)
from jitkit.records._record import Record

__all__ = [
    "Columns",
    "Record",
    "array",
    "bits",
    "boolean",
    "bytes_",
    "enum_",
    "f16",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "pad",
    "scaled",
    "u8",
    "u16",
    "u32",
    "u64",
]
