"""What the figures were measured on and with: never a name of the machine or of its user."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import process_time

from llvmlite import binding as llvm

from jitkit._core.clocks import fine

PACKAGES = ("jitkit", "numpy", "numba", "llvmlite", "construct", "kaitaistruct", "ccsdspy", "space_packet_parser")


def describe(packages: Sequence[str] = PACKAGES) -> dict[str, object]:
    """Processor, system and versions of packages, for the JSON file."""
    features = llvm.get_host_cpu_features()
    return {
        "processor": _processor_model(),
        "processor_type": llvm.get_host_cpu_name(),
        "cpus": os.cpu_count(),
        "widest_vectors": 512 if features.get("avx512f") else 256 if features.get("avx2") else 128,
        "system": f"{platform.system()} {platform.machine()}",
        "huge_pages": _huge_pages(),
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
    }


def heading(host: dict[str, object], rounds: Sequence[int]) -> list[str]:
    """The lines above the printed table; `rounds` of each comparison."""
    processor = f"{host['processor']} ({host['processor_type']})"
    versions = ", ".join(f"{name} {version or 'absent'}" for name, version in host["packages"].items())
    lines = [
        f"{host['date']}. {processor}, {host['cpus']} CPUs, vectors of {host['widest_vectors']} bits.",
        f"{host['system']}, huge pages: {host['huge_pages']}. Python {host['python']}, {versions}.",
    ]
    if rounds:
        lines.append(f"Best {_clock()} of {min(rounds)} to {max(rounds)} rounds, all sides by turns, answers equal.")
    return lines


def lacks(host: dict[str, object]) -> list[str]:
    """What this host has not, and which figures suffer from it."""
    missing = []
    if host["widest_vectors"] < 256:
        missing.append("No vectors of 256 bits here: NumPy and jitkit both scale more slowly than elsewhere.")
    if host["huge_pages"] == "never":
        missing.append("No huge pages here: fresh arrays cost every side a page fault for each 4 KiB.")
    return missing


def _clock() -> str:
    is_fine = fine(process_time) is process_time
    return "processor time" if is_fine else "time on the wall (the clock of processor time is coarse here)"


def _processor_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown processor"


def _huge_pages() -> str:
    """The kernel's policy: it decides what a fresh page of output costs."""
    try:
        policies = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
    except OSError:
        return "unknown"
    return policies.partition("[")[2].partition("]")[0]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
