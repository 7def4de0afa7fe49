"""Ufuncs from object files: what NumPy gets to know of them, and how they are called."""

import copy
import pickle
import sys

import numpy as np
import pytest

from jitkit import simd
from jitkit._core.c_interface import c_function
from jitkit._core.jit import jit
from jitkit._core.ufunc import Loop, new_ufunc
from jitkit.simd._intrinsics import load_one_at, store_few_at, word_at

pytestmark = pytest.mark.kernel


WORDS, BYTES = simd.vector("i8", 2), simd.vector("u1", 2)


@jit
def add_data(arguments, dimensions, steps, data):
    """Integers of 64 bits, and the product of the first two words of the data."""
    more = word_at(data, 0) * word_at(data, 1)
    for i in range(word_at(dimensions, 0)):
        x = load_one_at(WORDS, word_at(arguments, 0) + i * word_at(steps, 0))
        store_few_at(word_at(arguments, 1) + i * word_at(steps, 1), x + more, 1)
    return 0


@jit
def add_bytes(arguments, dimensions, steps, _data):
    for i in range(word_at(dimensions, 0)):
        x = load_one_at(BYTES, word_at(arguments, 0) + i * word_at(steps, 0))
        y = load_one_at(BYTES, word_at(arguments, 1) + i * word_at(steps, 1))
        store_few_at(word_at(arguments, 2) + i * word_at(steps, 2), x + y, 1)
    return 0


SIGNATURE = "(intp, intp, intp, intp)"


@pytest.fixture(scope="module")
def code():
    return c_function(add_data, SIGNATURE, "jitkit_test_add").code


@pytest.fixture(scope="module")
def plus(code):
    made = new_ufunc("plus", "Add a number.", __name__, [Loop("ll", "jitkit_test_add", code, (6, 7))])
    sys.modules[__name__].plus = made  # where pickle looks for it
    return made


class TestCalls:
    def test_compute(self, plus):
        x = np.arange(100)
        assert plus(x).tolist() == (x + 42).tolist()
        assert plus(x[::-3]).tolist() == (x[::-3] + 42).tolist()
        assert plus(x.reshape(4, 25).T).tolist() == (x.reshape(4, 25).T + 42).tolist()
        assert plus(8) == 50
        assert type(plus(8)) is np.int64

    def test_are_broadcast_cast_and_masked_by_numpy(self, plus):
        assert plus(np.int8(1)).dtype == np.int64
        out = np.zeros((2, 3), int)
        assert plus(np.arange(3), out=out, where=[[True], [False]]) is out
        assert out.tolist() == [[42, 43, 44], [0, 0, 0]]
        with pytest.raises(TypeError, match="ufunc 'plus' not supported for the input types"):
            plus(1.5)

    def test_take_two_inputs(self):
        made = c_function(add_bytes, SIGNATURE, "jitkit_test_bytes")
        both = new_ufunc("both", "", __name__, [Loop("BBB", "jitkit_test_bytes", made.code)])
        assert both.nin == 2
        assert both(np.arange(5, dtype="u1"), np.uint8(250)).tolist() == [250, 251, 252, 253, 254]
        assert both.reduce(np.full(3, 100, "u1")) == 300 % 256
        assert both.outer(np.ones(2, "u1"), np.ones(3, "u1")).tolist() == [[2, 2, 2]] * 2


class TestLoops:
    def test_have_data_of_their_own(self, code):
        loops = [Loop("ll", "jitkit_test_add", code, (1, n)) for n in (5, 6)]
        first, second = (new_ufunc("either", "", __name__, [loop]) for loop in loops)
        assert (first(0), second(0), first(0)) == (5, 6, 5)

    def test_of_several_dtypes_share_code(self, code):
        loops = [Loop("ll", "jitkit_test_add", code, (1, 5)), Loop("LL", "jitkit_test_add", code, (1, 6))]
        made = new_ufunc("either", "", __name__, loops)
        assert made.types == ["l->l", "L->L"]
        assert (made(np.int64(0)), made(np.uint64(0))) == (5, 6)

    def test_outlive_what_they_were_made_from(self, code):
        made = new_ufunc(
            "x" * 200, "y" * 5000, __name__, [Loop("ll", "jitkit_test_add", bytes(bytearray(code)), (2, 3))]
        )
        for _ in range(50):
            new_ufunc("other", "other", __name__, [Loop("ll", "jitkit_test_add", code, (9, 9))])
        assert made(1) == 7
        assert made.__name__ == "x" * 200
        assert made.__doc__.endswith("y" * 5000)


class TestAttributes:
    def test_say_where_it_is(self, plus):
        assert type(plus) is np.ufunc
        assert repr(plus) == "<ufunc 'plus'>"
        assert (plus.__name__, plus.__qualname__, plus.__module__) == ("plus", "plus", __name__)
        first, *_, last = plus.__doc__.splitlines()
        assert first.startswith("plus(x, /, out=None, *, where=True")
        assert last == "Add a number."
        assert (plus.nin, plus.nout, plus.identity, plus.types) == (1, 1, None, ["l->l"])

    def test_pickle_and_copy_find_it_there(self, plus):
        assert copy.copy(plus) is copy.deepcopy(plus) is plus
        assert pickle.loads(pickle.dumps(plus)) is plus
