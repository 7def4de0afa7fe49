"""A record that was read from a ring, in kernels: a value of its own, whatever becomes of its slot.

What numba itself calls a record is a pointer to where it lies. Taken from a ring, that would be a slot that the next
element overwrites. Fields are read by name, as an attribute or in brackets, and the value can be stored to an array or
a ring. It does not become a record of numba by itself: that would be a pointer to memory which nobody keeps.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from jitkit._core.intrinsics import (
    AbstractTemplate,
    AttributeTemplate,
    box,
    cgutils,
    infer,
    infer_getattr,
    intrinsic,
    lower_builtin,
    lower_getattr_generic,
    models,
    new_array,
    numpy_dtype,
    overload,
    register_model,
    typed,
    types,
)
from jitkit._core.ir import BYTE, WORD, constant, copy_memory, ir, pointer


class RecordValue(types.Type):
    """Numba type of a record by value."""

    def __init__(self, record: Any) -> None:
        self.record = record
        super().__init__(f"value of {record}")

    def __jitkit_fingerprint__(self) -> str:
        return str(self)


def words_of(nbytes: int) -> Any:
    """LLVM type of that many bytes: as few integers as make them up."""
    words = [ir.IntType(64)] * (nbytes // 8)
    words += [ir.IntType(8 * size) for size in (4, 2, 1) if nbytes % 8 & size]
    return ir.LiteralStructType(words, packed=True)


@register_model(RecordValue)
class _RecordValueModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, words_of(kind.record.size))


def _field_type(kind: Any, name: str) -> Any:
    """Numba type of a field that was read: it shares no memory with the record."""
    if name not in kind.record.fields:
        return None
    field = kind.record.typeof(name)
    if isinstance(field, types.Record):
        return RecordValue(field)
    return types.Array(field.dtype, field.ndim, "C") if isinstance(field, types.NestedArray) else field


@infer_getattr
class _Fields(AttributeTemplate):
    key = RecordValue

    def generic_resolve(self, kind: Any, name: str) -> Any:
        """Type of a field as an attribute."""
        return _field_type(kind, name)


@infer
class _FieldsInBrackets(AbstractTemplate):
    key = "static_getitem"

    def generic(self, args: Any, kws: Any) -> Any:
        """Type of a field in brackets."""
        kind, name = args
        if not isinstance(kind, RecordValue) or not isinstance(name, str):
            return None
        found = _field_type(kind, name)
        return found and typed(found, kind, types.literal(name))


@lower_getattr_generic(RecordValue)
def _lower_field(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    return emit_field(context, builder, kind, value, name)


@lower_builtin("static_getitem", RecordValue, types.StringLiteral)
def _lower_field_in_brackets(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    kind, name = signature.args
    return emit_field(context, builder, kind, args[0], name.literal_value)


def emit_field(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    """Load a field from where the record is put for that."""
    # safe: fields lie inside the record; the memory belongs to the function that runs, and is read at once.
    memory = builder.ptrtoint(cgutils.alloca_once_value(builder, value), WORD)
    start = builder.add(memory, constant(kind.record.offset(name)))
    field = kind.record.typeof(name)
    if isinstance(field, types.Record):
        return builder.load(pointer(builder, start, words_of(field.size)), align=1)
    if isinstance(field, types.NestedArray):
        array = new_array(context, builder, _field_type(kind, name), field.shape)
        nbytes = constant(math.prod(field.shape) * context.get_abi_sizeof(context.get_data_type(field.dtype)))
        copy_memory(builder, builder.ptrtoint(array.data, WORD), start, nbytes)
        return array._getvalue()
    return context.unpack_value(builder, field, pointer(builder, start, context.get_data_type(field)), align=1)


def _store_item(array: Any, i: Any, value: Any) -> Any:
    store_value(array[i], value)


@overload(operator.setitem)
def _set_item(array: Any, i: Any, value: Any) -> Any:
    if not isinstance(array, types.Array) or not isinstance(value, RecordValue) or array.dtype != value.record:
        return None
    if isinstance(i, types.Integer) and array.ndim == 1:
        return _store_item
    if isinstance(i, types.BaseTuple) and len(i) == array.ndim:
        return _store_item
    return None


@intrinsic
def store_value(typing_context: Any, record: Any, value: Any) -> Any:
    """Copy a record to where another one lies."""
    # safe: a record of numba is a pointer to as many bytes as the value has.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.bitcast(args[0], args[1].type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(record, value), codegen


@box(RecordValue)
def _box_record_value(kind: Any, value: Any, c: Any) -> Any:
    memory = cgutils.alloca_once_value(c.builder, value)
    size = ir.Constant(c.pyapi.py_ssize_t, kind.record.size)
    data = c.pyapi.bytes_from_string_and_size(c.builder.bitcast(memory, BYTE.as_pointer()), size)
    make = c.pyapi.unserialize(c.pyapi.serialize_object(_Maker(numpy_dtype(kind.record))))
    result = c.pyapi.call_function_objargs(make, [data])
    for held in (make, data):
        c.pyapi.decref(held)
    return result


class _Maker:
    """Makes records of bytes."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype

    def __call__(self, data: bytes) -> Any:
        return np.frombuffer(data, self.dtype)[0].copy()
