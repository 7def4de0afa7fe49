"""Raw memory in kernels: addresses, loads and stores at any alignment, byte swaps. The only place that emits them.

An address is an `intp`. Nothing here checks one: a kernel that computes an address says why it lies inside its buffer.
Each intrinsic has a `safe:` line, which says what its caller must have made sure of.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import NumbaTypeError
from numba.core.imputils import lower_constant
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    intrinsic,
    lower_getattr,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.numpy_support import from_dtype as numba_type

__all__ = [
    "WORD",
    "AttributeTemplate",
    "NativeValue",
    "address_in",
    "address_of",
    "as_index",
    "cgutils",
    "copy_bytes",
    "emit_half_to_double",
    "for_each",
    "half_to_double",
    "infer_getattr",
    "intrinsic",
    "ir",
    "load",
    "lower_constant",
    "lower_getattr",
    "models",
    "nbytes_of",
    "numba_type",
    "pointer",
    "prefetch_for_store",
    "register_model",
    "reinterpret",
    "stack_array",
    "store",
    "typeof_impl",
    "types",
    "unbox",
]

UNROLL = 4  # turns of a scalar loop in one: measured 1.7 times faster than 1 on Zen 5, and as fast as 8
WORD = ir.IntType(64)  # also what an address is: numba runs on 64-bit machines only


def pointer(builder: Any, address: Any, target: Any) -> Any:
    """LLVM pointer to `target` from an integer address."""
    return builder.inttoptr(address, target.as_pointer())


@contextmanager
def for_each(builder: Any, start: Any, stop: Any, step: int = 1, *, scalar: bool = False) -> Iterator[Any]:
    """Loop over start, start + step, ... below stop; gives the index.

    A `scalar` loop is never vectorised. Loads that are not side by side would become gathers, which were measured two
    to three times slower than loading one by one (on Zen 5).
    """
    entry = builder.block
    head, body, done = (builder.append_basic_block(f"for_each.{name}") for name in ("head", "body", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(WORD)
    index.add_incoming(start, entry)
    builder.cbranch(builder.icmp_signed("<", index, stop), body, done)
    builder.position_at_end(body)
    yield index
    index.add_incoming(builder.add(index, ir.Constant(WORD, step), flags=["nsw"]), builder.block)
    back = builder.branch(head)
    if scalar:
        back.set_metadata("llvm.loop", _scalar_hints(builder.module))
    builder.position_at_end(done)


def _scalar_hints(module: Any) -> Any:
    """Metadata of one scalar loop; its first operand is itself (LLVM Language Reference, `llvm.loop`)."""
    hints = [
        module.add_metadata([ir.MetaDataString(module, name), value])
        for name, value in (
            ("llvm.loop.vectorize.enable", ir.Constant(ir.IntType(1), 0)),
            ("llvm.loop.unroll.count", ir.Constant(ir.IntType(32), UNROLL)),
        )
    ]
    loop = module.add_metadata([*hints, module.add_metadata([ir.Constant(WORD, len(module.metadata))])])
    loop.operands = (loop, *hints)
    return loop


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


def prefetch_for_store(builder: Any, address: Any) -> None:
    """Ask for the cache line at an address that will be written; a wrong address does no harm."""
    byte, number = ir.IntType(8), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), number, number, number])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    # For a store, to be kept close, of data: LLVM Language Reference, `llvm.prefetch`.
    builder.call(prefetch, [pointer(builder, address, byte), number(1), number(3), number(1)])


def emit_half_to_double(builder: Any, half: Any) -> Any:
    """Float64 value of a binary16 number: exact, and in integers, for not every processor has the instruction.

    The exponent's bias grows from 15 to 1023 and the fraction from 10 bits to 52 (IEEE 754-2019, table 3.5);
    subnormal numbers of binary16 are normal in binary64.
    """

    def constant(value: int) -> Any:
        return ir.Constant(WORD, value)

    word = builder.zext(half, WORD)
    sign = builder.shl(builder.and_(word, constant(0x8000)), constant(48))
    exponent = builder.and_(builder.lshr(word, constant(10)), constant(31))
    fraction = builder.and_(word, constant(0x3FF))
    placed = builder.shl(fraction, constant(42))
    normal = builder.or_(builder.shl(builder.add(exponent, constant(1023 - 15)), constant(52)), placed)
    infinite_or_nan = builder.or_(constant(0x7FF << 52), placed)
    small = builder.fmul(builder.uitofp(fraction, ir.DoubleType()), ir.Constant(ir.DoubleType(), 2.0**-24))
    subnormal = builder.bitcast(small, WORD)
    magnitude = builder.select(builder.icmp_unsigned("==", exponent, constant(31)), infinite_or_nan, normal)
    magnitude = builder.select(builder.icmp_unsigned("==", exponent, constant(0)), subnormal, magnitude)
    return builder.bitcast(builder.or_(sign, magnitude), ir.DoubleType())


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
        byte = ir.IntType(8)
        to, origin = (pointer(builder, address, byte) for address in args[:2])
        cgutils.raw_memcpy(builder, to, origin, args[2], 1)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), codegen


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


def require_contiguous(buffer: Any) -> None:
    """Refuse, while a kernel is typed, what is not one unbroken range of bytes."""
    if not isinstance(buffer, types.Buffer):
        raise NumbaTypeError(f"expected a buffer (array, bytes, memoryview, mmap), got {buffer}")
    if buffer.layout != "C":
        raise NumbaTypeError(f"expected a C-contiguous buffer, got {buffer}")
