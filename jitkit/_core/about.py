"""What there is to know about this installation, its processor and its settings: the facts behind `jitkit info`."""

import os
import platform
from typing import Any

import numba
from rich.table import Table

from jitkit import __version__
from jitkit._core import cpu, extras, hooks, numba_cache, paths

REQUIRED = ("numba", "llvmlite", "numpy", "rich")
LANE_DTYPES = ("int8", "int16", "int32", "int64", "float16", "float32", "float64")


def about() -> dict[str, Any]:
    """Everything that `jitkit info` shows, as plain values that JSON can hold.

    Returns
    -------
    dict
        ``versions`` (None where not installed), ``cpu``, ``lanes`` (values per vector register, by dtype), ``threads``,
        ``cache`` (size in bytes) and ``switched_off``, a list of ``what``, ``why`` and ``remedy``.
    """
    directory = paths.cache_directory()
    return {
        "versions": {
            "python": platform.python_version(),
            "jitkit": __version__,
            **{package: extras.installed_version(package) for package in (*REQUIRED, *extras.EXTRAS)},
        },
        "cpu": {
            "name": cpu.target().name,
            "features": sorted(cpu.target().features),
            "host": cpu.host().name,
        },
        "lanes": {dtype: cpu.lanes(dtype) for dtype in LANE_DTYPES},
        "threads": {
            "layer": numba.config.THREADING_LAYER,
            "priority": list(numba.config.THREADING_LAYER_PRIORITY),
            "count": numba.config.NUMBA_NUM_THREADS,
        },
        "cache": {
            "directory": str(directory),
            "nbytes": paths.directory_size(directory),
            "writable": paths.is_writable(directory),
        },
        "switched_off": switched_off(),
    }


def as_table(facts: dict[str, Any]) -> Table:
    """The same, with ``square_roots`` (how, by dtype; or None) and ``rings``, for people: print it without markup."""
    cpu, threads, cache, rings = facts["cpu"], facts["threads"], facts["cache"], facts["rings"]
    table = Table.grid(padding=(0, 2))
    table.add_row("versions", ", ".join(f"{name} {version}" for name, version in facts["versions"].items() if version))
    table.add_row("processor", cpu["name"] + ("" if cpu["host"] == cpu["name"] else f" (on a {cpu['host']})"))
    table.add_row("features", " ".join(cpu["features"]))
    table.add_row("vector lanes", ", ".join(f"{dtype} x {lanes}" for dtype, lanes in facts["lanes"].items()))
    table.add_row("threads", f"{threads['count']}, layer {threads['layer']} of {', '.join(threads['priority'])}")
    table.add_row("cache", f"{cache['directory']}, {cache['nbytes']:,} bytes")
    roots = facts["square_roots"] or {"jk.sqrt": "not used here yet: its first call measures"}
    for number, (dtype, how) in enumerate(roots.items()):
        table.add_row("" if number else "square roots", f"{dtype}: {how}")
    twice = "mapped twice" if rings["mirror_refusal"] is None else f"written twice ({rings['mirror_refusal']})"
    calls = "machine code" if rings["machine_code"] else "Python code, as this Python makes classes in another way"
    table.add_row("rings", f"windows are {twice}, calls from Python are {calls}")
    for number, off in enumerate(facts["switched_off"]):
        remedy = f" ({off['remedy']})" if off["remedy"] else ""
        table.add_row("" if number else "switched off", f"{off['what']}: {off['why']}{remedy}")
    return table


def switched_off() -> list[dict[str, str]]:
    """What jitkit could do but does not on this installation: what, why, and the remedy ("" where there is none)."""
    found = []
    if not numba_cache.is_known():
        found.append(("disk cache", f"numba {numba.__version__} is not known", "install a version that is"))
    if numba.config.DISABLE_JIT:
        found.append(("compiler", "NUMBA_DISABLE_JIT: kernels run as plain Python", "unset NUMBA_DISABLE_JIT"))
    if numba.config.OPT < 3:
        found.append(("optimisation", f"NUMBA_OPT={int(numba.config.OPT)}", "unset NUMBA_OPT"))
    if numba.config.BOUNDSCHECK:
        found.append(("full speed", "NUMBA_BOUNDSCHECK: kernels check every index", "unset NUMBA_BOUNDSCHECK"))
    if hidden := sorted(cpu.host().features - cpu.target().features):
        cause = [name for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX") if name in os.environ]
        found.append(("CPU features", f"{', '.join(cause)}: no {', '.join(hidden)}", f"unset {' '.join(cause)}"))
    for package, extra in extras.EXTRAS.items():
        if extras.installed_version(package) is None:
            found.append((extra.brings, f"{package} is not installed", extras.install_command(package)))
    if problem := hooks.cache().store.problem:
        found.append(("disk cache", problem, "set JITKIT_CACHE_DIR"))
    return [dict(zip(("what", "why", "remedy"), entry, strict=True)) for entry in found]
