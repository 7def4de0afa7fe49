"""The sentence about the first damage in a stream."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.errors import DecodeError
from jitkit.telemetry._report import CUT_OFF
from jitkit.telemetry.framing._plan import byteorder
from jitkit.telemetry.framing._reasons import KINDS, NO_SYNC, REASONS, WRONG_CHECKSUM


def first_damage(frames: Any, data: np.ndarray[Any, Any], gap: list[int], record: int) -> DecodeError:
    """Return the error for bytes that would be skipped: where they start and stop, and the code of the reason."""
    start, stop, code = gap
    reason = REASONS[code]
    if reason == NO_SYNC:
        said = f"the sync word {frames.sync.hex()}, got {data[start : start + len(frames.sync)].tobytes().hex()}"
    elif reason == WRONG_CHECKSUM:
        said = _checksums(frames, data, start)
    elif reason == CUT_OFF:
        said = f"a whole frame, got its first {stop - start} bytes, {CUT_OFF},"
    else:
        said = _lengths(frames, data, start)
    message = f"expected {said} at offset {start} (frame {record})"
    return DecodeError(message, kind=KINDS[code], offset=start, record=record)


def _size(frames: Any, data: np.ndarray[Any, Any], start: int) -> int:
    """Bytes of a frame by its own account."""
    length = frames.length
    if length is None:
        return int(frames.fixed)
    return int(length.bytes_for(_number(data, start + length.offset, length.dtype)))


def _number(data: np.ndarray[Any, Any], start: int, dtype: Any) -> int:
    return int.from_bytes(data[start : start + dtype.itemsize].tobytes(), byteorder(dtype))


def _checksums(frames: Any, data: np.ndarray[Any, Any], start: int) -> str:
    crc, stop = frames.crc, start + _size(frames, data, start)
    first, place = (at + (start if at >= 0 else stop) for at in (crc.start, crc.stop))
    digits = 2 * crc.dtype.itemsize + 2
    found, stored = crc.of(data[first:place]), _number(data, place, crc.dtype)
    return f"the checksum {found:#0{digits}x} ({crc.name}), got {stored:#0{digits}x} in the frame"


def _lengths(frames: Any, data: np.ndarray[Any, Any], start: int) -> str:
    size = _size(frames, data, start)
    allowed = f"{frames.least} to {frames.most}"
    if size > data.size - start:
        return f"a frame of {allowed} bytes that ends in the buffer, got the length {size}"
    if frames.least <= size <= frames.most:
        return f"a sync word behind the frame of {size} bytes, got {_following(frames, data, start + size)}"
    return f"a frame of {allowed} bytes, got the length {size}"


def _following(frames: Any, data: np.ndarray[Any, Any], place: int) -> str:
    return data[place : place + len(frames.sync)].tobytes().hex()
