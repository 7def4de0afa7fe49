"""The bits of `jk.sqrt` are those of `np.sqrt`: of all float16 numbers, and of those that are hard to round."""

import functools
from math import isqrt
from typing import ClassVar

import numpy as np
import pytest
from square_roots import SPECIAL, WAYS, WORDS, bits, hard_roots, mixes, square_root, wrong
from weaker_roots import changed_root

from jitkit.simd._sqrt_choice import NEVER, best_choice
from jitkit.simd._sqrt_kernels import group_of
from jitkit.simd._sqrt_numbers import near_halfway, trial_numbers

pytestmark = pytest.mark.kernel

EXPONENTS = {
    "f": (-126, -80, -78, -76, -40, 0, 2, 40, 100, 126),
    # Where multiplication begins and ends: 2^-900, with AVX2 2^-120 and 2^120.
    "d": (-1020, -902, -900, -898, -600, -122, -120, -118, -2, 0, 2, 100, 118, 120, 122, 500, 1020),
}


@pytest.fixture(params=WAYS)
def root(request):
    return square_root(request.param)


def test_of_all_float16_numbers(root):
    assert wrong(root, np.arange(1 << 16, dtype=np.uint16).view("e")).size == 0


class TestFloat32:
    STEP = 4099  # a prime: all exponents, signs and lower bits, with NaN of all kinds

    def test_a_sample_of_all_patterns(self, root):
        for start in (0, 1234):
            x = np.arange(start, 1 << 32, self.STEP, dtype=np.uint64).astype(np.uint32).view("f")
            assert wrong(root, x).size == 0

    def test_around_every_power_of_2(self, root):
        powers = np.arange(512, dtype=np.uint32) << 23
        x = (powers[:, np.newaxis] + np.arange(-500, 501).astype(np.uint32)).view("f").ravel()
        assert wrong(root, x).size == 0

    def test_blocks_of_neighbours(self, root):
        rng = np.random.default_rng(1)
        for start in rng.integers(0, (1 << 32) - 20_000, 40):
            assert wrong(root, np.arange(start, start + 20_000).astype(np.uint32).view("f")).size == 0

    def test_scrambled_with_special_numbers(self, root):
        rng = np.random.default_rng(2)
        for share in (0.001, 0.01, 0.1, 0.5):
            words = rng.integers(0, 1 << 23, 200_000, dtype=np.uint32)
            words |= rng.integers(50, 255, words.size, dtype=np.uint32) << np.uint32(23)
            x = words.view("f")
            places = rng.random(x.size) < share
            x[places] = rng.choice(SPECIAL["f"], places.sum())
            assert wrong(root, x).size == 0


@pytest.mark.parametrize("letter", ["f", "d"])
class TestNearTies:
    def test_at_many_exponents_and_among_others(self, root, letter):
        with np.errstate(all="ignore"):
            scaled = [np.ldexp(hard_roots(letter), power) for power in EXPONENTS[letter]]
        for power, x in zip(EXPONENTS[letter], scaled, strict=True):
            for i, mixed in enumerate(mixes(x[np.isfinite(x)], seed=power + 2000)):
                found = wrong(root, mixed[i % 3 :])
                assert found.size == 0, (power, i, [number.hex() for number in found[:4].tolist()])

    def test_are_what_they_are_said_to_be(self, letter):
        """A square m^2 + m + k has its root (1/4 - k) / (2 m) below m + 1/2: integers can tell."""
        digits = np.finfo(letter).nmant
        for x in near_halfway(letter, range(-20, 21, 2)).tolist():
            square = int(x * 2.0**digits) << digits
            m = isqrt(square)
            assert abs(square - m * m - m) <= 20


def test_the_list_of_near_ties_is_complete():
    """Float32 has few enough numbers to look at all of them; float64 is the same algorithm."""
    found = []
    for start in range(0x3F80_0000, 0x4080_0000, 1 << 18):
        x = np.arange(start, start + (1 << 18), dtype=np.uint32).view("f")
        squares = (x * 2.0**46).astype(np.int64)
        m = np.sqrt(squares.astype(float)).astype(np.int64)
        m -= m * m > squares
        m += (m + 1) ** 2 <= squares
        found.append(x[np.abs(squares - m * m - m) <= 64])
    near = np.concatenate(found)
    assert near.size == 98
    assert np.array_equal(near_halfway("f", range(-64, 65, 2)), near)


class TestFloat64:
    def test_squares_and_their_neighbours(self, root):
        rng = np.random.default_rng(3)
        exact = rng.integers(1 << 25, 1 << 26, 50_000).astype(float) ** 2
        rounded = (rng.random(50_000) + 1) ** 2
        for squares in (exact, rounded):
            for ulps in range(-3, 4):
                assert wrong(root, (squares.view(np.int64) + ulps).view(float)).size == 0

    def test_random_bits_and_magnitudes(self, root):
        rng = np.random.default_rng(4)
        assert wrong(root, rng.integers(0, 1 << 64, 300_000, dtype=np.uint64).view(float)).size == 0
        assert wrong(root, np.ldexp(rng.random(300_000) * 3 + 1, rng.integers(-1070, 1020, 300_000))).size == 0


@pytest.mark.parametrize("letter", ["e", "f", "d"])
def test_numbers_that_are_special_everywhere(root, letter):
    for x in SPECIAL[letter]:
        for count in (1, 3, 16, 200):
            assert wrong(root, np.full(count, x)).size == 0


def test_nan_keep_their_bits(root):
    """As np.sqrt does: a quiet one is its own root, a signalling one becomes quiet."""
    for letter, first, last in (("f", 0x7F80_0001, 0x7FFF_FFFF), ("d", 0x7FF0_0000_0000_0001, 0x7FFF_FFFF_FFFF_FFFF)):
        words = np.random.default_rng(5).integers(first, last, 10_000, dtype=WORDS[letter])
        with np.errstate(all="ignore"):
            found = bits(root(words.view(letter)))
        quiet = np.array(np.nan, letter).view(WORDS[letter])
        assert np.array_equal(found, words | quiet)


@pytest.mark.parametrize("letter", ["f", "d"])
def test_the_look_at_the_host_passes_our_kernel(letter):
    assert wrong(square_root("multiplied"), trial_numbers(np.dtype(letter))).size == 0


@pytest.mark.skipif(group_of("d") is None, reason="roots of this processor all come from the divider")
class TestWeakerKernels:
    """Ours, with a step that seems to be of no account: numbers at random hardly tell."""

    WEAKER: ClassVar = {
        "half the reciprocal is not refined": {True: ("fma(g, w, g), fma(h, w, h)", "fma(g, w, g), h")},
        "the polynomial is a degree shorter": {
            True: ("fma(r, splat(kind, 2.5), splat(kind, b))", "splat(kind, b)"),
            False: ("fma(r, splat(kind, 4.375), splat(kind, b))", "splat(kind, b)"),
        },
    }

    @staticmethod
    @functools.cache
    def weaker(name):
        kind = group_of("d").vector
        wide = kind.nbytes == 64
        changes = TestWeakerKernels.WEAKER[name] if name else {}
        return changed_root(kind, wide, *[changes.get(wide, changes[True])] if name else ())

    def test_ours_is_right(self):
        assert wrong(self.weaker(None), hard_roots("d")).size == 0

    @pytest.mark.parametrize("name", WEAKER)
    def test_near_ties_find_them(self, name):
        assert wrong(self.weaker(name), hard_roots("d")).size > hard_roots("d").size / 100

    @pytest.mark.parametrize("name", WEAKER)
    def test_random_numbers_hardly_do(self, name):
        x = np.random.default_rng(6).random(1_000_000) * 3 + 1
        assert wrong(self.weaker(name), x).size < x.size / 10_000

    @pytest.mark.parametrize("name", WEAKER)
    def test_the_look_at_the_host_finds_them(self, name):
        """Before a processor's roots are multiplied, they are compared with the divider's."""
        with np.errstate(all="ignore"):
            assert best_choice(square_root("divided"), self.weaker(name), np.dtype("d")) == NEVER
