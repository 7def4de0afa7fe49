"""A selection of a record's columns, ready to be decoded in either of two ways."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from jitkit.records._layout import LARGEST
from jitkit.records._leaves import Leaf, is_checked, raw_dtype
from jitkit.records._plan import BLOCK, Step, block_of, steps_of

ALIGNMENT = 64  # bytes between the starts of columns in an arena: a cache line, and the widest vector


@dataclass(slots=True)
class Arena:
    """The places of columns, then masks, in one piece of memory."""

    count: int  # rows
    starts: list[int]  # bytes from the piece's first
    offsets: np.ndarray[Any, Any]  # the same, for kernels
    size: int  # bytes
    whole: np.dtype[Any] | None = None  # all columns as one item, whose fields are the quickest way to their arrays


class Schema:
    """Some leaves of a record, how they are decoded, and how all of them are encoded.

    The table-driven way serves every schema with one kernel. The specialised way has machine code of its own, made by
    `compile`; once it is there it is used for everything.
    """

    def __init__(self, record: str, itemsize: int, leaves: tuple[Leaf, ...]) -> None:
        self.record = record
        self.itemsize = itemsize
        self.leaves = leaves
        self.masked = tuple(leaf for leaf in leaves if leaf.valid is not None)
        self.names = tuple(leaf.name for leaf in leaves)
        self.places = {name: index for index, name in enumerate(self.names)}
        self.row_bytes = (*(leaf.nbytes for leaf in leaves), *(leaf.size for leaf in self.masked))
        self.checked = any(map(is_checked, leaves))
        self._specialised: Callable[..., None] | None = None
        self._lock = threading.Lock()
        self._latest = self._arena(0)

    def __reduce__(self) -> tuple[Any, ...]:
        return Schema, (self.record, self.itemsize, self.leaves)  # kernels and locks stay in their process

    @cached_property
    def steps(self) -> list[Step]:
        """The loops of both ways."""
        return steps_of(self.leaves, self.itemsize)

    @cached_property
    def _table_driven(self) -> Callable[..., None]:
        from jitkit.records import _kernels, _table

        table, block, itemsize = _table.table_of(self.steps), block_of(self.itemsize, BLOCK), self.itemsize
        kernel = _kernels.decode

        def decode(data: Any, count: int, anchor: Any, columns: Any, first: int) -> None:
            kernel(data, count, itemsize, block, table, anchor, columns, first)

        return decode

    @cached_property
    def encode(self) -> Callable[..., None]:
        """Kernel ``(data, records, addresses)``: writes raw columns at `addresses` into records of zeros."""
        from jitkit.records import _kernels_pack, _table

        raw = [replace(leaf, scaled=False, valid=None, labels=None, dtype=raw_dtype(leaf)) for leaf in self.leaves]
        table, kernel = _table.table_of(steps_of(raw, self.itemsize)), _kernels_pack.encode
        block, itemsize = block_of(self.itemsize, BLOCK), self.itemsize

        def encode(data: Any, count: int, addresses: Any) -> None:
            kernel(data, count, itemsize, block, table, addresses)

        return encode

    @cached_property
    def first_unlisted(self) -> Callable[..., int]:
        """Kernel ``(anchor, columns, first row, rows)``: the first row from there on with an unlisted value, or -1."""
        from jitkit.records import _kernels, _table

        checks, kernel = _table.checks_of(self.leaves), _kernels.first_unlisted

        def first_unlisted(anchor: Any, columns: Any, first: int, count: int) -> int:
            return int(kernel(*checks, anchor, columns, first, count))

        return first_unlisted

    def decoder(self, nbytes: int) -> Callable[..., None]:
        """Return the kernel for an input of a size: (data, records, anchor, columns, first row).

        `columns` says where each column and then each mask begins, in bytes from the array `anchor`.
        """
        if self._specialised is None and nbytes >= SPECIALISE_FROM and len(self.steps) <= SPECIALISE_STEPS:
            self.compile()
        return self._specialised or self._table_driven

    def compile(self) -> None:
        """Make the specialised decoder, unless it is there."""
        with self._lock:
            if self._specialised is None:
                from jitkit.records._specialised import specialise

                self._specialised = specialise(self.record, self.itemsize, self.steps)

    def arena(self, count: int) -> Arena:
        """Return where columns and masks of `count` rows lie in one piece of memory."""
        latest = self._latest  # read once: other threads replace it
        if latest.count != count:
            latest = self._latest = self._arena(count)
        elif latest.whole is None and latest.size < LARGEST:  # worth its 10 us for a size that comes again
            shapes = [(leaf.dtype, (count, *leaf.shape)) for leaf in self.leaves]
            starts = latest.starts[: len(shapes)]
            latest.whole = np.dtype(
                {"names": list(self.names), "formats": shapes, "offsets": starts, "itemsize": latest.size}
            )
        return latest

    def _arena(self, count: int) -> Arena:
        sizes = [-(-count * row // ALIGNMENT) * ALIGNMENT for row in self.row_bytes]
        *starts, size = itertools.accumulate(sizes, initial=0)
        return Arena(count, starts, np.array(starts, np.int64), size)


# Bytes of one input from which its record gets a decoder of its own. Compiling it takes 0.1 to 0.4 s and saves about
# 0.1 s per GB where fields are scaled or many (measured on Zen 5): the first input of this size costs a little more for
# it, and those after it less.
SPECIALISE_FROM = 256 << 20
SPECIALISE_STEPS = 100  # of a record at most, for that: compiling takes about 10 ms a step
