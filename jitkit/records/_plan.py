"""What a decoder has to do for a record: one step for each strided loop, shared by both schema paths."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jitkit.records._leaves import Leaf, is_checked

# Records that are decoded at a time: what the first field's loop brings into the first-level cache, the others find
# there. The table-driven kernel looks up each step once for a block, the specialised one has nothing to look up. One
# that writes past the caches is choosy: 300 MB of packets of 27 fields were decoded at 5 GB/s with 16 packets in a
# block, at 12 GB/s with 32 and at 9 GB/s with 64 (on Zen 4).
BLOCK = 256
SPECIALISED_BLOCK = 64
STREAMING_BLOCK = 32
CACHED_BYTES = 64 << 10  # of records in one block at most: with the columns' part of it, within a second-level cache
WORD_WIDTHS = (1, 2, 4, 8)  # bytes that one load can bring

Decoder = Callable[[Any, int, Any, Any, int], int]  # what both ways give: see `Schema.decoder`


@dataclass(frozen=True)
class Word:
    """How a raw element is loaded: a word that covers it, trimmed to the element's bits.

    Invariants: the `width` bytes from `offset` on lie inside the record, for every element of the step; so does the
    byte behind them when `spill` is not 0. In 64 bits, ``word << left >> right`` is the element, extended by its sign
    or by zeros.
    """

    offset: int  # bytes from the start of the record
    width: int  # bytes: 1, 2, 4 or 8; another number is put together byte by byte
    big: bool  # the order of the word's bytes
    left: int
    right: int
    signed: bool
    spill: int = 0  # bits of the element beyond a word of 8 bytes (big: below its last bit; little: above its first)

    @property
    def swapped(self) -> bool:
        """Whether the word's bytes are in the reverse of the host's order."""
        return self.width > 1 and self.big != (sys.byteorder == "big")

    @property
    def whole(self) -> bool:
        """Whether the element is the entire word."""
        return self.spill == 0 and self.width in WORD_WIDTHS and self.left == self.right == 64 - 8 * self.width


@dataclass(frozen=True)
class Step:
    """One loop of a decoder: `count` elements of each record go into one column."""

    leaf: Leaf
    column: int  # which column, in the table of addresses
    mask: int  # which column gets the validity mask; -1: none
    element: int  # index of the first element, among those that one record gives the column
    count: int  # elements in the record, `hop` bytes apart there and `every` elements apart in the column
    hop: int
    every: int
    word: Word
    run: int  # bytes that each element is, copied as they are; 0: elements are converted through `word`


def steps_of(leaves: Sequence[Leaf], itemsize: int) -> list[Step]:
    """Return the steps that decode `leaves` into columns of the same order, with the masks in columns behind them."""
    steps: list[Step] = []
    masks = itertools.count(len(leaves))
    for column, leaf in enumerate(leaves):
        mask = -1 if leaf.valid is None else next(masks)
        steps += [_step(leaf, column, mask, itemsize, row) for row in _rows(leaf)]
    return steps


@dataclass(frozen=True)
class Row:
    """Evenly spaced elements of a leaf that start at the same bit of a byte."""

    element: int  # index of the first in the leaf
    start: int  # its first bit
    count: int
    hop: int  # bits from one to the next: whole bytes
    every: int  # elements of the leaf from one to the next


def _rows(leaf: Leaf) -> Iterator[Row]:
    if not leaf.shape:
        yield Row(0, leaf.start, 1, 0, 1)
        return
    *outer, (length, hop) = _merged(leaf.shape, leaf.steps)
    # Elements that are no whole bytes apart start at the same bit again after 2, 4 or 8 of them.
    every = 8 // math.gcd(hop, 8)
    for row, index in enumerate(itertools.product(*(range(count) for count, _ in outer))):
        start = leaf.start + sum(i * step for i, (_, step) in zip(index, outer, strict=True))
        for k in range(min(every, length)):
            yield Row(row * length + k, start + k * hop, len(range(k, length, every)), hop * every, every)


def _merged(shape: tuple[int, ...], steps: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return (length, step) of the fewest axes for the same elements: where an inner axis ends, an outer may go on."""
    axes: list[tuple[int, int]] = []
    for length, step in zip(reversed(shape), reversed(steps), strict=True):
        if axes and step == axes[0][0] * axes[0][1]:
            axes[0] = (length * axes[0][0], axes[0][1])
        else:
            axes.insert(0, (length, step))
    return axes


def _step(leaf: Leaf, column: int, mask: int, itemsize: int, row: Row) -> Step:
    start, count, hop = row.start, row.count, row.hop
    nbytes = leaf.bits // 8
    if leaf.kind == "S" or (count > 1 and mask < 0 and is_native(leaf) and not is_checked(leaf)):
        if hop == leaf.bits:  # the whole row is one run
            nbytes, count, hop = nbytes * count, 1, 0
        word = Word(start // 8, 1, False, 0, 0, False)
        return Step(leaf, column, mask, row.element, count, hop // 8, row.every, word, nbytes)
    word = covering_word(leaf, start, start + (count - 1) * hop, itemsize)
    return Step(leaf, column, mask, row.element, count, hop // 8, row.every, word, 0)


def is_native(leaf: Leaf) -> bool:
    """Whether the record's bytes are the column's bytes."""
    return not leaf.scaled and not leaf.is_bit_field and (leaf.bits == 8 or leaf.byteorder == sys.byteorder)


def covering_word(leaf: Leaf, start: int, last: int, itemsize: int) -> Word:
    """Return the word for elements whose first bits are `start` to `last`, inside a record of `itemsize` bytes."""
    big, signed = leaf.byteorder == "big", leaf.kind == "i"
    stop = start + leaf.bits
    first, covered = start // 8, -(-stop // 8) - start // 8
    if covered == 9:
        spill = stop % 8 if big else start % 8
        return Word(first, 8, big, 64 - leaf.bits, 64 - leaf.bits, signed, spill)
    width = next(width for width in WORD_WIDTHS if covered <= width)
    # Near the end of the record the word starts earlier, so that it ends with the record.
    offset = first - max(0, last // 8 + width - itemsize)
    if offset < 0:  # the record is smaller than the word
        offset, width = first, covered
    below = 8 * (offset + width) - stop if big else start - 8 * offset
    return Word(offset, width, big, 64 - below - leaf.bits, 64 - leaf.bits, signed)


def block_of(itemsize: int, most: int) -> int:
    """Records in one block: `most`, or fewer of large records."""
    return min(most, max(1, CACHED_BYTES // itemsize))
