import math

import numpy as np
import pytest

import jitkit as jk
from jitkit.demos import _peers, _roots, sqrt


def test_numbers_that_are_hard_to_round_are_near_to_the_squares_of_midpoints():
    x = _roots.halfway()
    assert x.size > 1_000
    assert np.unique(x).size == x.size
    for number in x.tolist():
        mantissa, exponent = math.frexp(number)
        square = int(mantissa * 2**53) << (52 + (exponent + 1) % 2)  # times a power of 4: its root has 53 bits
        midpoint = 2 * math.isqrt(square) + 1  # twice
        assert min(abs((midpoint + side) ** 2 - 4 * square) for side in (-2, 0)) <= 4 * 512 + 1


def test_the_numbers_are_of_all_kinds():
    numbers = _roots.hard_numbers()
    every, bits = numbers["float32: every one from 1 to 4"], numbers["float64: any bits"]
    assert (every[0], every[-1], every.size) == (1.0, np.nextafter(np.float32(4.0), np.float32(0.0)), 1 << 24)
    assert np.isnan(bits).any()
    assert (bits < 0).any()


@pytest.mark.kernel
def test_roots_have_the_bits_of_numpys():
    assert list(sqrt.exactness().values()) == [
        "16,777,216 roots, no bytes other than NumPy's",
        f"{_roots.halfway().size:,} roots, no bytes other than NumPy's",
        "1,000,000 roots, no bytes other than NumPy's",
    ]


@pytest.mark.kernel
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000])
def test_python_numpy_and_jitkit_find_the_same_byte(size):
    text = sqrt.make_text(size)
    assert sqrt.first_control(text) == _peers.first_control_python(bytes(text)) == size - 1
    for place in range(0, size, 7):
        text[place] = 127
        found = _peers.first_control_python(bytes(text))
        assert sqrt.first_control(text) == _peers.first_control_numpy(text) == found
        text[place] = ord("\n")
    assert sqrt.first_control(text[:-1]) == -1


def test_python_numpy_and_jitkit_take_the_same_roots():
    x = _roots.halfway()
    assert jk.sqrt(x).tolist() == np.sqrt(x).tolist() == _peers.roots_python(x.tolist())


def test_the_story(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert sqrt.main([]) == 0
    story = capsys.readouterr().out
    assert "jk.sqrt is <ufunc 'sqrt'>, of type numpy.ufunc." in story
    assert story.count("no bytes other than NumPy's") == 3
    assert story.count("invalid value encountered in sqrt") == 2
    assert "found = ((block < 32) & (block != 10)) | (block == 127)" in story
    assert "In 100,000 bytes: 99,999. Without the damaged one: -1." in story
    assert "jitkit.demos.sqrt:first_control on " in story
    assert max(map(len, story.splitlines())) <= 80
