"""`simd.sum`, `simd.dot`, `simd.minmax` and `simd.count_equal`: the same bits as their twins, wherever they run."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from guard_pages import guarded
from numba.core.errors import TypingError

import jitkit as jk
from jitkit import simd
from jitkit._core import cpu
from jitkit.simd import _reference as twin

pytestmark = pytest.mark.kernel

DTYPES = ("f8", "f4", "i1", "u2", "i8", "u8")
SIZES = (0, 1, 2, 7, 8, 9, 15, 31, 32, 33, 63, 64, 65, 100, 1000)


def in_new_process(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return done.stdout.strip()


def items(dtype, count, seed=0):
    rng = np.random.default_rng((count, seed))
    if dtype[0] == "f":
        return np.ldexp(rng.uniform(-1, 1, count), rng.integers(-30, 30, count)).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, count, dtype, endpoint=True)


def assert_same(result, number, dtype):
    """Hold a result to a number of Python's, which has more digits than float32, and integers of any size."""
    if result.dtype.kind in "iu":
        number = np.uint64(number % 2**64).astype(dtype)
    assert result.dtype == dtype
    assert result.tobytes() == np.array(number, dtype).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
class TestValues:
    def test_are_those_of_the_twins(self, dtype):
        for count in SIZES:
            x, y = items(dtype, count), items(dtype, count, 1)
            plain, other = x.tolist(), y.tolist()
            wide = dtype if dtype[0] == "f" else f"{dtype[0]}8"
            assert_same(simd.sum(x), twin.sum(plain), wide)
            assert_same(simd.dot(x, y), twin.dot(plain, other), wide)
            if count:
                for result, expected in zip(simd.minmax(x), twin.minmax(plain), strict=True):
                    assert_same(result, expected, dtype)
                middle = count // 2
                assert simd.count_equal(x, x[middle]) == twin.count_equal(plain, plain[middle]) >= 1

    def test_are_numpys(self, dtype):
        x, y = items(dtype, 3000), items(dtype, 3000, 1)
        if dtype[0] == "f":
            assert simd.sum(x) == pytest.approx(math.fsum(x.tolist()), rel=1e-6)
            assert simd.dot(x, y) == pytest.approx(math.fsum((x.astype("f8") * y).tolist()), rel=1e-6)
        else:
            assert simd.sum(x) == x.sum()
            assert simd.sum(x).dtype == x.sum().dtype
            wide = f"{dtype[0]}8"
            assert simd.dot(x, y) == (x.astype(wide) * y.astype(wide)).sum()
        assert simd.minmax(x) == (x.min(), x.max())
        few = x % 5 if dtype[0] != "f" else np.round(x) % 5
        assert simd.count_equal(few, 3) == np.count_nonzero(few == 3) > 0

    def test_do_not_depend_on_where_an_array_lies_or_how(self, dtype):
        x, y = items(dtype, 1000), items(dtype, 1000, 1)
        expected = simd.sum(x), simd.dot(x, y), *simd.minmax(x), simd.count_equal(x, x[3])
        for offset in (1, 3, 8, 12, 64):
            memory = np.zeros(x.nbytes + 64, np.uint8)
            moved = memory[offset : offset + x.nbytes].view(dtype)
            moved[:] = x
            moved.flags.writeable = False
            found = simd.sum(moved), simd.dot(moved, y), *simd.minmax(moved), simd.count_equal(moved, x[3])
            assert found == expected
        gaps = np.repeat(x, 3)[::3]
        assert (simd.sum(gaps), simd.dot(y, gaps)) == expected[:2]
        assert_same(simd.sum(x[::-1]), twin.sum(x[::-1].tolist()), simd.sum(x).dtype)
        table = x.reshape(10, 20, 5)
        assert (simd.sum(table), *simd.minmax(table), simd.count_equal(table, x[3])) == (expected[0], *expected[2:])
        assert simd.sum(table.T) == simd.sum(np.ascontiguousarray(table.T))

    def test_nothing_is_read_beyond_the_array(self, dtype):
        for place in ("at_start", "at_end"):
            for count in (*range(1, 36), 64, 65, 100):
                x = guarded(place, dtype, count)
                x[:] = 1
                assert simd.sum(x) == simd.dot(x, x) == simd.count_equal(x, 1) == count
                assert simd.minmax(x) == (1, 1)

    def test_are_the_same_in_kernels(self, dtype):
        x, y = items(dtype, 101), items(dtype, 101, 1)
        gaps = [(x[::2], y[::2])] if dtype in ("f8", "i1") else []  # which are compiled anew
        for a, b in ((x, y), (x[:0], y[:0]), *gaps):
            total, product, count = KERNEL(a, b, x[4])
            assert (total, product) == (simd.sum(a), simd.dot(a, b))
            assert count == simd.count_equal(a, x[4])
        assert EXTREMES(x) == simd.minmax(x)
        assert not gaps or EXTREMES(x[::3]) == simd.minmax(x[::3])


KERNEL = jk.jit(lambda x, y, value: (simd.sum(x), simd.dot(x, y), simd.count_equal(x, value)))
EXTREMES = jk.jit(lambda x: simd.minmax(x))


class TestFloats:
    def test_of_32_bits_are_added_in_64_and_rounded_once(self):
        x = np.array([1e8, 1.0, -1e8], np.float32)
        assert simd.sum(x) == 1.0 != x.sum()
        assert simd.sum(x).dtype == np.float32
        y = np.full(1 << 20, 0.1, np.float32)
        assert simd.sum(y) == np.float32(math.fsum(y.tolist()))

    def test_zeros_keep_their_signs(self):
        assert math.copysign(1, simd.sum(np.array([-0.0, -0.0]))) == -1
        assert math.copysign(1, simd.sum(np.array([]))) == math.copysign(1, simd.dot(np.array([]), np.array([]))) == 1
        for count in (2, 10, 100):
            for zeros in ([0.0, -0.0], [-0.0, 0.0]):
                x = np.resize(np.array(zeros), count)
                low, high = simd.minmax(x)
                assert (math.copysign(1, low), math.copysign(1, high)) == (-1, 1)
        for zero in (0.0, -0.0):
            low, high = simd.minmax(np.full(50, zero))
            assert math.copysign(1, low) == math.copysign(1, high) == math.copysign(1, zero)

    @pytest.mark.parametrize("dtype", ["f4", "f8"])
    def test_nan_is_what_comes_out_and_equal_to_nothing(self, dtype):
        for place in (0, 5, 63, 64, 99):
            x = items(dtype, 100)
            x[place] = np.nan
            assert np.isnan(simd.minmax(x)).all()
            assert np.isnan(simd.sum(x))
            assert simd.count_equal(x, np.nan) == 0
        x = np.array([np.inf, -np.inf, 1.0, 0.0, -0.0], dtype)
        assert simd.minmax(x) == (-np.inf, np.inf)
        assert np.isnan(simd.sum(x))
        assert simd.count_equal(x, 0) == simd.count_equal(x, -0.0) == 2
        assert simd.count_equal(x, np.inf) == 1


class TestValuesToCount:
    def test_are_rounded_to_the_dtype_of_floats(self):
        x = np.array([0.1, 0.1, 0.5], np.float32)
        assert simd.count_equal(x, 0.1) == simd.count_equal(x, np.float64(0.1)) == 2
        assert jk.jit(lambda x: simd.count_equal(x, 0.1), cache=False)(x) == 2

    def test_that_a_dtype_cannot_have_are_nowhere(self):
        count = jk.jit(lambda x, value: simd.count_equal(x, value), cache=False)
        for dtype, value in (("u1", 259), ("u1", -1), ("i1", 255), ("u8", -1), ("i8", 2**64 - 1), ("u8", 2**70)):
            x = np.array([3, 255 % 128, 0], dtype)
            x[1:] = ~x[2:]
            assert simd.count_equal(x, value) == 0
            if value < 2**64:
                assert count(x, np.uint64(value) if value >= 2**63 else value) == 0


class TestRefusals:
    @pytest.mark.parametrize("name", ["sum", "minmax"])
    def test_of_what_is_no_array_of_numbers(self, name):
        function = getattr(simd, name)
        with pytest.raises(TypeError, match=f"^simd.{name}: expected an array, got list$"):
            function([1.0])
        for dtype in ("f2", "c16", "?", ">f8", "M8[s]", "S4", "g"):
            expected = rf"^simd.{name}: expected integers, float32 or float64 in native byte order, got an array of "
            with pytest.raises(TypeError, match=expected):
                function(np.zeros(4, dtype))
        with pytest.raises(TypingError, match=rf"simd.{name}: expected integers, float32 or float64"):
            jk.jit(lambda x: function(x), cache=False)(np.zeros(4, "c16"))

    def test_of_arrays_that_do_not_fit(self):
        x = np.zeros((2, 2))
        with pytest.raises(TypeError, match=r"^simd.dot: expected two arrays, got ndarray and int$"):
            simd.dot(x, 3)
        with pytest.raises(
            TypeError, match=r"^simd.dot: expected arrays of one axis, got float64 of shape \(2, 2\) and"
        ):
            simd.dot(x, x)
        with pytest.raises(TypeError, match=r"^simd.dot: expected two arrays of one dtype, got float64 .* and float32"):
            simd.dot(x[0], x[0].astype("f4"))
        with pytest.raises(ValueError, match=r"^simd.dot: expected arrays of one length, got 2 and 1 items$"):
            simd.dot(x[0], x[0, :1])
        kernel = jk.jit(lambda x, y: simd.dot(x, y), cache=False)
        with pytest.raises(ValueError, match=r"simd.dot: expected arrays of one length"):
            kernel(x[0], np.zeros(1))
        with pytest.raises(TypingError, match=r"simd.dot: expected two arrays of one dtype"):
            kernel(x[0], np.zeros(2, "i8"))
        with pytest.raises(TypingError, match=r"simd.dot: expected arrays of one axis"):
            kernel(x, x)

    def test_of_extremes_of_nothing(self):
        with pytest.raises(
            ValueError, match=r"^simd.minmax: expected one item at least, got an array of shape \(0, 3\)$"
        ):
            simd.minmax(np.zeros((0, 3)))
        with pytest.raises(ValueError, match=r"simd.minmax: expected one item at least"):
            EXTREMES(np.zeros(0))

    def test_of_values_that_are_no_numbers(self):
        with pytest.raises(
            TypeError, match=r"^simd.count_equal: expected an integer beside an array of int8, got 1.5$"
        ):
            simd.count_equal(np.zeros(3, np.int8), 1.5)
        with pytest.raises(
            TypeError, match=r"^simd.count_equal: expected a number beside an array of float64, got '1'$"
        ):
            simd.count_equal(np.zeros(3), "1")
        with pytest.raises(TypingError, match=r"simd.count_equal: expected an integer beside array"):
            jk.jit(lambda x: simd.count_equal(x, 1.5), cache=False)(np.zeros(3, np.int8))


SAME_EVERYWHERE = """
import hashlib, numpy as np
from jitkit import simd
rng = np.random.default_rng(5)
digest = hashlib.sha256()
for dtype in ("f4", "f8"):
    x, y = np.ldexp(rng.uniform(-1, 1, (2, 5000)), rng.integers(-30, 30, (2, 5000))).astype(dtype)
    for start in range(0, 20):
        for count in (*range(0, 70), 1000, 4900):
            part = slice(start, start + count)
            digest.update(simd.sum(x[part]).tobytes() + simd.dot(x[part], y[part]).tobytes())
print(digest.hexdigest())
"""


def test_every_cpu_level_gives_the_same_bits():
    levels = [cpu.level_environment(level) for level in cpu.LEVELS if cpu.runs_here(level)]
    if "NUMBA_CPU_NAME" in os.environ:
        levels = levels[:1]  # this run is one of several, each at a level
    assert len({in_new_process(SAME_EVERYWHERE, **level) for level in [{}, *levels]}) == 1


def test_a_warm_process_loads_no_numba():
    code = """
import sys, numpy as np
from jitkit import simd
x = np.arange(10.0)
print(simd.sum(x), simd.dot(x, x), *simd.minmax(x), simd.count_equal(x, 3), 'numba' in sys.modules)
"""
    in_new_process(code)
    needed = "NUMBA_CPU_NAME" in os.environ  # it must be asked for the target
    assert in_new_process(code) == f"45.0 285.0 0.0 9.0 1 {needed}"
