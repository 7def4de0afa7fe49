"""A selection of a record's columns, ready to be decoded in either of two ways."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jitkit._core.fork import compiling
from jitkit._core.lazy import lazy
from jitkit.records._leaves import Leaf, is_checked, is_checked_in_code, raw_dtype
from jitkit.records._plan import Decoder, Step, steps_of

if TYPE_CHECKING:
    from jitkit._core.views import Views

ALIGNMENT = 64  # bytes between the starts of columns in an arena: a cache line, and the widest vector


@dataclass(slots=True)
class Arena:
    """The places of columns, then masks; in one piece of memory, or each in its own."""

    schema: Schema
    count: int  # rows
    offsets: np.ndarray[Any, Any] | None = None  # bytes from an anchor, which is that piece or any array
    size: int = 0  # of the piece, in bytes
    table: np.ndarray[Any, Any] | None = None  # of `Views`; None where there is no such piece

    def arrays(self, anchor: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
        """Return the columns in a piece of memory, by name."""
        assert self.table is not None
        return self.schema.views.over(anchor, self.table)

    def mask(self, anchor: np.ndarray[Any, Any], leaf: Leaf) -> np.ndarray[Any, Any]:
        """Return the mask of a column in a piece of memory."""
        assert self.offsets is not None
        offset = int(self.offsets[len(self.schema.leaves) + self.schema.masked.index(leaf)])
        return np.ndarray((self.count, *leaf.shape), np.bool_, anchor, offset)


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
        self.looked_up = tuple(leaf for leaf in leaves if is_checked(leaf) and not is_checked_in_code(leaf))
        self._specialised: Decoder | None = None
        self._latest: Arena | None = None
        self._decoded = 0  # bytes

    def __reduce__(self) -> tuple[Any, ...]:
        return Schema, (self.record, self.itemsize, self.leaves)  # kernels stay in their process

    @lazy
    def steps(self) -> list[Step]:
        """The loops of both ways."""
        return steps_of(self.leaves, self.itemsize)

    @lazy
    def _table_driven(self) -> Decoder:
        with compiling:
            from jitkit.records._table import table_driven  # loads LLVM

        table_cost.pay()
        return table_driven(self.itemsize, self.steps, self.leaves)

    @lazy
    def encode(self) -> Callable[[Any, int, Any], int]:
        """Kernel ``(data, records, addresses)``: writes raw columns at `addresses` into records of zeros."""
        raw = [replace(leaf, scaled=False, valid=None, labels=None, dtype=raw_dtype(leaf)) for leaf in self.leaves]
        with compiling:
            from jitkit.records._table import table_encoder  # loads LLVM

        return table_encoder(self.itemsize, steps_of(raw, self.itemsize))

    def decoder(self, nbytes: int) -> Decoder:
        """Return the kernel for an input of a size: (data, records, anchor, columns, first row).

        `columns` says where each column and then each mask begins, in bytes from the array `anchor`. The result is true
        where a value is not among those that it may have.
        """
        self._decoded += nbytes  # threads may lose some of each other's: it is only a measure
        if len(self.steps) <= SPECIALISE_STEPS:
            if nbytes >= STREAM_FROM:
                return self._streaming
            if self._specialised is None and self._is_worth_compiling():
                self.compile()
        return self._specialised or self._table_driven

    def _is_worth_compiling(self) -> bool:
        return self._decoded >= SPECIALISE_AFTER or table_cost.is_avoided_by(len(self.steps))

    def compile(self) -> None:
        """Make the specialised decoder, unless it is there."""
        with compiling:
            if self._specialised is None:
                from jitkit.records._specialised import specialise

                self._specialised = specialise(self.record, self.itemsize, self.steps)

    @lazy
    def _streaming(self) -> Decoder:
        """The specialised decoder for columns that no cache can hold."""
        with compiling:
            if "_streaming" in vars(self):  # by another thread, while this one waited
                return self._streaming
            from jitkit.records._specialised import MISALIGNED, specialise

            streaming = specialise(self.record, self.itemsize, self.steps, streaming=True)

        def decode(data: Any, count: int, anchor: Any, columns: Any, first: int) -> int:
            status = streaming(data, count, anchor, columns, first)
            if status == MISALIGNED:  # arrays of the caller's, mostly
                self.compile()
                assert self._specialised is not None
                return self._specialised(data, count, anchor, columns, first)
            return status

        return decode

    @lazy
    def views(self) -> Views:
        """What makes the arrays of columns."""
        with compiling:
            from jitkit._core.views import Views  # loads LLVM: classes may be defined without it

        return Views(list(self.names), [leaf.dtype for leaf in self.leaves], [leaf.shape for leaf in self.leaves])

    def arena(self, count: int) -> Arena:
        """Return where columns and masks of `count` rows lie in one piece of memory."""
        latest = self._latest  # read once: other threads replace it
        if latest is None or latest.count != count:
            latest = self._latest = self._arena(count)
        return latest

    def _arena(self, count: int) -> Arena:
        sizes = [-(-count * row // ALIGNMENT) * ALIGNMENT for row in self.row_bytes]
        *starts, size = itertools.accumulate(sizes, initial=0)
        table = self.views.table(count, starts[: len(self.leaves)])
        return Arena(self, count, np.array(starts, np.int64), size, table)


# Bytes of one input from which columns are written past the caches: no cache holds so much. The decoder for that is
# another one; compiling it takes 0.1 s for 27 fields and saves as much every 2 GB (measured on Zen 4).
STREAM_FROM = 256 << 20

# Bytes that the table-driven kernel decodes for a record until it gets machine code of its own. Compiling it takes
# 0.1 s for 27 fields and saves as much every 1 to 2 GB (measured on Zen 4).
SPECIALISE_AFTER = 1 << 30
SPECIALISE_STEPS = 100  # of a record at most, for either


class TableCost:
    """How many steps may still be compiled on their own to avoid the table-driven kernel, which serves all of them.

    Where that kernel is not in the cache yet, numba takes 4 s to compile it; one step of a decoder of its own takes
    4 ms (measured on Zen 4). Whoever decodes one kind of record, or a few, never pays for the kernel; whoever decodes
    many pays at most half as much again as for the kernel alone.
    """

    def __init__(self) -> None:
        self.steps = 500

    def is_avoided_by(self, steps: int) -> bool:
        """Whether to compile so many steps rather than to load the kernel; if so, they are taken from the account."""
        if steps > self.steps:
            return False
        self.steps -= steps
        return True

    def pay(self) -> None:
        """From now on the kernel is there, and avoiding it gains nothing."""
        self.steps = 0


table_cost = TableCost()
