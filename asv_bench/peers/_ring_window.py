"""Questions about the newest items as one array: append a block, then look at the last n."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import _ring_kernels as kernels
import numpy as np
from _ring_one_thread import numbers
from _simd_bench import KI, MI, Bench, check_bits, size
from _table import Row

import jitkit as jk

BLOCK = 64
SIZES = (KI, 16 * KI, 64 * KI, 256 * KI, MI)
SMALLEST_BUFFER = 64 * KI  # whole pages on every system
AGAINST_ROLL = {MI: 400.0}
FLATNESS = 120  # per cent
IN_KERNEL = 1000

# Appends a block, and returns the last n items.
AppendAndLook = Callable[[np.ndarray], np.ndarray]


def window(bench: Bench) -> Iterator[Row]:
    """Blocks of 64 into what holds as many items as are looked at."""
    sizes = (KI, 64 * KI) if bench.quick else SIZES
    for n in sizes:
        yield from _against_peers(bench, n)
    yield _flatness(bench, sizes)
    yield from _in_kernel(bench, sizes)


def _against_peers(bench: Bench, n: int) -> Iterator[Row]:
    work, block = f"append {BLOCK} float32, last {size(n)} as an array", numbers(BLOCK)
    lacking = {}
    sides: dict[str, AppendAndLook] = {"jitkit": _Jitkit(n)}
    for name, make in PEERS.items():
        try:
            sides[name] = make(n)
        except ImportError:
            lacking[name] = "not measured: pip install 'jitkit[peers]'"
    for name, side in sides.items():
        check_bits(f"{work}, {name}", _expected(side, n), side(block))
    best = bench.best({name: partial(side, block) for name, side in sides.items()})
    for name in PEERS:
        wanted = AGAINST_ROLL.get(n) if name == "np.roll" else None
        if name in lacking:
            yield Row(against=name, work=work, at_least=wanted, why_not_measured=lacking[name])
        else:
            yield Row(against=name, work=work, theirs=best[name], jitkit=best["jitkit"], at_least=wanted)


def _flatness(bench: Bench, sizes: tuple[int, ...]) -> Row:
    """The slowest size in per cent of the fastest."""
    block = numbers(BLOCK)
    best = bench.best({size(n): partial(_Jitkit(n), block) for n in sizes})
    return Row(
        against="jitkit alone",
        work=f"append {BLOCK}, last n, from Python: slowest n of {size(sizes[0])} to {size(sizes[-1])}",
        jitkit=100 * max(best.values()) / min(best.values()),
        unit="%",
        at_most=FLATNESS,
    )


def _in_kernel(bench: Bench, sizes: tuple[int, ...]) -> Iterator[Row]:
    """Without what the calls from Python cost."""
    block = numbers(BLOCK)
    sides = {n: partial(kernels.append_and_look, _Jitkit(n).buffer, block, n, IN_KERNEL) for n in sizes}
    best = bench.best({size(n): side for n, side in sides.items()})
    for n in sizes:
        work = f"append {BLOCK} float32, last {size(n)}, {IN_KERNEL:,} times in a kernel"
        yield Row(against="jitkit alone", work=work, jitkit=best[size(n)])


def _expected(side: AppendAndLook, n: int) -> np.ndarray:
    """Fill a window with blocks of several lengths, twice over, and return what one more must show in the end."""
    halves = max(4, 4 * SMALLEST_BUFFER // n)
    blocks = [_random(n // 2, seed) for seed in range(halves)] + [_random(BLOCK - 7, halves)]
    for block in blocks:
        side(block)
    return np.concatenate([*blocks[-4:], numbers(BLOCK)])[-n:]


def _random(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.01, 100.0, count).astype(np.float32)


class _Jitkit:
    def __init__(self, n: int) -> None:
        self.buffer = jk.WindowBuffer(np.float32, max(n, SMALLEST_BUFFER))
        self.buffer.extend(np.zeros(n, np.float32))
        self._n, self._extend, self._window = n, self.buffer.extend, self.buffer.window

    def __call__(self, block: np.ndarray) -> np.ndarray:
        self._extend(block)
        return self._window(self._n)


@dataclass
class _Rolled:
    items: np.ndarray

    def __call__(self, block: np.ndarray) -> np.ndarray:
        self.items = np.roll(self.items, -block.size)
        self.items[-block.size :] = block
        return self.items


@dataclass
class _Shifted:
    items: np.ndarray

    def __call__(self, block: np.ndarray) -> np.ndarray:
        self.items[: -block.size] = self.items[block.size :]
        self.items[-block.size :] = block
        return self.items


def _numpy_ringbuffer(n: int) -> AppendAndLook:
    from numpy_ringbuffer import RingBuffer

    ring = RingBuffer(n, dtype=np.float32)

    def append_and_look(block: np.ndarray) -> np.ndarray:
        ring.extend(block)
        return np.asarray(ring)

    return append_and_look


def _dvg(n: int) -> AppendAndLook:
    from dvg_ringbuffer import RingBuffer

    ring = RingBuffer(n, dtype=np.float32)

    def append_and_look(block: np.ndarray) -> np.ndarray:
        ring.extend(block)
        return np.asarray(ring)

    return append_and_look


PEERS: dict[str, Callable[[int], AppendAndLook]] = {
    "np.roll": lambda n: _Rolled(np.zeros(n, np.float32)),
    "shift in place": lambda n: _Shifted(np.zeros(n, np.float32)),
    "numpy_ringbuffer": _numpy_ringbuffer,
    "dvg_ringbuffer": _dvg,
}
