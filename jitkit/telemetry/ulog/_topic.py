"""A topic's columns, filled with its records."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from jitkit._core.native import Parameter, kernel
from jitkit._core.spare import Spare
from jitkit.records import Columns
from jitkit.telemetry.ulog._formats import Layout

COPY_PARAMETERS: tuple[Parameter, ...] = ("buffer", "buffer", "int", "buffer", "int", "buffer", "buffer", "int")


ONE_PIECE = 16 << 20  # bytes of columns at most that are in one piece of memory

spare = Spare()
_taking = threading.RLock()  # one for all logs: a forked process gets it free
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_taking._at_fork_reinit)  # type: ignore[attr-defined]


class Memory:
    """One piece of memory for the columns of all topics, of which each gets its part when it is decoded.

    Parameters
    ----------
    sizes : sequence of int, bytes
        Of each topic's columns, at most.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._stops = list(itertools.accumulate(-(-size // 64) * 64 for size in sizes))
        self._starts = [0, *self._stops[:-1]]
        self._piece: np.ndarray[Any, Any] | None = None

    def part(self, number: int) -> np.ndarray[Any, Any] | None:
        """Part of a topic; None where all of them are so large that each has memory of its own."""
        total = self._stops[-1]
        if total > ONE_PIECE:
            return None
        if self._piece is None:
            with _taking:
                if self._piece is None:
                    self._piece = spare.take(total)
        return self._piece[self._starts[number] : self._stops[number]]


def most_bytes(layout: Layout, rows: int) -> int:
    """Bytes of a topic's columns at most, with what lies between them."""
    return rows * layout.low + 8 * layout.width


class Sink:
    """Columns of a topic that are being filled, from one piece of a file after the other."""

    def __init__(self, layout: Layout, rows: int, memory: np.ndarray[Any, Any] | None = None) -> None:
        self.columns: Columns
        self.columns, self._memory, self._targets = layout.flat.empty(rows, memory)
        self._steps = layout.steps
        self._row = 0

    def take(self, data: np.ndarray[Any, Any], offsets: np.ndarray[Any, Any]) -> None:
        """Copy the records at `offsets` of `data`, which has all of each."""
        rows = min(len(offsets), len(self.columns) - self._row)
        copy = kernel("jitkit.telemetry.ulog._copy:columns", COPY_PARAMETERS)
        steps = self._steps
        copy(data, offsets, rows, steps, len(steps), self._targets, self._memory, self._row)
        self._row += rows
