"""What the demo of rings draws and measures: how much passes through a channel, and through a queue of Python's."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

import jitkit as jk
from jitkit.demos._runner import ratio
from jitkit.demos._tables import STYLE
from jitkit.demos._timing import Kernel

Floats = npt.NDArray[np.float32]

FRAME, LINE = 1 / 12, 1.0  # s: how often a terminal is drawn on, and a line printed where there is none
WIDTH = 40  # of the bar and the curve
LEVELS, ASCII_LEVELS = "▁▂▃▄▅▆▇█", "_.-~=+*#"
CAPACITY = 4096  # of the channels that are compared with a queue
BATCH = 1024  # numbers between two looks at the orders, and in an array


@contextmanager
def closing(end: jk.ring.Producer) -> Iterator[None]:
    """Close an end, however this is left: what waits for that would else go on, also after a second Ctrl-C."""
    try:
        yield
    finally:
        while not end.closed:
            with suppress(KeyboardInterrupt):
                end.close()


class Reading(NamedTuple):
    """What can be seen of a channel from outside, while two kernels have its ends."""

    seconds: float  # since the first look
    made: float  # per second, since the look before
    taken: float
    waiting: int
    capacity: int
    dropped: int
    mean: float  # of the newest report
    low: float
    high: float


def readings(
    seconds: float, every: float, tx: jk.ring.Producer, rx: jk.ring.Consumer, reports: jk.ring.Consumer
) -> Iterator[Reading]:
    """Look at a channel for some seconds."""
    newest = np.zeros(reports.capacity, reports.dtype)
    report = (np.nan, np.nan, np.nan)
    begin = before = time.perf_counter()
    made, taken = tx.position, rx.position
    for _ in range(max(1, round(seconds / every))):
        time.sleep(min(seconds, every))
        if count := reports.drain(newest):
            report = newest[count - 1].item()
        now, made_now, taken_now = time.perf_counter(), tx.position, rx.position
        rates = (made_now - made) / (now - before), (taken_now - taken) / (now - before)
        yield Reading(now - begin, *rates, len(rx), rx.capacity, rx.dropped, *report)
        before, made, taken = now, made_now, taken_now


def draw(
    console: Console, seconds: float, tx: jk.ring.Producer, rx: jk.ring.Consumer, reports: jk.ring.Consumer
) -> None:
    """Show what passes for some seconds: as a picture that moves, or line by line where there is no terminal for it."""
    if not console.is_terminal or console.is_dumb_terminal:
        for reading in readings(seconds, LINE, tx, rx, reports):
            console.print(line(reading))
        return
    means = deque[float](maxlen=WIDTH)
    with Live(console=console, auto_refresh=False) as live:
        for reading in readings(seconds, FRAME, tx, rx, reports):
            means.append(reading.mean)
            curve = sparkline(means, ASCII_LEVELS if console.options.ascii_only else LEVELS)
            live.update(picture(reading, curve), refresh=True)


def line(reading: Reading) -> str:
    """One reading in less than 80 columns."""
    return (
        f"{reading.seconds:2.0f} s: in {reading.made / 1e6:.1f}, out {reading.taken / 1e6:.1f} million/s, "
        f"{reading.waiting / reading.capacity:.0%} full, {reading.dropped:,} dropped, "
        f"{reading.low:+.2f} to {reading.high:+.2f}"
    )


def picture(reading: Reading, curve: str) -> Table:
    """One reading as a picture, with the curve of the last ones."""
    grid = Table.grid(padding=(0, 2))
    grid.add_row("in", f"{reading.made / 1e6:,.1f} million/s")
    grid.add_row("out", f"{reading.taken / 1e6:,.1f} million/s")
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(reading.capacity, reading.waiting, WIDTH), f"{reading.waiting:,} of {reading.capacity:,}")
    grid.add_row("waiting", bar)
    grid.add_row("dropped", f"{reading.dropped:,}")
    grid.add_row("rolling", f"mean {reading.mean:+.2f}, from {reading.low:+.2f} to {reading.high:+.2f}")
    grid.add_row("the mean", curve)
    return grid


def sparkline(values: Iterable[float], levels: str) -> str:
    """Numbers from -1 to 1 as a line of characters, each as high as its number; a blank for NaN."""
    steps = ((value + 1) / 2 * len(levels) for value in values)
    return "".join(" " if step != step else levels[min(max(int(step), 0), len(levels) - 1)] for step in steps)


# Both ends of a comparison, as kernels and as they are: whoever makes numbers does so until the orders are closed.


def send(tx: Any, orders: Any) -> int:
    """Put in 0, 1, 2 ... one by one; return how many."""
    number = 0
    while True:
        for _ in range(BATCH):
            tx.push(number)
            number += 1
        if orders.closed:
            tx.close()
            return number


def take(rx: Any) -> int:
    """Take out all, one by one; return how many were not the next number."""
    number = wrong = 0
    while rx.wait():
        for _ in range(len(rx)):
            wrong += rx.pop() != number
            number += 1
    return wrong


def send_arrays(tx: Any, orders: Any) -> int:
    """Put in 0, 1, 2 ... as arrays; return how many."""
    numbers = np.arange(BATCH)
    while True:
        tx.extend(numbers)
        numbers += BATCH
        if orders.closed:
            tx.close()
            return int(numbers[0])


def take_arrays(rx: Any) -> int:
    """Take out all, as arrays; return how many were not the next number."""
    numbers, expected = np.zeros(BATCH, np.int64), np.arange(BATCH)
    wrong = 0
    while rx.wait():
        count = rx.drain(numbers)
        wrong += int(np.count_nonzero(numbers[:count] != expected[:count]))
        expected += count
    return wrong


def put(queue: SimpleQueue[int], orders: Any) -> int:
    """Do what `send` does with a queue; it has no end, so a number that cannot be is it."""
    number = 0
    while not orders.closed:
        for _ in range(BATCH):
            queue.put(number)
            number += 1
    queue.put(-1)
    return number


def get(queue: SimpleQueue[int]) -> int:
    """Do what `take` does."""
    number = wrong = 0
    while (item := queue.get()) >= 0:
        wrong += item != number
        number += 1
    return wrong


send_in_kernel, take_in_kernel = jk.jit(send), jk.jit(take)
send_arrays_in_kernel, take_arrays_in_kernel = jk.jit(send_arrays), jk.jit(take_arrays)

Side = Callable[..., int]
WAYS: dict[str, tuple[Side, Side]] = {
    "queue.SimpleQueue, one by one": (put, get),
    "channel from Python, one by one": (send, take),
    f"channel from Python, arrays of {BATCH:,}": (send_arrays, take_arrays),
    "channel in kernels, one by one": (send_in_kernel, take_in_kernel),
    f"channel in kernels, arrays of {BATCH:,}": (send_arrays_in_kernel, take_arrays_in_kernel),
}


def pass_on(sender: Side, taker: Side, seconds: float) -> tuple[int, int, float]:
    """Have numbers sent for some seconds; return how many, how many of them came out of order, and the rate."""
    tx: Any
    rx: Any
    tx, rx = jk.ring.channel(np.int64, CAPACITY, policy="block")
    if sender is put:
        tx = rx = SimpleQueue()
    stop, orders = jk.ring.channel(np.uint8, 1)
    begin = time.perf_counter()
    with ThreadPoolExecutor(2) as threads, closing(stop):
        sent, wrong = threads.submit(sender, tx, orders), threads.submit(taker, rx)
        time.sleep(seconds)
    return sent.result(), wrong.result(), sent.result() / (time.perf_counter() - begin)


def table(console: Console, seconds: float) -> Table:
    """Measure all ways, each for some seconds."""
    result = Table("", title="Numbers from one thread to another", **STYLE)
    for header in ("numbers", "in order", "million/s", "times"):
        result.add_column(header, justify="right", no_wrap=True)
    first = 0.0
    with console.status("", spinner="line", refresh_per_second=4) as status:  # seldom: it takes time from the threads
        for way, (sender, taker) in WAYS.items():
            status.update(f"Measuring: {way}")
            pass_on(sender, taker, 0.0)  # compiles
            count, wrong, rate = pass_on(sender, taker, seconds)
            first = first or rate
            result.add_row(way, f"{count:,}", "no" if wrong else "all", f"{rate / 1e6:,.2f}", ratio(rate / first))
    return result


# Kernels of one thread, and the same work by hand.


@jk.jit
def queued(ring: jk.RingBuffer, x: Floats, out: Floats) -> None:
    """Put each number in and take the oldest one out."""
    for i in range(x.size):
        ring.push(x[i])
        out[i] = ring.pop()


@jk.jit
def highest(window: jk.WindowBuffer, x: Floats, out: Floats) -> None:
    """Find the highest of each number and those before it that the window still has."""
    for i in range(x.size):
        window.push(x[i])
        out[i] = window.max()


def numbers(count: int) -> tuple[Floats, Floats, list[float]]:
    """Numbers, room for as many, and a tenth of them as Python's own."""
    x = np.random.default_rng(7).normal(size=count).astype(np.float32)
    return x, np.zeros_like(x), x[: count // 10].tolist()


def queueing(count: int, capacity: int) -> Kernel:
    """Numbers through a queue that is half full."""
    x, out, part = numbers(count)
    ring = jk.RingBuffer(np.float32, capacity)
    ring.extend(x[: capacity // 2])
    return Kernel(
        name="queue, one by one",
        nbytes=x.nbytes,
        jitkit=lambda: queued(ring, x, out),
        numpy=None,
        python=lambda: queued_python(part, capacity // 2),
        python_part=1 / 10,
    )


def rolling(count: int, length: int) -> Kernel:
    """Highest of the last numbers, for each number."""
    x, out, part = numbers(count)
    window = jk.WindowBuffer(np.float32, length, rolling=length)
    return Kernel(
        name=f"highest of {length:,}",
        nbytes=x.nbytes,
        jitkit=lambda: highest(window, x, out),
        numpy=lambda: highest_numpy(x, length, out),
        python=lambda: highest_python(part, length),
        python_part=1 / 10,
    )


def queued_python(items: list[float], waiting: int) -> list[float]:
    """Each number in and the oldest one out, behind numbers that wait already."""
    queue = deque(items[:waiting])
    out = []
    for item in items:
        queue.append(item)
        out.append(queue.popleft())
    return out


def highest_python(items: list[float], length: int) -> list[float]:
    """Highest of each number and those before it, `length` in all: only what nothing later exceeds is kept."""
    kept = deque[tuple[int, float]]()
    out = []
    for i, item in enumerate(items):
        while kept and kept[-1][1] <= item:
            kept.pop()
        kept.append((i, item))
        if kept[0][0] <= i - length:
            kept.popleft()
        out.append(kept[0][1])
    return out


def highest_numpy(x: Floats, length: int, out: Floats) -> None:
    """Do the same from views of all windows."""
    np.maximum.accumulate(x[: length - 1], out=out[: length - 1])
    np.max(np.lib.stride_tricks.sliding_window_view(x, length), axis=1, out=out[length - 1 :])
