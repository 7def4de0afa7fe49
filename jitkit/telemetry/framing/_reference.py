"""All of framing in plain Python, one bit and one byte at a time: what the kernels are compared with."""

from __future__ import annotations

from typing import Any

from jitkit.telemetry._report import CUT_OFF
from jitkit.telemetry.framing._catalogue import Parameters
from jitkit.telemetry.framing._plan import byteorder
from jitkit.telemetry.framing._reasons import NO_SYNC, WRONG_CHECKSUM, WRONG_LENGTH


def crc(parameters: Parameters, data: bytes) -> int:
    """CRC of some bytes, as the catalogue defines it."""
    width, top = parameters.width, 1 << (parameters.width - 1)
    register = parameters.init
    for byte in data:
        for k in range(8):
            bit = byte >> k & 1 if parameters.refin else byte >> (7 - k) & 1
            carried = bool(register & top) != bool(bit)
            register = register << 1 & 2 * top - 1
            if carried:
                register ^= parameters.poly
    if parameters.refout:
        register = int(f"{register:0{width}b}"[::-1], 2)
    return register ^ parameters.xorout


def scan(frames: Any, data: bytes) -> tuple[list[tuple[int, int]], list[tuple[int, int, str]]]:
    """Return where the sound frames are, and what lies between them and why it was skipped."""
    found: list[tuple[int, int]] = []
    skipped: list[tuple[int, int, str]] = []
    at, gap, first = 0, -1, ""
    while at < len(data):
        reason, stop = examine(frames, data, at)
        if not reason:
            if gap >= 0:
                # What is followed by a sound frame was not cut off: its length is wrong.
                skipped.append((gap, at, WRONG_LENGTH if first == CUT_OFF else first))
                gap = -1
            found.append((at, stop))
            at = stop
            continue
        if gap < 0:
            gap, first = at, reason
        at += 1
    if gap >= 0:
        skipped.append((gap, len(data), first))
    return found, skipped


def examine(frames: Any, data: bytes, at: int) -> tuple[str, int]:
    """What is wrong with the frame at some place, "" if nothing is, and where it stops."""
    sync, length, checksum = frames.sync, frames.length, frames.crc
    if not sync.startswith(data[at : at + len(sync)]):
        return NO_SYNC, at
    size = frames.fixed
    if length is not None:
        field = data[at + length.offset : at + length.stop]
        if len(field) < length.dtype.itemsize:
            return CUT_OFF, at
        size = length.bytes_for(int.from_bytes(field, byteorder(length.dtype)))
        if not frames.least <= size <= frames.most:
            return WRONG_LENGTH, at
    stop = at + size
    if stop > len(data):
        return CUT_OFF, at
    if checksum is not None:
        start, place = ((at if offset >= 0 else stop) + offset for offset in (checksum.start, checksum.stop))
        stored = int.from_bytes(data[place : place + checksum.dtype.itemsize], byteorder(checksum.dtype))
        if crc(checksum.parameters, data[start:place]) != stored:
            return WRONG_CHECKSUM, at
    elif length is not None and not sync.startswith(data[stop : stop + len(sync)]):
        return WRONG_LENGTH, at  # without a checksum, only the next sync word or the end shows that a length is right
    return "", stop
