"""Does a channel between processes outlive them? Producers and consumers are killed (SIGKILL) at any point.

    python asv_bench/proofs/ring_kill.py                # 1000 of each: about two minutes
    python asv_bench/proofs/ring_kill.py 20
    python asv_bench/proofs/ring_kill.py --markdown > asv_bench/results/ring-kill.md

Producers write records of 64 bytes, of which 56 follow from the first 8: by turns one by one, many at once and in
place. Each goes on where the one before it has stopped. Whoever takes them out finds every record once, in order.

Consumers look at records in place, hand them on through a second channel, and only then give them up. Whoever takes
them out of that one finds every record in order, and after each kill some of the last ones again.

It ends with status 1 if a record is torn, missing, or out of order.
"""

import argparse
import ctypes
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import jitkit as jk

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import _host

CAPACITY = 256
RECORD = np.dtype([(f"word{k}", "u8") for k in range(8)])
FACTOR = 0x9E37_79B9_7F4A_7C15  # odd, so that no two numbers have the same multiple modulo 2^64
LONGEST = 0.004  # s from the first sign of life to the kill
PATIENCE = 60  # s without any record, after which something hangs
LOOKED_AT = 24  # records that a consumer hands on before it gives them up; no part of the channel's capacity


@jk.jit
def fill(words: Any, start: Any) -> None:
    """Write the records from number `start` on."""
    for i in range(len(words)):
        number = np.uint64(start + i)
        words[i, 0] = number
        for k in range(1, 8):
            words[i, k] = (number + np.uint64(k)) * np.uint64(FACTOR)


@jk.jit
def send(tx: Any, way: int, count: int) -> None:
    """Send records, from where the channel has stopped."""
    block = np.zeros(24, RECORD)
    words = block.view(np.uint64).reshape(24, 8)
    start = np.int64(tx.position)
    last = start + count
    while start < last:
        if way == 0:
            fill(words[:1], start)
            start += tx.push(block[0])
        elif way == 1:
            fill(words, start)
            start += tx.extend(block)
        else:
            view = tx.reserve(24)
            fill(view.view(np.uint64).reshape(view.size, 8), start)
            tx.commit(view.size)
            start += view.size


@jk.jit
def hand_on(rx: Any, tx: Any, count: int) -> None:
    """Send what comes."""
    while count > 0 and rx.wait():
        view = rx.peek(LOOKED_AT)
        for i in range(view.size):
            tx.push(view[i])
        rx.release(view.size)
        count -= view.size


@jk.jit
def look(words: Any, first: int, repeats: int) -> Any:
    """Look at records, of which number `first` is to be the next, or one of the last before it again.

    Gives what the next one is to be, how many were torn, out of order, and delivered again.
    """
    torn = disordered = again = 0
    expected = np.empty((1, 8), np.uint64)
    for i in range(len(words)):
        number = np.int64(words[i, 0])
        fill(expected, number)
        torn += np.any(words[i] != expected[0])
        if number != first:
            back = first - number
            if 0 < back <= repeats:
                again += back
            else:
                disordered += 1
        first = number + 1
    return first, torn, disordered, again


class Names(NamedTuple):
    """Names of two channels."""

    source: str
    sink: str


def be_producer(names: Names, turn: int) -> None:
    try:
        tx = jk.ring.attach_shared(names.sink, RECORD, CAPACITY, role="producer")
    except FileNotFoundError:
        tx = jk.ring.create_shared(names.sink, RECORD, CAPACITY, policy="block")
    send(tx, turn % 3, 1 << 62)


def be_consumer(names: Names, _: int) -> None:
    rx = jk.ring.attach_shared(names.source)
    try:
        tx = jk.ring.attach_shared(names.sink, role="producer")
    except FileNotFoundError:
        tx = jk.ring.create_shared(names.sink, RECORD, CAPACITY, policy="block")
    hand_on(rx, tx, 1 << 62)


def die_with_parent() -> None:
    """Let nothing that waits for room be left, whoever else is killed (prctl(2): PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


ROLES = {"producer": be_producer, "consumer": be_consumer}


def serve(role: str, names: Names) -> None:
    """Fork a process for each line that comes in: so what was compiled before need not be compiled in each."""
    die_with_parent()
    ends = [jk.ring.channel(RECORD, CAPACITY, policy="block") for _ in range(2)]
    send(ends[0][0], 2, 32), hand_on(ends[0][1], ends[1][0], 32)
    for turn, _ in enumerate(sys.stdin):
        child = os.fork()
        if child == 0:
            try:
                die_with_parent()
                ROLES[role](names, turn)
            finally:
                os._exit(1)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("dead", flush=True)


class Tally(NamedTuple):
    """What came of one kind of kills."""

    killed: str
    kills: int
    records: int
    torn: int
    disordered: int  # neither the next one nor one that is delivered again
    again: int
    seconds: float

    @property
    def is_right(self) -> bool:
        return self.torn == self.disordered == 0 and self.records > 0


class Reader:
    """Takes records out, and looks at them."""

    def __init__(self, rx: Any, repeats: int) -> None:
        self.rx, self.repeats = rx, repeats
        self.next = self.records = self.torn = self.disordered = self.again = 0
        self.out = np.zeros(CAPACITY, RECORD)

    def read(self) -> int:
        """Take out what there is; return how many."""
        count = self.rx.drain(self.out)
        words = self.out[:count].view(np.uint64).reshape(count, 8)
        self.next, torn, disordered, again = look(words, self.next, self.repeats)
        self.records, self.torn = self.records + count, self.torn + torn
        self.disordered, self.again = self.disordered + disordered, self.again + again
        return count


def kill(role: str, kills: int) -> Tally:
    """Kill processes of a role."""
    names = Names(*(f"jitkit-proof-{os.getpid()}-{role}-{end}" for end in Names._fields))
    chance, sent, source = random.Random(0), 0, None
    if role == "consumer":
        source = jk.ring.create_shared(names.source, RECORD, CAPACITY)
    command = [sys.executable, __file__, "--serve", role, *names]
    reader = None
    numbers = np.zeros(CAPACITY, RECORD)
    start = time.perf_counter()

    def feed() -> None:
        """Send what is to be handed on."""
        nonlocal sent
        if source is not None:
            fill(numbers.view(np.uint64).reshape(CAPACITY, 8), sent)
            sent += source.extend(numbers)

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            for turn in range(kills):
                print(file=server.stdin, flush=True)
                child = int(server.stdout.readline())
                if reader is None:
                    reader = Reader(_attached(names.sink), LOOKED_AT if source is not None else 0)
                until = time.monotonic() + PATIENCE
                while turn % 8 and (feed() or not reader.read()):  # or else it may be killed when it has just begun
                    assert time.monotonic() < until, f"the {role} does nothing"
                reads = chance.random() < 0.5  # or else the channel fills up, and whoever is killed waits for room
                until = time.monotonic() + chance.random() * LONGEST
                while time.monotonic() < until:
                    feed()
                    reader.read() if reads else time.sleep(0.0001)
                os.kill(child, signal.SIGKILL)
                assert server.stdout.readline() == "dead\n"
                while reader.read():
                    pass
        finally:
            server.kill()
            for name in names:
                with suppress(FileNotFoundError):
                    jk.ring.unlink_shared(name)
    return Tally(role, kills, reader.records, reader.torn, reader.disordered, reader.again, time.perf_counter() - start)


def _attached(name: str) -> Any:
    until = time.monotonic() + PATIENCE
    while not Path("/dev/shm", name).exists():
        assert time.monotonic() < until, "nobody makes a channel"
        time.sleep(0.001)
    return jk.ring.attach_shared(name, RECORD, CAPACITY)


def show(tallies: list[Tally], markdown: bool) -> None:
    host = _host.describe(("jitkit", "numpy", "numba", "llvmlite"))
    if markdown:
        print(
            "# Killed processes, living channels\n\nAs `python asv_bench/proofs/ring_kill.py --markdown` printed it.\n"
        )
    print("\n".join(_host.heading(host, ())), end="\n\n")
    line = "| {:8} | {:>7} | {:>12} | {:>6} | {:>22} | {:>16} | {:>7} |"
    print(line.format("killed", "kills", "records", "torn", "missing, out of order", "delivered again", "s"))
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |" if markdown else "-" * 100)
    for one in tallies:
        print(line.format(
            one.killed, f"{one.kills:,}", f"{one.records:,}", one.torn, one.disordered, f"{one.again:,}",
            f"{one.seconds:.1f}",
        ))  # fmt: skip


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kills", nargs="?", type=int, default=1000, help="of each kind (default: 1000)")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--serve", nargs=3, metavar=("ROLE", "SOURCE", "SINK"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        role, *names = options.serve
        serve(role, Names(*names))
        return 0
    tallies = [kill(role, options.kills) for role in ROLES]
    show(tallies, options.markdown)
    return 0 if all(one.is_right for one in tallies) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
