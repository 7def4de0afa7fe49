"""Nothing is read or written outside slots and arrays: they end at, or begin behind, pages that nobody may touch.

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
from jitkit.ring._block import HEADER_NBYTES, ROLLING, words_of, write_header
from jitkit.ring._elements import element_of

pytestmark = pytest.mark.kernel

PLACES = ("at_end", "at_start")
MOST = 200  # bytes of an array: copies of all sizes, and more than three blocks of 64
RECORD = np.dtype([("t", "i8"), ("v", "f8"), ("k", "i4"), ("m", "i4")])
DTYPES = {np.dtype(np.uint8): 256, np.dtype(np.int16): 128, np.dtype(np.float32): 64, np.dtype(np.int64): 32, RECORD: 8}
ODD = [np.dtype([("a", "u1", (size,))]) for size in (3, 25)]


def in_a_process(*functions):
    """Run functions of this file; their process must end well. Gives how much each has checked."""
    done = subprocess.run([sys.executable, __file__, *functions], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (
        f"exit code {done.returncode} (-11: touched a forbidden page)\n{done.stdout}{done.stderr}"
    )
    return {name: int(count) for name, count in map(str.split, done.stdout.splitlines())}


@pytest.mark.parametrize("touch", ["write_behind_the_slots", "extend_from_behind", "drain_to_behind"])
def test_the_pages_are_forbidden(touch):
    """The other tests would see an element too far: here it is."""
    done = subprocess.run([sys.executable, __file__, touch], capture_output=True, timeout=60)
    assert done.returncode in (-signal.SIGSEGV, -signal.SIGBUS), done.stderr


def test_a_ring_stays_inside_when_python_calls():
    assert in_a_process("rings_from_python")["rings_from_python"] > 2000


def test_a_ring_stays_inside_in_kernels():
    checked = in_a_process("rings_in_kernels", "odd_records_in_kernels")
    assert checked["rings_in_kernels"] == 3 * 2 * 201
    assert checked["odd_records_in_kernels"] == len(ODD) * 2 * 3


def test_a_window_stays_inside():
    checked = in_a_process("windows_from_python", "windows_in_kernels")
    assert checked["windows_from_python"] > 2000
    assert checked["windows_in_kernels"] == 30


# What the processes do.


guarded = runpy.run_path(str(Path(__file__).parents[1] / "simd" / "guard_pages.py"))["guarded"]


def block_at_the_end(dtype, capacity, family, times=1):
    """A block whose last slot ends at a forbidden page."""
    nbytes = times * capacity * dtype.itemsize
    slots = HEADER_NBYTES + -nbytes % 128
    block = guarded("at_end", np.uint8, slots + nbytes)
    policy = "overwrite" if family == "window buffer" else "reject"
    write_header(block, slots, capacity, dtype.itemsize, policy, family)
    return block


def guarded_ring(dtype, capacity, moved=0):
    """A ring in guarded memory, whose next slot is number `moved`."""
    ring = jk.RingBuffer.__new__(jk.RingBuffer)
    block = block_at_the_end(dtype, capacity, "ring buffer")
    ring._make(element_of(dtype, "RingBuffer"), capacity, "reject", block)
    for _ in range(moved):
        ring.extend(np.zeros(1, dtype))
        ring.drain(np.zeros(1, dtype))
    return ring


def guarded_window(dtype, capacity):
    window = jk.WindowBuffer.__new__(jk.WindowBuffer)
    block = block_at_the_end(dtype, capacity, "window buffer", times=2)
    words_of(block)[ROLLING // 8] = window._rolling = 0
    window._set_up(block, element_of(dtype, "WindowBuffer"), capacity, "overwrite")
    assert not window.mirrored
    jk.WindowBuffer(dtype, 2)  # numba gets to know windows
    return window


def numbered(place, dtype, count):
    """An array beside a forbidden page, all of whose bytes differ from those beside them."""
    array = guarded(place, dtype, count)
    array.view(np.uint8).reshape(-1)[:] = np.arange(array.nbytes) % 251
    return array


def write_behind_the_slots():
    ring = guarded_ring(np.dtype(np.int64), 4)
    np.lib.stride_tricks.as_strided(ring._slots[-1:], (2,), (8,))[1] = 1


def extend_from_behind():
    values = numbered("at_end", np.int64, 3)
    jk.RingBuffer(np.int64, 4).extend(np.lib.stride_tricks.as_strided(values, (4,), (8,)))


def drain_to_behind():
    ring = jk.RingBuffer(np.int64, 4)
    ring.extend(range(4))
    ring.drain(np.lib.stride_tricks.as_strided(guarded("at_end", np.int64, 3), (4,), (8,)))


def put_in_and_take_out(extend, drain, ring, place, count):
    source, out = numbered(place, ring.dtype, count), guarded(place, ring.dtype, count)
    kept = min(count, ring.capacity - len(ring))
    assert extend(ring, source) == kept
    assert drain(ring, out[:kept]) == kept
    assert out[:kept].tobytes() == source[:kept].tobytes()
    assert not out[kept:].view(np.uint8).any()
    return 1


def rings_from_python():
    checked = 0
    for dtype, capacity in DTYPES.items():
        for moved in (0, 1, capacity - 1):  # all in one part, or in two
            ring = guarded_ring(dtype, capacity, moved)
            for count in range(MOST // dtype.itemsize + 1):
                for place in PLACES:
                    checked += put_in_and_take_out(jk.RingBuffer.extend, jk.RingBuffer.drain, ring, place, count)
        ring = guarded_ring(dtype, 2)
        for count in range(5):
            checked += put_in_and_take_out(jk.RingBuffer.extend, jk.RingBuffer.drain, ring, "at_end", count)
    for dtype in (*DTYPES, *ODD):
        ring, value = guarded_ring(dtype, 2), numbered("at_end", dtype, 1)[0]
        for _ in range(5):
            assert ring.push(value)
            assert ring.peek().tobytes() == ring.slices()[0].tobytes() if dtype.names else True
            assert ring.pop() == value
            checked += 1
    return checked


@jk.jit
def extend(ring, values):
    return ring.extend(values)


@jk.jit
def drain(ring, out):
    return ring.drain(out)


@jk.jit
def one_by_one(ring, values, out):
    for i in range(len(values)):
        ring.push(values[i])
    out[0] = ring[-1]
    for i in range(len(out)):
        out[i] = ring.pop()


def rings_in_kernels():
    checked, dtype = 0, np.dtype(np.uint8)
    for moved in (0, 1, 251):
        ring = guarded_ring(dtype, 256, moved)
        for count in range(MOST + 1):
            for place in PLACES:
                checked += put_in_and_take_out(extend, drain, ring, place, count)
    return checked


def odd_records_in_kernels():
    checked = 0
    for dtype in ODD:
        for place in PLACES:
            for moved in range(3):
                ring = guarded_ring(dtype, 2, moved)
                values, out = numbered(place, dtype, 2), guarded(place, dtype, 2)
                one_by_one(ring, values, out)
                assert out.tobytes() == values.tobytes()
                checked += 1
    return checked


def windows_from_python():
    checked = 0
    for dtype, capacity in DTYPES.items():
        window, last = guarded_window(dtype, capacity), b""
        for count in range(MOST // dtype.itemsize + 1):
            for place in PLACES:
                values = numbered(place, dtype, count)
                assert window.extend(values) == count
                last = (last + values.tobytes())[-capacity * dtype.itemsize :]
                assert window.window(len(window)).tobytes() == last
                checked += 1
        window = guarded_window(dtype, 2)
        for count in (0, 1, 2, 3, 1, 5):
            window.extend(numbered("at_end", dtype, count))
        for _ in range(400):
            window.push(values[-1])
            checked += 1
        assert window.window(2).tobytes() == 2 * values[-1:].tobytes()
    return checked


@jk.jit
def through_a_window(window, values, one_by_one):
    if one_by_one:
        for i in range(len(values)):
            window.push(values[i])
    else:
        window.extend(values)
    return window.window(min(len(window), 3))


def windows_in_kernels():
    checked = 0
    window = guarded_window(RECORD, 8)
    for count in range(3, 18):
        for one_by_one in (False, True):
            values = numbered("at_end", RECORD, count)
            assert through_a_window(window, values, one_by_one).tobytes() == values[-3:].tobytes()
            checked += 1
    return checked


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, globals()[name]())
