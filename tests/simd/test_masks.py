import numpy as np
import pytest
from numba.core.errors import TypingError
from operation_suite import WIDTHS, check, make_rows

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel

V = simd.vector(np.int16, 16)
OPERATIONS = ["any", "all", "none", "count", "first_set", "last_set", "to_bits"]


def made_rows(lanes):
    """Masks of no lane, of all, of one only, of all but one, and random ones."""
    rows = make_rows("u1", lanes, 16)
    one = np.arange(lanes)
    rows["m"][2], rows["m"][3], rows["m"][4] = one == 0, one == lanes - 1, one == lanes // 2
    rows["m"][5:8] = ~rows["m"][2:5]
    return rows


@pytest.mark.parametrize("lanes", [1, *WIDTHS])
def test_what_is_asked_of_masks_is_what_their_lanes_say(lanes):
    expressions = [f"simd.{name}(m)" for name in OPERATIONS]
    expressions += ["simd.select(m, a, b)", "simd.select(m, a, s)", "simd.select(m, 1, a)", "simd.select(m, k, ~m)"]
    expressions += ["simd.from_bits(V, simd.to_bits(m))", "simd.first(V, simd.count(m))"]
    check("u1", lanes, expressions, made_rows(lanes))


@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("lanes", WIDTHS)
def test_masks_of_comparisons_are_masks_as_others(dtype, lanes):
    expressions = [f"simd.{name}(a < b)" for name in OPERATIONS] + ["simd.select(a < b, a, b)"]
    check(dtype, lanes, expressions, made_rows(lanes) | make_rows(dtype, lanes, 16))


def test_the_answers_are_python_numbers():
    mask = simd.Mask([False, True, True, False])
    assert simd.any(mask) is True
    assert simd.all(mask) is False
    assert simd.none(mask) is False
    assert (simd.count(mask), simd.first_set(mask), simd.last_set(mask)) == (2, 1, 2)
    assert (simd.first_set(~mask & mask), simd.last_set(~mask & mask)) == (4, -1)


def test_a_kernel_can_go_on_with_the_answers():
    @jk.jit
    def find(x, wanted):
        """Where the first equal number is."""
        for i in range(0, x.size, V.lanes):
            here = simd.load(V, x, i) == wanted
            if simd.any(here):
                return i + simd.first_set(here)
        return -1

    x = np.arange(160, dtype=np.int16)
    assert [find(x, np.int16(wanted)) for wanted in (0, 15, 16, 100, 159, 160)] == [0, 15, 16, 100, 159, -1]
    assert find.py_func(x, np.int16(100)) == 100


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_no_mask_is_refused(name):
    function = getattr(simd, name)
    kernel = jk.jit(lambda v: function(v), cache=False)
    with pytest.raises(TypeError, match=f"^simd.{name}: expected a mask, got f32x4$"):
        function(simd.splat(simd.vector("f4", 4), 0))
    with pytest.raises(TypingError, match=f"simd.{name}: expected a mask, got f32x4\n"):
        kernel(simd.splat(simd.vector("f4", 4), 0))
    with pytest.raises(TypingError, match=f"simd.{name}: expected a mask, got i64\n"):
        kernel(3)
