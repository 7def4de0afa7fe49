"""Vectors: NumPy's square roots in less time, bit by bit the same, and a search that no compiler would vectorise.

Run it as ``python -m jitkit.demos.sqrt``.
"""

import inspect
import sys
import textwrap
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rich.console import Console

import jitkit as jk
from jitkit import simd
from jitkit.demos import _peers, _roots, _tables
from jitkit.demos._timing import Kernel

COUNT = 65_536  # roots to be timed: the second cache holds them
TEXT = 1_000_000  # bytes to be searched


@jk.jit
def first_control(text: npt.NDArray[np.uint8]) -> int:
    """Return where a control character is that ends no line, or -1."""
    kind = simd.u8x64
    i = 0
    while i + kind.lanes <= len(text):
        block = simd.load(kind, text, i)
        found = ((block < 32) & (block != 10)) | (block == 127)
        if simd.any(found):
            return i + simd.first_set(found)
        i += kind.lanes
    rest = simd.first(kind, len(text) - i)
    block = simd.load(kind, text, i, rest)  # never reads past the end
    found = (((block < 32) & (block != 10)) | (block == 127)) & rest
    return i + simd.first_set(found) if simd.any(found) else -1


def make_text(size: int) -> npt.NDArray[np.uint8]:
    """Return lines of a log, with a damaged byte at their end."""
    text = np.resize(np.frombuffer(b"2026-03-01T12:00:00Z pressure 101.325 kPa\n", np.uint8), size)
    text[-1:] = 0x07
    return text


def exactness() -> dict[str, str]:
    """How many bits of the roots of numbers that are hard to round differ from NumPy's."""
    facts = {}
    for title, x in _roots.hard_numbers().items():
        with np.errstate(invalid="ignore"):
            ours, numpy = jk.sqrt(x), np.sqrt(x)
        different = np.count_nonzero(ours.view(np.uint8) != numpy.view(np.uint8))
        facts[title] = f"{x.size:,} roots, {different or 'no'} bytes other than NumPy's"
    return facts


def warned() -> dict[str, str]:
    """What happens to a negative number."""
    facts = {}
    for title, root in (("numpy.sqrt", np.sqrt), ("jitkit.sqrt", jk.sqrt)):
        with warnings.catch_warnings(record=True, action="always") as caught:
            result = root(np.array([4.0, -1.0, np.nan, -0.0]))
        facts[title] = f"{result}, {'; '.join(str(warning.message) for warning in caught)}"
    return facts


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare roots with NumPy's, then show a kernel and what became of it."""
    del arguments  # it takes none
    console = Console(highlight=False, markup=False)
    print(f"jk.sqrt is {jk.sqrt!r}, of type {type(jk.sqrt).__module__}.{type(jk.sqrt).__name__}.\n")
    console.print(_tables.facts("Every bit of it", exactness()))
    console.print(_tables.facts("Square roots of 4, -1, nan and -0", warned()))
    print("A loop that stops early is left scalar by compilers. On vectors it reads:\n")
    print(textwrap.indent(inspect.getsource(first_control), "    "))
    text = make_text(100_000)
    print(f"In {len(text):,} bytes: {first_control(text):,}. Without the damaged one: {first_control(text[:-1])}.\n")
    print(simd.report(first_control), end="\n\n")
    return 0


def kernels() -> list[Kernel]:
    """Roots of both types, and the search."""
    return [roots("float64"), roots("float32"), search()]


def roots(dtype: str) -> Kernel:
    """Square roots into an array that exists."""
    x = np.random.default_rng(7).uniform(0.01, 100.0, COUNT).astype(dtype)
    out, part = np.zeros_like(x), x[: COUNT // 8].tolist()
    return Kernel(
        name=f"roots, {dtype}",
        nbytes=x.nbytes,
        jitkit=lambda: jk.sqrt(x, out=out),
        numpy=lambda: np.sqrt(x, out=out),
        python=lambda: _peers.roots_python(part),
        python_part=1 / 8,
    )


def search() -> Kernel:
    """A whole text to look at."""
    text = make_text(TEXT)
    part = bytes(text[-TEXT // 100 :])
    return Kernel(
        name="control character",
        nbytes=len(text),
        jitkit=lambda: first_control(text),
        numpy=lambda: _peers.first_control_numpy(text),
        python=lambda: _peers.first_control_python(part),
        python_part=1 / 100,
    )


if __name__ == "__main__":
    sys.exit(main())
