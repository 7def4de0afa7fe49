"""Four neighbouring values of 4 bytes, of four records, to four columns at once: they are transposed in registers."""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import intrinsic, types
from jitkit._core.ir import WORD, constant, ir, pointer, transposed
from jitkit.telemetry.ulog._copy_steps import FOUR

# LLVM's vectors: what a register of SSE2 or NEON holds.
VALUES = ir.VectorType(ir.IntType(32), FOUR)


def _move_four(_typing: Any, _values: Any, _offsets: Any, _one: Any, _two: Any, _three: Any, _four: Any) -> Any:
    """Copy 16 bytes of each of four records to four columns.

    `_values` is the address that the four offsets count from; the others are where the columns' values go.
    """
    # safe: reads 16 bytes from each record on and writes 16 to each column; the caller owns those.

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        values, offsets, *targets = args
        rows = []
        for i in range(FOUR):
            offset = builder.load(pointer(builder, builder.add(offsets, constant(8 * i)), WORD), align=1)
            rows.append(builder.load(pointer(builder, builder.add(values, offset), VALUES), align=1))
        for column, target in zip(transposed(builder, rows), targets, strict=True):
            builder.store(column, pointer(builder, target, VALUES), align=1)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 6), codegen


move_four = intrinsic(_move_four)
