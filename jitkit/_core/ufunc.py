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
from jitkit._core.ir import BYTE, WORD, constant, declared, ir, pointer
from jitkit._core.native import INT, machine, object_of
from jitkit._core.threads import LEAST_BYTES, pool

FROM_FUNC_AND_DATA = 1  # place of PyUFunc_FromFuncAndData in the table of numpy/__ufunc_api.h
NO_IDENTITY = -1  # PyUFunc_None of numpy/ufuncobject.h: `reduce` has nothing to begin with


class Loop(NamedTuple):
    """Machine code for one set of dtypes."""

    types: str  # NumPy's letters of the dtypes of all inputs, then of the output: "ddd"
    symbol: str  # of a function that `c_function` made of a kernel (arguments, dimensions, steps, data) -> intp
    code: bytes  # the object file
    data: tuple[int, ...] = ()  # numbers that the kernel finds at the last address, as words


OWN_WORDS = 2  # before a kernel's own data: the block of `threads`, and how many items are shared out among them

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
    tables = [(ctypes.c_int64 * (OWN_WORDS + len(loop.data)))(*_own_words(loop), *loop.data) for loop in loops]
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
    for symbol, operands in {loop.symbol: len(loop.types) for loop in loops}.items():
        _emit_loop(module, symbol, operands)
    with compiling:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
        for code in dict.fromkeys(loop.code for loop in loops):
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.add_object_file(llvm.ObjectFileRef.from_data(object_of("ufunc", module, keep=True)))
        engine.finalize_object()
        _kept.append(engine)
        return [engine.get_function_address(_entry(loop.symbol)) for loop in loops]


def _own_words(loop: Loop) -> tuple[int, int]:
    return pool.block, LEAST_BYTES // np.dtype(loop.types[-1]).itemsize


def _entry(symbol: str) -> str:
    return f"{symbol}.loop"


def _emit_loop(module: Any, symbol: str, operands: int) -> None:
    """Emit ``void loop(char **arguments, npy_intp *dimensions, npy_intp *steps, void *data)``, which calls a kernel.

    Where there are many items, and `threads` has been used, it hands itself over to `sharing.share_out`, which comes
    back for parts of them. A kernel is compiled only if it raises nothing, so its status says nothing.
    """
    kind = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer()] * 4)
    part = ir.Function(module, kind, f"{symbol}.part")
    part.linkage = "internal"
    builder = ir.IRBuilder(part.append_basic_block("entry"))
    _call(builder, declared(module, symbol, _kernel_type(4)), [builder.ptrtoint(value, WORD) for value in part.args])
    builder.ret_void()

    loop = ir.Function(module, kind, _entry(symbol))
    builder = ir.IRBuilder(loop.append_basic_block("entry"))
    arguments, dimensions, steps, data = (builder.ptrtoint(value, WORD) for value in loop.args)

    def word(address: Any, number: int = 0) -> Any:
        return builder.load(pointer(builder, builder.add(address, constant(8 * number)), WORD))

    own_data = builder.add(data, constant(8 * OWN_WORDS))
    with builder.if_then(builder.icmp_signed(">=", word(dimensions), word(data, 1)), likely=False):
        block = word(data)
        run = word(block)
        with builder.if_then(builder.icmp_signed("!=", run, constant(0))):
            share_out = builder.inttoptr(run, _kernel_type(7).as_pointer())
            known = [block, builder.ptrtoint(part, WORD), constant(operands)]
            _call(builder, share_out, [*known, arguments, dimensions, steps, own_data])
            builder.ret_void()
    builder.call(part, [*loop.args[:3], builder.inttoptr(own_data, BYTE.as_pointer())])
    builder.ret_void()


def _kernel_type(parameters: int) -> Any:
    """Type of what `c_function` makes of a kernel: a result is stored through the first pointer."""
    return ir.FunctionType(INT, [WORD.as_pointer(), *[WORD] * parameters])


def _call(builder: Any, function: Any, values: Sequence[Any]) -> None:
    builder.call(function, [builder.alloca(WORD), *values])
