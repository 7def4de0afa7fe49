"""Any program of operations does to a ring what it does to a `collections.deque`, wherever the counters stand.

One function does what a program says. It is run by Python on the deque and on the ring, and compiled: there for one
operation after the other, and for whole programs, where counters stay in registers between operations.
"""

from collections import deque

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import jitkit as jk
from jitkit.ring._block import HEAD, TAIL

pytestmark = pytest.mark.kernel

RECORD = np.dtype([("t", "i8"), ("v", "f8"), ("k", "i4"), ("m", "i4")])  # 24 bytes
DTYPES = {"int64": np.dtype(np.int64), "record": RECORD}
CAPACITIES = (1, 2, 4, 8)
POLICIES = ("reject", "overwrite")
STARTS = (0, 5, 2**32 - 3, 2**63 - 3, 2**64 - 3, 2**64 - 1)  # of the counters: they grow over these borders
LONGEST = 20  # elements at once: more than twice what there is room for
STEADY = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
}

PUSH, POP, POP_OR, EXTEND, DRAIN, PEEK, CLEAR = range(7)


@jk.jit
def run(ring, program, source, sink, told):
    """Do what a program says, with elements from `source`; what comes out goes to `sink`, and answers to `told`."""
    at = out = 0
    for step in range(len(program)):
        what, number = program[step, 0], program[step, 1]
        if what == PUSH:
            told[step, 0] = ring.push(source[at])
            at += 1
        elif what == POP and len(ring) > 0:
            sink[out] = ring.pop()
            out += 1
        elif what == POP_OR:
            sink[out] = ring.pop_or(source[at])
            at += 1
            out += 1
        elif what == EXTEND:
            told[step, 0] = ring.extend(source[at : at + number])
            at += number
        elif what == DRAIN:
            told[step, 0] = ring.drain(sink[out : out + number])
            out += number
        elif what == PEEK and len(ring) > number:
            sink[out] = ring[number]
            sink[out + 1] = ring[-1 - number]
            out += 2
        elif what == CLEAR:
            ring.clear()
        told[step, 1] = len(ring)
        told[step, 2] = ring.dropped
    return at


class Twin:
    """What a ring is."""

    def __init__(self, capacity, policy):
        self.queue, self.capacity, self.policy = deque(maxlen=capacity), capacity, policy
        self.stored = self.dropped = 0

    def push(self, value):
        is_full = len(self.queue) == self.capacity
        self.dropped += is_full
        if not is_full or self.policy == "overwrite":
            self.queue.append(value)
            self.stored += 1
            return True
        return False

    def pop(self):
        return self.queue.popleft()

    def pop_or(self, default):
        return self.queue.popleft() if self.queue else default

    def extend(self, values):
        return sum([self.push(value) for value in values])

    def drain(self, out):
        count = min(len(out), len(self.queue))
        for i in range(count):
            out[i] = self.queue.popleft()
        return count

    def clear(self):
        self.queue.clear()

    def __getitem__(self, i):
        return self.queue[i]

    def __len__(self):
        return len(self.queue)


def elements(dtype, start, count):
    """Elements that all differ, in every field."""
    numbers = np.arange(start, start + count)
    values = np.zeros(count, dtype)
    for field in dtype.names or ():
        values[field] = numbers
    return values if dtype.names else numbers


def ring_from(dtype, capacity, policy, start):
    """A ring whose counters begin at `start`."""
    ring = jk.RingBuffer(dtype, capacity, policy)
    ring._set_word(HEAD, start)
    ring._set_word(TAIL, start)
    return ring


def same(ring, twin):
    """Compare all that can be seen."""
    expected = np.array(list(twin.queue), ring.dtype)
    first, second = ring.slices()
    assert len(ring) == len(twin)
    assert ring.dropped == twin.dropped
    assert np.concatenate((first, second)).tolist() == expected.tolist()
    assert [ring[i].tolist() if ring.dtype.names else ring[i] for i in range(len(ring))] == expected.tolist()
    assert (ring.is_empty, ring.is_full) == (not len(twin), len(twin) == ring.capacity)
    assert not len(second) or first[-1:].ctypes.data == ring._slots[-1:].ctypes.data


def run_both(runs, ring, twin, program, number):
    """Run a program on both, with elements from a number on; give back the next number."""
    program = np.array(program, np.int64).reshape(-1, 2)
    source = elements(ring.dtype, number, int(program[:, 1].sum()) + 2 * len(program))
    found, expected = (
        (np.zeros(len(source) + 2 * len(program), ring.dtype), np.zeros((len(program), 3), np.int64)) for _ in range(2)
    )
    used = run.py_func(twin, program, source, *expected)
    assert runs(ring, program, source, *found) == used
    for one, other in zip(found, expected, strict=True):
        assert one.tolist() == other.tolist()
    return number + used


class Machine(RuleBasedStateMachine):
    """One operation after the other."""

    runs, dtype, kinds = None, None, None

    @initialize(data=st.data(), start=st.sampled_from(STARTS))
    def begin(self, data, start):
        capacity, policy = data.draw(st.sampled_from(self.kinds))
        self.ring, self.twin = ring_from(self.dtype, capacity, policy, start), Twin(capacity, policy)
        self.number = 1

    @rule(what=st.sampled_from((PUSH, POP, POP_OR)))
    def one(self, what):
        self.number = run_both(type(self).runs, self.ring, self.twin, [(what, 0)], self.number)

    @rule(what=st.sampled_from((EXTEND, DRAIN)), count=st.integers(0, LONGEST))
    def several(self, what, count):
        self.number = run_both(type(self).runs, self.ring, self.twin, [(what, count)], self.number)

    @rule(i=st.integers(0, 7))
    def look(self, i):
        run_both(type(self).runs, self.ring, self.twin, [(PEEK, i)], self.number)

    @rule(what=st.sampled_from((CLEAR, PUSH)))  # seldom
    def clear(self, what):
        self.number = run_both(type(self).runs, self.ring, self.twin, [(what, 0)], self.number)

    @precondition(lambda self: type(self).runs is run.py_func)
    @rule()
    def copied(self):
        ring = self.ring.copy()
        assert ring == self.ring
        assert ring.dropped == self.ring.dropped
        self.ring = ring

    @invariant()
    def they_agree(self):
        if hasattr(self, "ring"):
            same(self.ring, self.twin)


KINDS = [(capacity, policy) for capacity in CAPACITIES for policy in POLICIES]
KINDS_IN_KERNELS = {"int64": [(4, "reject"), (2, "overwrite")], "record": [(1, "overwrite")]}


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_python(dtype):
    kind = type("FromPython", (Machine,), {"runs": run.py_func, "dtype": DTYPES[dtype], "kinds": KINDS})
    run_state_machine_as_test(kind, settings=settings(max_examples=100, stateful_step_count=30, **STEADY))


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_kernels_of_one_operation(dtype):
    kinds = KINDS_IN_KERNELS[dtype]
    kind = type("InKernels", (Machine,), {"runs": run, "dtype": DTYPES[dtype], "kinds": kinds})
    run_state_machine_as_test(kind, settings=settings(max_examples=20, stateful_step_count=30, **STEADY))


OPERATION = st.one_of(
    st.tuples(st.sampled_from((PUSH, POP, POP_OR)), st.just(0)),
    st.tuples(st.sampled_from((PUSH, PUSH, EXTEND, DRAIN)), st.integers(0, LONGEST)),
    st.tuples(st.just(PEEK), st.integers(0, 7)),
    st.tuples(st.sampled_from((CLEAR, PUSH, POP)), st.just(0)),
)


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_kernels_of_many_operations(dtype):
    kinds = st.sampled_from(KINDS_IN_KERNELS[dtype])

    @settings(max_examples=300, **STEADY)
    @given(kinds, st.sampled_from(STARTS), st.lists(OPERATION, max_size=60), st.lists(OPERATION, max_size=20))
    def check(kind, start, program, another):
        ring, twin = ring_from(DTYPES[dtype], *kind, start), Twin(*kind)
        number = run_both(run, ring, twin, program, 1)
        same(ring, twin)
        number = run_both(run.py_func, ring, twin, another, number)
        same(ring, twin)
        run_both(run, ring, twin, program, number)
        same(ring, twin)

    check()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("start", STARTS)
def test_counters_pass_every_border(start, policy):
    """Step by step over the border, with every number of elements."""
    for capacity in CAPACITIES:
        ring, twin, number = ring_from(np.int64, capacity, policy, start), Twin(capacity, policy), 0
        for count in (*range(capacity + 2), 1, 1, 1):
            number = run_both(run.py_func, ring, twin, [(EXTEND, count), (PEEK, 0), (POP, 0), (POP_OR, 0)], number)
            same(ring, twin)
        assert ring._word(TAIL) == (start + twin.stored) % 2**64
