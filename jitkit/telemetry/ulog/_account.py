"""What a search has found in a damaged ULog, as series of records and an account of every byte."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jitkit.errors import DecodeError
from jitkit.telemetry._report import CUT_OFF, Report
from jitkit.telemetry.ulog._constants import DATA
from jitkit.telemetry.ulog._contents import Contents, Series
from jitkit.telemetry.ulog._definitions import IDS, Choice, Definitions
from jitkit.telemetry.ulog._search_state import CUT, MAKES_NO_SENSE, NOT_SUBSCRIBED, UNKNOWN_TYPE, WRONG_SIZE
from jitkit.telemetry.ulog._sound import container_nbytes

FIRST = MAKES_NO_SENSE + 1
BAD_DEFINITION, NO_HEADER, OTHER_DEFINITION, CUT_BEFORE_APPENDED, CUT_FILE = range(FIRST, FIRST + 5)

# Why a range was skipped: the kind of a DecodeError, and words.
REASONS = {
    CUT: ("size", "size beyond the end"),
    UNKNOWN_TYPE: ("type", "unknown message type"),
    NOT_SUBSCRIBED: ("subscription", "no subscription of this id"),
    WRONG_SIZE: ("size", "size not that of the subscription"),
    MAKES_NO_SENSE: ("payload", "payload not that of its type"),
    BAD_DEFINITION: ("format", "definition that makes no sense"),
    NO_HEADER: ("header", "damaged file header"),
    OTHER_DEFINITION: ("subscription", "definition that others contradict, or a record of one"),
    CUT_BEFORE_APPENDED: ("truncated", "cut off before appended data"),
    CUT_FILE: ("truncated", CUT_OFF),
}
CODES = sorted(REASONS)

Array = np.ndarray[Any, Any]


class Found(NamedTuple):
    """Places of messages, and ranges that were skipped: (n, 3) of start, stop and reason."""

    records: Array
    others: Array
    ranges: Array


def words(data: Array, places: Array) -> Array:
    """Numbers of 16 bits at places."""
    low, high = (data[places + i].astype(np.int64) for i in (0, 1))
    joined: Array = low | high << 8
    return joined


def word(data: Array, place: int) -> int:
    """Number of 16 bits at a place."""
    return int(data[place]) | int(data[place + 1]) << 8


def contents_of(
    data: Array, found: Found, definitions: Definitions, header: int, strict: bool, base: int = 0
) -> Contents:
    """Series of records, and the account.

    Parameters
    ----------
    header : int
        Bytes of the file's header in `data`.
    strict : bool
        Whether to raise for the first range that would be skipped.
    base : int
        Where `data` begins in the file.

    Raises
    ------
    DecodeError
        See `strict`.
    """
    numbers, sizes = words(data, found.records + 3), words(data, found.records) - 2
    if (found.records + 5 + sizes > data.size).any():  # the kernel has found others
        raise _changed(base)
    settled, contradicted = definitions.settle(base + found.records, numbers, sizes)
    fits = _fits(settled, numbers, sizes)
    is_wrong = np.isin(found.others, np.array(contradicted, np.int64) - base)
    others, wrong = found.others[~is_wrong], found.others[is_wrong]
    wrong = np.concatenate([found.records[~fits], wrong])
    ranges = _joined(found.ranges, wrong, 3 + words(data, wrong))
    if strict and len(ranges):
        raise _error(data, ranges[0], found, settled, base)
    places, numbers, nbytes = found.records[fits], numbers[fits], 5 + sizes[fits]
    grouped = places[np.argsort(numbers, kind="stable")] + 5
    counts = np.bincount(numbers, minlength=IDS)
    ends = np.cumsum(counts)
    series = [
        Series(one, layout, grouped[ends[number] - counts[number] : ends[number]])
        for number, (one, layout, _) in settled.items()
    ]
    starts, stops, codes = ranges.T.copy()
    container = container_nbytes(data, others)
    decoded = int(nbytes.sum()) + int((3 + words(data, others)).sum()) - container
    if decoded + header + container + int((stops - starts).sum()) != data.size:
        raise _changed(base)
    report = Report(
        data.size, decoded, header + container, len(places) + len(others), base + starts, base + stops,
        np.searchsorted(CODES, codes), tuple(REASONS[code][1] for code in CODES),
    )  # fmt: skip
    return Contents(data, series, others, report)


def _changed(base: int) -> DecodeError:
    return DecodeError(
        f"expected bytes that stay as they are, got others while they were read, from offset {base:,} on",
        kind="changed",
        offset=base,
    )


def _fits(settled: dict[int, Choice], numbers: Array, sizes: Array) -> Array:
    """Whether each record has the size of what its id stands for."""
    bounds = np.full((2, IDS), -1)
    for number, (_, layout, _) in settled.items():
        bounds[:, number] = layout.low, layout.high
    low, high = bounds[:, numbers]
    fits: Array = (low >= 0) & (low <= sizes) & (sizes <= high)
    return fits


def _joined(ranges: Array, contradicted: Array, nbytes: Array) -> Array:
    """Sort all ranges, and make one of those that meet and have the same reason."""
    code = np.full(contradicted.size, OTHER_DEFINITION)
    ranges = np.concatenate([ranges, np.stack([contradicted, contradicted + nbytes, code], axis=1)])
    ranges = ranges[np.argsort(ranges[:, 0], kind="stable")]
    if not len(ranges):
        return ranges
    begins = np.ones(len(ranges), bool)
    begins[1:] = (ranges[1:, 0] != ranges[:-1, 1]) | (ranges[1:, 2] != ranges[:-1, 2])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(ranges)) - 1
    return np.stack([ranges[first, 0], ranges[last, 1], ranges[first, 2]], axis=1)


def _error(data: Array, first: Array, found: Found, settled: dict[int, Choice], base: int) -> DecodeError:
    """What is wrong at the first range that would be skipped."""
    start, stop, code = map(int, first)
    before = int((found.records < start).sum() + (found.others < start).sum())
    topic = None
    if start + 5 <= data.size and data[start + 2] == DATA and (number := word(data, start + 3)) in settled:
        topic = settled[number].subscription.name
    where = f"offset {base + start}, message {before}" + (f", topic {topic}" if topic else "")
    kind, reason = REASONS[code]
    return DecodeError(
        f"expected a message, got {stop - start:,} bytes that are none at {where}: {reason}; "
        f'errors="recover" skips them',
        kind=kind, offset=base + start, record=before, topic=topic,
    )  # fmt: skip
