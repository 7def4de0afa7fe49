"""Waiting for the other side of a channel: spin first, let others run, then sleep."""

from __future__ import annotations

from typing import Any

from jitkit._core.jit import jit
from jitkit._core.thread_words import doze, give_way, pause

SPINS = 1000  # some 20 to 50 us: what another thread needs to come, where it has a processor
YIELDS = 64
NAP = 50  # us: as long as waking a thread takes


@jit
def wait_a_turn(turn: Any) -> Any:
    """Wait, the longer the more turns there were; return the number of the next."""
    if turn < SPINS:
        pause()
    elif turn < SPINS + YIELDS:
        give_way()
    else:
        doze(NAP)
    return turn + 1
