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

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import _host
import _simd_sqrt as roots
from _simd_bench import Bench
from _simd_functions import functions
from _simd_level import levels, told_choices
from _simd_peers import peers, python
from _simd_start import first_call
from _table import Row, show, to_markdown
from _timing import pin_to_one_cpu

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


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        bench = _bench(options, Path(scratch).resolve())
        rows: list[Row] = []
        for name in options.only:
            print(f"{name} ...", file=sys.stderr, flush=True)
            rows += QUESTIONS[name](bench)
    host = _host.describe(PACKAGES)
    chosen = told_choices()
    heading = [*_host.heading(host, bench.rounds), *chosen, *bench.notes]
    if options.markdown:
        print(to_markdown(rows, heading))
    else:
        show(rows, heading)
    if options.json:
        report = {"host": host, "notes": bench.notes, "choices": chosen, "quick": options.quick,
                  "rows": [row.to_dict() for row in rows]}  # fmt: skip
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
    bench = Bench(scratch=scratch, cpus=cpus, quick=options.quick)
    if pin_to_one_cpu() is None:
        bench.notes.append("This system cannot keep a process on one CPU.")
    if options.quick:
        bench.notes.append("A quick run: fewer sizes, two rounds. Its figures say little.")
    return bench


if __name__ == "__main__":
    main()
