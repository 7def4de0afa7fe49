"""Named builders of LLVM instructions on raw memory: loops, words at any alignment, vectors. Loads no numba.

An address is a 64-bit integer. Nothing here checks one: whoever emits an access says why it lies inside its buffer.
A value may be one number or a vector of them: the builders take both.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

__all__ = [
    "BYTE",
    "DOUBLE",
    "FLAG",
    "SINGLE",
    "UNROLL",
    "WORD",
    "behind",
    "bytes_of",
    "constant",
    "copy_memory",
    "emit_half_to_double",
    "for_each",
    "gathered",
    "ir",
    "lanes_of",
    "like",
    "opaque",
    "pointer",
    "prefetch_for_store",
    "resized",
    "splat",
    "store_past_caches",
    "swap_bytes",
    "transposed",
]

FLAG, BYTE, WORD = ir.IntType(1), ir.IntType(8), ir.IntType(64)  # an address is a WORD: 64-bit machines only
SINGLE, DOUBLE = ir.FloatType(), ir.DoubleType()

# llvmlite fills a table when it first prints a string, and another thread that prints one meanwhile finds half of it:
# it is filled here, where imports stand in line.
ir.Constant(ir.ArrayType(BYTE, 1), bytearray(1)).get_reference()

UNROLL = 4  # turns of a scalar loop in one: measured 1.7 times faster than 1 on Zen 5, and as fast as 8


def constant(value: int) -> Any:
    """64-bit integer constant."""
    return ir.Constant(WORD, value)


def splat(kind: Any, value: Any) -> Any:
    """Constant of a number type, or vector constant with that number in every lane."""
    if isinstance(kind, ir.VectorType):
        return ir.Constant(kind, [ir.Constant(kind.element, value)] * kind.count)
    return ir.Constant(kind, value)


def like(kind: Any, number: Any) -> Any:
    """Return the type `number`, or a vector of it with as many lanes as `kind` has."""
    return ir.VectorType(number, kind.count) if isinstance(kind, ir.VectorType) else number


def opaque(builder: Any, value: float) -> Any:
    """Float64 number that the compiler does not know."""
    name = f"jitkit.number.{value}"
    known = builder.module.globals.get(name)
    if known is None:
        known = ir.GlobalVariable(builder.module, DOUBLE, name)
        known.initializer = ir.Constant(DOUBLE, value)
        known.linkage = "internal"
    return builder.load(known)  # a variable, as far as the passes of one function can see


def lanes_of(kind: Any) -> Any:
    """Type of one lane: what a vector is made of, and for a number itself."""
    return kind.element if isinstance(kind, ir.VectorType) else kind


def bytes_of(kind: Any) -> int:
    """Size of a number type in memory."""
    return {SINGLE: 4, DOUBLE: 8}.get(kind) or kind.width // 8


def pointer(builder: Any, address: Any, target: Any) -> Any:
    """LLVM pointer to `target` from an integer address."""
    return builder.inttoptr(address, target.as_pointer())


def behind(builder: Any, base: Any, nbytes: Any, target: Any = BYTE) -> Any:
    """LLVM pointer to `target`, a number of bytes behind a pointer to a byte.

    Of two such pointers with the same base LLVM knows how far they lie apart; of two integer addresses it does not.
    """
    return builder.bitcast(builder.gep(base, [nbytes]), target.as_pointer())


def resized(builder: Any, value: Any, width: int, *, signed: bool = False) -> Any:
    """Integers of `width` bits: the low bits, or extended by the sign or by zeros."""
    have, kind = lanes_of(value.type).width, like(value.type, ir.IntType(width))
    if have == width:
        return value
    if have > width:
        return builder.trunc(value, kind)
    return builder.sext(value, kind) if signed else builder.zext(value, kind)


def swap_bytes(builder: Any, value: Any) -> Any:
    """Integers of 16, 32 or 64 bits with their bytes in reverse order (LLVM Language Reference, `llvm.bswap`)."""
    kind, lane = value.type, lanes_of(value.type)
    shape = f"v{kind.count}" if kind is not lane else ""
    name = f"llvm.bswap.{shape}i{lane.width}"
    return builder.call(declared(builder.module, name, ir.FunctionType(kind, [kind])), [value])


def gathered(builder: Any, lanes: int, load: Callable[[int], Any]) -> Any:
    """Vector of ``load(0), load(1), ...``, each a number; for one lane the number itself.

    Numbers that do not lie side by side are best brought into a vector one by one: LLVM makes one instruction of each,
    while its gathers were measured two to three times slower than loading into plain registers (on Zen 5).
    """
    if lanes == 1:
        return load(0)
    first = load(0)
    vector = ir.Constant(ir.VectorType(first.type, lanes), ir.Undefined)
    for lane in range(lanes):
        number = load(lane) if lane else first
        vector = builder.insert_element(vector, number, ir.Constant(ir.IntType(32), lane))
    return vector


def transposed(builder: Any, rows: Sequence[Any]) -> list[Any]:
    """Columns of four vectors of four lanes each: the first is made of the four first lanes, and so on."""

    def mixed(one: Any, other: Any, *lanes: int) -> Any:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), 4), lanes)
        return builder.shuffle_vector(one, other, mask)

    a, b, c, d = rows
    low, high = (0, 4, 1, 5), (2, 6, 3, 7)  # lanes of two vectors by turns; the second's count from 4
    pairs = [(mixed(a, b, *half), mixed(c, d, *half)) for half in (low, high)]
    return [mixed(ab, cd, *half) for ab, cd in pairs for half in ((0, 1, 4, 5), (2, 3, 6, 7))]


@contextmanager
def for_each(
    builder: Any, start: Any, stop: Any, step: int = 1, *, scalar: bool = False, unroll: int = UNROLL
) -> Iterator[Any]:
    """Loop over start, start + step, ... below stop; gives the index.

    A `scalar` loop is never vectorised, and its turns are put together in groups of `unroll`.
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
    index.add_incoming(builder.add(index, constant(step), flags=["nsw"]), builder.block)
    back = builder.branch(head)
    if scalar:
        back.set_metadata("llvm.loop", _scalar_hints(builder.module, unroll))
    builder.position_at_end(done)


def _scalar_hints(module: Any, unroll: int) -> Any:
    """Metadata of one scalar loop; its first operand is itself (LLVM Language Reference, `llvm.loop`)."""
    hints = [
        module.add_metadata([ir.MetaDataString(module, name), value])
        for name, value in (
            ("llvm.loop.vectorize.enable", ir.Constant(FLAG, 0)),
            ("llvm.loop.unroll.count", ir.Constant(ir.IntType(32), unroll)),
        )
    ]
    loop = module.add_metadata([*hints, module.add_metadata([constant(len(module.metadata))])])
    loop.operands = (loop, *hints)
    return loop


def declared(module: Any, name: str, kind: Any) -> Any:
    """Return the function of a name and type that is defined elsewhere: an intrinsic, or one of C."""
    return module.globals.get(name) or ir.Function(module, kind, name)


def copy_memory(builder: Any, target: Any, source: Any, nbytes: Any) -> None:
    """Copy bytes between two addresses whose ranges do not overlap."""
    kind = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), BYTE.as_pointer(), WORD, FLAG])
    copy = declared(builder.module, "llvm.memcpy.p0.p0.i64", kind)
    to, origin = (pointer(builder, address, BYTE) for address in (target, source))
    builder.call(copy, [to, origin, nbytes, FLAG(0)])


def store_past_caches(builder: Any, value: Any, target: Any, align: int) -> None:
    """Store a vector straight to memory, at an address that is a multiple of `align` bytes.

    The processor then need not read what will be overwritten. Other threads see such stores after a fence.
    """
    store = builder.store(value, target, align=align)
    store.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))


def prefetch_for_store(builder: Any, address: Any) -> None:
    """Ask for the cache line at an address that will be written; a wrong address does no harm."""
    number = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), number, number, number])
    # For a store, to be kept close, of data: LLVM Language Reference, `llvm.prefetch`.
    prefetch = declared(builder.module, "llvm.prefetch.p0", kind)
    builder.call(prefetch, [pointer(builder, address, BYTE), number(1), number(3), number(1)])


def emit_half_to_double(builder: Any, half: Any) -> Any:
    """Float64 values of binary16 numbers: exact, and in integers, for not every processor has the instruction.

    The exponent's bias grows from 15 to 1023 and the fraction from 10 bits to 52 (IEEE 754-2019, table 3.5);
    subnormal numbers of binary16 are normal in binary64.
    """
    word = builder.zext(half, like(half.type, WORD))
    kind, real = word.type, like(half.type, DOUBLE)

    def number(value: int) -> Any:
        return splat(kind, value)

    sign = builder.shl(builder.and_(word, number(0x8000)), number(48))
    exponent = builder.and_(builder.lshr(word, number(10)), number(31))
    fraction = builder.and_(word, number(0x3FF))
    placed = builder.shl(fraction, number(42))
    normal = builder.or_(builder.shl(builder.add(exponent, number(1023 - 15)), number(52)), placed)
    infinite_or_nan = builder.or_(number(0x7FF << 52), placed)
    small = builder.fmul(builder.uitofp(fraction, real), splat(real, 2.0**-24))
    subnormal = builder.bitcast(small, kind)
    magnitude = builder.select(builder.icmp_unsigned("==", exponent, number(31)), infinite_or_nan, normal)
    magnitude = builder.select(builder.icmp_unsigned("==", exponent, number(0)), subnormal, magnitude)
    return builder.bitcast(builder.or_(sign, magnitude), real)
