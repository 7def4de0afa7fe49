"""What the cases of `jitkit.telemetry` read, and how it is read without it."""

import io
import struct
import zlib

import numpy as np

SYNC = b"\x1a\xcf\xfc\x1d"
HEAD, TAIL = 6, 4


def log(n):
    """A ULog of two topics, with so many records in all."""
    import jitkit as jk  # here and below: loading the suite must not need what an old commit lacks

    rng = np.random.default_rng(3)
    attitude = np.zeros(n - n // 4, [("timestamp", "u8"), ("q", "f4", (4,)), ("reset", "u1")])
    attitude["timestamp"] = np.arange(len(attitude)) * 4000
    attitude["q"] = rng.standard_normal((len(attitude), 4))
    status = np.zeros(n // 4, [("timestamp", "u8"), ("voltage", "f4"), ("mode", "u2")])
    status["timestamp"] = np.arange(len(status)) * 12_000
    status["voltage"] = rng.uniform(10, 17, len(status))
    file = io.BytesIO()
    jk.telemetry.ulog.write(file, {"attitude": attitude, "status": status})
    return (file.getvalue(),)


def columns(data):
    import jitkit as jk

    log = jk.telemetry.read(data)
    return {topic: dict(log[topic].items()) for topic in log}


def frames():
    import jitkit as jk

    framing = jk.telemetry.framing
    length, crc = framing.Length(4, ">u2", plus=HEAD + TAIL), framing.Crc("crc-32/iso-hdlc", start=4, dtype=">u4")
    return framing.Frames(SYNC, length, crc)


def stream(n):
    """So many frames, with noise between some of them."""
    rng = np.random.default_rng(3)
    found = frames()
    data = b"".join(found.write([rng.bytes(int(rng.integers(20, 200)))]) + rng.bytes(i % 8 == 0) for i in range(n))
    return found, data


def starts(frames, data):
    return frames.scan(data).start


def starts_in_python(_, data):
    found, at = [], data.find(SYNC)
    while 0 <= at <= len(data) - HEAD - TAIL:
        stop = at + HEAD + TAIL + (data[at + 4] << 8 | data[at + 5])
        if stop <= len(data) and zlib.crc32(data[at + 4 : stop - 4]) == struct.unpack_from(">I", data, stop - 4)[0]:
            found.append(at)
            at = data.find(SYNC, stop)
        else:
            at = data.find(SYNC, at + 1)
    return found
