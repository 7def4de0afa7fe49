"""Records that kernels take out of a ring are values of their own, whatever becomes of the slot."""

import numpy as np
import pytest

import jitkit as jk

pytestmark = pytest.mark.kernel

INNER = np.dtype([("x", "u1"), ("y", "f8")], align=True)
RECORD = np.dtype([("number", "i8"), ("inner", INNER), ("name", "S3"), ("ok", "?"), ("when", "M8[s]")])
PAIR = np.dtype([("t", "i8"), ("v", "f8"), ("k", "i4")])
VECTOR = np.dtype([("k", "i1"), ("m", "f4", (2, 3)), ("pairs", PAIR, (2,))])


def pairs(*numbers):
    return np.array([(number, number / 2, -number) for number in numbers], PAIR)


def ring_of(values, capacity=8):
    ring = jk.RingBuffer(values.dtype, capacity)
    ring.extend(values)
    return ring


@jk.jit
def fields(ring):
    x = ring.pop()
    attributes = (x.number, x.inner.x, x.inner.y, x.ok, x.when)
    brackets = (x["number"], x["inner"]["x"], x["inner"].y, x["ok"], x["when"])
    return attributes, brackets, x.name, x["name"]


@jk.jit
def shift(ring, out):
    """Each element's number, and that of the one before it."""
    before = ring.pop()
    here = before
    n = 0
    while len(ring):
        before = here
        here = ring.pop()
        out[n] = (here.t, before.t)
        n += 1
    return before, here


@jk.jit
def kept(ring):
    """Elements in a tuple, a list and an array, read after their slots were written to again."""
    two = (ring.pop(), ring.pop())
    several = [ring.pop() for _ in range(2)]
    array = np.empty(2, PAIR)
    array[0] = ring.pop()
    array[1] = ring.peek()
    for _ in range(8):
        ring.push(several[0])
    return two[0].t, two[1].t, several[0].t, several[1].t, array, two[1]


@jk.jit
def half(record):
    return record.t / 2


@jk.jit
def passed(ring):
    return half(ring.pop()), half(ring.peek())


@jk.jit
def pushed_again(ring):
    x = ring.pop()
    return ring.push(x), ring.push(ring.pop())


@jk.jit
def or_none(ring):
    x = ring.pop_or(None)
    return -1 if x is None else x.t


@jk.jit
def or_record(ring, others):
    return ring.pop_or(others[0]), ring.pop_or(others[1])


@jk.jit
def delayed(ring, others):
    """Three elements in a row, in variables that begin with records of an array."""
    a, b, c = others[0], others[0], others[0]
    for _ in range(3):
        c = b
        b = a
        a = ring.pop()
    return a.t, b.t, c.t


@jk.jit
def listed(ring, others):
    several = [others[0]]
    several.append(ring.pop())
    several.append(ring.pop())
    return several[0].t, several[1].t, several[2].t


@jk.jit
def either(ring, others, from_ring):
    x = others[0]
    if from_ring:
        x = ring.pop()
    return x


@jk.jit
def arrays(ring):
    x = ring.pop()
    return x.m, x["m"], x.pairs


@jk.jit
def large(ring):
    x = ring.pop()
    return x.t, x


class TestFields:
    def test_by_name_as_attributes_and_in_brackets(self):
        when = np.datetime64("2024-02-29T00:00:01")
        ring = ring_of(np.array([(2**40, (7, 2.5), b"abc", True, when)], RECORD))
        expected = (2**40, 7, 2.5, True, when)
        assert fields(ring) == (expected, expected, b"abc", b"abc")

    def test_of_arrays(self):
        ring = jk.RingBuffer(VECTOR, 2)
        for k in range(2):
            ring.push((k, np.arange(6).reshape(2, 3) + k, pairs(k + 1, k + 2)))
        kept = arrays(ring)
        expected = ring.peek()
        ring.clear()
        for _ in range(2):
            ring.push((5, np.full((2, 3), 9), pairs(8, 8)))
        assert kept[0].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert kept[1].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert kept[2].tolist() == pairs(1, 2).tolist()
        assert arrays(ring_of(expected.reshape(1)))[0].tolist() == [[1, 2, 3], [4, 5, 6]]


class TestOfItsOwn:
    def test_the_one_before_stays_what_it_was(self):
        ring, out = ring_of(pairs(1, 4, 9, 16, 25, 36)), np.zeros((5, 2), np.int64)
        before, here = shift(ring, out)
        assert out.tolist() == [[4, 1], [9, 4], [16, 9], [25, 16], [36, 25]]
        assert (before.tolist(), here.tolist()) == ((25, 12.5, -25), (36, 18.0, -36))
        assert before.dtype == here.dtype == PAIR

    def test_in_tuples_lists_and_arrays(self):
        *numbers, array, last = kept(ring_of(pairs(1, 2, 3, 4, 5, 6)))
        assert numbers == [1, 2, 3, 4]
        assert array.tolist() == pairs(5, 6).tolist()
        assert last.tolist() == pairs(2)[0].tolist()

    def test_it_goes_wherever_a_record_goes(self):
        ring = ring_of(pairs(1, 2, 3))
        assert passed(ring) == (0.5, 1.0)
        assert pushed_again(ring) == (True, True)
        assert ring.to_array().tolist() == pairs(2, 3).tolist()
        assert half(pairs(5)[0]) == 2.5

    def test_defaults(self):
        ring = ring_of(pairs(1, 2))
        assert [or_none(ring) for _ in range(3)] == [1, 2, -1]
        ring.push(pairs(3)[0])
        found = or_record(ring, pairs(7, 8))
        assert [record.tolist() for record in found] == [pairs(3)[0].tolist(), pairs(8)[0].tolist()]

    def test_what_it_is_not_is_refused(self):
        from numba import TypingError

        push = jk.jit(cache=False)(lambda ring, value: ring.push(value))
        for value in (1, (1, 2.0, 3), pairs(1), np.zeros(1, INNER)[0]):
            with pytest.raises(TypingError, match=r"expected a record, got .* \(element of RingBuffer\("):
                push(ring_of(pairs()), value)

    def test_it_does_not_become_a_record_of_numba(self):
        """That is a pointer to memory, which nobody would keep."""
        from numba import TypingError

        for kernel, arguments in ((delayed, ()), (listed, ()), (either, (True,))):
            with pytest.raises(TypingError):
                kernel(ring_of(pairs(1, 2, 3)), pairs(0), *arguments)


def test_a_large_record():
    """One of 4 KiB takes seconds to compile."""
    dtype = np.dtype([("t", "i8"), ("d", "u1", (1016,))])
    values = np.zeros(2, dtype)
    values["t"] = 7, 3
    values["d"] = np.arange(1016) % 251
    number, record = large(ring_of(values, 2))
    assert number == 7
    assert record.tobytes() == values[0].tobytes()
