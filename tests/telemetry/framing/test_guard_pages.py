"""Nothing is read outside a buffer: it lies between pages that nobody may touch.

One byte too far ends the process, so each test runs this file in a process of its own and looks how that ended.
"""

import ctypes
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jitkit.telemetry.framing import Crc, Frames, Length, _find, _folding, _reference, _registers
from jitkit.telemetry.framing._catalogue import CATALOGUE
from jitkit.telemetry.framing._constants import INITIAL, constants
from jitkit.telemetry.framing._scan import scanners

pytestmark = pytest.mark.kernel

PLACES = ("at_end", "at_start")


def in_a_process(*functions):
    """Run functions of this file; their process must end well. Gives how much each has checked."""
    done = subprocess.run([sys.executable, __file__, *functions], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (
        f"exit code {done.returncode} (-11: touched a forbidden page)\n{done.stdout}{done.stderr}"
    )
    return {name: int(count) for name, count in map(str.split, done.stdout.splitlines())}


@pytest.mark.parametrize("touch", ["read_behind", "read_before"])
def test_the_pages_are_forbidden(touch):
    """The other tests would see a byte too far: here it is."""
    done = subprocess.run([sys.executable, __file__, touch], capture_output=True, timeout=60)
    assert done.returncode in (-signal.SIGSEGV, -signal.SIGBUS), done.stderr


def test_checksums_stay_inside():
    assert in_a_process("checksums")["checksums"] == 2 * 300 * len(ways())


def test_a_scan_stays_inside():
    assert in_a_process("scans")["scans"] > 2000 * len(ways())


def test_writing_stays_inside():
    assert in_a_process("writes")["writes"] == 200


# What the processes do.


guarded = runpy.run_path(str(Path(__file__).parents[2] / "simd" / "guard_pages.py"))["guarded"]


def ways():
    return [_registers.slicing, *([_registers.folding] if _folding.available() else [])]


def around(data, place):
    """A copy of bytes with a forbidden page at one side."""
    memory = guarded(place, np.uint8, len(data))
    memory[:] = np.frombuffer(data, np.uint8)
    memory.flags.writeable = False
    return memory


def read_behind():
    return checksum_of_memory("at_end", 0)


def read_before():
    return checksum_of_memory("at_start", -1)


def checksum_of_memory(place, start):
    """CRC of 101 bytes, of which one is forbidden."""
    array = guarded(place, np.uint8, 100)
    address = array.ctypes.data + start
    memory = np.ctypeslib.as_array((ctypes.c_uint8 * 101).from_address(address))
    memory.flags.writeable = False
    return scanners(_registers.best()).register(memory, *crc32()), array


def crc32():
    words = constants(CATALOGUE["crc-32/iso-hdlc"])
    return words[INITIAL], words


def checksums():
    checked = 0
    start, words = crc32()
    for way in ways():
        register = scanners(way()).register
        for place in PLACES:
            for size in range(300):
                data = np.random.default_rng(size).bytes(size)
                expected = _reference.crc(CATALOGUE["crc-32/iso-hdlc"], data)
                assert int(register(around(data, place), start, words)) ^ 0xFFFFFFFF == expected
                checked += 1
    return checked


KINDS = [
    Frames(b"\x1a\xcf\xfc\x1d", Length(4, ">u2", 10), Crc("crc-32/iso-hdlc", 4)),
    Frames(b"\1", Length(1, "u1", 4), Crc("crc-16/ibm-3740")),
    Frames(bytes(range(40)), Length(40, "<u8", 60), Crc("crc-16/ibm-sdlc", 40, -4, "<u2")),
    Frames(b"\1\2", Length(2, "u1", 3)),
    Frames(b"\1\2", 5),
]


def scans():
    """Streams that end everywhere, with all that can stand at an end: parts of frames, of sync words, of lengths."""
    checked = 0
    for way in ways():
        _registers.best = lambda way=way: way()
        for frames in KINDS:
            least = frames.least - frames.header - frames.trailer
            sound = frames.write([bytes(least), bytes(least)])
            field = b"\xff" * 8 if frames.length is None else b"\0" * (frames.length.dtype.itemsize - 1) + b"\x30"
            false = (frames.sync + field) * 3
            for data in (
                sound,
                sound[:-1] + b"\7" + sound,
                false + sound,
                b"\1" * 40 + sound + false,
                b"?" * 70 + sound,
            ):
                for slack in (1 << 16, -(1 << 40)):
                    _find.SLACK = slack
                    for size in range(max(0, len(data) - 80), len(data) + 1):
                        expected, skipped = _reference.scan(frames, data[:size])
                        for place in PLACES:
                            index = frames.scan(around(data[:size], place))
                            assert list(zip(index.start.tolist(), index.stop.tolist(), strict=True)) == expected
                            assert index.report.skipped == skipped
                            checked += 1
    return checked


def writes():
    checked = 0
    for size in range(200):
        payload = around(np.random.default_rng(size).bytes(size), PLACES[size % 2])
        assert len(KINDS[0].scan(KINDS[0].write([payload]))) == 1
        checked += 1
    return checked


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, globals()[name](), flush=True)
