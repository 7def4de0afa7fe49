"""The ufuncs that `jitkit.simd` ships beside `jitkit.sqrt`: each is loaded as machine code when it is first used."""

from __future__ import annotations

import sys
import threading
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    rsqrt: np.ufunc
    hypot: np.ufunc
    clip: np.ufunc

ROOM = "jitkit.simd"
LOOPS = "jitkit.simd._shipped_loops"

RSQRT = """Reciprocal square root, 1 / sqrt(x).

    For float32 and float64; integers are cast to one of them as NumPy does. The root is rounded correctly, and so is
    its reciprocal: the result is off by less than 1.5 ulp, and has the same bits on every processor. Of zeros it is
    infinite with the zero's sign, of infinity zero, and of negative numbers NaN, with NumPy's warnings. Inside kernels
    it takes numbers, vectors and arrays.

    Parameters
    ----------
    x : array_like of float32 or float64

    See Also
    --------
    jitkit.simd.rsqrt_estimate : of vectors, faster and only roughly right.
"""
HYPOT = """Length of the hypotenuse, sqrt(a**2 + b**2), without overflow or underflow on the way.

    For float32 and float64. The result is off by less than 0.51 ulp (float32) or 0.86 ulp (float64; also of subnormal
    results, where it is below 1), and has the same bits on every processor. Infinite where an input is, even beside a
    NaN (C99, F.9.4.3); else NaN where an input is. Inside kernels it takes numbers, vectors and arrays.

    Parameters
    ----------
    a, b : array_like of float32 or float64

    Notes
    -----
    Of float32 the squares and their sum are those of float64. Of float64, each square is the exact one of the upper 26
    bits and a rest; the sum of all is rounded once (T. J. Dekker, "A floating-point technique for extending the
    available precision", 1971), and so is its root. Numbers below 2**-400 or from 2**500 on are scaled by powers of 2.
"""
CLIP = """The number of the interval from `low` to `high` that is nearest to each: minimum(maximum(x, low), high).

    For integers, float32 and float64. NaN where x, `low` or `high` is; `high` where `low` is greater than that. As any
    ufunc it works in the least dtype that all three can be cast to safely. Inside kernels it takes numbers, vectors and
    arrays.

    Parameters
    ----------
    x, low, high : array_like

    Examples
    --------
    >>> import numpy as np
    >>> from jitkit import simd
    >>> simd.clip(np.array([-3, 5, 40], np.int8), 0, 10)
    array([ 0,  5, 10], dtype=int8)
"""
DOCUMENTATION = {"rsqrt": RSQRT, "hypot": HYPOT, "clip": CLIP}
FLOATS = "fd"
INTEGERS = "bBhHiIlL"
LETTERS = {"rsqrt": FLOATS, "hypot": FLOATS, "clip": INTEGERS + FLOATS}  # of dtypes, in the order that NumPy tries them
INPUTS = {"rsqrt": 1, "hypot": 2, "clip": 3}

_lock = threading.RLock()


@cache
def _made(name: str) -> np.ufunc:
    from jitkit._core.native import kernel_object
    from jitkit._core.ufunc import Loop, new_ufunc
    from jitkit.simd._introduction import Shipped, introduce

    loops = []
    for letter in LETTERS[name]:
        symbol = f"jitkit_{name}_{letter}"
        code = kernel_object(f"{LOOPS}:{name}_{letter}", 4, symbol)
        loops.append(Loop(letter * (INPUTS[name] + 1), symbol, code))
    made = new_ufunc(name, DOCUMENTATION[name], ROOM, loops)
    introduce(Shipped(made, LOOPS, name, LETTERS[name]))
    return made


if not TYPE_CHECKING:  # or type checkers would take every name for possible

    def __getattr__(name: str) -> object:
        """Make a ufunc: `jitkit.simd` has this function, too, and is where it is kept."""
        if name not in DOCUMENTATION:
            raise AttributeError(f"module {ROOM!r} has no attribute {name!r}")
        with _lock:
            made = _made(name)
        setattr(sys.modules[ROOM], name, made)
        return made
