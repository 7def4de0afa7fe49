"""Both ends of a channel: what goes in comes out, in order. From Python, and in kernels of one operation each."""

import time

import numpy as np
import pytest
from channels import InKernels, Running, drained, every_policy

pytestmark = pytest.mark.kernel


class TestOneByOne:
    @every_policy
    def test_what_goes_in_comes_out_in_order(self, channel, policy):
        tx, rx = channel(policy)
        for start in range(0, 30, 3):  # more often than there are slots
            assert [tx.push(start + i) for i in range(3)] == [True] * 3
            assert (len(tx), len(rx)) == (3, 3)
            assert [rx.pop(), rx.pop_or(-1), rx.pop()] == [start, start + 1, start + 2]
        assert (len(tx), len(rx), tx.dropped, rx.dropped) == (0, 0, 0, 0)

    @every_policy
    def test_an_empty_channel_has_nothing(self, channel, policy):
        _, rx = channel(policy)
        assert rx.pop_or(-7) == -7
        with pytest.raises(IndexError, match=r"^expected an element to take out, got an empty channel"):
            rx.pop()
        assert drained(rx) == []

    def test_a_full_channel_refuses(self, channel):
        tx, rx = channel()
        assert [tx.push(i) for i in range(6)] == [True] * 4 + [False] * 2
        assert (tx.dropped, rx.dropped) == (2, 2)
        assert rx.pop() == 0
        assert tx.push(6)
        assert drained(rx) == [1, 2, 3, 6]
        assert tx.dropped == 2

    def test_or_gives_up_the_oldest(self, channel):
        tx, rx = channel("overwrite")
        assert [tx.push(i) for i in range(7)] == [True] * 7
        assert (len(tx), len(rx), tx.dropped, rx.dropped) == (4, 4, 3, 3)
        assert [rx.pop(), rx.pop_or(-1)] == [3, 4]
        assert (tx.push(7), tx.push(8), tx.push(9), tx.dropped) == (True, True, True, 4)
        assert drained(rx) == [6, 7, 8, 9]
        assert (rx.dropped, len(rx)) == (4, 0)

    @every_policy
    def test_a_channel_can_have_one_slot(self, channel, policy):
        tx, rx = channel(policy, capacity=1)
        for i in range(5):
            assert (tx.is_full, rx.is_empty, tx.push(i), tx.is_full, rx.is_empty) == (False, True, True, True, False)
            assert (rx.pop(), rx.pop_or(-1)) == (i, -1)

    @every_policy
    def test_how_full_it_is_can_be_asked(self, channel, policy):
        tx, rx = channel(policy)
        found = []
        for i in range(4):
            found.append((len(tx), len(rx), tx.is_full, rx.is_empty))
            tx.push(i)
        found.append((len(tx), len(rx), tx.is_full, rx.is_empty))
        assert found == [(i, i, i == 4, i == 0) for i in range(5)]
        assert (tx.capacity, rx.capacity, tx.policy, rx.dtype) == (4, 4, policy, np.int64)


class TestManyAtOnce:
    def test_as_many_go_in_as_there_is_room_for(self, channel):
        tx, rx = channel()
        assert tx.extend(np.arange(3)) == 3
        assert tx.extend(np.arange(3, 6)) == 1
        assert (tx.extend(np.arange(6, 8)), tx.extend(np.arange(0)), tx.dropped) == (0, 0, 4)
        assert drained(rx, 2) == [0, 1]
        assert tx.extend(np.arange(8, 20)) == 2
        assert (drained(rx), tx.dropped) == ([2, 3, 8, 9], 14)

    def test_or_the_last_ones_stay(self, channel):
        tx, rx = channel("overwrite")
        assert tx.extend(np.arange(3)) == 3
        assert tx.extend(np.arange(3, 6)) == 3
        assert (len(rx), tx.dropped) == (4, 2)
        assert drained(rx, 1) == [2]
        assert tx.extend(np.arange(6, 17)) == 11
        assert (len(tx), drained(rx), tx.dropped) == (4, [13, 14, 15, 16], 12)
        assert tx.extend(np.arange(0)) == 0

    @every_policy
    def test_across_the_seam(self, channel, policy):
        tx, rx = channel(policy)
        for start in range(9):
            assert tx.extend(np.arange(start, start + 3)) == 3
            assert drained(rx, 3) == [start, start + 1, start + 2]
            tx.push(0), rx.pop()  # all eight places are begun at: 3 and 1 make 4

    @every_policy
    def test_arrays_may_have_gaps(self, channel, policy):
        """In kernels, where `out` may have some, too."""
        tx, rx = channel(policy)
        assert tx.extend(np.arange(8)[::-2]) == 4
        if isinstance(rx, InKernels):
            out = np.zeros((5, 2), np.int64)
            assert rx.drain(out[:, 0]) == 4
            assert out.tolist() == [[7, 0], [5, 0], [3, 0], [1, 0], [0, 0]]
        else:
            with pytest.raises(ValueError, match="contiguous"):
                rx.drain(np.zeros((5, 2), np.int64)[:, 0])

    def test_numbers_become_elements_where_none_is_lost(self, channel):
        tx, rx = channel()
        assert tx.extend(np.array([1, 255], np.uint8)) == 2
        assert tx.push(np.int16(-3))
        assert drained(rx) == [1, 255, -3]


class TestTheEnd:
    @every_policy
    def test_comes_when_all_was_taken_out(self, channel, policy):
        tx, rx = channel(policy)
        tx.extend(np.arange(2))
        assert (tx.closed, rx.closed) == (False, False)
        tx.close()
        assert (tx.closed, rx.closed, rx.pop(), rx.closed, rx.pop(), rx.closed) == (True, False, 0, False, 1, True)
        assert (rx.pop_or(-1), drained(rx), Running(rx.wait).result(), len(rx)) == (-1, [], False, 0)
        tx.close()

    @every_policy
    def test_nothing_comes_after_it(self, channel, policy):
        tx, rx = channel(policy)
        tx.close()
        for put in (lambda: tx.push(1), lambda: tx.extend(np.arange(2)), lambda: tx.reserve(1)):
            with pytest.raises(ValueError, match=r"^expected an open channel, got one whose producer has closed it"):
                put()
        assert (rx.closed, len(rx)) == (True, 0)

    @every_policy
    def test_nor_what_was_reserved_before(self, channel, policy):
        tx, rx = channel(policy)
        tx.reserve(2)[:] = 7
        tx.close()
        assert rx.closed
        with pytest.raises(ValueError, match=r"^expected"):
            tx.commit(2)
        assert (rx.closed, len(rx)) == (True, 0)

    @every_policy
    def test_waiting_tells_whether_there_is_more(self, channel, policy):
        tx, rx = channel(policy)
        tx.push(1)
        assert Running(rx.wait).result() is True
        assert rx.pop() == 1
        later = Running(lambda: (time.sleep(0.02), tx.push(2), time.sleep(0.02), tx.close()))
        assert (Running(rx.wait).result(), rx.pop(), Running(rx.wait).result()) == (True, 2, False)
        later.result()

    def test_a_producer_that_waits_learns_that_nobody_takes_anything(self, channel):
        tx, rx = channel("block")
        rx.close()
        assert tx.extend(np.arange(3)) == 3  # there is still room
        assert tx.push(3)
        for put in (lambda: tx.push(4), lambda: tx.extend(np.arange(2)), lambda: tx.reserve(1)):
            with pytest.raises(BrokenPipeError, match=r"^expected somebody to take elements out"):
                Running(put).result()
        assert len(tx) == 4

    def test_also_while_it_waits(self, channel):
        tx, rx = channel("block")
        tx.extend(np.arange(3))
        waiting = Running(tx.extend, np.arange(3, 9))
        while len(rx) < 4:
            time.sleep(0.001)
        rx.close()
        with pytest.raises(BrokenPipeError):
            waiting.result()
        assert (len(tx), drained(rx)) == (4, [0, 1, 2, 3])

    def test_a_producer_waits_for_room(self, channel):
        puts = (
            (lambda tx: tx.reserve(1).size, 0),
            (lambda tx: tx.push(4), 1),
            (lambda tx: tx.extend(np.arange(4, 13)), 9),
        )
        for put, count in puts:
            tx, rx = channel("block")
            tx.extend(np.arange(4))
            waiting = Running(put, tx)
            time.sleep(0.02)
            assert (waiting.is_alive(), len(rx)) == (True, 4)
            taken = []
            while waiting.is_alive() or len(rx):
                taken += drained(rx, 3)
                time.sleep(0.0001)
            waiting.result()
            assert (taken, tx.dropped) == (list(range(4 + count)), 0)
