"""Capacity and policy of a ring, and the memory that it gets: from Python and in kernels."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import TypingError

import jitkit as jk
from jitkit.errors import CapacityError
from jitkit.ring._block import ALIGNMENT, CAPACITY, HEADER_NBYTES, ITEMSIZE, SLOTS

NO_POWERS = {
    0: "expected a power of two, got capacity=0 (RingBuffer(int64))",
    -1: "expected a power of two, got capacity=-1 (RingBuffer(int64))",
    3: "expected a power of two, got capacity=3 (RingBuffer(int64)): 2 and 4 are the nearest",
    1000: "expected a power of two, got capacity=1000 (RingBuffer(int64)): 512 and 1024 are the nearest",
    2**62 + 1: f"got capacity={2**62 + 1} (RingBuffer(int64)): {2**62} and {2**63} are the nearest",
}


class Index:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


def in_a_kernel(capacity, policy="reject"):
    @jk.jit(cache=False)
    def make():
        ring = jk.RingBuffer(np.int64, capacity, policy)
        return ring.push(1), ring.capacity

    return make()


class TestCapacity:
    @pytest.mark.parametrize("capacity", [1, 2, 1024, np.int64(8), np.uint8(128), Index(4), np.array(8)])
    def test_a_power_of_two(self, capacity):
        ring = jk.RingBuffer(np.int8, capacity)
        assert (ring.capacity, type(ring.capacity)) == (capacity.__index__(), int)
        assert ring.extend(range(100)) == min(100, ring.capacity)

    @pytest.mark.parametrize("capacity", NO_POWERS)
    def test_and_no_other_number(self, capacity):
        with pytest.raises(CapacityError) as caught:
            jk.RingBuffer(np.int64, capacity)
        assert str(caught.value).endswith(NO_POWERS[capacity])
        assert isinstance(caught.value, ValueError)
        with pytest.raises(TypingError) as caught:
            in_a_kernel(capacity)
        assert NO_POWERS[capacity] in str(caught.value)

    @pytest.mark.parametrize("capacity", [True, np.True_, 2.0, np.float64(8), "8", None, [8], (8,), Index])
    def test_nor_anything_else(self, capacity):
        with pytest.raises(TypeError) as caught:
            jk.RingBuffer(np.int64, capacity)
        assert str(caught.value) == f"expected the capacity of RingBuffer(int64) as an int, got {capacity!r}"

    @pytest.mark.parametrize("capacity", [True, 2.0, "8", None])
    def test_nor_in_a_kernel(self, capacity):
        with pytest.raises(TypingError, match=r"expected a capacity that is a constant, got .* \(RingBuffer\(int64\)"):
            in_a_kernel(capacity)

    def test_in_a_kernel_it_is_a_constant(self):
        @jk.jit(cache=False)
        def make(capacity):
            return len(jk.RingBuffer(np.int64, capacity))

        with pytest.raises(TypingError, match=r"expected a capacity that is a constant, got int64 .*part of the type"):
            make(8)
        assert in_a_kernel(16) == (True, 16)

    @pytest.mark.parametrize("capacity", [np.array(8.5), np.array(3.9)])
    def test_no_array_of_a_float(self, capacity):
        with pytest.raises(TypeError):
            jk.RingBuffer(np.int64, capacity)


class TestPolicy:
    @pytest.mark.parametrize("policy", ["Reject", "block", "", None, 1, True, b"reject", ["reject"]])
    def test_it_is_one_of_two(self, policy):
        with pytest.raises(
            ValueError, match=r"^expected policy 'reject' or 'overwrite' \(RingBuffer\), got "
        ) as caught:
            jk.RingBuffer(np.int64, 8, policy)
        assert str(caught.value).endswith(f"got {policy!r}")

    def test_in_a_kernel(self):
        for policy in ("Reject", "block"):
            with pytest.raises(TypingError) as caught:
                in_a_kernel(8, policy)
            assert f"expected policy 'reject' or 'overwrite' (RingBuffer), got {policy!r}" in str(caught.value)
        with pytest.raises(TypingError, match=r"expected a policy that is a constant, got none \(RingBuffer\)"):
            in_a_kernel(8, None)
        assert in_a_kernel(8, "overwrite") == (True, 8)


class TestMemory:
    @pytest.mark.parametrize("power", [40, 60, 61, 62, 63, 64, 70])
    def test_more_than_there_is(self, power):
        with pytest.raises(MemoryError) as caught:
            jk.RingBuffer(np.int64, 2**power)
        assert str(caught.value) == (
            f"expected room for {2**power} elements of 8 bytes, got none: "
            f"{2 ** (power + 3) + HEADER_NBYTES:,} bytes are not to be had"
        )

    @pytest.mark.parametrize("power", [58, 61])
    def test_more_than_there_is_in_a_kernel(self, power):
        """In a process of its own: it must not write where it has no memory."""
        code = f"""
import numpy as np
import jitkit as jk
from jitkit import RingBuffer

@jk.jit(cache=False)
def make():
    return RingBuffer(np.int64, {2**power}).push(1)

try:
    print(make())
except Exception as error:
    print(type(error).__name__)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, "MemoryError\n"), done.stderr

    def test_is_aligned_and_says_what_it_is(self):
        for capacity in (1, 4, 1 << 16):
            ring = jk.RingBuffer("f4", capacity)
            assert ring._memory.ctypes.data % ALIGNMENT == 0
            assert ring._memory.size == HEADER_NBYTES + 4 * capacity
            assert (ring._word(CAPACITY), ring._word(ITEMSIZE), ring._word(SLOTS)) == (capacity, 4, HEADER_NBYTES)

    @pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="looks into Linux's /proc")
    def test_what_is_not_touched_costs_nothing(self):
        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        before = resident()
        ring = jk.RingBuffer("u1", 1 << 28)
        ring.push(1)
        assert resident() - before < 1 << 24
