"""Can a file make the readers of telemetry crash, hang, or lose count? Mutated files, each ending at a forbidden page.

    python asv_bench/proofs/telemetry_damage.py                     # 100,000 mutations of each format: some 20 minutes
    python asv_bench/proofs/telemetry_damage.py --count 500
    python asv_bench/proofs/telemetry_damage.py --markdown > asv_bench/results/telemetry-damage.md

Every mutation has a seed: cuts, flips, ranges that are inserted, deleted, repeated or overwritten, hostile lengths and
counts, definitions that lie. It is read by a child process with ``errors="recover"`` and with "strict", and every
column is touched. A read behind the file's end kills the child. It ends with status 1 if a child died, anything but a
DecodeError was raised, an account is not that of the whole file, or a file took memory or time out of proportion.
"""

import argparse
import ctypes
import json
import mmap
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

import jitkit as jk

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import _host

COUNT = 100_000
FIELDS = [("timestamp", "<u8"), ("q", "<f4", (4,)), ("mode", "u1"), ("nested", [("x", "<i2"), ("y", "<f8")])]
WARM_UP = 20
AT_ONCE = 2_000  # mutations that one child reads
MOST_BYTES = 400  # of memory, for each byte of a file: a column of one row takes that much
SPARE_BYTES = 32 << 20  # what is kept for the next log: the last one's memory, and what its definitions meant
SECONDS_PER_BYTE = 20e-6  # at 1 ms for each file, on a busy machine
SYNC = b"\x1a\xcf\xfc\x1d"

Array = np.ndarray


def ulogs() -> list[Array]:
    """Small logs: topics of few and of many columns, nested types, texts, parameters, dropouts."""
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        topics = {}
        for number in range(1 + seed):
            fields = [
                ("timestamp", "<u8"),
                ("q", "<f4", (4,)),
                ("mode", "u1"),
                ("nested", [("x", "<i2"), ("y", "<f8")]),
            ]
            rows = np.zeros(rng.integers(1, 60), fields[: 2 + number % 3])
            rows["timestamp"] = np.sort(rng.integers(0, 1 << 40, rows.size))
            rows["q"] = rng.standard_normal((rows.size, 4))
            topics[f"topic_{number}"] = rows
            topics[(f"topic_{number}", 1)] = rows[::2]
        target = Path(f"/dev/shm/jitkit-proof-{os.getpid()}.ulg")
        jk.telemetry.ulog.write(
            target, topics, info={"sys_name": "PX4", "ver": 7}, parameters={"A_B": 1, "C": 2.5},
            messages=[jk.telemetry.ulog.Message(5, "INFO", "Takeoff detected", None)],
        )  # fmt: skip
        found.append(np.fromfile(target, np.uint8))
        target.unlink()
    return found


def streams() -> list[Array]:
    """Small streams of frames."""
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        found.append(np.frombuffer(FRAMES.write([rng.bytes(int(n)) for n in rng.integers(0, 90, 40)]), np.uint8))
    return found


FRAMES = jk.telemetry.framing.Frames(
    SYNC,
    jk.telemetry.framing.Length(offset=4, dtype=">u2", plus=10),
    jk.telemetry.framing.Crc("crc-32/iso-hdlc", start=4, dtype=">u4"),
)
HOSTILE = {
    "ulog": [
        b"\xff\xffD", b"\x00\x00D\x00\x00", b"\x05\x00A\x00\x00\x00xy", b"\x0a\x00Fa:a[9] b;", b"\xff\xff\xff\xff",
        b"\x12\x00Ftopic_0:float q;xx", b"\x0a\x00A\x00\x01\x00topic_1", b"\x2f\x73\x13\x20\x25\x0c\xbb\x12",
        b"\x15\x00Fbig:uint8_t[65535] x", b"\x02\x00O\x07\x00", b"\x28\x00B" + b"\xff" * 40, b"\x06\x00P\xfffloat",
        b"\x1d\x00Fa:b[65535] x;b[65535] y;b z;", b"\x14\x00Fb:uint8_t[65535] x;y",
    ],
    "frames": [SYNC, SYNC + b"\xff\xff", SYNC + b"\x00\x00", SYNC[:2], SYNC * 9, b"\xff" * 20],
}  # fmt: skip


def mutated(data: Array, seed: int, hostile: list[bytes]) -> Array:
    """A damaged copy."""
    rng = np.random.default_rng(seed)
    for _ in range(rng.integers(1, 6)):
        if not data.size:
            break
        at, length = int(rng.integers(0, data.size)), int(rng.geometric(0.05))
        piece = np.frombuffer(hostile[rng.integers(len(hostile))], np.uint8)
        match rng.integers(8):
            case 0:
                data = data[:at]
            case 1:
                data = data.copy()
                places = rng.integers(0, data.size, length)
                data[places] ^= rng.integers(1, 256, length).astype(np.uint8)
            case 2:
                data = np.concatenate([data[:at], rng.integers(0, 256, length).astype(np.uint8), data[at:]])
            case 3:
                data = np.concatenate([data[:at], data[at + length :]])
            case 4:
                data = np.concatenate([data[:at], piece, data[at:]])
            case 5:
                data = data.copy()
                data[at : at + piece.size] = piece[: data.size - at]
            case 6:
                data = np.concatenate([data[:at], np.tile(piece, int(rng.integers(1, 200))), data[at:]])
            case 7:
                other = int(rng.integers(0, data.size))
                data = np.concatenate([data[:at], data[other : other + 20 * length], data[at:]])
    return data


class Guarded:
    """Memory behind which nothing may be read."""

    def __init__(self, nbytes: int) -> None:
        self._size = -(-nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
        self._memory = mmap.mmap(-1, self._size + mmap.PAGESIZE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        if ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(address + self._size), mmap.PAGESIZE, 0):
            raise OSError(ctypes.get_errno(), "mprotect")

    def at_the_end(self, data: Array) -> Array:
        """A copy of some bytes, whose last one is the last that may be read."""
        target = np.frombuffer(self._memory, np.uint8, data.size, self._size - data.size)
        target[:] = data
        return target


def read_log(data: Array, errors: str) -> str:
    log = jk.telemetry.read(data, format="ulog", errors=errors)
    for topic in log:
        for column in log[topic].values():
            column.tobytes()
    _ = log.info, log.multi_info, log.parameters, log.messages, log.dropouts, repr(log)
    return account(log.report, data.size)


def read_frames(data: Array, errors: str) -> str:
    index = FRAMES.scan(data, errors=errors)
    if (index.stop <= index.start).any() or (index.start[1:] < index.stop[:-1]).any():
        raise AssertionError("frames overlap")
    return account(index.report, data.size)


def account(report: jk.telemetry.Report, size: int) -> str:
    """Completeness; an AssertionError if the account is not that of the file."""
    skipped = report.skipped
    ends = [0, *(end for start, stop, _ in skipped for end in (start, stop)), size]
    exact = report.decoded_bytes + report.skipped_bytes + report.container_bytes == report.size == size
    if not exact or ends != sorted(ends) or sum(stop - start for start, stop, _ in skipped) != report.skipped_bytes:
        raise AssertionError(f"the account is not that of {size} bytes: {report!r}")
    return report.completeness


READERS: dict[str, Callable[[Array, str], str]] = {"ulog": read_log, "frames": read_frames}
SOURCES = {"ulog": ulogs, "frames": streams}


def read_all(name: str, first: int, count: int) -> None:
    """Read some mutations; prints a JSON line of what came of them, and the seed before each in a file."""
    sources, guarded = SOURCES[name](), Guarded(1 << 21)
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    read = READERS[name]
    for source in sources:  # what is to be compiled and loaded is that by now
        for number in range(WARM_UP):
            for errors in ("recover", "strict"):
                with suppress(jk.DecodeError):
                    read(guarded.at_the_end(mutated(source, 10**9 + number, HOSTILE[name])), errors)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest = 0
    for seed in range(first, first + count):
        os.pwrite(3, f"{seed:020}".encode(), 0)
        data = guarded.at_the_end(mutated(sources[seed % len(sources)], seed, HOSTILE[name]))
        largest = max(largest, data.size)
        for errors in ("recover", "strict"):
            start = time.process_time()
            try:
                outcomes[f"{errors}: {read(data, errors)}"] += 1
            except jk.DecodeError:
                outcomes[f"{errors}: DecodeError"] += 1
            seconds = time.process_time() - start
            if seconds > SECONDS_PER_BYTE * max(data.size, 1000):  # another time: it may have loaded a kernel
                start = time.process_time()
                with suppress(jk.DecodeError):
                    read(data, errors)
                seconds = time.process_time() - start
            slowest = max(slowest, seconds / max(data.size, 1000))
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    print(json.dumps({"outcomes": outcomes, "slowest": slowest, "grown": grown, "largest": largest}))


def prove(name: str, count: int, scratch: Path) -> dict[str, object]:
    """Have children read the mutations of a format, two at a time."""
    outcomes: Counter[str] = Counter()
    slowest, most, failures = 0.0, 0.0, []
    waiting = [(first, min(AT_ONCE, count - first)) for first in range(0, count, AT_ONCE)]
    running: list[tuple[subprocess.Popen[str], Path]] = []
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            first, some = waiting.pop(0)
            seeds = scratch / f"{name}-{first}"
            with seeds.open("wb") as file:
                os.dup2(file.fileno(), 3)
                command = [sys.executable, __file__, "--child", name, str(first), str(some)]
                child = subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=[3]
                )
            running.append((child, seeds))
        child, seeds = running.pop(0)
        output, complaint = child.communicate()
        if child.returncode:
            failures.append(f"seed {int(seeds.read_text() or 0)}: status {child.returncode}, {complaint[-500:]}")
            continue
        one = json.loads(output)
        outcomes.update(one["outcomes"])
        slowest = max(slowest, one["slowest"])
        most = max(most, (one["grown"] - SPARE_BYTES) / one["largest"])
    if slowest > SECONDS_PER_BYTE:
        failures.append(f"a file took {slowest * 1e6:.1f} us for each byte")
    if most > MOST_BYTES:
        failures.append(f"files took {most:.0f} bytes of memory for each of theirs")
    return {"outcomes": dict(sorted(outcomes.items())), "slowest": slowest, "failures": failures}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT, metavar="N", help="mutations of each format")
    parser.add_argument("--format", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, first, count = options.child
        read_all(name, int(first), int(count))
        return 0
    import tempfile

    failed = False
    lines = ["| format | mutations | what came of them | crashes, wrong accounts |", "| --- | ---: | --- | ---: |"]
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.format:
            found = prove(name, options.count, Path(scratch))
            failed = failed or bool(found["failures"])
            outcomes = ", ".join(f"{what} {number:,}" for what, number in found["outcomes"].items())
            lines.append(f"| {name} | {options.count:,} | {outcomes} | {len(found['failures'])} |")
            for failure in found["failures"]:
                print(failure, file=sys.stderr)
    heading = _host.heading(_host.describe(("jitkit", "numpy", "numba")), ()) if options.markdown else []
    print("\n".join([*(f"{line}  " for line in heading), "", *lines]))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
