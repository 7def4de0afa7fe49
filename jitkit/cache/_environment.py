"""What all kernels of a process share that machine code depends on: processor, versions, settings."""

from __future__ import annotations

import hashlib
import platform
import sys
from functools import cache
from pathlib import Path

import jitkit._core as core
from jitkit._core.extras import installed_version

PACKAGES = ("numba", "llvmlite", "numpy")

# Settings of numba's that change the code it makes (numba's Environment Variables, and `numba.core.config`).
SETTINGS = (
    "BOUNDSCHECK", "DEBUG", "DEBUGINFO_DEFAULT", "DEBUG_ARRAY_OPT_RUNTIME", "DEBUG_JIT", "DEBUG_NRT",
    "DISABLE_INTEL_SVML", "ENABLE_AVX", "ENABLE_PROFILING", "ENABLE_SYS_MONITORING", "EXTEND_VARIABLE_LIFETIMES",
    "LLVM_REFPRUNE_FLAGS", "LLVM_REFPRUNE_PASS", "LOOP_VECTORIZE", "NRT_STATS", "OPT", "PARFOR_MAX_TUPLE_SIZE",
    "SLP_VECTORIZE",
)  # fmt: skip


def environment() -> dict[str, str]:
    """Everything, by names that people understand. Settings may change while a process runs: asked anew each time."""
    from jitkit._core import cpu  # loads LLVM

    config = sys.modules["numba"].config
    name, flags = cpu.settled()
    return loaded_versions() | {
        "CPU": name,
        "CPU features": flags,
        **{f"NUMBA_{setting}": repr(getattr(config, setting, None)) for setting in SETTINGS},
    }


@cache
def versions() -> dict[str, str]:
    """Return the versions of all that compiles, without loading any of it."""
    return {
        "platform": f"{sys.platform} {platform.machine()}",
        "Python": f"{sys.version} {sys.implementation.cache_tag}",
        **{package: str(installed_version(package)) for package in PACKAGES},
        "jitkit": sources_digest(),
    }


@cache
def loaded_versions() -> dict[str, str]:
    """The same where all of that is loaded: asking a module is quicker than looking for its metadata."""
    return {
        "platform": f"{sys.platform} {platform.machine()}",
        "Python": f"{sys.version} {sys.implementation.cache_tag}",
        **{package: sys.modules[package].__version__ for package in PACKAGES},
        "jitkit": sources_digest(),
    }


def sources_digest() -> str:
    """Digest of jitkit's own sources: a version says too little while it is developed."""
    package = Path(core.__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
