"""A scan is compared with its twin in plain Python, on streams that are made to confuse it."""

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from jitkit.telemetry.framing import Crc, Frames, Length, _find, _reference

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("way")]

STEADY = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
EXAMPLES = 60

KINDS = {
    "usual": Frames(b"\x1a\xcf\xfc\x1d", Length(4, ">u2", 10), Crc("crc-32/iso-hdlc", 4, -4, ">u4")),
    "short sync": Frames(b"\1", Length(1, "u1", 4), Crc("crc-16/ibm-3740")),
    "sync that repeats": Frames(b"\1\1", Length(2, "u1", 2), Crc("crc-8/smbus", 2)),
    "long sync": Frames(b"\1\0\1\0\1\0\1\0\1\2", Length(10, "<u2", -1), Crc("crc-24/openpgp", 0, -4, "<u4")),
    "words and gaps": Frames(b"\1\2", Length(4, "<u4", 8, scale=4), Crc("crc-16/modbus", 1, -3, "<u2"), 100),
    "header checksum": Frames(b"\1\2", Length(2, ">u2", 6), Crc("crc-16/xmodem", 2, 4)),
    "covers its end": Frames(b"\1\2", Length(2, "u1", 8), Crc("crc-32/iscsi", -5, -4)),
    "fixed": Frames(b"\1\2", 9, Crc("crc-16/ibm-sdlc", 0, -2, "<u2")),
    "fixed, unchecked": Frames(b"\1\2", 5),
    "unchecked": Frames(b"\1\2", Length(2, "u1", 3)),
    "limited": Frames(b"\1\2", Length(2, "<u8", 12), Crc("crc-32/bzip2", 2), max_length=40),
}


def pieces(frames):
    """Bytes that may stand in a stream: frames, parts of them, false ones, noise."""
    least = frames.least - frames.header - frames.trailer
    scale = frames.length.scale if frames.length else 1
    sizes = st.just(least) if frames.length is None else st.integers(0, 24 // scale).map(lambda n: least + n * scale)
    letters = st.sampled_from(sorted({*frames.sync, 0, 1, 255}))
    payload = sizes.flatmap(lambda size: st.lists(letters, min_size=size, max_size=size).map(bytes))
    sound = payload.map(lambda body: frames.write([body]))
    cut = st.tuples(sound, st.integers(0, 60), st.integers(0, 60)).map(lambda t: t[0][min(t[1:]) : max(t[1:])])
    flip = st.tuples(sound, st.integers(0), st.integers(1, 255)).map(
        lambda t: bytes(byte ^ (t[2] if i == t[1] % len(t[0]) else 0) for i, byte in enumerate(t[0]))
    )
    false = st.tuples(st.lists(letters, max_size=6).map(bytes), st.integers(1, 12)).map(
        lambda t: (frames.sync + t[0]) * t[1]
    )
    noise = st.one_of(st.binary(max_size=80), st.lists(letters, max_size=40).map(bytes))
    return st.one_of(sound, sound, cut, flip, false, noise)


def streams(frames):
    return st.lists(pieces(frames), max_size=10).map(b"".join)


@pytest.mark.parametrize("slack", [1 << 16, 20, -(1 << 40)], ids=["direct", "both", "kept registers"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_agrees_with_its_twin(kind, slack, monkeypatch):
    frames = KINDS[kind]
    monkeypatch.setattr(_find, "SLACK", slack)

    @settings(STEADY, max_examples=EXAMPLES)
    @given(streams(frames))
    def agree(data):
        found, skipped = _reference.scan(frames, data)
        index = frames.scan(data)
        assert list(zip(index.start.tolist(), index.stop.tolist(), strict=True)) == found
        assert index.report.skipped == skipped
        report = index.report
        assert report.decoded_bytes + report.skipped_bytes == report.size == len(data)
        event(f"{min(len(found), 3)} frames, {min(len(skipped), 3)} gaps")

    agree()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_found(kind):
    frames = KINDS[kind]
    scale = frames.length.scale if frames.length else 1
    least, most = (size - frames.header - frames.trailer for size in (frames.least, min(frames.most, 40)))

    @settings(STEADY, max_examples=60)
    @given(
        st.lists(
            st.integers(0, (most - least) // scale).flatmap(
                lambda n: st.binary(min_size=least + n * scale, max_size=least + n * scale)
            )
        )
    )
    def found_again(payloads):
        data = frames.write(payloads)
        index = frames.scan(data, errors="strict")
        spans = zip(index.payload_start.tolist(), index.payload_stop.tolist(), strict=True)
        assert [data[start:stop] for start, stop in spans] == payloads
        assert index.report.completeness == "complete"

    found_again()


def test_undamaged_frames_survive_damage():
    """Whatever happens to some frames of a stream, all others are found."""
    frames = KINDS["usual"]
    written = [frames.write([bytes([i]) * (i % 90)]) for i in range(256)]

    @settings(STEADY, max_examples=100)
    @given(st.dictionaries(st.integers(0, 255), st.tuples(st.integers(0), st.binary(max_size=30)), max_size=40))
    def survive(damage):
        stream, kept, at = [], [], 0
        for i, frame in enumerate(written):
            piece = frame
            if i in damage:
                cut, inserted = damage[i]
                cut %= len(frame)
                piece = frame[:cut] + inserted + frame[cut + 1 :]
            if piece == frame:
                kept.append(at)
            stream.append(piece)
            at += len(piece)
        assert set(kept) <= set(frames.scan(b"".join(stream)).start.tolist())

    survive()
