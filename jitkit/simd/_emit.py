"""How operations become machine code: each has a function that emits it, registered here with numba.

Numba is loaded with this file; `_typing` loads all the files that register something.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from jitkit._core.intrinsics import AbstractTemplate, NumbaTypeError, infer_global, lower_builtin, typed, types
from jitkit._core.ir import declared, ir
from jitkit.simd import _operators
from jitkit.simd._kinds import ConstantKind, Kind, ScalarKind, VectorType
from jitkit.simd._numba_types import SimdMask, SimdVector, kind_of_type, register_type, type_of_kind
from jitkit.simd._operation import OPERATIONS, Call, Operation

INT32 = ir.IntType(32)


class Emitter:
    """What emits one call: the builder, and what the call's rule said."""

    def __init__(self, context: Any, builder: Any, call: Call, kinds: Sequence[Any]) -> None:
        self.context, self.builder, self.call, self.types = context, builder, call, kinds

    @property
    def kind(self) -> VectorType:
        """The type of the first vector among the arguments, or of the result."""
        results = self.call.result if isinstance(self.call.result, tuple) else (self.call.result,)
        return next(kind for kind in (*self.call.arguments, *results) if isinstance(kind, VectorType))

    @property
    def result(self) -> Any:
        """Kind of the result."""
        return self.call.result

    def argument(self, number: int) -> Any:
        """Kind that an argument is converted to."""
        return self.call.arguments[number]

    @property
    def letter(self) -> str:
        """NumPy's letter of the lanes' dtype: "i", "u" or "f"."""
        return self.kind.dtype.kind

    def intrinsic(
        self, name: str, *arguments: Any, result: Any = None, of: Any = None, fast: Sequence[str] = ()
    ) -> Any:
        """Emit a call of ``llvm.<name>.<type>``; that type, and the result's, is by default the first argument's."""
        kind = of or arguments[0].type
        made = ir.FunctionType(result or kind, [argument.type for argument in arguments])
        function = declared(self.builder.module, f"llvm.{name}.{mangled(kind)}", made)
        return self.builder.call(function, arguments, fastmath=fast)

    def memory(self, name: str, kind: VectorType, *arguments: Any, result: Any = None, places: str = "p0") -> Any:
        """Emit a call of one of LLVM's intrinsics for memory, whose names tell what pointers there are."""
        made = ir.FunctionType(result or register_type(kind), [argument.type for argument in arguments])
        full = f"llvm.{name}.{mangled(register_type(kind))}.{places}"
        return self.builder.call(declared(self.builder.module, full, made), arguments)

    def splat(self, value: Any, lanes: int) -> Any:
        """Vector with a value in each lane."""
        kind = ir.VectorType(value.type, lanes)
        one = self.builder.insert_element(ir.Constant(kind, ir.Undefined), value, INT32(0))
        return self.builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), lanes_constant([0] * lanes))

    def number(self, value: Any, kind: VectorType | None = None) -> Any:
        """Constant vector with a number in each lane."""
        kind = kind or self.kind
        return ir.Constant(register_type(kind), [value] * kind.lanes)

    def swizzled(self, a: Any, b: Any, indices: Sequence[int]) -> Any:
        """Lanes picked from two vectors."""
        return self.builder.shuffle_vector(a, b, lanes_constant(indices))

    def undefined(self, like: Any) -> Any:
        """Vector of nobody knows what."""
        return ir.Constant(like.type, ir.Undefined)

    def converted(self, value: Any, given: Any, wanted: Kind) -> Any:
        """Argument as its rule wants it: a number may become a vector."""
        if isinstance(given, (SimdVector, SimdMask)) or not isinstance(wanted, (VectorType, ScalarKind)):
            return value
        lane = ScalarKind(wanted.dtype.kind, wanted.bits) if isinstance(wanted, VectorType) else wanted
        number = self.context.cast(self.builder, value, types.unliteral(given), type_of_kind(lane))
        return self.splat(number, wanted.lanes) if isinstance(wanted, VectorType) else number


Emit = Callable[..., Any]  # of an Emitter and the arguments' LLVM values; gives the result's, or several in a list


def lanes_constant(indices: Sequence[int]) -> Any:
    """Indices of lanes, as LLVM's shuffles take them."""
    return ir.Constant(ir.VectorType(INT32, len(indices)), list(indices))


def mangled(kind: Any) -> str:
    """How the names of LLVM's intrinsics tell a type: ``v8f32``."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{mangled(kind.element)}"
    if isinstance(kind, ir.IntType):
        return f"i{kind.width}"
    return "f32" if isinstance(kind, ir.FloatType) else "f64"


def emits(*functions: Any) -> Callable[[Emit], Emit]:
    """Let a function emit operations."""

    def decorate(emit: Emit) -> Emit:
        for function in functions:
            known = OPERATIONS[function]
            _register(known, function, emit)
            for python_operator in _OPERATORS.get(function, ()):
                _register_operator(known, python_operator, emit)
        return emit

    return decorate


# What Python calls for its operators; ``x += y`` is another function than ``x + y``.
_OPERATORS = {
    _operators.add: (operator.add, operator.iadd),
    _operators.sub: (operator.sub, operator.isub),
    _operators.mul: (operator.mul, operator.imul),
    _operators.truediv: (operator.truediv, operator.itruediv),
    _operators.floordiv: (operator.floordiv, operator.ifloordiv),
    _operators.mod: (operator.mod, operator.imod),
    _operators.and_: (operator.and_, operator.iand),
    _operators.or_: (operator.or_, operator.ior),
    _operators.xor: (operator.xor, operator.ixor),
    _operators.lshift: (operator.lshift, operator.ilshift),
    _operators.rshift: (operator.rshift, operator.irshift),
    _operators.invert: (operator.invert,),
    _operators.neg: (operator.neg,),
    _operators.pos: (operator.pos,),
    _operators.getitem: (operator.getitem,),
    _operators.lt: (operator.lt,),
    _operators.le: (operator.le,),
    _operators.gt: (operator.gt,),
    _operators.ge: (operator.ge,),
    _operators.eq: (operator.eq,),
    _operators.ne: (operator.ne,),
}


def _call_of(known: Operation, kinds: Sequence[Any]) -> Call:
    try:
        return known.call([kind_of_type(kind) for kind in kinds])
    except TypeError as error:
        raise NumbaTypeError(str(error)) from None


class _Template(AbstractTemplate):  # type: ignore[misc]
    """How numba types calls of an operation, and what it tells of it where a call is wrong."""

    operation: Operation
    prefer_literal = True

    def get_template_info(self) -> dict[str, Any]:
        code = self.operation.emulate.__code__
        return {
            "kind": "operation",
            "name": self.operation.name,
            "sig": str(self.operation.signature),
            "filename": code.co_filename,
            "lines": (code.co_firstlineno, code.co_firstlineno),
            "docstring": self.operation.emulate.__doc__,
        }


def _register(known: Operation, function: Any, emit: Emit) -> None:
    class Template(_Template):
        key = function
        operation = known  # no closure here either

        def generic(self, args: Any, kws: Any) -> Any:
            try:
                bound = self.operation.bound(args, kws)
            except TypeError as error:
                raise NumbaTypeError(str(error)) from None
            found = _typed(self.operation, bound)
            return found.replace(pysig=self.operation.signature) if kws else found

    infer_global(function)(Template)
    lower_builtin(function, types.VarArg(types.Any))(_lowered(known, emit))


def _register_operator(known: Operation, function: Any, emit: Emit) -> None:
    class Template(_Template):
        key = function
        operation = known

        def generic(self, args: Any, kws: Any) -> Any:
            if not any(isinstance(given(kind), (SimdVector, SimdMask)) for kind in args):
                return None  # numba's own business
            return _typed(self.operation, args)

    infer_global(function)(Template)
    lower = _lowered(known, emit)
    for vector in (SimdVector, SimdMask):
        lower_builtin(function, vector)(lower)
        lower_builtin(function, vector, types.Any)(lower)
        lower_builtin(function, types.Any, vector)(lower)
        lower_builtin(function, vector, vector)(lower)


def given(kind: Any) -> Any:
    """Type of an argument; of one that may be None the type that it has if it is not, or else numba raises."""
    return kind.type if isinstance(kind, types.Optional) else kind


def _typed(known: Operation, args: Sequence[Any]) -> Any:
    kinds = [given(kind) for kind in args]
    call = _call_of(known, kinds)
    pairs = zip(kinds, call.arguments, strict=True)
    kept = [kind if isinstance(wanted, ConstantKind) else types.unliteral(kind) for kind, wanted in pairs]
    return typed(type_of_kind(call.result), *kept)


def _lowered(known: Operation, emit: Emit) -> Any:
    # Defaults and no closure, as in `operation`.
    def lower(context: Any, builder: Any, sig: Any, args: Any, known: Operation = known, emit: Emit = emit) -> Any:
        call = _call_of(known, sig.args)
        emitter = Emitter(context, builder, call, sig.args)
        values = map(emitter.converted, args, sig.args, call.arguments)
        result = emit(emitter, *values)
        if isinstance(call.result, tuple):
            return context.make_tuple(builder, sig.return_type, result)
        return context.get_dummy_value() if call.result is None else result

    return lower
