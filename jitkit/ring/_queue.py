"""`mpmc`: a bounded queue for many producers and many consumers."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.native import kernel
from jitkit.ring._block import HEAD, HEADER_NBYTES, REFUSED, TAIL, check_capacity, new_block, queue_nbytes, round_up
from jitkit.ring._conversion import element_from, element_to_python
from jitkit.ring._elements import element_of
from jitkit.ring._introduction import introduce
from jitkit.ring._messages import EMPTY_QUEUE
from jitkit.ring._native import in_machine_code
from jitkit.ring._object import WRAP, BlockObject

CALLS = "jitkit.ring._queue_calls"


def mpmc(dtype: Any, capacity: int) -> Queue:
    """Make a queue that any number of threads put elements in and take them out of, without locks.

    Parameters
    ----------
    dtype, capacity
        As for `RingBuffer`.

    Returns
    -------
    Queue
        Used by all threads alike, from Python and inside kernels.

    Raises
    ------
    CapacityError, LayoutError
        As for `RingBuffer`.

    Notes
    -----
    Each element is taken out exactly once, after it is complete; those of one producer come to a consumer in the order
    in which they were put in.

    Not promised: an order between producers; progress while a thread is stopped between claiming a slot and handing it
    on, for then the others find the queue full, or empty, when they come round to that slot; anything at all once a
    thread was killed there (which is why there are no such queues between processes).

    Source: D. Vyukov, "Bounded MPMC queue" (1024cores.net), with sequence numbers that are doubled.
    """
    return Queue(dtype, capacity)


@in_machine_code
class Queue(BlockObject):
    """A bounded queue for many producers and many consumers: see `mpmc`.

    Attributes
    ----------
    capacity, dtype
        As given.
    dropped : int
        How many elements were refused.
    """

    __slots__ = ()
    family = "Queue"

    def __init__(self, dtype: Any, capacity: int) -> None:
        element = element_of(dtype, "mpmc")
        number = check_capacity(capacity, f"mpmc({element})")
        size = element.dtype.itemsize
        memory = new_block(number, size, "reject", "queue", queue_nbytes(number, size))
        start = HEADER_NBYTES + round_up(number * size, 8)
        memory[start:].view(np.uint64)[:] = np.arange(number, dtype=np.uint64) * 2  # whose turn it is: see `_many`
        self._set_up(memory, element, number, "reject")
        introduce()

    def push(self, value: Any) -> bool:
        """Put an element in, and tell whether it was stored: a full queue refuses it.

        Raises TypeError, OverflowError or ValueError if `value` is no element of the queue.
        """
        if self._install("_push_kernel", f"{CALLS}:push"):
            return bool(Queue.push(self, value))
        cell = element_from(self._element, value, self)
        return bool(kernel(f"{CALLS}:push", ("int", "buffer"), alone=True)(self._block, cell))

    def pop(self) -> Any:
        """Take the oldest element out, and return it.

        Raises IndexError if there is none.
        """
        nothing = object()
        value = Queue.pop_or(self, nothing)
        if value is nothing:
            raise IndexError(f"{EMPTY_QUEUE} ({self})")
        return value

    def pop_or(self, default: Any) -> Any:
        """Take the oldest element out, and return it; return `default` if there is none."""
        if self._install("_pop_kernel", f"{CALLS}:pop"):
            return Queue.pop_or(self, default)
        cell = np.zeros(1, self._element.dtype)
        taken = kernel(f"{CALLS}:pop", ("int", "buffer"), alone=True)(self._block, cell)
        return element_to_python(self._element, cell[0]) if taken else default

    @property
    def is_empty(self) -> bool:
        """Whether there is no element; other threads may change that at once."""
        return len(self) == 0

    @property
    def is_full(self) -> bool:
        """Whether there is no room; other threads may change that at once."""
        return len(self) == self._capacity

    @property
    def dropped(self) -> int:
        """How many elements were refused."""
        return self._word(REFUSED)

    def __len__(self) -> int:
        head = self._word(HEAD)
        return min((self._word(TAIL) - head) & WRAP, self._capacity)

    def __bool__(self) -> bool:
        return True

    def __reduce__(self) -> Any:
        raise TypeError(f"expected a queue to stay in its process, got a copy or pickle of it ({self})")

    def __str__(self) -> str:
        return f"Queue({self._element}, {self._capacity})"

    def __repr__(self) -> str:
        return str(self)
