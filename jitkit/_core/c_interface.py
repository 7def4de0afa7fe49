"""A numba function as a plain C function in an object file, with nothing of Python in it.

The kernel is compiled afresh for one signature, and called by a C function that turns pointers and lengths into arrays.
Once all of it lies in one module, LLVM finds out which exceptions can come, through which pointers nothing is stored,
and what is still needed from outside.
"""

import inspect
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from numba import types
from numba.core import cgutils, compiler, sigutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher
from numba.np.arrayobj import populate_array

from jitkit._core import cpu
from jitkit._core.c_module import (
    CODE_OF,
    OTHER_ERROR,
    assign_codes,
    hide,
    in_c_library,
    known_processor,
    machine_for,
    needed_symbols,
    optimise,
    retarget,
    without_counting,
)
from jitkit._core.ir import BYTE, WORD, ir
from jitkit._core.jit import require_compiler
from jitkit.errors import JitkitError

C_TYPES = {
    types.boolean: "bool",
    **{kind: f"{kind}_t" for kind in types.integer_domain},
    types.float32: "float",
    types.float64: "double",
}
NUMBER = "a number (bool, int8 to int64, uint8 to uint64, float32 or float64)"

STATUS = ir.IntType(32)
# Words that a parameter of a Python function may be called, and a parameter in C or C++ may not.
WORDS = """
alignas alignof and_eq asm auto bitand bitor bool case catch char char8_t char16_t char32_t co_await co_return
co_yield compl concept const const_cast consteval constexpr constinit decltype default delete do double dynamic_cast
enum explicit export extern false float friend goto inline int linux long mutable namespace new noexcept not_eq
nullptr operator or_eq private protected public register reinterpret_cast requires restrict short signed sizeof static
static_assert static_cast struct switch template this thread_local throw true typedef typeid typename typeof
typeof_unqual union unix unsigned using virtual void volatile wchar_t xor xor_eq main int8_t int16_t int32_t int64_t
uint8_t uint16_t uint32_t uint64_t
"""
RESERVED = frozenset(WORDS.split())


class Parameter(NamedTuple):
    """A parameter of a C function."""

    kind: str  # "const double *"
    name: str
    meaning: str


class CFunction(NamedTuple):
    """A C function, compiled."""

    name: str
    parameters: tuple[Parameter, ...]
    signature: str  # of the kernel, with the types of numba
    errors: dict[int, str]  # what each status but 0 means
    code: bytes  # an object file, or assembly
    needs: tuple[str, ...]  # symbols of the C library
    processor: str


class _Kernel(NamedTuple):
    """A function that numba has compiled."""

    name: str
    arguments: dict[str, Any]  # numba types by name
    compiled: Any  # numba's CompileResult

    @property
    def results(self) -> tuple[Any, ...]:
        """Numba types of what the C function stores through pointers."""
        result = self.compiled.signature.return_type
        if isinstance(result, types.BaseTuple):
            return tuple(map(types.unliteral, result))  # a constant is passed like any number of its type
        return () if result == types.none else (types.unliteral(result),)


@global_compiler_lock  # type: ignore[untyped-decorator]
def c_function(
    dispatcher: Any,
    signature: Any,
    name: str,
    processor: str | None = None,
    *,
    triple: str | None = None,
    assembly: bool = False,
) -> CFunction:
    """Compile a function for one signature, as a C function that returns a status.

    Parameters
    ----------
    dispatcher : numba Dispatcher
    signature : str, or tuple of numba types
    name : str
        Of the C function: an identifier of C.
    processor : str, optional
        What to compile for, as LLVM spells it, without what this host has beyond it; the default is what numba
        compiles for in this process.
    triple : str, optional
        The system of that processor, of 64 bits, as LLVM spells it; the default is this one. What the kernel itself
        chooses by processor, such as the width of `simd.native`, still goes by what numba compiles for in this process.
    assembly : bool
        Whether `code` is to be assembly for a person to read.

    Raises
    ------
    TypeError
        If `dispatcher` is none, or has parameters or a result that the C function cannot have.
    ValueError
        If the C library has a function called `name`, or LLVM knows no such processor, or there is none for a triple.
    JitkitError
        If the function needs Python or numba while it runs.
    """
    require_compiler()
    if not isinstance(dispatcher, Dispatcher):
        raise TypeError(f"expected a function made with jk.jit or numba.njit, got {dispatcher!r}")
    if name in RESERVED or in_c_library(name):  # who calls the library's would get this one, which may be this one
        raise ValueError(f"expected a name that C and its library do not use, got {name!r}: give another with name=")
    if processor is None and triple is not None:
        raise ValueError(f"expected a processor of {triple}, got none: it is not the one that numba compiles for")
    target, flags = cpu.settled() if processor is None else (known_processor(processor, triple), "")
    machine = machine_for(target, flags, triple)
    kernel = _compile(dispatcher, signature)
    if kernel.compiled.library.has_dynamic_globals:
        raise JitkitError(
            f"expected code that works in every process, got an address in this one (in {kernel.name}): "
            "a function of ctypes or cffi, or a constant array too large to be part of the code"
        )
    module = llvm.parse_assembly(kernel.compiled.library.get_llvm_str())
    parameters = _link_c_function(module, kernel, name)
    retarget(module, machine)
    # Here go the exceptions that cannot come where arrays have no gaps: there is no status for them.
    optimise(module, machine, level=1)
    errors = assign_codes(module, name)
    optimise(module, machine, level=3)
    needs = needed_symbols(module, kernel.name, foreign=processor is not None)
    for i, argument in enumerate(module.get_function(name).arguments):
        if parameters[i].kind.endswith("*") and {b"readonly", b"readnone"} & set(argument.attributes):
            parameters[i] = parameters[i]._replace(kind=f"const {parameters[i].kind.removeprefix('const ')}")
    types_given = ", ".join(f"{called}: {kind}" for called, kind in kernel.arguments.items())
    signature = f"{kernel.name}({types_given}) -> {kernel.compiled.signature.return_type}"
    code = machine.emit_assembly(module).encode() if assembly else machine.emit_object(module)
    return CFunction(name, tuple(parameters), signature, errors, code, needs, target)


def _compile(dispatcher: Any, signature: Any) -> _Kernel:
    function = dispatcher.py_func
    name = function.__name__
    try:
        given, result = sigutils.normalize_signature(signature)
    except Exception as error:  # text is evaluated, and may raise anything
        raise TypeError(
            f'expected a signature such as "float64(float64[::1])" or a tuple of numba types, '
            f"got {signature!r} ({error})"
        ) from error
    wanted = inspect.signature(function).parameters
    if any(parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) for parameter in wanted.values()):
        raise TypeError(f"expected parameters with names, got *args or **kwargs (in {name})")
    if len(given) != len(wanted):
        raise TypeError(f"expected types for {', '.join(wanted) or 'no parameters'}, got {len(given)} (in {name})")
    arguments = dict(zip(wanted, given, strict=True))
    for called, kind in arguments.items():
        if kind not in C_TYPES and not _is_plain_array(kind):
            raise TypeError(
                f"expected {NUMBER}, or a C-contiguous array of them (float64[::1], float64[:, ::1]), "
                f"got {kind} (parameter {called} of {name})"
            )
    flags = compiler.Flags()
    options = {**dispatcher.targetoptions, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    options.pop("debug", None)  # the places of source files are nobody's business
    dispatcher.targetdescr.options.parse_as_flags(flags, options)
    typing, target = dispatcher.targetdescr.typing_context, dispatcher.targetdescr.target_context
    with dispatcher._compiling_counter:  # without which numba does not see that a function calls itself
        compiled = compiler.compile_extra(typing, target, function, given, result, flags, dispatcher.locals)
    kernel = _Kernel(name, arguments, compiled)
    if not all(kind in C_TYPES for kind in kernel.results):
        raise TypeError(
            f"expected a result that is None, {NUMBER}, or a tuple of them, got {compiled.signature.return_type} "
            f"(result of {name}): arrays can be filled that are passed as arguments"
        )
    return kernel


def _is_plain_array(kind: Any) -> bool:
    return type(kind) is types.Array and kind.layout == "C" and kind.ndim > 0 and kind.dtype in C_TYPES


def _link_c_function(module: Any, kernel: _Kernel, name: str) -> list[Parameter]:
    """Add the C function to the module of its kernel, and hide all else in there."""
    context = kernel.compiled.target_context
    shell = context.create_module("jitkit.c_interface")
    parameters, kinds = _parameters(context, kernel)
    function = ir.Function(shell, ir.FunctionType(STATUS, kinds), name)
    for argument, parameter in zip(function.args, parameters, strict=True):
        argument.name = parameter.name
    received = iter(function.args)
    outs = [next(received) for _ in kernel.results]
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    values = [_value(context, builder, kind, received) for kind in kernel.arguments.values()]
    callee = context.declare_function(shell, kernel.compiled.fndesc)
    result_type = kernel.compiled.signature.return_type
    given = tuple(kernel.arguments.values())
    status, result = context.call_conv.call_function(builder, callee, result_type, given, values)
    with builder.if_then(status.is_ok):
        for i, (kind, out) in enumerate(zip(kernel.results, outs, strict=True)):
            value = builder.extract_value(result, i) if isinstance(result_type, types.BaseTuple) else result
            builder.store(context.data_model_manager[kind].as_data(builder, value), out)
        builder.ret(STATUS(0))
    with builder.if_then(status.is_user_exc):
        code_of = ir.Function(shell, ir.FunctionType(STATUS, [BYTE.as_pointer()]), CODE_OF)
        builder.ret(builder.call(code_of, [builder.bitcast(status.excinfoptr, BYTE.as_pointer())]))
    builder.ret(STATUS(OTHER_ERROR))
    if name in {function.name for function in module.functions}:
        raise ValueError(f"expected a name that numba does not use, got {name!r}: give another with name=")
    module.link_in(llvm.parse_assembly(cgutils.normalize_ir_text(str(shell))))
    without_counting(module)
    hide(module, but=name)
    return parameters


def _parameters(context: Any, kernel: _Kernel) -> tuple[list[Parameter], list[Any]]:
    """Parameters of the C function and their LLVM types: results, then arguments with their lengths."""
    taken = set(RESERVED)

    def unused(name: str) -> str:
        while name in taken:
            name += "_"
        taken.add(name)
        return name

    called = {name: unused(name if name.isascii() else f"arg{i}") for i, name in enumerate(kernel.arguments)}
    parameters, kinds = [], []

    def add(kind: Any, declarator: str, name: str, meaning: str) -> None:
        data = context.get_data_type(kind)
        kinds.append(data.as_pointer() if declarator.endswith("*") else data)
        parameters.append(Parameter(declarator.format(C_TYPES[kind]), name, meaning))

    result = kernel.compiled.signature.return_type
    fields = getattr(result, "fields", range(len(kernel.results)))  # a named tuple has names
    for field, kind in zip(fields, kernel.results, strict=True):
        name = f"out_{field}" if isinstance(result, types.BaseTuple) else "out"
        add(kind, "{} *", unused(name), "where a result is stored if the status is 0")
    for name, kind in kernel.arguments.items():
        if not isinstance(kind, types.Array):
            add(kind, "{} ", called[name], f"the argument {name}")
            continue
        lengths = [unused(f"{called[name]}_n{axis if kind.ndim > 1 else ''}") for axis in range(kind.ndim)]
        declarator = "{} *" if kind.mutable else "const {} *"
        add(kind.dtype, declarator, called[name], f"the argument {name}: {' x '.join(lengths)} elements in C order")
        for axis, length in enumerate(lengths):
            add(types.int64, "{} ", length, f"length of {name}" + (f" along axis {axis}" if kind.ndim > 1 else ""))
    return parameters, kinds


def _value(context: Any, builder: Any, kind: Any, received: Any) -> Any:
    """Numba's value for the next parameters of the C function."""
    if not isinstance(kind, types.Array):
        return context.data_model_manager[kind].from_data(builder, next(received))
    data, shape = next(received), [next(received) for _ in range(kind.ndim)]
    size = WORD(context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    strides = [size]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    array = context.make_array(kind)(context, builder)
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
    return array._getvalue()
