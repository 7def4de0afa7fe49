"""Is jk.sqrt right? Every float32 number, and every float64 number whose root is hard to round, against np.sqrt.

    python asv_bench/proofs/sqrt.py                  # for this host, as numba compiles for it
    python asv_bench/proofs/sqrt.py host haswell > asv_bench/results/sqrt-exhaustive.md     # and for a CPU level

It takes less than a minute for each on one core, and ends with status 1 if a bit differs.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jitkit._core import cpu
from jitkit.simd._sqrt_choice import ALWAYS, make_sqrt
from jitkit.simd._sqrt_kernels import group_of
from jitkit.simd._sqrt_numbers import near_halfway

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import _host

BLOCK = 1 << 16
SCRAMBLE = 0x9E37_79B1  # odd, so that multiples modulo 2^32 are all numbers, in an order that mixes all exponents
FARTHEST = 20_000  # of near ties, in which k goes from -FARTHEST to FARTHEST
EXPONENTS = {
    "f": (-126, -80, -78, -40, -20, -2, 0, 2, 20, 40, 80, 100, 124),
    "d": (-1020, -900, -898, -600, -300, -120, -118, -2, 0, 2, 118, 500, 1020),
}
WAYS = {
    "multiplied where the processor can": make_sqrt({"f": ALWAYS, "d": ALWAYS}),
    "by the divider alone": make_sqrt({}),
}


class Row(NamedTuple):
    """What was compared, in one way of taking roots."""

    what: str
    way: str
    count: int
    wrong: int


def differences(function: np.ufunc, x: np.ndarray, expected: np.ndarray, out: np.ndarray) -> int:
    """How many results differ in a bit, that of NaN too."""
    function(x, out)
    words = f"u{x.itemsize}"
    return int(np.count_nonzero(out.view(words) != expected.view(words)))


def all_single_numbers(scrambled: bool) -> Iterator[Row]:
    """All 2^32 patterns, block by block."""
    numbers = np.arange(BLOCK, dtype=np.uint32)
    expected, out = np.empty(BLOCK, "f"), np.empty(BLOCK, "f")
    wrong = dict.fromkeys(WAYS, 0)
    for start in range(0, 1 << 32, BLOCK):
        x = numbers + np.uint32(start)
        if scrambled:
            x *= np.uint32(SCRAMBLE)
        np.sqrt(x.view("f"), expected)
        for way, function in WAYS.items():
            wrong[way] += differences(function, x.view("f"), expected, out)
    order = "with all exponents mixed" if scrambled else "in their order"
    for way, count in wrong.items():
        yield Row(f"float32: all patterns, {order}", way, 1 << 32, count)


def mixes(x: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Numbers as they are, in another order, and among zeros, NaN and infinities, negatives and subnormal ones."""
    yield x
    yield rng.permutation(x)
    yield np.insert(x, np.arange(0, x.size, 3), 0)
    yield np.insert(np.insert(x, np.arange(0, x.size, 7), np.nan), np.arange(3, x.size, 11), np.inf)
    with_negatives = np.insert(x, np.arange(0, x.size, 13), -1)
    yield np.insert(with_negatives, np.arange(0, x.size, 17), np.finfo(x.dtype).smallest_subnormal)


def near_ties(letter: str) -> Iterator[Row]:
    """All numbers with |k| up to FARTHEST, at many exponents, from each of several starts."""
    rng = np.random.default_rng(0)
    near = near_halfway(letter, range(-FARTHEST, FARTHEST + 1, 2))
    count, wrong = 0, dict.fromkeys(WAYS, 0)
    for power in EXPONENTS[letter]:
        for mixed in mixes(np.ldexp(near, power), rng):
            for start in range(3):
                x = mixed[start:]
                count += x.size
                for way, function in WAYS.items():
                    wrong[way] += differences(function, x, np.sqrt(x), np.empty_like(x))
    name = np.dtype(letter).name
    for way, number in wrong.items():
        yield Row(f"{name}: {near.size:,} near ties, {len(EXPONENTS[letter])} exponents, mixed", way, count, number)


def other_double_numbers() -> Iterator[Row]:
    """Squares and their neighbours, and bits at random."""
    rng = np.random.default_rng(1)
    count, wrong = 0, dict.fromkeys(WAYS, 0)
    squares = [rng.integers(1 << 25, 1 << 26, 1 << 20).astype(float) ** 2, (rng.random(1 << 20) + 1) ** 2]
    cases = [(square.view(np.int64) + ulps).view(float) for square in squares for ulps in range(-3, 4)]
    cases += [rng.integers(0, 1 << 64, 1 << 20, dtype=np.uint64).view(float) for _ in range(20)]
    cases += [rng.random(1 << 20) * 3 + 1 for _ in range(20)]
    for x in cases:
        count += x.size
        for way, function in WAYS.items():
            wrong[way] += differences(function, x, np.sqrt(x), np.empty_like(x))
    for way, number in wrong.items():
        yield Row("float64: squares and 3 neighbours on each side, random bits, random numbers", way, count, number)


def prove() -> int:
    """Compare all, for the processor that numba compiles for in this process."""
    np.seterr(all="ignore")
    start = time.perf_counter()
    x = np.arange(1.0, 9.0)
    assert differences(np.cbrt, x, np.sqrt(x), np.empty(8)) == 7  # of 1 both roots are the same
    rows = [
        *all_single_numbers(scrambled=False), *all_single_numbers(scrambled=True), *near_ties("f"), *near_ties("d"),
        *other_double_numbers(),
    ]  # fmt: skip
    host = _host.describe(("jitkit", "numpy", "numba", "llvmlite"))
    versions = ", ".join(f"{name} {version}" for name, version in host["packages"].items())
    print(f"\n## {host['processor']}, compiled for {cpu.target().name}\n")
    print(f"{host['date']}. Python {host['python']}, {versions}. {time.perf_counter() - start:.0f} s on one core.\n")
    for letter in "fd":
        group = group_of(letter)
        if group is None:
            told = "all roots come from the divider"
        else:
            vectors = f"{group.soft + group.hard} {group.vector.name}"
            told = f"of {vectors}, {group.soft} are multiplied and {group.hard} divided"
        print(f"- {np.dtype(letter).name}: {told}")
    print("\n| numbers | roots | compared with np.sqrt | other bits |\n| --- | --- | ---: | ---: |")
    for row in rows:
        print(f"| {row.what} | {row.way} | {row.count:,} | {row.wrong:,} |")
    return 1 if any(row.wrong for row in rows) else 0


def main(levels: list[str]) -> int:
    """Do so in this process, or in one for each CPU level."""
    if not levels:
        return prove()
    print("# Every bit of jk.sqrt\n")
    print(f"As `python asv_bench/proofs/sqrt.py {' '.join(levels)}` printed it.", flush=True)
    status = 0
    for level in levels:
        environment = {name: value for name, value in os.environ.items() if name not in cpu.SETTINGS}
        if level != "host":
            environment |= cpu.level_environment(level)
        status |= subprocess.run([sys.executable, __file__], env=environment).returncode
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
