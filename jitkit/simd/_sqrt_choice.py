"""How `jitkit.sqrt` takes roots on this host: measured once, and kept with the compile cache."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from jitkit._core import cpu, hooks
from jitkit._core.native import kernel_object
from jitkit._core.ufunc import Loop, new_ufunc
from jitkit.simd._sqrt_numbers import trial_numbers

LOOPS = {"e": "half", "f": "single", "d": "double"}  # by NumPy's letters: names in `_sqrt_loops`


class Choice(NamedTuple):
    """Numbers of items for which groups of vectors are shared out: from the first on, below the second."""

    start: int
    stop: int

    def __str__(self) -> str:
        if self.start >= self.stop:
            return "by the divider alone"
        most = "" if self.stop == EVER else f" to {self.stop - 1:,}"
        return f"by multiplications and the divider, from {self.start:,}{most} items on"


EVER = 1 << 62
NEVER, ALWAYS = Choice(1, 0), Choice(0, EVER)
SIZES = (64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)  # items that are tried
GAIN = 1.03  # less is noise
SECONDS = 20e-3  # for each number of items
TURN = 50e-6  # of one side
FEWEST_ROUNDS = 5


def make_sqrt(choices: dict[str, Choice], documentation: str = "") -> np.ufunc:
    """Return the ufunc with choices for "f" and "d"; by the divider alone where there is none."""
    loops = []
    for letter, name in LOOPS.items():
        symbol = f"jitkit_sqrt_{letter}"
        code = kernel_object(f"jitkit.simd._sqrt_loops:{name}", 4, symbol)
        loops.append(Loop(letter * 2, symbol, code, choices.get(letter, NEVER)))
    return new_ufunc("sqrt", documentation, "jitkit", loops)


@cache
def choices() -> dict[str, Choice]:
    """What this host is best at, as it was measured once; after a look whether the results are right."""
    made = kept_choices()
    if made is None:
        made = _choose()
        hooks.objects().keep(_key(), "choices of jitkit.sqrt", json.dumps(made).encode())
    return made


def kept_choices() -> dict[str, Choice] | None:
    """The same if it has been measured, or None."""
    kept = hooks.objects().find(_key())
    return None if kept is None else {letter: Choice(*choice) for letter, choice in json.loads(kept).items()}


def _key() -> str:
    key: str = hooks.objects().kernel_key("choices of jitkit.sqrt", *cpu.settled())
    return key


def _choose() -> dict[str, Choice]:
    from jitkit.simd._sqrt_kernels import group_of  # loads numba, which compiling has loaded

    plain, shared = make_sqrt({}), make_sqrt({"f": ALWAYS, "d": ALWAYS})
    with np.errstate(all="ignore"):  # estimates that are wrong may lead to anything
        return {
            letter: NEVER if group_of(letter) is None else best_choice(plain, shared, np.dtype(letter))
            for letter in "fd"
        }


def best_choice(plain: Any, shared: Any, dtype: np.dtype[Any]) -> Choice:
    """Choose for this host between a function that leaves all to the divider and one that shares all groups out."""
    trial = trial_numbers(dtype)
    if shared(trial).tobytes() != plain(trial).tobytes():
        return NEVER  # the processor's estimate is not within its bounds
    numbers = trial[trial > 0]
    return _most_gain([_ratio(plain, shared, np.resize(numbers, size)) for size in SIZES])


def _most_gain(ratios: Sequence[float]) -> Choice:
    """Choose the sizes whose gains multiply up to most: among them one measured badly does no harm."""
    gains = np.log(np.array(ratios) / GAIN)
    spans = [(i, j) for i in range(len(gains)) for j in range(i + 1, len(gains) + 1)]
    first, end = max(spans, key=lambda span: float(gains[slice(*span)].sum()))
    if gains[first:end].sum() <= 0:
        return NEVER
    return Choice(SIZES[first], EVER if end == len(SIZES) else SIZES[end])


def _ratio(plain: Any, shared: Any, x: np.ndarray) -> float:
    """How many times faster groups are, at their best: short turns, as other programs take the processor away."""
    out = np.empty_like(x)
    best = {plain: np.inf, shared: np.inf}
    end = time.perf_counter() + SECONDS
    rounds = 0
    while rounds < FEWEST_ROUNDS or time.perf_counter() < end:
        for function in best:
            best[function] = min(best[function], _seconds(function, x, out))
        rounds += 1
    return best[plain] / best[shared]


def _seconds(function: Any, x: np.ndarray, out: np.ndarray) -> float:
    calls, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < TURN or not calls:
        function(x, out)
        calls += 1
    return passed / calls
