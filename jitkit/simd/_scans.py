"""Running totals along the lanes: lane i is made of the lanes 0 to i.

It takes log2(lanes) steps: each combines every lane with the one that is 1, 2, 4, ... lanes before it. What comes out
of floats has the same bits on every processor; it is not what a plain loop gives, whose order is another. Moving lanes
takes an instruction or two in each step; 8-bit and 16-bit lanes of vectors longer than 16 bytes take several.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jitkit.simd._operation import operation
from jitkit.simd._reductions import greater, lesser
from jitkit.simd._rules import same

Lanes = Any  # arrays, (lanes,): what an emulation gets


@operation(same())
def prefix_sum(v: Lanes) -> Lanes:
    """Sums of the lanes up to each; integers wrap around."""
    return _scanned(np.add, v)


@operation(same())
def prefix_min(v: Lanes) -> Lanes:
    """Least of the lanes up to each, as `reduce_min` has it. Of floats each step is about eight instructions."""
    return _scanned(lesser, v)


@operation(same())
def prefix_max(v: Lanes) -> Lanes:
    """Greatest of the lanes up to each, as `reduce_max` has it. Of floats each step is about eight instructions."""
    return _scanned(greater, v)


@operation(same("iu"))
def prefix_xor(v: Lanes) -> Lanes:
    """Bits that an odd number of the lanes up to each has."""
    return _scanned(np.bitwise_xor, v)


def _scanned(function: Callable[[Lanes, Lanes], Lanes], v: Lanes) -> Lanes:
    step = 1
    while step < len(v):
        v = np.concatenate([v[:step], function(v[step:], v[:-step])])
        step *= 2
    return v
