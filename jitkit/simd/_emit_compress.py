"""Machine code of what moves the lanes that a mask has next to each other, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jitkit._core import cpu
from jitkit._core.intrinsics import cgutils
from jitkit._core.ir import FLAG, WORD, constant, declared, ir, resized
from jitkit.simd import _compress as ops
from jitkit.simd._emit import INT32, Emitter, emits, mangled
from jitkit.simd._emit_lookup import WORDS, in_words, permuted_words
from jitkit.simd._emit_memory import place
from jitkit.simd._emit_scatter import one_by_one
from jitkit.simd._kinds import VectorType
from jitkit.simd._numba_types import lane_type

LEAST, MOST = 16, 64  # bytes of x86's vector registers


@emits(ops.compress)
def compress(e: Emitter, v: Any, mask: Any) -> Any:
    # safe: touches no memory but a slot of its own, which has all lanes, and what is written last is not behind them.
    packed = _packed(e, v, mask)
    if packed is None:
        slot = cgutils.alloca_once(e.builder, ir.ArrayType(lane_type(e.kind), e.kind.lanes))
        _store_by_one(e, v, mask, e.builder.bitcast(slot, lane_type(e.kind).as_pointer()))
        packed = e.builder.load(e.builder.bitcast(slot, v.type.as_pointer()), align=e.kind.dtype.itemsize)
    return packed if _has_instruction(e.kind) else e.builder.select(_first(e, _count(e, mask)), packed, e.number(0))


@emits(ops.expand)
def expand(e: Emitter, v: Any, mask: Any) -> Any:
    # safe: touches no memory but a slot of its own, which has all lanes.
    if _has_instruction(e.kind):
        return _by_instruction(e, "x86.avx512.mask.expand", v, mask)
    if _fits_table(e.kind):
        return e.builder.select(mask, _by_table(e, v, mask, _places_before), e.number(0))
    slot = cgutils.alloca_once(e.builder, ir.ArrayType(lane_type(e.kind), e.kind.lanes))
    e.builder.store(v, e.builder.bitcast(slot, v.type.as_pointer()), align=e.kind.dtype.itemsize)
    start = e.builder.bitcast(slot, lane_type(e.kind).as_pointer())
    return e.builder.select(mask, _load_by_one(e, e.kind, mask, start), e.number(0))


@emits(ops.compress_store)
def compress_store(e: Emitter, x: Any, i: Any, v: Any, mask: Any) -> Any:
    # safe: writes as many items from `i` on as the mask has lanes; the kernel keeps them inside the array.
    kind = e.kind
    at = place(e, 0, x, i, None)
    count = _count(e, mask)
    # The instruction that writes what it compresses takes over a hundred cycles on Zen 4: first one, then the other.
    packed = _packed(e, v, mask)
    if packed is None:
        _store_by_one(e, v, mask, at, spare=cgutils.alloca_once(e.builder, lane_type(kind)))
    else:
        size = INT32(kind.dtype.itemsize)
        e.memory("masked.store", kind, packed, at, size, _first(e, count), result=ir.VoidType())
    return count


@emits(ops.expand_load)
def expand_load(e: Emitter, _: Any, x: Any, i: Any, mask: Any) -> Any:
    # safe: reads as many items from `i` on as the mask has lanes; the kernel keeps them inside the array.
    kind = e.result
    at = place(e, 1, x, i, None)
    if _has_instruction(kind):
        return _expanded(e, kind, at, mask)
    spare = cgutils.alloca_once_value(e.builder, ir.Constant(lane_type(kind), 0))
    return e.builder.select(mask, _load_by_one(e, kind, mask, at, spare), e.number(0, kind))


def _has_instruction(kind: VectorType) -> bool:
    """Whether one register of AVX-512 has all lanes, and an instruction for them."""
    needs = {"avx512f", "avx512vl"} if kind.bits >= 32 else {"avx512vbmi2", "avx512vl"}
    return kind.nbytes <= MOST and needs <= cpu.target().features


def _fits_table(kind: VectorType) -> bool:
    """Whether AVX2 can move all lanes at once, when a table tells it where."""
    return kind.bits >= 32 and kind.nbytes <= 4 * WORDS and "avx2" in cpu.target().features


def _packed(e: Emitter, v: Any, mask: Any) -> Any:
    """Lanes that the mask has, at the front; nothing if lanes must be moved one by one."""
    if _has_instruction(e.kind):
        return _by_instruction(e, "x86.avx512.mask.compress", v, mask)
    return _by_table(e, v, mask, _places_of_set) if _fits_table(e.kind) else None


def _by_instruction(e: Emitter, name: str, v: Any, mask: Any) -> Any:
    """One of AVX-512's, in at least its smallest register; other lanes become 0."""
    many, where = _widened(e, e.kind, v), _widened(e, e.kind, mask)
    made = ir.FunctionType(many.type, [many.type, many.type, where.type])
    function = declared(e.builder.module, f"llvm.{name}.{mangled(many.type)}", made)
    moved = e.builder.call(function, [many, ir.Constant(many.type, None), where])
    return e.swizzled(moved, moved, range(e.kind.lanes))


def _expanded(e: Emitter, kind: VectorType, at: Any, mask: Any) -> Any:
    where = _widened(e, kind, mask)
    many = ir.VectorType(lane_type(kind), where.type.count)
    made = ir.FunctionType(many, [at.type, where.type, many])
    function = declared(e.builder.module, f"llvm.masked.expandload.{mangled(many)}", made)
    read = e.builder.call(function, [at, where, ir.Constant(many, None)])
    return e.swizzled(read, read, range(kind.lanes))


def _widened(e: Emitter, kind: VectorType, lanes: Any) -> Any:
    """Vector or mask with lanes of 0 behind it, if it fills no register."""
    count = max(kind.lanes, LEAST // kind.dtype.itemsize)
    return e.swizzled(lanes, ir.Constant(lanes.type, None), [min(lane, kind.lanes) for lane in range(count)])


def _by_table(e: Emitter, v: Any, mask: Any, places: Callable[[int, int], list[int]]) -> Any:
    """Lanes moved to where a table says for each mask; it has at most 256 lines of eight bytes."""
    # safe: reads the line of the table for the mask, which has a line for each there is.
    lanes, words = e.kind.lanes, e.kind.bits // 32
    name = f"jitkit.simd{places.__name__}{lanes}x{words}"
    table = e.builder.module.globals.get(name)
    if table is None:
        lines = [_line(places(bits, lanes), words) for bits in range(1 << lanes)]
        table = cgutils.global_constant(e.builder, name, ir.Constant(ir.ArrayType(WORD, len(lines)), lines))
    line = e.builder.load(e.builder.gep(table, [constant(0), _bits(e, mask)]))
    order = e.builder.zext(e.builder.bitcast(line, ir.VectorType(ir.IntType(8), WORDS)), ir.VectorType(INT32, WORDS))
    moved = permuted_words(e, in_words(e, v), order)
    return e.builder.bitcast(e.swizzled(moved, moved, range(lanes * words)), v.type)


def _line(places: list[int], words: int) -> int:
    """Places of lanes as those of their 32-bit words, a byte for each."""
    numbers = [place * words + word for place in places for word in range(words)]
    return sum(number << 8 * k for k, number in enumerate(numbers))


def _places_of_set(bits: int, lanes: int) -> list[int]:
    """Lanes that a mask has."""
    return [lane for lane in range(lanes) if bits >> lane & 1]


def _places_before(bits: int, lanes: int) -> list[int]:
    """How many lanes a mask has before each."""
    return [(bits & (1 << lane) - 1).bit_count() for lane in range(lanes)]


def _store_by_one(e: Emitter, v: Any, mask: Any, at: Any, spare: Any = None) -> None:
    """Write each lane where the next one of the mask goes; those that it has not to a spare place, if there is one.

    Branches would be right or wrong by chance, which is slower.
    """
    position, bits = constant(0), _bits(e, mask)
    for lane in range(mask.type.count):
        taken = _bit(e, bits, lane)
        target = e.builder.gep(at, [position])
        if spare is not None:
            target = e.builder.select(taken, target, spare)
        e.builder.store(e.builder.extract_element(v, INT32(lane)), target, align=e.kind.dtype.itemsize)
        position = e.builder.add(position, e.builder.zext(taken, WORD))


def _load_by_one(e: Emitter, kind: VectorType, mask: Any, at: Any, spare: Any = None) -> Any:
    """Read for each lane what comes next, or from a spare place, if there is one, where the mask has none."""
    positions, bits = [constant(0)], _bits(e, mask)

    def load(lane: int) -> Any:
        taken = _bit(e, bits, lane)
        source = e.builder.gep(at, [positions[-1]])
        if spare is not None:
            source = e.builder.select(taken, source, spare)
        positions.append(e.builder.add(positions[-1], e.builder.zext(taken, WORD)))
        return e.builder.load(source, align=kind.dtype.itemsize)

    return one_by_one(e, kind, load)


def _bits(e: Emitter, mask: Any) -> Any:
    return resized(e.builder, e.builder.bitcast(mask, ir.IntType(mask.type.count)), WORD.width)


def _bit(e: Emitter, bits: Any, lane: int) -> Any:
    return e.builder.trunc(e.builder.lshr(bits, constant(lane)), FLAG)


def _count(e: Emitter, mask: Any) -> Any:
    return e.intrinsic("ctpop", _bits(e, mask))


def _first(e: Emitter, count: Any) -> Any:
    lanes = e.kind.lanes
    numbers = ir.Constant(ir.VectorType(INT32, lanes), list(range(lanes)))
    return e.builder.icmp_unsigned("<", numbers, e.splat(e.builder.trunc(count, INT32), lanes))
