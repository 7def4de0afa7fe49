"""Do all elements of a channel come, in order? Between two threads and between two processes, in each way to send them.

    python asv_bench/proofs/ring_order.py               # 100,000,000 numbers each: some seconds, two processors
    python asv_bench/proofs/ring_order.py 100000
    python asv_bench/proofs/ring_order.py --markdown > asv_bench/results/ring-order.md

It ends with status 1 if a number is missing, comes twice, or comes out of order.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import jitkit as jk

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import _host

CAPACITY = 4096
BULK = 256


@jk.jit
def send_each(tx, count):
    for i in range(count):
        tx.push(i)


@jk.jit
def receive_each(rx, count):
    wrong = 0
    for i in range(count):
        number = rx.pop_or(-1)
        while number < 0 and rx.wait():
            number = rx.pop_or(-1)
        wrong += number != i
    return wrong


@jk.jit
def send_bulk(tx, count):
    block = np.empty(BULK, np.int64)
    for start in range(0, count, BULK):
        size = min(BULK, count - start)
        for i in range(size):
            block[i] = start + i
        tx.extend(block[:size])


@jk.jit
def receive_bulk(rx, count):
    out = np.empty(BULK, np.int64)
    received = wrong = 0
    while received < count and rx.wait():
        size = rx.drain(out)
        for i in range(size):
            wrong += out[i] != received + i
        received += size
    return wrong + count - received


@jk.jit
def send_in_place(tx, count):
    sent = 0
    while sent < count:
        view = tx.reserve(min(BULK, count - sent))
        for i in range(view.size):
            view[i] = sent + i
        tx.commit(view.size)
        sent += view.size


@jk.jit
def receive_in_place(rx, count):
    received = wrong = 0
    while received < count and rx.wait():
        view = rx.peek(BULK)
        for i in range(view.size):
            wrong += view[i] != received + i
        rx.release(view.size)
        received += view.size
    return wrong + count - received


WAYS = {
    "one by one": (send_each, receive_each),
    f"{BULK} at once": (send_bulk, receive_bulk),
    "in place": (send_in_place, receive_in_place),
}


class Row(NamedTuple):
    """What came of one way to send."""

    between: str
    way: str
    count: int
    wrong: int
    seconds: float


def between_threads(way: str, count: int) -> Row:
    send, receive = WAYS[way]
    tx, rx = jk.ring.channel(np.int64, CAPACITY, policy="block")
    send(tx, 0), receive(rx, 0)  # compiled
    sender = threading.Thread(target=lambda: (send(tx, count), tx.close()), daemon=True)
    start = time.perf_counter()
    sender.start()
    wrong = int(receive(rx, count))
    seconds = time.perf_counter() - start
    sender.join()
    return Row("threads", way, count, wrong + len(rx) + (not rx.closed), seconds)


def between_processes(way: str, count: int) -> Row:
    name = f"jitkit-proof-{os.getpid()}"
    with jk.ring.create_shared(name, np.int64, CAPACITY, policy="block") as tx:
        command = [sys.executable, __file__, str(count), "--receive", name, way]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout.readline() == "ready\n"
                start = time.perf_counter()
                WAYS[way][0](tx, count)
                wrong = int(process.stdout.readline())
                seconds = time.perf_counter() - start
            finally:
                process.kill()
                tx.unlink()
    return Row("processes", way, count, wrong, seconds)


def receive(name: str, way: str, count: int) -> None:
    """What the other process does."""
    kernel = WAYS[way][1]
    with jk.ring.attach_shared(name, np.int64, CAPACITY) as rx:
        kernel(rx, 0)
        print("ready", flush=True)
        print(kernel(rx, count), flush=True)


def show(rows: list[Row], markdown: bool) -> None:
    host = _host.describe(("jitkit", "numpy", "numba", "llvmlite"))
    if markdown:
        print("# The order of a channel\n\nAs `python asv_bench/proofs/ring_order.py --markdown` printed it.\n")
    print("\n".join(_host.heading(host, ())), end="\n\n")
    line = "| {:9} | {:12} | {:>13} | {:>13} | {:>9} | {:>18} |"
    print(line.format("between", "sent", "numbers", "out of order", "s", "millions a second"))
    print("| --- | --- | ---: | ---: | ---: | ---: |" if markdown else "-" * 93)
    for row in rows:
        rate = row.count / row.seconds / 1e6
        print(line.format(
            row.between, row.way, f"{row.count:,}", f"{row.wrong:,}", f"{row.seconds:.2f}", f"{rate:.1f}"
        ))  # fmt: skip


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("count", nargs="?", type=int, default=100_000_000, help="numbers each (default: 100,000,000)")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--receive", nargs=2, metavar=("NAME", "WAY"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.receive:
        receive(*options.receive, options.count)
        return 0
    rows = [between(way, options.count) for between in (between_threads, between_processes) for way in WAYS]
    show(rows, options.markdown)
    return 1 if any(row.wrong for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
