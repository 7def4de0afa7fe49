"""Telemetry files against other people's readers: ULogs, framed streams, damage, and the first column in a new process.

    python asv_bench/peers/telemetry.py                           # everything: about three minutes
    python asv_bench/peers/telemetry.py --only ulog frames        # some of the questions
    python asv_bench/peers/telemetry.py --markdown --json FILE    # for a README, and for programs

Every side goes from the bytes of a file to every column. What it gives is compared before the clock runs. Times are
the best of all rounds, by the process's own clock, if a row does not say otherwise; "N x" is how many times faster
jitkit is. Files are the recorded ones of `--data`, $JITKIT_TESTDATA or ../shared/data.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import _host
import _telemetry_frames as frames
import _telemetry_logs as logs
from _jpss import find_data
from _script import ask, first_notes, options_of, tell
from _simd_bench import Bench

QUESTIONS = {
    "ulog": logs.whole_files,
    "large": logs.repeated,
    "frames": frames.scanned,
    "damage": frames.damaged,
    "start": logs.first_column,
}
PACKAGES = ("jitkit", "numpy", "numba", "llvmlite", "pyulog")
QUICK = "smaller files, two rounds"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__, QUESTIONS, QUICK)
    parser.add_argument("--data", type=Path, help="folder of recorded telemetry")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(scratch=Path(scratch).resolve(), quick=options.quick)
        bench.notes += first_notes(QUICK if options.quick else None)
        rows = ask(QUESTIONS, options.only, bench, find_data(options.data))
    host = _host.describe(PACKAGES)
    tell(options, rows, [*_host.heading(host, bench.rounds), *bench.notes], host=host, notes=bench.notes)


if __name__ == "__main__":
    main()
