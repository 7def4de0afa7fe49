"""Sound ULogs: walking from message to message, definitions that do not contradict each other, records by their ids."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
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
from jitkit.telemetry.ulog._formats import Format, Layout, layout_of, parse_format
from jitkit.telemetry.ulog._payloads import Subscription, parse_flags, parse_subscription
from jitkit.telemetry.ulog._walk_state import ID, IS_FULL, OTHERS

IDS = 1 << 16
MOST_IDS = 1024  # of most logs: loggers count them from 0 on
OTHERS_AT_ONCE = 4096  # messages that are no data: more than most logs have
IS_CONTAINER = np.zeros(256, bool)  # types of messages that only say how to read the others
IS_CONTAINER[[FLAG_BITS, FORMAT, SUBSCRIPTION, UNSUBSCRIPTION, SYNC]] = True

COUNT_PARAMETERS: tuple[Parameter, ...] = ("buffer", "int", "buffer", "buffer", "int", "buffer", "int")
GROUP_PARAMETERS: tuple[Parameter, ...] = ("buffer", "int", "int", "buffer", "buffer", "int", "buffer", "int")

Array = np.ndarray[Any, Any]


class OutOfOrderError(Exception):
    """The messages of a file do not follow each other as they should."""


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


def walk(data: Array, stop: int, state: Array, hits: Array) -> tuple[int, Array]:
    """Go from message to message; why that has ended, and the places of all messages that are no data."""
    count = kernel("jitkit.telemetry.ulog._walk:count", COUNT_PARAMETERS)
    found = []
    why = IS_FULL
    while why == IS_FULL:
        some = np.empty(OTHERS_AT_ONCE, np.int64)
        why = count(data, stop, state, hits, hits.size, some, some.size)
        found.append(some[: state[OTHERS]])
    return why, found[0] if len(found) == 1 else np.concatenate(found)


class SoundDefinitions:
    """Formats and subscriptions, as they come; OutOfOrderError where one contradicts another, or makes no sense.

    Attributes
    ----------
    sizes : (ids, 2) int32
        Least and largest size of the messages of data of an id; 0 where nobody has subscribed to it.
    """

    def __init__(self, ids: int) -> None:
        self.sizes = np.zeros((ids, 2), np.int32)
        self._formats: dict[str, Format] = {}
        self._layouts: dict[str, Layout] = {}
        self._subscribed: dict[int, tuple[Subscription, Layout]] = {}
        self._topics: set[tuple[str, int]] = set()
        self._places: dict[int, int] = {}

    def take(self, data: Array, places: Array, base: int = 0) -> None:
        """Take the definitions among some messages in; `base` is where the data begins in the file."""
        kinds = data[places + 2]
        view = data.data
        if (base + places[kinds == FLAG_BITS] != HEADER_NBYTES).any():
            raise OutOfOrderError
        for place in places[(kinds == FORMAT) | (kinds == SUBSCRIPTION)].tolist():
            payload = view[place + 3 : place + 3 + (view[place] | view[place + 1] << 8)].tobytes()
            if view[place + 2] == SUBSCRIPTION:
                self._subscribe(parse_subscription(payload), base + place)
            else:
                format_ = parse_format(payload)
                if self._formats.setdefault(format_.name, format_).fields != format_.fields:
                    raise OutOfOrderError

    def _subscribe(self, one: Subscription, place: int) -> None:
        known = self._subscribed.get(one.id)
        if known is not None and known[0] == one:
            return
        if known is not None or (one.name, one.instance) in self._topics:
            raise OutOfOrderError
        layout = layout_of(one.name, self._formats, self._layouts)
        self._topics.add((one.name, one.instance))
        self._places[one.id] = place
        self._subscribed[one.id] = one, layout
        if one.id < len(self.sizes):  # or it has no records: those that were counted are all of lower ids
            self.sizes[one.id] = ID + layout.low, ID + layout.high

    def require_before(self, number: int, place: int) -> None:
        """OutOfOrderError if a record of an id comes before its subscription."""
        if place < self._places[number]:
            raise OutOfOrderError

    def __iter__(self) -> Iterator[tuple[Subscription, Layout]]:
        return iter(self._subscribed.values())


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
