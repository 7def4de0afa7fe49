"""How many times faster than pure Python every kernel is."""

import json
import os
import sys

from benchmarks.cases import CASES
from benchmarks.interleaved import NoFigure, measure

# compare.py measures only the suspects a second time: kernels, or one size as in "records.pack n=1000".
ONLY = set(json.loads(os.environ.get("JITKIT_BENCH_ONLY", "[]")))


class Speedup:
    """One measurement of each kernel and size, and views of it.

    asv takes every larger figure for a worse one. So `track_speedup` is for people, and its inverse,
    `track_relative_time`, for gates. Pure Python is timed on a prefix of long inputs and scaled up.
    """

    params = ([case.name for case in CASES], sorted({n for case in CASES for n in case.sizes}))
    param_names = ("kernel", "n")
    timeout = 300
    version = "1"  # asv compares figures of one version only: raise it when the method in interleaved.py changes

    def setup_cache(self):
        every = [(case, n) for case in CASES for n in case.sizes]
        return measure((case, n) for case, n in every if not ONLY or ONLY & {case.name, f"{case.name} n={n}"})

    def track_speedup(self, results, kernel, n):
        return ratio(results, kernel, n, "python", "jitkit")

    def track_relative_time(self, results, kernel, n):
        return ratio(results, kernel, n, "jitkit", "python")

    def track_speedup_over_numpy(self, results, kernel, n):
        return ratio(results, kernel, n, "numpy", "jitkit")

    track_speedup.unit = "x"
    track_relative_time.unit = "of pure Python's time"
    track_speedup_over_numpy.unit = "x"


def ratio(results, kernel, n, above, below):
    """Quotient of two sides' times; nan where there is none, as for a kernel that an old commit lacks."""
    times = results.get((kernel, n), {})
    if isinstance(times, NoFigure):
        if not times.lacking:
            raise RuntimeError(f"{kernel}, n={n}: {times.reason}")
        print(f"{kernel}, n={n}: {times.reason}", file=sys.stderr)  # shown by asv run --show-stderr
        times = {}
    return times[above] / times[below] if above in times and below in times else float("nan")
