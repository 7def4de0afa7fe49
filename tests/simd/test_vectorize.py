"""`simd.vectorize` makes ufuncs that do on arrays of any kind what the function does on vectors."""

import warnings

import numpy as np
import pytest
from guard_pages import guarded
from square_roots import same

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel

INTEGERS = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
WHOLE = simd.native(np.float32).with_dtype(np.int32)
SHAPES = ((), (0,), (1,), (7,), (64,), (200,), (3, 5), (4, 1, 9))


def tripled(v):
    """Three times as much."""
    return v + v + v


def reciprocal(v):
    return 1.0 / v


def difference(a, b):
    return a - b


def is_less(a, b):
    return a < b


def as_integers(v):
    return simd.cast(WHOLE, v)


def weighted(a, b, c):
    return simd.fma(a, b, c)


@pytest.fixture(scope="module", autouse=True)
def ufuncs():
    """Make ufuncs of the functions above, which takes a while: not before tests of this file run."""
    for function, dtypes in (
        (tripled, INTEGERS), (reciprocal, ("f4", "f8")), (difference, ("f8",)), (is_less, ("u2",)),
        (as_integers, ("f4",)), (weighted, ("f4",)),
    ):  # fmt: skip
        globals()[function.__name__] = simd.vectorize(*dtypes)(function)


def numpy_weighted(a, b, c):
    exact = np.multiply(a, b, dtype=np.float64) + c  # of numbers with few bits
    return exact.astype(np.float32)


def numbers(shape, dtype="f8", seed=0):
    """Whole ones, with which float32 computes exactly, and none of them zero."""
    return np.random.default_rng(seed).integers(1, 100, shape).astype(dtype)


class TestAttributes:
    def test_are_those_of_the_function(self):
        assert type(tripled) is np.ufunc
        assert tripled.__name__ == tripled.__qualname__ == "tripled"
        assert tripled.__module__ == __name__
        assert tripled.__doc__.endswith("Three times as much.")
        assert tripled.types == [f"{np.dtype(code).char}->{np.dtype(code).char}" for code in INTEGERS]
        assert (tripled.nin, tripled.nout, weighted.nin) == (1, 1, 3)
        assert is_less.types == ["HH->?"]
        assert as_integers.types == ["f->i"]


class TestDtypes:
    @pytest.mark.parametrize("code", INTEGERS)
    def test_of_integers_of_every_size(self, code):
        for shape in SHAPES:
            x = np.random.default_rng(1).integers(0, 255, shape).astype(code)
            with np.errstate(over="ignore"):
                assert same(tripled(x), x + x + x if shape else (x + x + x).astype(code)[()])
            assert same(tripled(x[..., ::-2]) if shape else x, x[..., ::-2] * np.array(3, code) if shape else x)

    def test_are_chosen_as_numpy_chooses(self):
        assert reciprocal(np.arange(1, 4, dtype="i2")).dtype == np.float32
        assert reciprocal(np.arange(1, 4)).dtype == np.float64
        assert reciprocal([True]).dtype == np.float32
        assert reciprocal(2).dtype == np.float64
        assert reciprocal(np.float32(2)) == np.float32(0.5)
        with pytest.raises(TypeError, match="ufunc 'reciprocal' not supported for the input types"):
            reciprocal(1j)

    def test_masks_become_arrays_of_bool(self):
        for count in range(130):
            a, b = numbers(count, "u2"), numbers(count, "u2", seed=1)
            assert same(is_less(a, b), a < b)
            assert same(is_less(a[::-1], b), a[::-1] < b)
        out = np.full(100, 7, np.uint8)
        is_less(numbers(50, "u2"), 50, out[20:70].view(bool))
        assert same(out[20:70], (numbers(50, "u2") < 50).view(np.uint8))
        assert (out[:20] == 7).all()
        assert (out[70:] == 7).all()

    def test_results_of_another_dtype(self):
        for count in (0, 1, 15, 16, 17, 100):
            x = numbers(count, "f4") / np.float32(3)
            assert same(as_integers(x), x.astype("i4"))
            assert same(as_integers(x[::2]), x[::2].astype("i4"))


class TestOperands:
    @pytest.mark.parametrize("shapes", [
        ((50,), ()), ((), (50,)), ((), ()), ((50,), (1,)), ((1,), (50,)), ((4, 9), (9,)), ((4, 9), (4, 1)),
        ((4, 1), (1, 9)), ((2, 3, 4), (3, 1)), ((0,), ()), ((5, 0), (1,)), ((9, 4), (9, 4)),
    ])  # fmt: skip
    def test_are_broadcast(self, shapes):
        a, b = (numbers(shape, seed=i) for i, shape in enumerate(shapes))
        assert same(difference(a, b), a - b)
        assert same(difference(a.T, b.T), a.T - b.T) if a.shape == b.shape else True

    def test_three_are_broadcast(self):
        x = numbers((3, 40), "f4")
        for b, c in ((2, 1), (x, 1), (2, x), (x, x), (x[0], x[:, :1]), (np.float32(3), x[0])):
            assert same(weighted(x, b, c), numpy_weighted(x, b, c))
            assert same(weighted(b, x, c), numpy_weighted(b, x, c))
        assert same(weighted(1, x, 2), numpy_weighted(1, x, 2))

    @pytest.mark.parametrize("steps", [(1, 1), (2, 1), (1, 3), (-1, 1), (1, -2), (-3, 2), (-1, -1)])
    def test_have_any_steps(self, steps):
        for count in (*range(1, 40), 100):
            a, b = (numbers(count * abs(step), seed=i)[::step] for i, step in enumerate(steps))
            for out_step in (1, 2, -1):
                ours, numpys = (np.full(count * abs(out_step), 7.0) for _ in range(2))
                difference(a, b, ours[::out_step])
                np.subtract(a, b, numpys[::out_step])
                assert same(ours, numpys)

    def test_may_overlap(self):
        for shift in (0, 1, 3, 8, 17, -1, -3, -8, -17):
            for step in (1, -1, 2):
                ours, numpys = numbers(300), numbers(300)
                for function, x in ((difference, ours), (np.subtract, numpys)):
                    function(x[50:250][::step], x[60:260][::step], x[50 + shift : 250 + shift][::step])
                assert same(ours, numpys)

    def test_may_be_the_output(self):
        ours, numpys = numbers(777), numbers(777)
        difference(5, ours, out=ours)
        np.subtract(5, numpys, out=numpys)
        ours -= 1
        difference(ours, ours[::-1], out=ours[::-1])
        numpys -= 1
        np.subtract(numpys, numpys[::-1], out=numpys[::-1])
        assert same(ours, numpys)

    def test_are_left_alone_where_not_asked_for(self):
        a, b = numbers((5, 70)), numbers(70, seed=1)
        for where in (a > 50, b > 50, True, False):
            ours, numpys = np.full((5, 70), 7.0), np.full((5, 70), 7.0)
            difference(a, b, out=ours, where=where)
            np.subtract(a, b, out=numpys, where=where)
            assert same(ours, numpys)

    def test_at_any_byte(self):
        for offset in range(1, 8):
            raw = np.zeros(8 * 101, np.uint8)[offset : offset + 800].view(float)
            raw[:] = numbers(100)
            assert same(difference(raw, 1.5), raw - 1.5)

    def test_of_the_other_byte_order(self):
        x = numbers(100, ">f8")
        assert same(difference(x, x[::-1]), x - x[::-1])

    @pytest.mark.parametrize("place", ["at_start", "at_end"])
    def test_beside_memory_that_nobody_may_touch(self, place):
        for count in (*range(1, 40), 512, 513):
            a, b, out = (guarded(place, float, count) for _ in range(3))
            a[:], b[:] = numbers(count), numbers(count, seed=1)
            assert same(difference(a, b, out), a - b)
            assert same(difference(a, b[0], out), a - b[0])
            assert same(difference(a[0], b, out), a[0] - b)
            assert same(difference(a[::-1], b[::-1]), a[::-1] - b[::-1])
            few = slice(None, None, 3) if place == "at_start" else slice(count % 3 - 1 if count % 3 else 2, None, 3)
            assert same(difference(a[few], b[few], out[few]), a[few] - b[few])
            x, y, mask = guarded(place, "u2", count), guarded(place, "u2", count), guarded(place, bool, count)
            x[:], y[:] = a, b
            assert same(is_less(x, y, mask), x < y)


class TestMethods:
    def test_reduce_and_accumulate_go_on_with_each_result(self):
        for count in (1, 2, 7, 64, 200):
            x = numbers(count)
            assert same(difference.reduce(x), np.subtract.reduce(x))
            assert same(difference.accumulate(x), np.subtract.accumulate(x))
            assert same(difference.accumulate(x[::-2]), np.subtract.accumulate(x[::-2]))
        x = numbers((6, 30))
        for axis in (0, 1):
            assert same(difference.reduce(x, axis=axis), np.subtract.reduce(x, axis=axis))
            assert same(difference.accumulate(x, axis=axis), np.subtract.accumulate(x, axis=axis))
        with pytest.raises(ValueError, match="zero-size array to reduction operation difference which has no identity"):
            difference.reduce([])

    def test_outer_and_at(self):
        a, b = numbers(9), numbers(70, seed=1)
        assert same(difference.outer(a, b), np.subtract.outer(a, b))
        ours, numpys = numbers(50), numbers(50)
        difference.at(ours, [0, 0, 3], 1.5)
        np.subtract.at(numpys, [0, 0, 3], 1.5)
        assert same(ours, numpys)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
class TestWarnings:
    """Of 1 / x: lanes beyond the end, which nobody asked for, must not be zeros."""

    def test_none_comes_from_the_rest_of_a_vector(self, dtype):
        zeros = np.zeros(200, dtype)
        with np.errstate(all="raise"):
            for count in range(71):
                for offset in range(20):
                    x, out = zeros.copy(), zeros.copy()
                    x[offset : offset + count] = 4
                    reciprocal(x[offset : offset + count], out[40 : 40 + count])
                    assert out.sum() == count / 4
                    reciprocal(x[offset : offset + count : 3])
                    x[:] = 0
                    x[offset : offset + 2 * count : 2] = 4
                    reciprocal(x[offset : offset + 2 * count : 2])

    def test_those_that_are_due_come(self, dtype):
        for count in range(1, 71):
            for place in {0, count // 2, count - 1}:
                x = np.ones(count, dtype)
                x[place] = 0
                with pytest.warns(RuntimeWarning, match="divide by zero encountered in reciprocal"):
                    reciprocal(x)
                with warnings.catch_warnings(), np.errstate(divide="ignore"):
                    warnings.simplefilter("error")
                    assert np.isinf(reciprocal(x)[place])


class TestInKernels:
    def test_on_numbers_and_arrays(self):
        @jk.jit
        def kernel(x, y, out, number):
            difference(x, y, out)
            return difference(number, 2.0), difference(x, 2.5), difference(1.5, y), difference(x[::2], y[::2])

        for count in (0, 1, 17, 200):
            x, y, out = numbers(count), numbers(count, seed=1), np.zeros(count)
            number, first, second, third = kernel(x, y, out, 7.0)
            assert same(out, x - y)
            assert number == 5.0
            assert same(first, x - 2.5)
            assert same(second, 1.5 - y)
            assert same(third, x[::2] - y[::2])
        with pytest.raises(ValueError, match=r"^difference: expected arrays of one shape$"):
            kernel(numbers(3), numbers(4), np.zeros(3), 1.0)

    def test_on_vectors(self):
        kind = simd.vector(np.uint16, 8)

        @jk.jit
        def kernel(x, y, out):
            for i in range(0, x.size, 8):
                less = is_less(simd.load(kind, x, i), simd.load(kind, y, i))
                out[i // 8] = simd.count(less)

        x, y, out = numbers(64, "u2"), numbers(64, "u2", seed=1), np.zeros(8, int)
        kernel(x, y, out)
        assert out.tolist() == (x < y).reshape(8, 8).sum(axis=1).tolist()

    def test_masks_and_other_dtypes(self):
        @jk.jit
        def kernel(x, y, z):
            return is_less(x, y), is_less(x[0], y[0]), as_integers(z), as_integers(z[0])

        x, y, z = numbers(50, "u2"), numbers(50, "u2", seed=1), numbers(50, "f4") / np.float32(3)
        less, first_less, whole, first_whole = kernel(x, y, z)
        assert same(less, x < y)
        assert first_less is bool(x[0] < y[0])
        assert same(whole, z.astype("i4"))
        assert first_whole == int(z[0])
