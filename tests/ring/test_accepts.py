"""What kernels may hand to a ring: the types of values and arrays are checked while a kernel is typed."""

import re

import numpy as np
import pytest
from numba import TypingError

import jitkit as jk

PAIR = np.dtype([("a", "i4"), ("b", "f8")])
READ_ONLY = np.frombuffer(bytes(16), np.int64)


@jk.jit(cache=False)
def push(ring, value):
    return ring.push(value)


@jk.jit(cache=False)
def pop_or(ring, default):
    return ring.pop_or(default)


@jk.jit(cache=False)
def extend(ring, values):
    return ring.extend(values)


@jk.jit(cache=False)
def drain(ring, out):
    return ring.drain(out)


@jk.jit(cache=False)
def item(ring, i):
    return ring[i]


REFUSED = [
    (push, "i8", 1.5, "expected int64, got float64 (element of RingBuffer("),
    (push, "i8", 1j, "expected int64, got complex128 ("),
    (push, "i8", None, "expected int64, got none ("),
    (push, "i8", "x", "expected int64, got unicode_type ("),
    (push, "i8", (1,), "expected int64, got UniTuple(int64 x 1) ("),
    (push, "i8", np.ones(1, "i8"), "expected int64, got array(int64, 1d, C) ("),
    (push, "i8", np.datetime64(1, "s"), "expected int64, got datetime64[s] ("),
    (push, "f8", 1j, "expected float64, got complex128 ("),
    (push, "?", 1, "expected bool, got int64 ("),
    (push, "M8[s]", np.datetime64(1, "ms"), "expected datetime64[s], got datetime64[ms] ("),
    (push, "M8[s]", 1, "expected datetime64[s], got int64 ("),
    (push, PAIR, (1, 2.0), "expected a record, got Tuple(int64, float64) ("),
    (push, PAIR, np.zeros(1, [("a", "i4"), ("c", "f8")])[0], "expected a record, got Record("),
    (push, "(2,)i2", np.ones(2), "expected array(int16, 1d, C), got array(float64, 1d, C) ("),
    (push, "(2,)i2", np.ones((2, 1), "i2"), "expected array(int16, 1d, C), got array(int16, 2d, C) ("),
    (pop_or, "i8", 1.5, "expected int64, got float64 ("),
    (pop_or, PAIR, 5, "expected a record, got int64 ("),
    (extend, "i8", np.ones(2), "expected int64, got float64 ("),
    (extend, "i8", np.ones((2, 2), "i8"), "expected an array of 1 dimension, got array(int64, 2d, C) ("),
    (extend, "i8", (1, 2), "expected an array of 1 dimension, got UniTuple(int64 x 2) ("),
    (extend, "i8", 5, "expected an array of 1 dimension, got int64 ("),
    (extend, "(2,)i2", np.ones(2, "i2"), "expected an array of 2 dimensions, got array(int16, 1d, C) ("),
    (extend, "(2,)i2", np.ones((2, 2)), "expected an array of int16, got array(float64, 2d, C) ("),
    (extend, PAIR, np.ones(2), "expected a record, got float64 ("),
    (drain, "i8", np.ones(2), "expected a writable array of int64 as out, got array(float64, 1d, C) ("),
    (drain, "i8", np.ones(2, "i4"), "expected a writable array of int64 as out, got array(int32, 1d, C) ("),
    (drain, "i8", READ_ONLY, "expected a writable array of int64 as out, got readonly array(int64, 1d, C) ("),
    (drain, "i8", np.ones((2, 2), "i8"), "expected an array of 1 dimension, got array(int64, 2d, C) ("),
    (item, "i8", 1.5, "expected an integer index, got float64"),
    (item, "i8", None, "expected an integer index, got none"),
    (item, "i8", "0", "expected an integer index, got unicode_type"),
]


@pytest.mark.parametrize(("function", "dtype", "value", "message"), REFUSED, ids=[case[-1] for case in REFUSED])
def test_what_does_not_fit_is_refused_in_words(function, dtype, value, message):
    ring = jk.RingBuffer(dtype, 4)
    with pytest.raises(TypingError, match=re.escape(message)):
        function(ring, value)
    assert ring.is_empty


@pytest.mark.parametrize(
    ("dtype", "value", "stored"),
    [("i8", True, 1), ("f8", 3, 3.0), ("f4", 0.1, float(np.float32(0.1))), ("c16", 1.5, 1.5 + 0j), ("u1", 300, 44)],
)
def test_numbers_become_those_of_the_ring_as_in_all_kernels(dtype, value, stored):
    """What does not fit into an integer is cut: a kernel has no time to look."""
    ring = jk.RingBuffer(dtype, 4)
    assert push(ring, value)
    assert list(ring) == [stored]


class TestShapes:
    """Lengths are known only when a kernel runs."""

    def test_of_one_element(self):
        ring = jk.RingBuffer("(2,)i2", 4)
        with pytest.raises(ValueError, match=r"^expected elements of shape \(2,\) \(RingBuffer\("):
            push(ring, np.ones(3, "i2"))
        assert ring.is_empty
        assert push(ring, np.arange(4, dtype="i2")[::2])
        assert push(ring, np.array([5, 6]))
        assert ring.to_array().tolist() == [[0, 2], [5, 6]]

    def test_of_many(self):
        ring = jk.RingBuffer("(2,)i2", 4)
        for wrong in (np.ones((3, 3), "i2"), np.ones((0, 1), "i2")):
            with pytest.raises(ValueError, match=r"^expected elements of shape \(2,\) \(RingBuffer\("):
                extend(ring, wrong)
            with pytest.raises(ValueError, match=r"^expected elements of shape \(2,\) \(RingBuffer\("):
                drain(ring, wrong)
        assert ring.is_empty
        assert extend(ring, np.arange(6, dtype="i2").reshape(3, 2)) == 3
        out = np.zeros((2, 2), "i2")
        assert drain(ring, out) == 2
        assert out.tolist() == [[0, 1], [2, 3]]
