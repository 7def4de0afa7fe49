"""Machine code of CRCs by multiplications without carries, where the processor has them.

A CRC is a remainder, and a block of 16 bytes that stands d bits before another one leaves the same remainder as its
product with x^d, which is short enough to be added to that other block once x^d is replaced by its own remainder. So
blocks are folded onto those behind them until one is left (Gopal and others; see `_constants`).

Blocks are counted from the end of the data: zeros before its first byte change nothing, those behind its last one
would.
"""

from __future__ import annotations

from typing import Any

from jitkit._core import cpu
from jitkit._core.intrinsics import NumbaTypeError, cgutils, intrinsic, types
from jitkit._core.ir import BYTE, WORD, constant, declared, for_each, ir, pointer, swap_bytes
from jitkit.telemetry.framing._constants import FOLD, ORDER, REDUCE, REFLECTED, SLIDE

NEEDS = frozenset({"pclmul", "ssse3"})  # PCLMULQDQ, and PSHUFB to put bytes in order
BLOCK = 16  # bytes
HALF = ir.IntType(32)
PAIR, OCTETS = ir.VectorType(WORD, 2), ir.VectorType(BYTE, BLOCK)
BY_16, BY_32, BY_48, BY_64 = range(4)  # pairs of factors
FIRSTS, SECONDS = 0x00, 0x11  # which halves are multiplied: Intel SDM, PCLMULQDQ


def available() -> bool:
    """Whether the processor that numba compiles for has what folding needs."""
    return cpu.target().features >= NEEDS


def _fold_blocks(_typing: Any, _address: Any, _nbytes: Any, _register: Any, _constants: Any) -> Any:
    """Register after some bytes, 16 at least, at an address; the constants of the CRC are at another one."""
    # safe: reads `nbytes` bytes from `address` on, which is the caller's range, and the constants, whose size is SIZE.
    if not available():
        raise NumbaTypeError("expected a processor with PCLMULQDQ and SSSE3, got one without")

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return Fold(builder, args[3]).register(*args[:3])

    return types.uint64(types.intp, types.intp, types.uint64, types.intp), codegen


def _multiply(_typing: Any, _a: Any, _b: Any) -> Any:
    """Product without carries of two numbers of at most 32 bits."""
    # safe: touches no memory.
    if not available():
        raise NumbaTypeError("expected a processor with PCLMULQDQ and SSSE3, got one without")

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        a, b = (builder.insert_element(ir.Constant(PAIR, None), number, HALF(0)) for number in args)
        return builder.extract_element(product(builder, a, b, FIRSTS), HALF(0))

    return types.uint64(types.uint64, types.uint64), codegen


fold_blocks = intrinsic(_fold_blocks)
multiply = intrinsic(_multiply)


def product(builder: Any, a: Any, b: Any, halves: int) -> Any:
    """Emit the product of one half of a pair of words with one of another."""
    kind = ir.FunctionType(PAIR, [PAIR, PAIR, BYTE])
    return builder.call(declared(builder.module, "llvm.x86.pclmulqdq", kind), [a, b, BYTE(halves)])


class Fold:
    """What emits the CRC of one range of bytes."""

    def __init__(self, builder: Any, constants: Any) -> None:
        self.builder, self.constants = builder, constants
        self.reflected = builder.icmp_unsigned("!=", self._word(REFLECTED), constant(0))
        self.order = self._octets(self._place(ORDER))
        self.pairs = [builder.bitcast(self._octets(self._place(FOLD + 2 * k)), PAIR) for k in range(4)]

    def register(self, address: Any, nbytes: Any, register: Any) -> Any:
        """Emit all of it."""
        b = self.builder
        ragged = b.and_(nbytes, constant(BLOCK - 1))
        begun = self._begun(register)
        # The register is added to the first four bytes, of which some may lie in the ragged block, some in the next.
        slide = b.add(self._place(SLIDE), ragged)
        head = self._shuffled(b.xor(self._octets(address), begun), self._octets(slide))
        rest = self._shuffled(begun, self._octets(b.add(slide, constant(BLOCK))))

        at = cgutils.alloca_once_value(b, b.add(address, ragged))
        total = cgutils.alloca_once_value(b, self._ordered(head))
        added = cgutils.alloca_once_value(b, rest)
        blocks = b.lshr(nbytes, constant(4))
        with for_each(b, constant(0), b.and_(blocks, constant(3)), scalar=True, unroll=1):
            b.store(b.xor(self._folded(b.load(total), BY_16), self._next(at, added)), total)
        with b.if_then(b.icmp_unsigned(">=", blocks, constant(4))):
            self._four_by_four(at, total, added, b.lshr(blocks, constant(2)))
        return self._reduced(b.load(total))

    def _four_by_four(self, at: Any, total: Any, added: Any, groups: Any) -> None:
        """Emit the loop over groups of four blocks: a product takes several cycles, and four are under way at once."""
        b = self.builder
        first = b.xor(self._folded(b.load(total), BY_16), self._next(at, added))
        lanes = [cgutils.alloca_once_value(b, first)]
        lanes += [cgutils.alloca_once_value(b, self._next(at)) for _ in range(3)]
        with for_each(b, constant(1), groups, scalar=True, unroll=1):
            for lane in lanes:
                b.store(b.xor(self._folded(b.load(lane), BY_64), self._next(at)), lane)
        one, two, three, last = (b.load(lane) for lane in lanes)
        early = b.xor(self._folded(one, BY_48), self._folded(two, BY_32))
        b.store(b.xor(early, b.xor(self._folded(three, BY_16), last)), total)

    def _folded(self, block: Any, distance: int) -> Any:
        """Emit a block's share in a later one."""
        firsts, seconds = (product(self.builder, block, self.pairs[distance], halves) for halves in (FIRSTS, SECONDS))
        return self.builder.xor(firsts, seconds)

    def _next(self, at: Any, added: Any = None) -> Any:
        """Emit the load of the next block, with what is to be added to its bytes, once."""
        b = self.builder
        address = b.load(at)
        block = self._octets(address)
        b.store(b.add(address, constant(BLOCK)), at)
        if added is not None:
            block = b.xor(block, b.load(added))
            b.store(ir.Constant(OCTETS, None), added)
        return self._ordered(block)

    def _begun(self, register: Any) -> Any:
        """Emit the register as the first four bytes of a block, in the order in which bytes lie in memory."""
        b = self.builder
        low = b.trunc(register, HALF)
        low = b.select(self.reflected, low, swap_bytes(b, low))
        kind = ir.VectorType(HALF, 4)
        return b.bitcast(b.insert_element(ir.Constant(kind, None), low, HALF(0)), OCTETS)

    def _reduced(self, block: Any) -> Any:
        """Emit the register that is left of the last block: see `reduction` in `_constants`."""
        b = self.builder
        far, quotient, modulus = (self._word(REDUCE + k) for k in range(3))
        low, high = (b.extract_element(block, HALF(k)) for k in range(2))

        def either(mirrored: Any, plain: Any) -> Any:
            return b.select(self.reflected, mirrored, plain)

        low_part, high_part = self._wide_product(either(low, high), far)
        upper = b.xor(either(low_part, high_part), either(high, low))
        lower = either(high_part, low_part)
        low_part, high_part = self._wide_product(upper, quotient)
        times = either(low_part, b.xor(upper, high_part))
        low_part, high_part = self._wide_product(times, modulus)
        left = b.xor(lower, either(high_part, low_part))
        return either(left, b.lshr(left, constant(32)))

    def _wide_product(self, a: Any, b: Any) -> tuple[Any, Any]:
        """Emit the product of two words; its low and its high word."""
        pairs = [self.builder.insert_element(ir.Constant(PAIR, None), word, HALF(0)) for word in (a, b)]
        both = product(self.builder, pairs[0], pairs[1], FIRSTS)
        return self.builder.extract_element(both, HALF(0)), self.builder.extract_element(both, HALF(1))

    def _shuffled(self, block: Any, numbers: Any) -> Any:
        """Emit PSHUFB: bytes of a block by their numbers, zero where the highest bit of one is set."""
        kind = ir.FunctionType(OCTETS, [OCTETS, OCTETS])
        return self.builder.call(declared(self.builder.module, "llvm.x86.ssse3.pshuf.b.128", kind), [block, numbers])

    def _ordered(self, block: Any) -> Any:
        return self.builder.bitcast(self._shuffled(block, self.order), PAIR)

    def _place(self, word: int) -> Any:
        return self.builder.add(self.constants, constant(8 * word))

    def _word(self, word: int) -> Any:
        return self.builder.load(pointer(self.builder, self._place(word), WORD))

    def _octets(self, address: Any) -> Any:
        return self.builder.load(pointer(self.builder, address, OCTETS), align=1)
