"""Many arrays over one piece of memory, made by one call instead of one each."""

import ctypes
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from jitkit._core.ir import WORD, constant, for_each, ir, pointer
from jitkit._core.native import INT, OBJECT, call, python_function

# Places in the function table of NumPy's C API, which never change: numpy/core/code_generators/numpy_api.py.
ARRAY_TYPE, NEW_FROM_DESCR, SET_BASE_OBJECT = 2, 94, 282
C_ORDER, ALIGNED, WRITEABLE = 0x0001, 0x0100, 0x0400  # NPY_ARRAY_ flags: NumPy C API, "Array flags"
NAME, DESCR, NDIM, OFFSET, SHAPE = range(5)  # words of a row of a table


class Views:
    """Arrays with names, over pieces of memory that are all divided in the same way."""

    def __init__(self, names: list[str], dtypes: list[np.dtype[Any]], shapes: list[tuple[int, ...]]) -> None:
        """Arrays have `shapes`, behind a first axis whose length each table says."""
        self._owned = (names, dtypes)  # whose addresses are in the tables
        self._rows = np.zeros((len(names), SHAPE + 1 + max(map(len, shapes), default=0)), np.int64)
        for row, name, dtype, shape in zip(self._rows, names, dtypes, shapes, strict=True):
            row[[NAME, DESCR, NDIM]] = id(name), id(dtype), 1 + len(shape)
            row[SHAPE + 1 : SHAPE + 1 + len(shape)] = shape

    def table(self, count: int, offsets: Any) -> np.ndarray[Any, Any]:
        """Table of arrays of `count` items along the first axis, `offsets` bytes from the memory's beginning."""
        rows = self._rows.copy()
        rows[:, SHAPE] = count
        rows[:, OFFSET] = offsets
        return rows

    def over(self, memory: np.ndarray[Any, Any], table: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
        """Arrays over some memory, which they keep alive, by name."""
        arrays: dict[str, np.ndarray[Any, Any]] = _maker()(memory, memory, table, len(table), table.strides[0])
        return arrays


@cache
def _maker() -> Any:
    return python_function("views", ("object", "buffer", "buffer", "int", "int"), _emit, returns="object", keep=False)


def _emit(builder: Any, memory: Any, start: Any, table: Any, rows: Any, width: Any) -> Any:
    """Emit the loop over the rows of a table, each `width` bytes from the next."""
    # safe: every array lies within the memory: whoever made the table knows how large that is.
    arrays = call(builder, "PyDict_New", OBJECT)
    failed = builder.append_basic_block("failed")

    def fail_if(wrong: Any) -> None:
        ahead = builder.append_basic_block("ahead")
        builder.cbranch(wrong, failed, ahead)
        builder.position_at_end(ahead)

    fail_if(_is_null(builder, arrays))
    with for_each(builder, constant(0), rows) as i:
        row = pointer(builder, builder.add(table, builder.mul(i, width)), WORD)
        name, descr, ndim, offset = (builder.load(builder.gep(row, [constant(k)])) for k in (NAME, DESCR, NDIM, OFFSET))
        name, descr = builder.inttoptr(name, OBJECT), builder.inttoptr(descr, OBJECT)
        call(builder, "Py_IncRef", ir.VoidType(), descr)  # for the array, which keeps it also when it cannot be made
        array = _call_numpy(
            builder,
            NEW_FROM_DESCR,
            OBJECT,
            builder.inttoptr(constant(c_api()[ARRAY_TYPE]), OBJECT),
            descr,
            builder.trunc(ndim, INT),
            builder.gep(row, [constant(SHAPE)]),
            WORD.as_pointer()(None),  # strides: those of the shape
            builder.inttoptr(builder.add(start, offset), OBJECT),
            INT(C_ORDER | ALIGNED | WRITEABLE),
            OBJECT(None),
        )
        fail_if(_is_null(builder, array))
        call(builder, "Py_IncRef", ir.VoidType(), memory)  # for the array, as its base
        without_base = _is_negative(builder, _call_numpy(builder, SET_BASE_OBJECT, INT, array, memory))
        with builder.if_then(without_base, likely=False):
            call(builder, "Py_DecRef", ir.VoidType(), array)
            builder.branch(failed)
        status = call(builder, "PyDict_SetItem", INT, arrays, name, array)
        call(builder, "Py_DecRef", ir.VoidType(), array)
        fail_if(_is_negative(builder, status))
    done = builder.block
    builder.position_at_end(failed)
    call(builder, "Py_DecRef", ir.VoidType(), arrays)
    builder.ret(OBJECT(None))
    builder.position_at_end(done)
    return arrays


def _is_null(builder: Any, value: Any) -> Any:
    return builder.icmp_unsigned("==", value, OBJECT(None))


def _is_negative(builder: Any, status: Any) -> Any:
    return builder.icmp_signed("<", status, INT(0))


def _call_numpy(builder: Any, place: int, result: Any, *arguments: Any) -> Any:
    """Emit a call of a function of NumPy's C API. Its address is that of this process."""
    kind = ir.FunctionType(result, [value.type for value in arguments])
    return builder.call(builder.inttoptr(constant(c_api()[place]), kind.as_pointer()), arguments)


@cache
def c_api() -> Any:
    """NumPy's function table, where the `import_array` of its header looks for it."""
    module = import_module("numpy._core._multiarray_umath")
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return (ctypes.c_size_t * (SET_BASE_OBJECT + 1)).from_address(pointer_of(module._ARRAY_API, None))
