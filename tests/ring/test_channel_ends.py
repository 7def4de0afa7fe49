"""Ends of channels: whose they are, how long they wait, what they hold, and what they refuse to be."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import channels
import numba
import numpy as np
import pytest
from channels import PATIENCE, InKernels, Running

import jitkit as jk
from jitkit.errors import JitkitError
from jitkit.ring._block import CONSUMER_BUSY, PRODUCER_BUSY

BUSY = "^expected a {} that is free, got one that a kernel has"


@jk.jit
def hold(end, word):
    """Tell that a kernel has an end, and keep it until somebody says so."""
    word[0] = 1
    while word[1] == 0:
        len(end)  # reads a counter that others write, and so all of memory
    return len(end)


@jk.jit
def push_both(one, other):
    return one.push(1), other.push(2)


@jk.jit
def push_and_fail(tx, count):
    tx.push(1)
    if count > 0:
        raise KeyError("expected")
    return tx


@jk.jit
def push_to_all(ends):
    for i in range(len(ends)):
        ends[i].push(i)


@pytest.fixture
def held():
    """A channel both ends of which a kernel has, each in a thread of its own."""
    ends = jk.ring.channel(np.int64, 4)
    ends[0].push(0), ends[1].pop(), ends[0].extend(np.array([1, 2]))  # from now on by the shortest way
    words = np.zeros((2, 2), np.int64)
    threads = [Running(hold, end, word) for end, word in zip(ends, words, strict=True)]

    deadline = time.monotonic() + PATIENCE
    while not words[:, 0].all():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    yield ends
    words[:, 1] = 1
    assert [thread.result() for thread in threads] == [2, 2]


class TestAnEndThatAKernelHas:
    @pytest.mark.parametrize(
        "use",
        [
            lambda tx: tx.push(1), lambda tx: tx.extend(np.arange(1)), lambda tx: tx.reserve(1),
            lambda tx: tx.commit(0), lambda tx: tx.close(), lambda tx: channels.push(tx, 1),
            lambda tx: channels.length(tx),
        ],
    )  # fmt: skip
    def test_is_no_producer_for_others(self, held, use):
        tx, _ = held
        with pytest.raises(JitkitError, match=BUSY.format("producer")):
            Running(use, tx).result()
        assert (len(tx), tx.closed, tx.is_full, tx.dropped) == (2, False, False, 0)  # asking is allowed

    @pytest.mark.parametrize(
        "use",
        [
            lambda rx: rx.pop(), lambda rx: rx.pop_or(1), lambda rx: rx.drain(np.zeros(1, np.int64)),
            lambda rx: rx.peek(1), lambda rx: rx.release(0), lambda rx: rx.wait(0), lambda rx: list(rx),
            lambda rx: rx.close(), lambda rx: channels.pop_or(rx, 1),
        ],
    )  # fmt: skip
    def test_is_no_consumer_for_others(self, held, use):
        _, rx = held
        with pytest.raises(JitkitError, match=BUSY.format("consumer")):
            Running(use, rx).result()
        assert (len(rx), rx.closed, rx.is_empty, rx.dropped) == (2, False, False, 0)

    def test_cannot_be_given_to_it_twice(self):
        tx, rx = jk.ring.channel(np.int64, 4)
        other, _ = jk.ring.channel(np.int64, 4)
        assert push_both(tx, other) == (True, True)
        with pytest.raises(JitkitError, match=BUSY.format("producer")):
            push_both(tx, tx)
        assert (rx.pop(), len(rx), tx.push(5)) == (1, 0, True)

    def test_is_free_after_an_error(self):
        tx, rx = jk.ring.channel(np.int64, 4)
        with pytest.raises(KeyError, match="expected"):
            push_and_fail(tx, 1)
        with pytest.raises(TypeError):
            push_and_fail(tx)
        with pytest.raises(numba.TypingError):
            push_and_fail(tx, "x")
        assert push_and_fail(tx, 0) is tx
        assert (len(rx), tx._word(PRODUCER_BUSY), tx.push(2)) == (2, 0, True)
        with pytest.raises(IndexError):
            InKernels(jk.ring.channel(np.int64, 4)[1]).pop()

    def test_is_free_where_another_one_is_not(self, held):
        """The first of two arguments was taken already when the second was refused."""
        free, _ = jk.ring.channel(np.int64, 4)
        for order in ((free, held[0]), (held[0], free)):
            with pytest.raises(JitkitError, match=BUSY.format("producer")):
                push_both(*order)
        assert (free._word(PRODUCER_BUSY), free.push(1), len(free)) == (0, True, 1)

    def test_may_be_one_of_a_tuple(self):
        pairs = [jk.ring.channel(np.int64, 4) for _ in range(2)]
        push_to_all(tuple(tx for tx, _ in pairs))
        assert [rx.pop() for _, rx in pairs] == [0, 1]
        assert [tx._word(PRODUCER_BUSY) for tx, _ in pairs] == [0, 0]

    def test_two_threads_that_want_one_get_it_by_turns(self):
        """However often Python changes threads."""
        tx, _ = jk.ring.channel(np.int64, 4)
        word = np.zeros(2, np.int64)
        both, refused = [], []

        def want():
            for _ in range(300):
                try:
                    both.append(alone(tx, word))
                except JitkitError:
                    refused.append(1)

        alone(tx, word)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for thread in [Running(want) for _ in range(2)]:
                thread.result()
        finally:
            sys.setswitchinterval(interval)
        assert (sum(both), len(both) + len(refused)) == (0, 600)
        assert tx._word(PRODUCER_BUSY) == 0


@jk.jit
def alone(end, word):
    """1 if another thread was in here at the same time."""
    found = word[0]
    word[0] = 1
    for _ in range(100):
        found |= word[1] + len(end)
    word[0] = 0
    return found


class TestCopies:
    @pytest.mark.parametrize("side", [0, 1])
    def test_there_are_none(self, side):
        end = jk.ring.channel(np.int64, 4)[side]
        for make in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match=f"^expected one {end.family.lower()} for each channel, got a copy"):
                make(end)

    def test_what_a_kernel_returns_is_the_end_itself(self):
        for end in jk.ring.channel(np.int64, 4):
            assert same(end) is end
            assert same(end) is same(end)
            assert end._word(PRODUCER_BUSY) == end._word(CONSUMER_BUSY) == 0

    def test_ends_show_what_they_are(self):
        tx, rx = jk.ring.channel(np.float32, 8, policy="block")
        assert (repr(tx), str(rx)) == (
            "Producer(float32, 8, policy='block')", "Consumer(float32, 8, policy='block')"
        )  # fmt: skip
        assert (bool(tx), bool(rx)) == (True, True)


@jk.jit
def same(end):
    return end


class TestIteration:
    @pytest.mark.parametrize("policy", ["reject", "block", "overwrite"])
    def test_goes_on_until_the_producer_closes(self, policy):
        tx, rx = jk.ring.channel(np.int64, 4, policy)

        def send():
            for i in range(50):
                while len(tx) == 4:  # which the policies treat differently
                    time.sleep(0.0001)
                tx.push(i)
            tx.close()

        sender = Running(send)
        assert Running(list, rx).result() == list(range(50))
        sender.result()
        assert (rx.closed, list(rx)) == (True, [])

    def test_of_an_end_that_is_left_open_goes_on_later(self):
        tx, rx = jk.ring.channel(np.int64, 8)
        tx.extend(range(5))
        assert [value for value, _ in zip(rx, range(2), strict=False)] == [0, 1]
        tx.close()
        assert [*rx][-1] == 4

    def test_a_block_closes_what_was_made_for_it(self):
        tx, rx = jk.ring.channel(np.int64, 8, policy="block")
        with tx as end:
            assert end is tx
            tx.extend(range(3))
        assert (tx.closed, list(rx)) == (True, [0, 1, 2])
        with rx, pytest.raises(ValueError, match="closed"):
            tx.push(1)


class TestWaiting:
    def test_ends_after_a_time(self):
        tx, rx = jk.ring.channel(np.int64, 4)
        for timeout in (0, 0.0, 0.01, 0.15, -1):
            start = time.monotonic()
            assert rx.wait(timeout) is False
            assert timeout <= time.monotonic() - start
        tx.push(1)
        assert [rx.wait(timeout) for timeout in (0, -1, 1e9, np.inf, None)] == [True] * 5
        with pytest.raises(ValueError, match=r"^expected a timeout in seconds, got nan"):
            rx.wait(np.nan)

    def test_or_with_an_element_or_the_end(self):
        tx, rx = jk.ring.channel(np.int64, 4)
        waiting = Running(rx.wait, PATIENCE)
        time.sleep(0.08)  # it asks for signals meanwhile
        tx.push(1)
        assert waiting.result() is True
        assert rx.pop() == 1
        waiting = Running(rx.wait)
        tx.close()
        assert waiting.result() is False

    @pytest.mark.parametrize(
        "wait",
        ["tx.extend(range(5))", "[tx.push(i) for i in range(5)]", "tx.extend(range(4)), tx.reserve(1)", "list(rx)",
         "rx.wait()", "rx.wait(1e6)"],
    )  # fmt: skip
    def test_ends_by_ctrl_c(self, wait):
        code = f"""
import signal, time, threading, jitkit as jk
tx, rx = jk.ring.channel("i8", 4, policy="block")
tx.push(1), rx.pop(), rx.wait(0), tx.extend([1]), rx.drain(__import__("numpy").zeros(1, "i8"))  # compiled
tx.reserve(1), tx.commit(0)
threading.Timer(0.05, rx.pop).start()
tx.extend(range(5))
rx.drain(__import__("numpy").zeros(4, "i8"))
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted", len(rx), tx.push(9) if len(rx) < 4 else rx.pop(), flush=True)
"""
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            watch = threading.Timer(PATIENCE, process.kill)
            watch.start()
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.1)
            assert process.poll() is None
            start = time.monotonic()
            os.kill(process.pid, signal.SIGINT)
            answer = process.stdout.readline()
            took = time.monotonic() - start
            process.wait(PATIENCE)
            watch.cancel()
        assert answer in ("interrupted 4 0\n", "interrupted 0 True\n")
        assert took < 1
