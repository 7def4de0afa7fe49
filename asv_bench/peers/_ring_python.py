"""Questions about rings that Python fills one item at a time."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from _ring_compilers import CAPACITY
from _ring_numba import jitclass_ring
from _simd_bench import Bench, check_bits
from _simd_compilers import LackingError
from _table import Row

import jitkit as jk

COUNT = 1000  # in one call
NOT_INSTALLED = "not measured: pip install 'jitkit[peers]'"


@dataclass(frozen=True)
class Side:
    """How an item gets into a ring of 1024 float64, and how to see what is there."""

    push: Callable[[float], object]
    items: Callable[[], np.ndarray]


def python(bench: Bench) -> Iterator[Row]:
    """A loop in Python that pushes its own numbers, the oldest of which are overwritten."""
    sides, lacking = {"jitkit": _jitkit()}, {}
    for name, (make, _) in PEERS.items():
        try:
            sides[name] = make()
        except LackingError as reason:
            lacking[name] = str(reason)
    filling = np.random.default_rng(7).uniform(0.01, 100.0, 3 * COUNT).tolist()
    for name, side in sides.items():
        _push_all(side.push, filling)
        check_bits(f"push from Python, {name}", np.array(filling[-CAPACITY:]), side.items())
    values = filling[:COUNT]
    best = bench.best({name: partial(_push_all, side.push, values) for name, side in sides.items()})
    for name, (_, at_least) in PEERS.items():
        work = f"push from Python: {COUNT:,} float64"
        if name in lacking:
            yield Row(against=name, work=work, at_least=at_least, why_not_measured=lacking[name])
        else:
            yield Row(against=name, work=work, theirs=best[name], jitkit=best["jitkit"], at_least=at_least)


def _push_all(push: Callable[[float], object], values: list[float]) -> None:
    for value in values:
        push(value)


def _jitkit() -> Side:
    ring = jk.RingBuffer(np.float64, CAPACITY, policy="overwrite")

    def items() -> np.ndarray:
        out = np.empty(CAPACITY)
        return out[: ring.drain(out)]

    return Side(ring.push, items)


def _deque() -> Side:
    ring: deque[float] = deque(maxlen=CAPACITY)
    return Side(ring.append, lambda: np.array(ring))


def _numpy_ringbuffer() -> Side:
    try:
        from numpy_ringbuffer import RingBuffer
    except ImportError:
        raise LackingError(NOT_INSTALLED) from None
    ring = RingBuffer(CAPACITY)
    return Side(ring.append, lambda: np.asarray(ring))


def _dvg() -> Side:
    try:
        from dvg_ringbuffer import RingBuffer
    except ImportError:
        raise LackingError(NOT_INSTALLED) from None
    ring = RingBuffer(CAPACITY)
    return Side(ring.append, lambda: np.asarray(ring))


def _jitclass() -> Side:
    ring = jitclass_ring(np.dtype(np.float64))()
    return Side(ring.push_overwrite, ring.drain)


PEERS: dict[str, tuple[Callable[[], Side], float]] = {
    "deque.append": (_deque, 0.85),
    "numpy_ringbuffer.append": (_numpy_ringbuffer, 15.0),
    "dvg_ringbuffer.append": (_dvg, 12.0),
    "numba jitclass, from Python": (_jitclass, 18.0),
}
