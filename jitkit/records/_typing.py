"""Record classes inside kernels: what numba must know of them.

`jitkit` registers this with numba when both are loaded: numba asks through the entry point in pyproject.toml before
its first compilation, and a record class that is made later looks by itself.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from jitkit._core.intrinsics import (
    AttributeTemplate,
    NativeValue,
    address_of,
    as_index,
    infer_getattr,
    intrinsic,
    lower_constant,
    lower_getattr,
    models,
    nbytes_of,
    register_model,
    typeof_impl,
    types,
    unbox,
)
from jitkit._core.ir import WORD, ir
from jitkit._core.jit import jit
from jitkit.errors import DecodeError
from jitkit.records._instance import nested_in, value_fields
from jitkit.records._intrinsics import emit_all_listed, emit_field, field_type
from jitkit.records._leaves import Leaf, is_checked
from jitkit.records._messages import expected_values
from jitkit.records._record_type import RecordType


class RecordClass(types.Opaque):
    """Numba type of a record class itself, which is a constant: one type for each class."""

    def __init__(self, record: Any) -> None:
        self.record = record
        super().__init__(f"{record.__module__}.{record.__qualname__}")

    @property
    def key(self) -> Any:
        """What makes two types equal: classes of one name may differ."""
        return self.record

    def __jitkit_fingerprint__(self) -> Any:
        return self.record


register_model(RecordClass)(models.OpaqueModel)


@typeof_impl.register(RecordType)
def _type_of_record_class(record: Any, context: Any) -> Any:
    return RecordClass(record)


@lower_constant(RecordClass)
def _constant_record_class(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.get_dummy_value()


@unbox(RecordClass)
def _record_class_as_argument(kind: Any, value: Any, c: Any) -> Any:
    return NativeValue(c.context.get_dummy_value())


@infer_getattr
class _RecordAttributes(AttributeTemplate):
    """What a kernel can ask of a record class."""

    key = RecordClass

    def resolve_load(self, kind: Any) -> Any:
        return record_reader(kind.record)._numba_type_

    def resolve_itemsize(self, kind: Any) -> Any:
        return types.intp


@lower_getattr(RecordClass, "load")
def _lower_load(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.get_dummy_value()  # a compiled function has no value: its type says it all


@lower_getattr(RecordClass, "itemsize")
def _lower_itemsize(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return ir.Constant(WORD, kind.record.itemsize)


def field_reader(record: str, itemsize: int, leaf: Leaf) -> Any:
    """Return the compiled function ``(buffer, i)`` that reads one field of record `i`."""

    def emit(context: Any, builder: Any, at: Any) -> Any:
        return emit_field(context, builder, leaf, itemsize, at)

    return _reader(record, itemsize, (leaf,), field_type(leaf), emit)


@cache
def record_reader(record: Any) -> Any:
    """Return the compiled function ``(buffer, i)`` that reads record `i` as a named tuple."""

    def emit(context: Any, builder: Any, at: Any) -> Any:
        return emit_record(context, builder, record, at)

    return _reader(record.__name__, record.itemsize, record._leaves, record_type(record), emit)


def _reader(record: str, itemsize: int, leaves: Sequence[Leaf], kind: Any, emit: Any) -> Any:
    checked = [leaf for leaf in leaves if is_checked(leaf)]

    @intrinsic
    def read(typing_context: Any, at: Any) -> Any:
        # safe: fields lie inside the record, and `read_checked` has found that the record lies inside the buffer.
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return emit(context, builder, args[0])

        return kind(types.intp), codegen

    @intrinsic
    def listed(typing_context: Any, at: Any) -> Any:
        # safe: as `read`.
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return emit_all_listed(builder, checked, itemsize, args[0])

        return types.boolean(types.intp), codegen

    outside = f"expected the index of a whole record ({record}) in the buffer"
    unlisted = f"{record}: expected " + ", ".join(f"{leaf.name} {expected_values(leaf)}" for leaf in checked)

    @jit
    def read_checked(buffer: Any, i: Any) -> Any:
        index = as_index(i)
        if index < 0 or index >= nbytes_of(buffer) // itemsize:
            raise IndexError(outside)
        at = address_of(buffer) + index * itemsize
        if not listed(at):
            raise DecodeError(unlisted)
        return read(at)

    return read_checked


@cache
def record_type(record: Any) -> Any:
    """Numba type of a loaded record: a named tuple of its fields, in which pads have no place."""
    fields = list(value_fields(record))
    leaves = {leaf.name: leaf for leaf in record._leaves}
    kinds = []
    for field in fields:
        shape, inner = nested_in(field.type)
        kind = field_type(leaves[field.name]) if inner is None else record_type(inner)
        for length in reversed(shape if inner is not None else ()):
            kind = types.UniTuple(kind, length)
        kinds.append(kind)
    return types.NamedTuple(kinds, tuple_class(record.__name__, [field.name for field in fields]))


def tuple_class(record: str, names: list[str]) -> Any:
    """Return a named tuple class; unlike `namedtuple`, it takes names that begin with an underscore."""
    plain = namedtuple(record, names, rename=True)  # type: ignore[misc]
    hidden = {name: property(itemgetter(i)) for i, name in enumerate(names) if name.startswith("_")}

    def describe(self: Any) -> str:
        return f"{record}({', '.join(f'{name}={value!r}' for name, value in zip(names, self, strict=True))})"

    return type(record, (plain,), {"__slots__": (), **hidden, "_fields": tuple(names), "__repr__": describe})


def emit_record(context: Any, builder: Any, record: Any, at: Any) -> Any:
    """Emit the named tuple of the record at address `at`."""
    kind = record_type(record)
    leaves = {leaf.name: leaf for leaf in record._leaves}
    values = []
    for field, part in zip(value_fields(record), kind.types, strict=True):
        _, inner = nested_in(field.type)
        if inner is None:
            values.append(emit_field(context, builder, leaves[field.name], record.itemsize, at))
        else:
            starts = iter(range(field.start // 8, field.stop // 8, inner.itemsize))
            values.append(_emit_records(context, builder, inner, part, at, starts))
    return context.make_tuple(builder, kind, values)


def _emit_records(context: Any, builder: Any, record: Any, kind: Any, at: Any, starts: Any) -> Any:
    if isinstance(kind, types.UniTuple):
        items = [_emit_records(context, builder, record, kind.dtype, at, starts) for _ in range(kind.count)]
        return context.make_tuple(builder, kind, items)
    return emit_record(context, builder, record, builder.add(at, ir.Constant(WORD, next(starts))))
