"""All lanes of a vector as one number.

What comes out of floats has the same bits on every processor, for it is fixed in which order lanes meet. (Fast-math
options of a kernel lift that, as they do for everything in it.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jitkit.simd._operation import operation
from jitkit.simd._rules import reduction

Lanes = Any  # arrays, (lanes,): what an emulation gets


@operation(reduction())
def reduce_sum(v: Lanes) -> Any:
    """Sum of the lanes; integers wrap around.

    Notes
    -----
    Lanes are added in pairs: the lower half and the upper half lane by lane, then the halves of that, and so on. It
    takes log2(lanes) additions, and loses less than adding one after the other (`reduce_sum_ordered`) does: the error
    is at most log2(lanes) roundings of the sum of magnitudes.
    """
    return _halved(np.add, v)


@operation(reduction())
def reduce_prod(v: Lanes) -> Any:
    """Product of the lanes, in pairs as in `reduce_sum`; integers wrap around. It takes log2(lanes) products."""
    return _halved(np.multiply, v)


@operation(reduction())
def reduce_sum_ordered(v: Lanes) -> Any:
    """Sum as of a plain loop: lane 0 and lane 1, then lane 2, and so on. Of floats it takes an addition per lane."""
    return np.add.accumulate(v, dtype=v.dtype)[-1]


@operation(reduction())
def reduce_prod_ordered(v: Lanes) -> Any:
    """Product as of a plain loop: lane 0 and lane 1, then lane 2, and so on. Of floats it takes a product per lane."""
    return np.multiply.accumulate(v, dtype=v.dtype)[-1]


@operation(reduction())
def reduce_min(v: Lanes) -> Any:
    """Least of the lanes; NaN only if all are. -0.0 is less than 0.0.

    It takes log2(lanes) steps; of floats, each is about six instructions.
    """
    return _halved(lesser, v)


@operation(reduction())
def reduce_max(v: Lanes) -> Any:
    """Greatest of the lanes; NaN only if all are. 0.0 is greater than -0.0.

    It takes log2(lanes) steps; of floats, each is about six instructions.
    """
    return _halved(greater, v)


@operation(reduction("iu"))
def reduce_and(v: Lanes) -> Any:
    """Bits that all lanes have, in log2(lanes) steps."""
    return _halved(np.bitwise_and, v)


@operation(reduction("iu"))
def reduce_or(v: Lanes) -> Any:
    """Bits that a lane has, in log2(lanes) steps."""
    return _halved(np.bitwise_or, v)


@operation(reduction("iu"))
def reduce_xor(v: Lanes) -> Any:
    """Bits that an odd number of lanes has, in log2(lanes) steps."""
    return _halved(np.bitwise_xor, v)


def lesser(a: Lanes, b: Lanes) -> Lanes:
    """Return the lesser ones as `minimumNumber` of IEEE 754-2019, section 9.6, has them."""
    return np.where((a < b) | ((a == b) & np.signbit(a)) | (b != b), a, b)


def greater(a: Lanes, b: Lanes) -> Lanes:
    """Return the greater ones as `maximumNumber` of IEEE 754-2019, section 9.6, has them."""
    return np.where((a > b) | ((a == b) & np.signbit(b)) | (b != b), a, b)


def _halved(function: Callable[[Lanes, Lanes], Lanes], v: Lanes) -> Any:
    while len(v) > 1:
        half = len(v) // 2
        v = function(v[:half], v[half:])
    return v[0]
