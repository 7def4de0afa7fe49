"""Base classes whose methods are machine code: a call costs what a call of a built-in type's method costs.

Instances have words of their own behind the head that every Python object has, and methods find them there. All of it
goes through functions that CPython documents (`PyType_FromSpec`, members, `PyDescr_NewMethod`); the head's size is what
`object.__basicsize__` says. Loads no numba.
"""

import ctypes
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jitkit._core.fork import compiling
from jitkit._core.ir import BYTE, WORD, constant, declared, ir, pointer
from jitkit._core.native import INT, KERNEL, OBJECT, call, kernel_object, loaded, object_of

METH_O, METH_NOARGS = 0x0008, 0x0004  # Include/methodobject.h
BASETYPE = 1 << 10  # Py_TPFLAGS_BASETYPE: other classes may derive from it
TP_MEMBERS = 72  # Include/typeslots.h
T_PYSSIZET = 19  # Include/structmember.h
HEAD = object.__basicsize__
METHOD = ir.FunctionType(OBJECT, [OBJECT, OBJECT])  # (self, argument or NULL)


Emitter = Callable[..., Any]  # (builder, instance[, argument]) -> a new reference, or NULL with an error set


def native_base(name: str, words: Sequence[str]) -> type:
    """Make a class whose instances have `words`: integers, which are 0 at first, where code finds them (`emit_word`).

    It is there to derive from, and lives as long as the process.
    """
    members = (_Member * (len(words) + 1))()
    for i, (row, word) in enumerate(zip(members, words, strict=False)):
        row.name, row.kind, row.offset = word.encode(), T_PYSSIZET, HEAD + 8 * i
    slots = (_Slot * 2)(_Slot(TP_MEMBERS, ctypes.addressof(members)), _Slot(0, None))
    encoded = ctypes.create_string_buffer(name.encode())
    spec = _Spec(ctypes.addressof(encoded), HEAD + 8 * len(words), 0, BASETYPE, ctypes.addressof(slots))
    _kept.append((members, slots, encoded, spec))
    made: type = _type_from_spec(ctypes.byref(spec))
    return made


def method_code(
    name: str, emitters: Mapping[str, Emitter], objects: Mapping[str, object] | None = None
) -> dict[str, int]:
    """Compile methods, which any class that has the words they ask for can have; their addresses by name.

    `objects` are as for `functions`.
    """
    return functions(name, {method: (METHOD, _returning(emit)) for method, emit in emitters.items()}, objects)


def _returning(emit: Emitter) -> Callable[..., None]:
    return lambda builder, *arguments: builder.ret(emit(builder, *arguments))


def replace_methods(cls: type, code: Mapping[str, int]) -> None:
    """Put machine code in the place of methods of a class.

    Each keeps its documentation. What was written in Python is there under the name with an underscore before it, for
    what the machine code leaves to it. CPython calls such a method by the shortest way if the class is the very one
    that it was made for, and not one that derives from it.
    """
    for name, address in code.items():
        written = vars(cls)[name]
        # What `inspect.signature` reads: Argument Clinic's way to write it.
        names = list(inspect.signature(written).parameters)[1:]
        text = f"{name}({', '.join(['$self', *names, '/'])})\n--\n\n{inspect.getdoc(written)}".encode()
        definition = _Method(name.encode(), address, METH_O if names else METH_NOARGS, text)
        _kept.append(definition)
        setattr(cls, f"_{name}", written)
        setattr(cls, name, _new_descriptor(cls, ctypes.byref(definition)))


_kept: list[Any] = []  # CPython borrows every pointer that it is given
# When modules are emptied at the end, objects that have such methods may still be there: the code stays to the last.
ctypes.pythonapi.Py_IncRef(ctypes.py_object(_kept))


def kernel_address(path: str, count: int) -> int:
    """Address of a kernel as a C function ``int (intp *result, intp ...)``, which returns 0: see `native.kernel`."""
    if path not in _addresses:
        code = kernel_object(path, count, KERNEL)
        with compiling:
            engine = loaded([code])
        _kept.append(engine)
        _addresses[path] = engine.get_function_address(KERNEL)
    return _addresses[path]


_addresses: dict[str, int] = {}


def functions(
    name: str, emitters: Mapping[str, tuple[Any, Callable[..., None]]], objects: Mapping[str, object] | None = None
) -> dict[str, int]:
    """Compile functions that code reaches by address.

    Parameters
    ----------
    name : str
        For the cache's listing.
    emitters : mapping of a name to (LLVM function type, emitter)
        An emitter is called with a builder and the function's arguments, and emits all of the body.
    objects : mapping of a name to an object, optional
        What the code may ask for by `emit_object`; it lives as long as the process.

    Returns
    -------
    dict of name to address
    """
    module = ir.Module("jitkit")
    for symbol, (kind, emit) in emitters.items():
        function = ir.Function(module, kind, symbol)
        emit(ir.IRBuilder(function.append_basic_block("entry")), *function.args)
    with compiling:
        engine = loaded([object_of(name, module, keep=True)])
    for symbol, value in (objects or {}).items():
        if symbol in module.globals:
            # safe: the variable is eight bytes, which this module has for the address.
            ctypes.c_int64.from_address(engine.get_global_value_address(symbol)).value = id(value)
    _kept.append((engine, objects))
    return {symbol: engine.get_function_address(symbol) for symbol in emitters}


def emit_object(builder: Any, name: str) -> Any:
    """Address of an object that `functions` was given.

    Not of one that CPython exports: numba gives LLVM such names for other things.
    """
    known = builder.module.globals.get(name)
    if known is None:
        known = ir.GlobalVariable(builder.module, WORD, name)
        known.initializer = constant(0)
    return builder.inttoptr(builder.load(known), OBJECT)


def emit_reference(builder: Any, instance: Any) -> Any:
    """New reference to an object that is there as long as Python is, like True."""
    if sys.version_info >= (3, 12):  # which counts no references to these (PEP 683)
        return instance
    if not COUNTS_ARE_PLAIN:
        call(builder, "Py_IncRef", ir.VoidType(), instance)
        return instance
    # safe: the caller has Python's lock, and an object begins with the count.
    place = builder.bitcast(instance, WORD.as_pointer())
    builder.store(builder.add(builder.load(place), constant(1)), place)
    return instance


def _counts_are_plain() -> bool:
    """Whether an object begins with the count of its references, as in CPython 3.11, but for debug builds."""
    trial, count = object(), ctypes.c_ssize_t.from_address
    before = count(id(trial)).value
    more = [trial] * 5
    return before == 1 and count(id(trial)).value == 1 + len(more)


COUNTS_ARE_PLAIN = _counts_are_plain()


def emit_word(builder: Any, instance: Any, index: int) -> Any:
    """Load one of an instance's words."""
    # safe: the class has as many words as its methods ask for.
    start = builder.ptrtoint(instance, WORD)
    return builder.load(pointer(builder, builder.add(start, constant(HEAD + 8 * index)), WORD))


def emit_method_call(builder: Any, instance: Any, name: str, *arguments: Any) -> Any:
    """Call a method that is written in Python."""
    text = _text(builder, name), _text(builder, f"({'O' * len(arguments)})")
    kind = ir.FunctionType(OBJECT, [OBJECT] * 3, var_arg=True)
    function = declared(builder.module, "PyObject_CallMethod", kind)
    return builder.call(function, [instance, *text, *arguments])


def emit_kernel_call(builder: Any, address: Any, *arguments: Any) -> Any:
    """Call a kernel at an address that `kernel_address` gave; the result is -1 where it raises."""
    with builder.goto_entry_block():
        result = builder.alloca(WORD)
    kind = ir.FunctionType(INT, [result.type, *[WORD] * len(arguments)])
    status = builder.call(builder.inttoptr(address, kind.as_pointer()), [result, *arguments])
    failed = builder.icmp_signed("!=", status, INT(0))
    return builder.select(failed, constant(-1), builder.load(result))


def _text(builder: Any, text: str) -> Any:
    data = bytearray(text.encode() + b"\0")
    name = f"jitkit.text.{text}"
    known = builder.module.globals.get(name)
    if known is None:
        known = ir.GlobalVariable(builder.module, ir.ArrayType(BYTE, len(data)), name)
        known.linkage, known.global_constant = "internal", True
        known.initializer = ir.Constant(known.type.pointee, data)
    return builder.bitcast(known, OBJECT)


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


class _Member(ctypes.Structure):
    """PyMemberDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


class _Slot(ctypes.Structure):
    """PyType_Slot."""

    _fields_ = (("slot", ctypes.c_int), ("function", ctypes.c_void_p))


class _Spec(ctypes.Structure):
    """PyType_Spec."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.c_void_p),
    )


_new_descriptor = ctypes.pythonapi.PyDescr_NewMethod
_new_descriptor.restype = ctypes.py_object
_new_descriptor.argtypes = [ctypes.py_object, ctypes.c_void_p]

_type_from_spec = ctypes.pythonapi.PyType_FromSpec
_type_from_spec.restype = ctypes.py_object
_type_from_spec.argtypes = [ctypes.c_void_p]
