"""Columns of plain numbers that another room fills: it decodes what no record class describes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jitkit._core.lazy import lazy
from jitkit.records._columns import Columns
from jitkit.records._leaves import Leaf
from jitkit.records._schema import Arena, Schema

ALIGNMENT = 8  # bytes between the starts of columns: there may be thousands, of few rows


class FlatLayout(Schema):
    """What columns there are, of one number in each row.

    Parameters
    ----------
    title : str
        What the columns are of.
    names : sequence of str
        All different.
    dtypes : sequence of np.dtype
        Of numbers, in any byte order.
    """

    def __init__(self, title: str, names: Sequence[str], dtypes: Sequence[np.dtype[Any]]) -> None:
        self.record, self.names, self.dtypes = title, tuple(names), tuple(dtypes)
        self.widths = np.array([dtype.itemsize for dtype in dtypes], np.int64)
        self.itemsize = int(self.widths.sum())
        self.masked = self.looked_up = ()
        self._latest: Arena | None = None

    def empty(
        self, rows: int, memory: np.ndarray[Any, Any] | None = None
    ) -> tuple[Columns, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return columns of so many rows, with nothing in them.

        Parameters
        ----------
        memory : (n,) uint8, optional
            Where to put them; of the size of all values, and 8 bytes more for each column; aligned to 8 bytes.

        Returns
        -------
        columns : Columns
        memory : (n,) uint8
            Where their values are.
        offsets : (len(names),) int64
            Bytes from the memory's beginning to the first value of each column. The others follow it.
        """
        arena = self.arena(rows)
        assert arena.offsets is not None
        if memory is None:
            memory = np.empty(arena.size, np.uint8)
        return Columns(arena, memory), memory, arena.offsets

    @lazy
    def leaves(self) -> tuple[Leaf, ...]:
        """The columns one by one."""
        starts = np.cumsum(self.widths) - self.widths
        return tuple(
            Leaf(name, dtype.kind, 8 * start, 8 * dtype.itemsize, "little", (), (), dtype, False)  # type: ignore[arg-type]
            for name, dtype, start in zip(self.names, self.dtypes, starts.tolist(), strict=True)
        )

    @lazy
    def places(self) -> dict[str, int]:
        """Numbers of the columns."""
        return {name: i for i, name in enumerate(self.names)}

    @lazy
    def row_bytes(self) -> tuple[int, ...]:
        """Bytes of a value in each column."""
        return tuple(self.widths.tolist())

    @lazy
    def views(self) -> Any:
        """What makes the arrays of columns."""
        from jitkit._core.views import Views  # loads LLVM

        return Views(list(self.names), list(self.dtypes), [()] * len(self.names))

    def _arena(self, count: int) -> Arena:
        sizes = -(-count * self.widths // ALIGNMENT) * ALIGNMENT
        ends = np.cumsum(sizes)
        starts = ends - sizes
        return Arena(self, count, starts, int(ends[-1]), self.views.table(count, starts))

    def __reduce__(self) -> tuple[Any, ...]:
        return FlatLayout, (self.record, self.names, self.dtypes)
