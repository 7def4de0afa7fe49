"""The processor that kernels are compiled for, asked of LLVM.

Environment strings do not tell it: `NUMBA_CPU_NAME` alone leaves the host's features on, a processor's name implies
features that no string lists, and a flag can switch on what another one switched off. What the code generator does
with a given name and flags is the only answer that cannot be wrong.
"""

import os
import re
import sys
from functools import cache
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import DTypeLike


class Processor(NamedTuple):
    """A processor's name and features, both as LLVM spells them."""

    name: str
    features: frozenset[str]


class Level(NamedTuple):
    """A CPU level that the tests run at, on any host that can."""

    flags: str  # never empty: Windows and some CI systems drop an empty variable, and then the host's features are on
    needs: frozenset[str]  # what code of this level may use, beyond the baseline of its architecture


# x86-64, x86-64-v2 and x86-64-v3 of the x86-64 psABI, section 3.1.1. The flags switch off the first thing that the
# level lacks, and with it all that builds on it; the processor's name implies what the level has.
LEVELS = {
    "generic": Level("-sse3", frozenset()),
    "nehalem": Level("-avx", frozenset({"popcnt", "sse4.2"})),
    "haswell": Level("-avx512f", frozenset({"avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"})),
}


# Environment variables of numba's that choose another processor than the host's, or less of it.
SETTINGS = frozenset({"NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX"})


@cache
def target() -> Processor:
    """The processor that numba compiles for in this process: the host, unless the environment names another."""
    name, flags = settled()
    if flags == _host_flags():  # the usual case: no need to spend 0.3 s on a probe
        return Processor(name, host().features)
    return Processor(name, _probe_features(name, flags) | (host().features & _NOT_COMPARED))


def settled() -> tuple[str, str]:
    """Name and flags that numba compiles with in this process; numba is loaded only if it may not be the host's.

    Flags are LLVM's: ``+avx2,-avx512f``.
    """
    if "numba" in sys.modules or SETTINGS & os.environ.keys():
        import numba  # noqa: F401 (as a whole first: threads that load its parts at the same time stop each other)
        from numba.core.registry import cpu_target

        _, name, flags = cpu_target.target_context.codegen().magic_tuple()
        return str(name), str(flags)
    return llvm.get_host_cpu_name(), _host_flags()


@cache
def host() -> Processor:
    """The processor that this process runs on, whatever the environment says."""
    return Processor(llvm.get_host_cpu_name(), frozenset(name for name, on in _host_features().items() if on))


def lanes(dtype: DTypeLike) -> int:
    """How many values of a dtype the target's widest vector register holds.

    Parameters
    ----------
    dtype : dtype-like
        Boolean, integer or float, of 1 to 8 bytes.

    Returns
    -------
    int
        A power of two; 1 where the target has no vectors.

    Raises
    ------
    TypeError
        If `dtype` is anything else.
    """
    dtype = np.dtype(dtype)
    return max(1, vector_bytes(dtype) // dtype.itemsize)


def vector_bytes(dtype: DTypeLike) -> int:
    """Width in bytes of the vector register that the target does arithmetic on a dtype in; 0 where there is none.

    It depends on the dtype: AVX has 32 bytes for floats but 16 for integers.
    """
    dtype = np.dtype(dtype)
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise TypeError(f"expected a boolean, integer or float dtype of 1 to 8 bytes, got {dtype}")
    # A float16 counts as a 16-bit word, which it is when it is moved: few targets have arithmetic for it.
    lane = {"f4": "float", "f8": "double"}.get(dtype.str[1:], f"i{8 * dtype.itemsize}")
    return _probe_width("fadd" if lane in ("float", "double") else "add", f"<{64 // dtype.itemsize} x {lane}>")


def level_environment(level: str) -> dict[str, str]:
    """The environment variables that make numba compile for a CPU level of `LEVELS` in a new process."""
    if level not in LEVELS:
        raise ValueError(f"expected a CPU level of {', '.join(LEVELS)}, got {level!r}")
    return {"NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": LEVELS[level].flags}


def runs_here(level: str) -> bool:
    """Whether this host has what code of a CPU level of `LEVELS` may use."""
    return llvm.get_process_triple().startswith("x86_64") and LEVELS[level].needs <= host().features


@cache
def _host_features() -> Any:
    try:
        return llvm.get_host_cpu_features()
    except RuntimeError:  # LLVM does not know this host's features; numba then compiles with none either
        return llvm.FeatureMap()


def _host_flags() -> str:
    return str(_host_features().flatten())


def _machine(name: str, flags: str) -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(cpu=name, features=flags, opt=3)


# LLVM leaves these out when it compares two functions' features: every target would seem to have them.
_NOT_COMPARED = frozenset({"64bit", "cx16", "sahf"})


def _probe_features(name: str, flags: str) -> frozenset[str]:
    """Features of a processor by name and flags: LLVM has no question for it, but its inliner knows.

    A function is inlined into its caller only if the caller has all of its features. So each feature gets a function
    that leaves a mark, one caller for the processor in question calls them all, and the marks it ends up with are
    the processor's features.
    """
    known = sorted(_host_features().keys() - _NOT_COMPARED)
    marks = (
        f"define internal void @mark{i}(ptr %p) #{i} {{\n  store volatile i32 {i}, ptr %p\n  ret void\n}}\n"
        f'attributes #{i} = {{ "target-cpu"="generic" "target-features"="+{feature}" }}\n'
        for i, feature in enumerate(known)
    )
    calls = "".join(f"  call void @mark{i}(ptr %p)\n" for i in range(len(known)))
    caller = (
        f"define void @caller(ptr %p) #{len(known)} {{\n{calls}  ret void\n}}\n"
        f'attributes #{len(known)} = {{ "target-cpu"="{name}" "target-features"="{flags}" }}\n'
    )
    module = llvm.parse_assembly("".join(marks) + caller)
    passes = llvm.create_pass_builder(_machine(name, flags), llvm.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    inlined = re.findall(r"store volatile i32 (\d+)", str(module.get_function("caller")))
    return frozenset(known[int(i)] for i in inlined)


@cache
def _probe_width(operation: str, vector: str) -> int:
    """Bytes of the register in which LLVM does one operation on a 64-byte vector, read off the assembly."""
    name, flags = settled()
    machine = _machine(name, flags)
    module = llvm.parse_assembly(
        "define void @probe(ptr %a, ptr %b) {\n"
        f"  %x = load {vector}, ptr %a, align 1\n"
        f"  %y = load {vector}, ptr %b, align 1\n"
        f"  %z = {operation} {vector} %x, %y\n"
        f"  store {vector} %z, ptr %a, align 1\n"
        "  ret void\n}\n"
    )
    module.data_layout = str(machine.target_data)
    return register_bytes(machine.emit_assembly(module))


def register_bytes(assembly: str) -> int:
    """Width in bytes of the widest vector register that a piece of x86 or ARM assembly names; 0 if it names none."""
    for width, register in ((64, r"\bzmm\d"), (32, r"\bymm\d"), (16, r"\b(xmm|[qv])\d")):
        if re.search(register, assembly):
            return width
    return 0
