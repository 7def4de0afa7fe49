"""`jk.sqrt` warns when `np.sqrt` does, and of the same: no lane that nobody asked for is heard of."""

import warnings

import numpy as np
import pytest
from square_roots import SPECIAL, WAYS, bits, square_root

import jitkit as jk

pytestmark = pytest.mark.kernel

MANY = (*range(201), 1000)


def heard(function, x, out):
    """What NumPy is told of by the processor's flags: "invalid value", "divide by zero", ..."""
    kinds = []
    with np.errstate(all="call", call=lambda kind, flag: kinds.append((kind, flag))):
        function(x, out)
    return kinds


def places(count):
    """Which items are special: one of them, or all."""
    if count:
        yield from sorted({0, count // 2, count - 1})
        yield slice(None)


@pytest.fixture(params=WAYS)
def root(request):
    return square_root(request.param)


def disagreements(root, letter, counts, steps):
    """Numbers, sizes, steps and places for which np.sqrt says something else, or gives other bits."""
    rng = np.random.default_rng(1)
    numbers = np.abs(rng.normal(3.0, 1.0, 3000)).astype(letter) + np.finfo(letter).eps
    for count in counts:
        for step in steps:
            clean = numbers[: max(1, count * abs(step))][::step][:count]
            ours, numpys = (np.empty(count, letter) for _ in range(2))
            for place in places(count):
                for special in SPECIAL[letter]:
                    spread = np.full(count * abs(step), np.array(-1, letter))  # in the gaps lies what would be heard
                    x = spread[::step][:count]
                    x[:] = clean
                    x[place] = special
                    same_words = heard(root, x, ours) == heard(np.sqrt, x, numpys)
                    if not same_words or not np.array_equal(bits(ours), bits(numpys)):
                        yield special, count, step, place


@pytest.mark.parametrize("letter", ["e", "f", "d"])
def test_of_special_numbers_at_all_sizes(root, letter):
    assert list(disagreements(root, letter, MANY[:: 3 if letter == "e" else 1], (1,))) == []


@pytest.mark.parametrize("letter", ["e", "f", "d"])
def test_of_special_numbers_with_steps(root, letter):
    assert list(disagreements(root, letter, (1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 64, 200), (2, 3, -1, -2))) == []


@pytest.mark.parametrize("letter", ["e", "f", "d"])
def test_of_random_bits(root, letter):
    rng = np.random.default_rng(2)
    for count in MANY:
        x = rng.integers(0, 256, count * np.dtype(letter).itemsize, np.uint8).view(letter)
        ours, numpys = (np.empty(count, letter) for _ in range(2))
        assert heard(root, x, ours) == heard(np.sqrt, x, numpys)
        assert np.array_equal(bits(ours), bits(numpys))


def test_of_every_float16_number(root):
    out = np.empty(1, "e")
    for x in np.arange(1 << 16, dtype=np.uint16).view("e").reshape(-1, 1)[::7]:
        assert heard(root, x, out) == heard(np.sqrt, x, out)


def test_what_is_heard(root):
    """Or the other tests would be green because nothing ever is."""
    out = np.empty(100)
    assert heard(root, np.ones(100), out) == []
    for place in range(100):
        x = np.ones(100)
        x[place] = -1.0
        assert [kind for kind, _ in heard(root, x, out)] == ["invalid value"]


def test_exact_roots_and_rounded_ones_are_no_reason_to_warn(root):
    with np.errstate(all="raise"):
        for letter in "efd":
            root(np.linspace(0, 1000, 777).astype(letter))
            root(np.full(777, np.finfo(letter).max))
            root(np.full(777, np.finfo(letter).smallest_subnormal))


def test_the_words_are_numpys():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        jk.sqrt(-1.0)
        np.sqrt(-1.0)
    ours, numpys = caught
    assert (ours.category, str(ours.message)) == (numpys.category, str(numpys.message))
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError, match=r"^invalid value encountered in sqrt$"):
        jk.sqrt(np.array([4.0, -4.0]))
