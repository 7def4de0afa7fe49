"""Time is linear in the input. What is counted here is work, in bytes that were looked at; clocks decide nothing."""

import numpy as np
import pytest

from jitkit.telemetry.framing import Crc, Frames, Length, _find

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("way")]

SYNC = b"\x1a\xcf\xfc\x1d"
CRC32 = Crc("crc-32/iso-hdlc", 4)
FRAMES = Frames(SYNC, Length(4, ">u2", 10), CRC32)
HUGE = Frames(SYNC, Length(4, ">u4", 12), CRC32)
# Once each for: the search; checksums as they stand, at most twice, and what may be spent at once; kept registers; and
# from the nearest one to both ends of each false frame.
PASSES = 1 + 2 + 1


def work_of(frames, data):
    index = frames.scan(data)
    assert index.report.decoded_bytes + index.report.skipped_bytes == len(data)
    return index._work, index


@pytest.mark.parametrize("size", [10_000, 100_000, 1_000_000, 10_000_000])
@pytest.mark.parametrize(("frames", "field"), [(FRAMES, b"\xff\xff"), (HUGE, b"\0\1\0\0"), (HUGE, b"\0\x0f\0\0")])
def test_a_flood_of_sync_words_with_long_frames(frames, field, size):
    false = SYNC + field
    data = false * (size // len(false))
    work, index = work_of(frames, data)
    assert len(index) == 0
    assert work <= (PASSES + 2) * len(data) + 2 * _find.SLACK


def test_a_flood_in_which_every_byte_begins_a_frame():
    frames = Frames(b"\1", Length(1, "<u4", 1 - 0x01010101 + 100_000), Crc("crc-16/ibm-3740"))
    data = b"\1" * 1_000_000
    work, index = work_of(frames, data)
    assert len(index) == 0
    assert work <= (PASSES + 2) * len(data) + 2 * _find.SLACK


def test_lengths_that_jump_back_and_forth_cost_a_stride_each():
    sizes = np.random.default_rng(0).integers(0, 65536, 50_000).astype(">u2")
    data = b"".join(SYNC + size.tobytes() for size in sizes)
    work, _ = work_of(FRAMES, data)
    assert work <= PASSES * len(data) + 2 * _find.SLACK + 2 * _find.STRIDE * len(sizes)


def test_frames_in_a_flood_are_found():
    flood, sound = (SYNC + b"\xff\xff") * 40_000, FRAMES.write([b"here"])
    work, index = work_of(FRAMES, flood + sound + flood + sound)
    assert index.start.tolist() == [len(flood), 2 * len(flood) + len(sound)]
    assert [reason for *_, reason in index.report.skipped] == ["wrong checksum"] * 2
    assert work <= (PASSES + 2) * index.report.size + 2 * _find.SLACK


def test_a_clean_stream_is_looked_at_once():
    data = FRAMES.write([bytes(i % 300) for i in range(3000)])
    work, index = work_of(FRAMES, data)
    assert len(index) == 3000
    assert work <= len(data)


def test_a_few_wrong_checksums_cost_what_they_cover():
    data = bytearray(FRAMES.write([bytes(250)] * 3000))
    data[100 :: 260 * 100] = b"\1" * len(data[100 :: 260 * 100])
    work, index = work_of(FRAMES, data)
    assert len(index) == 2970
    assert work <= 1.02 * len(data)
