"""Looking ahead: a search for two bytes at a distance, 32 places at a time, and asking for memory before its time."""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import cgutils, intrinsic, types
from jitkit._core.ir import BYTE, FLAG, WORD, constant, declared, ir, pointer

# LLVM's vectors are compared on every processor, with what it has.
PLACES = 32  # looked at together: two registers of SSE2 or NEON, one of AVX2
OCTETS = ir.VectorType(BYTE, PLACES)
BITS = ir.IntType(PLACES)


def _skip_places(_typing: Any, _place: Any, _stop: Any, _near: Any, _far: Any, _distance: Any) -> Any:
    """First address from `place` on with the byte `near`, and the byte `far` at a distance behind it.

    If there is none before the last places below `stop`, of which there are fewer than 32, the first of those.
    """
    # safe: reads places below `stop` and those `distance` bytes behind them, all of which are the caller's.

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _emit_search(builder, *args)

    return types.intp(types.intp, types.intp, types.uint8, types.uint8, types.intp), codegen


def _ask_for(_typing: Any, _address: Any) -> Any:
    """Ask for the cache line at an address that will be read; a wrong address does no harm."""
    # safe: a prefetch never faults (LLVM Language Reference, `llvm.prefetch`).

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), number, number, number])
        # For a load, to be kept close, of data.
        prefetch = declared(builder.module, "llvm.prefetch.p0", kind)
        builder.call(prefetch, [pointer(builder, args[0], BYTE), number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(types.intp), codegen


skip_places = intrinsic(_skip_places)
ask_for = intrinsic(_ask_for)


def _emit_search(builder: Any, place: Any, stop: Any, near: Any, far: Any, distance: Any) -> Any:
    at = cgutils.alloca_once_value(builder, place)
    wanted = [_everywhere(builder, byte) for byte in (near, far)]
    head, body, hit, ahead, done = (
        builder.append_basic_block(f"search.{name}") for name in ("head", "body", "hit", "ahead", "done")
    )
    builder.branch(head)
    builder.position_at_end(head)
    here = builder.load(at)
    behind = builder.add(here, constant(PLACES))
    builder.cbranch(builder.icmp_signed("<=", behind, stop), body, done)
    builder.position_at_end(body)
    loaded = [
        builder.load(pointer(builder, address, OCTETS), align=1) for address in (here, builder.add(here, distance))
    ]
    equal = [builder.icmp_unsigned("==", octets, byte) for octets, byte in zip(loaded, wanted, strict=True)]
    found = builder.bitcast(builder.and_(*equal), BITS)
    builder.cbranch(builder.icmp_unsigned("!=", found, BITS(0)), hit, ahead)
    builder.position_at_end(hit)
    count = declared(builder.module, f"llvm.cttz.i{PLACES}", ir.FunctionType(BITS, [BITS, FLAG]))
    first = builder.zext(builder.call(count, [found, FLAG(1)]), WORD)
    builder.store(builder.add(here, first), at)
    builder.branch(done)
    builder.position_at_end(ahead)
    builder.store(behind, at)
    builder.branch(head)
    builder.position_at_end(done)
    return builder.load(at)


def _everywhere(builder: Any, byte: Any) -> Any:
    one = builder.insert_element(ir.Constant(OCTETS, ir.Undefined), byte, ir.IntType(32)(0))
    numbers = ir.Constant(ir.VectorType(ir.IntType(32), PLACES), None)
    return builder.shuffle_vector(one, ir.Constant(OCTETS, ir.Undefined), numbers)
