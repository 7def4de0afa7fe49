"""Machine code with a C interface, called from Python as a built-in function. Loads no numba.

What is emitted with the builders of `_core.ir` is compiled here, for the processor that numba would compile for, and
becomes a function of CPython's own kind (`METH_FASTCALL`): a call costs a third of one through numba's dispatcher.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Literal

import llvmlite
import llvmlite.binding as llvm

from jitkit._core import cpu, hooks
from jitkit._core.fork import compiling
from jitkit._core.ir import BYTE, WORD, constant, declared, ir

Parameter = Literal["buffer", "int", "object"]

OBJECT = BYTE.as_pointer()  # PyObject *
VIEW = ir.ArrayType(WORD, 10)  # Py_buffer (Python/C API, part of the stable ABI since 3.11): `buf`, `obj`, ...
INT = ir.IntType(32)  # int of C
METH_FASTCALL = 0x0080
ENTRY = "jitkit.entry"
KERNEL = "jitkit_kernel"
OPTIMISATION = 3  # -O3


def python_function(
    name: str,
    parameters: Sequence[Parameter],
    emit: Callable[..., Any],
    *,
    returns: Literal["int", "object"] = "int",
    keep: bool = True,
) -> Callable[..., Any]:
    """Compile a function that Python can call.

    Parameters
    ----------
    name : str
        What it is called in tracebacks and `repr`.
    parameters : sequence of "buffer", "int" or "object"
        What it takes, all by position. A buffer must be C-contiguous.
    emit : callable
        Called as ``emit(builder, *arguments)`` to emit the body, of which it returns the result. A buffer is its
        address and an int its value, as LLVM integers of 64 bits; an object is a borrowed ``PyObject *``.
    returns : "int" or "object"
        What the result is: an LLVM integer of 64 bits, or a new reference, NULL with an error set. Other threads run
        while a body does that gives an int: it must leave Python's objects alone.
    keep : bool
        Whether the next process may use the same code. It may not if there are addresses in it.

    Returns
    -------
    builtin function
        The machine code lives as long as the function.
    """
    module = _module_of(parameters, emit, OBJECT if returns == "object" else WORD)
    with compiling:
        return _function(name, [object_of(name, module, keep)])


def kernel(path: str, parameters: Sequence[Parameter], *, alone: bool = False) -> Callable[..., int]:
    """Return a jitted function of jitkit's own as one that Python can call; numba is loaded if it is not kept yet.

    Parameters
    ----------
    path : str
        ``"module:function"``. It takes only integers, which are addresses where it works on memory, and returns one.
        It calls nothing but other functions of jitkit, and raises nothing.
    parameters : sequence of "buffer" or "int"
        As for `python_function`.
    alone : bool
        Whether no other Python thread runs meanwhile: then what a call does to memory is one step for them.

    Returns
    -------
    builtin function
        It returns what the kernel does. With NUMBA_BOUNDSCHECK a kernel may fail; the result is then negative.
    """
    if path in _kernels:
        return _kernels[path]
    name = path.partition(":")[2]

    def emit(builder: Any, *arguments: Any) -> Any:
        result = builder.alloca(WORD)
        kind = ir.FunctionType(INT, [result.type, *(argument.type for argument in arguments)])
        status = builder.call(declared(builder.module, KERNEL, kind), [result, *arguments])
        failed = builder.icmp_signed("!=", status, INT(0))
        return builder.select(failed, constant(-1), builder.load(result))

    module = _module_of(parameters, emit, WORD, alone)
    with _kernels_lock:
        if path not in _kernels:
            compiled = kernel_object(path, len(parameters), KERNEL)
            with compiling:
                _kernels[path] = _function(name, [compiled, object_of(name, module, keep=True)])
        return _kernels[path]


_kernels: dict[str, Callable[..., int]] = {}  # made already
_kernels_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_kernels_lock._at_fork_reinit)  # type: ignore[attr-defined]


def kernel_object(path: str, count: int, symbol: str) -> Any:
    """Object file of a kernel as a C function called `symbol`, from the cache if it is there."""
    objects = hooks.objects()
    key = objects.kernel_key(path, str(count), symbol, llvmlite.__version__, *cpu.settled())
    data = objects.find(key)
    if data is None:
        from jitkit._core.c_interface import c_function  # loads numba

        module, _, name = path.partition(":")
        data = c_function(getattr(import_module(module), name), f"({'intp, ' * count})", symbol).code
        objects.keep(key, path, data)
    return data


def _module_of(parameters: Sequence[Parameter], emit: Callable[..., Any], result: Any, alone: bool = False) -> Any:
    """LLVM module of a function with a body."""
    module = ir.Module("jitkit")
    kinds = [OBJECT if parameter == "object" else WORD for parameter in parameters]
    body = ir.Function(module, ir.FunctionType(result, kinds), "jitkit.body")
    body.linkage = "internal"
    builder = ir.IRBuilder(body.append_basic_block("entry"))
    builder.ret(emit(builder, *body.args))
    _emit_entry(module, parameters, body, alone)
    return module


def _function(name: str, objects: Sequence[Any]) -> Callable[..., Any]:
    code = _Code(name, objects)
    function: Callable[..., Any] = _new_function(code.method, code, None)
    return function


class _MethodDefinition(ctypes.Structure):
    """PyMethodDef of the Python/C API."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


class _Code:
    """Compiled code, and the definition that makes a function of it.

    It is the function's `self`, which CPython drops last: nobody can call code that is gone.
    """

    def __init__(self, name: str, objects: Sequence[Any]) -> None:
        self._engine = loaded(objects)
        address = self._engine.get_function_address(ENTRY)
        self._definition = _MethodDefinition(name.encode(), address, METH_FASTCALL, None)
        self.method = ctypes.addressof(self._definition)


def loaded(objects: Sequence[Any]) -> Any:
    """Load object files together: the engine that knows the addresses of what is in them, and keeps it there."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
    for data in objects:
        engine.add_object_file(llvm.ObjectFileRef.from_data(data))
    engine.finalize_object()
    return engine


def object_of(name: str, module: Any, keep: bool) -> Any:
    """Object file of a module, from the cache if it is there: its text says all that it depends on but these two."""
    target = machine()
    module.triple, module.data_layout = llvm.get_process_triple(), str(target.target_data)
    text = str(module)
    if not keep:
        return _object(text, target)
    objects = hooks.objects()
    key = objects.key_of(llvmlite.__version__, *cpu.settled(), text)
    data = objects.find(key)
    if data is None:
        data = _object(text, target)
        objects.keep(key, name, data)
    return data


def _object(text: str, machine: Any) -> Any:
    """Compile a module to an object file."""
    module = llvm.parse_assembly(text)
    module.verify()
    _optimise(module, machine)
    return machine.emit_object(module)


_new_function = ctypes.pythonapi.PyCFunction_NewEx
_new_function.restype = ctypes.py_object
_new_function.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]


def machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name, flags = cpu.settled()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(cpu=name, features=flags, opt=OPTIMISATION, codemodel="jitdefault", jit=True)


def _optimise(module: Any, machine: Any) -> None:
    """Tidy up what the builders emit: they are told all that a compiler could find out.

    All of LLVM's -O3 took ten times longer on a decoder of 27 fields, and made it no faster.
    """
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=OPTIMISATION))
    passes = llvm.create_new_function_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.add_loop_rotate_pass()
    passes.add_loop_unroll_pass()
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)


def _emit_entry(module: Any, parameters: Sequence[Parameter], body: Any, alone: bool) -> None:
    """Emit ``PyObject *entry(PyObject *self, PyObject *const *arguments, Py_ssize_t count)``, which calls the body."""
    entry = ir.Function(module, ir.FunctionType(OBJECT, [OBJECT, OBJECT.as_pointer(), WORD]), ENTRY)
    _, arguments, count = entry.args
    builder = ir.IRBuilder(entry.append_basic_block("entry"))
    views = {i: builder.alloca(VIEW) for i, parameter in enumerate(parameters) if parameter == "buffer"}
    failed = entry.append_basic_block("failed")

    def fail_if(wrong: Any) -> None:
        ahead = entry.append_basic_block("ahead")
        builder.cbranch(wrong, failed, ahead)
        builder.position_at_end(ahead)

    def argument(i: int) -> Any:
        return builder.load(builder.gep(arguments, [constant(i)]))

    for view in views.values():
        builder.store(constant(0), _slot(builder, view, 1))  # a view without `obj` has nothing to release
    with builder.if_then(builder.icmp_signed("!=", count, constant(len(parameters))), likely=False):
        call(builder, "PyErr_BadArgument", INT)
        builder.branch(failed)
    values = [argument(i) for i in range(len(parameters))]
    for i, parameter in enumerate(parameters):
        if parameter == "int":
            values[i] = call(builder, "PyLong_AsSsize_t", WORD, values[i])
    fail_if(builder.icmp_unsigned("!=", call(builder, "PyErr_Occurred", OBJECT), OBJECT(None)))
    for i, view in views.items():
        # safe: with flags of 0 (PyBUF_SIMPLE) all bytes lie together, and stay there until the view is released.
        status = call(builder, "PyObject_GetBuffer", INT, values[i], builder.bitcast(view, OBJECT), INT(0))
        fail_if(builder.icmp_signed("!=", status, INT(0)))
        values[i] = builder.load(_slot(builder, view, 0))
    if body.return_value.type == OBJECT:
        result = builder.call(body, values)
    else:
        thread = None if alone else call(builder, "PyEval_SaveThread", OBJECT)
        number = builder.call(body, values)
        if thread is not None:
            call(builder, "PyEval_RestoreThread", ir.VoidType(), thread)
        result = call(builder, "PyLong_FromSsize_t", OBJECT, number)
    _release(builder, views)
    builder.ret(result)
    builder.position_at_end(failed)
    _release(builder, views)
    builder.ret(OBJECT(None))


def _release(builder: Any, views: Mapping[int, Any]) -> None:
    for view in views.values():
        call(builder, "PyBuffer_Release", ir.VoidType(), builder.bitcast(view, OBJECT))


def _slot(builder: Any, view: Any, i: int) -> Any:
    """Pointer to one of the words that a Py_buffer begins with: 0 is `buf`, 1 is `obj`."""
    return builder.gep(view, [INT(0), INT(i)])


def call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Emit a call of a function of the Python/C API."""
    kind = ir.FunctionType(result, [value.type for value in arguments])
    return builder.call(declared(builder.module, name, kind), arguments)
