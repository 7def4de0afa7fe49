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

import os
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
from _script import ask, first_notes, options_of, tell
from _simd_bench import Bench

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
QUICK = "fewer sizes, two rounds"


def main(arguments: Sequence[str] | None = None) -> None:
    options = options_of(__doc__, QUESTIONS, QUICK).parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        bench = _bench(options.quick, Path(scratch).resolve())
        rows = ask(QUESTIONS, options.only, bench)
    host = _host.describe(PACKAGES)
    tell(options, rows, [*_host.heading(host, bench.rounds), *bench.notes], host=host, notes=bench.notes)


def _bench(quick: bool, scratch: Path) -> Bench:
    cpus = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
    bench = Bench(scratch=scratch, clock=thread_time, cpus=cpus, quick=quick)
    bench.notes += first_notes(QUICK if quick else None)
    return bench


if __name__ == "__main__":
    main()
