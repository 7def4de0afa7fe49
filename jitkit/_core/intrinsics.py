"""Raw memory in numba kernels: addresses, loads and stores at any alignment. What else of numba's inside rooms need.

An address is an `intp`. Nothing here checks one: a kernel that computes an address says why it lies inside its buffer.
Each intrinsic has a `safe:` line, which says what its caller must have made sure of.
"""

from collections.abc import Sequence
from typing import Any

import numba  # noqa: F401 (as a whole first: threads that load its parts at the same time stop each other)
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import NumbaTypeError, TypingError
from numba.core.imputils import lower_cast, lower_constant, lower_getattr_generic
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer, infer_global
from numba.core.typing.templates import signature as typed
from numba.experimental.jitclass.base import InstanceDataModel
from numba.extending import (
    NativeValue,
    box,
    infer_getattr,
    intrinsic,
    lower_builtin,
    lower_getattr,
    models,
    overload,
    overload_attribute,
    overload_method,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import _empty_nd_impl, load_item, populate_array, store_item
from numba.np.numpy_support import as_dtype as numpy_dtype
from numba.np.numpy_support import from_dtype as numba_type

from jitkit._core.ir import WORD, copy_memory, emit_half_to_double, pointer

__all__ = [
    "AbstractTemplate",
    "AttributeTemplate",
    "Conversion",
    "InstanceDataModel",
    "NativeValue",
    "NumbaTypeError",
    "TypingError",
    "address_in",
    "address_of",
    "as_index",
    "box",
    "cgutils",
    "copy_bytes",
    "half_to_double",
    "infer",
    "infer_getattr",
    "infer_global",
    "intrinsic",
    "load",
    "load_item",
    "lower_builtin",
    "lower_cast",
    "lower_constant",
    "lower_getattr",
    "lower_getattr_generic",
    "memory_reference",
    "models",
    "nbytes_of",
    "new_array",
    "numba_type",
    "numpy_dtype",
    "overload",
    "overload_attribute",
    "overload_method",
    "populate_array",
    "records_at",
    "register_model",
    "reinterpret",
    "stack_array",
    "store",
    "store_item",
    "typed",
    "typeof_impl",
    "types",
    "unbox",
]


@intrinsic
def load(typing_context: Any, address: Any, dtype: Any) -> Any:
    """Value of a NumPy scalar type at an address of any alignment, in native byte order."""
    # safe: reads dtype.itemsize bytes from `address` on; the caller owns that range.
    loaded = dtype.dtype

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = pointer(builder, args[0], context.get_data_type(loaded))
        return context.unpack_value(builder, loaded, data, align=1)

    return loaded(types.intp, dtype), codegen


@intrinsic
def store(typing_context: Any, address: Any, value: Any) -> Any:
    """Store a number at an address of any alignment, in native byte order."""
    # safe: writes value's itemsize bytes from `address` on; the caller owns that range.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = pointer(builder, args[0], context.get_data_type(value))
        context.pack_value(builder, value, args[1], data, align=1)
        return context.get_dummy_value()

    return types.void(types.intp, value), codegen


@intrinsic
def reinterpret(typing_context: Any, value: Any, dtype: Any) -> Any:
    """Number of another NumPy scalar type that has the same bits."""
    # safe: touches no memory.
    target = dtype.dtype

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(target))

    return target(value, dtype), codegen


@intrinsic
def stack_array(typing_context: Any, dtype: Any, size: Any) -> Any:
    """Pointer to uninitialised scratch memory of the calling function: a fixed number of items, to be indexed."""
    # safe: the memory lives as long as the function runs; the caller keeps indices below `size`.
    if not isinstance(size, types.IntegerLiteral):
        raise NumbaTypeError(f"expected the size of a stack array to be a compile-time constant, got {size}")
    array = types.CPointer(dtype.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        item = context.get_data_type(dtype.dtype)
        memory = cgutils.alloca_once(builder, ir.ArrayType(item, size.literal_value))
        return builder.bitcast(memory, item.as_pointer())

    return array(dtype, size), codegen


@intrinsic
def half_to_double(typing_context: Any, half: Any) -> Any:
    """Float64 value of the IEEE 754 binary16 number in the low 16 bits of a uint64."""
    # safe: touches no memory.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_half_to_double(builder, builder.trunc(args[0], ir.IntType(16)))

    return types.float64(types.uint64), codegen


@intrinsic
def address_in(typing_context: Any, array: Any) -> Any:
    """Address of a stack array."""
    # safe: touches no memory; the address is good as long as the array is.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(args[0], WORD)

    return types.intp(array), codegen


@intrinsic
def copy_bytes(typing_context: Any, target: Any, source: Any, nbytes: Any) -> Any:
    """Copy bytes between two addresses whose ranges do not overlap."""
    # safe: reads and writes `nbytes` bytes from each address on; the caller owns both ranges.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        copy_memory(builder, *args)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), codegen


@intrinsic
def records_at(typing_context: Any, address: Any, count: Any, dtype: Any) -> Any:
    """Array of `count` items of a dtype at an address."""
    # safe: touches no memory; the caller owns count * dtype.itemsize bytes from `address` on while the array is used.
    array = types.Array(dtype.dtype, 1, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        header = context.make_array(array)(context, builder)
        size = ir.Constant(WORD, context.get_abi_sizeof(context.get_data_type(array.dtype)))
        data = builder.inttoptr(args[0], header.data.type)
        populate_array(header, data=data, shape=[args[1]], strides=[size], itemsize=size, meminfo=None)
        return header._getvalue()

    return array(types.intp, types.intp, dtype), codegen


@intrinsic
def address_of(typing_context: Any, buffer: Any) -> Any:
    """Address of the first byte of a C-contiguous array, bytes, memoryview or mmap."""
    # safe: reads the buffer's own header only.
    require_contiguous(buffer)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        header = context.make_array(buffer)(context, builder, args[0])
        return builder.ptrtoint(header.data, WORD)

    return types.intp(buffer), codegen


@intrinsic
def nbytes_of(typing_context: Any, buffer: Any) -> Any:
    """Size in bytes of a C-contiguous array, bytes, memoryview or mmap."""
    # safe: reads the buffer's own header only.
    require_contiguous(buffer)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        header = context.make_array(buffer)(context, builder, args[0])
        return builder.mul(header.nitems, header.itemsize)

    return types.intp(buffer), codegen


@intrinsic
def as_index(typing_context: Any, value: Any) -> Any:
    """Integer as an intp; anything else is refused while the kernel is typed."""
    # safe: touches no memory.
    if not isinstance(value, types.Integer):
        raise NumbaTypeError(f"expected an integer index, got {value}")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.cast(builder, args[0], value, types.intp)

    return types.intp(value), codegen


def new_array(context: Any, builder: Any, kind: Any, shape: Sequence[int]) -> Any:
    """Allocate an array of a constant shape, uninitialised."""
    return _empty_nd_impl(context, builder, kind, [ir.Constant(WORD, length) for length in shape])


def memory_reference(address: int, owner: Any) -> Any:
    """Return numba's counted reference to memory that a Python object owns, which it keeps alive."""
    rtsys.initialize(cpu_target.target_context)
    return rtsys.meminfo_new(address, owner)


def require_contiguous(buffer: Any) -> None:
    """Refuse, while a kernel is typed, what is not one unbroken range of bytes."""
    if not isinstance(buffer, types.Buffer):
        raise NumbaTypeError(f"expected a buffer (array, bytes, memoryview, mmap), got {buffer}")
    if buffer.layout != "C":
        raise NumbaTypeError(f"expected a C-contiguous buffer, got {buffer}")
