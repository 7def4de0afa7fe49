"""What a scan has found."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.telemetry._report import Report


class Index:
    """Where the sound frames of a buffer lie, in order; no two of them overlap. Its ``len`` is their number.

    Attributes
    ----------
    start, stop : (n,) int64, bytes
        Of whole frames, from the buffer's start.
    report : Report
        What was skipped, and why. All bytes of sound frames count as decoded.
    """

    __slots__ = ("_header", "_trailer", "_work", "report", "start", "stop")

    def __init__(
        self,
        start: np.ndarray[Any, Any],
        stop: np.ndarray[Any, Any],
        report: Report,
        header: int,
        trailer: int,
        work: int,
    ) -> None:
        """Payloads lie `header` bytes behind the start, and `trailer` bytes before the stop of a frame."""
        self.start, self.stop, self.report = start, stop, report
        self._header, self._trailer, self._work = header, trailer, work

    @property
    def payload_start(self) -> np.ndarray[Any, Any]:
        """(n,) int64: first bytes behind the headers, which end with the sync word, the length or their own CRC."""
        return self.start + self._header

    @property
    def payload_stop(self) -> np.ndarray[Any, Any]:
        """(n,) int64: places of the CRCs, if they stand behind the payload, else those where the frames stop."""
        return self.stop - self._trailer

    def __len__(self) -> int:
        return len(self.start)

    def __repr__(self) -> str:
        return f"Index of {len(self):,} frames\n{self.report!r}"
