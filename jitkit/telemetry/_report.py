"""The account of a file's bytes: which became values, which hold the file together, and which were skipped, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

COMPLETE, TRUNCATED, CORRUPT = "complete", "truncated", "corrupt"
MOST_SHOWN = 8  # ranges in `repr`


class Report:
    """What was read of a file, byte by byte: ``decoded_bytes + skipped_bytes + container_bytes == size``.

    Attributes
    ----------
    size : int
        Of the file, in bytes.
    decoded_bytes : int
        Of records that were decoded, with their headers.
    container_bytes : int
        Of what says how to read them: file headers, definitions, sync words between records.
    skipped_bytes : int
        Of the ranges in `skipped`.
    skipped : list of (start, stop, reason)
        Ranges of the file that were not decoded, in ascending order; none is empty, and none meets another one of the
        same reason.
    records : int
        How many records were decoded.
    counts : dict of str to int
        How many ranges were skipped for each reason.
    completeness : "complete", "truncated" or "corrupt"
        "truncated" if all that was skipped is one record at the end of which the rest is missing; "corrupt" if
        anything else was skipped.
    """

    __slots__ = ("_codes", "_reasons", "_starts", "_stops", "container_bytes", "decoded_bytes", "records", "size")

    def __init__(
        self,
        size: int,
        decoded_bytes: int,
        container_bytes: int,
        records: int,
        starts: np.ndarray[Any, Any],
        stops: np.ndarray[Any, Any],
        codes: np.ndarray[Any, Any],
        reasons: tuple[str, ...],
    ) -> None:
        """Ranges are (n,) int64 in `starts` and `stops`; `codes` has the place in `reasons` of why each was skipped."""
        self.size, self.records = size, records
        self.decoded_bytes, self.container_bytes = decoded_bytes, container_bytes
        self._starts, self._stops, self._codes, self._reasons = starts, stops, codes, reasons

    @property
    def skipped_bytes(self) -> int:
        """How many bytes were skipped."""
        return int((self._stops - self._starts).sum())

    @property
    def skipped(self) -> list[tuple[int, int, str]]:
        """Ranges that were skipped: first byte, the byte behind the last one, and why."""
        reasons = [self._reasons[code] for code in self._codes.tolist()]
        return list(zip(self._starts.tolist(), self._stops.tolist(), reasons, strict=True))

    @property
    def counts(self) -> dict[str, int]:
        """How many ranges were skipped for each reason."""
        found = Counter(self._codes.tolist())
        return {self._reasons[code]: count for code, count in sorted(found.items())}

    @property
    def completeness(self) -> str:
        """Whether all of the file is there, or its end is missing, or something else is wrong."""
        if not len(self._starts):
            return COMPLETE
        only_the_end = len(self._starts) == 1 and self._stops[0] == self.size and self.counts.get(CUT_OFF) == 1
        return TRUNCATED if only_the_end else CORRUPT

    def __repr__(self) -> str:
        lines = [
            f"Report: {self.completeness}, {self.records:,} records of {self.size:,} bytes",
            f"  {self.decoded_bytes:,} decoded, {self.container_bytes:,} container, {self.skipped_bytes:,} skipped",
        ]
        for start, stop, reason in self.skipped[:MOST_SHOWN]:
            lines.append(f"  {start:>12,} to {stop:,}: {reason}")
        if len(self._starts) > MOST_SHOWN:
            lines.append(f"  ... and {len(self._starts) - MOST_SHOWN:,} more ranges")
        return "\n".join(lines)


CUT_OFF = "cut off at the end of the file"
