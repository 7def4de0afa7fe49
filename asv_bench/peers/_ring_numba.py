"""Rings as Numba's users write them now: a class for one capacity, and arrays with the capacity known at run time."""

from functools import cache, partial
from typing import Any

import numpy as np
from _ring_compilers import CAPACITY
from _timing import Call
from numba import from_dtype, int64, njit
from numba.experimental import jitclass

MASK = CAPACITY - 1
HEAD, TAIL = 0, 1


@cache
def jitclass_ring(dtype: np.dtype) -> Any:
    """The class for items of a type."""
    item = from_dtype(dtype)

    @jitclass([("items", item[::1]), ("head", int64), ("tail", int64)])
    class Ring:
        def __init__(self):
            self.items = np.zeros(CAPACITY, item)
            self.head = 0
            self.tail = 0

        def push(self, value):
            if self.tail - self.head == CAPACITY:
                return False
            self.items[self.tail & MASK] = value
            self.tail += 1
            return True

        def push_overwrite(self, value):
            self.items[self.tail & MASK] = value
            self.tail += 1
            if self.tail - self.head > CAPACITY:
                self.head += 1

        def pop_or(self, default):
            if self.head == self.tail:
                return default
            value = self.items[self.head & MASK]
            self.head += 1
            return value

        def drain(self):
            count = self.tail - self.head
            out = np.empty(count, item)
            for i in range(count):
                out[i] = self.items[(self.head + i) & MASK]
            self.head = self.tail
            return out

    return Ring


@njit
def _push_to_class(ring, items):
    for i in range(items.size):
        ring.push_overwrite(items[i])


@njit
def _pairs_in_class(ring, items, out):
    for i in range(items.size):
        ring.push(items[i])
        out[i] = ring.pop_or(np.float32(np.nan))


class ClassRing:
    """The jitclass, worked with in a kernel."""

    def __init__(self) -> None:
        self._ring = jitclass_ring(np.dtype(np.float32))()
        self.drain = self._ring.drain

    def push(self, items: np.ndarray) -> Call:
        return partial(_push_to_class, self._ring, items)

    def pairs(self, items: np.ndarray, out: np.ndarray) -> Call:
        return partial(_pairs_in_class, self._ring, items, out)


@njit
def _push(ring, indices, value):
    if indices[TAIL] - indices[HEAD] == ring.size:
        return False
    ring[indices[TAIL] % ring.size] = value
    indices[TAIL] += 1
    return True


@njit
def _push_overwrite(ring, indices, value):
    ring[indices[TAIL] % ring.size] = value
    indices[TAIL] += 1
    if indices[TAIL] - indices[HEAD] > ring.size:
        indices[HEAD] += 1


@njit
def _pop_or(ring, indices, default):
    if indices[HEAD] == indices[TAIL]:
        return default
    value = ring[indices[HEAD] % ring.size]
    indices[HEAD] += 1
    return value


@njit
def _push_all(ring, indices, items):
    for i in range(items.size):
        _push_overwrite(ring, indices, items[i])


@njit
def _all_pairs(ring, indices, items, out):
    for i in range(items.size):
        _push(ring, indices, items[i])
        out[i] = _pop_or(ring, indices, np.float32(np.nan))


class ModuloRing:
    """An array of any size and two indices, which find their place by `%`."""

    def __init__(self) -> None:
        self._ring, self._indices = np.zeros(CAPACITY, np.float32), np.zeros(2, np.int64)

    def push(self, items: np.ndarray) -> Call:
        return partial(_push_all, self._ring, self._indices, items)

    def pairs(self, items: np.ndarray, out: np.ndarray) -> Call:
        return partial(_all_pairs, self._ring, self._indices, items, out)

    def drain(self) -> np.ndarray:
        places = np.arange(*self._indices) % CAPACITY
        self._indices[HEAD] = self._indices[TAIL]
        return self._ring[places]
