"""Queues of many producers and many consumers: from Python, in kernels, and with four threads at once."""

import copy
import pickle
import time
from collections import deque

import numpy as np
import pytest
from channels import PATIENCE, STARTS, STEADY, Running, length, pop, pop_or, push
from channels import capacity as capacity_in_kernel
from channels import dropped as dropped_in_kernel
from hypothesis import given, settings
from hypothesis import strategies as st

import jitkit as jk
from jitkit.errors import CapacityError, LayoutError
from jitkit.ring._block import HEAD, HEADER_NBYTES, TAIL

RECORD = np.dtype([("seq", "u4"), ("x", "f4", (2,))])


class Python:
    push = staticmethod(lambda queue, value: queue.push(value))
    pop = staticmethod(lambda queue: queue.pop())
    pop_or = staticmethod(lambda queue, default: queue.pop_or(default))
    length = staticmethod(len)
    dropped = staticmethod(lambda queue: queue.dropped)


class Kernels:
    push, pop, pop_or = staticmethod(push), staticmethod(pop), staticmethod(pop_or)
    length, dropped = staticmethod(length), staticmethod(dropped_in_kernel)


@pytest.fixture(params=[Python, Kernels])
def use(request):
    return request.param


def start_at(queue, number):
    """Let the counters of a new queue begin at a number, with each slot as it is when it is that number's turn."""
    queue._set_word(HEAD, number)
    queue._set_word(TAIL, number)
    start = HEADER_NBYTES + -(-queue.capacity * queue.dtype.itemsize // 8) * 8
    turns = queue._memory[start:].view(np.uint64)
    for i in range(number, number + queue.capacity):
        turns[i % queue.capacity] = 2 * i % 2**64


def test_what_goes_in_comes_out_in_order(use):
    queue = jk.ring.mpmc(np.int64, 4)
    for start in range(0, 30, 3):
        assert [use.push(queue, start + i) for i in range(3)] == [True] * 3
        assert use.length(queue) == 3
        assert [use.pop(queue), use.pop_or(queue, -1), use.pop(queue)] == [start, start + 1, start + 2]
    assert (use.length(queue), use.dropped(queue)) == (0, 0)


def test_a_full_queue_refuses(use):
    queue = jk.ring.mpmc(np.int64, 4)
    assert [use.push(queue, i) for i in range(6)] == [True] * 4 + [False] * 2
    assert (queue.is_full, queue.is_empty, use.dropped(queue)) == (True, False, 2)
    assert use.pop(queue) == 0
    assert use.push(queue, 6)
    assert [use.pop_or(queue, -1) for _ in range(5)] == [1, 2, 3, 6, -1]


def test_an_empty_queue_has_nothing(use):
    queue = jk.ring.mpmc(np.int64, 4)
    assert (queue.is_full, queue.is_empty, use.pop_or(queue, -7)) == (False, True, -7)
    with pytest.raises(IndexError, match=r"^expected an element to take out, got an empty queue"):
        use.pop(queue)
    assert use.push(queue, 1)
    assert use.pop(queue) == 1


def test_a_queue_can_have_one_slot(use):
    queue = jk.ring.mpmc(np.int64, 1)
    for i in range(5):
        assert (use.push(queue, i), use.push(queue, 9), use.length(queue)) == (True, False, 1)
        assert (use.pop_or(queue, -1), use.pop_or(queue, -1), use.length(queue)) == (i, -1, 0)
    assert (use.dropped(queue), capacity_in_kernel(queue)) == (5, 1)


@pytest.mark.parametrize("capacity", [1, 4])
def test_it_does_what_a_deque_does(use, capacity):
    """Wherever its counters are; the numbers of turns wrap around at half the way."""

    @settings(STEADY, max_examples=60)
    @given(st.lists(st.booleans(), max_size=40), st.sampled_from(STARTS))
    def check(steps, start):
        queue, twin = jk.ring.mpmc(np.int64, capacity), deque()
        start_at(queue, start)
        for i, puts in enumerate(steps):
            if puts:
                assert use.push(queue, i) == (len(twin) < capacity)
                twin.extend([i] if len(twin) < capacity else [])
            else:
                assert use.pop_or(queue, -1) == (twin.popleft() if twin else -1)
            assert use.length(queue) == len(twin)
            assert (queue.is_full, queue.is_empty) == (len(twin) == capacity, not twin)

    check()


def test_elements_of_several_fields_and_arrays(use):
    queue = jk.ring.mpmc(RECORD, 2)
    queue.push((7, (1, 2)))
    assert use.pop(queue) == np.array((7, (1, 2)), RECORD)
    queue = jk.ring.mpmc((np.float32, (3,)), 2)
    use.push(queue, np.arange(3, dtype=np.float32))
    assert use.pop(queue).tolist() == [0, 1, 2]
    assert queue.pop_or(None) is None


def test_an_array_of_another_shape_leaves_it_as_it_is(use):
    """Whoever claims a slot must hand it on, or nobody comes round any more."""
    queue = jk.ring.mpmc((np.float32, (3,)), 2)
    with pytest.raises(ValueError, match="shape"):
        use.push(queue, np.zeros(2, np.float32))
    assert (len(queue), use.push(queue, np.ones(3, np.float32)), len(queue)) == (0, True, 1)
    assert use.pop_or(queue, np.zeros(3, np.float32)).tolist() == [1, 1, 1]


def test_there_are_no_copies():
    queue = jk.ring.mpmc(np.int64, 4)
    for make in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"^expected a queue to stay in its process"):
            make(queue)
    assert (repr(queue), bool(queue), queue.dtype) == ("Queue(int64, 4)", True, np.int64)


@jk.jit
def same(queue):
    return queue


def test_what_a_kernel_returns_is_the_queue_itself():
    queue = jk.ring.mpmc(np.int64, 4)
    assert same(queue) is queue


@pytest.mark.parametrize(("dtype", "capacity", "error"), [(np.int64, 3, CapacityError), (object, 4, LayoutError)])
def test_what_it_cannot_be(dtype, capacity, error):
    with pytest.raises(error, match=r"^expected"):
        jk.ring.mpmc(dtype, capacity)


@pytest.mark.parametrize(("value", "error"), [(1.5, TypeError), ("1", TypeError), (2**63, OverflowError)])
def test_what_is_no_element_is_refused(value, error):
    queue = jk.ring.mpmc(np.int64, 4)
    with pytest.raises(error, match=r"^expected"):
        queue.push(value)
    assert (len(queue), queue.dropped) == (0, 0)


@jk.jit
def produce(queue, producer, count):
    for i in range(count):
        while not queue.push(producer << 32 | i):
            pass


@jk.jit
def consume(queue, out):
    """Take numbers out until a negative one comes; return how many there were."""
    count = 0
    while True:
        number = queue.pop_or(-1)
        if number >= 0:
            out[count] = number
            count += 1
        elif number == -2:
            return count


def put(queue, number):
    while not queue.push(number):
        time.sleep(0)


@pytest.mark.parametrize(("capacity", "each"), [(1, 5000), (2, 20_000), (1024, 300_000)])
def test_two_producers_and_two_consumers(capacity, each):
    """All come exactly once, and those of one producer in order to each consumer."""
    queue = jk.ring.mpmc(np.int64, capacity)
    outs = [np.empty(2 * each, np.int64) for _ in range(2)]
    consuming = [Running(consume, queue, out) for out in outs]
    for producing in [Running(produce, queue, producer, each) for producer in range(2)]:
        producing.result()
    for _ in range(2):
        Running(put, queue, -2).result()
    found = [out[: running.result()] for running, out in zip(consuming, outs, strict=True)]
    for numbers in found:
        for producer in range(2):
            own = numbers[numbers >> 32 == producer]
            assert (np.diff(own) > 0).all()
    expected = np.concatenate([np.arange(each), np.arange(each) + (1 << 32)])
    assert np.array_equal(np.sort(np.concatenate(found)), expected)
    assert len(queue) == 0


def test_from_python_and_kernels_at_once():
    queue, each = jk.ring.mpmc(np.int64, 64), 5000
    out = np.empty(2 * each, np.int64)
    taken = []

    def send():
        for i in range(each):
            put(queue, 1 << 32 | i)

    def receive():
        while (number := queue.pop_or(-1)) != -3:
            if number >= 0:
                taken.append(number)
            else:
                time.sleep(0)

    consuming, receiving = Running(consume, queue, out), Running(receive)
    for running in [Running(produce, queue, 0, each), Running(send)]:
        running.result(PATIENCE)
    _end_both(queue, consuming, receiving)
    found = np.concatenate([out[: consuming.result()], np.array(taken, np.int64)])
    assert np.array_equal(np.sort(found), np.concatenate([np.arange(each), np.arange(each) + (1 << 32)]))


def _end_both(queue, consuming, receiving):
    """Send each its own last number, which the other one passes over."""
    while consuming.is_alive() or receiving.is_alive():
        if consuming.is_alive():
            queue.push(-2)
        if receiving.is_alive():
            queue.push(-3)
        time.sleep(0.001)
