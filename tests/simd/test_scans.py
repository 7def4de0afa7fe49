import numpy as np
import pytest
from numba.core.errors import TypingError
from operation_suite import DTYPES, WIDTHS, check
from test_reductions import rows_with_few_numbers, vector

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel


def operations(dtype):
    return ["prefix_sum", "prefix_min", "prefix_max", *(["prefix_xor"] if dtype[0] != "f" else [])]


@pytest.mark.parametrize("lanes", [1, *WIDTHS])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_scan_does_what_its_emulation_does(dtype, lanes):
    check(dtype, lanes, [f"simd.{name}(a)" for name in operations(dtype)], rows_with_few_numbers(dtype, lanes))


def test_what_the_emulation_does_is_what_numpy_does():
    functions = {"prefix_min": np.fmin, "prefix_max": np.fmax, "prefix_sum": np.add, "prefix_xor": np.bitwise_xor}
    for dtype in DTYPES:
        for lanes in (1, 2, 16, 64):
            for a in rows_with_few_numbers(dtype, lanes)["a"]:
                for name in operations(dtype)[dtype[0] == "f" :]:  # floats are added in another order
                    result = getattr(simd, name)(simd.Vector(a)).to_array()
                    np.testing.assert_array_equal(result, functions[name].accumulate(a, dtype=a.dtype))


def test_the_last_lane_is_the_reduction():
    for dtype in DTYPES:
        for a in rows_with_few_numbers(dtype, 16)["a"]:
            v = simd.Vector(a)
            for name in ("min", "max", *(["xor"] if dtype[0] != "f" else [])):
                last = getattr(simd, f"prefix_{name}")(v)[15]
                assert np.array_equal(last, getattr(simd, f"reduce_{name}")(v), equal_nan=True)


def test_the_order_of_float_sums_is_fixed():
    v = vector("f4", 1e8, 1, 1, 1, -1e8, 1, 1, 1)
    # A plain loop ends in 1, 2 and 3; here the ones are lost when lanes two apart meet.
    assert list(simd.prefix_sum(v)) == [1e8, 1e8, 1e8, 1e8, 0, 0, 0, 0]
    assert list(np.signbit(simd.prefix_sum(vector("f8", -0.0, -0.0, 0.0, -0.0)).to_array())) == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("name", operations("u1"))
def test_what_cannot_be_scanned_is_refused(name):
    function = getattr(simd, name)
    kernel = jk.jit(lambda v: function(v), cache=False)
    words = "integer vectors" if name == "prefix_xor" else "vectors"
    wrong = {"mask of 4 lanes": simd.Mask([True] * 4), "f64": 2.0}
    if name == "prefix_xor":
        wrong["f32x4"] = vector("f4", 1, 2, 3, 4)
    for kind, value in wrong.items():
        with pytest.raises(TypeError, match=f"^simd.{name}: expected {words}, got {kind}$"):
            function(value)
        with pytest.raises(TypingError, match=f"simd.{name}: expected {words}, got {kind}\n"):
            kernel(value)
