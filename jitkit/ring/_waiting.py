"""Waiting for the other side of a channel: spin first, let others run, then sleep."""

from __future__ import annotations

from typing import Any

from jitkit._core.jit import jit
from jitkit._core.thread_words import doze, give_way, pause

PAUSES = 8  # in a turn of waiting: 200 ns on Zen 4
SPINS = 200  # turns, 40 us: what another thread needs to come, where it has a processor
YIELDS = 64
NAP = 50  # us: as long as waking a thread takes
FIRST_PAUSE, LONGEST_PAUSE = 2, 64  # 50 ns to 1.6 us on Zen 4; a cache line travels for 50 to 100 ns


@jit
def pause_for(count: Any) -> None:
    """Leave the other side's counter alone for a moment."""
    for _ in range(count):
        pause()


@jit
def wait_a_turn(turn: Any) -> Any:
    """Wait, the longer the more turns there were; return the number of the next."""
    if turn < SPINS:
        pause_for(PAUSES)
    elif turn < SPINS + YIELDS:
        give_way()
    else:
        doze(NAP)
    return turn + 1
