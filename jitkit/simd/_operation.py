"""Operations: functions that work on vectors, in Python by an emulation and in kernels by machine code.

An operation has a rule, which checks what it is given and tells what comes out, and an emulation in NumPy, which is
its definition: the tests hold the machine code to it. The machine code is in the files named `_emit_*`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import Signature, signature
from typing import Any, TypeVar

import numpy as np

from jitkit.simd._kinds import (
    ArrayKind,
    ConstantKind,
    Kind,
    MaskKind,
    OtherKind,
    PatternKind,
    ScalarKind,
    TypeKind,
    VectorType,
)
from jitkit.simd._values import Mask, Pattern, Vector

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Call:
    """What a rule says of a call: what comes out, and what each argument is converted to."""

    result: Kind | tuple[Kind, ...] | None
    arguments: tuple[Kind, ...]


Rule = Callable[..., Call]  # of the operation's name and the kinds of its arguments; raises TypeError


@dataclass(frozen=True)
class Operation:
    """A function that works on vectors."""

    name: str  # as messages tell it: "simd.fma", "+"
    rule: Rule
    emulate: Callable[..., Any]
    signature: Signature

    def call(self, kinds: Sequence[Kind]) -> Call:
        """What comes out of arguments of some kinds.

        Raises
        ------
        TypeError
            In words, with the operation's name.
        """
        return self.rule(self.name, *kinds)

    def bound(self, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the arguments in order.

        Raises
        ------
        TypeError
            If there are too many or too few, with the operation's name.
        """
        try:
            return self.signature.bind(*args, **named).args
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}") from None

    def emulated(self, *args: Any, **named: Any) -> Any:
        """Do it in NumPy."""
        given = self.bound(args, named)
        call = self.call([kind_of(argument) for argument in given])
        with np.errstate(all="ignore"):  # as in kernels, where nobody looks
            result = self.emulate(*map(_raw, given, call.arguments))
        return _wrapped(result, call.result)


OPERATIONS: dict[Any, Operation] = {}  # by function: what kernels can call


def operation(rule: Rule, symbol: str = "") -> Callable[[Function], Function]:
    """Make an emulation an operation. It gets arrays for vectors and masks, and may give an array for one."""

    def decorate(emulate: Function) -> Function:
        known = Operation(symbol or f"simd.{emulate.__name__}", rule, emulate, signature(emulate))

        # A default and no closure: for the compile cache, kernels are made of what the functions they call enclose.
        @wraps(emulate)
        def function(*args: Any, _operation: Operation = known, **named: Any) -> Any:
            return _operation.emulated(*args, **named)

        OPERATIONS[function] = known
        return function  # type: ignore[return-value]

    return decorate


def kind_of(value: Any) -> Kind:
    """Tell what a Python value is."""
    match value:
        case Vector() | Mask():
            return value.kind
        case VectorType():
            return TypeKind(value)
        case Pattern():
            return PatternKind(value.indices)
        case bool() | np.bool_():
            return ScalarKind("b", 8)
        case int():
            return ConstantKind(value)
        case float():
            return ScalarKind("f", 64)
        case np.integer() | np.floating():
            return ScalarKind(value.dtype.kind, 8 * value.dtype.itemsize)
        case np.ndarray():
            return ArrayKind(value.dtype, value.ndim, value.flags.c_contiguous, value.flags.writeable)
    return OtherKind(type(value).__name__)


def _raw(value: Any, kind: Kind) -> Any:
    """What an emulation gets for an argument that is converted to a kind."""
    if isinstance(value, (Vector, Mask)):
        return value._lanes
    if isinstance(kind, VectorType):
        return np.full(kind.lanes, converted(value, kind.dtype))
    if isinstance(kind, ScalarKind) and not isinstance(value, np.ndarray):
        return converted(value, np.dtype(f"{kind.letter}{kind.bits // 8}") if kind.letter != "b" else np.dtype(bool))
    return value.indices if isinstance(value, Pattern) else value


def converted(value: Any, dtype: np.dtype[Any]) -> Any:
    """Number in another dtype; integers that it has no place for lose their upper bits, as in machine code."""
    if dtype.kind in "iu" and not isinstance(value, np.generic):
        value = np.uint64(int(value) & 0xFFFF_FFFF_FFFF_FFFF)
    with np.errstate(all="ignore"):
        return np.asarray(value).astype(dtype)[()]


def _wrapped(result: Any, kind: Any) -> Any:
    if isinstance(kind, tuple):
        return tuple(map(_wrapped, result, kind))
    if isinstance(kind, VectorType):
        return Vector(np.asarray(result).astype(kind.dtype, copy=False))
    if isinstance(kind, MaskKind):
        return Mask(result)
    return result
