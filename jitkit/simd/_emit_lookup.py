"""Machine code of looking up lanes by numbers that are known only when a kernel runs."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

from jitkit._core import cpu
from jitkit._core.intrinsics import cgutils
from jitkit._core.ir import constant, declared, ir
from jitkit.simd import _shuffles as ops
from jitkit.simd._emit import INT32, Emitter, emits
from jitkit.simd._emit_scatter import one_by_one
from jitkit.simd._kinds import VectorType

INT8 = ir.IntType(8)
WORDS = 8  # of 32 bits in a register of AVX2
HALF = 16  # bytes in which PSHUFB looks


@emits(ops.table_lookup)
def table_lookup(e: Emitter, table: Any, indices: Any) -> Any:
    kind, features = e.kind, cpu.target().features
    whole = e.builder.bitcast(table, indices.type)
    if _permutes(kind, features):
        found = _by_registers(e, whole, indices, _permuted, _register(kind))
    elif kind.bits == 32 and kind.lanes <= WORDS and "avx2" in features:
        found = _by_registers(e, whole, indices, permuted_words, WORDS)
    elif kind.bits == 64 and kind.nbytes <= 4 * WORDS and "avx2" in features:
        order = in_words(e, _in_units(e, indices, 32))
        moved = permuted_words(e, in_words(e, whole), _padded(e, order, WORDS))
        moved = e.swizzled(moved, moved, range(2 * kind.lanes))
        found = e.builder.select(
            _inside(e, indices), e.builder.bitcast(moved, whole.type), ir.Constant(whole.type, None)
        )
    elif "ssse3" in features and (kind.nbytes // HALF) ** 2 <= kind.lanes:  # not more work than lane by lane
        as_bytes = e.builder.bitcast(whole, ir.VectorType(INT8, kind.nbytes))
        found = _by_bytes(e, as_bytes, _in_bytes(e, indices), "avx2" in features)
    else:
        found = _by_memory(e, kind, whole, indices)
    return e.builder.bitcast(found, table.type)


def in_words(e: Emitter, v: Any) -> Any:
    """Vector of 32-bit or 64-bit lanes as one of 32-bit words."""
    kind = e.kind
    return e.builder.bitcast(v, ir.VectorType(INT32, kind.nbytes // 4))


def permuted_words(e: Emitter, words: Any, order: Any) -> Any:
    """Up to eight words picked by eight numbers, of which the lowest three bits count: an instruction of AVX2."""
    padded = _padded(e, words, WORDS)
    made = ir.FunctionType(padded.type, [padded.type, padded.type])
    return e.builder.call(declared(e.builder.module, "llvm.x86.avx2.permd", made), [padded, order])


def _permutes(kind: VectorType, features: Set[str]) -> bool:
    """Whether AVX-512 has an instruction that is better than those of less."""
    needs = {8: "avx512vbmi", 16: "avx512bw", 32: "avx512f", 64: "avx512f"}[kind.bits]
    least = {8: 2 * HALF, 32: 2 * WORDS}.get(kind.bits, 1)
    return kind.lanes >= least and {needs, "avx512vl"} <= features


def _register(kind: VectorType) -> int:
    """Lanes of the smallest register that has all lanes and the instruction, or of the largest."""
    least = 16 if kind.bits == 16 else 32
    return min(64, max(least, kind.nbytes)) // kind.dtype.itemsize


def _permuted(e: Emitter, part: Any, order: Any) -> Any:
    """Lanes of one register picked by those of another, of which the lowest bits count."""
    bits, lanes = part.type.element.width, part.type.count
    letters = {8: "qi", 16: "hi", 32: "si", 64: "di"}[bits]
    name = f"llvm.x86.avx512.permvar.{letters}.{bits * lanes}"
    made = ir.FunctionType(part.type, [part.type, part.type])
    return e.builder.call(declared(e.builder.module, name, made), [part, order])


def _by_registers(e: Emitter, table: Any, indices: Any, permute: Callable[..., Any], register: int) -> Any:
    """Look into each register of the table, and keep what is looked up in that one."""
    lanes = table.type.count
    found = []
    for part in _split(e, _padded(e, indices, register), register):
        here = ir.Constant(part.type, None)
        for k, piece in enumerate(_split(e, _padded(e, table, register), register)):
            start = _number(part.type, k * register)
            inside = e.builder.icmp_unsigned("<", e.builder.sub(part, start), _number(part.type, min(lanes, register)))
            here = e.builder.select(inside, permute(e, piece, part), here)
        found.append(here)
    return _joined(e, found, lanes)


def _by_bytes(e: Emitter, table: Any, indices: Any, wide: bool) -> Any:
    """Look into each 16 bytes of the table: PSHUFB gives 0 where the highest bit of an index is set.

    Less than 16 and plus 112, at most 255, an index keeps its lowest four bits; all others, whatever is subtracted
    to get at the later parts of up to 128 bytes, get the highest one. What is no index is 255.
    """
    lanes = table.type.count
    width = 2 * HALF if wide and lanes > HALF else HALF
    shape = ir.VectorType(INT8, width)
    name = "llvm.x86.avx2.pshuf.b" if width > HALF else "llvm.x86.ssse3.pshuf.b.128"
    shuffle = declared(e.builder.module, name, ir.FunctionType(shape, [shape, shape]))
    zeros = _padded(e, table, HALF, ir.Constant(table.type, None))
    tables = [e.swizzled(piece, piece, [k % HALF for k in range(width)]) for piece in _split(e, zeros, HALF)]
    found = []
    for part in _split(e, _padded(e, indices, width), width):
        here = ir.Constant(shape, None)
        for k, piece in enumerate(tables):
            offset = e.builder.sub(part, _number(shape, k * HALF))
            order = e.intrinsic("uadd.sat", offset, _number(shape, 128 - HALF))
            here = e.builder.or_(here, e.builder.call(shuffle, [piece, order]))
        found.append(here)
    return _joined(e, found, lanes)


def _in_bytes(e: Emitter, indices: Any) -> Any:
    """Indices of lanes as those of their bytes, 255 in what is no lane."""
    kind = indices.type
    if kind.element.width > 8:
        nowhere = _number(kind, (1 << kind.element.width) - 1)
        indices = e.builder.select(_inside(e, indices), _in_units(e, indices, 8), nowhere)
    return e.builder.bitcast(indices, ir.VectorType(INT8, kind.count * kind.element.width // 8))


def _in_units(e: Emitter, indices: Any, unit: int) -> Any:
    """Indices of lanes that hold those of the smaller units they consist of; anything for what is no lane."""
    bits = indices.type.element.width
    count = bits // unit
    spread = e.builder.shl(indices, _number(indices.type, count.bit_length() - 1))
    width = unit
    while width < bits:
        spread = e.builder.or_(spread, e.builder.shl(spread, _number(indices.type, width)))
        width *= 2
    return e.builder.or_(spread, _number(indices.type, sum(k << k * unit for k in range(count))))


def _inside(e: Emitter, indices: Any) -> Any:
    """Where an index is that of a lane; negative ones are large without their sign."""
    return e.builder.icmp_unsigned("<", indices, _number(indices.type, indices.type.count))


def _by_memory(e: Emitter, kind: VectorType, table: Any, indices: Any) -> Any:
    # safe: reads a slot of its own at places that are cut to the lanes it has, whose number is a power of two.
    lane, lanes = table.type.element, kind.lanes
    slot = cgutils.alloca_once(e.builder, ir.ArrayType(lane, lanes))
    e.builder.store(table, e.builder.bitcast(slot, table.type.as_pointer()), align=kind.dtype.itemsize)
    cut = e.builder.and_(indices, _number(indices.type, lanes - 1))

    def load(k: int) -> Any:
        place = e.builder.extract_element(cut, INT32(k))
        place = e.builder.zext(place, constant(0).type) if lane.width < 64 else place
        return e.builder.load(e.builder.gep(slot, [constant(0), place]), align=kind.dtype.itemsize)

    found = one_by_one(e, kind, load)
    return e.builder.select(_inside(e, indices), found, ir.Constant(found.type, None))


def _number(kind: Any, value: int) -> Any:
    return ir.Constant(kind, [value] * kind.count)


def _padded(e: Emitter, v: Any, lanes: int, filling: Any = None) -> Any:
    """Vector with lanes of anything behind it, if it has fewer."""
    have = v.type.count
    filling = e.undefined(v) if filling is None else filling
    return v if have >= lanes else e.swizzled(v, filling, [min(lane, have) for lane in range(lanes)])


def _split(e: Emitter, v: Any, lanes: int) -> list[Any]:
    """Parts of so many lanes."""
    return [e.swizzled(v, v, range(start, start + lanes)) for start in range(0, v.type.count, lanes)]


def _joined(e: Emitter, parts: list[Any], lanes: int) -> Any:
    """Parts one after the other, cut to a number of lanes; the number of parts is a power of two."""
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [e.swizzled(a, b, range(2 * a.type.count)) for a, b in pairs]
    return parts[0] if parts[0].type.count == lanes else e.swizzled(parts[0], parts[0], range(lanes))
