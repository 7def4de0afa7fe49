"""Numbers whose square roots are hard to round."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def hard_numbers() -> dict[str, npt.NDArray[Any]]:
    """Inputs by what they are."""
    bits = np.random.default_rng(7).integers(0, 1 << 64, 1_000_000, np.uint64)
    return {
        # All other roots are these, times a power of 2.
        "float32: every one from 1 to 4": np.arange(0x3F80_0000, 0x4080_0000, dtype=np.uint32).view(np.float32),
        "float64: nearly halfway": halfway(),
        "float64: any bits": bits.view(np.float64),
    }


def halfway() -> npt.NDArray[np.float64]:
    """Numbers whose roots are nearly halfway between two floats, where the least error rounds to the wrong one.

    A root m + 1/2 of 53 bits has the square m^2 + m + 1/4: a float is near to it if m^2 + m + k is a multiple of 2^52
    or 2^53, for a small k. Such m are found bit by bit, as the derivative 2 m + 1 is odd (Hensel's lemma).
    """
    found = []
    for k in range(-512, 513, 2):
        for width in (52, 53):
            for first_bit in (0, 1):
                m = _solution(k, first_bit, width) | (1 << 52 if width == 52 else 0)
                square = m * m + m + k
                if m >> 52 == 1 and square >> width >> 52 == 1:
                    found.append(float(square))
    return np.concatenate([np.ldexp(np.array(found), 2 * power) for power in range(-300, 301, 60)])


def _solution(k: int, m: int, width: int) -> int:
    """The number that has the lowest bit of `m` and makes m^2 + m + k a multiple of 2 to the `width`; `k` is even."""
    for bit in range(1, width):
        m += ((m * m + m + k) >> bit & 1) << bit
    return m
