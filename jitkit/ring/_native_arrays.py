"""What a call of `extend`, `drain` or `window` from Python does where elements are plain numbers: machine code.

NumPy's own header has functions like `PyArray_DATA` inline, so the words of an array object lie where they do for every
program that was ever compiled against it. That they do is tried once, before any code relies on it.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

from jitkit._core.ir import WORD, constant, ir, pointer
from jitkit._core.native import INT, OBJECT, call
from jitkit._core.native_type import HEAD, emit_kernel_call, emit_method_call, emit_word
from jitkit._core.views import ALIGNED, C_ORDER, NEW_FROM_DESCR, SET_BASE_OBJECT, c_api
from jitkit.ring._block import CAPACITY, ITEMSIZE, SLOTS, TAIL
from jitkit.ring._native_words import (
    ARRAY_TYPE,
    BLOCK,
    ELEMENT_DESCR,
    EXTEND_KERNEL,
    NEW_ARRAY,
    OWNER,
    SET_BASE,
    go_on_if,
    is_set,
)

# Words of an array object: PyArrayObject_fields of numpy/ndarraytypes.h.
DATA, NDIM, SHAPE, DESCR, FLAGS = HEAD, HEAD + 8, HEAD + 16, HEAD + 40, HEAD + 48
TYPE = HEAD - 8  # of every object: PyObject


@cache
def arrays_are_plain() -> bool:
    """Whether array objects have their words where code looks for them."""
    trial = np.arange(6, dtype=np.int16)[1:]
    # safe: reads inside an object that is alive, if it is as large as these words are.
    if np.ndarray.__basicsize__ < FLAGS + 4:
        return False
    word, number = ctypes.c_size_t.from_address, ctypes.c_int.from_address
    start = id(trial)
    return (
        word(start + TYPE).value == id(np.ndarray)
        and word(start + DATA).value == trial.ctypes.data
        and number(start + NDIM).value == 1
        and word(word(start + SHAPE).value).value == 5
        and word(start + DESCR).value == id(trial.dtype)
        and number(start + FLAGS).value == trial.flags.num
    )


def array_words(memory: Any, dtype: np.dtype[Any]) -> dict[str, int]:
    """Return the words of an object by which code recognises arrays, and makes them."""
    table = c_api()
    return {
        "_array_type": id(np.ndarray),
        "_descr": id(dtype),
        "_owner": id(memory),
        "_new_array": table[NEW_FROM_DESCR],
        "_set_base": table[SET_BASE_OBJECT],
    }


def emit_extend(builder: Any, instance: Any, values: Any) -> Any:
    """Emit the body of `extend`: it calls the kernel for a contiguous array of the own dtype and one dimension."""
    # safe: the kernel reads as many elements as the array has.
    slowly = builder.append_basic_block("slowly")
    kernel = emit_word(builder, instance, EXTEND_KERNEL)
    go_on_if(builder, is_set(builder, kernel), slowly)
    is_array = builder.icmp_unsigned("==", _word(builder, values, TYPE), emit_word(builder, instance, ARRAY_TYPE))
    go_on_if(builder, is_array, slowly)
    same = builder.icmp_unsigned("==", _word(builder, values, DESCR), emit_word(builder, instance, ELEMENT_DESCR))
    go_on_if(builder, same, slowly)
    go_on_if(builder, builder.icmp_signed("==", _number(builder, values, NDIM), INT(1)), slowly)
    contiguous = builder.and_(_number(builder, values, FLAGS), INT(C_ORDER))
    go_on_if(builder, builder.icmp_signed("!=", contiguous, INT(0)), slowly)
    count = builder.load(builder.inttoptr(_word(builder, values, SHAPE), WORD.as_pointer()))
    block = emit_word(builder, instance, BLOCK)
    stored = emit_kernel_call(builder, kernel, block, _word(builder, values, DATA), count)
    go_on_if(builder, builder.icmp_signed(">=", stored, constant(0)), slowly)
    builder.ret(call(builder, "PyLong_FromSsize_t", OBJECT, stored))
    builder.position_at_end(slowly)
    return emit_method_call(builder, instance, "_extend", values)


def emit_window(builder: Any, instance: Any, count: Any) -> Any:
    """Emit the body of `window`."""
    # safe: the samples lie between two numbers of which neither is more than the capacity from TAIL.
    with builder.goto_entry_block():
        shape = builder.alloca(WORD)
    slowly = builder.append_basic_block("slowly")
    make = emit_word(builder, instance, NEW_ARRAY)
    go_on_if(builder, is_set(builder, make), slowly)
    number = call(builder, "PyLong_AsSsize_t", WORD, count)
    block = emit_word(builder, instance, BLOCK)

    def header(place: int) -> Any:
        return builder.load(pointer(builder, builder.add(block, constant(place)), WORD))

    # A negative number, also that of an error, is a large one here; the method in Python says what is wrong.
    go_on_if(builder, builder.icmp_unsigned("<=", number, header(TAIL)), slowly)
    go_on_if(builder, builder.icmp_unsigned("<=", number, header(CAPACITY)), slowly)
    builder.store(number, shape)
    first = builder.and_(builder.sub(header(TAIL), number), builder.sub(header(CAPACITY), constant(1)))
    offset = builder.add(header(SLOTS), builder.mul(first, header(ITEMSIZE)))
    array = _emit_array(builder, instance, make, shape, builder.add(block, offset))
    builder.ret(array)
    builder.position_at_end(slowly)
    call(builder, "PyErr_Clear", ir.VoidType())
    return emit_method_call(builder, instance, "_window", count)


def _emit_array(builder: Any, instance: Any, make: Any, shape: Any, data: Any) -> Any:
    """Make a read-only array over memory, which it keeps alive; NULL if that fails."""
    descr, kind, owner = (
        builder.inttoptr(emit_word(builder, instance, word), OBJECT) for word in (ELEMENT_DESCR, ARRAY_TYPE, OWNER)
    )
    call(builder, "Py_IncRef", ir.VoidType(), descr)  # which the array takes, also where it cannot be made
    given = [
        kind,
        descr,
        INT(1),
        shape,
        WORD.as_pointer()(None),  # strides: those of the shape
        builder.inttoptr(data, OBJECT),
        INT(C_ORDER | ALIGNED),
        OBJECT(None),
    ]
    function = ir.FunctionType(OBJECT, [value.type for value in given])
    array = builder.call(builder.inttoptr(make, function.as_pointer()), given)
    with builder.if_then(builder.icmp_unsigned("!=", array, OBJECT(None))):
        call(builder, "Py_IncRef", ir.VoidType(), owner)  # which the array takes, too
        function = ir.FunctionType(INT, [OBJECT, OBJECT])
        set_base = builder.inttoptr(emit_word(builder, instance, SET_BASE), function.as_pointer())
        builder.call(set_base, [array, owner])  # fails only for an array that has a base already
    return array


def _word(builder: Any, instance: Any, offset: int) -> Any:
    start = builder.ptrtoint(instance, WORD)
    return builder.load(pointer(builder, builder.add(start, constant(offset)), WORD))


def _number(builder: Any, instance: Any, offset: int) -> Any:
    start = builder.ptrtoint(instance, WORD)
    return builder.load(pointer(builder, builder.add(start, constant(offset)), INT))
