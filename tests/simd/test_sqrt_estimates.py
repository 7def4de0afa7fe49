"""The root that is multiplied is right for every estimate within the bounds of the manual, not for this host's only.

Here the estimate is a second input: 1 / sqrt(x), off by as much as is asked for.
"""

import numpy as np
import pytest
from square_roots import bits, hard_roots
from weaker_roots import can_multiply_and_add, changed_root

from jitkit import simd
from jitkit._core.jit import jit
from jitkit.simd._sqrt_numbers import near_halfway

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not can_multiply_and_add(), reason="without a fused multiply-add no roots are multiplied"),
]

# Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: VRSQRT14PD, RSQRTPS.
BOUNDS = {"wide": 2.0**-14, "narrow": 1.5 * 2.0**-12}
ROUNDING = {"f": 2.0**-23, "d": 2.0**-52}  # of the estimate, which the bound holds for
# What the constants are for: pieces of the source, and how one would write them without.
SIMPLER = {
    ("d", "wide", "a half"): ("below_half = 0.5 - 2.0**-54", "below_half = 0.5"),
    ("d", "narrow", "a half"): ("below_half = 0.5 - 2.0**-54", "below_half = 0.5"),
    ("f", "narrow", "a half"): ("below_half = 0.5 - 2.0**-25", "below_half = 0.5"),
    ("d", "wide", "series"): ("b = 1.5 + 35 / 8 * (2 * 2**0.5 - 2) * bound**2", "b = 1.5"),
    ("d", "narrow", "series"): ("b, c = 2.5 + a * 5 / 4 * bound**2, 1.0 - a * 5 / 16 * bound**4", "b, c = 2.5, 1.0"),
}


@jit
def estimate(x, error):
    return 1.0 / simd.sqrt(x) * (1.0 + error)


def root_from(letter, width, *changes):
    """A function (x, errors of the estimate) -> root."""
    kind = simd.native({"f": np.float32, "d": np.float64}[letter])
    return changed_root(kind, width == "wide", *changes, estimate=estimate)


def count_wrong(function, letter, width, x, times):
    """Of the roots of numbers that are all tried a number of times: with the greatest errors, and any below."""
    rng = np.random.default_rng(1)
    many = np.repeat(x, times)
    bound = BOUNDS[width] - ROUNDING[letter]
    errors = rng.uniform(-bound, bound, many.size)
    extreme = rng.random(many.size) < 0.3
    errors[extreme] = np.copysign(bound, errors[extreme])
    return np.count_nonzero(bits(function(many, errors.astype(letter))) != bits(np.sqrt(many)))


@pytest.fixture(scope="module", params=BOUNDS)
def width(request):
    return request.param


@pytest.fixture(scope="module")
def double_root(width):
    return root_from("d", width)


@pytest.fixture(scope="module")
def single_root(width):
    return root_from("f", width)


class TestFloat64:
    def test_all_near_ties(self, double_root, width):
        assert count_wrong(double_root, "d", width, near_halfway("d", range(-20000, 20001, 2)), 40) == 0

    def test_the_nearest_very_often(self, double_root, width):
        assert count_wrong(double_root, "d", width, near_halfway("d", range(-32, 33, 2)), 40_000) == 0

    def test_at_other_exponents(self, double_root, width):
        for power in (-120, 118) if width == "narrow" else (-900, 1000):
            assert count_wrong(double_root, "d", width, np.ldexp(hard_roots("d"), power), 20) == 0


class TestFloat32:
    def test_near_ties(self, single_root, width):
        assert count_wrong(single_root, "f", width, near_halfway("f", range(-2000, 2001, 2)), 200) == 0
        assert count_wrong(single_root, "f", width, near_halfway("f", range(-32, 33, 2)), 20_000) == 0

    def test_all_of_one_exponent(self, single_root, width):
        x = np.arange(0x3F80_0000, 0x4080_0000, 5, dtype=np.uint32).view("f")
        assert count_wrong(single_root, "f", width, x, 1) == 0


@pytest.mark.parametrize("key", SIMPLER, ids=" ".join)
def test_simpler_constants_would_not_do(key):
    letter, width, _ = key
    weaker = root_from(letter, width, SIMPLER[key])
    near = near_halfway(letter, range(-2000, 2001, 2) if letter == "f" else range(-32, 33, 2))
    assert count_wrong(weaker, letter, width, near, 400 if letter == "f" else 40_000) > 0
