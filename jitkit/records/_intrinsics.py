"""Fields inside kernels: the value of one, and whether it may be, as LLVM values of the kernel that asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jitkit._core.intrinsics import numba_type, types
from jitkit._core.ir import FLAG, SINGLE, constant, emit_half_to_double, ir, pointer
from jitkit.records._element import element, raw_word
from jitkit.records._leaves import Leaf
from jitkit.records._machine import Machine, emit_listed
from jitkit.records._plan import covering_word


def field_type(leaf: Leaf) -> Any:
    """Numba type of a field's value: that of the column's element, float32 for binary16, nested tuples for an array."""
    is_half = leaf.dtype.kind == "f" and leaf.dtype.itemsize == 2
    kind = types.float32 if is_half else numba_type(leaf.dtype)  # numba has no float16 on the CPU
    for length in reversed(leaf.shape):
        kind = types.UniTuple(kind, length)
    return kind


def emit_field(context: Any, builder: Any, leaf: Leaf, itemsize: int, at: Any) -> Any:
    """Emit the value of a field of the record at address `at`."""
    starts = leaf.element_starts()

    def value(kind: Any) -> Any:
        if isinstance(kind, types.UniTuple):
            return context.make_tuple(builder, kind, [value(kind.dtype) for _ in range(kind.count)])
        return emit_scalar(context, builder, leaf, kind, itemsize, at, next(starts))

    return value(field_type(leaf))


def emit_scalar(context: Any, builder: Any, leaf: Leaf, kind: Any, itemsize: int, at: Any, start: int) -> Any:
    """Emit the value of the element whose first bit is `start`."""
    if leaf.kind == "S":
        place = builder.add(at, constant(start // 8))
        return context.unpack_value(builder, kind, pointer(builder, place, context.get_data_type(kind)), align=1)
    machine = Machine(builder, at)
    value, _ = element(machine, replace(leaf, valid=None), covering_word(leaf, start, start, itemsize))
    if kind == types.boolean:
        return builder.trunc(value, FLAG)
    if leaf.dtype.kind == "f" and leaf.dtype.itemsize == 2:
        return builder.fptrunc(emit_half_to_double(builder, value), SINGLE)
    return value


def emit_all_listed(builder: Any, leaves: Sequence[Leaf], itemsize: int, at: Any) -> Any:
    """Emit whether all values of the checked leaves of the record at `at` are among the allowed ones."""
    listed = ir.Constant(FLAG, 1)
    for leaf in leaves:
        for start in leaf.element_starts():
            word = raw_word(Machine(builder, at), covering_word(leaf, start, start, itemsize))
            listed = builder.and_(listed, emit_listed(builder, leaf, word))
    return listed
