"""Vectors against other people's software: how much faster `jk.sqrt` is than `np.sqrt`, and where it is not.

    python asv_bench/peers/simd.py                           # everything: about eight minutes
    python asv_bench/peers/simd.py --only sizes zeros        # some of the questions
    python asv_bench/peers/simd.py --markdown --json FILE    # for a README, and for programs

All sides write to the same array, which exists, and take turns in blocks of 6 ms, of which the first 3 ms do not
count. That they write the same bits is checked before the clock runs. "N x" is always how many times faster jitkit is.
Which figure is wanted depends on the processor: 512-bit vectors, AVX2, or neither.

Leave jitkit's own sources alone meanwhile: after any change of them it compiles anew.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is loaded: every side has one thread

import tempfile
from collections.abc import Sequence
from pathlib import Path

import _host
import _simd_sqrt as roots
from _script import ask, first_notes, options_of, tell
from _simd_bench import Bench
from _simd_functions import functions
from _simd_level import levels, told_choices
from _simd_peers import peers, python
from _simd_start import first_call

QUESTIONS = {
    "sizes": roots.sizes,
    "zeros": roots.zeros,
    "strides": roots.strides,
    "matrices": roots.matrices,
    "threads": roots.threads,
    "levels": levels,
    "start": first_call,
    "peers": peers,
    "python": python,
    "functions": functions,
}
PACKAGES = ("jitkit", "numpy", "numba", "llvmlite", "numexpr")
QUICK = "fewer sizes, two rounds"


def main(arguments: Sequence[str] | None = None) -> None:
    options = options_of(__doc__, QUESTIONS, QUICK).parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        bench = _bench(options.quick, Path(scratch).resolve())
        rows = ask(QUESTIONS, options.only, bench)
    host = _host.describe(PACKAGES)
    chosen = told_choices()
    heading = [*_host.heading(host, bench.rounds), *chosen, *bench.notes]
    tell(options, rows, heading, host=host, notes=bench.notes, choices=chosen)


def _bench(quick: bool, scratch: Path) -> Bench:
    cpus = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
    bench = Bench(scratch=scratch, cpus=cpus, quick=quick)
    bench.notes += first_notes(QUICK if quick else None)
    return bench


if __name__ == "__main__":
    main()
