"""Both ends of a channel do what a deque does, in any order of operations, wherever their counters are.

Hypothesis makes up the order. Each operation is called from Python or is a kernel of its own; then whole programs run
inside one kernel.
"""

from collections import deque
from itertools import islice, pairwise

import numpy as np
import pytest
from channels import POLICIES, STARTS, STEADY, WRAP, InKernels, Running, start_at
from hypothesis import given, settings
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
from jitkit.ring._block import ANNOUNCED, CACHED_HEAD, CACHED_TAIL, HEAD, PEEKED, RESERVED, TAIL

CAPACITIES = (1, 2, 4, 8)
COMPILED = 4  # the capacity that there are kernels for: for each one, they take seconds to compile

starts = st.sampled_from(STARTS)
capacities = st.sampled_from(CAPACITIES)
counts = st.integers(0, 11)


class Twin:
    """What a channel is to do. Refuses what would wait: the caller does not do it then."""

    def __init__(self, capacity, policy):
        self.capacity, self.policy = capacity, policy
        self.waiting = deque()  # all that no consumer has come across: also what was overwritten
        self.refused = self.missed = self.announced = 0  # slots behind the last element that may have been written to
        self.reserved, self.peeked, self.disturbed = [], 0, False
        self.closed = self.gone = False

    @property
    def room(self):
        return len(self.waiting) if self.policy == "overwrite" else self.capacity - len(self.waiting)

    def must_wait(self, count):
        return self.policy == "block" and count > self.capacity - len(self.waiting)

    def extend(self, values):
        kept = len(values) if self.policy == "overwrite" else min(len(values), self.capacity - len(self.waiting))
        if self.policy == "reject":
            self.refused += len(values) - kept
        self.waiting.extend(values[:kept])
        self.announced = max(0, self.announced - kept)
        self.disturbed |= kept > 0
        del self.reserved[:kept]
        return kept

    def reserve(self, count, place):
        """How many slots there are side by side, if the next one is at a place."""
        free = self.capacity if self.policy == "overwrite" else self.capacity - len(self.waiting)
        if self.policy == "reject" and free == 0 and count > 0:
            self.refused += 1
        given = min(count, free, self.capacity - place)
        if self.policy == "overwrite":
            self.announced = max(self.announced, given)
        self.disturbed = False
        return given

    def commit(self, count):
        self.extend(self.reserved[:count])
        self.reserved, self.disturbed = [], False

    def catch_up(self):
        """Find out what was overwritten."""
        if self.policy == "overwrite":
            while len(self.waiting) > self.capacity - self.announced:
                self.waiting.popleft()
                self.missed += 1

    def take(self, count):
        self.catch_up()
        taken = [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]
        self.peeked = max(0, self.peeked - len(taken))
        return taken

    @property
    def dropped(self):
        return self.refused + self.missed + max(0, len(self.waiting) - self.capacity)

    def __len__(self):
        return min(len(self.waiting), self.capacity)


class Machine(RuleBasedStateMachine):
    policy = "reject"

    @initialize(capacity=capacities, start=starts)
    def begin(self, capacity, start):
        ends = jk.ring.channel(np.int64, capacity, self.policy)
        start_at(start, *ends)
        self.python, self.kernels = ends, tuple(map(InKernels, ends))
        self.twin, self.next = Twin(capacity, self.policy), 0

    def end(self, side, in_kernel):
        return (self.kernels if in_kernel and self.twin.capacity == COMPILED else self.python)[side]

    def numbers(self, count):
        self.next += count
        return np.arange(self.next - count, self.next)

    def put(self, count, call, *arguments):
        """Whether elements are to be put in; where they cannot, the error is checked."""
        if self.twin.closed:
            with pytest.raises(ValueError, match="closed"):
                call(*arguments)
        elif self.twin.must_wait(count):
            if self.twin.gone:
                with pytest.raises(BrokenPipeError):
                    Running(call, *arguments).result()
            return False
        return not self.twin.closed

    @rule(in_kernel=st.booleans())
    def push(self, in_kernel):
        tx, (value,) = self.end(0, in_kernel), self.numbers(1)
        if self.put(1, tx.push, value):
            assert tx.push(value) == (self.twin.extend([value]) == 1)

    @rule(count=counts, in_kernel=st.booleans())
    def extend(self, count, in_kernel):
        tx, values = self.end(0, in_kernel), self.numbers(count)
        if count == 0:
            return
        if self.twin.must_wait(count) and self.twin.gone and not self.twin.closed:
            self.twin.extend(values)  # up to where it would have to wait
        if self.put(count, tx.extend, values):
            assert tx.extend(values) == self.twin.extend(values)

    @rule(count=counts, in_kernel=st.booleans())
    def reserve(self, count, in_kernel):
        tx = self.end(0, in_kernel)
        if count and self.put(1, tx.reserve, count):
            place = self.python[0]._word(TAIL) % self.twin.capacity
            view, given = tx.reserve(count), self.twin.reserve(count, place)
            values = self.numbers(given)
            view[:] = values
            self.twin.reserved = list(values)

    @rule(count=counts, in_kernel=st.booleans())
    def commit(self, count, in_kernel):
        tx, twin = self.end(0, in_kernel), self.twin
        if count > len(twin.reserved):
            with pytest.raises(ValueError, match="expected to commit at most what was reserved"):
                tx.commit(count)
        elif not twin.closed and not (twin.disturbed and count):
            tx.commit(count)
            twin.commit(count)

    @rule(in_kernel=st.booleans())
    def pop(self, in_kernel):
        rx, expected = self.end(1, in_kernel), self.twin.take(1)
        if expected:
            assert [rx.pop()] == expected
        else:
            with pytest.raises(IndexError):
                rx.pop()

    @rule(in_kernel=st.booleans())
    def pop_or(self, in_kernel):
        assert self.end(1, in_kernel).pop_or(-1) == (self.twin.take(1) or [-1])[0]

    @rule(count=counts, in_kernel=st.booleans())
    def drain(self, count, in_kernel):
        out = np.full(count, -1)
        expected = self.twin.take(count)
        assert (self.end(1, in_kernel).drain(out), out[: len(expected)].tolist()) == (len(expected), expected)

    @precondition(lambda self: self.policy != "overwrite")
    @rule(count=counts, in_kernel=st.booleans())
    def peek(self, count, in_kernel):
        straight = self.twin.capacity - self.python[1]._word(HEAD) % self.twin.capacity
        expected = list(islice(self.twin.waiting, min(count, straight)))
        assert self.end(1, in_kernel).peek(count).tolist() == expected
        self.twin.peeked = len(expected)

    @precondition(lambda self: self.policy != "overwrite")
    @rule(count=counts, in_kernel=st.booleans())
    def release(self, count, in_kernel):
        rx, twin = self.end(1, in_kernel), self.twin
        if count > twin.peeked:
            with pytest.raises(ValueError, match="expected to release at most what was peeked at"):
                rx.release(count)
        elif rx._word(PEEKED) >= count:  # it may have forgotten, where something was taken out meanwhile
            rx.release(count)
            twin.take(count)
            twin.peeked = 0

    @precondition(lambda self: not self.twin.closed)
    @rule(in_kernel=st.booleans(), really=st.sampled_from([False] * 9 + [True]))
    def close(self, in_kernel, really):
        if really:
            self.end(0, in_kernel).close()
            self.twin.closed = True

    @precondition(lambda self: not self.twin.gone)
    @rule(in_kernel=st.booleans(), really=st.sampled_from([False] * 9 + [True]))
    def give_up(self, in_kernel, really):
        if really:
            self.end(1, in_kernel).close()
            self.twin.gone = True

    @rule(in_kernel=st.booleans())
    def ask(self, in_kernel):
        tx, rx, twin = self.end(0, in_kernel), self.end(1, in_kernel), self.twin
        if twin.announced:  # then there may be less than there seems
            assert (len(tx), tx.is_full, tx.closed) == (len(rx), len(tx) == twin.capacity, twin.closed)
            return
        assert (len(tx), len(rx), tx.dropped, rx.dropped) == (len(twin), len(twin), twin.dropped, twin.dropped)
        assert (tx.is_full, rx.is_empty) == (len(twin) == twin.capacity, len(twin) == 0)
        assert (tx.closed, rx.closed) == (twin.closed, twin.closed and len(twin) == 0)

    @invariant()
    def counters_are_in_order(self):
        if not hasattr(self, "twin"):
            return
        order = (HEAD, TAIL, ANNOUNCED) if self.policy == "overwrite" else (CACHED_HEAD, HEAD, CACHED_TAIL, TAIL)
        words = [self.python[0]._word(place) for place in order]
        for one, other in pairwise(words):
            assert (other - one) & WRAP < 2**63
        waiting = (self.python[0]._word(TAIL) - self.python[0]._word(HEAD)) & WRAP
        assert waiting == len(self.twin.waiting)
        assert waiting <= self.twin.capacity or self.policy == "overwrite"
        assert self.python[0]._word(RESERVED) <= self.twin.capacity >= self.python[0]._word(PEEKED)


@pytest.mark.parametrize("policy", POLICIES)
def test_any_order_of_operations(policy):
    steps = settings(STEADY, max_examples=60, stateful_step_count=40)
    run_state_machine_as_test(type(policy, (Machine,), {"policy": policy}), settings=steps)


# Programs inside one kernel.

PUSH, EXTEND, FILL, POP_OR, DRAIN, READ, ASK = range(7)


@jk.jit
def run(tx, rx, program, results, taken):
    """Run operations, each a code and a count; give what each returned, and all that was taken out."""
    number = total = 0
    room = np.empty(16, np.int64)
    for i in range(len(program)):
        code, count = program[i]
        if code == PUSH:
            results[i] = tx.push(number)
            number += 1
        elif code == EXTEND:
            results[i] = tx.extend(np.arange(number, number + count))
            number += count
        elif code == FILL:
            view = tx.reserve(count)
            for k in range(view.size):
                view[k] = number + k
            tx.commit(view.size)
            results[i] = view.size
            number += view.size
        elif code == POP_OR:
            taken[total] = results[i] = rx.pop_or(-1)
            total += results[i] >= 0
        elif code == DRAIN:
            size = results[i] = rx.drain(room[:count])
            taken[total : total + size] = room[:size]
            total += size
        else:
            results[i] = 1000 * len(tx) + 100 * tx.is_full + 10 * rx.is_empty + rx.dropped
    return total


def expected_of(program, twin, start):
    """What is left of a program without what would wait, the results, and what is taken out."""
    number, left, results, taken, tail = 0, [], [], [], start
    for code, count in program:
        if code in (PUSH, EXTEND, FILL) and twin.must_wait(count if code == EXTEND else 1):
            continue
        left.append((code, count))
        if code in (PUSH, EXTEND):
            size = 1 if code == PUSH else count
            results.append(twin.extend(list(range(number, number + size))))
            tail += results[-1]
            number += size
        elif code == FILL:
            given = twin.reserve(count, tail % twin.capacity)
            twin.reserved = list(range(number, number + given))
            twin.commit(given)
            results.append(given)
            tail += given
            number += given
        elif code in (POP_OR, DRAIN):
            found = twin.take(1 if code == POP_OR else count)
            taken += found
            results.append(len(found) if code == DRAIN else (found or [-1])[0])
        else:
            full, empty = len(twin) == twin.capacity, len(twin) == 0
            results.append(1000 * len(twin) + 100 * full + 10 * empty + twin.dropped)
    return left, results, taken


operations = st.tuples(st.sampled_from([PUSH, EXTEND, FILL, POP_OR, DRAIN, ASK]), counts)


@pytest.mark.parametrize(("policy", "capacity"), [("reject", 4), ("block", 1), ("overwrite", 2)])
def test_any_program_in_one_kernel(policy, capacity):
    @settings(STEADY, max_examples=100)
    @given(st.lists(operations, max_size=50), starts)
    def check(program, start):
        ends = jk.ring.channel(np.int64, capacity, policy)
        start_at(start, *ends)
        left, results, taken = expected_of(program, Twin(capacity, policy), start)
        found, out = np.full(len(left), -9), np.full(600, -9)
        total = Running(run, *ends, np.array(left, np.int64).reshape(-1, 2), found, out).result()
        assert (found.tolist(), out[:total].tolist()) == (results, taken)

    check()
