"""A window over the last samples: the kernels that put samples in.

The slots are there twice, one time behind the other: so the last samples lie side by side, wherever they end. Where the
second time is the same memory, mapped again, there is nothing to do for it; else every sample is written twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.jit import jit
from jitkit.ring._block import MIRRORED, TAIL
from jitkit.ring._copying import copy, up_to_the_seam
from jitkit.ring._failures import ASKS_TOO_MUCH, OVERLAPS
from jitkit.ring._intrinsics import capacity_of, lies_over, load, nbytes_of, slot_address, store, write
from jitkit.ring._window_intrinsics import write_again

ONE = np.uint64(1)


def push(window, value):
    """Put a sample in."""
    tail = load(window, TAIL)
    write(window, tail, value)
    if not load(window, MIRRORED):
        write_again(window, tail, value)
    store(window, TAIL, tail + ONE)
    return True


@jit
def extend(window: Any, source: Any, count: Any) -> Any:
    """Put samples in that lie side by side at an address; return how many."""
    tail, count = load(window, TAIL), np.uint64(count)
    if lies_over(window, 2, source, nbytes_of(window, count)):
        return np.int64(OVERLAPS)
    kept = min(count, capacity_of(window))
    put_in(window, tail + (count - kept), source + nbytes_of(window, count - kept), kept)
    store(window, TAIL, tail + count)
    return np.int64(count)


@jit
def put_in(window: Any, index: Any, source: Any, count: Any) -> None:
    """Copy samples to the slots from that of sample `index` on, no more than there are."""
    # safe: in mirrored memory a slot may be followed by as many as there are; else nothing is written beyond the seam.
    start, nbytes = slot_address(window, index), nbytes_of(window, count)
    if load(window, MIRRORED):
        copy(start, source, nbytes)
        return
    again = nbytes_of(window, capacity_of(window))
    straight = up_to_the_seam(window, index, count)
    head = nbytes_of(window, straight)
    copy(start, source, head)
    copy(start + again, source, head)
    if straight < count:
        beginning = slot_address(window, index + straight)
        copy(beginning, source + head, nbytes - head)
        copy(beginning + again, source + head, nbytes - head)


@jit
def last_samples(window: Any, count: Any) -> Any:
    """Return `count` if there are so many last samples."""
    if count < 0 or np.uint64(count) > min(load(window, TAIL), capacity_of(window)):
        return np.int64(ASKS_TOO_MUCH)
    return count


@jit
def length(window: Any) -> Any:
    """How many samples there are."""
    return np.int64(min(load(window, TAIL), capacity_of(window)))
