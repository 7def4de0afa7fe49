"""Structured records over raw bytes: declared as classes, proven when they are made, decoded at memory speed.

Where what is, in the order in which bytes become columns:

- a class becomes a layout: `_types` and `_fields`, `_annotations`, `_layout`; `_record` and `_record_type` hold it all;
- a layout becomes columns to be: `_leaves`, and the steps that make them: `_plan`, `_schema`, `_select`;
- steps are taken by machine code of their own (`_element` says how, `_machine` and `_loops` in LLVM's words, `_source`
  in Python's, `_specialised` compiles it) or by a table (`_table`, `_kernels`); `_reference` is all in plain Python;
- bytes come from `_sources` and go to `_targets`, `_decode` leads them there, `_columns` is what users get;
- back again: `_pack`, `_kernels_pack`; one record or field at a time: `_instance`, `_reader`, in kernels
  `_typing` and `_intrinsics`;
- to be looked at and passed on: `_bytemap`, `_dtype`, `_arrow`; `_flat` makes columns for other rooms to fill;
  `_command` is `jitkit decode`.
"""

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
from jitkit.records._flat import FlatLayout
from jitkit.records._record import Record

__all__ = [
    "Columns",
    "FlatLayout",
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
