import math

import numpy as np
import pytest
from numba.core.errors import TypingError
from operation_suite import DTYPES, WIDTHS, check, make_rows

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel

NUMBERS = ["reduce_sum", "reduce_prod", "reduce_sum_ordered", "reduce_prod_ordered", "reduce_min", "reduce_max"]
BITS = ["reduce_and", "reduce_or", "reduce_xor"]


def operations(dtype):
    return NUMBERS if dtype[0] == "f" else NUMBERS + BITS


def rows_with_few_numbers(dtype, lanes):
    """Rows like others, of NaN and zeros alone, of a single number among NaN, and of numbers that do not overflow."""
    rows = make_rows(dtype, lanes, 20)
    if dtype[0] == "f":
        rng = np.random.default_rng(lanes)
        rows["a"][0], rows["a"][1], rows["a"][2] = np.nan, -0.0, 0.0
        for i, some in enumerate(
            [[np.nan, 0.0], [np.nan, -0.0], [0.0, -0.0], [np.nan, -np.inf], [np.nan, -0.0, 0.0]], 3
        ):
            rows["a"][i] = rng.choice(some, lanes)
        rows["a"][8] = np.nan
        rows["a"][8, rng.integers(lanes)] = 2.5
        rows["a"][9:14] = rng.normal(1, 0.5, (5, lanes))
    return rows


@pytest.mark.parametrize("lanes", [1, *WIDTHS])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_reduction_does_what_its_emulation_does(dtype, lanes):
    check(dtype, lanes, [f"simd.{name}(a)" for name in operations(dtype)], rows_with_few_numbers(dtype, lanes))


def vector(dtype, *numbers):
    return simd.Vector(np.array(numbers, dtype))


def test_what_the_emulation_does_is_what_numpy_does():
    for dtype in DTYPES:
        for lanes in (1, 8, 64):
            for a in make_rows(dtype, lanes)["a"]:
                v = simd.Vector(a)
                if dtype[0] != "f":
                    assert simd.reduce_sum(v) == simd.reduce_sum_ordered(v) == a.sum(dtype=dtype)
                    assert simd.reduce_prod(v) == simd.reduce_prod_ordered(v) == a.prod(dtype=dtype)
                    assert simd.reduce_and(v) == np.bitwise_and.reduce(a)
                    assert simd.reduce_or(v) == np.bitwise_or.reduce(a)
                    assert simd.reduce_xor(v) == np.bitwise_xor.reduce(a)
                assert simd.reduce_min(v) == np.fmin.reduce(a)
                assert simd.reduce_max(v) == np.fmax.reduce(a)
                assert simd.reduce_sum(v).dtype == simd.reduce_min(v).dtype == dtype


def test_floats_are_added_in_halves_or_one_after_the_other():
    v = vector(np.float32, 1e8, 1, 1, 1, -1e8, 1, 1, 1)
    assert simd.reduce_sum(v) == 6  # 1e8 and -1e8 meet first
    assert simd.reduce_sum_ordered(v) == 3  # 1e8 + 1 is 1e8
    w = vector(np.float32, 1e-30, 1e-30, 1e30, 1e30)
    assert simd.reduce_prod(w) == pytest.approx(1)
    assert simd.reduce_prod_ordered(w) == 0


def test_zeros_have_an_order_and_numbers_win_over_nan():
    zeros, several = vector("f8", 0.0, -0.0), vector("f4", np.nan, 3, np.nan, -2)
    assert math.copysign(1, simd.reduce_min(zeros)) == -1
    assert math.copysign(1, simd.reduce_max(zeros)) == 1
    assert math.copysign(1, simd.reduce_sum(vector("f8", -0.0, -0.0))) == -1
    assert math.copysign(1, simd.reduce_sum_ordered(vector("f8", -0.0, -0.0))) == -1
    assert (simd.reduce_min(several), simd.reduce_max(several)) == (-2, 3)
    assert math.isnan(simd.reduce_min(vector("f4", np.nan, np.nan)))


def test_a_kernel_sums_an_array_as_the_emulation_does():
    def total(x):
        sums = simd.splat(EIGHT, 0)
        for i in range(0, x.size, EIGHT.lanes):
            sums += simd.load(EIGHT, x, i)
        return simd.reduce_sum(sums)

    x = np.random.default_rng(1).normal(0, 1, 8000).astype(np.float32)
    assert jk.jit(total)(x) == total(x)
    assert total(x) == pytest.approx(math.fsum(x), abs=1e-3)


EIGHT = simd.vector(np.float32, 8)


@pytest.mark.parametrize("name", NUMBERS + BITS)
def test_what_cannot_be_reduced_is_refused(name):
    function = getattr(simd, name)
    kernel = jk.jit(lambda v: function(v), cache=False)
    words = "integer vectors" if name in BITS else "vectors"
    wrong = {"mask of 4 lanes": simd.Mask([True] * 4), "f64": 2.0}
    if name in BITS:
        wrong["f32x4"] = simd.splat(simd.vector("f4", 4), 0)
    for kind, value in wrong.items():
        with pytest.raises(TypeError, match=f"^simd.{name}: expected {words}, got {kind}$"):
            function(value)
        with pytest.raises(TypingError, match=f"simd.{name}: expected {words}, got {kind}\n"):
            kernel(value)
    with pytest.raises(TypeError, match=f"^simd.{name}: too many positional arguments$"):
        function(simd.splat(EIGHT, 0), 1)
