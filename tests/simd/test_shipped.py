"""`simd.rsqrt`, `simd.hypot` and `simd.clip`: ufuncs that come as machine code, and work in kernels."""

import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from guard_pages import guarded

import jitkit as jk
from jitkit import simd
from jitkit._core import cpu

pytestmark = pytest.mark.kernel

FLOATS = ("f4", "f8")
NUMBERS = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
EXACT = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="longdouble is no wider than float64 here")


def in_new_process(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return done.stdout.strip()


def numbers(dtype, count=5000, seed=0):
    """Of all sizes, and those that are special."""
    rng = np.random.default_rng(seed)
    kind = np.finfo(dtype)
    some = np.ldexp(rng.uniform(-2, 2, count), rng.integers(kind.minexp - kind.nmant, kind.maxexp, count))
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, kind.tiny, kind.smallest_subnormal, kind.max, -kind.max, 1.0, -1.0]
    return np.concatenate([np.repeat(special, 3), some]).astype(dtype)


def quiet(function, *args):
    with np.errstate(all="ignore"):
        return function(*args)


def ulps(result, exact):
    """Distance in units in the last place of the result, where that is finite and no zero."""
    finite = np.isfinite(result) & (exact != 0) & np.isfinite(exact)
    unit = np.spacing(np.abs(result[finite])).astype(np.longdouble)
    return np.abs(result[finite] - exact[finite]) / unit


class TestReciprocalRoot:
    @pytest.mark.parametrize("dtype", FLOATS)
    def test_is_a_correct_root_and_a_correct_division(self, dtype):
        x = numbers(dtype)
        np.testing.assert_array_equal(quiet(simd.rsqrt, x), quiet(lambda: np.reciprocal(np.sqrt(x))))
        assert quiet(simd.rsqrt, x[::3]).tobytes() == quiet(simd.rsqrt, x)[::3].tobytes()

    @EXACT
    @pytest.mark.parametrize("dtype", FLOATS)
    def test_is_off_by_less_than_an_ulp_and_a_half(self, dtype):
        x = np.abs(numbers(dtype))
        exact = quiet(lambda: 1 / np.sqrt(x.astype(np.longdouble)))
        assert 1.0 < ulps(quiet(simd.rsqrt, x), exact).max() < 1.5

    def test_warns_as_a_division_and_a_root(self):
        with pytest.warns(RuntimeWarning, match="divide by zero encountered in rsqrt"):
            assert np.array_equal(simd.rsqrt([0.0, -0.0]), [np.inf, -np.inf])
        with pytest.warns(RuntimeWarning, match="invalid value encountered in rsqrt"):
            assert np.isnan(simd.rsqrt(-1.0))

    def test_casts_integers_as_numpy_does(self):
        assert simd.rsqrt(np.array([4, 16], np.int16)).dtype == np.float32
        assert simd.rsqrt(4) == 0.5
        with pytest.raises(TypeError, match="ufunc 'rsqrt' not supported for the input types"):
            simd.rsqrt(1j)


class TestHypot:
    @EXACT
    @pytest.mark.parametrize("dtype", FLOATS)
    @pytest.mark.parametrize("near", [True, False], ids=["of like sizes", "of any sizes"])
    def test_is_off_by_less_than_an_ulp(self, dtype, near):
        a = numbers(dtype, 50_000)
        b = (a * np.random.default_rng(1).uniform(0.1, 1, a.size)).astype(dtype) if near else numbers(dtype, 50_000, 1)
        exact = np.sqrt(a.astype(np.longdouble) ** 2 + b.astype(np.longdouble) ** 2)
        result = quiet(simd.hypot, a, b)
        assert ulps(result, exact).max() < (1.0 if dtype == "f8" else 0.51)
        normal = result >= 4 * np.finfo(dtype).tiny
        assert ulps(result[normal], exact[normal]).max() < (0.86 if dtype == "f8" else 0.51)
        np.testing.assert_array_max_ulp(result[np.isfinite(result)], quiet(np.hypot, a, b)[np.isfinite(result)], 1)
        assert np.array_equal(np.isinf(result), np.isinf(quiet(np.hypot, a, b)))

    @pytest.mark.parametrize("dtype", FLOATS)
    def test_knows_zeros_infinities_and_nan(self, dtype):
        special = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, -np.nan], dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = simd.hypot(special[:, None], special)
        np.testing.assert_array_equal(result, np.hypot(special[:, None], special))
        assert not np.signbit(result[:4, :4]).any()

    @pytest.mark.parametrize("dtype", FLOATS)
    def test_warns_of_an_overflow_and_of_nothing_else(self, dtype):
        largest, least = np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
        with pytest.warns(RuntimeWarning, match="overflow encountered in hypot"):
            assert np.isinf(simd.hypot(largest, largest))
        with np.errstate(all="raise"):
            assert simd.hypot(np.full(40, 0.75 * largest), np.zeros(40, dtype)).max() == dtype_of(dtype)(0.75 * largest)
            assert simd.hypot(np.array([3 * least] * 40, dtype), dtype_of(dtype)(4 * least))[0] == 5 * least
            assert np.array_equal(simd.hypot(np.ones(40, dtype), least), np.ones(40))

    def test_reduces_and_accumulates_as_numpy_does(self):
        x = np.arange(1, 300.0)
        assert simd.hypot.reduce(x) == pytest.approx(np.hypot.reduce(x), rel=1e-13)
        np.testing.assert_allclose(simd.hypot.accumulate(x), np.hypot.accumulate(x), rtol=1e-13)
        table = x[:296].reshape(37, 8)
        for axis in (0, 1):
            np.testing.assert_allclose(simd.hypot.reduce(table, axis), np.hypot.reduce(table, axis), rtol=1e-13)
            ours, theirs = simd.hypot.accumulate(table, axis), np.hypot.accumulate(table, axis)
            np.testing.assert_allclose(ours, theirs, rtol=1e-13)

    def test_takes_any_layout(self):
        a, b = np.random.default_rng(2).normal(size=(2, 40, 30))
        expected = simd.hypot(a, b)
        assert np.array_equal(simd.hypot(a.T, b.T), expected.T)
        assert np.array_equal(simd.hypot(a[::-1, ::3], b[::-1, ::3]), expected[::-1, ::3])
        assert np.array_equal(simd.hypot(a, b[0]), simd.hypot(a, np.broadcast_to(b[0], a.shape).copy()))
        assert np.array_equal(simd.hypot(a, 2.0), simd.hypot(2.0, a))
        out = np.zeros_like(a)
        assert simd.hypot(a, b, out=out, where=a > 0) is out
        assert np.array_equal(out, np.where(a > 0, expected, 0))


def dtype_of(letters):
    return np.dtype(letters).type


class TestClip:
    @pytest.mark.parametrize("dtype", NUMBERS)
    @pytest.mark.parametrize("count", [0, 1, 7, 63, 64, 65, 300])
    def test_gives_what_numpy_gives(self, dtype, count):
        rng = np.random.default_rng(count)
        x = rng.integers(0, 100, count).astype(dtype) - dtype_of(dtype)(0 if dtype[0] == "u" else 50)
        low, high = dtype_of(dtype)(7), dtype_of(dtype)(33)
        expected = np.minimum(np.maximum(x, low), high)
        result = simd.clip(x, low, high)
        assert result.dtype == dtype
        assert np.array_equal(result, expected)
        assert np.array_equal(simd.clip(x[::-2], low, high), expected[::-2])
        lows, highs = rng.permutation(x), rng.permutation(x)
        assert np.array_equal(simd.clip(x, lows, highs), np.minimum(np.maximum(x, lows), highs))
        assert np.array_equal(simd.clip(x, high, low), np.full(count, low))
        assert simd.clip(x, low, high, out=x) is x
        assert np.array_equal(x, expected)

    @pytest.mark.parametrize("dtype", FLOATS)
    def test_keeps_nan_and_warns_of_nothing(self, dtype):
        x = np.array([np.nan, -2, 0.5, 2, np.inf, -np.inf] * 20, dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for low, high in [(-1, 1), (np.nan, 1), (-1, np.nan), (np.nan, np.nan), (-np.inf, np.inf)]:
                bounds = dtype_of(dtype)(low), dtype_of(dtype)(high)
                np.testing.assert_array_equal(simd.clip(x, *bounds), np.minimum(np.maximum(x, bounds[0]), bounds[1]))
                np.testing.assert_array_equal(simd.clip(x[::5], *bounds), np.clip(x[::5], *bounds))

    def test_chooses_a_dtype_as_any_ufunc(self):
        assert simd.clip(np.zeros(3, np.int8), 0, 10).dtype == np.int8
        assert simd.clip(np.zeros(3, np.int8), np.int16(0), 10).dtype == np.int16
        assert simd.clip(np.zeros(3, np.float32), 0, 10).dtype == np.float32
        assert simd.clip(np.zeros(3, np.int32), 0.5, 10).dtype == np.float64
        with pytest.raises(OverflowError, match="300 out of bounds for uint8"):
            simd.clip(np.zeros(3, np.uint8), 0, 300)


@pytest.mark.parametrize("place", ["at_start", "at_end"])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_nothing_is_touched_beyond_the_arrays(place, dtype):
    for count in [*range(1, 20), 33, 100]:
        x, y, out = (guarded(place, dtype, count) for _ in range(3))
        x[:], y[:] = 3, 4
        assert np.array_equal(simd.hypot(x, y, out=out), np.full(count, 5))
        assert np.array_equal(simd.rsqrt(y, out=out), np.full(count, 0.5))
        assert np.array_equal(simd.clip(x, 0, 1, out=out), np.ones(count))
        assert np.array_equal(simd.clip(x[::2], y[::2], y[::2], out=out[::2]), y[::2])


class TestInKernels:
    @pytest.mark.parametrize("dtype", FLOATS)
    def test_arrays_give_the_same_bits(self, dtype):
        x, y = (np.abs(numbers(dtype, 500, seed)) for seed in (0, 1))
        with np.errstate(all="ignore"):
            for x_part, y_part in ((x, y), (x[::2], y[::2]))[: 2 if dtype == "f8" else 1]:  # each is compiled anew
                rooted, long, clipped = KERNEL(x_part, y_part)
                np.testing.assert_array_equal(rooted, simd.rsqrt(x_part))
                np.testing.assert_array_equal(long, simd.hypot(x_part, y_part))
                np.testing.assert_array_equal(clipped, simd.clip(x_part, 0.25, 2.0))
                assert {rooted.dtype, long.dtype, clipped.dtype} == {np.dtype(dtype)}

    def test_numbers_and_vectors(self):
        assert KERNEL(4.0, 3.0) == (0.5, 5.0, 2.0)
        assert jk.jit(lambda a, b, c: simd.clip(a, b, c), cache=False)(np.int8(9), np.int8(1), np.int8(5)) == 5
        v = simd.Vector(np.array([4, 16, 0.25, 1], np.float32))
        result = jk.jit(lambda v: simd.hypot(simd.clip(v, 0.0, 4.0), 3.0) + simd.rsqrt(v), cache=False)(v)
        expected = np.hypot(np.minimum(v.to_array(), 4), np.float32(3)) + 1 / np.sqrt(v.to_array())
        assert np.array_equal(result.to_array(), expected)

    def test_a_kernel_of_numba_itself_may_be_the_first_to_use_one(self):
        code = """
import numba, numpy as np
from jitkit import simd
print(numba.njit(lambda x: simd.hypot(x, 4.0))(np.array([3.0])))
"""
        assert in_new_process(code) == "[5.]"


KERNEL = jk.jit(lambda x, y: (simd.rsqrt(x), simd.hypot(x, y), simd.clip(x, 0.25, 2.0)))

SAME_EVERYWHERE = """
import hashlib, numpy as np
from jitkit import simd
rng = np.random.default_rng(5)
digest = hashlib.sha256()
with np.errstate(all="ignore"):
    for dtype, most in (("f4", 120), ("f8", 1000)):
        a, b = np.ldexp(rng.uniform(-1, 1, (2, 20_000)), rng.integers(-most, most, (2, 20_000))).astype(dtype)
        digest.update(simd.rsqrt(np.abs(a)).tobytes() + simd.hypot(a, b).tobytes())
print(digest.hexdigest())
"""


def test_every_cpu_level_gives_the_same_bits():
    levels = [cpu.level_environment(level) for level in cpu.LEVELS if cpu.runs_here(level)]
    if "NUMBA_CPU_NAME" in os.environ:
        levels = levels[:1]  # this run is one of several, each at a level
    assert len({in_new_process(SAME_EVERYWHERE, **level) for level in [{}, *levels]}) == 1


def test_a_warm_process_loads_no_numba_and_importing_the_room_no_llvm():
    code = "import sys; from jitkit import simd; print('llvmlite' in sys.modules, 'numba' in sys.modules)"
    assert in_new_process(code) == "False False"
    code = "from jitkit import simd; simd.rsqrt, simd.hypot, simd.clip; import sys; print('numba' in sys.modules)"
    in_new_process(code)
    assert in_new_process(code) == str("NUMBA_CPU_NAME" in os.environ)  # with which numba must be asked for the target


def test_they_are_ufuncs_of_the_room():
    for name in ("rsqrt", "hypot", "clip"):
        made = getattr(simd, name)
        assert type(made) is np.ufunc
        assert made.__module__ == "jitkit.simd"
        assert name in simd.__all__
        assert pickle.loads(pickle.dumps(made)) is made is getattr(simd, name)
    with pytest.raises(AttributeError, match=r"module 'jitkit.simd' has no attribute 'hypotenuse'"):
        simd.hypotenuse  # noqa: B018
