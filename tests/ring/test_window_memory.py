"""What windows hold and where: dtypes, copies, refusals, memory that is mapped and given back."""

import copy
import errno
import gc
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jitkit as jk
from jitkit._core.mapping import PAGE, mirror_refusal
from jitkit.errors import CapacityError, LayoutError

PAGES = 2 * PAGE // 4  # float32 samples
SMALL = 8

needs_mirrors = pytest.mark.skipif(mirror_refusal() is not None, reason=f"no mirrored memory: {mirror_refusal()}")
needs_proc = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into Linux's /proc")


@jk.jit
def window_in_kernel(window, count):
    return window.window(count)


def numbered(start, stop):
    return np.arange(start, stop, dtype=np.float32)


class Sample(jk.Record, layout="packed", byteorder="little"):
    time: jk.u32
    value: jk.f32


class Bits(jk.Record, layout="packed", byteorder="big"):
    kind: int = jk.bits(3)
    value: int = jk.bits(13)


DTYPES = {
    "bool": (np.bool_, [True, False, True]),
    "int8": (np.int8, [-128, 0, 127]),
    "uint64": (np.uint64, np.array([0, 2**63, 2**64 - 1], np.uint64)),
    "float64": (np.float64, [1e308, -0.0, np.inf]),
    "complex64": (np.complex64, [1j, 2.0, -1 + 0.5j]),
    "datetime64": ("M8[ns]", [np.datetime64(i, "ns") for i in (1, 2, 10**18)]),
    "bytes": ("S3", [b"a", b"bcd", b""]),
    "structured": (np.dtype([("a", "u1"), ("b", "f8")]), [(1, 2.5), (2, -1.0), (255, 0.0)]),
    "sub-array": (("f4", (3,)), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
    "record": (Sample, [Sample(time=1, value=0.5), Sample(time=2, value=1.5), Sample(time=3, value=-2.0)]),
    "bit fields": (Bits, [Bits(kind=1, value=5), Bits(kind=7, value=8191), Bits(kind=0, value=0)]),
}


class TestDtypes:
    @pytest.mark.parametrize("way", ["small", pytest.param("mirrored", marks=needs_mirrors)])
    @pytest.mark.parametrize("name", DTYPES)
    def test_of_every_kind_are_kept(self, name, way):
        dtype, samples = DTYPES[name]
        window = jk.WindowBuffer(dtype, SMALL if way == "small" else PAGE)
        assert window.mirrored == (way == "mirrored")
        expected = jk.RingBuffer(dtype, 4)
        expected.extend(samples)
        for _ in range(window.capacity // 3 + 1):  # to the seam and over it
            assert window.extend(samples) == 3
        assert window.window(3).tobytes() == expected.to_array().tobytes()
        for sample in samples:
            window.push(sample)
        view = window.window(6)
        assert view.tobytes() == 2 * expected.to_array().tobytes()
        assert (view.dtype, view.shape) == (window.dtype.base, (6, *window.dtype.shape))
        assert view.flags.c_contiguous
        assert not view.flags.writeable

    def test_that_fill_no_pages_are_written_twice(self):
        page = jk.WindowBuffer("S3", PAGE)  # three pages
        assert page.mirrored == (mirror_refusal() is None)
        assert not jk.WindowBuffer("S3", PAGE // 2).mirrored
        assert not jk.WindowBuffer(np.uint8, PAGE // 2).mirrored

    def test_of_records_work_in_kernels(self):
        window = jk.WindowBuffer(Sample, SMALL)
        window.extend([Sample(time=i, value=i / 2) for i in range(12)])

        @jk.jit
        def last(window, count):
            total = 0.0
            for sample in window.window(count):
                total += sample.value
            return total, window.window(1)[0].time

        assert last(window, 3) == (5.5 + 5.0 + 4.5, 11)


class TestCopies:
    @pytest.mark.parametrize("capacity", [SMALL, PAGES])
    @pytest.mark.parametrize("copied", [lambda w: pickle.loads(pickle.dumps(w)), copy.copy, copy.deepcopy])
    def test_have_samples_and_statistics_of_their_own(self, copied, capacity):
        window = jk.WindowBuffer(np.float32, capacity, rolling=6)
        window.extend(numbered(0, window.capacity + 5))
        other = copied(window)
        assert (str(other), other.mirrored) == (str(window), window.mirrored)
        assert np.array_equal(other.window(other.capacity), window.window(window.capacity))
        assert (other.mean(), other.var(), other.min(), other.max()) == (
            window.mean(), window.var(), window.min(), window.max()
        )  # fmt: skip
        assert not np.shares_memory(other.window(1), window.window(window.capacity))
        other.push(-1.0)
        assert window.window(1)[0] == window.capacity + 4

    @pytest.mark.parametrize("name", DTYPES)
    def test_are_of_every_dtype(self, name):
        dtype, samples = DTYPES[name]
        window = jk.WindowBuffer(dtype, SMALL)
        window.extend(samples)
        other = copy.deepcopy(window)
        assert (other.dtype, str(other)) == (window.dtype, str(window))
        assert other.window(3).tobytes() == window.window(3).tobytes()

    def test_of_an_empty_one_are_empty(self):
        assert len(copy.copy(jk.WindowBuffer(np.float32, SMALL))) == 0


class TestRefusals:
    @pytest.mark.parametrize("capacity", [0, -8, 3, 1000, 2**40 + 1])
    def test_a_capacity_is_a_power_of_two(self, capacity):
        with pytest.raises(CapacityError, match=f"^expected a power of two, got capacity={capacity} "):
            jk.WindowBuffer(np.float32, capacity)

    @pytest.mark.parametrize("capacity", [8.0, True, "8", None])
    def test_a_capacity_is_an_int(self, capacity):
        message = rf"^expected the capacity of WindowBuffer\(float32\) as an int, got {capacity!r}$"
        with pytest.raises(TypeError, match=message):
            jk.WindowBuffer(np.float32, capacity)

    @pytest.mark.parametrize("rolling", [0, -1, 9, 2**70])
    def test_rolling_is_at_most_the_capacity(self, rolling):
        message = rf"^expected rolling from 1 to 8, the capacity, got {rolling} \(WindowBuffer\(float32\)\)$"
        with pytest.raises(ValueError, match=message):
            jk.WindowBuffer(np.float32, 8, rolling=rolling)

    @pytest.mark.parametrize("rolling", [True, 2.0, "2", np.float64(2)])
    def test_rolling_is_an_int(self, rolling):
        message = rf"^expected rolling as an int, got {re.escape(repr(rolling))} \(WindowBuffer\(float32, 8\)\)$"
        with pytest.raises(TypeError, match=message):
            jk.WindowBuffer(np.float32, 8, rolling=rolling)

    @pytest.mark.parametrize(
        ("dtype", "name"),
        [
            (np.complex64, "complex64"),
            (np.bool_, "bool"),
            ([("a", "f4")], "[('a', '<f4')]"),
            (Sample, "Sample"),
            ("M8[s]", "datetime64[s]"),
            (("f4", (2,)), "('<f4', (2,))"),
        ],
    )
    def test_statistics_are_of_real_numbers(self, dtype, name):
        message = f"expected samples that are real numbers for running statistics, got {name}"
        with pytest.raises(LayoutError, match=f"^{re.escape(message)}$"):
            jk.WindowBuffer(dtype, 8, rolling=4)

    @pytest.mark.parametrize("dtype", [object, np.float16, ">f4", np.longdouble, "U0", None, "nonsense"])
    def test_a_dtype_is_one_of_a_ring(self, dtype):
        with pytest.raises(LayoutError, match=r"^expected .*\(WindowBuffer\), got "):
            jk.WindowBuffer(dtype, 8)

    @pytest.mark.parametrize("power", [50, 61, 62, 64, 200])
    @pytest.mark.parametrize("dtype", [np.uint8, "S3", np.float64])
    def test_memory_that_is_not_to_be_had_is_a_memory_error(self, power, dtype):
        with pytest.raises(MemoryError, match=rf"^expected room for {2**power} elements of "):
            jk.WindowBuffer(dtype, 2**power)


@needs_proc
@needs_mirrors
class TestMemory:
    def test_is_given_back_with_the_last_view(self):
        gc.collect()
        before = mappings()
        window = jk.WindowBuffer(np.float32, PAGES, rolling=3)
        assert mappings() == before + 2
        window.extend(numbered(0, PAGES + 5))
        views = window.window(4), window_in_kernel(window, 3)
        del window
        gc.collect()
        assert mappings() == before + 2
        assert [view.sum() for view in views] == [4 * PAGES + 10, 3 * PAGES + 9]
        del views
        gc.collect()
        assert mappings() == before

    def test_is_written_twice_where_the_system_has_no_mapping_left(self, monkeypatch):
        def refuse(*_):
            raise OSError(errno.ENOMEM, "no mapping left")

        monkeypatch.setattr("jitkit.ring._window.mirrored", refuse)
        window = jk.WindowBuffer(np.float32, PAGES)
        window.extend(numbered(0, PAGES + 5))
        assert not window.mirrored
        assert np.array_equal(window.window(PAGES), numbered(5, PAGES + 5))

    def test_is_not_left_over_by_windows_that_could_not_be_made(self):
        gc.collect()
        before = mappings()
        for rolling in (0, 2**40):
            with pytest.raises(ValueError, match="expected rolling"):
                jk.WindowBuffer(np.float32, PAGES, rolling=rolling)
        with pytest.raises((MemoryError, OSError)):
            jk.WindowBuffer(np.float32, 2**50)
        assert mappings() == before

    def test_is_not_shared_with_forked_processes(self):
        """Nor is that of the child seen by the parent, in which it lies at the same address."""
        code = f"""
import os, numpy as np, jitkit as jk
from jitkit._core.mapping import PAGE
windows = [jk.WindowBuffer(np.float32, {PAGES}, rolling=4), jk.WindowBuffer(np.float32, {SMALL}, rolling=4)]

@jk.jit
def put_in(window, value):
    window.push(value)
    return window.window(2).sum(), window.mean()

for window in windows:
    window.extend(np.arange(window.capacity + 3))
    put_in(window, 50.0)
views = [window.window(4) for window in windows]
child = os.fork()
if child == 0:
    good = all(window.mean() == put_in(window, 50.0)[1] - (50 - view[0]) / 4 for window, view in zip(windows, views))
    for window in windows:
        window.extend(np.full(3 * window.capacity // 2, -1.0, np.float32))
        good = good and (window.window(window.capacity) == -1.0).all() and window.max() == -1.0
    os._exit(0 if good else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
for window, view in zip(windows, views):
    count = window.capacity
    assert view.tolist() == window.window(4).tolist() == [count, count + 1, count + 2, 50.0], view
    assert put_in(window, 60.0)[0] == 110.0
print([window.mirrored for window in windows], "done")
"""
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # os.fork warns of other threads since Python 3.12
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=100, env=environment
        )
        assert (done.stdout, done.stderr, done.returncode) == ("[True, False] done\n", "", 0)


def mappings():
    return sum("memfd:jitkit" in line for line in Path("/proc/self/maps").read_text().splitlines())
