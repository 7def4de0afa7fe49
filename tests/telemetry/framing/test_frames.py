"""What frames may look like, what is refused, and what is written."""

import binascii
import struct
import zlib

import numpy as np
import pytest

from jitkit.errors import DecodeError, LayoutError
from jitkit.telemetry.framing import Crc, Frames, Length

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("way")]

SYNC = b"\x1a\xcf\xfc\x1d"
U2 = Length(4, ">u2", 10)
CRC32 = Crc("crc-32/iso-hdlc", start=4, stop=-4, dtype=">u4")


def test_a_frame_as_struct_would_pack_it():
    body = struct.pack(">H", 5) + b"hello"
    assert Frames(SYNC, U2, CRC32).write([b"hello"]) == SYNC + body + struct.pack(">I", zlib.crc32(body))


def test_gaps_and_trailers_are_zero():
    frames = Frames(b"\xa5", Length(3, "<u2", plus=-1), Crc("crc-16/ibm-3740", 1, -4, "<u2"))
    body = b"\0\0" + struct.pack("<H", 5 + 3 + 4 + 1) + b"abc"
    crc = binascii.crc_hqx(body, 0xFFFF)
    assert frames.write([b"abc"]) == b"\xa5" + body + struct.pack("<H", crc) + b"\0\0"


def test_a_checksum_of_the_header_stands_in_it():
    frames = Frames(b"\xa5\x5a", Length(2, "<u2"), Crc("crc-16/xmodem", 0, 4))
    header = b"\xa5\x5a" + struct.pack("<H", 6 + 3)
    written = frames.write([b"abc"])
    assert written == header + struct.pack(">H", binascii.crc_hqx(header, 0)) + b"abc"
    index = frames.scan(written)
    assert (index.payload_start.tolist(), index.payload_stop.tolist()) == ([6], [9])


def test_a_fixed_length_counts_from_both_ends():
    by_front, by_end = Frames(SYNC, 12, Crc("crc-16/arc", 4, 10)), Frames(SYNC, 12, Crc("crc-16/arc", -8, -2))
    written = by_front.write([b"abcdef", b"123456"])
    assert written == by_end.write([b"abcdef", b"123456"])
    for frames in (by_front, by_end):
        index = frames.scan(written)
        assert index.stop.tolist() == [12, 24]
        assert (index.payload_start.tolist(), index.payload_stop.tolist()) == ([4, 16], [10, 22])


def test_a_field_that_counts_words():
    frames = Frames(SYNC, Length(4, "u1", plus=8, scale=4))
    assert frames.write([b"abc" + bytes(8)]) == SYNC + b"\2" + b"abc" + bytes(8)
    assert (frames.least, frames.most) == (8, 255 * 4 + 8)
    with pytest.raises(ValueError, match=r"whole units of 4 bytes, got 12 bytes, 1 too many \(payload 0\)"):
        frames.write([bytes(12)])


def test_payloads_of_any_kind():
    frames = Frames(SYNC, U2, CRC32)
    rows = np.arange(6, dtype=np.uint16).reshape(2, 3)
    assert frames.write(rows) == frames.write(memoryview(row) for row in rows)
    assert frames.write([]) == b""
    assert len(frames.write([b""])) == 10


def test_a_crc_narrower_than_its_field():
    frames = Frames(SYNC, Length(4, ">u2", 10), Crc("crc-16/arc", 4, -4, ">u4"))
    good = frames.write([b"abc"])
    assert good[-4:-2] == b"\0\0"
    assert len(frames.scan(good)) == 1
    assert len(frames.scan(good[:-4] + b"\1" + good[-3:])) == 0


def test_how_they_look():
    frames = Frames(SYNC, U2, Crc("crc-24/openpgp"))
    assert repr(frames) == (
        "Frames(sync=b'\\x1a\\xcf\\xfc\\x1d', length=Length(offset=4, dtype='>u2', plus=10, scale=1), "
        "crc=Crc('crc-24/openpgp', start=0, stop=-4, dtype='>u4'))"
    )


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Frames("text", 9), TypeError, "expected sync to be bytes, got str"),
        (lambda: Frames(b"", 9), ValueError, "expected a sync word of 1 to 64 bytes, got 0"),
        (lambda: Frames(bytes(65), 99), ValueError, "expected a sync word of 1 to 64 bytes, got 65"),
        (lambda: Frames(SYNC, 9, "crc-32"), TypeError, "expected crc to be a framing.Crc or None, got 'crc-32'"),
        (lambda: Frames(SYNC, "9"), TypeError, "expected the length to be an int, got '9'"),
        (lambda: Frames(SYNC, True), TypeError, "expected the length to be an int, got True"),
        (lambda: Frames(SYNC, 0), ValueError, "expected the length of at least 1, got 0"),
        (lambda: Frames(SYNC, 3), LayoutError, "expected a length of 4 bytes, which sync word and CRC need, .* got 3"),
        (lambda: Frames(SYNC, 7, CRC32), LayoutError, "expected a length of 8 bytes, .* got 7"),
        (lambda: Frames(SYNC, 2**32), LayoutError, "to 4294967295, got 4294967296"),
        (lambda: Frames(SYNC, 9, max_length=9), ValueError, "expected no max_length beside a fixed length, got 9"),
        (lambda: Frames(SYNC, U2, CRC32, 9), ValueError, "expected max_length of at least 10, got 9"),
        (lambda: Frames(SYNC, U2, CRC32, 2**32), ValueError, "expected max_length of at most 4294967295"),
        (lambda: Frames(SYNC, U2, CRC32, 1.5), TypeError, "expected max_length to be an int, got 1.5"),
        (
            lambda: Frames(SYNC, Length(3, "u1")),
            LayoutError,
            "the length behind the sync word of 4 bytes, got offset 3",
        ),
        (
            lambda: Frames(SYNC, Length(4, "u1", -256)),
            LayoutError,
            "expected a length that can say 5 to 4294967295 bytes, .* got Le",
        ),
        (
            lambda: Frames(SYNC, U2, Crc("crc-16/arc", 0, 5)),
            LayoutError,
            "beside the length at 4 to 6, got it at 5 to 7",
        ),
        (
            lambda: Frames(SYNC, U2, Crc("crc-16/arc", 0, 2)),
            LayoutError,
            "behind the sync word of 4 bytes, got it at 2",
        ),
        (lambda: Length(-1, "u1"), ValueError, "expected the length's offset of at least 0, got -1"),
        (
            lambda: Length(4, "i2"),
            TypeError,
            "expected the dtype of the length to be one of u1, <u2, >u2, .*, got 'i2'",
        ),
        (lambda: Length(4, "nonsense"), TypeError, "expected the dtype of the length .*, got 'nonsense'"),
        (lambda: Length(4, None), TypeError, "expected the dtype of the length .*, got None"),
        (lambda: Length(4, "u1", "x"), TypeError, "expected the length's plus to be an int, got 'x'"),
        (lambda: Length(4, "u1", 0, 0), ValueError, "expected the length's scale of at least 1, got 0"),
        (lambda: Crc("crc-32"), ValueError, "did you mean 'crc-32/iso-hdlc'"),
        (lambda: Crc("crc-32/iscsi", dtype=">u2"), TypeError, "expected a dtype of at least 32 bits .* got '>u2'"),
        (lambda: Crc("crc-32/iscsi", dtype=">u8"), TypeError, "expected the dtype of the CRC to be one of .* >u4, got"),
        (lambda: Crc("crc-32/iscsi", 4, -3), ValueError, "expected the CRC's stop at -4 or before, .* got -3"),
        (lambda: Crc("crc-32/iscsi", 8, 4), ValueError, r"expected the CRC's stop not before its start, got \[8:4\]"),
        (lambda: Crc("crc-32/iscsi", -8, 4), ValueError, r"got \[-8:4\]"),
        (lambda: Crc("crc-32/iscsi", 1.0), TypeError, "expected the CRC's start to be an int, got 1.0"),
        (lambda: Frames(SYNC, U2).scan(b"", errors="ignore"), ValueError, "'recover' or 'strict', got 'ignore'"),
        (lambda: Frames(SYNC, U2).scan(np.zeros(4)[::2]), DecodeError, "expected a C-contiguous buffer"),
        (lambda: Frames(SYNC, U2).write([b"abcd", np.zeros(4)[::2]]), DecodeError, "expected a C-contiguous buffer"),
        (lambda: Frames(SYNC, 9).write([b"abcde", b"abc"]), ValueError, r"of 5 bytes, got 3 \(payload 1\)"),
        (
            lambda: Frames(SYNC, U2, CRC32).write([bytes(65536)]),
            ValueError,
            r"expected a payload of 0 to 65535 bytes, got 65536 \(payload 0\)",
        ),
        (lambda: Frames(SYNC, U2, CRC32, 20).write([bytes(11)]), ValueError, "a payload of 0 to 10 bytes, got 11"),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("payloads", [None, 5, "abc", b"abc", bytearray(3), memoryview(b"abc")])
def test_payloads_are_several(payloads):
    frames = Frames(b"ab", Length(2, ">u2"))
    got = type(payloads).__name__
    with pytest.raises(TypeError, match=f"^expected an iterable of payloads, each a buffer, got {got}$"):
        frames.write(payloads)
