"""A `RingBuffer` as an object: what Python does with any collection, its way through kernels, and how long it lives."""

import copy
import gc
import pickle
import subprocess
import sys
import weakref

import numpy as np
import pytest
from numba.typed import List

import jitkit as jk


def ring_of(values=(), policy="reject", capacity=4):
    ring = jk.RingBuffer(np.int64, capacity, policy)
    ring.extend(values)
    return ring


@pytest.fixture(params=["reject", "overwrite"])
def policy(request):
    return request.param


class TestAsAPythonObject:
    def test_it_is_iterable(self):
        ring = ring_of([1, 2, 3])
        assert list(ring) == [1, 2, 3]
        assert list(reversed(ring)) == [3, 2, 1]
        assert sorted(ring, key=lambda value: -value) == [3, 2, 1]
        for value in ring:  # over a copy, so it can be changed meanwhile
            assert ring.push(10 + value) == (value == 1)
        assert list(ring) == [1, 2, 3, 11]

    def test_what_is_in_it(self):
        ring = ring_of([1, 2])
        assert (2 in ring, 3 in ring, "2" in ring, None in ring) == (True, False, False, False)
        assert bool(ring)
        assert not ring_of()

    def test_repr(self):
        assert repr(ring_of([1, 2])) == "RingBuffer(int64, 4, policy='reject', [1, 2])"
        assert repr(ring_of([1] * 5, "overwrite")) == (
            "RingBuffer(int64, 4, policy='overwrite', [1, 1, 1, 1], dropped=1)"
        )
        assert repr(ring_of(range(16), capacity=16)) == (
            "RingBuffer(int64, 16, policy='reject', [ 0, 1, 2, ..., 13, 14, 15])"
        )
        assert str(ring_of([1])) == "RingBuffer(int64, 4, policy='reject')"

    def test_equal_elements_make_equal_rings(self):
        ring = ring_of([0, 1, 2])
        ring.pop()
        assert ring == ring_of([1, 2], "overwrite", 8)
        assert ring != ring_of([1, 3])
        assert ring != ring_of([1])
        assert ring != [1, 2]
        other = jk.RingBuffer(np.int32, 4)
        other.extend([1, 2])
        assert ring != other
        with pytest.raises(TypeError, match="unhashable type: 'RingBuffer'"):
            hash(ring)

    @pytest.mark.parametrize(
        "copied", [copy.copy, copy.deepcopy, jk.RingBuffer.copy, lambda ring: pickle.loads(pickle.dumps(ring))]
    )
    def test_copies_have_all_and_share_nothing(self, copied, policy):
        ring = ring_of(range(6), policy)
        ring.pop()
        other = copied(ring)
        assert repr(other) == repr(ring)
        other.push(7)
        assert list(ring) == ([1, 2, 3] if policy == "reject" else [3, 4, 5])
        assert list(other) == [*ring, 7]

    def test_arguments_are_checked(self):
        ring = ring_of([1])
        for wrong in (1.0, "0", None, slice(0, 1)):
            with pytest.raises(TypeError, match=r"^expected the index of an element as an int, got "):
                ring[wrong]
        with pytest.raises(AttributeError):
            ring.capacity = 8
        with pytest.raises(AttributeError):
            ring.colour = "red"


@jk.jit
def made():
    ring = jk.RingBuffer(np.int64, 4, policy="overwrite")
    for value in range(6):
        ring.push(value)
    return ring


@jk.jit
def given_back(ring):
    return ring, (ring, len(ring))


@jk.jit
def moved(rings):
    while len(rings[0]):
        rings[1].push(rings[0].pop())
    return rings[1]


@jk.jit
def total(rings):
    total = 0
    for i in range(len(rings)):
        total += len(rings[i])
    return total


@jk.jit
def pop(ring):
    return ring.pop()


@jk.jit
def caught(ring):
    try:
        return ring.pop()
    except Exception:
        return -1


@jk.jit
def item_or(ring, i):
    try:
        value = ring[i]
    except Exception:
        value = -1
    return value


@jk.jit
def view_of_made():
    ring = jk.RingBuffer(np.int64, 4)
    ring.push(5)
    ring.push(6)
    return ring.slices()[0]


@jk.jit
def use_all(ring, out):
    first, second = ring.slices()
    ring.extend(first.copy())
    ring.push(len(second))
    return ring.drain(out), ring.pop_or(0), ring.slices()


FIRST_USED_IN_A_KERNEL = """
import jitkit as jk, numpy as np

@jk.jit(cache=False)
def before():
    return 1

@jk.jit(cache=False)
def made():
    ring = {name}(np.int64, 4)
    return ring.push(5), ring.pop()

{first}
print(made())
"""


class TestInKernels:
    @pytest.mark.parametrize("first", ["", "before(); from jitkit.ring import RingBuffer"])
    def test_it_may_be_used_there_first(self, first):
        code = FIRST_USED_IN_A_KERNEL.format(name="RingBuffer" if first else "jk.RingBuffer", first=first)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, "(True, 5)\n"), done.stderr

    def test_it_is_made(self):
        ring = made()
        assert repr(ring) == "RingBuffer(int64, 4, policy='overwrite', [2, 3, 4, 5], dropped=2)"
        assert (ring.push(6), ring.pop(), given_back(ring)[0] is ring) == (True, 3, True)
        assert pickle.loads(pickle.dumps(ring)) == ring
        assert made() is not ring

    def test_it_comes_back_as_the_object_that_it_was(self, policy):
        ring = ring_of([1], policy)
        one, (other, length) = given_back(ring)
        assert (one is ring, other is ring, length) == (True, True, 1)

    def test_tuples_and_lists_of_rings(self):
        source, target = ring_of([1, 2, 3]), ring_of([0])
        assert moved((source, target)) is target
        assert (list(source), list(target)) == ([], [0, 1, 2, 3])
        rings = List([source, target])
        assert total(rings) == 4
        assert rings[1] is target

    def test_errors_can_be_caught(self):
        assert (item_or(ring_of([5]), 0), item_or(ring_of([5]), 1)) == (5, -1)

    def test_an_empty_ring_can_be_caught(self):
        assert caught(ring_of()) == -1


class TestLifetime:
    def test_references_are_given_back(self):
        ring, out = ring_of([1, 2], "overwrite"), np.zeros(2, np.int64)
        rings = List([ring])

        def use():
            given_back(ring)
            total(rings)
            use_all(ring, out)
            moved((ring, ring_of()))
            # Not by a kernel that raises: numba 0.68 keeps what such a function has, also of its own arrays.
            for fails in (lambda: ring.peek(9), lambda: ring.push("x"), lambda: ring.push(2**64)):
                with pytest.raises((IndexError, TypeError, OverflowError)):
                    fails()
            return ring.push(1000), ring.pop(), ring.pop_or(None), ring.slices(), list(ring)

        def counts():
            gc.collect()
            return [sys.getrefcount(held) for held in (ring, ring._memory, ring._meminfo, out, 1000, None, True)]

        use()
        before = counts()
        for _ in range(1000):
            use()
        assert np.abs(np.subtract(counts(), before)).max() < 100  # None and True have other users

    def test_an_error_in_a_kernel_keeps_nothing(self):
        ring = ring_of()
        memory = weakref.ref(ring._memory.base)
        with pytest.raises(IndexError, match=r"^expected an element to take out"):
            pop(ring)
        del ring
        gc.collect()
        assert memory() is None

    def test_memory_lives_as_long_as_somebody_looks_at_it(self):
        ring = ring_of([1, 2, 3])
        memory, gone = weakref.ref(ring._memory.base), weakref.ref(ring)
        views = use_all(ring, np.zeros(2, np.int64))[2]
        del ring
        assert gone() is None
        gc.collect()
        assert memory() is not None
        assert [view.tolist() for view in views] == [[1], []]
        del views
        gc.collect()
        assert memory() is None
        assert view_of_made().tolist() == [5, 6]

    def test_memory_of_many_rings_is_freed(self):
        alive = [weakref.ref(jk.RingBuffer(np.uint8, 1 << 20)._memory.base) for _ in range(20)]
        assert [memory() for memory in alive] == [None] * 20

    def test_a_ring_made_in_a_kernel_outlives_it(self):
        rings = [made() for _ in range(50)]
        for value, ring in enumerate(rings):
            ring.push(value)
        gc.collect()
        assert [ring.peek(-1) for ring in rings] == list(range(50))
        gone = weakref.ref(rings[0])
        del rings, ring
        assert gone() is None
