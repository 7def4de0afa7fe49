"""What the questions about vectors have in common: arrays, proof of equal bits, and a row for each comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from _table import Row
from _timing import Call, Timer

import jitkit as jk

KINDS = {"f64": np.dtype(np.float64), "f32": np.dtype(np.float32)}
KI, MI = 1 << 10, 1 << 20
PAGE = 4096


@dataclass(kw_only=True)
class Bench(Timer):
    """What to measure with and how thoroughly."""

    scratch: Path
    turn: float = 3e-3  # with the 3 ms that do not count, blocks of 6 ms
    cpus: frozenset[int] = frozenset()  # all that may be used, where this process is kept on one
    notes: list[str] = field(default_factory=list)


def numbers(count: int, dtype: np.dtype) -> np.ndarray:
    """Ordinary numbers, always the same, where an allocator would put a large array."""
    x = placed(count, dtype, 16)
    x[:] = np.random.default_rng(7).uniform(0.01, 100.0, count)
    return x


def room(count: int, dtype: np.dtype) -> np.ndarray:
    """An array to write to, whose pages are there."""
    out = placed(count, dtype, PAGE // 2 + 16)  # not at the input's place in its page: stores would seem to hit loads
    out[:] = 0
    return out


def placed(count: int, dtype: np.dtype, offset: int) -> np.ndarray:
    """An array that starts so many bytes behind the start of a page."""
    memory = np.empty(count * dtype.itemsize + PAGE + offset, np.uint8)
    start = -memory.ctypes.data % PAGE + offset
    return memory[start : start + count * dtype.itemsize].view(dtype)


def roots(bench: Bench, work: str, x: np.ndarray, *, at_least: float | None) -> Row:
    """Compare `jk.sqrt` with `np.sqrt` on an array of any strides, into a contiguous one that exists."""
    out = room(x.size, x.dtype).reshape(x.shape)
    sides = {"np.sqrt": partial(np.sqrt, x, out=out), "jitkit": partial(jk.sqrt, x, out=out)}
    check_sides(work, sides, out)
    best = bench.best(sides)
    return Row(against="np.sqrt", work=work, theirs=best["np.sqrt"], jitkit=best["jitkit"], at_least=at_least)


def check_sides(work: str, sides: Mapping[str, Call], out: np.ndarray) -> None:
    """Stop the run where the sides do not write the same bits."""
    answers = {}
    for name, call in sides.items():
        out.fill(-1.0)
        call()
        answers[name] = out.copy()
    (first, expected), *others = answers.items()
    for name, got in others:
        check_bits(f"{work}: {name} against {first}", expected, got)


def check_bits(what: str, expected: np.ndarray, got: np.ndarray) -> None:
    """Stop the run where an array has another dtype, another shape, or another bit anywhere."""
    if (expected.dtype, expected.shape) != (got.dtype, got.shape):
        raise SystemExit(f"{what}: expected {expected.dtype} {expected.shape}, got {got.dtype} {got.shape}")
    expected, got = expected.ravel(), got.ravel()
    words = f"u{expected.dtype.itemsize}"
    differs = expected.view(words) != got.view(words)
    if differs.any():
        at = int(np.argmax(differs))
        raise SystemExit(f"{what}: expected {expected[at]!r}, got {got[at]!r} in item {at}")


def size(count: int) -> str:
    """A number of elements as the table writes it."""
    if count >= MI:
        return f"{count // MI}Mi"
    return f"{count // KI}Ki" if count >= KI else str(count)
