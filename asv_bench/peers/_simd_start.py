"""Questions about waiting: the first roots of a new process."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from _simd_bench import Bench
from _table import Row

ATTEMPTS = 9
FIRST_ROOTS = """
import json, sys, time
import numpy as np
x = np.linspace(0.0, 100.0, 16384)
wall, processor = time.perf_counter(), time.process_time()
import jitkit as jk
roots = jk.sqrt(x)
seconds = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
print(json.dumps(seconds | {"numba": "numba" in sys.modules, "same": roots.tobytes() == np.sqrt(x).tobytes()}))
"""


def first_call(bench: Bench) -> Iterator[Row]:
    """Import jitkit and take roots where NumPy is loaded already."""
    _first_roots()  # the one that may compile, and measure what this host is best at
    seen = [_first_roots() for _ in range(3 if bench.quick else ATTEMPTS)]
    if any(one["numba"] for one in seen):
        raise SystemExit("first call: expected numba not to be loaded, got it there: has jitkit/ changed?")
    work = "new process, after import numpy: import jitkit and first jk.sqrt"
    for clock, title in (("processor", "processor time"), ("wall", "wall")):
        middle = median(one[clock] for one in seen)
        yield Row(against="waiting", work=f"{work}, warm, {title}, median", jitkit=middle, at_most=0.15)
    if not bench.quick:
        with tempfile.TemporaryDirectory() as folder:
            cold = _first_roots({"JITKIT_CACHE_DIR": folder})
        yield Row(against="waiting", work=f"{work}, nothing compiled yet, wall", jitkit=cold["wall"])


def _first_roots(environment: Mapping[str, str] = {}) -> dict[str, Any]:
    command = [sys.executable, "-P", "-c", FIRST_ROOTS]  # -P: no jitkit but the one that is installed
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True)
    seen = json.loads(done.stdout)
    if not seen["same"]:
        raise SystemExit("first call: expected the roots that NumPy gives, got others")
    return seen
