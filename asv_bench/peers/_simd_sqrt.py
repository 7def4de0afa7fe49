"""Questions about `jk.sqrt` against `np.sqrt`: sizes, zeros, strides, matrices, threads."""

import os
from collections.abc import Iterator
from functools import partial
from time import perf_counter

import numpy as np
from _simd_bench import KI, KINDS, MI, Bench, check_sides, numbers, room, roots, size
from _simd_level import SIZES, by_level, wanted
from _table import Row
from _timing import Timer

import jitkit as jk

SHARES_OF_ZEROS = (0.001, 0.01, 0.1, 0.5, 1.0)
WITH_THREADS = {64 * KI: 3.5, 256 * KI: 2.5}


def sizes(bench: Bench) -> Iterator[Row]:
    """Ordinary numbers, contiguous on both sides, from one to more than caches hold."""
    for kind, dtype in KINDS.items():
        for count in SIZES:
            if bench.quick and count > MI:
                continue
            yield roots(bench, f"{kind}, {size(count)}", numbers(count, dtype), at_least=wanted(kind, count))


def zeros(bench: Bench) -> Iterator[Row]:
    """Zeros among the numbers, which must not be multiplied with."""
    for kind, dtype in KINDS.items():
        for count in (16 * KI,) if bench.quick else (16 * KI, 64 * KI):
            for share in SHARES_OF_ZEROS:
                x = numbers(count, dtype)
                x[np.random.default_rng(11).random(count) < share] = 0.0
                yield roots(bench, f"{kind}, {size(count)}, {100 * share:g} % zeros", x, at_least=by_level(1.05))


def strides(bench: Bench) -> Iterator[Row]:
    """Inputs that are not contiguous."""
    count = 16 * KI
    for kind, dtype in KINDS.items():
        views = {
            "every second item": numbers(2 * count, dtype)[::2],
            "from the end": numbers(count, dtype)[::-1],
            "a column of 8": numbers(8 * count, dtype).reshape(count, 8)[:, 3],
        }
        for title, x in views.items():
            yield roots(bench, f"{kind}, {size(count)}, {title}", x, at_least=by_level(0.92, 0.92))


def matrices(bench: Bench) -> Iterator[Row]:
    """Whole matrices that are not contiguous: NumPy hands ufuncs one row at a time, or copies to a buffer first."""
    for kind, dtype in KINDS.items():
        matrix, wide = (numbers(512 * columns, dtype).reshape(512, columns) for columns in (512, 1024))
        for title, x in (("m.T", matrix.T), ("m[:, ::2]", wide[:, ::2])):
            yield roots(bench, f"{kind}, 512 x 512, {title}", x, at_least=None)


def threads(bench: Bench) -> Iterator[Row]:
    """Two threads against NumPy's one: time on the wall."""
    if not hasattr(jk, "threads"):
        reason = "not measured: this jitkit has no jk.threads"
    elif len(bench.cpus) < 2:
        reason = "not measured: needs two CPUs"
    else:
        reason = ""
    for count, figure in WITH_THREADS.items():
        work, at_least = f"f64, {size(count)}, two threads, wall", by_level(figure)
        if reason:
            yield Row(against="np.sqrt", work=work, at_least=at_least, why_not_measured=reason)
        else:
            yield _two_threads(bench, work, count, at_least)


def _two_threads(bench: Bench, work: str, count: int, at_least: float | None) -> Row:
    x, out = numbers(count, KINDS["f64"]), room(count, KINDS["f64"])
    sides = {"np.sqrt": partial(np.sqrt, x, out=out), "jitkit": partial(jk.sqrt, x, out=out)}
    one = os.sched_getaffinity(0)
    os.sched_setaffinity(0, bench.cpus)  # before the threads begin: they inherit it
    try:
        with jk.threads(2):
            check_sides(work, sides, out)
            best = Timer(quick=bench.quick, turn=bench.turn, clock=perf_counter, rounds=bench.rounds).best(sides)
    finally:
        os.sched_setaffinity(0, one)
    return Row(against="np.sqrt", work=work, theirs=best["np.sqrt"], jitkit=best["jitkit"], at_least=at_least)
