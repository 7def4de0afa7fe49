"""Questions about waiting: lookups, first calls, and starts that do without numba."""

import shutil
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import numpy as np
from _cache_calls import KERNELS, arrays
from _cache_rebuild import NUMBA
from _cache_sides import CHILD, Bench, Side, best, check
from _jpss import NUMPY_DTYPE, numpy_fresh
from _table import Row

EXPORTED = "statistics.location", "float64(float64[::1], float64)"
BY_CTYPES = """
import array, ctypes, sys
library, file, tolerance = sys.argv[1:]
numbers = array.array("d")
with open(file, "rb") as stream:
    numbers.frombytes(stream.read())
kernel, out = ctypes.CDLL(library).kernel, ctypes.c_double()
kernel.argtypes = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
status = kernel(ctypes.addressof(out), numbers.buffer_info()[0], len(numbers), float(tolerance))
print(out.value if status == 0 else f"status {status}", flush=True)
"""


def fingerprints(bench: Bench) -> Iterator[Row]:
    """What it costs to know all that a kernel is made of."""
    side = bench.sides[1]
    side.restore()
    rounds = [side.run("fingerprint", 3 if bench.quick else 30) for _ in range(bench.rounds)]
    for what, title in (("again", "a warm process"), ("first", "its first time in a process")):
        yield Row(
            against="lookup",
            work=f"fingerprint of a kernel, mean of {len(KERNELS)}, {title}",
            jitkit=best(rounds, what),
            at_most=0.5e-3,
        )


def first_calls(bench: Bench) -> Iterator[Row]:
    """The longest that a program waits for a kernel."""
    theirs, ours = bench.sides
    ours.restore()
    manifest = bench.scratch / "kernels.json"
    ours.run("record", manifest)

    def cold() -> Any:
        theirs.restore()
        theirs.empty_caches()
        return theirs.run("calls")

    cold_rounds, rounds = bench.by_turns(cold, lambda: ours.run("preload", manifest))
    for one in (*cold_rounds, *rounds):
        check("first calls", one["answers"], bench.right)
    for one in rounds:
        if one["preloaded"] != len(KERNELS) or one["compiles"]:
            raise SystemExit(f"expected {len(KERNELS)} kernels from the manifest, got {one['preload']}")
    yield Row(
        against="numba, cold",
        work=f"worst first call after preload, {len(KERNELS)} kernels",
        theirs=best(cold_rounds, "longest"),
        jitkit=best(rounds, "longest"),
        at_least=10.0,
    )


def exported(bench: Bench) -> Iterator[Row]:
    """A library for programs without Python, from Python: wall time of whole processes until the answer is there."""
    theirs, ours = bench.sides
    work, against = "exported kernel, by ctypes without numba, wall", f"{NUMBA}, warm"
    if why := _no_compiler():
        yield Row(against=against, work=work, at_least=10.0, why_not_measured=why)
        return
    for side in bench.sides:
        side.restore()
    kernel, signature = EXPORTED
    library, file = bench.scratch / "libkernel.so", bench.scratch / "numbers.bin"
    file.write_bytes(arrays()["y"].tobytes())
    right = bench.right[kernel][0]
    ours.run("export", kernel, signature, library)
    seconds = bench.by_turns(
        lambda: _until_answer(theirs, right, CHILD, "one", kernel),
        lambda: _until_answer(ours, right, "-c", BY_CTYPES, library, file, 1e-9),
    )
    yield Row(against=against, work=work, theirs=min(seconds[0]), jitkit=min(seconds[1]), at_least=10.0)


def _no_compiler() -> str:
    from jitkit.cache._export import _linker
    from jitkit.errors import JitkitError

    try:
        _linker()
    except JitkitError:
        return "not measured: needs a C compiler"
    return ""


def _until_answer(side: Side, right: float, *command: object) -> float:
    start = time.perf_counter()
    process = side.start(*command)
    with process:
        printed = process.stdout.readline()
        seconds = time.perf_counter() - start
    try:
        answer = float(printed)
    except ValueError:
        got = f"{printed!r} and status {process.returncode}"
        raise SystemExit(f"{side.name}: expected the answer {right}, got {got}") from None
    if not np.isclose(answer, right, rtol=1e-9):
        raise SystemExit(f"{side.name}: expected the answer {right}, got {answer}")
    return seconds


def decoding(bench: Bench) -> Iterator[Row]:
    """From nothing to the columns of a file, by machine code of an earlier process: numba is not loaded."""
    side = bench.new_side("jitkit")
    decode: Callable[[], Any] = lambda: side.run("decode", bench.packets)  # noqa: E731
    decode()  # the one that compiles
    bare, ours = bench.by_turns(lambda: side.run("numpy"), decode)
    packets = np.frombuffer(bench.packets.read_bytes(), NUMPY_DTYPE)
    right = {name: sha256(column.tobytes()).hexdigest() for name, column in numpy_fresh(packets).items()}
    for one in ours:
        if one["digests"] != right:
            raise SystemExit("decoding: expected the columns that NumPy gives, got others")
        if one["numba"]:
            raise SystemExit("decoding: expected numba not to be loaded, got it in sys.modules")
    yield Row(
        against="import numpy",
        work="new process, warm: import jitkit and decode the JPSS file, beyond a bare import of NumPy",
        jitkit=max(0.0, best(ours) - best(bare)),
        at_most=0.2,
    )
    shutil.rmtree(side.folder)
