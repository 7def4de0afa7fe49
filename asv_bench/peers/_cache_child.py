"""One fresh process of a question about the cache: does its work, and prints what it saw as JSON.

    python _cache_child.py calls KERNEL ...        # of the project in the current directory
    python _cache_child.py plain                   # the same in plain Python: the right answers
    python _cache_child.py record MANIFEST
    python _cache_child.py preload MANIFEST
    python _cache_child.py fingerprint PASSES
    python _cache_child.py export KERNEL SIGNATURE LIBRARY
    python _cache_child.py one KERNEL              # its answer as soon as it is there, and nothing else
    python _cache_child.py decode FILE
    python _cache_child.py numpy

The clock is the processor time of this process.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

PROJECT = "project"


def calls(*kernels: str) -> dict[str, Any]:
    """From numba being there to the last answer: imports of the project and of what it needs, lookups, compilation."""
    import numba  # noqa: F401
    from _cache_calls import KERNELS
    from _cache_calls import calls as prepared

    answers, waits = {}, []
    named = kernels or KERNELS
    start = process_time()
    for name, (kernel, arguments) in zip(named, prepared(PROJECT, named), strict=True):
        called = process_time()
        answers[name] = kernel(*arguments)
        waits.append(process_time() - called)
    seconds = process_time() - start
    return {"seconds": seconds, "longest": max(waits), "answers": flat(answers), "compiles": compiles(named)}


def plain() -> dict[str, Any]:
    from _cache_calls import KERNELS
    from _cache_calls import calls as prepared

    done = [kernel(*arguments) for kernel, arguments in prepared(PROJECT)]
    return {"answers": flat(dict(zip(KERNELS, done, strict=True)))}


def record(manifest: str) -> dict[str, Any]:
    import jitkit as jk

    with jk.cache.record(manifest):
        return calls()


def preload(manifest: str) -> dict[str, Any]:
    import jitkit as jk

    done = jk.cache.preload(manifest)
    return calls() | {"preloaded": done.loaded, "preload": str(done)}


def fingerprint(passes: str) -> dict[str, Any]:
    """Mean seconds for a kernel, best of the passes: the first time in a process, and again."""
    from _cache_calls import calls as prepared

    from jitkit.cache._code import code_of
    from jitkit.cache._fingerprint import fingerprint as take

    kernels = [kernel for kernel, arguments in prepared(PROJECT) if kernel(*arguments) is not None]
    first, again = [], []
    for _ in range(int(passes)):
        code_of.cache_clear()
        for times in (first, again):
            start = process_time()
            for kernel in kernels:
                take(kernel)
            times.append((process_time() - start) / len(kernels))
    return {"first": min(first), "again": min(again)}


def export(kernel: str, signature: str, library: str) -> dict[str, Any]:
    from _cache_calls import calls as prepared

    import jitkit as jk

    ((function, arguments),) = prepared(PROJECT, (kernel,))
    jk.cache.export(function, signature, library, name="kernel")
    return {"answer": function(*arguments)}


def one(kernel: str) -> float:
    import numba  # noqa: F401
    from _cache_calls import calls as prepared

    ((function, arguments),) = prepared(PROJECT, (kernel,))
    return float(function(*arguments))


def decode(file: str) -> dict[str, Any]:
    """Whole time of this process, the start of Python included."""
    from _jpss import record_class

    columns = record_class().columns(Path(file).read_bytes())
    decoded = {name: columns[name] for name in columns}
    seconds = process_time()
    from hashlib import sha256

    digests = {name: sha256(column.tobytes()).hexdigest() for name, column in decoded.items()}
    return {"seconds": seconds, "numba": "numba" in sys.modules, "digests": digests}


def numpy() -> dict[str, Any]:
    import numpy as np  # noqa: F401

    return {"seconds": process_time()}


def compiles(named: Iterable[str]) -> int:
    """Signatures that this process compiled: numba's own count, or jitkit's."""
    if "jitkit._core.jit" in sys.modules:  # the package itself is loaded by numba, on which it is installed
        return int(sys.modules["jitkit"].cache.stats().compiles)
    kernels = {
        id(value): value
        for name in named
        for value in vars(sys.modules[f"{PROJECT}.{name.partition('.')[0]}"]).values()
        if hasattr(value, "py_func")
    }
    return sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels.values())


def flat(answers: dict[str, Any]) -> dict[str, list[float]]:
    """All numbers of each answer, in order."""

    def numbers(value: Any) -> Iterator[float]:
        if isinstance(value, tuple):
            for item in value:
                yield from numbers(item)
        else:
            yield from map(float, value) if hasattr(value, "__len__") else (float(value),)

    return {name: list(numbers(value)) for name, value in answers.items()}


WORKS = {work.__name__: work for work in (calls, plain, record, preload, fingerprint, export, one, decode, numpy)}

if __name__ == "__main__":
    sys.path.insert(0, "")  # where the project is
    print(json.dumps(WORKS[sys.argv[1]](*sys.argv[2:])), flush=True)
