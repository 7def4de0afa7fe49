"""How `jitkit.sqrt` takes roots on this host: measured once, and kept with the compile cache."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from jitkit._core import cpu, hooks
from jitkit._core.native import kernel_object
from jitkit._core.ufunc import Loop, new_ufunc

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
SECONDS = 2e-3  # of each trial
ROUNDS = 5


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
    return {letter: NEVER if group_of(letter) is None else _best(plain, shared, np.dtype(letter)) for letter in "fd"}


def _best(plain: Any, shared: Any, dtype: np.dtype[Any]) -> Choice:
    trial = _hard_numbers(dtype)
    if shared(trial).tobytes() != plain(trial).tobytes():
        return NEVER  # the processor's estimate is not within its bounds
    pays = [_ratio(plain, shared, np.resize(trial[trial > 0], size)) >= GAIN for size in SIZES]
    if not any(pays):
        return NEVER
    # From the first that pays to the last: what seems not to in between met a busy moment of the host.
    first, after = pays.index(True), len(pays) - pays[::-1].index(True)
    return Choice(SIZES[first], EVER if after == len(SIZES) else SIZES[after])


def _ratio(plain: Any, shared: Any, x: np.ndarray) -> float:
    """How many times faster groups are."""
    out = np.empty_like(x)
    best = {plain: np.inf, shared: np.inf}
    for _ in range(ROUNDS):
        for function in best:
            best[function] = min(best[function], _seconds(function, x, out))
    return best[plain] / best[shared]


def _seconds(function: Any, x: np.ndarray, out: np.ndarray) -> float:
    calls, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < SECONDS:
        function(x, out)
        calls += 1
    return passed / calls


def _hard_numbers(dtype: np.dtype[Any]) -> np.ndarray:
    """Numbers whose roots are nearly halfway between two floats, random ones, and those that are special.

    A root m + 1/2 of p bits has the square m^2 + m + 1/4: so x is near to it if m^2 + m + k is a multiple of 2^p for a
    small k. Such m are found bit by bit, because 2 m + 1, the derivative, is odd (Hensel's lemma).
    """
    bits = np.finfo(dtype).nmant
    found = []
    for k in range(-64, 65, 2):
        for shift in (bits, bits + 1):
            for m in (0, 1):
                for bit in range(1, shift):
                    if (m * m + m + k) >> bit & 1:
                        m += 1 << bit
                if shift == bits:
                    m += 1 << bits
                square = (m * m + m + k) >> shift
                if m >> bits == 1 and square >> bits == 1:
                    found.append(float(square) * 2.0 ** (shift - 2 * bits))
    rng = np.random.default_rng(7)
    hard = np.concatenate([np.ldexp(np.array(found, dtype), 2 * k) for k in (-20, -3, 0, 5, 20)])
    special = np.array([0.0, -0.0, np.inf, np.nan, 1.0, 4.0, np.finfo(dtype).tiny, np.finfo(dtype).max], dtype)
    return np.concatenate([hard, rng.uniform(0.01, 100.0, 4096).astype(dtype), np.repeat(special, 64)])
