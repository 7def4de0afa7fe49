"""A genuine `numpy.ufunc` from compiled loops, by NumPy's C API. Loads no numba.

NumPy does all that is not the loop: broadcasting, casting, `out=`, `where=`, overlapping operands, warnings.
"""

import ctypes
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np

from jitkit._core.fork import compiling
from jitkit._core.ir import BYTE, WORD, declared, ir
from jitkit._core.native import INT, machine, object_of

FROM_FUNC_AND_DATA = 1  # place of PyUFunc_FromFuncAndData in the table of numpy/__ufunc_api.h
NO_IDENTITY = -1  # PyUFunc_None of numpy/ufuncobject.h: `reduce` has nothing to begin with


class Loop(NamedTuple):
    """Machine code for one set of dtypes."""

    types: str  # NumPy's letters of the dtypes of all inputs, then of the output: "ddd"
    symbol: str  # of a function that `c_function` made of a kernel (arguments, dimensions, steps, data) -> intp
    code: bytes  # the object file
    data: tuple[int, ...] = ()  # numbers that the kernel finds at the last address, as words


_kept: list[Any] = []  # NumPy borrows every pointer that it is given


def new_ufunc(name: str, documentation: str, module: str, loops: Sequence[Loop]) -> np.ufunc:
    """Make a ufunc of one output. It and its code live as long as the process.

    Parameters
    ----------
    name, module : str
        Where it can be found, for `repr` and pickle.
    documentation : str
        Its docstring; NumPy puts the signature before it.
    loops : sequence of Loop
        NumPy takes the first whose types the inputs can be cast to safely.
    """
    letters = "".join(loop.types for loop in loops)
    inputs = len(loops[0].types) - 1
    addresses = (ctypes.c_void_p * len(loops))(*_addresses(loops))
    tables = [(ctypes.c_int64 * max(1, len(loop.data)))(*loop.data) for loop in loops]
    data = (ctypes.c_void_p * len(loops))(*map(ctypes.addressof, tables))
    types = ctypes.create_string_buffer(bytes(np.dtype(letter).num for letter in letters), len(letters))
    texts = [ctypes.create_string_buffer(text.encode()) for text in (name, documentation)]
    _kept.append((addresses, tables, data, types, texts))
    borrowed = [ctypes.addressof(table) for table in [addresses, data, types, *texts]]  # type: ignore[arg-type]
    made: np.ufunc = _maker()(*borrowed[:3], len(loops), inputs, 1, NO_IDENTITY, *borrowed[3:], 0)
    made.__module__ = module
    made.__qualname__ = name  # type: ignore[misc]
    return made


def _maker() -> Any:
    """PyUFunc_FromFuncAndData(loops, data, types, count, inputs, outputs, identity, name, documentation, 0)."""
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    module = import_module("numpy._core._multiarray_umath")
    table = (ctypes.c_size_t * (FROM_FUNC_AND_DATA + 1)).from_address(pointer_of(module._UFUNC_API, None))
    pointers, numbers = [ctypes.c_void_p] * 3, [ctypes.c_int] * 4
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, *pointers, *numbers, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    return kind(table[FROM_FUNC_AND_DATA])


def _addresses(loops: Sequence[Loop]) -> list[int]:
    """Where the loops are that NumPy can call."""
    module = ir.Module("jitkit")
    for loop in loops:
        _emit_loop(module, loop.symbol)
    with compiling:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
        for code in dict.fromkeys(loop.code for loop in loops):
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.add_object_file(llvm.ObjectFileRef.from_data(object_of("ufunc", module, keep=True)))
        engine.finalize_object()
        _kept.append(engine)
        return [engine.get_function_address(_entry(loop.symbol)) for loop in loops]


def _entry(symbol: str) -> str:
    return f"{symbol}.loop"


def _emit_loop(module: Any, symbol: str) -> None:
    """Emit ``void loop(char **arguments, npy_intp *dimensions, npy_intp *steps, void *data)``, which calls a kernel.

    A kernel is compiled only if it raises nothing, so its status says nothing.
    """
    pointer = BYTE.as_pointer()
    loop = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * 4), _entry(symbol))
    builder = ir.IRBuilder(loop.append_basic_block("entry"))
    result = builder.alloca(WORD)
    addresses = [builder.ptrtoint(argument, WORD) for argument in loop.args]
    kind = ir.FunctionType(INT, [result.type, *(address.type for address in addresses)])
    builder.call(declared(module, symbol, kind), [result, *addresses])
    builder.ret_void()
