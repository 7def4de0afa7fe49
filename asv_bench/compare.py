"""Gate: fail when a kernel got slower between two commits, relative to its pure-Python twin.

    python asv_bench/compare.py [BASE [HEAD]]

BASE is the commit named in asv_bench/baseline unless given. What looks slower is measured a second time at both
commits, and only what is slower again counts. Exit status: 0 for no regression or nothing to compare (the message
says which), 1 for a confirmed regression, 2 when asv could not measure.
"""

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from measure import HERE, MeasureError, commit_of, figures, has_suite, run_asv

FACTOR = 1.5  # identical code, compared 90 times on a busy machine of 2 cores, gave 0.82 to 1.23


@dataclass(frozen=True)
class Row:
    """A kernel at one size: its time at both commits, relative to pure Python; None where it has none."""

    kernel: str
    n: int
    base: float | None
    head: float | None

    @property
    def name(self) -> str:
        return f"{self.kernel} n={self.n}"

    @property
    def slowdown(self) -> float:
        """How many times slower; infinite for a kernel that is gone or fails, 0 for a new one."""
        if self.head is None:
            return float("inf")
        return 0.0 if self.base is None else self.head / self.base

    def __str__(self) -> str:
        base, head = (f"{1 / time:9.1f}x" if time else f"{'-':>10}" for time in (self.base, self.head))
        change = "new" if self.base is None else "gone" if self.head is None else f"{self.slowdown:.2f}"
        return f"{self.kernel:42} {self.n:>8,} {base} {head} {change:>8}"


def rows(base: dict[tuple[str, int], float], head: dict[tuple[str, int], float]) -> list[Row]:
    return [Row(*key, base.get(key), head.get(key)) for key in base | head]


def slower(compared: Iterable[Row], factor: float = FACTOR) -> list[Row]:
    return [row for row in compared if row.slowdown > factor]


def compare(base: str, head: str, only: Iterable[str]) -> list[Row]:
    """Measure both commits, print the table and return its rows."""
    with tempfile.TemporaryDirectory(prefix="jitkit-compare-") as scratch:
        # A directory for each, so that a commit can be compared with itself.
        times = [
            figures(run_asv(commit, Path(scratch, side), "^speedup.*relative_time", only), "track_relative_time")
            for side, commit in (("base", base), ("head", head))
        ]
    compared = rows(*times)
    if not compared:
        raise MeasureError("no kernel has a figure at either commit")
    print(f"{'times faster than pure Python':42} {'n':>8} {base[:8]:>10} {head[:8]:>10} {'slower':>8}")
    for row in compared:
        print(row, "  <--" if slower([row]) else "")
    return compared


def gate(base: str, head: str, only: Iterable[str] = ()) -> int:
    print("CPU time of one thread; pure Python is timed on a prefix of long inputs, and scaled\n")
    suspects = slower(compare(base, head, only))
    if suspects:
        print(f"\nmore than {FACTOR}x slower: {len(suspects)}, measured a second time")
        suspects = slower(compare(base, head, [row.name for row in suspects]))
    print()
    for row in suspects:
        print(f"regression, confirmed: {row.name}")
    print(f"{base[:8]}..{head[:8]}: " + (f"{len(suspects)} slower" if suspects else "no regression"))
    return 1 if suspects else 0


def skipped(reason: str) -> int:
    print(f"skipped: {reason}")
    return 0


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("base", nargs="?", metavar="BASE", help="default: the commit named in asv_bench/baseline")
    cli.add_argument("head", nargs="?", metavar="HEAD", default="HEAD")
    cli.add_argument("--only", action="append", default=[], metavar="KERNEL", help="as in 'records.pack n=1000'")
    args = cli.parse_args()
    base = args.base or (HERE / "baseline").read_text().strip()
    if base == "none":
        return skipped("asv_bench/baseline says none: the baseline is the commit that brings the suite")
    try:
        commits = [commit_of(base), commit_of(args.head)]
    except MeasureError:
        return skipped(f"no {base} or no {args.head} here: the history is too short, as in a shallow clone")
    for commit in commits:
        if not has_suite(commit):
            return skipped(f"commit {commit[:8]} has no benchmark suite")
    if importlib.util.find_spec("asv") is None:
        print("expected asv to be installed: pip install '.[dev]'", file=sys.stderr)
        return 2
    try:
        return gate(*commits, args.only)
    except MeasureError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
