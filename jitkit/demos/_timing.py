"""How the demos measure: every way of doing the same work in turn, and of each the shortest call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jitkit._core.clocks import fine

PASSES = 8  # over all kernels, so that a burst of other load meets a part of each kernel's calls at most
BLOCK = 0.012  # seconds per side and pass: the clock rate settles within 3 ms after another side's wide vectors


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """One piece of work and the ways to do it: each call does all of it, but that of Python may do a part."""

    name: str
    nbytes: int  # of the records
    jitkit: Callable[[], object]
    numpy: Callable[[], object] | None
    peer: str = "NumPy"  # what `numpy` is: a package that is made with it does the work where nobody does it by hand
    python: Callable[[], object]
    python_part: float = 1.0  # of the whole work, in (0, 1]


@dataclass
class Timing:
    """Shortest calls of a kernel so far, in seconds for the whole work."""

    kernel: Kernel
    seconds: dict[str, float] = field(default_factory=dict)  # keys: "python", "jitkit", "numpy" if the kernel has it

    def measure(self) -> None:
        """Give each side one block of calls."""
        sides = {"python": self.kernel.python, "numpy": self.kernel.numpy, "jitkit": self.kernel.jitkit}
        for side, call in sides.items():
            if call is not None:
                part = self.kernel.python_part if side == "python" else 1.0
                self.seconds[side] = min(self.seconds.get(side, math.inf), min(calls(call)) / part)

    def speedup(self, side: str) -> float | None:
        """How many times faster than `side` jitkit is; None where the kernel has no such side."""
        return self.seconds[side] / self.seconds["jitkit"] if side in self.seconds else None


def calls(call: Callable[[], object]) -> Iterator[float]:
    """Call for `BLOCK` seconds, at least once, and yield the seconds of each call.

    The clock is this thread's processor time, where it is fine enough: what other programs take from the machine does
    not count. On virtual machines it may stand still for a moment: a call that took no time was not measured.
    """
    clock = fine(time.thread_time)
    left = BLOCK
    while left > 0:
        start = clock()
        call()
        seconds = clock() - start
        if seconds > 0:
            left -= seconds
            yield seconds


def times(speedup: float) -> str:
    """A speedup for people: `1,234x`, `412x`, `2.9x`, `0.83x`."""
    if speedup < 1:
        return f"{speedup:.2f}x"
    return f"{speedup:,.0f}x" if speedup >= 10 else f"{speedup:.1f}x"


def megabytes(nbytes: int) -> str:
    """A size for people: `9.6 MB`."""
    return f"{nbytes / 1e6:,.1f} MB"
