"""Slots that are filled in place, and elements that are looked at in place: reserve, commit, peek, release."""

import numpy as np
import pytest
from channels import InKernels, drained, every_policy

import jitkit as jk
from jitkit.errors import JitkitError
from jitkit.ring._block import RESERVED

where_it_stays = pytest.mark.parametrize("policy", ["reject", "block"])


@every_policy
def test_slots_are_filled_and_then_published(channel, policy):
    tx, rx = channel(policy)
    view = tx.reserve(3)
    assert (view.dtype, view.shape, len(rx)) == (np.int64, (3,), 0)
    view[:] = [5, 6, 7]
    assert (len(rx), rx.pop_or(-1)) == (0, -1)
    tx.commit(2)
    assert (len(tx), drained(rx)) == (2, [5, 6])


@every_policy
def test_a_view_ends_where_the_memory_does(channel, policy):
    tx, rx = channel(policy)
    tx.extend(np.arange(3)), drained(rx)
    sizes = []
    for wanted in (4, 4, 2):
        view = tx.reserve(wanted)
        view[:] = wanted
        sizes.append(view.size)
        tx.commit(view.size)
        assert drained(rx) == [wanted] * view.size
    assert sizes == [1, 4, 2]


def test_a_view_ends_where_the_channel_is_full(channel):
    tx, _ = channel()
    tx.extend(np.arange(3))
    assert tx.reserve(3).size == 1
    tx.commit(1)
    assert (tx.reserve(3).size, tx.reserve(0).size, tx.dropped) == (0, 0, 1)


@every_policy
def test_nothing_can_be_published_too(channel, policy):
    tx, rx = channel(policy)
    tx.reserve(2)[:] = 1
    tx.commit(0)
    assert (len(rx), rx.pop_or(-1), tx.reserve(0).size, tx.reserve(-3).size) == (0, -1, 0, 0)
    tx.commit(0)
    assert tx.push(9)
    assert drained(rx) == [9]


@every_policy
@pytest.mark.parametrize("count", [3, -1, 2**62])
def test_no_more_can_be_published_than_was_reserved(channel, policy, count):
    tx, rx = channel(policy)
    with pytest.raises(ValueError, match=r"^expected to commit at most what was reserved"):
        tx.commit(1)
    tx.reserve(2)[:] = 8
    with pytest.raises(ValueError, match=r"^expected to commit at most what was reserved"):
        tx.commit(count)
    assert len(rx) == 0
    tx.commit(1)
    with pytest.raises(ValueError, match=r"^expected to commit at most what was reserved"):
        tx.commit(1)  # what was not committed is no longer reserved
    assert drained(rx) == [8]


@where_it_stays
def test_elements_are_read_and_then_given_up(channel, policy):
    tx, rx = channel(policy)
    tx.extend(np.arange(4))
    assert rx.peek(2).tolist() == [0, 1]
    assert (rx.peek(9).tolist(), len(rx), tx.is_full) == ([0, 1, 2, 3], 4, True)
    rx.release(3)
    assert (len(tx), rx.peek(9).tolist()) == (1, [3])
    rx.release(0)
    tx.extend(np.arange(4, 7))
    assert rx.peek(9).tolist() == [3]  # where the memory ends
    rx.release(1)
    assert (rx.peek(9).tolist(), rx.pop()) == ([4, 5, 6], 4)


@where_it_stays
def test_no_more_can_be_given_up_than_was_looked_at(channel, policy):
    tx, rx = channel(policy)
    tx.extend(np.arange(3))
    assert rx.peek(2).size == 2
    for count in (3, -1, 2**62):
        with pytest.raises(ValueError, match=r"^expected to release at most what was peeked at"):
            rx.release(count)
    rx.release(1)
    with pytest.raises(ValueError, match=r"^expected to release at most what was peeked at"):
        rx.release(1)
    assert (rx.peek(-1).size, rx.peek(0).size, drained(rx)) == (0, 0, [1, 2])


def test_python_cannot_write_to_what_it_looks_at():
    tx, rx = jk.ring.channel(np.int64, 4)
    tx.push(1)
    view = rx.peek(1)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 2


def test_what_may_be_overwritten_cannot_be_looked_at(channel):
    _, rx = channel("overwrite")
    with pytest.raises(Exception, match="expected elements that stay while they are looked at") as caught:
        rx.peek(1)
    assert isinstance(caught.value, JitkitError) != isinstance(rx, InKernels)  # numba's own error tells the place


def test_what_is_reserved_is_lost_where_the_oldest_is_overwritten(channel):
    """Filled or not: the producer may have written to it."""
    tx, rx = channel("overwrite")
    tx.extend(np.arange(4))
    assert tx.reserve(1).size == 1
    assert (rx.pop(), drained(rx), rx.dropped) == (1, [2, 3], 1)
    tx.commit(0)
    tx.extend(np.arange(4, 8))
    assert (drained(rx), rx.dropped) == ([4, 5, 6, 7], 1)


def test_also_after_other_elements_were_put_in(channel):
    tx, rx = channel("overwrite")
    tx.extend(np.arange(4))
    tx.reserve(3)[:] = 9
    tx.push(4)
    assert (drained(rx), rx.dropped) == ([3, 4], 3)


def test_nothing_is_left_where_all_is_reserved(channel):
    for take, nothing in ((lambda rx: rx.pop_or(-1), -1), (drained, [])):
        tx, rx = channel("overwrite")
        tx.extend(np.arange(4)), tx.reserve(4)
        assert take(rx) == nothing
        assert (len(rx), rx.dropped) == (0, 4)


def test_nor_does_an_array_with_gaps_get_anything():
    tx, rx = jk.ring.channel(np.int64, 4, "overwrite")
    tx.extend(np.arange(4)), tx.reserve(4)
    assert InKernels(rx).drain(np.zeros((4, 2), np.int64)[:, 0]) == 0


def test_views_keep_the_memory(channel):
    tx, rx = channel()
    view = tx.reserve(2)
    view[:] = 3
    tx.commit(2)
    seen = rx.peek(2)
    del tx, rx
    view[1] = 4
    assert seen.tolist() == [3, 4]


@where_it_stays
def test_what_is_put_in_meanwhile_takes_what_was_reserved(channel, policy):
    """Else more is published than there are slots, and the next `extend` writes to other memory."""
    for put in (lambda tx: tx.push(9), lambda tx: tx.extend(np.array([9]))):
        tx, rx = channel(policy)
        assert tx.reserve(4).size == 4
        put(tx)
        with pytest.raises(ValueError, match=r"^expected to commit at most what was reserved"):
            tx.commit(4)
        assert (len(tx), drained(rx), tx._word(RESERVED) <= 4) == (1, [9], True)


@where_it_stays
def test_what_is_taken_out_meanwhile_cannot_be_given_up(channel, policy):
    """Else the consumer goes on beyond the last element, and the next `drain` reads other memory."""
    for take in (lambda rx: rx.pop(), lambda rx: rx.pop_or(-1), lambda rx: rx.drain(np.zeros(1, np.int64))):
        tx, rx = channel(policy)
        tx.extend(np.arange(4))
        assert rx.peek(4).size == 4
        take(rx)
        with pytest.raises(ValueError, match=r"^expected to release at most what was peeked at"):
            rx.release(4)
        assert (len(rx), drained(rx)) == (3, [1, 2, 3])
