"""`jk.sqrt` on operands of every layout and dtype: results, errors and attributes are those of `np.sqrt`."""

import copy
import pickle

import numpy as np
import pytest
from guard_pages import guarded
from square_roots import WAYS, same, square_root

import jitkit as jk

pytestmark = pytest.mark.kernel

LETTERS = ("e", "f", "d")
COUNTS = (*range(70), 129, 200, 1000, 5000)
STEPS = (2, 3, 5, -1, -2, -3)


@pytest.fixture(params=WAYS)
def root(request):
    return square_root(request.param)


def numbers(count, letter, seed=0):
    return (np.random.default_rng(seed).random(count) * 9).astype(letter)


def between(count, letter):
    """An array, and a larger one around it that shows what else is written."""
    around = np.full(count + 40, 7, letter)
    return around[20 : 20 + count], around


@pytest.mark.parametrize("letter", LETTERS)
class TestOneDimension:
    def test_all_sizes_and_starts(self, root, letter):
        for count in COUNTS:
            for offset in (0, 1, 3):
                x = numbers(count + offset, letter)[offset:]
                out, around = between(count, letter)
                assert root(x, out) is out
                assert same(out, np.sqrt(x))
                assert (around[:20] == 7).all()
                assert (around[20 + count :] == 7).all()

    def test_steps(self, root, letter):
        for count in COUNTS:
            for step in STEPS:
                x = numbers(count * abs(step), letter)[::step]
                assert same(root(x), np.sqrt(x))
                ours, numpys = (np.full(count * abs(step), 7, letter) for _ in range(2))
                root(x, ours[::step])
                np.sqrt(x, numpys[::step])
                assert same(ours, numpys)

    def test_misaligned(self, root, letter):
        size = np.dtype(letter).itemsize
        for count in (1, 15, 64, 1000):
            for offset in range(1, size):
                raw, out = (np.zeros((count + 1) * size, np.uint8)[offset : offset + count * size] for _ in range(2))
                x = raw.view(letter)
                x[:] = numbers(count, letter)
                assert not x.flags.aligned
                assert same(root(x), np.sqrt(x))
                assert same(root(x, out.view(letter)), np.sqrt(x))

    def test_in_place_and_shifted(self, root, letter):
        for shift in (0, 1, 2, 5, 17, 64, -1, -5, -17, -64):
            ours, numpys = numbers(2000, letter), numbers(2000, letter)
            root(ours[100:1900], ours[100 + shift : 1900 + shift])
            np.sqrt(numpys[100:1900], numpys[100 + shift : 1900 + shift])
            assert same(ours, numpys)

    def test_onto_itself_in_reverse_or_with_other_steps(self, root, letter):
        for into in (slice(None, None, -1), slice(0, 1000), slice(1000, 2000), slice(0, 2000, 2)):
            ours, numpys = numbers(2000, letter), numbers(2000, letter)
            count = ours[into].size
            root(ours[:count], ours[into])
            np.sqrt(numpys[:count], numpys[into])
            assert same(ours, numpys)

    def test_one_item_for_all(self, root, letter):
        for count in (0, 1, 5, 64, 1000):
            x = np.broadcast_to(numbers(1, letter), (count,))
            assert same(root(x), np.sqrt(x))

    @pytest.mark.parametrize("place", ["at_start", "at_end"])
    def test_beside_memory_that_nobody_may_touch(self, root, letter, place):
        page = 4096 // np.dtype(letter).itemsize
        for count in (*range(1, 70), page - 1, page, page + 1, 3 * page):
            x, out = guarded(place, letter, count), guarded(place, letter, count)
            x[:] = numbers(count, letter)
            assert same(root(x, out), np.sqrt(x))
            for step in (2, 3, -1, -2):
                few = x[::-1][::step][::-1] if place == "at_end" else x[::step]  # the last, or the first, is the page's
                assert same(root(few), np.sqrt(few))
                target = out[::-1][::step] if place == "at_end" else out[::step]
                assert same(root(few, target), np.sqrt(few))


@pytest.mark.parametrize("letter", LETTERS)
class TestMoreDimensions:
    def test_layouts(self, root, letter):
        x = numbers(7 * 333, letter).reshape(7, 333)
        cube = numbers(4 * 5 * 60, letter).reshape(4, 5, 60)
        views = [
            x.T, x[::2], x[:, ::-1], x[:, ::3], x[::-1, ::-2], x[:0], x[0, 0], x[0, :1], x[:, :1], x[3],
            np.asfortranarray(x), np.broadcast_to(x[0], (4, 333)), np.broadcast_to(x[:, :1], (7, 50)),
            cube.transpose(1, 2, 0), cube[:, ::2, 1:-1], cube.swapaxes(0, 2)[::-1], np.array(2, letter),
        ]  # fmt: skip
        for view in views:
            ours, numpys = root(view), np.sqrt(view)
            assert same(ours, numpys)
            assert ours.strides == numpys.strides
            out = np.full(view.shape, 7, letter, order="F")
            root(view, out)
            assert same(out, np.asarray(numpys))

    def test_broadcast_into_a_larger_output(self, root, letter):
        x = numbers(33, letter)
        ours, numpys = np.zeros((3, 7, 33), letter), np.zeros((3, 7, 33), letter)
        assert root(x, ours) is ours
        assert same(ours, np.sqrt(x, numpys))

    def test_where(self, root, letter):
        x = numbers(7 * 100, letter).reshape(7, 100)
        for mask in (np.random.default_rng(1).random(x.shape) < 0.5, x[0] > 4, True, False, x > -1):
            ours, numpys = np.full(x.shape, 7, letter), np.full(x.shape, 7, letter)
            root(x, out=ours, where=mask)
            np.sqrt(x, out=numpys, where=mask)
            assert same(ours, numpys)

    def test_byte_order(self, root, letter):
        x = numbers(300, letter).astype(np.dtype(letter).newbyteorder(">"))
        assert same(root(x), np.sqrt(x))
        assert same(root(x[::3], out=np.empty(100, x.dtype)), np.sqrt(x[::3], out=np.empty(100, x.dtype)))


class TestDtypes:
    @pytest.mark.parametrize("code", "?bBhHiIlLqQ")
    def test_integers_become_what_numpy_makes_of_them(self, root, code):
        for shape in ((), (1,), (100,), (7, 20), (10_000,)):
            x = np.random.default_rng(2).integers(0, 100, shape).astype(code)
            assert same(root(x), np.sqrt(x))
            assert same(root(x[..., ::-2] if shape else x), np.sqrt(x[..., ::-2] if shape else x))

    @pytest.mark.parametrize("value", [4, 2.0, True, 0, np.float32(3), np.float16(3), np.int8(5), [1, 2.5], (), [[]]])
    def test_what_is_no_array(self, root, value):
        assert same(root(value), np.sqrt(value))

    @pytest.mark.parametrize("options", [
        {"dtype": "f"}, {"dtype": "d"}, {"dtype": "e", "casting": "unsafe"}, {"signature": "f->f", "casting": "unsafe"},
        {"casting": "no"}, {"order": "F"}, {"dtype": np.float32, "casting": "same_kind"}, {"subok": False},
    ])  # fmt: skip
    def test_options(self, options):
        x = numbers(60, "d").reshape(3, 20)
        assert told(lambda function: function(x, **options), jk.sqrt) == told(
            lambda function: function(x, **options), np.sqrt
        )

    def test_masked_arrays_keep_their_mask(self):
        """`numpy.ma` also masks what is out of the domain of functions in a list of its own: np.sqrt, but no others."""
        x = np.ma.array([4.0, 9.0, 2.0, 0.0], mask=[False, True, False, False])
        ours, numpys = jk.sqrt(x), np.sqrt(x)
        assert type(ours) is type(numpys)
        assert np.array_equal(ours.mask, numpys.mask)
        assert same(ours.compressed(), numpys.compressed())
        with np.errstate(invalid="ignore"):
            assert not jk.sqrt(np.ma.array([-1.0])).mask.any()

    def test_what_brings_its_own_answer_is_asked(self):
        class Ours:
            def __array_ufunc__(self, ufunc, method, *inputs, **options):
                return ufunc, method, options

        assert jk.sqrt(Ours(), where=True) == (jk.sqrt, "__call__", {"where": True})


def told(call, function):
    """What comes of a call, as far as it can be compared: the result's bits, or the error."""
    try:
        result = call(function)
    except Exception as error:
        return type(error), str(error)
    array = np.asarray(result)
    return type(result), array.dtype, array.shape, array.strides, array.tobytes()


CALLS = {
    "reduce": lambda f: f.reduce(np.arange(4.0)),
    "accumulate": lambda f: f.accumulate(np.arange(4.0)),
    "reduceat": lambda f: f.reduceat(np.arange(4.0), [0]),
    "outer": lambda f: f.outer(np.arange(4.0), 1.0),
    "at": lambda f: at(f, [0, 0, 2]),
    "no inputs": lambda f: f(),
    "three": lambda f: f(1.0, 2.0, 3.0),
    "output too small": lambda f: f(np.arange(3.0), np.zeros(4)),
    "output less precise": lambda f: f(np.arange(3.0), np.zeros(3, "f")),
    "output of integers": lambda f: f(np.arange(3.0), np.zeros(3, "i")),
    "output of integers, unsafe": lambda f: f(np.arange(3.0), out=np.zeros(3, "i"), casting="unsafe"),
    "output of complex numbers": lambda f: f(np.arange(3.0), np.zeros(3, "D")),
    "read-only": lambda f: f(np.arange(3.0), np.broadcast_to(0.0, 3)),
    "shapes": lambda f: f(np.ones((2, 3)), np.ones((3, 2))),
    "option": lambda f: f(1.0, wrong=1),
    "dtypes": lambda f: np.array(0.0, f.resolve_dtypes((np.dtype("i4"), None))[1]),
}


def at(function, indices):
    x = np.array([16.0, 4.0, 81.0])
    function.at(x, indices)
    return x


@pytest.mark.parametrize("name", CALLS)
def test_every_way_to_call_says_what_numpys_does(name):
    assert told(CALLS[name], jk.sqrt) == told(CALLS[name], np.sqrt)


class TestRefused:
    @pytest.mark.parametrize("value", [
        1j, np.ones(3, "F"), np.ones(3, np.longdouble), np.array([4.0], object), "4", np.datetime64(4, "s"),
        np.timedelta64(4, "s"), None, np.zeros(2, [("a", "f8")]),
    ])  # fmt: skip
    def test_what_is_no_number_of_8_bytes(self, value):
        with pytest.raises(TypeError, match="ufunc 'sqrt' not supported for the input types"):
            jk.sqrt(value)


class TestAttributes:
    def test_are_those_of_a_ufunc(self):
        assert type(jk.sqrt) is np.ufunc
        assert jk.sqrt.types == ["e->e", "f->f", "d->d"]
        assert (jk.sqrt.nin, jk.sqrt.nout, jk.sqrt.nargs, jk.sqrt.identity) == (1, 1, 2, None)
        assert jk.sqrt.__name__ == jk.sqrt.__qualname__ == "sqrt"
        assert jk.sqrt.__module__ == "jitkit"
        assert repr(jk.sqrt) == "<ufunc 'sqrt'>"

    def test_the_docstring_begins_with_the_signature(self):
        first, empty, second = jk.sqrt.__doc__.splitlines()[:3]
        assert first.startswith("sqrt(x, /, out=None, *, where=True")
        assert (empty, second[:12]) == ("", "Square root,")

    def test_pickle_and_copy_give_the_same(self):
        assert pickle.loads(pickle.dumps(jk.sqrt)) is jk.sqrt
        assert copy.copy(jk.sqrt) is copy.deepcopy(jk.sqrt) is jk.sqrt
