"""Which clock work is timed with."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

Clock = Callable[[], float]

COARSEST = 20e-6  # seconds between ticks: a tenth of what is timed at least. On plain Linux the clocks step by 1 us


@cache
def fine(clock: Clock) -> Clock:
    """`clock`, a clock of processor time such as `time.thread_time`; or `time.perf_counter` where that is too coarse.

    Processor time leaves out what other programs take from the machine. But some sandboxes and virtual machines count
    it in ticks of 4 to 10 ms: there a short call takes no time at all, and only the time on the wall can be told.
    """
    return clock if min(_step(clock) for _ in range(3)) <= COARSEST else time.perf_counter


def _step(clock: Clock) -> float:
    """Seconds from one reading to the next that differs."""
    start = now = clock()
    while now == start:
        now = clock()
    return now - start
