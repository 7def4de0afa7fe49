"""How one element is decoded, said once: for machine code and for people.

`element` speaks to a backend. `_intrinsics.Machine` answers with LLVM values, `_source.Text` with Python expressions.
"""

from __future__ import annotations

from typing import Any, Protocol

from jitkit.records._leaves import Leaf
from jitkit.records._plan import Word


class Backend(Protocol):
    """What an element is made with; `Any` is a value of the backend's own."""

    def load(self, offset: int, width: int, swapped: bool) -> Any:
        """Unsigned word of 1, 2, 4 or 8 bytes at a byte offset in the record."""

    def join(self, parts: list[tuple[Any, int]]) -> Any:
        """64-bit word: bytes or words, each shifted left by so many bits (right, if negative), or-ed together."""

    def trim(self, word: Any, width: int, left: int, right: int, signed: bool) -> Any:
        """`word`, of `width` bytes, shifted left and then right, filled with its sign or with zeros."""

    def number(self, word: Any, leaf: Leaf) -> Any:
        """The word as what the leaf holds: an unsigned or signed integer, a boolean or a float."""

    def real(self, number: Any, leaf: Leaf) -> Any:
        """An integer or float of any size as float64."""

    def scale(self, real: Any, factor: float, offset: float | None, single: bool) -> Any:
        """``real * factor + offset``, rounded to float32 when `single`; no addition for None."""

    def within(self, number: Any, leaf: Leaf, low: float, high: float) -> Any:
        """Whether the column's value lies in the closed range."""


def element(e: Backend, leaf: Leaf, word: Word) -> tuple[Any, Any]:
    """Return the column value of the element in `word`, and whether it is valid (None without a range)."""
    raw = e.number(raw_word(e, word), leaf)
    value = raw
    if leaf.scaled:
        value = e.scale(e.real(raw, leaf), leaf.scale, leaf.added, leaf.dtype.itemsize == 4)
    valid = None if leaf.valid is None else e.within(value, leaf, *leaf.valid)
    return value, valid


def raw_word(e: Backend, word: Word) -> Any:
    """Return the element's bits, right-aligned."""
    if word.spill:
        near, ninth = e.load(word.offset, 8, word.swapped), e.load(word.offset + 8, 1, False)
        parts = (
            [(near, word.spill), (ninth, word.spill - 8)]
            if word.big
            else [(near, -word.spill), (ninth, 64 - word.spill)]
        )
        return e.trim(e.join(parts), 8, word.left, word.right, word.signed)
    if word.width in (1, 2, 4, 8):
        loaded = e.load(word.offset, word.width, word.swapped)
        narrower = 64 - 8 * word.width
        if word.whole:
            return loaded
        return e.trim(loaded, word.width, word.left - narrower, word.right - narrower, word.signed)
    places = range(word.width - 1, -1, -1) if word.big else range(word.width)
    joined = e.join([(e.load(word.offset + place, 1, False), 8 * i) for i, place in enumerate(places)])
    return e.trim(joined, 8, word.left, word.right, word.signed)
