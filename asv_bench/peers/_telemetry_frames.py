"""Questions about framed streams: sound ones, a flood of sync words, and bytes that have flipped."""

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from _simd_bench import Bench
from _table import Row

import jitkit as jk

SYNC = b"\x1a\xcf\xfc\x1d"
FRAMES, FRAMES_OF_QUICK = 200_000, 4_000  # 50 MB
LENGTHS = 20, 480  # bytes of a payload
PYTHON = "bytes.find + zlib.crc32"
RATE = 1e-4  # of the bytes that flip
FLOOD = 24_000_000  # bytes
HEAD, TAIL = 6, 4
length = jk.telemetry.framing.Length(offset=4, dtype=">u2", plus=HEAD + TAIL)
CRC_32 = jk.telemetry.framing.Frames(SYNC, length, jk.telemetry.framing.Crc("crc-32/iso-hdlc", start=4, dtype=">u4"))
CRC_16 = jk.telemetry.framing.Frames(
    SYNC,
    jk.telemetry.framing.Length(offset=4, dtype=">u2", plus=HEAD + 2),
    jk.telemetry.framing.Crc("crc-16/ibm-3740", start=4, dtype=">u2"),
)


def scanned(bench: Bench, _: Path | None) -> Iterator[Row]:
    """50 MB of frames whose checksums are right."""
    stream = made(CRC_32, FRAMES_OF_QUICK if bench.quick else FRAMES)
    data = stream.tobytes()
    if find_in_python(data) != CRC_32.scan(stream).start.tolist():
        raise SystemExit("frames: expected those that Python finds, got others")
    best = bench.best({PYTHON: partial(find_in_python, data), "jitkit": partial(CRC_32.scan, stream)})
    work = f"CRC-32, {stream.nbytes / 1e6:.0f} MB of frames"
    yield Row(against=PYTHON, work=work, theirs=best[PYTHON], jitkit=best["jitkit"], at_least=12.0)
    yield _rate(work, stream.nbytes, best["jitkit"], 2500.0)
    other = made(CRC_16, FRAMES_OF_QUICK if bench.quick else FRAMES)
    best = bench.best({"jitkit": partial(CRC_16.scan, other)})
    yield _rate(f"CRC-16/IBM-3740, {other.nbytes / 1e6:.0f} MB of frames", other.nbytes, best["jitkit"], 2500.0)


def damaged(bench: Bench, _: Path | None) -> Iterator[Row]:
    """What damage costs."""
    flood = np.frombuffer((SYNC + b"\xff\xff") * (FLOOD // 6 // (50 if bench.quick else 1)), np.uint8)
    if len(CRC_32.scan(flood)):
        raise SystemExit("flood: expected no frame, got some")
    best = bench.best({"jitkit": partial(CRC_32.scan, flood)})
    yield _rate(f"a flood of sync words, {flood.nbytes / 1e6:.0f} MB", flood.nbytes, best["jitkit"], 100.0)
    stream = made(CRC_32, FRAMES_OF_QUICK if bench.quick else FRAMES)
    flipped = stream.copy()
    rng = np.random.default_rng(11)
    places = rng.choice(stream.size, int(stream.size * RATE), replace=False)
    flipped[places] ^= rng.integers(1, 256, places.size).astype(np.uint8)
    best = bench.best({"clean": partial(CRC_32.scan, stream), "jitkit": partial(CRC_32.scan, flipped)})
    yield Row(
        against="jitkit on the clean stream", work=f"one byte of {1 / RATE:,.0f} flipped: time, of the clean stream's",
        jitkit=100 * best["jitkit"] / best["clean"], unit="%", at_most=115.0,
    )  # fmt: skip


def _rate(work: str, nbytes: int, seconds: float, at_least: float) -> Row:
    return Row(against="jitkit alone", work=work, jitkit=nbytes / seconds / 1e6, unit="MB/s", at_least=at_least)


def made(frames: jk.telemetry.framing.Frames, count: int) -> np.ndarray:
    """A stream of frames, always the same."""
    rng = np.random.default_rng(7)
    payloads = [rng.bytes(int(size)) for size in rng.integers(*LENGTHS, count)]
    return np.frombuffer(frames.write(payloads), np.uint8)


def find_in_python(data: bytes) -> list[int]:
    """Where frames begin, as one writes it in Python."""
    found, at = [], data.find(SYNC)
    while 0 <= at <= len(data) - HEAD - TAIL:
        stop = at + HEAD + TAIL + (data[at + 4] << 8 | data[at + 5])
        if stop <= len(data) and zlib.crc32(data[at + 4 : stop - 4]) == struct.unpack_from(">I", data, stop - 4)[0]:
            found.append(at)
            at = data.find(SYNC, stop)
        else:
            at = data.find(SYNC, at + 1)
    return found
