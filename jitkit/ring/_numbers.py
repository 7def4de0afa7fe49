"""Plain numbers on their way from Python into slots, and back.

An object that cannot be converted leaves no error set: the method in Python that is called then says what is wrong.
What else is raised while an object converts itself is left to be raised: Ctrl-C, for one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from jitkit._core.ir import DOUBLE, SINGLE, WORD, constant, ir, pointer
from jitkit._core.native import INT, OBJECT, call
from jitkit._core.native_type import HEAD, emit_object, functions
from jitkit.ring._native_elements import NO_NUMBER, PUT, RAISED, TAKE


def _emit_failure(builder: Any, wrong: Any) -> None:
    """Return where something is wrong: `NO_NUMBER` without an error, or `RAISED` with one."""
    with builder.if_then(wrong, likely=False):
        expected = constant(0)
        for name in ("TypeError", "OverflowError"):
            matches = call(builder, "PyErr_ExceptionMatches", INT, emit_object(builder, name))
            expected = builder.or_(expected, builder.zext(matches, WORD))
        with builder.if_then(builder.icmp_unsigned("==", expected, constant(0))):
            builder.ret(constant(RAISED))
        call(builder, "PyErr_Clear", ir.VoidType())
        builder.ret(constant(NO_NUMBER))


def _emit_error_check(builder: Any, is_suspect: Any) -> None:
    """Return as `_emit_failure` does if a result that may mean an error means one."""
    with builder.if_then(is_suspect, likely=False):
        error = call(builder, "PyErr_Occurred", OBJECT)
        _emit_failure(builder, builder.icmp_unsigned("!=", error, OBJECT(None)))


def _store(builder: Any, value: Any, target: Any, offset: int = 0) -> None:
    builder.store(value, pointer(builder, builder.add(target, constant(offset)), value.type))


def put_float(size: int) -> Callable[..., None]:
    """Emitter of a conversion to float32 or float64."""

    def emit(builder: Any, value: Any, target: Any) -> None:
        def finish(number: Any) -> None:
            _store(builder, number if size == 8 else builder.fptrunc(number, SINGLE), target)
            builder.ret(constant(1))

        if FLOATS_ARE_PLAIN:
            head = builder.ptrtoint(value, WORD)
            kind = builder.load(pointer(builder, builder.add(head, constant(HEAD - 8)), OBJECT))
            with builder.if_then(builder.icmp_unsigned("==", kind, emit_object(builder, "float"))):
                finish(builder.load(pointer(builder, builder.add(head, constant(HEAD)), DOUBLE)))
            for name in MORE_THAN_FLOATS:
                with builder.if_then(builder.icmp_unsigned("==", kind, emit_object(builder, name)), likely=False):
                    builder.ret(constant(NO_NUMBER))
        number = call(builder, "PyFloat_AsDouble", DOUBLE, value)
        _emit_error_check(builder, builder.fcmp_ordered("==", number, DOUBLE(-1.0)))
        finish(number)

    return emit


def _floats_are_plain() -> bool:
    """Whether a Python float is its type and its value, in the words where CPython has them since ever."""
    value = -1234.5
    if float.__basicsize__ != HEAD + 8:
        return False
    # safe: reads inside an object that is alive, of the size that was just found.
    kind = ctypes.c_size_t.from_address(id(value) + HEAD - 8).value
    return kind == id(float) and ctypes.c_double.from_address(id(value) + HEAD).value == value


FLOATS_ARE_PLAIN = _floats_are_plain()


def put_integer(size: int, signed: bool) -> Callable[..., None]:
    """Emitter of a conversion to an integer, which must fit."""

    def emit(builder: Any, value: Any, target: Any) -> None:
        index = call(builder, "PyNumber_Index", OBJECT, value)
        _emit_failure(builder, builder.icmp_unsigned("==", index, OBJECT(None)))
        function = "PyLong_AsLongLong" if signed else "PyLong_AsUnsignedLongLong"
        number = call(builder, function, WORD, index)
        call(builder, "Py_DecRef", ir.VoidType(), index)
        _emit_error_check(builder, builder.icmp_signed("==", number, constant(-1)))
        word = ir.IntType(8 * size)
        if size < 8:
            small = builder.trunc(number, word)
            again = builder.sext(small, WORD) if signed else builder.zext(small, WORD)
            with builder.if_then(builder.icmp_signed("!=", again, number), likely=False):
                builder.ret(constant(0))
            number = small
        _store(builder, number, target)
        builder.ret(constant(1))

    return emit


def put_boolean(builder: Any, value: Any, target: Any) -> None:
    """Emit a conversion of True or False."""
    with builder.if_then(builder.not_(_is_boolean(builder, value)), likely=False):
        builder.ret(constant(0))
    truth = call(builder, "PyObject_IsTrue", INT, value)
    _store(builder, builder.trunc(truth, ir.IntType(8)), target)
    builder.ret(constant(1))


def _is_boolean(builder: Any, value: Any) -> Any:
    true, false = (builder.icmp_unsigned("==", value, emit_object(builder, name)) for name in ("True", "False"))
    return builder.or_(true, false)


def put_complex(size: int) -> Callable[..., None]:
    """Emitter of a conversion to complex64 or complex128."""

    def emit(builder: Any, value: Any, target: Any) -> None:
        parts = call(builder, "PyComplex_AsCComplex", ir.LiteralStructType([DOUBLE, DOUBLE]), value)
        real, imaginary = (builder.extract_value(parts, i) for i in (0, 1))
        _emit_error_check(builder, builder.fcmp_ordered("==", real, DOUBLE(-1.0)))
        for number, offset in ((real, 0), (imaginary, size // 2)):
            _store(builder, number if size == 16 else builder.fptrunc(number, SINGLE), target, offset)
        builder.ret(constant(1))

    return emit


def take_float(size: int) -> Callable[..., None]:
    """Emitter of a Python float."""

    def emit(builder: Any, source: Any) -> None:
        builder.ret(call(builder, "PyFloat_FromDouble", OBJECT, _double_at(builder, source, size)))

    return emit


def _double_at(builder: Any, source: Any, size: int, offset: int = 0) -> Any:
    kind = DOUBLE if size == 8 else SINGLE
    number = builder.load(pointer(builder, builder.add(source, constant(offset)), kind))
    return number if size == 8 else builder.fpext(number, DOUBLE)


def take_integer(size: int, signed: bool) -> Callable[..., None]:
    """Emitter of a Python int."""

    def emit(builder: Any, source: Any) -> None:
        number = builder.load(pointer(builder, source, ir.IntType(8 * size)))
        if size < 8:
            number = builder.sext(number, WORD) if signed else builder.zext(number, WORD)
        builder.ret(call(builder, "PyLong_FromLongLong" if signed else "PyLong_FromUnsignedLongLong", OBJECT, number))

    return emit


def take_boolean(builder: Any, source: Any) -> None:
    """Emit a Python bool."""
    number = builder.load(pointer(builder, source, ir.IntType(8)))
    builder.ret(call(builder, "PyBool_FromLong", OBJECT, builder.zext(number, WORD)))


def take_complex(size: int) -> Callable[..., None]:
    """Emitter of a Python complex."""

    def emit(builder: Any, source: Any) -> None:
        parts = [_double_at(builder, source, size // 2, offset) for offset in (0, size // 2)]
        builder.ret(call(builder, "PyComplex_FromDoubles", OBJECT, *parts))

    return emit


# Types whose objects are floats by their methods, where a part of them or none is: the method in Python sees to them.
MORE_THAN_FLOATS: dict[str, Any] = {
    "complex64": np.complex64, "complex128": np.complex128, "clongdouble": np.clongdouble, "ndarray": np.ndarray,
}  # fmt: skip
OBJECTS = {
    "float": float, "True": True, "False": False, "TypeError": TypeError, "OverflowError": OverflowError,
    **MORE_THAN_FLOATS,
}  # fmt: skip


def _codes() -> dict[str, tuple[Callable[..., None], Callable[..., None]]]:
    """Emitters of both ways, for each kind of plain number."""
    codes: dict[str, Any] = {"b1": (put_boolean, take_boolean)}
    for size in (1, 2, 4, 8):
        codes[f"i{size}"] = put_integer(size, True), take_integer(size, True)
        codes[f"u{size}"] = put_integer(size, False), take_integer(size, False)
    for size in (4, 8):
        codes[f"f{size}"] = put_float(size), take_float(size)
        codes[f"c{2 * size}"] = put_complex(2 * size), take_complex(2 * size)
    return codes


@cache
def converters() -> dict[str, tuple[int, int]]:
    """Addresses of the code that converts plain numbers, by the code of their dtype."""
    codes = _codes()
    emitters = {f"put_{code}": (PUT, put) for code, (put, _) in codes.items()}
    emitters |= {f"take_{code}": (TAKE, take) for code, (_, take) in codes.items()}
    found = functions("numbers of rings", emitters, OBJECTS)
    return {code: (found[f"put_{code}"], found[f"take_{code}"]) for code in codes}
