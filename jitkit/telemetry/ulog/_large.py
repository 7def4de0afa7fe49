"""A ULog that is read piece by piece: only its columns are in memory, and only once somebody asks for them.

The file is gone through once when it is read, to find the records of each topic, and again when columns are asked for:
then all topics are decoded. Those of a very large file take much memory: there the first one is decoded alone, and the
others when a second one is asked for, as whoever asks twice wants many.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from jitkit.errors import DecodeError
from jitkit.records import Columns
from jitkit.telemetry._log import Log, Topic
from jitkit.telemetry._report import Report
from jitkit.telemetry.ulog._constants import HEADER_NBYTES
from jitkit.telemetry.ulog._details import UlogDetails
from jitkit.telemetry.ulog._read import latest_before
from jitkit.telemetry.ulog._sound import (
    IDS,
    appended_offsets,
    container_nbytes,
    group,
    has_header,
    walk,
)
from jitkit.telemetry.ulog._sound_definitions import OutOfOrderError, SoundDefinitions
from jitkit.telemetry.ulog._topic import Sink
from jitkit.telemetry.ulog._walk_state import AT_END, HIGHEST, IS_CUT, MESSAGES, POSITION, STATE_WORDS, UNKNOWN

PIECE = 2 << 20  # bytes of the file that are in memory at a time: still in a cache when their records are copied
VERY_LARGE = 1 << 30  # bytes of a file
HEAD = 128  # bytes of the file that have its header and flags

Array = np.ndarray[Any, Any]


class Part(NamedTuple):
    """Whole messages that lie side by side in the file, and how many of them are records of each id."""

    start: int  # in the file
    nbytes: int
    hits: Array


class LargeFile:
    """The file, what is known of it, and the columns that were decoded."""

    def __init__(self, path: Any) -> None:
        self._name = os.fspath(path)
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._file)  # open as long as there may be topics to decode
        status = os.fstat(self._file)
        self._size, self._modified = status.st_size, status.st_mtime_ns
        self._lock = threading.RLock()
        _living.add(self)
        self._definitions = SoundDefinitions(IDS)
        self._parts: list[Part] = []
        self._rows = np.zeros(IDS, np.int64)
        self._decoded: dict[int, Columns] = {}

    def log(self, where: str) -> Log:
        """Go through the file for the first time; OutOfOrderError if it is damaged, or data was appended to it."""
        head = self._bytes(np.empty(min(self._size, HEAD), np.uint8), 0)
        if not has_header(head) or appended_offsets(head, self._size):
            raise OutOfOrderError
        start = int.from_bytes(head[8:HEADER_NBYTES].tobytes(), "little")
        messages, starts, number = self._find_parts()
        others = np.concatenate([np.empty(0, np.uint8), *messages])  # side by side, as if there were nothing else
        places = np.cumsum([0, *map(len, messages)], dtype=np.int64)[:-1]
        topics = [
            Topic(one.name, one.instance, int(self._rows[one.id]), layout.width, partial(self._columns, one.id))
            for one, layout in self._definitions if self._rows[one.id]
        ]  # fmt: skip
        container = HEADER_NBYTES + container_nbytes(others, places)
        nothing = np.empty(0, np.int64)
        report = Report(self._size, self._size - container, container, number, nothing, nothing, nothing, ())
        where_from = dict(zip(places.tolist(), starts, strict=True))
        details = UlogDetails(others, places, start, partial(self._last_times, where_from, start))
        return Log("ULog", where, topics, details, report)

    def _find_parts(self) -> tuple[list[Array], list[int], int]:
        """Messages that are no data, where each is in the file, and how many messages there are."""
        buffer = np.empty(min(PIECE, self._size), np.uint8)
        messages: list[Array] = []
        starts: list[int] = []
        number, at = 0, HEADER_NBYTES
        all_hits = np.zeros(IDS, np.int64)
        while at < self._size:
            piece = self._bytes(buffer[: self._size - at], at)
            state = np.zeros(STATE_WORDS, np.int64)
            why, places = walk(piece, piece.size, state, self._definitions.sizes, all_hits)
            done = int(state[POSITION])
            if why != AT_END and not (why == IS_CUT and done > 0 and at + piece.size < self._size):
                raise OutOfOrderError
            self._definitions.take(piece, places, at)
            hits = all_hits[: state[HIGHEST] + 1].copy()
            all_hits[: hits.size] = 0
            if state[UNKNOWN]:  # when they came; what they are may have come behind them, or not at all
                grouped = self._grouped(piece[:done], hits)
                self._definitions.require_before(list(grouped), [at + int(records[0]) for records in grouped.values()])
            self._rows[: hits.size] += hits
            self._parts.append(Part(at, done, hits))
            stops = places + 3 + piece[places] + (piece[places + 1].astype(np.int64) << 8)
            messages += [piece[i:j].copy() for i, j in zip(places.tolist(), stops.tolist(), strict=True)]
            starts += (at + places).tolist()
            number += int(state[MESSAGES])
            at += done
        return messages, starts, number

    def _columns(self, number: int) -> Columns:
        with self._lock:
            if number not in self._decoded:
                wanted = {one.id for one, _ in self._definitions if self._rows[one.id]} - set(self._decoded)
                self._decode(wanted if self._decoded or self._size < VERY_LARGE else {number})
            return self._decoded[number]

    def _decode(self, wanted: set[int]) -> None:
        """Copy the records of some ids to columns."""
        if os.fstat(self._file).st_mtime_ns != self._modified:
            raise DecodeError(
                f"expected {self._name} as it was when it was read, got one that was modified since", kind="changed"
            )
        sinks = {one.id: Sink(layout, int(self._rows[one.id])) for one, layout in self._definitions if one.id in wanted}
        buffer = np.empty(max(part.nbytes for part in self._parts), np.uint8)
        for part in self._parts:
            piece, records = self._records(part, buffer)
            for number in wanted.intersection(records):
                sinks[number].take(piece, records[number])
        self._decoded |= {number: sink.columns for number, sink in sinks.items()}

    def _last_times(self, starts: dict[int, int], start: int, places: Sequence[int]) -> list[int]:
        """Latest time of the records before each message, by its place among those that are no data."""
        wanted = [starts[place] for place in places]
        found: list[int] = []
        latest = start
        times_at = {one.id: layout.timestamp for one, layout in self._definitions}
        buffer = np.empty(max((part.nbytes for part in self._parts), default=0), np.uint8)
        for part in self._parts if wanted else ():
            some = [place - part.start for place in wanted if part.start <= place < part.start + part.nbytes]
            with self._lock:
                piece, records = self._records(part, buffer)
                timed = [(offsets, at) for number, offsets in records.items() if (at := times_at[number]) is not None]
                *times, latest = latest_before(piece, timed, latest, [*some, part.nbytes])
            found += times
        return found

    def _records(self, part: Part, buffer: Array) -> tuple[Array, dict[int, Array]]:
        """Bytes of a part, and where the records of each id begin in them."""
        piece = self._bytes(buffer[: part.nbytes], part.start)
        try:
            return piece, self._grouped(piece, part.hits)
        except OutOfOrderError:
            raise self._changed(part.start) from None

    def _grouped(self, piece: Array, hits: Array) -> dict[int, Array]:
        """Where the records of each id begin in a piece."""
        offsets, ends = group(piece, [0, piece.size], hits, self._definitions.sizes)
        numbers = np.flatnonzero(hits).tolist()
        return {number: offsets[ends[number] - hits[number] : ends[number]] for number in numbers}

    def _changed(self, offset: int) -> DecodeError:
        return DecodeError(
            f"expected {self._name} as it was when it was read, got other bytes from offset {offset:,} on",
            kind="changed",
            offset=offset,
        )

    def _bytes(self, target: Array, start: int) -> Array:
        """Read a range of the file."""
        done = 0
        while done < target.size:
            count = read_into(self._file, target[done:], start + done)
            if not count:
                raise self._changed(start + done)
            done += count
        return target


_living: weakref.WeakSet[LargeFile] = weakref.WeakSet()


def _unlock_all() -> None:
    """In a forked process, no thread is left that could give a lock back."""
    for one in _living:
        one._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)


def read_into(file: int, target: Array, start: int) -> int:
    """Read from a place in a file on into an array; return how many bytes came.

    Its position is left alone: a forked process has the same one.
    """
    if hasattr(os, "preadv"):
        return os.preadv(file, [target.data], start)
    os.lseek(file, start, os.SEEK_SET)
    data = os.read(file, target.size)
    target[: len(data)] = np.frombuffer(data, np.uint8)
    return len(data)
