"""Vectors, masks and patterns as numba's types: what they are in registers and in memory, and their way to Python."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from jitkit._core.intrinsics import (
    NativeValue,
    NumbaTypeError,
    box,
    cgutils,
    lower_constant,
    models,
    numba_type,
    numpy_dtype,
    register_model,
    typeof_impl,
    types,
    unbox,
)
from jitkit._core.ir import BYTE, bytes_of, ir
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
from jitkit.simd._operation import kind_of
from jitkit.simd._values import Mask, Pattern, Vector


class SimdVector(types.Type):
    """Numba type of a vector."""

    def __init__(self, vector: VectorType) -> None:
        self.vector = vector
        super().__init__(vector.name)

    def __jitkit_fingerprint__(self) -> str:
        return str(self)


class SimdMask(types.Type):
    """Numba type of a mask."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(f"mask{lanes}")

    def __jitkit_fingerprint__(self) -> str:
        return str(self)


class SimdType(types.Opaque):
    """Numba type of a vector type itself, which is a constant."""

    def __init__(self, vector: VectorType) -> None:
        self.vector = vector
        super().__init__(f"type {vector.name}")

    def __jitkit_fingerprint__(self) -> str:
        return str(self)


class SimdPattern(types.Opaque):
    """Numba type of a pattern, which is a constant."""

    def __init__(self, indices: tuple[int, ...]) -> None:
        self.indices = indices
        super().__init__(f"pattern{indices}")

    def __jitkit_fingerprint__(self) -> str:
        return str(self)


def type_of_kind(kind: Any) -> Any:
    """Numba type of what comes out of an operation."""
    if kind is None:
        return types.none
    if isinstance(kind, tuple):
        return types.Tuple([type_of_kind(item) for item in kind])
    if isinstance(kind, VectorType):
        return SimdVector(kind)
    if isinstance(kind, MaskKind):
        return SimdMask(kind.lanes)
    if kind.letter == "b":
        return types.boolean
    return numba_type(np.dtype(f"{kind.letter}{kind.bits // 8}"))


def kind_of_type(kind: Any) -> Kind:
    """Tell what a value of a numba type is."""
    match kind:
        case SimdVector():
            vector: VectorType = kind.vector
            return vector
        case SimdMask():
            return MaskKind(kind.lanes)
        case SimdType():
            return TypeKind(kind.vector)
        case SimdPattern():
            return PatternKind(kind.indices)
        case types.IntegerLiteral():
            return ConstantKind(kind.literal_value)
        case types.Boolean():
            return ScalarKind("b", 8)
        case types.Integer():
            return ScalarKind("i" if kind.signed else "u", kind.bitwidth)
        case types.Float():
            return ScalarKind("f", kind.bitwidth)
        case types.Array():
            try:
                dtype = numpy_dtype(kind.dtype)
            except Exception:  # numba has no NumPy dtype for it: then vectors have none either
                return OtherKind(str(kind))
            return ArrayKind(dtype, kind.ndim, kind.layout == "C", kind.mutable)
    return OtherKind(str(kind))


def lane_type(kind: VectorType | MaskKind) -> Any:
    """LLVM type of a lane in a register."""
    if isinstance(kind, MaskKind):
        return ir.IntType(1)
    if kind.dtype.kind == "f":
        return ir.FloatType() if kind.bits == 32 else ir.DoubleType()
    return ir.IntType(kind.bits)


def register_type(kind: VectorType | MaskKind) -> Any:
    """LLVM type of a vector or mask in registers."""
    return ir.VectorType(lane_type(kind), kind.lanes)


class _LanesModel(models.PrimitiveModel):
    """In registers a vector, in memory (lists, records, closures) an array, which numba aligns like one lane.

    With a vector there, LLVM would take all of memory to be aligned to its size, which numba's heap is not.
    """

    def __init__(self, manager: Any, kind: Any) -> None:
        self.kind = kind_of_type(kind)
        super().__init__(manager, kind, register_type(self.kind))  # type: ignore[arg-type]

    def get_data_type(self) -> Any:
        return ir.ArrayType(BYTE if isinstance(self.kind, MaskKind) else self.be_type.element, self.be_type.count)

    def as_data(self, builder: Any, value: Any) -> Any:
        data = ir.Constant(self.get_data_type(), ir.Undefined)
        for i in range(self.be_type.count):
            lane = builder.extract_element(value, ir.Constant(ir.IntType(32), i))
            if isinstance(self.kind, MaskKind):
                lane = builder.zext(lane, BYTE)
            data = builder.insert_value(data, lane, i)
        return data

    def from_data(self, builder: Any, data: Any) -> Any:
        value = ir.Constant(self.be_type, ir.Undefined)
        for i in range(self.be_type.count):
            lane = builder.extract_value(data, i)
            if isinstance(self.kind, MaskKind):
                lane = builder.trunc(lane, ir.IntType(1))
            value = builder.insert_element(value, lane, ir.Constant(ir.IntType(32), i))
        return value

    def as_argument(self, builder: Any, value: Any) -> Any:
        # How numba hands outer variables to the body of a prange: from memory, and as it is there.
        if value.type != self.be_type:
            raise NumbaTypeError(f"the body of a prange cannot take {self.kind.name} from outside: make it inside")
        return self.as_data(builder, value) if self.get_argument_type() != self.be_type else value

    def get_argument_type(self) -> Any:
        # With AVX-512, LLVM 22 gives up on calls whose first argument is <1 x i1> and whose second is another mask.
        return self.get_data_type() if self.kind == MaskKind(1) else self.be_type

    def from_argument(self, builder: Any, value: Any) -> Any:
        return self.from_data(builder, value) if self.get_argument_type() != self.be_type else value

    def load_from_data_pointer(self, builder: Any, source: Any, align: Any = None) -> Any:
        return self.from_data(builder, builder.load(source, align=align or bytes_of(self.get_data_type().element)))


register_model(SimdVector)(_LanesModel)
register_model(SimdMask)(_LanesModel)
register_model(SimdType)(models.OpaqueModel)
register_model(SimdPattern)(models.OpaqueModel)


@typeof_impl.register(Vector)
def _type_of_vector(value: Vector, context: Any) -> Any:
    return SimdVector(value.type)


@typeof_impl.register(Mask)
def _type_of_mask(value: Mask, context: Any) -> Any:
    return SimdMask(value.lanes)


@typeof_impl.register(VectorType)
def _type_of_vector_type(value: VectorType, context: Any) -> Any:
    return SimdType(value)


@typeof_impl.register(Pattern)
def _type_of_pattern(value: Pattern, context: Any) -> Any:
    return SimdPattern(value.indices)


@lower_constant(SimdType)
@lower_constant(SimdPattern)
def _constant_without_value(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.get_dummy_value()


@lower_constant(SimdVector)
@lower_constant(SimdMask)
def _constant_lanes(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if not isinstance(value, (Vector, Mask)):  # the 0 that numba's sums over a prange start with
        raise NumbaTypeError("a prange cannot sum up vectors: reduce each to a number inside, and sum these up")
    return ir.Constant(register_type(kind_of_type(kind)), value.to_array().tolist())  # type: ignore[arg-type]


@unbox(SimdType)
@unbox(SimdPattern)
def _argument_without_value(kind: Any, value: Any, c: Any) -> Any:
    return NativeValue(c.context.get_dummy_value())


@box(SimdType)
@box(SimdPattern)
def _value_of_constant(kind: Any, value: Any, c: Any) -> Any:
    made = kind.vector if isinstance(kind, SimdType) else Pattern(kind.indices)
    return c.pyapi.unserialize(c.pyapi.serialize_object(made))


@unbox(SimdVector)
@unbox(SimdMask)
def _lanes_as_argument(kind: Any, value: Any, c: Any) -> Any:
    # safe: `_bytes_of` gives as many bytes as the type has in memory, or raises; they are read before they are dropped.
    model = c.context.data_model_manager[kind]
    convert = c.pyapi.unserialize(c.pyapi.serialize_object(partial(_bytes_of, model.kind)))
    data = c.pyapi.call_function_objargs(convert, [value])
    c.pyapi.decref(convert)
    result = cgutils.alloca_once_value(c.builder, ir.Constant(model.get_value_type(), None))
    failed = cgutils.is_null(c.builder, data)
    with c.builder.if_then(c.builder.not_(failed)):
        start = c.pyapi.bytes_as_string(data)
        memory = c.builder.bitcast(start, model.get_data_type().as_pointer())
        c.builder.store(model.load_from_data_pointer(c.builder, memory, align=1), result)
        c.pyapi.decref(data)
    return NativeValue(c.builder.load(result), is_error=failed)


@box(SimdVector)
@box(SimdMask)
def _lanes_for_python(kind: Any, value: Any, c: Any) -> Any:
    model = c.context.data_model_manager[kind]
    memory = cgutils.alloca_once(c.builder, model.get_data_type())
    c.builder.store(model.as_data(c.builder, value), memory)
    size = c.context.get_abi_sizeof(model.get_data_type())
    data = c.pyapi.bytes_from_string_and_size(
        c.builder.bitcast(memory, BYTE.as_pointer()), ir.Constant(c.pyapi.py_ssize_t, size)
    )
    convert = c.pyapi.unserialize(c.pyapi.serialize_object(partial(_value_of, dtype_in_memory(kind))))
    result = c.pyapi.call_function_objargs(convert, [data])
    c.pyapi.decref(convert)
    c.pyapi.decref(data)
    return result


def dtype_in_memory(kind: Any) -> str:
    """NumPy's name of what a lane is in memory."""
    return "?" if isinstance(kind, SimdMask) else str(kind.vector.dtype.str[1:])


def _bytes_of(expected: VectorType | MaskKind, value: Any) -> bytes:
    found = kind_of(value)
    if found != expected:
        raise TypeError(f"expected {expected.name}, got {found.name}")
    data: bytes = value.to_array().tobytes()
    return data


def _value_of(dtype: str, data: bytes) -> Any:
    lanes = np.frombuffer(data, dtype)
    return Mask(lanes) if dtype == "?" else Vector(lanes)
