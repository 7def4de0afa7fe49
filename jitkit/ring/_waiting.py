"""Waiting for the other side of a channel: spin first, let others run, then sleep."""

from __future__ import annotations

from typing import Any

from jitkit._core.jit import jit
from jitkit._core.thread_words import doze, give_way, pause

BREATH = 8  # pauses: 100 to 300 ns
SPINS = 200  # breaths, 20 to 60 us: what another thread needs to come, where it has a processor
YIELDS = 64
NAP = 50  # us: as long as waking a thread takes


@jit
def breathe() -> None:
    """Leave the other side's counter alone for a moment.

    Whoever asks for it again and again takes its cache line away each time, and holds up the side that should get on.
    """
    for _ in range(BREATH):
        pause()


@jit
def wait_a_turn(turn: Any) -> Any:
    """Wait, the longer the more turns there were; return the number of the next."""
    if turn < SPINS:
        breathe()
    elif turn < SPINS + YIELDS:
        give_way()
    else:
        doze(NAP)
    return turn + 1
