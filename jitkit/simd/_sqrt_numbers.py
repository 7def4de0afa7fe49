"""Numbers whose square roots are the hardest to round."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def near_halfway(dtype: Any, offsets: Iterable[int]) -> np.ndarray:
    """All numbers from 1 to 4 whose roots lie nearly in the middle of two floats, in the order of their size.

    In units of the last place, of which a root has p + 1 bits, the middle is m + 1/2, whose square is m^2 + m + 1/4.
    A number m^2 + m + k has its root (1/4 - k) / (2 m) below that. It is a float if it is a multiple of 2^p, or from 2
    on of 2^(p + 1). Such m are found bit by bit, because 2 m + 1, the derivative, is odd (Hensel's lemma).

    Parameters
    ----------
    dtype : float32 or float64
    offsets : iterable of int
        What k can be. It must be even, as m^2 + m is.

    Returns
    -------
    (n,) dtype
        Sorted, each once. There are about 1.4 for each k.
    """
    bits = np.finfo(dtype).nmant
    near = [*map(int, offsets)]
    k = np.array(near, np.int64).astype(np.uint64)
    found = []
    for shift in (bits, bits + 1):
        for lowest in (0, 1):
            m = np.full(k.shape, lowest, np.uint64)
            for bit in range(1, shift):  # modulo 2^64, of which the lower bits are right
                m |= ((m * m + m + k) >> np.uint64(bit) & np.uint64(1)) << np.uint64(bit)
            if shift == bits:
                m |= np.uint64(1 << bits)
            for root, offset in zip(map(int, m), near, strict=True):
                number = (root * root + root + offset) >> shift
                if root >> bits == 1 and number >> bits == 1:
                    found.append(number * 2.0 ** (shift - 2 * bits))
    return np.unique(np.array(found, dtype))


def trial_numbers(dtype: Any) -> np.ndarray:
    """Hard numbers of several magnitudes, random ones, and those that are special: what shows a wrong estimate."""
    rng = np.random.default_rng(7)
    near = near_halfway(dtype, range(-64, 65, 2))
    hard = np.concatenate([np.ldexp(near, 2 * k) for k in (-20, -3, 0, 5, 20)])
    special = np.array([0.0, -0.0, np.inf, np.nan, 1.0, 4.0, np.finfo(dtype).tiny, np.finfo(dtype).max], dtype)
    return np.concatenate([hard, rng.uniform(0.01, 100.0, 4096).astype(dtype), np.repeat(special, 64)])
