"""A log with flipped bytes, and which of its records nobody could tell from before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

import jitkit as jk
from jitkit.demos import _ulog_twin

FLIPPED = 300  # bytes

Positions = npt.NDArray[np.int64]


def account(data: bytes, log: jk.telemetry.Log) -> dict[str, str]:
    """What is left of a log some of whose bytes are flipped."""
    damaged, positions = flip(data, FLIPPED)
    found = jk.telemetry.read(damaged, errors="recover")
    report = found.report
    untouched, survived = survivors(data, positions, log, found)
    return {
        "flipped": f"{len(positions):,} of {len(data):,} bytes, at random behind the definitions",
        "account": f"{report.decoded_bytes:,} decoded, {report.container_bytes:,} container, "
        f"{report.skipped_bytes:,} skipped, together {report.size:,}",
        "skipped": "; ".join(f"{count} x {reason}" for reason, count in report.counts.items()) or "nothing",
        "records": f"{survived:,} of the {untouched:,} without a flipped byte are there, bit by bit",
        "beware": "a flipped bit of a value is another value: a ULog has no checksums",
    }


def flip(data: bytes, count: int) -> tuple[bytes, Positions]:
    """Flip all bits of `count` bytes behind the definitions, or of as many as there are; return where, too."""
    begins = next((start - 3 for kind, start, _ in _ulog_twin.messages(data) if kind == "D"), len(data))
    count = min(count, len(data) - begins)
    positions = np.sort(begins + np.random.default_rng(7).choice(len(data) - begins, count, replace=False))
    damaged = np.frombuffer(data, np.uint8).copy()
    damaged[positions] ^= 0xFF
    return damaged.tobytes(), positions


def survivors(
    data: bytes, positions: Positions, before: Mapping[str, jk.Columns], after: Mapping[str, jk.Columns]
) -> tuple[int, int]:
    """How many records have no flipped byte, and how many of those are still there, bit by bit."""
    places: dict[int, list[tuple[int, int]]] = {}  # of each topic's messages, headers included
    for kind, start, stop in _ulog_twin.messages(data):
        if kind == "D":
            places.setdefault(data[start] | data[start + 1] << 8, []).append((start - 3, stop))
    untouched = found = 0
    for number, key in topics(data).items():
        if key not in before:  # no records
            continue
        start, stop = np.array(places[number]).T
        whole = np.searchsorted(positions, start) == np.searchsorted(positions, stop)
        kept = set(rows(after[key])) if key in after else set()
        untouched += int(np.count_nonzero(whole))
        found += sum(row in kept for row, is_whole in zip(rows(before[key]), whole, strict=True) if is_whole)
    return untouched, found


def topics(data: bytes) -> dict[int, str]:
    """Topics of a log by their number in it."""
    found = {}
    for kind, start, stop in _ulog_twin.messages(data):
        if kind == "A":
            name, instance = data[start + 3 : stop].decode(), data[start]
            found[data[start + 1] | data[start + 2] << 8] = f"{name}.{instance}" if instance else name
    return found


def rows(columns: jk.Columns) -> list[Any]:
    """Each record as bytes."""
    records = columns.to_numpy()
    listed: list[Any] = records.view(f"V{records.itemsize}").tolist()
    return listed
