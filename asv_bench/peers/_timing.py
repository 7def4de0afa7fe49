"""Time several ways of doing the same work so that their ratio means something on a busy machine.

The ways (called sides) take turns in one process: each round visits every side once, every second round in
reverse order, and the best time of each side is kept. A shared machine falls into slow spells that last for
seconds, so the rounds are spread over a few seconds. Processor time is counted, not time on the wall: what
other programs take meanwhile is not in it.
"""

import gc
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time, sleep

from jitkit._core.clocks import Clock, fine

Call = Callable[[], object]

# A processor that has just run wide vectors stays at another frequency for some milliseconds: the first 3 ms
# of a side's turn, which also bring its data back into the cache, are therefore not counted.
SETTLE = 0.003
TURN = 0.006
SAMPLE = 0.0002  # the processor clock costs about half a microsecond to read: 0.3 % of a sample of this length

FEWEST_ROUNDS, MOST_ROUNDS = 5, 24
BUDGET = 6.0  # seconds for all rounds of one comparison, as far as FEWEST_ROUNDS allows
SPREAD = 4.0  # seconds between its first round and its last, at least


@dataclass(kw_only=True)
class Timer:
    """How thoroughly to measure, and the rounds that each comparison has taken so far."""

    quick: bool = False
    turn: float = TURN  # seconds that count of each side's turn
    clock: Clock = process_time
    rounds: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = fine(self.clock)

    def best(self, sides: Mapping[str, Call]) -> dict[str, float]:
        """Best time of one call of each side, in seconds."""
        length = {name: self._one_call(call) for name, call in sides.items()}
        round_length = sum(max(one, SETTLE + self.turn) for one in length.values())
        rounds = 2 if self.quick else max(FEWEST_ROUNDS, min(MOST_ROUNDS, int(BUDGET / round_length)))
        pause = 0.0 if self.quick else max(0.0, SPREAD / (rounds - 1) - round_length)
        best = dict.fromkeys(sides, math.inf)
        # Python's collector stays on, as in people's programs: what it costs a side that makes many objects is that
        # side's own cost. But it must not search through all that Numba has loaded, which others would not have.
        gc.collect()
        gc.freeze()
        try:
            for turn in range(rounds):
                for name in sides if turn % 2 == 0 else reversed(sides):
                    best[name] = min(best[name], self._take_turn(sides[name], length[name]))
                sleep(pause if turn < rounds - 1 else 0.0)
        finally:
            gc.unfreeze()
        self.rounds.append(rounds)
        return best

    def _one_call(self, call: Call) -> float:
        """Length of a call, after one that compiles and touches whatever the first call does."""
        call()
        start = self.clock()
        call()
        return self.clock() - start

    def _take_turn(self, call: Call, length: float) -> float:
        if length > self.turn:
            return self._sample(call, 1)
        number = max(1, math.ceil(SAMPLE / max(length, 1e-7)))
        settled = self.clock() + SETTLE
        while self.clock() < settled:
            self._sample(call, number)
        best, end = math.inf, self.clock() + self.turn
        while self.clock() < end:
            best = min(best, self._sample(call, number))
        return best

    def _sample(self, call: Call, number: int) -> float:
        # `process_time` counts all threads of the process: a side gains nothing by keeping helpers busy.
        start = self.clock()
        for _ in range(number):
            call()
        # The clock of a virtual machine may stand still for a moment: that measures nothing.
        return (self.clock() - start) / number or math.inf


@dataclass(kw_only=True)
class Bench(Timer):
    """What the questions about records need besides."""

    packets: Path  # spacecraft packets, recorded or made
    xtce: Path | None  # their definition
    scratch: Path  # a folder for large files
    paths: tuple[str, ...]  # of jitkit's: see _sides.PATHS


def pin_to_one_cpu() -> int | None:
    """Keep this process on one CPU; None where the system does not offer that."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    # The last one: the system itself tends to put its own work on the first.
    cpu = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpu})
    return cpu
