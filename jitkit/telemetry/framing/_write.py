"""Making frames of payloads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from jitkit.telemetry.framing._buffers import bytes_of
from jitkit.telemetry.framing._constants import words_of
from jitkit.telemetry.framing._plan import byteorder


def frames_of(frames: Any, payloads: Iterable[Any]) -> bytes:
    """Frames one behind the other: see `Frames.write`."""
    if isinstance(payloads, (str, bytes, bytearray, memoryview)) or not isinstance(payloads, Iterable):
        raise TypeError(f"expected an iterable of payloads, each a buffer, got {type(payloads).__name__}")
    parts: list[bytes] = []
    stops: list[int] = []
    at, trailer = 0, bytes(frames.trailer)
    for i, payload in enumerate(payloads):
        body = payload if type(payload) is bytes else bytes_of(payload).tobytes()
        size = frames.header + len(body) + frames.trailer
        parts += header_of(frames, size, i), body, trailer
        at += size
        stops.append(at)
    joined = b"".join(parts)
    if frames.crc is None or not stops:
        return joined
    from jitkit.telemetry.framing._registers import best  # numba is loaded when it is needed first
    from jitkit.telemetry.framing._scan import scanners

    sealed = np.frombuffer(bytearray(joined), np.uint8)
    scanners(best()).seal(sealed, np.array(stops, np.int64), frames._plan, words_of(frames.crc))
    return sealed.tobytes()


def header_of(frames: Any, size: int, number: int) -> bytes:
    """Return what stands before the payload, in a frame of `size` bytes."""
    length, bare = frames.length, frames.header + frames.trailer
    if not frames.least <= size <= frames.most:
        wanted = f"{frames.least - bare} to {frames.most - bare}" if frames.least < frames.most else frames.most - bare
        raise ValueError(f"expected a payload of {wanted} bytes, got {size - bare} (payload {number})")
    sync: bytes = frames.sync
    if length is None:
        return sync.ljust(frames.header, b"\0")
    value, left = divmod(size - length.plus, length.scale)
    if left:
        raise ValueError(
            f"expected a payload that fills whole units of {length.scale} bytes, got {size - bare} bytes, "
            f"{left} too many (payload {number})"
        )
    field: bytes = value.to_bytes(length.dtype.itemsize, byteorder(length.dtype))
    return (sync.ljust(length.offset, b"\0") + field).ljust(frames.header, b"\0")
