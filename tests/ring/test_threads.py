"""Two threads at once, and four: a million elements come in order, none twice, and none is torn.

On one core, too: then threads take turns where they happen to be interrupted.
"""

import itertools
import time

import numpy as np
import pytest
from channels import RECEIVERS, SENDERS, Running

import jitkit as jk

MANY = 1_000_000
RECORD = np.dtype([(f"word{k}", "u8") for k in range(8)])  # a cache line, written by several instructions
FACTOR = 0x9E37_79B9_7F4A_7C15  # odd: of different numbers, no two words are the same


@pytest.mark.parametrize(
    ("policy", "sender", "receiver"),
    [("reject", "each", "each"), *itertools.product(["block"], SENDERS, RECEIVERS)],
)
def test_all_elements_come_in_order(policy, sender, receiver):
    count = MANY if sender == receiver else MANY // 10
    tx, rx = jk.ring.channel(np.int64, 1024, policy)
    sending, receiving = Running(SENDERS[sender], tx, count), Running(RECEIVERS[receiver], rx)
    assert receiving.result() == (count, 0)
    sending.result()
    assert (rx.closed, len(rx)) == (True, 0)
    assert policy == "reject" or tx.dropped == 0


def test_through_few_slots():
    """One end is at the other's heels all the time."""
    tx, rx = jk.ring.channel(np.int64, 2, "block")
    sending, receiving = Running(SENDERS["each"], tx, 2000), Running(RECEIVERS["each"], rx)
    assert receiving.result() == (2000, 0)
    sending.result()


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_from_python_to_a_kernel(receiver):
    count = MANY // 5
    tx, rx = jk.ring.channel(np.int64, 1024, "block")

    def send():
        for i in range(count // 2):
            tx.push(i)
        for start in range(count // 2, count - 500, 500):
            tx.extend(np.arange(start, start + 500))
        for i in range(count - 500, count):
            view = tx.reserve(1)
            view[0] = i
            tx.commit(1)
        tx.close()

    receiving = Running(RECEIVERS[receiver], rx)
    Running(send).result()
    assert receiving.result() == (count, 0)


@pytest.mark.parametrize("sender", SENDERS)
def test_from_a_kernel_to_python(sender):
    count = MANY // 5
    tx, rx = jk.ring.channel(np.int64, 1024, "block")

    def receive():
        taken, out = [], np.empty(300, np.int64)
        while len(taken) < count // 2:
            taken.append(rx.pop_or(-1))
            if taken[-1] < 0:
                taken.pop()
                rx.wait()
        while len(taken) < count - 1000:
            taken += out[: rx.drain(out)].tolist()
        while len(taken) < count - 500:
            view = rx.peek(100)
            taken += view.tolist()
            rx.release(len(view))
        return taken + list(rx)

    sending = Running(SENDERS[sender], tx, count)
    assert Running(receive).result() == list(range(count))
    sending.result()


# Records that are overwritten while they are read. Each word follows from the first one, so a torn record shows.


@jk.jit
def send_records(tx, start, count):
    cell = np.zeros(1, RECORD)
    for i in range(start, start + count):
        number = np.uint64(i)
        cell[0].word0 = number
        cell[0].word1 = (number + np.uint64(1)) * np.uint64(FACTOR)
        cell[0].word2 = (number + np.uint64(2)) * np.uint64(FACTOR)
        cell[0].word3 = (number + np.uint64(3)) * np.uint64(FACTOR)
        cell[0].word4 = (number + np.uint64(4)) * np.uint64(FACTOR)
        cell[0].word5 = (number + np.uint64(5)) * np.uint64(FACTOR)
        cell[0].word6 = (number + np.uint64(6)) * np.uint64(FACTOR)
        cell[0].word7 = (number + np.uint64(7)) * np.uint64(FACTOR)
        tx.push(cell[0])


@jk.jit
def send_blocks_of_records(tx, start, count):
    block = np.zeros(24, RECORD)
    words = block.view(np.uint64).reshape(24, 8)
    for first in range(start, start + count, 24):
        for i in range(24):
            number = np.uint64(first + i)
            words[i, 0] = number
            for k in range(1, 8):
                words[i, k] = (number + np.uint64(k)) * np.uint64(FACTOR)
        tx.extend(block)


@jk.jit
def is_torn(record):
    """Whether the words of a record are not those of one."""
    number = np.uint64(record.word0)
    torn = record.word1 != (number + np.uint64(1)) * np.uint64(FACTOR)
    torn |= record.word2 != (number + np.uint64(2)) * np.uint64(FACTOR)
    torn |= record.word3 != (number + np.uint64(3)) * np.uint64(FACTOR)
    torn |= record.word4 != (number + np.uint64(4)) * np.uint64(FACTOR)
    torn |= record.word5 != (number + np.uint64(5)) * np.uint64(FACTOR)
    torn |= record.word6 != (number + np.uint64(6)) * np.uint64(FACTOR)
    return torn or record.word7 != (number + np.uint64(7)) * np.uint64(FACTOR)


@jk.jit
def receive_records(rx, progress):
    """How many came, how many of them were torn, and how many not greater than the one before."""
    nothing = np.zeros(1, RECORD)
    nothing[0].word7 = 1
    received = torn = disordered = 0
    last = -1
    while rx.wait():
        record = rx.pop_or(nothing[0])
        if record.word0 == 0 and record.word7 == 1:
            continue  # what was there has been overwritten
        received += 1
        torn += is_torn(record)
        disordered += np.int64(record.word0) <= last
        last = np.int64(record.word0)
        progress[0] = received
    return received, torn, disordered


@jk.jit
def receive_blocks_of_records(rx, progress):
    out = np.zeros(32, RECORD)
    received = torn = disordered = 0
    last = -1
    while rx.wait():
        for i in range(rx.drain(out)):
            received += 1
            torn += is_torn(out[i])
            disordered += np.int64(out[i].word0) <= last
            last = np.int64(out[i].word0)
        progress[0] = received
    return received, torn, disordered


RECORD_SENDERS = {"each": send_records, "bulk": send_blocks_of_records}
RECORD_RECEIVERS = {"each": receive_records, "bulk": receive_blocks_of_records}


@pytest.mark.parametrize(("sender", "receiver"), list(itertools.product(RECORD_SENDERS, RECORD_RECEIVERS)))
def test_what_is_overwritten_is_never_torn(sender, receiver):
    """One goes on until the other has got enough meanwhile, but not forever: there may be one processor only."""
    tx, rx = jk.ring.channel(RECORD, 8, "overwrite")
    progress = np.zeros(1, np.int64)
    receiving = Running(RECORD_RECEIVERS[receiver], rx, progress)
    sent, until = 0, time.monotonic() + 1
    while sent == 0 or (progress[0] < 20_000 and time.monotonic() < until):
        Running(RECORD_SENDERS[sender], tx, sent, 48_000).result()
        sent += 48_000
    tx.close()
    received, torn, disordered = receiving.result()
    assert (torn, disordered) == (0, 0)
    assert received + rx.dropped == received + tx.dropped == sent
    assert received > 0  # the last ones stay


def test_what_is_dropped_can_be_asked_for_at_any_time():
    """By others than the two who have the ends, too."""
    count = MANY // 5
    tx, rx = jk.ring.channel(np.int64, 64, "overwrite")
    sending, receiving = Running(SENDERS["each"], tx, count), Running(RECEIVERS["each"], rx)
    seen = [0]
    while receiving.is_alive():
        seen += [tx.dropped, rx.dropped]
    sending.result()
    received, _ = receiving.result()
    assert max(seen) <= count
    assert received + rx.dropped == count
