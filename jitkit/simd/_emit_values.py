"""What a kernel can ask of vectors, masks and their types besides operations, and what these refuse, in words."""

from __future__ import annotations

import operator
from typing import Any

from jitkit._core.intrinsics import (
    AbstractTemplate,
    AttributeTemplate,
    NumbaTypeError,
    cgutils,
    infer_getattr,
    infer_global,
    lower_builtin,
    lower_getattr,
    numba_type,
    typed,
    types,
)
from jitkit._core.ir import FLAG, constant
from jitkit.simd._emit import INT32, Emitter, emits, given
from jitkit.simd._kinds import ConstantKind
from jitkit.simd._numba_types import SimdMask, SimdPattern, SimdType, SimdVector
from jitkit.simd._operators import getitem

VALUES = (SimdVector, SimdMask)
CONSTANTS = (SimdType, SimdPattern)
TRUTH = "a truth value of many lanes is neither true nor false: use simd.any or simd.all"
IDENTITY = "vectors and masks are values, which `is` cannot tell apart: use simd.all(a == b)"


class TypeAttributes(AttributeTemplate):  # type: ignore[misc]
    """Attributes of vector types."""

    key = SimdType

    def resolve_lanes(self, kind: Any) -> Any:
        return types.literal(kind.vector.lanes)

    def resolve_nbytes(self, kind: Any) -> Any:
        return types.literal(kind.vector.nbytes)

    def resolve_bits(self, kind: Any) -> Any:
        return types.literal(kind.vector.bits)

    def resolve_dtype(self, kind: Any) -> Any:
        return types.DType(numba_type(kind.vector.dtype))


class VectorAttributes(AttributeTemplate):  # type: ignore[misc]
    """Attributes of vectors."""

    key = SimdVector

    def resolve_lanes(self, kind: Any) -> Any:
        return types.literal(kind.vector.lanes)

    def resolve_dtype(self, kind: Any) -> Any:
        return types.DType(numba_type(kind.vector.dtype))

    def resolve_type(self, kind: Any) -> Any:
        return SimdType(kind.vector)


class MaskAttributes(AttributeTemplate):  # type: ignore[misc]
    """Attributes of masks."""

    key = SimdMask

    def resolve_lanes(self, kind: Any) -> Any:
        return types.literal(kind.lanes)


for _attributes in (TypeAttributes, VectorAttributes, MaskAttributes):
    infer_getattr(_attributes)


def lanes_of(kind: Any) -> int:
    """Lanes of a numba type."""
    return int(kind.lanes if isinstance(kind, SimdMask) else kind.vector.lanes)


def lower_lanes(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return constant(lanes_of(kind))


def lower_bits(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return constant(kind.vector.bits)


def lower_nbytes(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return constant(kind.vector.nbytes)


def lower_type(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.get_dummy_value()


for _kind in (SimdType, *VALUES):
    lower_getattr(_kind, "lanes")(lower_lanes)
for _kind in (SimdType, SimdVector):
    lower_getattr(_kind, "dtype")(lower_type)
lower_getattr(SimdType, "bits")(lower_bits)
lower_getattr(SimdType, "nbytes")(lower_nbytes)
lower_getattr(SimdVector, "type")(lower_type)


class Length(AbstractTemplate):  # type: ignore[misc]
    """Number of lanes."""

    key = len

    def generic(self, args: Any, kws: Any) -> Any:
        return typed(types.intp, *args) if isinstance(args[0], VALUES) else None


def lower_length(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return constant(lanes_of(sig.args[0]))


infer_global(len)(Length)
for _kind in VALUES:
    lower_builtin(len, _kind)(lower_length)


@emits(getitem)
def item(e: Emitter, v: Any, i: Any) -> Any:
    place, lanes = e.call.arguments[1], v.type.count
    if isinstance(place, ConstantKind):
        # Not the rule's matter: when it is asked first, what becomes a variable may still seem to be a constant.
        if not 0 <= place.value < lanes:
            raise NumbaTypeError(f"[]: expected a lane from 0 to {lanes - 1}, got {place.value}")
        return e.builder.extract_element(v, INT32(place.value))
    if e.context.enable_boundscheck:
        cgutils.do_boundscheck(e.context, e.builder, i, constant(lanes))
    return e.builder.extract_element(v, i)


class Sameness(AbstractTemplate):  # type: ignore[misc]
    """Whether vector types, or patterns, are the same."""

    def generic(self, args: Any, kws: Any) -> Any:
        return typed(types.boolean, *args) if all(isinstance(kind, CONSTANTS) for kind in args) else None


def lower_same(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return FLAG(sig.args[0] == sig.args[1])


def lower_other(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return FLAG(sig.args[0] != sig.args[1])


for _equality, _lower in ((operator.eq, lower_same), (operator.ne, lower_other)):
    infer_global(_equality)(type("Template", (Sameness,), {"key": _equality}))
    for _constant in CONSTANTS:
        lower_builtin(_equality, _constant, types.Any)(_lower)


class Truth(AbstractTemplate):  # type: ignore[misc]
    """What `if mask:` asks for."""

    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(given(args[0]), VALUES):
            raise NumbaTypeError(TRUTH)


for _question in (bool, operator.truth, operator.not_):
    infer_global(_question)(type("Template", (Truth,), {"key": _question}))


def lower_identity(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    raise NumbaTypeError(IDENTITY)


for _kind in VALUES:
    lower_builtin(operator.is_, _kind, _kind)(lower_identity)  # numba has typed it before anyone is asked
