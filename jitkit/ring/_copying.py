"""Many elements at once: copies in blocks of 64 bytes, which compile to a few vector instructions.

A call of the C library's `memcpy` costs as much as copying some 200 bytes. Up to 8 KiB blocks of a constant size were
faster, of which the last one overlaps the one before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.intrinsics import copy_bytes
from jitkit._core.jit import jit
from jitkit.ring._intrinsics import capacity_of, nbytes_of, slot_address

BLOCK = 64  # bytes: a cache line, and a vector of AVX-512
LARGE = 8192  # bytes from which on `memcpy` is as fast


ONE = np.uint64(1)


@jit(inline="always")
def copy_ends(target: Any, source: Any, nbytes: Any, size: Any) -> None:
    """Copy `size` to twice as many bytes: the first and the last `size`."""
    copy_bytes(target, source, size)
    copy_bytes(target + nbytes - size, source + nbytes - size, size)


@jit
def copy(target: Any, source: Any, nbytes: Any) -> None:
    """Copy bytes between ranges that do not overlap."""
    # safe: every block lies inside the ranges: the last one ends where they end.
    if nbytes >= LARGE:
        copy_bytes(target, source, nbytes)
    elif nbytes >= BLOCK:
        last = nbytes - BLOCK
        at = 0
        while at < last:
            copy_bytes(target + at, source + at, BLOCK)
            at += BLOCK
        copy_bytes(target + last, source + last, BLOCK)
    elif nbytes >= 32:
        copy_ends(target, source, nbytes, 32)
    elif nbytes >= 16:
        copy_ends(target, source, nbytes, 16)
    elif nbytes >= 8:
        copy_ends(target, source, nbytes, 8)
    elif nbytes >= 4:
        copy_ends(target, source, nbytes, 4)
    else:
        for at in range(nbytes):
            copy_bytes(target + at, source + at, 1)


@jit
def put_in(ring: Any, index: Any, source: Any, count: Any) -> None:
    """Copy elements to the slots from that of element `index` on: no more than there are slots."""
    straight = up_to_the_seam(ring, index, count)
    copy(slot_address(ring, index), source, nbytes_of(ring, straight))
    if straight < count:
        rest = source + nbytes_of(ring, straight)
        copy(slot_address(ring, index + straight), rest, nbytes_of(ring, count - straight))


@jit
def take_out(ring: Any, index: Any, target: Any, count: Any) -> None:
    """Copy elements from the slots from that of element `index` on: no more than there are slots."""
    straight = up_to_the_seam(ring, index, count)
    copy(target, slot_address(ring, index), nbytes_of(ring, straight))
    if straight < count:
        rest = target + nbytes_of(ring, straight)
        copy(rest, slot_address(ring, index + straight), nbytes_of(ring, count - straight))


@jit
def up_to_the_seam(ring: Any, index: Any, count: Any) -> Any:
    """How many of the elements lie before the end of the slots."""
    return min(count, capacity_of(ring) - (index & (capacity_of(ring) - ONE)))


@jit
def move_down(target: Any, source: Any, nbytes: Any) -> None:
    """Copy bytes to a place before them, which they may overlap."""
    # safe: every byte is read before it is written to: the places ascend, and the target's lie before the source's.
    if target != source:
        for at in range(nbytes):
            copy_bytes(target + at, source + at, 1)
