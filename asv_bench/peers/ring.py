"""Ring buffers against other people's: in one thread, from Python, between threads, between processes.

    python asv_bench/peers/ring.py                           # everything: about two minutes
    python asv_bench/peers/ring.py --only push threads       # some of the questions
    python asv_bench/peers/ring.py --markdown --json FILE    # for a README, and for programs

Rings in C++ and Rust are compiled here, with `-O3 -march=native -DNDEBUG` and `-C opt-level=3 -C target-cpu=native`; in
one call each does all the work that is timed. What came out of each side is compared before the clock runs, or, between
threads and processes, after every round. "N x" is always how many times faster jitkit is.

Times in one thread are the best of all rounds, by that thread's own clock. Times of two threads and of two processes
are taken on the wall, each side on the same two CPUs; what counts there is the median of 15 rounds. They are those of a
million items: compiled sides move four million, queues of Python a hundred thousand or fewer, all scaled.

Leave jitkit's own sources alone meanwhile: after any change of them it compiles anew.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import thread_time

import _host
import _ring_one_thread as one_thread
from _ring_processes import processes
from _ring_python import python
from _ring_start import second_process
from _ring_threads import threads
from _ring_window import window
from _simd_bench import Bench
from _table import Row, show, to_markdown
from _timing import pin_to_one_cpu

QUESTIONS = {
    "push": one_thread.push,
    "pairs": one_thread.pairs,
    "bulk": one_thread.bulk,
    "python": python,
    "window": window,
    "threads": threads,
    "processes": processes,
    "start": second_process,
}
PACKAGES = ("jitkit", "numpy", "numba", "llvmlite", "numpy_ringbuffer", "dvg_ringbuffer")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        bench = _bench(options, Path(scratch).resolve())
        rows: list[Row] = []
        for name in options.only:
            print(f"{name} ...", file=sys.stderr, flush=True)
            rows += QUESTIONS[name](bench)
    host = _host.describe(PACKAGES)
    heading = [*_host.heading(host, bench.rounds), *bench.notes]
    if options.markdown:
        print(to_markdown(rows, heading))
    else:
        show(rows, heading)
    if options.json:
        report = {"host": host, "notes": bench.notes, "quick": options.quick, "rows": [row.to_dict() for row in rows]}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=QUESTIONS, default=list(QUESTIONS), metavar="NAME",
                        help=f"some of: {', '.join(QUESTIONS)}")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the table as JSON too")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--quick", action="store_true", help="fewer sizes, two rounds: to see that it works")
    return parser.parse_args(arguments)


def _bench(options: argparse.Namespace, scratch: Path) -> Bench:
    cpus = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
    bench = Bench(scratch=scratch, clock=thread_time, cpus=cpus, quick=options.quick)
    if pin_to_one_cpu() is None:
        bench.notes.append("This system cannot keep a process on one CPU.")
    if options.quick:
        bench.notes.append("A quick run: fewer sizes, two rounds. Its figures say little.")
    return bench


if __name__ == "__main__":
    main()
