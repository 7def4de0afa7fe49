"""What nobody should do to a `RingBuffer`, and some do: it may refuse, but it must not break."""

import gc
import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import jitkit as jk


def ring_of(dtype, values=(), policy="reject", capacity=8):
    ring = jk.RingBuffer(dtype, capacity, policy)
    ring.extend(values)
    return ring


@pytest.fixture
def impatient():
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Acts:
    """A number that does something while it is converted."""

    def __init__(self, act, value=5):
        self.act, self.value = act, value

    def __index__(self):
        self.act()
        return self.value

    def __float__(self):
        return float(self.__index__())

    def __complex__(self):
        return complex(self.__index__())


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("policy", ["reject", "overwrite"])
def test_threads_that_share_a_ring(policy):
    """Its documentation allows one at a time. Under the GIL each operation is one step all the same."""
    ring, count, taken, stored, wrong = ring_of(np.int64, [], policy, 64), 5000, [], [], []
    ring.push(-1)
    ring.pop()

    def put(first):
        stored.append(sum(ring.push(value) for value in range(first, first + count)))
        stored.append(ring.extend(np.arange(first + count, first + 2 * count)))

    def take():
        out, own = np.zeros(7, np.int64), []
        for _ in range(count):
            if (value := ring.pop_or(None)) is not None:
                own.append(value)
            own.extend(out[: ring.drain(out)].tolist())
            if not 0 <= len(ring) <= 64:
                wrong.append(len(ring))
        taken.extend(own)

    def look():
        for _ in range(count // 10):
            repr(ring), list(ring), ring.to_array(), ring.dropped, ring.copy(), 5 in ring

    threads = [threading.Thread(target=put, args=(2 * count * i,)) for i in range(2)]
    threads += [threading.Thread(target=task) for task in (take, take, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken += list(ring)
    assert wrong == []
    assert len(set(taken)) == len(taken)
    assert set(taken) <= set(range(4 * count))
    assert len(taken) + ring.dropped == 4 * count
    assert sum(stored) == 4 * count - ring.dropped * (policy == "reject")


class TestWhileAValueIsConverted:
    @pytest.mark.parametrize("dtype", ["i8", "f8", "c16"])
    def test_the_ring_is_used(self, dtype):
        """Such objects are converted by machine code only, or refused."""
        ring = ring_of(dtype)
        ring.push(1)
        ring.pop()
        for act in (lambda: ring.push(7), ring.clear, lambda: ring.extend([1] * 9), lambda: ring.pop_or(0), gc.collect):
            ring.clear()
            try:
                stored = ring.push(Acts(act))
            except TypeError:
                stored = False
            assert (5 in ring) == stored
            assert len(ring) <= 8

    def test_the_ring_is_let_go(self):
        rings = [ring_of("i8")]
        rings[0].push(1)
        try:
            assert rings[0].push(Acts(lambda: (rings.clear(), gc.collect())))
        except TypeError:
            assert rings

    def test_another_ring_is_made_of_it(self):
        """A second call of `__init__` gives it other memory, of other elements."""
        code = """
import jitkit as jk

ring = jk.RingBuffer("i8", 4)
ring.push(1)
try:
    ring.__init__("i1", 4)
except Exception:
    print("refused")
else:
    print(ring.push(5), ring.push(6), list(ring))
"""
        done = subprocess.run([sys.executable, "-X", "dev", "-c", code], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "True True [5, 6]\n", "")

    def test_a_ring_is_filled_from_itself(self):
        for capacity in (8, 64, 256):
            for count in range(capacity // 2, capacity + 1, 5):
                ring = ring_of("i2", range(count), "overwrite", capacity)
                expected = (list(range(count)) * 2)[-capacity:]
                assert ring.extend(ring) == count
                assert list(ring) == expected

    def test_or_from_its_own_memory(self):
        for capacity in (8, 64, 256):
            for count in range(capacity // 2, capacity + 1, 5):
                ring = ring_of("i2", range(count), "overwrite", capacity)
                ring.extend(ring.slices()[0])
                assert list(ring) == (list(range(count)) * 2)[-capacity:]


class TestObjects:
    def test_one_that_was_not_made_can_do_nothing(self):
        ring = jk.RingBuffer.__new__(jk.RingBuffer)
        uses = (
            lambda: ring.push(1),
            ring.pop,
            lambda: ring.pop_or(2),
            lambda: len(ring),
            lambda: repr(ring),
            ring.copy,
        )
        for use in (
            *uses,
            lambda: ring.extend([1]),
            lambda: ring.drain(np.zeros(1)),
            lambda: ring.capacity,
            ring.clear,
        ):
            with pytest.raises(AttributeError):
                use()

    def test_derived_classes(self):
        class Named(jk.RingBuffer):
            def __init__(self, name):
                super().__init__(np.int64, 4, "overwrite")
                self.name = name

            def push(self, value):
                return super().push(2 * value)

        @jk.jit(cache=False)
        def put(ring):
            ring.push(5)
            return ring

        ring = Named("x")
        assert (ring.push(1), ring.push(2), ring.extend([7])) == (True, True, 1)
        assert put(ring) is ring
        assert (list(ring), ring.name, ring.pop()) == ([2, 4, 7, 5], "x", 2)
        assert list(ring.copy()) == [4, 7, 5]

    def test_many_at_once_and_many_elements(self):
        rings = [ring_of("u1", [i % 256]) for i in range(5000)]
        assert [ring.pop() for ring in rings] == [i % 256 for i in range(5000)]
        large = ring_of("u1", [], "overwrite", 1 << 20)
        values = np.arange(5_000_000).astype(np.uint8)
        assert large.extend(values) == 5_000_000
        assert np.array_equal(large.to_array(), values[-(1 << 20) :])
        assert large.dropped == 5_000_000 - (1 << 20)


class TestProcesses:
    def test_rings_travel_between_them(self):
        ring = ring_of(np.int64, range(6), "overwrite", 4)
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        # A function that the other process can import: it finds no module of these tests.
        process = context.Process(target=there.send, args=([ring, ring],))
        process.start()
        assert here.poll(60)
        other, same = here.recv()
        process.join()
        assert other is same
        assert other.push(6)
        assert repr(other) == "RingBuffer(int64, 4, policy='overwrite', [3, 4, 5, 6], dropped=3)"
        assert list(ring) == [2, 3, 4, 5]

    def test_a_forked_process_has_its_own(self):
        code = """
import os
import jitkit as jk

rings = [jk.RingBuffer("i8", 4) for _ in range(2)]
rings[0].extend([1, 2])
rings[0].push(3)
pid = os.fork()
if not pid:
    found = rings[0].pop(), rings[0].push(9), rings[1].push(4), rings[1].pop(), list(rings[0])
    os._exit(0 if found == (1, True, True, 4, [2, 3, 9]) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), list(rings[0]), rings[1].push(5), rings[1].pop())
"""
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # os.fork warns of other threads since Python 3.12
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
        assert (done.returncode, done.stdout, done.stderr) == (0, "0 [1, 2, 3] True 5\n", "")

    def test_a_process_ends_without_a_word(self):
        """With rings in globals, in cycles, in threads, and in use by a kernel's array."""
        code = """
import threading
import jitkit as jk, numpy as np

@jk.jit
def slices(ring):
    return ring.slices()

ring = jk.RingBuffer("f8", 4)
ring.extend([1, 2, 3])
ring.push(4.0), ring.pop()
views, again = slices(ring), ring.slices()
cycle = [jk.RingBuffer("f8", 4)]
cycle.append(cycle)
local = threading.local()
local.ring = ring
ended = threading.Thread(target=lambda: ring.push(5.0))
ended.start()
threading.Thread(target=lambda: threading.Event().wait(), daemon=True).start()
print(list(ring))
"""
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "[2.0, 3.0, 4.0, 5.0]\n", "")
