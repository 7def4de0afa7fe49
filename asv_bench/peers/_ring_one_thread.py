"""Questions about rings in one thread, in compiled code: push, push and pop, whole blocks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

import _ring_kernels as kernels
import numpy as np
from _ring_compilers import CAPACITY, ring
from _ring_numba import ClassRing, ModuloRing
from _simd_bench import Bench, check_bits
from _simd_compilers import LackingError
from _table import Row
from _timing import Call

import jitkit as jk

COUNT = 1_000_000  # what a call costs by itself, some 0.5 us from Python, is nothing beside that
BLOCKS = (16, 64, 256, 1000)
IN_BLOCKS = 1 << 16  # items that go through in one call, at least
CPP, RUST, CIRCULAR = "C++, template N", "Rust, const N", "boost circular_buffer"
CLASS, MODULO = "numba jitclass", "njit, run-time capacity, %"
BY_HAND = "C++, template N, tuned by hand"
SPSC = "boost spsc_queue"


class Ring(Protocol):
    """A ring of 1024 float32: what does a whole question's work with it, and what is in it."""

    def push(self, items: np.ndarray) -> Call: ...
    def pairs(self, items: np.ndarray, out: np.ndarray) -> Call: ...
    def drain(self) -> np.ndarray: ...


PEERS: dict[str, Callable[[Bench], Ring]] = {
    CPP: lambda bench: ring(bench, "C++", "ring"),
    RUST: lambda bench: ring(bench, "Rust", "ring"),
    CIRCULAR: lambda bench: ring(bench, "C++", "circular"),
    CLASS: lambda _: ClassRing(),
    MODULO: lambda _: ModuloRing(),
    BY_HAND: lambda bench: ring(bench, "C++", "tuned"),
}
PUSH = {CPP: 2.0, RUST: 2.0, CIRCULAR: 4.0, CLASS: 3.0, MODULO: 6.0, BY_HAND: None}
PAIRS = {CPP: 1.0, RUST: 1.0, CIRCULAR: None, CLASS: None, MODULO: None}


class JitkitRing:
    """The same by jitkit."""

    def __init__(self, policy: str) -> None:
        self._ring = jk.RingBuffer(np.float32, CAPACITY, policy=policy)

    def push(self, items: np.ndarray) -> Call:
        return partial(kernels.push, self._ring, items)

    def pairs(self, items: np.ndarray, out: np.ndarray) -> Call:
        return partial(kernels.pairs, self._ring, items, out)

    def drain(self) -> np.ndarray:
        out = np.empty(CAPACITY, np.float32)
        return out[: self._ring.drain(out)]


def push(bench: Bench) -> Iterator[Row]:
    """Items one by one into a ring that is full already."""
    work = f"push, overwrite, N = {CAPACITY}: {COUNT:,} float32"
    items = numbers(COUNT)

    def prepare(name: str, one: Ring) -> Call:
        call = one.push(items)
        call()
        check_bits(f"{work}, {name}", items[-CAPACITY:], one.drain())
        return call

    yield from _rows(bench, work, PUSH, "overwrite", prepare)


def pairs(bench: Bench) -> Iterator[Row]:
    """Items one by one into a ring that is half full, as many out of it: a delay line."""
    work = f"push + pop, half full, N = {CAPACITY}: {COUNT:,} float32"
    items, out, delay = numbers(COUNT), np.zeros(COUNT, np.float32), CAPACITY // 2
    filling, delayed = items[-delay:], np.concatenate([items[-delay:], items[:-delay]])

    def prepare(name: str, one: Ring) -> Call:
        one.push(filling)()
        call = one.pairs(items, out)
        for _ in range(2):
            out.fill(0.0)
            call()
            check_bits(f"{work}, {name}", delayed, out)
        return call

    yield from _rows(bench, work, PAIRS, "reject", prepare)


def bulk(bench: Bench) -> Iterator[Row]:
    """Whole blocks in and out again."""
    how_many = range(_instances(bench))
    local = [jk.RingBuffer(np.float32, CAPACITY, policy="reject") for _ in how_many]
    channels = [jk.ring.channel(np.float32, CAPACITY) for _ in how_many]
    queues, reason = [], ""
    try:
        queues = [ring(bench, "C++", "spsc") for _ in how_many]
    except LackingError as lacking:
        reason = str(lacking)
    for length in BLOCKS:
        times = -(-IN_BLOCKS // length)
        work, block, out = f"in and out by {length}: {times * length:,} float32", numbers(length), numbers(length)
        calls = {
            "jitkit": [partial(kernels.blocks, one, block, out, times) for one in local],
            "channel": [partial(kernels.channel_blocks, tx, rx, block, out, times) for tx, rx in channels],
            SPSC: [one.blocks(block, out, times) for one in queues],
        }
        for name, call in ((name, call) for name, some in calls.items() for call in some):
            block *= np.float32(0.9)  # not what another side, or this one in the last round, has left there
            call()
            check_bits(f"{work}, {name}", block, out)
        best = {} if reason else _best(bench, calls)
        for name, title, wanted in (("jitkit", "", 0.9), ("channel", ", jitkit by a channel", None)):
            yield Row(
                against=SPSC, work=work + title, theirs=best.get(SPSC), jitkit=best.get(name), at_least=wanted,
                why_not_measured=reason,
            )  # fmt: skip


def numbers(count: int) -> np.ndarray:
    """Ordinary numbers, always the same."""
    return np.random.default_rng(7).uniform(0.01, 100.0, count).astype(np.float32)


def _rows(
    bench: Bench, work: str, wanted: Mapping[str, float | None], policy: str, prepare: Callable[[str, Ring], Call]
) -> Iterator[Row]:
    """Compare rings of every kind, in which `prepare` has something done and checks it."""
    makers: dict[str, Callable[[Bench], Ring]] = {"jitkit": lambda _: JitkitRing(policy)}
    makers |= {name: PEERS[name] for name in wanted}
    rings: dict[str, list[Ring]] = {}
    lacking = {}
    for name, make in makers.items():
        try:
            rings[name] = [make(bench) for _ in range(_instances(bench))]
        except LackingError as reason:
            lacking[name] = str(reason)
    best = _best(bench, {name: [prepare(name, one) for one in some] for name, some in rings.items()})
    for name, figure in wanted.items():
        if name in lacking:
            yield Row(against=name, work=work, at_least=figure, why_not_measured=lacking[name])
        else:
            yield Row(against=name, work=work, theirs=best[name], jitkit=best["jitkit"], at_least=figure)


def _instances(bench: Bench) -> int:
    """How many rings of a kind there are, of which the best counts: each has other addresses.

    Indices that are written and read again for each item take 1.7 ns or, at some addresses, 7.
    """
    return 1 if bench.quick else 5


def _best(bench: Bench, calls: Mapping[str, Sequence[Call]]) -> dict[str, float]:
    times = bench.best({f"{name} {i}": call for name, some in calls.items() for i, call in enumerate(some)})
    return {name: min(times[f"{name} {i}"] for i in range(len(some))) for name, some in calls.items()}
