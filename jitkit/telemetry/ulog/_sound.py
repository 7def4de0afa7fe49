"""Sound ULogs: walking from message to message, and records by their ids."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from jitkit._core.native import Parameter, kernel
from jitkit.telemetry.ulog._constants import (
    FLAG_BITS,
    FLAG_BITS_NBYTES,
    FORMAT,
    HEADER_NBYTES,
    MAGIC,
    SUBSCRIPTION,
    SYNC,
    UNSUBSCRIPTION,
)
from jitkit.telemetry.ulog._payloads import parse_flags
from jitkit.telemetry.ulog._sound_definitions import OutOfOrderError
from jitkit.telemetry.ulog._walk_state import IS_FULL, OTHERS

IDS = 1 << 16
MOST_IDS = 1024  # of most logs: loggers count them from 0 on
OTHERS_AT_ONCE = 4096  # messages that are no data: more than most logs have
IS_CONTAINER = np.zeros(256, bool)  # types of messages that only say how to read the others
IS_CONTAINER[[FLAG_BITS, FORMAT, SUBSCRIPTION, UNSUBSCRIPTION, SYNC]] = True

COUNT_PARAMETERS: tuple[Parameter, ...] = ("buffer", "int", "buffer", "buffer", "buffer", "int", "buffer", "int")
GROUP_PARAMETERS: tuple[Parameter, ...] = ("buffer", "int", "int", "buffer", "buffer", "int", "buffer", "int")

Array = np.ndarray[Any, Any]


def has_header(data: Array) -> bool:
    """Whether a file begins as a ULog does."""
    return data.size >= HEADER_NBYTES and data[: len(MAGIC)].tobytes() == MAGIC


def appended_offsets(data: Array, size: int) -> tuple[int, ...]:
    """Offsets where data was appended to what a crash had cut off, in a file of that size.

    Raises
    ------
    OutOfOrderError
        If there cannot be such.
    DecodeError
        If there are flags that nobody knows.
    """
    end = HEADER_NBYTES + 3
    if data.size < end + FLAG_BITS_NBYTES or data[end - 1] != FLAG_BITS:
        return ()
    offsets = parse_flags(data[end : end + FLAG_BITS_NBYTES].tobytes(), HEADER_NBYTES).appended
    if list(offsets) != sorted(offsets) or not all(end < offset <= size for offset in offsets):
        raise OutOfOrderError
    return offsets


def walk(data: Array, stop: int, state: Array, sizes: Array, hits: Array) -> tuple[int, Array]:
    """Go from message to message; why that has ended, and the places of all messages that are no data."""
    count = kernel("jitkit.telemetry.ulog._walk:count", COUNT_PARAMETERS)
    found = []
    why = IS_FULL
    while why == IS_FULL:
        some = np.empty(OTHERS_AT_ONCE, np.int64)
        why = count(data, stop, state, sizes, hits, hits.size, some, some.size)
        found.append(some[: state[OTHERS]])
    return why, found[0] if len(found) == 1 else np.concatenate(found)


def group(data: Array, stops: list[int], hits: Array, sizes: Array) -> tuple[Array, Array]:
    """Sort the records that a walk has counted by their ids.

    Parameters
    ----------
    stops : list of int
        Where sections begin, and where the last one ends.
    hits : (n,) int64
        How many records there are of each id, up to the highest.

    Returns
    -------
    offsets, ends : int64
        Where each record begins, behind its id; and where those of each id end in `offsets`.
    """
    ends = np.cumsum(hits)
    offsets = np.empty(int(ends[-1]), np.int64)
    places = ends - hits
    kernel_ = kernel("jitkit.telemetry.ulog._walk:group", GROUP_PARAMETERS)
    for start, stop in itertools.pairwise(stops):
        if kernel_(data, start, stop, sizes, places, places.size, offsets, offsets.size) >= 0:
            raise OutOfOrderError
    if not np.array_equal(places, ends):  # others may write to the memory meanwhile
        raise OutOfOrderError
    return offsets, ends


def container_nbytes(data: Array, places: Array) -> int:
    """Bytes of those messages that say how to read the others."""
    found = places[IS_CONTAINER[data[places + 2]]]
    return int((3 + data[found].astype(np.int64) + (data[found + 1].astype(np.int64) << 8)).sum())
