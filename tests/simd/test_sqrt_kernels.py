"""`jk.sqrt` inside kernels: on numbers, vectors and arrays, with the bits of `np.sqrt`."""

import numpy as np
import pytest
from numba.core.errors import TypingError
from square_roots import SPECIAL, hard_roots, mixes, same

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel


@jk.jit
def root_of(x):
    return jk.sqrt(x)


@jk.jit
def root_into(x, out):
    return jk.sqrt(x, out)


@jk.jit
def root_of_each(x, out):
    for i in range(x.size):
        out[i] = jk.sqrt(x[i])


def quiet_roots(x):
    with np.errstate(all="ignore"):
        return np.sqrt(x)


class TestNumbers:
    @pytest.mark.parametrize("number", [
        2.0, np.float32(2), 3, np.int16(3), np.uint16(7), np.uint64(2**63), np.int64(2**53 + 1), np.int32(5),
    ])  # fmt: skip
    def test_have_the_roots_of_numpy(self, number):
        expected = np.sqrt(number)
        found = root_of(number)
        assert np.array(found, expected.dtype).tobytes() == expected.tobytes()

    @pytest.mark.parametrize("number", [True, np.int8(3), np.uint8(7)])
    def test_of_one_byte_give_float32(self, number):
        """Numba has no float16 to compute with."""
        assert root_of(number) == np.sqrt(np.float32(number))

    @pytest.mark.parametrize("letter", ["f", "d"])
    def test_that_are_hard_or_special(self, letter):
        x = np.concatenate([hard_roots(letter), SPECIAL[letter]])
        out = np.empty_like(x)
        root_of_each(x, out)
        assert same(out, quiet_roots(x))


class TestVectors:
    @pytest.mark.parametrize("letter", ["f", "d"])
    def test_of_any_width(self, letter):
        kind = simd.vector(letter, 4)

        @jk.jit
        def in_fours(x, out):
            for i in range(0, x.size, 4):
                simd.store(out, i, jk.sqrt(simd.load(kind, x, i)))

        x = hard_roots(letter)[:96]
        out = np.empty_like(x)
        in_fours(x, out)
        assert same(out, np.sqrt(x))


@pytest.mark.parametrize("letter", ["f", "d"])
class TestArrays:
    def test_of_any_length(self, letter):
        for count in (*range(70), 1000, 3000, 70_000):
            x = np.resize(hard_roots(letter), count)
            assert same(root_of(x), np.sqrt(x))

    def test_that_are_hard_and_mixed(self, letter):
        for x in mixes(np.resize(hard_roots(letter), 20_000)):
            assert same(root_of(x), quiet_roots(x))

    def test_with_steps(self, letter):
        x = np.resize(hard_roots(letter), 3000)
        for step in (2, 3, -1, -5):
            assert same(root_of(x[::step]), np.sqrt(x[::step]))

    def test_into_an_array(self, letter):
        x = np.resize(hard_roots(letter), 3000)
        out = np.full(3004, 7, letter)
        assert root_into(x, out[2:-2]).ctypes.data == out[2:-2].ctypes.data
        assert same(out[2:-2], np.sqrt(x))
        assert out[[0, 1, -2, -1]].tolist() == [7] * 4
        root_into(x[::3], out[:2000:2])
        assert same(out[:2000:2], np.sqrt(x[::3]))

    def test_in_place(self, letter):
        for count in (5, 64, 1001, 20_000):
            x = np.resize(hard_roots(letter), count)
            expected = np.sqrt(x)
            root_into(x, x)
            assert same(x, expected)

    def test_misaligned(self, letter):
        size = np.dtype(letter).itemsize
        x = np.zeros(2001 * size, np.uint8)[1 : 1 + 2000 * size].view(letter)
        x[:] = np.resize(hard_roots(letter), 2000)
        assert same(root_of(x), np.sqrt(x))


class TestOtherArrays:
    def test_of_integers(self):
        for code in ("int16", "int64"):
            x = np.arange(1000, dtype=code)
            assert same(root_of(x), np.sqrt(x))

    def test_that_are_read_only_or_have_two_dimensions(self):
        x = np.resize(hard_roots("d"), 3000).reshape(30, 100)
        for view in (x[::2, ::-3], x[:, ::2], np.broadcast_to(x[0], (5, 100))):
            assert same(root_of(view), np.sqrt(view))
        for view in (x, x[:0]):
            assert same(root_of(view), np.sqrt(view))

    def test_filled_with_the_root_of_a_number(self):
        out = np.zeros(50)
        assert root_into(2.0, out[::2]).size == 25
        assert same(out[::2], np.full(25, np.sqrt(2.0)))
        assert not out[1::2].any()


class TestRefused:
    def test_shapes_that_differ(self):
        for x, out in ((np.ones(5), np.ones(6)), (np.ones((2, 3)), np.ones((3, 2)))):
            with pytest.raises(ValueError, match=r"^sqrt: expected arrays of one shape$"):
                root_into(x, out)

    @pytest.mark.parametrize(("arguments", "sentence"), [
        ((1j,), "sqrt: expected what can be cast to float32, float64, got complex128"),
        ((np.ones(3, complex),), "sqrt: expected what can be cast to float32, float64, got array(complex128, 1d, C)"),
        (("text",), "sqrt: expected numbers, and arrays or vectors, got unicode_type"),
        (((1.0, 2.0),), "sqrt: expected numbers, and arrays or vectors, got UniTuple(float64 x 2)"),
        ((np.ones(3), np.ones(3, "f")),
         "sqrt: expected an array of float64 for the output, got array(float32, 1d, C)"),
        ((np.ones(3), np.ones((3, 1))),
         "sqrt: expected arrays of one shape, got array(float64, 1d, C) and array(float64, 2d, C)"),
        ((np.ones(3), 2.0),
         "sqrt: expected one input, and perhaps an array for the output, got array(float64, 1d, C) and float64"),
        ((simd.Vector(np.ones(4, np.int32)),), "sqrt: expected vectors of float32, float64, got i32x4"),
    ])  # fmt: skip
    def test_other_arguments(self, arguments, sentence):
        kernel = root_of if len(arguments) == 1 else root_into
        with pytest.raises(TypingError) as caught:
            kernel(*arguments)
        assert sentence + "\n" in str(caught.value)
