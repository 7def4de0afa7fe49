"""Times the sides of a case against each other so that their ratio holds on a busy machine.

A shared host flips between fast and slow states that last seconds and do not slow an interpreter and a kernel alike.
So the sides take turns, every case is visited again in several passes that are spread over the whole suite, each side
keeps its best, and the clock is the thread's CPU clock, which other processes do not advance; where that ticks too
coarsely (some sandboxes count in steps of 10 ms), it is the clock on the wall. With identical code at both commits this
gave 0 false alarms in 60 at a factor of 1.5; each case measured in one go gave 16.
"""

import gc
import pkgutil
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

PASSES = 8
ROUNDS = 8  # per pass
SAMPLE_NS = 500_000  # calls are repeated until one sample takes this long
SPAN_SECONDS = 4.0  # the passes cover at least this much time, so that one slow state cannot cover them all


@dataclass(frozen=True)
class Case:
    """A kernel and what it is compared with.

    A side is a function, or the place of one as ``"package.module:name"``, which is looked up when it is measured: an
    old commit may not have it. All sides are called with the arguments that `make` returns for a size; the
    pure-Python side gets lists where the others get arrays, since taking numbers out of an array one by one would
    make Python look slower than it is.
    """

    name: str
    jitkit: Callable[..., object] | str
    python: Callable[..., object] | str
    make: Callable[[int], tuple[Any, ...]]
    numpy: Callable[..., object] | str | None = None
    sizes: tuple[int, ...] = (1_000, 100_000)
    prefix: int = 200  # pure Python is timed on at most so many elements, and its time scaled up to the size


def clock_ns() -> int:
    return fine_clock()()


@cache
def fine_clock() -> Callable[[], int]:
    """The thread's CPU clock where it steps often enough (not asked of jitkit: old commits do not know)."""
    steps = []
    for _ in range(3):
        start = now = time.thread_time_ns()
        while now == start:
            now = time.thread_time_ns()
        steps.append(now - start)
    return time.thread_time_ns if min(steps) <= SAMPLE_NS // 25 else time.perf_counter_ns


class Side:
    """One side of a case: its call, how many of them make a sample, and the best sample so far."""

    def __init__(self, function: Callable[..., object] | str, args: tuple[Any, ...], scale: float = 1.0) -> None:
        self.function = pkgutil.resolve_name(function) if isinstance(function, str) else function
        self.args = args
        self.scale = scale
        self.best_ns = float("inf")
        self.function(*args)  # what compiles does so here, outside the clock
        self.calls = 1
        while (spent := self.sample()) < SAMPLE_NS:
            self.calls = max(2 * self.calls, int(self.calls * SAMPLE_NS / max(spent, 1)))

    def sample(self) -> int:
        function, args = self.function, self.args
        start = clock_ns()
        for _ in range(self.calls):
            function(*args)
        spent = clock_ns() - start
        if spent > 0:  # the clock of a virtual machine may stand still for a moment
            self.best_ns = min(self.best_ns, spent / self.calls * self.scale)
        return spent


class NoFigure(NamedTuple):
    """Why a case has no times. A kernel that is `lacking` is not an error: old commits have fewer."""

    reason: str
    lacking: bool


def sides_of(case: Case, n: int) -> dict[str, Side]:
    short = min(n, case.prefix)
    args = case.make(n)
    sides = {
        "python": Side(case.python, as_lists(case.make(short)), scale=n / short),
        "jitkit": Side(case.jitkit, args),
    }
    if case.numpy is not None:
        sides["numpy"] = Side(case.numpy, args)
    return sides


def as_lists(value: Any) -> Any:
    match value:
        case np.ndarray():
            return value.tolist()
        case tuple():
            return tuple(as_lists(item) for item in value)
        case Mapping():
            return {key: as_lists(item) for key, item in value.items()}
    return value


def measure(cases: Iterable[tuple[Case, int]]) -> dict[tuple[str, int], dict[str, float] | NoFigure]:
    """Best CPU time of every side, in ns per call, by the case's name and size."""
    results: dict[tuple[str, int], dict[str, float] | NoFigure] = {}
    running: dict[tuple[str, int], list[tuple[str, Side]]] = {}
    for case, n in cases:
        try:
            running[case.name, n] = list(sides_of(case, n).items())
        except (AttributeError, ImportError) as error:
            results[case.name, n] = NoFigure(f"{type(error).__name__}: {error}", lacking=True)
        except Exception:  # one broken kernel must not take the others' figures along
            results[case.name, n] = NoFigure(traceback.format_exc(), lacking=False)
    gc.disable()  # as timeit does: a collection would hit whichever side is running
    try:
        start = time.perf_counter()
        for number in range(PASSES):
            time.sleep(max(0.0, start + number * SPAN_SECONDS / PASSES - time.perf_counter()))
            for sides in running.values():
                for turn in range(ROUNDS):
                    for _, side in sides if turn % 2 else reversed(sides):
                        side.sample()
    finally:
        gc.enable()
    return results | {key: {name: side.best_ns for name, side in sides} for key, sides in running.items()}
