"""Nothing is read outside a file's bytes: they end at, or begin behind, pages that nobody may touch.

One byte too far ends the process, so each test runs this file in a process of its own and looks how that ended.
"""

import runpy
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jitkit as jk

sys.path.insert(0, str(Path(__file__).resolve().parent))  # where this file is a script of its own

import ulogs

pytestmark = pytest.mark.kernel

PLACES = ("at_end", "at_start")
guarded = runpy.run_path(str(Path(__file__).parents[2] / "simd" / "guard_pages.py"))["guarded"]


def in_a_process(*functions):
    """Run functions of this file; their process must end well. Gives how much each has checked."""
    done = subprocess.run([sys.executable, __file__, *functions], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (
        f"exit code {done.returncode} (-11: touched a forbidden page)\n{done.stdout}{done.stderr}"
    )
    return {name: int(count) for name, count in map(str.split, done.stdout.splitlines())}


def test_the_pages_are_forbidden():
    """The other tests would see a byte too far: here it is."""
    done = subprocess.run([sys.executable, __file__, "read_behind"], capture_output=True, timeout=60)
    assert done.returncode in (-signal.SIGSEGV, -signal.SIGBUS), done.stderr


def test_reading_stays_inside():
    checked = in_a_process("prefixes", "mutations", "messages_at_the_end")
    assert checked["prefixes"] > 400
    assert checked["mutations"] >= 400
    assert checked["messages_at_the_end"] > 1000


# What the processes do.


def read_behind():
    array = guarded("at_end", np.uint8, 100)
    return np.lib.stride_tricks.as_strided(array[-1:], (2,), (1,))[1]


def read_all(contents):
    """Read a file in guarded memory in both ways, and touch all of it."""
    for place in PLACES:
        memory = guarded(place, np.uint8, len(contents))
        memory[:] = np.frombuffer(contents, np.uint8)
        for errors in ("strict", "recover"):
            try:
                log = jk.telemetry.read(memory, format="ulog", errors=errors)
            except jk.DecodeError as error:
                if errors == "recover" and error.kind != "incompatible":
                    raise
                continue
            ulogs.assert_accounts(log.report, len(contents))
            for columns in log.values():
                for column in columns.values():
                    column.tobytes()
            for what in (log.info, log.multi_info, log.parameters, log.messages, log.dropouts):
                repr(what)


def prefixes():
    contents, _ = ulogs.small_log(records=20)
    sizes = [*range(400), *range(400, len(contents), 7)]
    for size in sizes:
        read_all(contents[:size])
    return len(sizes)


def mutations():
    sound = [ulogs.small_log(seed, records=60)[0] for seed in range(4)]
    for seed in range(400):
        kind = "delete" if seed % 5 == 0 else None
        read_all(ulogs.damaged(sound[seed % 4], seed, kind)[0])
    return 400


def messages_at_the_end():
    """Headers of every type that promise more, less, or as much as there is, with every start of a key behind them."""
    start = b"".join([ulogs.header(), ulogs.format_("t:uint64_t timestamp;"), ulogs.subscribe(0, "t")])
    done = 0
    for kind in "BFIMPQARDLCSOZ":
        for payload in (
            b"",
            b"\xff",
            b"\1\xff",
            b"\0" * 8,
            b"\5int32",
            b"\x09int32_t x",
            b"\1\xffchar[",
            b"\x08float[99",
        ):
            for nbytes in (0, len(payload), len(payload) + 1, 0xFFFF):
                read_all(start + nbytes.to_bytes(2, "little") + kind.encode() + payload)
                done += 1
                for cut in range(1, 4):
                    read_all(start + (nbytes.to_bytes(2, "little") + kind.encode() + payload)[:-cut])
                    done += 1
    return done


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, globals()[name]())
