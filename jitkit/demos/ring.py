"""Threads: a sensor's samples from one kernel to another, each seen and none lost, drawn while they pass.

Run it as ``python -m jitkit.demos.ring [SECONDS]``.
"""

import sys
import textwrap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from rich.console import Console

import jitkit as jk
from jitkit.demos import _rates, _tables
from jitkit.demos._timing import Kernel

SECONDS, PART = 5.0, 0.5  # to draw, and for each way that is measured
SAMPLE = np.dtype([("number", np.int64), ("value", np.float64)])
REPORT = np.dtype([("mean", np.float64), ("low", np.float64), ("high", np.float64)])
CAPACITY = 65_536  # samples: 1 MiB
BLOCK = 4096  # samples that are made or looked at before the ring is told
ROLLING = 1024  # samples that the statistics are about
STEP = 2 * np.pi / 2**28  # of the wave, in radians per sample: it turns round in some seconds
COUNT = 200_000  # numbers to be timed
PROGRAM = """\
import threading
import numpy as np
import jitkit as jk

@jk.jit
def produce(tx):
    for i in range(1_000_000):
        tx.push(np.sin(i))  # waits where the ring is full
    tx.close()

tx, rx = jk.ring.channel(np.float64, 4096, policy="block")
threading.Thread(target=produce, args=(tx,)).start()
with rx:  # whatever happens here, nobody goes on waiting for room
    print(sum(rx))
"""


@jk.jit
def sense(tx: jk.ring.Producer, orders: jk.ring.Consumer) -> int:
    """Make samples of a slow wave with a fast sawtooth on it until `orders` are closed; return how many."""
    number = 0
    while not orders.closed:
        slots = tx.reserve(BLOCK)  # in the ring itself; with policy="block" it waits for room
        for slot in slots:
            slot.number = number
            slot.value = np.sin(STEP * number) + 0.001 * (number % 256 - 128)
            number += 1
        tx.commit(len(slots))
    tx.close()
    return number


@jk.jit
def watch(rx: jk.ring.Consumer, window: jk.WindowBuffer, news: jk.ring.Producer) -> int:
    """Take samples out until there will be no more, and report on the last ones; return how many were out of order."""
    number = wrong = 0
    while rx.wait():
        samples = rx.peek(BLOCK)  # where they lie
        for sample in samples:
            wrong += sample.number != number
            number = sample.number + 1
            window.push(sample.value)
        rx.release(len(samples))
        report = news.reserve(1)  # with policy="overwrite" there always is one
        report[0].mean, report[0].low, report[0].high = window.mean(), window.min(), window.max()
        news.commit(1)
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what passes through a channel, then say how fast that and other ways are."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        seconds = float(arguments[0]) if arguments else SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        print(f"expected some seconds, up to an hour, got {arguments[0]!r}", file=sys.stderr)
        return 1
    console = Console(highlight=False, markup=False)
    tx, rx = jk.ring.channel(SAMPLE, CAPACITY, policy="block")
    news, reports = jk.ring.channel(REPORT, 64, policy="overwrite")  # who draws wants the newest, and never waits
    stop, orders = jk.ring.channel(np.uint8, 1)
    window = jk.WindowBuffer(np.float64, CAPACITY, rolling=ROLLING)
    print(f"One thread makes samples, another watches them. Between them: a ring of {CAPACITY:,}.\n")
    with console.status("Compiling", spinner="line"):  # now, so that no thread waits for it
        sense.compile((numba.typeof(tx), numba.typeof(orders)))
        watch.compile((numba.typeof(rx), numba.typeof(window), numba.typeof(news)))
        reports.drain(np.empty(1, REPORT))  # what Python calls is compiled when it is first called, too
    with ThreadPoolExecutor(2) as threads, _rates.closing(stop):  # without orders, both kernels end
        made = threads.submit(sense, tx, orders)
        wrong = threads.submit(watch, rx, window, news)
        _rates.draw(console, seconds, tx, rx, reports)
    facts = {
        "samples": f"{made.result():,} made, {rx.position:,} taken out, {rx.dropped:,} dropped",
        "in order": f"{f'all but {wrong.result():,}' if wrong.result() else 'all'}, by the number that each has",
        "reports": f"{news.position:,} made, {reports.dropped:,} overwritten by newer ones: drawing is slow",
    }
    console.print("", _tables.facts("What passed", facts), sep="\n")
    console.print(_rates.table(console, min(seconds, PART)))
    print(f"The whole of it in 12 lines:\n\n{textwrap.indent(PROGRAM, '    ')}")
    return 0


def kernels() -> list[Kernel]:
    """A queue and a rolling maximum, on one thread."""
    return [_rates.queueing(COUNT, ROLLING), _rates.rolling(COUNT, ROLLING)]


if __name__ == "__main__":
    sys.exit(main())
