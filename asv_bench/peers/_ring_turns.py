"""Time what two threads or two processes do together: on the wall, by turns, the median beside the best."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from _simd_bench import Bench
from _table import Row

CAPACITY = 4096
BLOCK = 256
MILLION = 1_000_000
MANY, FEW = 4 * MILLION, 100_000  # numbers that go to the other side in compiled code, and in Python
ARRAY = 1 << 22
ROUNDS, ROUNDS_OF_QUICK = 15, 2
NEEDS_TWO = "not measured: needs two CPUs"

Move = Callable[[], float]  # takes something to the other side, and returns seconds for a million items


@dataclass(frozen=True)
class Sides:
    """Who takes part in a comparison, and why others cannot."""

    measured: dict[str, Move]
    lacking: dict[str, str] = field(default_factory=dict)


def rows_by_turns(bench: Bench, work: str, wanted: Mapping[str, float | None], sides: Sides | None) -> Iterator[Row]:
    """Two rows against each peer: the median, which is what counts, and the best. Without two CPUs there is none."""
    sides = sides or Sides({}, dict.fromkeys(wanted, NEEDS_TWO))
    seconds = by_turns(bench, sides.measured)
    for name, at_least in wanted.items():
        if name in sides.lacking:
            yield Row(against=name, work=f"{work}: 1M int64", at_least=at_least, why_not_measured=sides.lacking[name])
            continue
        for title, middle, figure in (("median", median, at_least), ("best", min, None)):
            yield Row(
                against=name,
                work=f"{work}: 1M int64, {title}",
                theirs=middle(seconds[name]),
                jitkit=middle(seconds["jitkit"]),
                at_least=figure,
            )


def by_turns(bench: Bench, sides: Mapping[str, Move]) -> dict[str, list[float]]:
    """What each side took in every round, after one that does not count."""
    for move in sides.values():
        move()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(ROUNDS_OF_QUICK if bench.quick else ROUNDS):
        for name in sides if turn % 2 == 0 else reversed(sides):
            seconds[name].append(sides[name]())
    return seconds


def two_cpus(bench: Bench) -> tuple[int, int] | None:
    """One for each side: negative ones where the system does not let us choose, None where there is only one."""
    if not hasattr(os, "sched_setaffinity"):
        return (-1, -1) if (os.cpu_count() or 1) > 1 else None
    return (min(bench.cpus), max(bench.cpus)) if len(bench.cpus) > 1 else None


def keep_on(cpu: int) -> None:
    """Keep this thread, and those that it starts from now on, on one CPU."""
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})


def two_threads(cpus: tuple[int, int], produce: Callable[[], Any], consume: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds from the start of the first thread's work to the end of the last's, and what the consumer returned."""
    barrier = threading.Barrier(2)

    def run(work: Callable[[], Any], cpu: int) -> tuple[float, float, Any]:
        keep_on(cpu)
        barrier.wait()
        start = perf_counter()
        seen = work()
        return start, perf_counter(), seen

    with ThreadPoolExecutor(2) as pool:
        starts, ends, seen = zip(*pool.map(run, (produce, consume), cpus), strict=True)
    return max(ends) - min(starts), seen[1]


def in_order(name: str, count: int, wrong: int) -> None:
    """Stop the run where other numbers came."""
    if wrong:
        raise SystemExit(f"{name}: expected {count} numbers as they were sent, got {wrong} others")


def per_million(seconds: float, count: int) -> float:
    return seconds * MILLION / count


def put(queue: Any, count: int) -> None:
    """What a queue of Python's costs at least: numbers, and nothing else in the loop."""
    put_one = queue.put
    for i in range(count):
        put_one(i)


def get(queue: Any, count: int) -> int:
    """How many of the numbers 0 to count - 1 were others."""
    get_one, wrong = queue.get, 0
    for i in range(count):
        wrong += get_one() != i
    return wrong
