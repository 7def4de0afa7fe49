"""A kind of frames: what they look like, to find them and to make them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from jitkit.errors import LayoutError
from jitkit.telemetry._report import Report
from jitkit.telemetry.framing._buffers import bytes_of
from jitkit.telemetry.framing._constants import LEVELS
from jitkit.telemetry.framing._crc import Crc
from jitkit.telemetry.framing._find import find_frames
from jitkit.telemetry.framing._index import Index
from jitkit.telemetry.framing._length import Length
from jitkit.telemetry.framing._numbers import at_least
from jitkit.telemetry.framing._plan import DECODED, WORK, plan_of
from jitkit.telemetry.framing._reasons import REASONS
from jitkit.telemetry.framing._strict import first_damage
from jitkit.telemetry.framing._write import frames_of

LONGEST_SYNC = 64  # bytes; each place of the input may be compared with all of them
LONGEST = 256**LEVELS - 1  # bytes of a frame, 4 GiB


class Frames:
    r"""Frames in a stream of bytes: each begins with a sync word, says its length, and ends with a checksum.

    Parameters
    ----------
    sync : bytes
        1 to 64 bytes with which every frame begins.
    length : Length or int
        The field that says how long a frame is, or the length of all frames in bytes.
    crc : Crc, optional
        The checksum. Without one, a frame is taken for sound by its sync word, and if it says its length, by the
        sync word that follows (or the end of the buffer, or the part of a sync word with which it ends).
    max_length : int, bytes, optional
        Of the longest frame; by default what the length field can say, and at most 4 GiB.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If the sync word is empty or too long, or `max_length` is out of range or has no use.
    LayoutError
        If sync word, length and checksum do not fit into a frame, or over one another.

    Notes
    -----
    A frame is sound if its sync word matches, its length is possible and ends in the buffer, and its checksum is right.
    After a sound frame the next one is looked for where it stops; after anything else, one byte later. So a false sync
    word, a wrong length, or a frame whose end is missing hides no sound frame that begins behind it.

    Time is linear in the input, also where false frames overlap: see `_scan`. It takes 4 bytes of memory for each 256
    of the input then, and none for them otherwise.

    Examples
    --------
    >>> from jitkit.telemetry import framing
    >>> frames = framing.Frames(b"\x1a\xcf\xfc\x1d", framing.Length(offset=4, dtype=">u2", plus=10),
    ...                         framing.Crc("crc-32/iso-hdlc", start=4))
    >>> data = b"noise" + frames.write([b"one", b"two"])
    >>> index = frames.scan(data)
    >>> index.start.tolist(), index.report.skipped
    ([5, 18], [(0, 5, 'no sync word')])
    """

    __slots__ = ("_plan", "_sync", "crc", "fixed", "header", "least", "length", "most", "sync", "trailer")

    def __init__(self, sync: Any, length: Length | int, crc: Crc | None = None, max_length: int | None = None) -> None:
        self.sync = _sync_word(sync)
        if crc is not None and not isinstance(crc, Crc):
            raise TypeError(f"expected crc to be a framing.Crc or None, got {crc!r}")
        self.length = length if isinstance(length, Length) else None
        self.fixed = 0 if isinstance(length, Length) else at_least(1, "the length", length)
        if self.fixed and crc is not None and crc.stop + crc.dtype.itemsize == self.fixed:
            start = crc.start - self.fixed if crc.start >= 0 else crc.start
            crc = Crc(crc.name, start, crc.stop - self.fixed, crc.dtype)
        self.crc = crc
        self._place_parts()
        self._bound_length(max_length)
        self._plan = plan_of(self)
        self._sync = np.frombuffer(self.sync, np.uint8)

    def _place_parts(self) -> None:
        """Find where the payload lies, and how many bytes a frame has at least."""
        length, crc = self.length, self.crc
        self.header, self.trailer, reach = len(self.sync), 0, 0
        if length is not None:
            if length.offset < len(self.sync):
                raise LayoutError(
                    f"expected the length behind the sync word of {len(self.sync)} bytes, got offset {length.offset}"
                )
            self.header = length.stop
        if crc is not None:
            last = crc.stop + crc.dtype.itemsize
            if crc.stop < 0:
                self.trailer = -crc.stop
                reach = -crc.start if crc.start < 0 else crc.start - crc.stop
            elif length is not None and crc.stop < length.stop and last > length.offset:
                raise LayoutError(
                    f"expected the CRC beside the length at {length.offset} to {length.stop}, "
                    f"got it at {crc.stop} to {last}"
                )
            elif crc.stop < len(self.sync):
                raise LayoutError(
                    f"expected the CRC behind the sync word of {len(self.sync)} bytes, got it at {crc.stop}"
                )
            else:
                self.header = max(self.header, last)
        self.least = max(self.header + self.trailer, reach)

    def _bound_length(self, max_length: int | None) -> None:
        """Find how many bytes a frame may have; a fixed length is the least and the most."""
        if self.length is None:
            if max_length is not None:
                raise ValueError(f"expected no max_length beside a fixed length, got {max_length}")
            if not self.least <= self.fixed <= LONGEST:
                raise LayoutError(
                    f"expected a length of {self.least} bytes, which sync word and CRC need, to {LONGEST}, "
                    f"got {self.fixed}"
                )
            self.least = self.most = self.fixed
            return
        limit = LONGEST
        if max_length is not None:
            limit = at_least(self.least, "max_length", max_length)
            if limit > LONGEST:
                raise ValueError(f"expected max_length of at most {LONGEST}, got {limit}")
        low, high = self.length.values(self.least, min(limit, self.length.longest))
        if low > high:
            raise LayoutError(
                f"expected a length that can say {self.least} to {limit} bytes, which sync word, length and CRC need, "
                f"got {self.length!r}"
            )
        # What the field can say, where that is less than what there is room for.
        self.least, self.most = self.length.bytes_for(low), self.length.bytes_for(high)

    def scan(self, buffer: Any, errors: Literal["recover", "strict"] = "recover") -> Index:
        """Find all sound frames in a buffer.

        Parameters
        ----------
        buffer : buffer
            Bytes, memoryview, mmap, C-contiguous array; it is only read, and not kept.
        errors : "recover" or "strict"
            Whether to skip what is no sound frame, and say so in the report, or to raise.

        Returns
        -------
        Index

        Raises
        ------
        DecodeError
            With ``errors="strict"``, at the first byte that is no part of a sound frame: `offset` is its place,
            `record` the number of frames before, `kind` is ``"sync"``, ``"length"``, ``"checksum"`` or
            ``"truncated"``. With any, of kind ``"buffer"``, if `buffer` is no C-contiguous buffer.
        ValueError
            If `errors` is anything else.
        """
        if errors not in ("recover", "strict"):
            raise ValueError(f"expected errors to be 'recover' or 'strict', got {errors!r}")
        data = bytes_of(buffer)
        starts, stops, gaps, state = find_frames(self, data, errors == "strict")
        if errors == "strict" and len(gaps):
            raise first_damage(self, data, gaps[0].tolist(), int(starts.searchsorted(gaps[0, 0])))
        decoded, work = int(state[DECODED]), int(state[WORK])
        report = Report(data.size, decoded, 0, len(starts), gaps[:, 0], gaps[:, 1], gaps[:, 2], REASONS)
        return Index(starts, stops, report, self.header, self.trailer, work)

    def write(self, payloads: Iterable[Any]) -> bytes:
        """Make frames of payloads, one behind the other: what `scan` finds again.

        Parameters
        ----------
        payloads : iterable of buffers

        Returns
        -------
        bytes
            All that is neither sync word, length, payload nor CRC is zero.

        Raises
        ------
        ValueError
            If a frame would be shorter or longer than frames may be, or than the length can say; or (a DecodeError of
            kind ``"buffer"``) if a payload is no C-contiguous buffer.
        """
        return frames_of(self, payloads)

    def __repr__(self) -> str:
        return f"Frames(sync={self.sync!r}, length={self.length or self.fixed!r}, crc={self.crc!r})"


def _sync_word(sync: Any) -> bytes:
    if not isinstance(sync, bytes | bytearray | memoryview):
        raise TypeError(f"expected sync to be bytes, got {type(sync).__name__}")
    word = bytes(sync)
    if not 1 <= len(word) <= LONGEST_SYNC:
        raise ValueError(f"expected a sync word of 1 to {LONGEST_SYNC} bytes, got {len(word)}")
    return word
