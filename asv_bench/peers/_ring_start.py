"""Questions about waiting: whether a second process finds all kernels of rings in the cache."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _simd_bench import Bench
from _table import Row

CHILD = Path(__file__).with_name("_ring_child.py")
ATTEMPTS = 5


def second_process(bench: Bench) -> Iterator[Row]:
    """The same work in fresh processes that share a cache, which is empty at first."""
    with tempfile.TemporaryDirectory() as cache:
        first = _work(cache)
        later = [_work(cache) for _ in range(1 if bench.quick else ATTEMPTS)]
    if first["compiles"] == 0:
        raise SystemExit("second process: expected the first one to compile, got 0 compiles: was its cache not empty?")
    if any(one["digest"] != first["digest"] for one in later):
        raise SystemExit("second process: expected the answers of the first, got others")
    work = "kernels with rings of all kinds, in a second process"
    yield Row(
        against="the first process",
        work=f"compiled: {work}",
        theirs=first["compiles"],
        jitkit=max(one["compiles"] for one in later),
        unit="kernels",
        at_most=0,
    )
    yield Row(
        against="the first process",
        work=f"{work}, processor time",
        theirs=first["seconds"],
        jitkit=min(one["seconds"] for one in later),
    )


def _work(cache: str) -> Any:
    environment = {name: value for name, value in os.environ.items() if name != "JITKIT_CACHE_KEY"}
    environment |= {"JITKIT_CACHE_DIR": cache, "NUMBA_CACHE_DIR": cache}
    done = subprocess.run([sys.executable, CHILD], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)
