"""Elements on their way into slots and out of them: the instructions for each kind of element."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.aliasing import ELEMENT, mark
from jitkit._core.intrinsics import cgutils, load_item, new_array, store_item, types
from jitkit._core.ir import BYTE, WORD, constant, copy_memory, ir, pointer
from jitkit.ring._record_value import RecordValue, words_of
from jitkit.ring._types import AnyBlock


def emit_write(context: Any, builder: Any, ring: Any, nbytes: Any, slot: Any, kind: Any, value: Any) -> None:
    """Store an element, a value of numba type `kind`, to its slot."""
    # safe: writes the slot's bytes and no more: whoever gives `kind` has found that it is an element of the ring.
    if isinstance(ring, AnyBlock):
        _copy_any(builder, slot, pointer(builder, value, BYTE), nbytes, ring.itemsize)
        return
    value = emit_as_element(context, builder, ring, kind, value)
    if ring.element.is_array:
        source = builder.ptrtoint(context.make_array(ring.value)(context, builder, value).data, WORD)
        copy_memory(builder, builder.ptrtoint(slot, WORD), source, constant(ring.element.dtype.itemsize))
        context.nrt.decref(builder, ring.value, value)
    elif isinstance(ring.value, RecordValue):
        mark(builder, builder.store(value, builder.bitcast(slot, value.type.as_pointer()), align=1), ELEMENT)
    else:
        model = context.data_model_manager[ring.stored]
        data = model.as_data(builder, value)
        mark(builder, builder.store(data, builder.bitcast(slot, data.type.as_pointer())), ELEMENT)


def emit_read(context: Any, builder: Any, ring: Any, nbytes: Any, slot: Any, taken: Any = None) -> Any:
    """Load the element in a slot."""
    # safe: reads the slot's bytes and no more.
    if isinstance(ring, AnyBlock):
        _copy_any(builder, pointer(builder, taken, BYTE), slot, nbytes, ring.itemsize)
        return taken
    if ring.element.is_array:
        array = new_array(context, builder, ring.value, ring.element.dtype.shape)
        source = builder.ptrtoint(slot, WORD)
        copy_memory(builder, builder.ptrtoint(array.data, WORD), source, constant(ring.element.dtype.itemsize))
        return array._getvalue()
    if isinstance(ring.value, RecordValue):
        words = builder.load(builder.bitcast(slot, words_of(ring.stored.size).as_pointer()), align=1)
        return mark(builder, words, ELEMENT)
    model = context.data_model_manager[ring.stored]
    data = mark(builder, builder.load(builder.bitcast(slot, model.get_data_type().as_pointer())), ELEMENT)
    return model.from_data(builder, data)


def _copy_any(builder: Any, target: Any, source: Any, nbytes: Any, known: int) -> None:
    """Copy bytes between places that do not overlap: by one instruction, if their number is known and a number's."""
    if not known:
        copy_memory(builder, builder.ptrtoint(target, WORD), builder.ptrtoint(source, WORD), nbytes)
        return
    word = ir.IntType(8 * known).as_pointer()
    value = builder.load(builder.bitcast(source, word), align=1)
    mark(builder, builder.store(value, builder.bitcast(target, word), align=1), ELEMENT)


def element_type(ring: Any, kind: Any) -> Any:
    """Numba type of what `emit_as_element` returns."""
    return kind if isinstance(ring, AnyBlock) or isinstance(kind, types.NoneType) else ring.value


def emit_as_element(context: Any, builder: Any, ring: Any, kind: Any, value: Any) -> Any:
    """Convert a value to what an element is: a number of its type, a record by value, a contiguous array."""
    if isinstance(ring, AnyBlock) or kind in (ring.value, types.none):
        if isinstance(kind, types.Array) and ring.element.is_array:
            emit_shape_check(context, builder, ring, kind, value, first=0)
            context.nrt.incref(builder, kind, value)
        return value
    if isinstance(kind, types.Record):
        # safe: a record of numba is a pointer to as many bytes as its type says.
        return builder.load(builder.bitcast(value, words_of(kind.size).as_pointer()), align=1)
    if isinstance(kind, types.Array):
        emit_shape_check(context, builder, ring, kind, value, first=0)
        return _converted_array(context, builder, ring, kind, value)
    return context.cast(builder, value, kind, ring.value)


def _converted_array(context: Any, builder: Any, ring: Any, kind: Any, value: Any) -> Any:
    """Array of the element's type with the numbers of another."""
    result = new_array(context, builder, ring.value, ring.element.dtype.shape)
    source = context.make_array(kind)(context, builder, value)
    for indices in np.ndindex(ring.element.dtype.shape):
        places = [constant(i) for i in indices]
        number = load_item(context, builder, kind, cgutils.get_item_pointer(context, builder, kind, source, places))
        number = context.cast(builder, number, kind.dtype, ring.value.dtype)
        place = cgutils.get_item_pointer(context, builder, ring.value, result, places)
        store_item(context, builder, ring.value, number, place)
    return result._getvalue()


def emit_shape_check(context: Any, builder: Any, ring: Any, kind: Any, value: Any, first: int) -> None:
    """Raise a ValueError unless the axes of an array from `first` on are those of an element."""
    shape = ring.element.dtype.shape
    if not shape:
        return
    lengths = cgutils.unpack_tuple(builder, context.make_array(kind)(context, builder, value).shape)
    for found, length in zip(lengths[first:], shape, strict=True):
        with builder.if_then(builder.icmp_signed("!=", found, constant(length)), likely=False):
            message = f"expected elements of shape {shape} ({ring})"
            context.call_conv.return_user_exc(builder, ValueError, (message,))
