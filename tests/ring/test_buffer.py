"""`RingBuffer`: each operation as Python has it, and the same function compiled."""

from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest

import jitkit as jk

pytestmark = pytest.mark.kernel

POLICIES = ("reject", "overwrite")
EMPTY = "expected an element to take out, got an empty ring buffer"
OUTSIDE = "expected the index of an element in the ring buffer|expected an index from"


def ring_of(values=(), policy="reject", capacity=4):
    ring = jk.RingBuffer(np.int64, capacity, policy)
    ring.extend(values)
    return ring


@jk.jit
def push(ring, value):
    return ring.push(value)


@jk.jit
def pop(ring):
    return ring.pop()


@jk.jit
def pop_or(ring, default):
    return ring.pop_or(default)


@jk.jit
def extend(ring, values):
    return ring.extend(values)


@jk.jit
def drain(ring, out):
    return ring.drain(out)


@jk.jit
def peek(ring, i):
    return ring.peek(i)


@jk.jit
def item(ring, i):
    return ring[i]


@jk.jit
def first(ring):
    return ring.peek()


@jk.jit
def state(ring):
    return len(ring), ring.capacity, ring.is_empty, ring.is_full, ring.dropped


@jk.jit
def clear(ring):
    ring.clear()


@jk.jit
def slices(ring):
    return ring.slices()


@jk.jit
def to_array(ring):
    return ring.to_array()


OPERATIONS = (push, pop, pop_or, extend, drain, peek, item, first, state, clear, slices, to_array)


@pytest.fixture(params=["from_python", "from_a_kernel"])
def call(request):
    """The operations, run by Python or compiled."""
    compiled = request.param == "from_a_kernel"
    return SimpleNamespace(**{each.__name__: each if compiled else each.py_func for each in OPERATIONS})


@pytest.fixture(params=POLICIES)
def policy(request):
    return request.param


class TestOneElement:
    def test_first_in_is_first_out(self, call, policy):
        ring = ring_of(policy=policy)
        assert [call.push(ring, value) for value in (5, -6, 7)] == [True] * 3
        assert [call.pop(ring) for _ in range(3)] == [5, -6, 7]

    def test_a_full_ring_refuses(self, call):
        ring = ring_of([1, 2, 3])
        assert [call.push(ring, value) for value in (4, 5, 6)] == [True, False, False]
        assert list(ring) == [1, 2, 3, 4]
        assert ring.dropped == 2

    def test_or_it_overwrites_the_oldest(self, call):
        ring = ring_of([1, 2, 3], "overwrite")
        assert [call.push(ring, value) for value in (4, 5, 6)] == [True] * 3
        assert list(ring) == [3, 4, 5, 6]
        assert ring.dropped == 2

    def test_an_empty_ring_has_nothing_to_pop(self, call, policy):
        ring = ring_of([1], policy)
        assert call.pop(ring) == 1
        for _ in range(2):
            with pytest.raises(IndexError, match=EMPTY):
                call.pop(ring)
        assert call.state(ring) == (0, 4, True, False, 0)
        assert call.push(ring, 2)
        assert call.pop(ring) == 2

    def test_or_a_default_is_given(self, call, policy):
        ring = ring_of([1], policy)
        assert [call.pop_or(ring, -9) for _ in range(3)] == [1, -9, -9]
        assert call.pop_or(ring, None) is None
        assert call.push(ring, 2)
        assert call.pop_or(ring, None) == 2

    def test_every_slot_comes_round(self, call, policy):
        ring, twin = ring_of(policy=policy), deque()
        for value in range(0, 60, 3):
            for add in range(3):
                assert call.push(ring, value + add)
                twin.append(value + add)
            while len(twin) > 1:
                assert call.pop(ring) == twin.popleft()
        assert call.state(ring) == (1, 4, False, False, 0)

    def test_a_ring_may_have_one_slot(self, call, policy):
        ring = ring_of(policy=policy, capacity=1)
        assert [call.push(ring, value) for value in (1, 2)] == [True, policy == "overwrite"]
        assert call.state(ring) == (1, 1, False, True, 1)
        assert call.pop(ring) == (2 if policy == "overwrite" else 1)
        assert call.state(ring) == (0, 1, True, False, 1)


class TestManyElements:
    @pytest.mark.parametrize("stored", [0, 1, 3, 4])
    @pytest.mark.parametrize("start", [0, 3])
    def test_extend_takes_any_number(self, call, policy, stored, start):
        for count in (0, 1, 3, 4, 5, 8, 11):
            ring = ring_of(range(start), policy)
            ring.clear()
            ring.extend(range(stored))
            values = np.arange(100, 100 + count)
            wanted, room = [*range(stored), *values.tolist()], min(count, 4 - stored)
            assert call.extend(ring, values) == (count if policy == "overwrite" else room)
            assert list(ring) == (wanted[-4:] if policy == "overwrite" else wanted[:4])
            assert ring.dropped == len(wanted) - len(ring)
            assert values.tolist() == list(range(100, 100 + count))

    @pytest.mark.parametrize("stored", [0, 1, 3, 4, 7])
    def test_drain_fills_from_the_beginning(self, call, policy, stored):
        for count in (0, 1, 3, 4, 6):
            ring = ring_of([9, 9, 9], policy)
            ring.clear()
            ring.extend(range(stored))
            before, dropped, out = list(ring), ring.dropped, np.full(count, -1)
            taken = min(count, len(before))
            assert call.drain(ring, out) == taken
            assert out.tolist() == before[:taken] + [-1] * (count - taken)
            assert list(ring) == before[taken:]
            assert ring.dropped == dropped

    def test_elements_need_not_lie_side_by_side(self, call, policy):
        ring = ring_of(policy=policy)
        assert call.extend(ring, np.arange(12)[1::4]) == 3
        assert call.extend(ring, np.arange(3, dtype=np.int32)) == (1 if policy == "reject" else 3)
        assert list(ring) == ([1, 5, 9, 0] if policy == "reject" else [9, 0, 1, 2])

    def test_what_is_read_only_can_be_put_in(self, call):
        values = np.arange(3)
        values.flags.writeable = False
        ring = ring_of()
        assert call.extend(ring, values) == 3
        assert list(ring) == [0, 1, 2]

    def test_the_elements_of_a_ring_can_be_put_into_it_again(self):
        ring = ring_of([1, 2, 3])
        assert ring.extend(ring.slices()[0]) == 1
        assert list(ring) == [1, 2, 3, 1]

    def test_but_not_an_empty_view_of_them(self):
        ring = ring_of([1, 2])
        assert extend(ring, slices(ring)[1]) == 0

    def test_a_kernel_refuses_them(self):
        ring = ring_of([1, 2, 3])
        with pytest.raises(ValueError, match=r"^expected an array of other memory than the slots, got one that lies"):
            extend(ring, ring.slices()[0])
        assert list(ring) == [1, 2, 3]


class TestLooking:
    def test_elements_count_from_the_oldest_or_back_from_the_newest(self, call, policy):
        ring = ring_of([9, 9, 9], policy)
        ring.clear()
        ring.extend([10, 11, 12])
        for look in (call.peek, call.item):
            assert [look(ring, i) for i in range(3)] == [10, 11, 12]
            assert [look(ring, -i) for i in (1, 2, 3)] == [12, 11, 10]
            for outside in (3, -4, 2**40, -(2**63)):
                with pytest.raises(IndexError, match=OUTSIDE):
                    look(ring, outside)
        assert call.first(ring) == 10
        assert len(ring) == 3

    def test_other_integers_are_indices_too(self, call):
        ring = ring_of([10, 11])
        assert [call.item(ring, i) for i in (np.int8(-1), np.uint8(1), np.uint64(1))] == [11] * 3
        with pytest.raises(IndexError, match=OUTSIDE):
            call.item(ring, np.uint64(2**63))

    def test_no_unsigned_integer_is_negative(self):
        with pytest.raises(IndexError, match=OUTSIDE):
            item(ring_of([10, 11]), np.uint64(2**64 - 1))

    def test_an_empty_ring_has_nothing_to_look_at(self, call, policy):
        for i in (0, -1):
            with pytest.raises(IndexError, match=OUTSIDE):
                call.item(ring_of(policy=policy), i)

    def test_slices_are_the_memory_itself(self, call, policy):
        ring = ring_of([9, 9, 9], policy)
        ring.clear()
        for stored, parts in (([], ([], [])), ([1], ([1], [])), ([2, 3], ([1], [2, 3])), ([4], ([1], [2, 3, 4]))):
            ring.extend(stored)
            views = call.slices(ring)
            assert tuple(view.tolist() for view in views) == parts
            assert all(np.shares_memory(view, ring._memory) for view in views if view.size)
        views[1][0] = 77
        assert list(ring) == [1, 77, 3, 4]

    def test_to_array_is_a_copy(self, call, policy):
        ring = ring_of([9, 1, 2, 3], policy)
        ring.pop()
        ring.extend([4])
        array = call.to_array(ring)
        assert array.tolist() == [1, 2, 3, 4]
        assert array.dtype == np.int64
        assert not np.shares_memory(array, ring._memory)
        assert call.to_array(ring_of(policy=policy)).tolist() == []

    def test_its_state_is_told(self, call, policy):
        ring = ring_of([1, 2, 3], policy)
        assert call.state(ring) == (3, 4, False, False, 0)
        call.push(ring, 4)
        assert call.state(ring) == (4, 4, False, True, 0)
        call.push(ring, 5)
        assert call.state(ring) == (4, 4, False, True, 1)
        call.clear(ring)
        assert call.state(ring) == (0, 4, True, False, 1)
        call.clear(ring)
        assert call.push(ring, 6)
        assert call.state(ring) == (1, 4, False, False, 1)

    def test_what_was_overwritten_is_counted_once(self, call):
        ring = ring_of(range(10), "overwrite")
        dropped = [ring.dropped]
        for step in (call.pop, call.first, call.clear, lambda ring: call.extend(ring, np.arange(6)), call.pop):
            step(ring)
            dropped += [ring.dropped, call.state(ring)[4]]
        assert dropped == [6] + [6] * 6 + [8] * 4
