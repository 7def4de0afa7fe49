"""Telemetry files against other people's readers: ULogs, framed streams, damage, and the first column in a new process.

    python asv_bench/peers/telemetry.py                           # everything: about three minutes
    python asv_bench/peers/telemetry.py --only ulog frames        # some of the questions
    python asv_bench/peers/telemetry.py --markdown --json FILE    # for a README, and for programs

Every side goes from the bytes of a file to every column. What it gives is compared before the clock runs. Times are
the best of all rounds, by the process's own clock, if a row does not say otherwise; "N x" is how many times faster
jitkit is. Files are the recorded ones of `--data`, $JITKIT_TESTDATA or ../shared/data.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import _host
import _telemetry_frames as frames
import _telemetry_logs as logs
from _jpss import find_data
from _simd_bench import Bench
from _table import Row, show, to_markdown
from _timing import pin_to_one_cpu

QUESTIONS = {
    "ulog": logs.whole_files,
    "large": logs.repeated,
    "frames": frames.scanned,
    "damage": frames.damaged,
    "start": logs.first_column,
}
PACKAGES = ("jitkit", "numpy", "numba", "llvmlite", "pyulog")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        bench = _bench(options, Path(scratch).resolve())
        data = find_data(options.data)
        rows: list[Row] = []
        for name in options.only:
            print(f"{name} ...", file=sys.stderr, flush=True)
            rows += QUESTIONS[name](bench, data)
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
    parser.add_argument("--data", type=Path, help="folder of recorded telemetry")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the table as JSON too")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--quick", action="store_true", help="smaller files, two rounds: to see that it works")
    return parser.parse_args(arguments)


def _bench(options: argparse.Namespace, scratch: Path) -> Bench:
    bench = Bench(scratch=scratch, quick=options.quick)
    if pin_to_one_cpu() is None:
        bench.notes.append("This system cannot keep a process on one CPU.")
    if options.quick:
        bench.notes.append("A quick run: smaller files, two rounds. Its figures say little.")
    return bench


if __name__ == "__main__":
    main()
