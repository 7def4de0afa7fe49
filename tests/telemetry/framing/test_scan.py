"""What a scan finds, and what it says of the rest."""

import mmap

import numpy as np
import pytest

from jitkit.errors import DecodeError
from jitkit.telemetry.framing import Crc, Frames, Length, _find

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("way")]

SYNC = b"\x1a\xcf\xfc\x1d"
FRAMES = Frames(SYNC, Length(4, ">u2", 10), Crc("crc-32/iso-hdlc", start=4, stop=-4, dtype=">u4"))
UNCHECKED = Frames(SYNC, Length(4, ">u2", 6))
A, B, C = (FRAMES.write([payload]) for payload in (b"first", b"", b"the third one"))


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def account(index):
    """Spans of frames, and what was skipped; all bytes must be in one or the other."""
    report = index.report
    assert report.decoded_bytes + report.skipped_bytes + report.container_bytes == report.size
    assert report.decoded_bytes == int((index.stop - index.start).sum())
    assert report.records == len(index)
    return list(zip(index.start.tolist(), index.stop.tolist(), strict=True)), report.skipped


def test_frames_side_by_side():
    index = FRAMES.scan(A + B + C)
    assert account(index) == ([(0, 15), (15, 25), (25, 48)], [])
    assert index.report.completeness == "complete"
    assert index.start.dtype == index.stop.dtype == index.payload_start.dtype == np.int64
    data = A + B + C
    spans = zip(index.payload_start, index.payload_stop, strict=True)
    assert [data[start:stop] for start, stop in spans] == [b"first", b"", b"the third one"]


def test_nothing_at_all():
    index = FRAMES.scan(b"")
    assert account(index) == ([], [])
    assert (len(index), index.report.completeness) == (0, "complete")
    assert repr(index).startswith("Index of 0 frames\nReport: complete, 0 records of 0 bytes")


def test_any_buffer(tmp_path):
    data = A + C
    path = tmp_path / "frames"
    path.write_bytes(data)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert len(FRAMES.scan(mapped)) == 2
    for buffer in (bytearray(data), memoryview(data), np.frombuffer(data, np.uint8), np.frombuffer(data, ">u2")):
        assert len(FRAMES.scan(buffer)) == 2


def test_noise_around_frames():
    index = FRAMES.scan(b"noise" + A + b"\x1a\xcf" + B + b"end")
    assert account(index) == (
        [(5, 20), (22, 32)],
        [(0, 5, "no sync word"), (20, 22, "no sync word"), (32, 35, "no sync word")],
    )
    assert index.report.counts == {"no sync word": 3}
    assert index.report.completeness == "corrupt"


@pytest.mark.parametrize("place", range(len(A)))
def test_each_wrong_byte_costs_one_frame(place):
    index = FRAMES.scan(B + flipped(A, place) + C)
    (span,) = index.report.skipped
    assert index.start.tolist() == [0, 25]
    assert span[:2] == (10, 25)
    if place < 4:
        assert span[2] == "no sync word"
    elif place != 4:  # the high byte of the length: the frame reaches past the end
        assert span[2] == "wrong checksum"
    else:
        assert span[2] == "wrong length"


def test_what_is_cut_off_at_the_end():
    for size in range(1, len(C)):
        index = FRAMES.scan(A + C[:size])
        assert account(index) == ([(0, 15)], [(15, 15 + size, "cut off at the end of the file")])
        assert index.report.completeness == "truncated"


def test_a_frame_that_is_cut_off_hides_no_other():
    long = SYNC + b"\x00\xff" + b"abc"  # claims 265 bytes, of which there are not so many
    index = FRAMES.scan(long + A + B)
    assert account(index) == ([(9, 24), (24, 34)], [(0, 9, "wrong length")])
    index = FRAMES.scan(A + long + B[:-1])
    assert account(index) == ([(0, 15)], [(15, 33, "cut off at the end of the file")])


def test_a_gap_has_the_reason_of_its_first_problem():
    index = FRAMES.scan(flipped(A, 8) + b"noise" + A[:7])
    assert account(index) == ([], [(0, 27, "wrong checksum")])
    assert index.report.completeness == "corrupt"


def test_a_frame_inside_a_damaged_one_is_found():
    outer = FRAMES.write([b"abc" + A + b"xyz"])
    assert account(FRAMES.scan(outer)) == ([(0, 31)], [])
    index = FRAMES.scan(flipped(outer, 7))
    assert account(index) == ([(9, 24)], [(0, 9, "wrong checksum"), (24, 31, "no sync word")])


def test_lengths_out_of_bounds():
    bounded = Frames(SYNC, FRAMES.length, FRAMES.crc, max_length=20)
    index = bounded.scan(A + C + B)
    assert account(index) == ([(0, 15), (38, 48)], [(15, 38, "wrong length")])
    short = Frames(SYNC, Length(4, ">u2"), FRAMES.crc)
    data = short.write([b"ab"])
    assert account(short.scan(SYNC + b"\0\x09" + data)) == ([(6, 18)], [(0, 6, "wrong length")])


def test_without_a_checksum_the_next_sync_word_counts():
    first, second = UNCHECKED.write([b"one"]), UNCHECKED.write([b"second"])
    assert len(UNCHECKED.scan(first + second)) == 2
    index = UNCHECKED.scan(first + b"?" + second)
    assert account(index) == ([(10, 22)], [(0, 10, "wrong length")])
    index = UNCHECKED.scan(first + second[:3])
    assert account(index) == ([(0, 9)], [(9, 12, "cut off at the end of the file")])


def test_fixed_frames_without_a_checksum_need_a_sync_word_only():
    fixed = Frames(SYNC, 8)
    index = fixed.scan(SYNC + b"data" + b"?" + SYNC + b"more" + SYNC)
    assert account(index) == (
        [(0, 8), (9, 17)],
        [(8, 9, "no sync word"), (17, 21, "cut off at the end of the file")],
    )


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 16, 33, 64])
def test_sync_words_of_any_size(size):
    sync = bytes(range(1, size + 1))
    frames = Frames(sync, Length(size, "u1", size + 3), Crc("crc-16/mcrf4xx", size, dtype="<u2"))
    data = frames.write([b"", b"payload", b"\xff" * 40])
    for noise in (b"", b"\1", sync[:-1], sync[:-1] + b"\0", b"\xff" * 100):
        index = frames.scan(noise + data)
        assert len(index) == 3
        assert index.start[0] == len(noise)


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<u4", ">u4", "<u8", ">u8", "=u4"])
def test_lengths_of_any_dtype(dtype):
    frames = Frames(SYNC, Length(5, dtype, plus=-3), FRAMES.crc)
    data = frames.write([b"payload", b"", bytes(200)])
    assert len(frames.scan(data)) == 3
    huge = SYNC + b"\0" + b"\xff" * np.dtype(dtype).itemsize
    assert len(frames.scan(huge + data + huge)) == 3


@pytest.mark.parametrize("noise", [31, 32, 33, 63, 64, 65, 4096])
def test_a_sync_word_at_any_distance(noise):
    for shift in range(4):
        index = FRAMES.scan(b"\x1a" * (noise + shift) + A)
        assert index.start.tolist() == [noise + shift]


def test_in_many_pieces_with_little_room(monkeypatch):
    data = b"".join([b"?", A, B, b"noise" * 20, C] * 100)
    whole = account(FRAMES.scan(data))
    for few, piece in ((1, 1), (2, 7), (3, 1000), (1000, 64)):
        monkeypatch.setattr(_find, "FEW", few)
        monkeypatch.setattr(_find, "MANY", 2 * few)
        monkeypatch.setattr(_find, "PIECE", piece)
        assert account(FRAMES.scan(data)) == whole


def test_the_buffer_is_neither_changed_nor_kept():
    data = bytearray(A + B)
    FRAMES.scan(data)
    data.append(0)  # a BufferError if someone still held it
    assert data == A + B + b"\0"


@pytest.mark.parametrize(
    ("data", "kind", "offset", "record", "message"),
    [
        (A + b"junk" + B, "sync", 15, 1, r"expected the sync word 1acffc1d, got 6a756e6b at offset 15 \(frame 1\)"),
        (A + B + b"\xff", "sync", 25, 2, r"expected the sync word 1acffc1d, got ff at offset 25 \(frame 2\)"),
        (
            A + flipped(B, 9), "checksum", 15, 1,
            r"expected the checksum 0x41d912ff \(crc-32/iso-hdlc\), got 0x41d912fe in the frame at offset 15 \(fr",
        ),
        (A + C[:-1], "truncated", 15, 1, "expected a whole frame, got its first 22 bytes, cut off at the end"),
        (
            flipped(A, 4) + B, "length", 0, 0,
            r"expected a frame of 10 to 65545 bytes that ends in the buffer, got the length 271 at offset 0 \(fra",
        ),
    ],
)  # fmt: skip
def test_strict_raises_at_the_first_damage(data, kind, offset, record, message):
    with pytest.raises(DecodeError, match=message) as caught:
        FRAMES.scan(data, errors="strict")
    assert (caught.value.kind, caught.value.offset, caught.value.record) == (kind, offset, record)


def test_strict_says_which_lengths_are_possible():
    bounded = Frames(SYNC, FRAMES.length, FRAMES.crc, max_length=20)
    with pytest.raises(DecodeError, match="expected a frame of 10 to 20 bytes, got the length 23 at offset 15"):
        bounded.scan(A + C, errors="strict")
    first = UNCHECKED.write([b"one"])
    with pytest.raises(DecodeError, match="expected a sync word behind the frame of 9 bytes, got 3f1acffc at offset 0"):
        UNCHECKED.scan(first + b"?" + first, errors="strict")


def test_strict_passes_what_is_sound():
    index = FRAMES.scan(A + B + C, errors="strict")
    assert account(index)[0] == [(0, 15), (15, 25), (25, 48)]
    assert len(FRAMES.scan(b"", errors="strict")) == 0
