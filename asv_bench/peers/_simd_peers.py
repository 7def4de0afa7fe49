"""Questions about `jk.sqrt` against what else people take roots with: one thread each, into an array that exists."""

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from _simd_bench import KI, KINDS, Bench, check_bits, check_sides, numbers, room, size
from _simd_compilers import GCC, LackingError, Library, by_gcc, by_rust
from _simd_level import by_level
from _table import Row
from _timing import Call

import jitkit as jk

MakeCall = Callable[[np.ndarray, np.ndarray], Call]
AGAINST_PYTHON = {"f32": 150.0, "f64": 70.0}


def peers(bench: Bench) -> Iterator[Row]:
    """Compiled loops as they are usually written."""
    made: dict[str, MakeCall] = {}
    for name, make in PEERS.items():
        try:
            made[name] = make(bench)
        except LackingError as lacking:
            yield Row(against=name, work="f64 and f32", why_not_measured=str(lacking))
    for kind, dtype in KINDS.items():
        for count in (16 * KI,) if bench.quick else (KI, 16 * KI, 256 * KI):
            x, out, work = numbers(count, dtype), room(count, dtype), f"{kind}, {size(count)}"
            sides = {"jitkit": partial(jk.sqrt, x, out=out)} | {name: call(x, out) for name, call in made.items()}
            check_sides(work, sides, out)
            best = bench.best(sides)
            for name in made:
                yield Row(against=name, work=work, theirs=best[name], jitkit=best["jitkit"])


def python(bench: Bench) -> Iterator[Row]:
    """A list of Python's own numbers."""
    count = 16 * KI
    for kind, dtype in KINDS.items():
        x, out, work = numbers(count, dtype), room(count, dtype), f"{kind}, {size(count)}"
        theirs, ours = partial(_roots_of_list, x.tolist()), partial(jk.sqrt, x, out=out)
        check_bits(f"pure Python, {work}", np.array(theirs()).astype(dtype), ours())
        best = bench.best({"python": theirs, "jitkit": ours})
        yield Row(
            against="pure Python",
            work=f"{work}, a list by math.sqrt",
            theirs=best["python"],
            jitkit=best["jitkit"],
            at_least=by_level(AGAINST_PYTHON[kind]),
        )


def _roots_of_list(items: list[float], root: Callable[[float], float] = math.sqrt) -> list[float]:
    return [root(item) for item in items]


def _numba(_: Bench) -> MakeCall:
    from numba import njit

    @njit
    def loop(x, out):
        for i in range(x.size):
            out[i] = math.sqrt(x[i])

    return lambda x, out: partial(loop, x, out)


def _numexpr(_: Bench) -> MakeCall:
    try:
        import numexpr
    except ImportError:
        raise LackingError("not installed: pip install 'jitkit[peers]'") from None
    numexpr.set_num_threads(1)
    return lambda x, out: partial(numexpr.evaluate, "sqrt(x)", local_dict={"x": x}, out=out)


def _gcc(bench: Bench) -> MakeCall:
    return _noted(bench, by_gcc(bench.scratch))


def _rust(bench: Bench) -> MakeCall:
    return _noted(bench, by_rust(bench.scratch))


def _noted(bench: Bench, library: Library) -> MakeCall:
    bench.notes.append(f"{library.compiler}.")
    return library.call


PEERS: dict[str, Callable[[Bench], MakeCall]] = {
    "numba @njit, a loop": _numba,
    "numexpr": _numexpr,
    " ".join(GCC[:3]): _gcc,
    "Rust, target-cpu=native": _rust,
}
