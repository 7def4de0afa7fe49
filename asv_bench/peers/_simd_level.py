"""What is wanted of `jk.sqrt`, by what the processor has, and the same questions in processes that know less of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

from _simd_bench import KI, MI, Bench
from _table import Row

from jitkit._core import cpu
from jitkit.simd._sqrt import choices

SIZES = (1, KI, 4 * KI, 16 * KI, 64 * KI, 256 * KI, 16 * MI)
WITH_AVX512 = {
    "f64": dict(zip(SIZES, (1.0, 1.4, 1.8, 2.2, 2.0, 1.35, 0.95), strict=True)),
    "f32": dict(zip(SIZES, (1.0, 1.03, 1.2, 1.4, 1.5, 0.97, 0.95), strict=True)),
}
WITH_AVX2 = {16 * KI: 1.15, 64 * KI: 1.15}
ELSEWHERE = 0.97
LEVELS = {"avx2": ("haswell", "AVX2"), "other": ("nehalem", "SSE4.2")}  # by numba's names, and by people's


def level() -> str:
    """What there is to multiply with: "avx512" or "avx2", for whose estimates the roots are proven, or "other"."""
    features = cpu.target().features
    if {"avx512f", "avx512dq", "avx512vl"} <= features:
        return "avx512"
    return "avx2" if {"avx2", "fma"} <= features else "other"


def wanted(kind: str, size: int) -> float | None:
    """Figure to reach for so many ordinary numbers."""
    return by_level(WITH_AVX512[kind][size], WITH_AVX2.get(size))


def by_level(with_avx512: float, with_avx2: float | None = None) -> float | None:
    """Figure to reach on this processor."""
    return {"avx512": with_avx512, "avx2": with_avx2, "other": ELSEWHERE}[level()]


def levels(bench: Bench) -> Iterator[Row]:
    """All sizes again in processes that know less of this processor."""
    for name, (numba_name, title) in LEVELS.items():
        work = f"as on a host with {title}"
        if name == level():
            yield Row(against="np.sqrt", work=work, why_not_measured="it is this one, see above")
        elif not cpu.runs_here(numba_name):
            yield Row(against="np.sqrt", work=work, why_not_measured="this processor cannot run such code")
        else:
            yield from _sizes_at(bench, numba_name, title)


def _sizes_at(bench: Bench, level: str, title: str) -> Iterator[Row]:
    file = bench.scratch / f"{level}.json"
    script = Path(__file__).with_name("simd.py")
    command = [sys.executable, str(script), "--only", "sizes", "--json", str(file), *(["--quick"] * bench.quick)]
    environment = os.environ | cpu.level_environment(level)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    report = json.loads(file.read_text())
    bench.notes += [f"As with {title}: {told}" for told in report["choices"]]
    names = [field.name for field in fields(Row)]
    for row in report["rows"]:
        told = Row(**{name: row[name] for name in names})
        yield replace(told, work=f"{told.work}, as with {title}")


def told_choices() -> list[str]:
    """Where `jk.sqrt` multiplies in this process, as it was measured when this host first loaded it."""
    return [f"jk.sqrt of {kind} works {choices()[letter]}." for kind, letter in (("f64", "d"), ("f32", "f"))]
