"""Reading a ULog into memory: a sound one here, any other by `_recover`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from jitkit.errors import DecodeError
from jitkit.records import Columns
from jitkit.telemetry._log import Log, Topic
from jitkit.telemetry._report import Report
from jitkit.telemetry.ulog._constants import HEADER_NBYTES
from jitkit.telemetry.ulog._contents import Contents, Series
from jitkit.telemetry.ulog._details import UlogDetails
from jitkit.telemetry.ulog._sound import (
    IDS,
    MOST_IDS,
    appended_offsets,
    container_nbytes,
    group,
    has_header,
    walk,
)
from jitkit.telemetry.ulog._sound_definitions import OutOfOrderError, SoundDefinitions
from jitkit.telemetry.ulog._topic import Memory, Sink, most_bytes
from jitkit.telemetry.ulog._walk_state import AT_END, HAS_HIGH_ID, HIGHEST, MESSAGES, POSITION, STATE_WORDS

Array = np.ndarray[Any, Any]


def read(data: Array, where: str, errors: str) -> Log:
    """Read a ULog.

    Parameters
    ----------
    data : (n,) uint8
        Kept by the log.
    where : str
        What it is called.
    errors : "strict" or "recover"

    Raises
    ------
    DecodeError
        If something is wrong, unless that is to be skipped.
    """
    contents = _sound_contents(data)
    if contents is None:
        from jitkit.telemetry.ulog._recover import recover

        contents = recover(data, errors == "strict")
    start = int.from_bytes(data[8:HEADER_NBYTES].tobytes(), "little") if has_header(data) else None
    return log_of(contents, where, start)


def log_of(contents: Contents, where: str, start: int | None, is_going_on: bool = False) -> Log:
    """Make a log of what was found; topics are decoded when they are asked for. `is_going_on`: see `UlogDetails`."""
    data = contents.data
    memory = Memory([most_bytes(series.layout, len(series.offsets)) for series in contents.series])
    topics = [
        Topic(
            series.subscription.name, series.subscription.instance, len(series.offsets), series.layout.width,
            partial(_columns, data, series, memory, number),
        )
        for number, series in enumerate(contents.series) if len(series.offsets)
    ]  # fmt: skip
    details = UlogDetails(data, contents.others, start, partial(last_times, contents, start or 0), is_going_on)
    return Log("ULog", where, topics, details, contents.report)


def _columns(data: Array, series: Series, memory: Memory, number: int) -> Columns:
    sink = Sink(series.layout, len(series.offsets), memory.part(number))
    sink.take(data, series.offsets)
    return sink.columns


def last_times(contents: Contents, start: int, places: Sequence[int]) -> list[int]:
    """Latest time of the records before each place in the file."""
    timed = [(one.offsets, one.layout.timestamp) for one in contents.series if one.layout.timestamp is not None]
    return latest_before(contents.data, timed, start, places) if len(places) else []


def latest_before(
    data: Array, timed: Sequence[tuple[Array, int | None]], start: int, places: Sequence[int]
) -> list[int]:
    """Latest of the times before each place: `start`, and what stands so many bytes behind some offsets."""
    if not timed:
        return [start] * len(places)
    offsets = np.concatenate([found for found, _ in timed])
    words = np.concatenate([found + at for found, at in timed])[:, np.newaxis] + np.arange(8)
    order = np.argsort(offsets, kind="stable")
    times = data[words].view("<u8")[:, 0][order]
    latest = np.maximum.accumulate(np.concatenate([np.array([start], np.uint64), times]))
    return [int(time) for time in latest[np.searchsorted(offsets[order], places)]]


def _sound_contents(data: Array) -> Contents | None:
    """Contents of a sound file; None of one that is damaged. DecodeError for flags that nobody knows."""
    try:
        return _contents(data)
    except OutOfOrderError:
        return None
    except DecodeError as error:
        if error.kind == "incompatible":
            raise
        return None


def _contents(data: Array, ids: int = MOST_IDS) -> Contents:
    if not has_header(data):
        raise OutOfOrderError
    hits, state = np.zeros(ids, np.int64), np.zeros(STATE_WORDS, np.int64)
    state[POSITION] = HEADER_NBYTES
    stops = [HEADER_NBYTES, *appended_offsets(data, data.size), data.size]
    definitions = SoundDefinitions(ids)
    found = []
    for stop in stops[1:]:
        why, places = walk(data, stop, state, definitions.sizes, hits)
        if why == HAS_HIGH_ID and ids < IDS:
            return _contents(data, IDS)
        if why != AT_END or state[POSITION] != stop:
            raise OutOfOrderError
        found.append(places)
    others = found[0] if len(found) == 1 else np.concatenate(found)
    definitions.take(data, others)
    hits = hits[: state[HIGHEST] + 1]
    offsets, ends = group(data, stops, hits, definitions.sizes)
    series = [
        Series(one, layout, offsets[ends[one.id] - hits[one.id] : ends[one.id]])
        for one, layout in definitions if one.id < hits.size
    ]  # fmt: skip
    found_ids = np.flatnonzero(hits)
    definitions.require_before(found_ids, offsets[(ends - hits)[found_ids]])
    container = HEADER_NBYTES + container_nbytes(data, others)
    nothing = np.empty(0, np.int64)
    messages = int(state[MESSAGES])
    report = Report(data.size, data.size - container, container, messages, nothing, nothing, nothing, ())
    return Contents(data, series, others, report)
