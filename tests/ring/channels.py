"""What the tests of channels share: ends that kernels of one operation use, threads, and streams between them.

A thread that waits for something that never comes would stop a whole run: so all are daemons, and whoever asks for what
they return waits for a time only.
"""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import jitkit as jk
from jitkit.ring._block import ANNOUNCED, CACHED_HEAD, CACHED_TAIL, HEAD, TAIL

STEADY = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
STARTS = (0, 2**32 - 2, 2**63 - 3, 2**64 - 3)  # of counters: in the middle of numbers, and where they wrap around

PATIENCE = 60  # seconds that anything gets which takes milliseconds, on a machine that does other things, too
WRAP = (1 << 64) - 1
POLICIES = ("reject", "block", "overwrite")
COUNTERS = (TAIL, HEAD, CACHED_HEAD, CACHED_TAIL, ANNOUNCED)

every_policy = pytest.mark.parametrize("policy", POLICIES)


class Running(threading.Thread):
    """A call in a thread of its own."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.call, self.outcome = (function, arguments), None
        self.start()

    def run(self):
        function, arguments = self.call
        try:
            self.outcome = function(*arguments), None
        except BaseException as error:
            self.outcome = None, error

    def result(self, patience=PATIENCE):
        """What the call returned; what it raised is raised here."""
        self.join(patience)
        assert not self.is_alive(), f"{self.call[0]} still ran after {patience} s"
        value, error = self.outcome
        if error is not None:
            raise error
        return value


def start_at(number, *ends):
    """Let the counters of a new channel begin at a number."""
    for end in ends:
        for place in COUNTERS:
            end._set_word(place, number)


def unused_name(what):
    """A name for shared memory that nobody else has."""
    return f"jitkit-test-{os.getpid()}-{threading.get_ident()}-{what}"


def has_name(name):
    return (Path("/dev/shm") / name).exists()


def drained(rx, count=10):
    out = np.full(count, -1)
    return out[: rx.drain(out)].tolist()


# Kernels of one operation.


@jk.jit
def push(tx, value):
    return tx.push(value)


@jk.jit
def extend(tx, values):
    return tx.extend(values)


@jk.jit
def reserve(tx, count):
    return tx.reserve(count)


@jk.jit
def commit(tx, count):
    tx.commit(count)


@jk.jit
def is_full(tx):
    return tx.is_full


@jk.jit
def pop(rx):
    return rx.pop()


@jk.jit
def pop_or(rx, default):
    return rx.pop_or(default)


@jk.jit
def drain(rx, out):
    return rx.drain(out)


@jk.jit
def peek(rx, count):
    return rx.peek(count)


@jk.jit
def release(rx, count):
    rx.release(count)


@jk.jit
def wait(rx):
    return rx.wait()


@jk.jit
def is_empty(rx):
    return rx.is_empty


@jk.jit
def close(end):
    end.close()


@jk.jit
def closed(end):
    return end.closed


@jk.jit
def dropped(end):
    return end.dropped


@jk.jit
def capacity(end):
    return end.capacity


@jk.jit
def length(end):
    return len(end)


METHODS = {
    "push": push, "extend": extend, "reserve": reserve, "commit": commit,
    "pop": pop, "pop_or": pop_or, "drain": drain, "peek": peek, "release": release, "wait": wait, "close": close,
}  # fmt: skip
PROPERTIES = {"is_full": is_full, "is_empty": is_empty, "closed": closed, "dropped": dropped, "capacity": capacity}


class InKernels:
    """An end that is used as in Python, but every operation of which is a kernel."""

    def __init__(self, end):
        self.end = end

    def __getattr__(self, name):
        if name in METHODS:
            return lambda *arguments: METHODS[name](self.end, *arguments)
        if name in PROPERTIES:
            return PROPERTIES[name](self.end)
        return getattr(self.end, name)

    def __len__(self):
        return length(self.end)


# Kernels of a stream: the numbers from 0 on, one by one, many at once, and in place. Whoever takes them out tells how
# many there were, and how many of them were not the one that comes next.


@jk.jit
def send_each(tx, count):
    for i in range(count):
        while not tx.push(i):
            pass
    tx.close()


@jk.jit
def send_bulk(tx, count):
    block = np.empty(256, np.int64)
    sent = 0
    while sent < count:
        size = min(256, count - sent)
        for i in range(size):
            block[i] = sent + i
        sent += tx.extend(block[:size])
    tx.close()


@jk.jit
def send_in_place(tx, count):
    sent = 0
    while sent < count:
        view = tx.reserve(min(256, count - sent))
        for i in range(view.size):
            view[i] = sent + i
        tx.commit(view.size)
        sent += view.size
    tx.close()


@jk.jit
def receive_each(rx):
    count = wrong = 0
    while rx.wait():
        wrong += rx.pop() != count
        count += 1
    return count, wrong


@jk.jit
def receive_bulk(rx):
    out = np.empty(256, np.int64)
    count = wrong = 0
    while rx.wait():
        size = rx.drain(out)
        for i in range(size):
            wrong += out[i] != count + i
        count += size
    return count, wrong


@jk.jit
def receive_in_place(rx):
    count = wrong = 0
    while rx.wait():
        view = rx.peek(256)
        for i in range(view.size):
            wrong += view[i] != count + i
        rx.release(view.size)
        count += view.size
    return count, wrong


SENDERS = {"each": send_each, "bulk": send_bulk, "in place": send_in_place}
RECEIVERS = {"each": receive_each, "bulk": receive_bulk, "in place": receive_in_place}


# Other processes. What one writes to stderr is a failure: it gets the warnings that a program under development does.


def command(code, *arguments):
    """What starts a program that may use an end of a channel between processes."""
    begin = "import os, signal, sys, time\nimport numpy as np\nimport jitkit as jk\nfrom jitkit.errors import *\n"
    return [sys.executable, "-X", "dev", "-W", "error", "-c", begin + code, *map(str, arguments)]


# os.fork warns of other threads since Python 3.12.
ENVIRONMENT = os.environ | {"OPENBLAS_NUM_THREADS": "1"}


def in_new_process(code, *arguments):
    """What a program prints, which has to end well, and say nothing else."""
    done = subprocess.run(
        command(code, *arguments), capture_output=True, text=True, timeout=PATIENCE, env=ENVIRONMENT, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), f"exit code {done.returncode}: {done.stderr}"
    return done.stdout


@contextmanager
def started(code, *arguments):
    """A program that has printed "ready"; it is killed at the end, if it still runs."""
    with subprocess.Popen(
        command(code, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()
