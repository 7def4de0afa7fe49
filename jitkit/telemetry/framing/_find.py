"""The loop around the scanning kernel: room for what it finds."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.telemetry.framing._constants import words_of
from jitkit.telemetry.framing._plan import AT, END, FRAMES, GAP, GAPS, SPENT, STATE_SIZE, STRIDE

FEW, MANY = 1 << 12, 1 << 20  # frames or gaps for which there is room at first, and gaps at most in one call
SLACK = 1 << 16  # bytes of wrong checksums that are free: most files with a few never need kept registers
PIECE = 64 << 20  # bytes between two chances for Ctrl-C


def find_frames(frames: Any, data: np.ndarray[Any, Any], stop_at_gap: bool) -> tuple[Any, Any, Any, Any]:
    """Starts and stops of frames; starts, stops and codes of gaps, or of the first one; and the kernel's state."""
    from jitkit.telemetry.framing._registers import best  # numba is loaded when it is needed first
    from jitkit.telemetry.framing._scan import scanners

    scan, words = scanners(best()).scan, words_of(frames.crc)
    prefix = np.zeros(1, np.uint32)
    if frames.crc is not None:  # memory that is not touched unless it is needed
        prefix = np.empty(data.size // STRIDE + 1, np.uint32)
        prefix[0] = 0
    state = np.zeros(STATE_SIZE, np.int64)
    state[GAP], state[SPENT] = -1, -SLACK
    starts = stops = np.empty(0, np.int64)
    count, all_gaps, gap_room = 0, [], 1 if stop_at_gap else FEW
    while True:
        if count == len(starts):
            room = room_for(count, int(state[AT]), data.size, frames.least)
            starts, stops = with_room(starts, room), with_room(stops, room)
        state[END] = min(data.size, int(state[AT]) + PIECE)
        gaps = np.empty((gap_room, 3), np.int64)
        scan(data, frames._plan, frames._sync, words, prefix, state, starts[count:], stops[count:], gaps)
        count += int(state[FRAMES])
        all_gaps.append(gaps[: state[GAPS]])
        if (state[AT] >= data.size and state[GAP] < 0) or (stop_at_gap and state[GAPS]):
            return starts[:count], stops[:count], np.concatenate(all_gaps), state
        if state[GAPS] == gap_room:
            gap_room = min(2 * gap_room, MANY)


def room_for(count: int, at: int, size: int, least: int) -> int:
    """How many frames to make room for: what there will be if they go on like the `count` ones before `at`."""
    most = count + (size - at) // least + 1
    return min(most, max(FEW, 2 * count, round(1.1 * count * size / at)) if count else FEW)


def with_room(values: np.ndarray[Any, Any], room: int) -> np.ndarray[Any, Any]:
    """Return a larger array that begins with some values. Memory behind them that is never used costs nothing."""
    larger = np.empty(room, values.dtype)
    larger[: len(values)] = values
    return larger
