"""Questions about two processes: numbers one by one, and arrays by blocks, from this one to another."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any

import _ring_kernels as kernels
import _ring_turns as turns
import numpy as np
from _ring_turns import BLOCK
from _simd_bench import Bench
from _table import Row

import jitkit as jk

QUEUE = "multiprocessing.Queue"
QUEUE_ONE_BY_ONE = f"{QUEUE}, one by one"
ONE_BY_ONE, BY_BLOCKS = "two processes, one by one", f"two processes, by {BLOCK}"
# By blocks there are two ratios: what is gained over one by one in all, and over a queue of blocks, which it pickles.
WANTED = {ONE_BY_ONE: {QUEUE: 300.0}, BY_BLOCKS: {QUEUE_ONE_BY_ONE: 3000.0, QUEUE: None}}


def processes(bench: Bench) -> Iterator[Row]:
    """The other process is there already, and has a CPU of its own."""
    cpus = turns.two_cpus(bench)
    if cpus is None:
        for work, wanted in WANTED.items():
            yield from turns.rows_by_turns(bench, work, wanted, None)
        return
    many, few, array = (count // 40 if bench.quick else count for count in (turns.MANY, turns.FEW // 4, turns.ARRAY))
    items = _items(array)
    with _consumer(cpus) as (ask, tx, queue):
        by_queue = partial(ask, "queue", few, partial(turns.put, queue, few))
        moves: dict[str, dict[str, turns.Move]] = {
            ONE_BY_ONE: {
                "jitkit": partial(ask, "jitkit", many, partial(kernels.send_items, tx, many)),
                QUEUE: by_queue,
            },
            BY_BLOCKS: {
                "jitkit": partial(ask, "jitkit, blocks", array, partial(kernels.send_array, tx, items, BLOCK)),
                QUEUE: partial(ask, "queue, blocks", array // 8, partial(_put_blocks, queue, items[: array // 8])),
                QUEUE_ONE_BY_ONE: by_queue,
            },
        }
        for work, wanted in WANTED.items():
            yield from turns.rows_by_turns(bench, work, wanted, turns.Sides(moves[work]))


@contextmanager
def _consumer(cpus: tuple[int, int]) -> Iterator[tuple[Callable[..., float], Any, Any]]:
    """Start the other process; yields what has it take so many items while `produce` runs here, ring and queue."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    queue = context.Queue()
    name = f"jitkit-peers-{os.getpid()}"
    tx = jk.ring.create_shared(name, np.int64, turns.CAPACITY)
    before = os.sched_getaffinity(0) if cpus[0] >= 0 else None
    turns.keep_on(cpus[0])  # before the queue's own thread begins
    process = context.Process(target=_consume, args=(there, queue, name, cpus[1]), daemon=True)
    process.start()
    there.close()  # or nobody would notice if the process ends early

    def ask(way: str, count: int, produce: Callable[[], object]) -> float:
        here.send((way, count))
        here.recv()  # it is awake, and takes what comes
        start = perf_counter()
        produce()
        end, wrong = here.recv()
        turns.in_order(way, count, wrong)
        return turns.per_million(end - start, count)

    try:
        here.recv()
        yield ask, tx, queue
        here.send(None)
        process.join()
    finally:
        process.terminate()
        queue.cancel_join_thread()  # after an error it may be full, and nobody reads it any more
        queue.close()
        tx.close()
        if before is not None:
            os.sched_setaffinity(0, before)


def _consume(connection: Connection, queue: Any, name: str, cpu: int) -> None:
    """What the other process does: takes what it is asked to, and tells when it was done and how much was wrong."""
    turns.keep_on(cpu)
    rx = jk.ring.attach_shared(name)
    out = np.full(turns.ARRAY, -1)
    kernels.take_items(rx, 0)  # compiled before anyone waits for them
    kernels.take_array(rx, out[:0], BLOCK)
    ways: dict[str, Callable[[int], int | None]] = {
        "jitkit": lambda count: kernels.take_items(rx, count),
        "queue": lambda count: turns.get(queue, count),
        "jitkit, blocks": lambda count: kernels.take_array(rx, out[:count], BLOCK),
        "queue, blocks": lambda count: _get_blocks(queue, out[:count]),
    }
    connection.send("ready")
    while (asked := connection.recv()) is not None:
        way, count = asked
        connection.send("awake")
        wrong = ways[way](count)
        end = perf_counter()  # the same clock in all processes
        if wrong is None:
            wrong = int(np.count_nonzero(out[:count] != _items(count)))
            out.fill(-1)
        connection.send((end, int(wrong)))
    rx.close()


def _items(count: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 1 << 62, count)


def _put_blocks(queue: Any, items: np.ndarray) -> None:
    for start in range(0, items.size, BLOCK):
        queue.put(items[start : start + BLOCK])


def _get_blocks(queue: Any, out: np.ndarray) -> None:
    got = 0
    while got < out.size:
        block = queue.get()
        out[got : got + block.size] = block
        got += block.size
