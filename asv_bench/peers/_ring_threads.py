"""Questions about two threads: numbers one by one, and arrays by blocks, from one to the other."""

from collections.abc import Iterator
from functools import partial
from queue import SimpleQueue

import _ring_kernels as kernels
import _ring_turns as turns
import numpy as np
from _ring_compilers import native
from _ring_turns import BLOCK
from _simd_bench import Bench, check_bits
from _simd_compilers import LackingError
from _table import Row

import jitkit as jk

CACHED, SPSC, SIMPLE = "C++ SPSC, cached indices", "boost spsc_queue", "queue.SimpleQueue"


def threads(bench: Bench) -> Iterator[Row]:
    """Every side has the same two CPUs, one for each thread."""
    cpus = turns.two_cpus(bench)
    wanted = {CACHED: 0.95, SPSC: 2.5, SIMPLE: 20.0}
    yield from turns.rows_by_turns(bench, "two threads, one by one", wanted, cpus and _one_by_one(bench, cpus))
    yield from turns.rows_by_turns(bench, f"two threads, by {BLOCK}", {SPSC: None}, cpus and _by_blocks(bench, cpus))


def _one_by_one(bench: Bench, cpus: tuple[int, int]) -> turns.Sides:
    many, few = (count // 40 if bench.quick else count for count in (turns.MANY, turns.FEW))
    tx, rx = jk.ring.channel(np.int64, turns.CAPACITY)
    kernels.send_items(tx, 10)
    kernels.take_items(rx, 10)  # both are compiled now: no thread waits for another that still compiles

    def jitkit() -> float:
        send, take = partial(kernels.send_items, tx, many), partial(kernels.take_items, rx, many)
        seconds, wrong = turns.two_threads(cpus, send, take)
        turns.in_order("jitkit", many, wrong)
        return turns.per_million(seconds, many)

    def simple_queue() -> float:
        queue: SimpleQueue[int] = SimpleQueue()
        seconds, wrong = turns.two_threads(cpus, partial(turns.put, queue, few), partial(turns.get, queue, few))
        turns.in_order(SIMPLE, few, wrong)
        return turns.per_million(seconds, few)

    sides = turns.Sides({"jitkit": jitkit, SIMPLE: simple_queue})
    for name, function in ((CACHED, "cached_items"), (SPSC, "spsc_items")):
        try:
            move = native(bench, "C++").items(function)
            sides.measured[name] = lambda move=move: turns.per_million(move(cpus, many), many)
        except LackingError as reason:
            sides.lacking[name] = str(reason)
    return sides


def _by_blocks(bench: Bench, cpus: tuple[int, int]) -> turns.Sides:
    count = turns.ARRAY // 40 if bench.quick else turns.ARRAY
    items = np.random.default_rng(7).integers(0, 1 << 62, count)
    out = np.empty_like(items)
    tx, rx = jk.ring.channel(np.int64, turns.CAPACITY)
    kernels.send_array(tx, items[:BLOCK], BLOCK)
    kernels.take_array(rx, out[:BLOCK], BLOCK)

    def checked(name: str, seconds: float) -> float:
        check_bits(f"array by blocks, {name}", items, out)
        out.fill(-1)  # its pages are there, and what comes next cannot be what came before
        return turns.per_million(seconds, count)

    def jitkit() -> float:
        send, take = partial(kernels.send_array, tx, items, BLOCK), partial(kernels.take_array, rx, out, BLOCK)
        return checked("jitkit", turns.two_threads(cpus, send, take)[0])

    out.fill(-1)
    sides = turns.Sides({"jitkit": jitkit})
    try:
        move = native(bench, "C++").array("spsc_array")
        sides.measured[SPSC] = lambda: checked(SPSC, move(cpus, items, out, BLOCK))
    except LackingError as reason:
        sides.lacking[SPSC] = str(reason)
    return sides
