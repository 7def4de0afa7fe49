"""Elements as LLVM values: what `element` says, in machine code. Loads no numba."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jitkit._core.ir import (
    BYTE,
    DOUBLE,
    FLAG,
    SINGLE,
    constant,
    emit_half_to_double,
    gathered,
    ir,
    lanes_of,
    like,
    opaque,
    pointer,
    resized,
    splat,
    swap_bytes,
)
from jitkit.records._leaves import Leaf, intervals


@dataclass(frozen=True)
class Machine:
    """LLVM values for `element`: those of one record at address `at`, or of `lanes` records `hop` bytes apart."""

    builder: Any
    at: Any
    lanes: int = 1
    hop: int = 0

    def load(self, offset: int, width: int, swapped: bool) -> Any:
        """See `Backend`."""
        kind = ir.IntType(8 * width).as_pointer()
        start = pointer(self.builder, self.at, BYTE)

        def one(lane: int) -> Any:
            place = self.builder.gep(start, [constant(offset + lane * self.hop)])
            return self.builder.load(self.builder.bitcast(place, kind), align=1)

        return self.in_order(gathered(self.builder, self.lanes, one), swapped)

    def in_order(self, word: Any, swapped: bool) -> Any:
        """Words as they were loaded, with their bytes in the host's order."""
        return swap_bytes(self.builder, word) if swapped else word

    def join(self, parts: list[tuple[Any, int]]) -> Any:
        """See `Backend`."""
        joined = None
        for part, left in parts:
            wide = resized(self.builder, part, 64)
            shift = self.builder.shl if left >= 0 else self.builder.lshr
            placed = shift(wide, splat(wide.type, abs(left)))
            joined = placed if joined is None else self.builder.or_(joined, placed)
        return joined

    def trim(self, word: Any, width: int, left: int, right: int, signed: bool) -> Any:
        """See `Backend`."""
        shift = self.builder.ashr if signed else self.builder.lshr
        word = self.builder.shl(word, splat(word.type, left))
        return shift(word, splat(word.type, right))

    def number(self, word: Any, leaf: Leaf) -> Any:
        """See `Backend`."""
        if leaf.kind == "f":
            real = SINGLE if leaf.bits == 32 else DOUBLE
            return word if leaf.bits == 16 else self.builder.bitcast(word, like(word.type, real))
        if leaf.scaled:
            return word
        return resized(self.builder, word, 8 * leaf.dtype.itemsize, signed=leaf.kind == "i")

    def real(self, number: Any, leaf: Leaf) -> Any:
        """See `Backend`."""
        kind = like(number.type, DOUBLE)
        if leaf.kind == "f":
            if leaf.bits == 16:
                return emit_half_to_double(self.builder, number)
            return number if leaf.bits == 64 else self.builder.fpext(number, kind)
        convert = self.builder.sitofp if leaf.kind == "i" else self.builder.uitofp
        return convert(number, kind)

    def scale(self, real: Any, factor: float, offset: float | None, single: bool) -> Any:
        """See `Backend`."""
        by = splat(real.type, factor)
        if abs(factor) == 1.0:  # LLVM would leave out the multiplication, and with it that NaNs become quiet ones
            number = opaque(self.builder, factor)
            by = gathered(self.builder, self.lanes, lambda _: number)
        scaled = self.builder.fmul(real, by)
        if offset is not None:
            scaled = self.builder.fadd(scaled, splat(real.type, offset))
        return self.builder.fptrunc(scaled, like(real.type, SINGLE)) if single else scaled

    def within(self, number: Any, leaf: Leaf, low: float, high: float) -> Any:
        """See `Backend`."""
        if leaf.dtype.kind == "f":
            real = emit_half_to_double(self.builder, number) if leaf.dtype.itemsize == 2 else number
            real = self.builder.fpext(real, like(real.type, DOUBLE)) if lanes_of(real.type) == SINGLE else real
            above = self.builder.fcmp_ordered(">=", real, splat(real.type, low))
            below = self.builder.fcmp_ordered("<=", real, splat(real.type, high))
            return self.builder.and_(above, below)
        moved = self.builder.sub(number, splat(number.type, int(low)))
        return self.builder.icmp_unsigned("<=", moved, splat(number.type, int(high - low)))


@dataclass(frozen=True)
class Loaded(Machine):
    """The same for words that are there already: those of as many records as `word` has lanes."""

    word: Any = None

    def load(self, offset: int, width: int, swapped: bool) -> Any:
        """See `Backend`."""
        return self.in_order(self.word, swapped)


def emit_listed(builder: Any, leaf: Leaf, words: Any) -> Any:
    """Emit whether words are among the values that a checked leaf may have."""
    listed = splat(like(words.type, FLAG), 0)
    for low, span in intervals(leaf, lanes_of(words.type).width):
        # One unsigned comparison: moved down by the low end, modulo 2**width, what lies below it becomes huge.
        moved = builder.sub(words, splat(words.type, low))
        listed = builder.or_(listed, builder.icmp_unsigned("<=", moved, splat(words.type, span)))
    return listed
