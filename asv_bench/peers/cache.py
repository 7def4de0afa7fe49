"""The compile cache against numba's own: what is compiled again, how long that takes, and whether it is right.

    python asv_bench/peers/cache.py                           # everything: some minutes
    python asv_bench/peers/cache.py --only comment warm       # some of the questions
    python asv_bench/peers/cache.py --markdown --json FILE    # for a README, and for programs

What is built is a package of 20 kernels in 4 files, or in one, once with `numba.njit(cache=True)` and once with
`jk.jit`, with the same options, in temporary directories with caches of their own. Every process is a fresh one, and
every answer is compared with that of plain Python. Times are the processor time of a process from when numba is
imported to the last answer, if a row does not say otherwise; "N x" is how many times faster jitkit is.

Leave jitkit's own sources alone meanwhile: after any change of them its cache begins anew.
"""

import argparse
import compileall
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import _cache_rebuild as rebuild
import _cache_start as start
import _cache_trust as trust
import _host
from _cache_sides import HERE, Bench
from _jpss import PACKETS, find_data, made_packets
from _script import ask, first_notes, options_of, tell

import jitkit

QUESTIONS = {
    "comment": rebuild.after_a_comment,
    "leaf": rebuild.after_a_leaf,
    "stale": rebuild.stale,
    "warm": rebuild.warm_start,
    "fingerprint": start.fingerprints,
    "preload": start.first_calls,
    "export": start.exported,
    "decode": start.decoding,
    "damaged": trust.damaged,
    "processes": trust.at_once,
}
QUICK = "two rounds"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__, QUESTIONS, QUICK)
    parser.add_argument("--data", type=Path, help="folder of recorded telemetry, for decode")
    options = parser.parse_args(arguments)
    # The processes write no bytecode, and must not have to make that of jitkit either.
    compileall.compile_dir(Path(jitkit.__file__).parent, quiet=2)
    compileall.compile_dir(HERE, maxlevels=0, quiet=2)
    with tempfile.TemporaryDirectory() as scratch:
        bench = _bench(options, Path(scratch).resolve())
        rows = ask(QUESTIONS, options.only, bench)
    host = _host.describe()
    method = f"Best of {bench.rounds} rounds, each in a fresh process, all sides by turns, answers equal."
    tell(options, rows, [*_host.heading(host, ()), method, *bench.notes], host=host, notes=bench.notes)


def _bench(options: argparse.Namespace, scratch: Path) -> Bench:
    cpus = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
    bench = Bench(scratch, scratch / PACKETS.name, options.quick, cpus)
    bench.notes += first_notes(QUICK if options.quick else None)
    data = find_data(options.data)
    if data is None and "decode" in options.only:
        bench.notes.append("The recorded JPSS packets are not at hand: packets of the same kind were made.")
    bench.packets.write_bytes(made_packets().tobytes() if data is None else (data / PACKETS).read_bytes())
    return bench


if __name__ == "__main__":
    main()
