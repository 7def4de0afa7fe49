"""Questions about memory: how much the decoder holds, each answered by a fresh process."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _sensor import PACKED
from _sides import MIB, size
from _table import Row
from _timing import Bench

CHILD = Path(__file__).with_name("_memory_child.py")
CLEAR_REFS = Path("/proc/self/clear_refs")


def memory(bench: Bench) -> Iterator[Row]:
    """Peak of `columns` beside its input, and of a whole process that goes through a file by `iter_batches`."""
    if not CLEAR_REFS.exists():
        why = "not measured: needs Linux's /proc/self/clear_refs"
        yield Row(against="memory", work="peak of columns and iter_batches", unit="MiB", why_not_measured=why)
        return
    yield from _columns(16 * MIB if bench.quick else 512 * MIB)
    yield _batches(bench.scratch, 128 * MIB if bench.quick else 2048 * MIB)


def _columns(nbytes: int) -> Iterator[Row]:
    numpy = _in_fresh_process("numpy", nbytes)
    for work, title in (("columns", "first call"), ("second_columns", "second call")):
        seen = _in_fresh_process(work, nbytes)
        yield Row(
            against="memory, NumPy copies",
            work=f"peak beside input, columns of {size(nbytes)}, {title}",
            theirs=(numpy["peak"] - numpy["before"]) / MIB,
            jitkit=(seen["peak"] - seen["before"]) / MIB,
            unit="MiB",
            at_most=1.05 * seen["output"] / MIB + 64.0,
        )


def _batches(scratch: Path, nbytes: int) -> Row:
    work = f"whole process, iter_batches over {size(nbytes)}"
    if shutil.disk_usage(scratch).free < 2 * nbytes:
        why = f"not measured: needs {size(2 * nbytes)} of free disk for temporary files"
        return Row(against="memory", work=work, unit="MiB", at_most=300.0, why_not_measured=why)
    part = PACKED.packets(64 * MIB)
    repeats = nbytes // part.size + 1
    path = scratch / "sensor.bin"
    with path.open("wb") as file:
        for _ in range(repeats):
            file.write(part)
    try:
        seen = _in_fresh_process("batches", path)
    finally:
        path.unlink()
    records = part.view(PACKED.dtype)
    expected = repeats * records.size, repeats * int(records["timestamp"].sum(dtype=np.uint64)) % (1 << 64)
    if (seen["records"], seen["timestamps"]) != expected:
        raise SystemExit(f"iter_batches: expected {expected} records and sum of timestamps, got {seen}")
    return Row(against="memory", work=work, jitkit=seen["peak"] / MIB, unit="MiB", at_most=300.0)


def _in_fresh_process(work: str, argument: object) -> dict[str, int]:
    command = [sys.executable, str(CHILD), work, str(argument)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
