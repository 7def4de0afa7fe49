"""Channels: what one thread puts in, another takes out, without locks. Each end is an object of its own."""

from __future__ import annotations

from typing import Any

from jitkit.ring._block import (
    check_capacity,
    check_policy,
    new_block,
)
from jitkit.ring._consumer import Consumer
from jitkit.ring._elements import element_of
from jitkit.ring._introduction import introduce
from jitkit.ring._producer import Producer

POLICIES = ("reject", "block", "overwrite")


def channel(dtype: Any, capacity: int, policy: str = "reject") -> tuple[Producer, Consumer]:
    """Make a channel between two threads: lock-free, for one producer and one consumer.

    Parameters
    ----------
    dtype : dtype-like or record class
        What elements are, as for `RingBuffer`.
    capacity : int
        Number of elements that can wait, a power of two.
    policy : "reject", "block" or "overwrite"
        Whether an element that finds no room is refused, waits (spinning, then sleeping), or takes the place of the
        oldest one, which the consumer then misses.

    Returns
    -------
    Producer, Consumer
        The two ends. Each belongs to one thread at a time, from Python or inside a kernel: while a kernel has an end,
        using it elsewhere is an error.

    Raises
    ------
    CapacityError, LayoutError, ValueError
        As for `RingBuffer`.

    Notes
    -----
    An element is seen only after it is complete, in the order in which they were put in. `Producer.close` ends the
    stream; `Consumer.closed` is true once all of it was read.

    Examples
    --------
    >>> import numpy as np, jitkit as jk
    >>> tx, rx = jk.ring.channel(np.int64, 4)
    >>> tx.extend([1, 2, 3]), tx.close()
    (3, None)
    >>> list(rx), rx.closed
    ([1, 2, 3], True)
    """
    element = element_of(dtype, "channel")
    number = check_capacity(capacity, f"channel({element})")
    check_policy(policy, "channel", POLICIES)
    memory = new_block(number, element.dtype.itemsize, policy, "channel")
    ends = Producer.__new__(Producer), Consumer.__new__(Consumer)
    for end in ends:
        end._set_up(memory, element, number, policy)
    introduce()
    return ends
