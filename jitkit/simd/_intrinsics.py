"""Raw memory inside the loops of ufuncs: vectors at addresses, side by side or with steps of any number of bytes.

NumPy gives a loop addresses, steps and a number of items; each intrinsic says what of that makes it safe.
"""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import cgutils, intrinsic, numba_type, types
from jitkit._core.ir import BYTE, WORD, constant, declared, gathered, ir, pointer
from jitkit.simd._emit import INT32, lanes_constant, mangled
from jitkit.simd._kinds import MaskKind
from jitkit.simd._numba_types import SimdMask, SimdVector, kind_of_type, lane_type, register_type

WORD_BYTES = 8
ALL_FLAGS = 0x3F  # every bit that FE_ALL_EXCEPT of fenv.h has on any processor
INVALID = 1  # FE_INVALID, of x86 and ARM


@intrinsic
def word_at(typing_context: Any, address: Any, number: Any) -> Any:
    """One of the words (addresses, counts, steps) in a table."""
    # safe: NumPy's tables have a word for each operand, and the loop asks for no others.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = builder.add(args[0], builder.mul(args[1], constant(WORD_BYTES)))
        return builder.load(pointer(builder, at, WORD))

    return types.intp(types.intp, types.intp), codegen


@intrinsic
def load_at(typing_context: Any, vector: Any, address: Any) -> Any:
    """Vector whose lanes lie side by side."""
    # safe: the loop has found that all lanes are items of the operand.
    kind = vector.vector

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(pointer(builder, args[1], register_type(kind)), align=kind.dtype.itemsize)

    return SimdVector(kind)(vector, types.intp), codegen


@intrinsic
def load_few_at(typing_context: Any, vector: Any, address: Any, count: Any) -> Any:
    """The same for the first `count` lanes, one at least; the others repeat the first.

    They are no zeros: what is computed of those could warn of a division that nobody asked for.
    """
    # safe: lanes from `count` on are not read.
    kind = vector.vector

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, address, count = args
        full = register_type(kind)
        one = builder.load(pointer(builder, address, full.element), align=kind.dtype.itemsize)
        start = pointer(builder, address, full)
        mask = _first(builder, count, kind.lanes)
        made = ir.FunctionType(full, [start.type, INT32, mask.type, full])
        function = declared(builder.module, f"llvm.masked.load.{mangled(full)}.p0", made)
        return builder.call(function, [start, INT32(kind.dtype.itemsize), mask, _splat(builder, one, kind.lanes)])

    return SimdVector(kind)(vector, types.intp, types.intp), codegen


@intrinsic
def load_steps_at(typing_context: Any, vector: Any, address: Any, step: Any, count: Any) -> Any:
    """Vector whose lanes lie a number of bytes apart; those from `count` on repeat the last one before."""
    # safe: lane j is item min(j, count - 1), and the loop has found that `count` items, one at least, are left.
    kind = vector.vector

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, address, step, count = args
        last = builder.sub(count, constant(1))

        def lane(j: int) -> Any:
            item = builder.select(builder.icmp_signed("<", constant(j), last), constant(j), last)
            at = builder.add(address, builder.mul(item, step))
            return builder.load(pointer(builder, at, lane_type(kind)), align=kind.dtype.itemsize)

        return gathered(builder, kind.lanes, lane)

    return SimdVector(kind)(vector, types.intp, types.intp, types.intp), codegen


@intrinsic
def load_one_at(typing_context: Any, vector: Any, address: Any) -> Any:
    """Vector with one item in every lane."""
    # safe: every operand has an item.
    kind = vector.vector

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one = builder.load(pointer(builder, args[1], lane_type(kind)), align=kind.dtype.itemsize)
        return _splat(builder, one, kind.lanes)

    return SimdVector(kind)(vector, types.intp), codegen


@intrinsic
def store_at(typing_context: Any, address: Any, value: Any) -> Any:
    """Write all lanes side by side; those of a mask as bytes that are 0 or 1."""
    # safe: as `load_at`.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes, size = _as_stored(builder, value, args[1])
        builder.store(lanes, pointer(builder, args[0], lanes.type), align=size)
        return context.get_dummy_value()

    return types.void(types.intp, value), codegen


@intrinsic
def store_few_at(typing_context: Any, address: Any, value: Any, count: Any) -> Any:
    """Write the first `count` lanes side by side."""
    # safe: lanes from `count` on are not written.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes, size = _as_stored(builder, value, args[1])
        start = pointer(builder, args[0], lanes.type)
        mask = _first(builder, args[2], lanes.type.count)
        made = ir.FunctionType(ir.VoidType(), [lanes.type, start.type, INT32, mask.type])
        function = declared(builder.module, f"llvm.masked.store.{mangled(lanes.type)}.p0", made)
        builder.call(function, [lanes, start, INT32(size), mask])
        return context.get_dummy_value()

    return types.void(types.intp, value, types.intp), codegen


@intrinsic
def store_steps_at(typing_context: Any, address: Any, value: Any, step: Any) -> Any:
    """Write all lanes, a number of bytes apart."""
    # safe: the loop has found that all lanes are items of the operand.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address, _, step = args
        lanes, size = _as_stored(builder, value, args[1])
        for j in range(lanes.type.count):
            at = builder.add(address, builder.mul(step, constant(j)))
            _store_lane(builder, at, builder.extract_element(lanes, INT32(j)), size)
        return context.get_dummy_value()

    return types.void(types.intp, value, types.intp), codegen


@intrinsic
def store_few_steps_at(typing_context: Any, address: Any, value: Any, step: Any, count: Any) -> Any:
    """Write the first `count` lanes, a number of bytes apart."""
    # safe: lanes from `count` on are not written; those before are read from where all of them were put.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address, _, step, count = args
        lanes, size = _as_stored(builder, value, args[1])
        start = builder.ptrtoint(cgutils.alloca_once_value(builder, lanes), WORD)
        with cgutils.for_range(builder, count) as loop:
            source = builder.add(start, builder.mul(loop.index, constant(size)))
            lane = builder.load(pointer(builder, source, lanes.type.element), align=size)
            _store_lane(builder, builder.add(address, builder.mul(loop.index, step)), lane, size)
        return context.get_dummy_value()

    return types.void(types.intp, value, types.intp, types.intp), codegen


@intrinsic
def first_lane(typing_context: Any, value: Any) -> Any:
    """Lane 0 of a vector or mask, as a number or bool."""
    # safe: touches no memory.
    kind = kind_of_type(value)
    result = types.boolean if isinstance(kind, MaskKind) else numba_type(value.vector.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.extract_element(args[0], INT32(0))

    return result(value), codegen


@intrinsic
def raised_flags(typing_context: Any) -> Any:
    """Flags of floating-point exceptions that this thread has raised, as C's ``fetestexcept`` tells them."""
    # safe: touches no memory.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = declared(builder.module, "fetestexcept", ir.FunctionType(INT32, [INT32]))
        return builder.zext(builder.call(function, [INT32(ALL_FLAGS)]), WORD)

    return types.intp(), codegen


@intrinsic
def lower_flags(typing_context: Any, flags: Any) -> Any:
    """Forget exceptions that this thread has raised."""
    # safe: touches no memory.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = declared(builder.module, "feclearexcept", ir.FunctionType(INT32, [INT32]))
        builder.call(function, [builder.trunc(args[0], INT32)])
        return context.get_dummy_value()

    return types.void(types.intp), codegen


def _as_stored(builder: Any, kind: Any, lanes: Any) -> tuple[Any, int]:
    """Lanes as they are in memory, and the size of one in bytes."""
    if isinstance(kind, SimdMask):
        return builder.zext(lanes, ir.VectorType(BYTE, lanes.type.count)), 1
    return lanes, kind.vector.dtype.itemsize


def _store_lane(builder: Any, address: Any, lane: Any, align: int) -> None:
    builder.store(lane, pointer(builder, address, lane.type), align=align)


def _first(builder: Any, count: Any, lanes: int) -> Any:
    """Mask of the first `count` lanes, where that is no more than there are."""
    numbers = ir.Constant(ir.VectorType(INT32, lanes), list(range(lanes)))
    return builder.icmp_signed("<", numbers, _splat(builder, builder.trunc(count, INT32), lanes))


def _splat(builder: Any, value: Any, lanes: int) -> Any:
    kind = ir.VectorType(value.type, lanes)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, INT32(0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), lanes_constant([0] * lanes))
