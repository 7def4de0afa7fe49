"""The end of a channel where elements are put in."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.native import kernel
from jitkit.ring._block import CLOSED, GONE, PRODUCER_BUSY, RESERVED, RESERVED_AT, TAIL
from jitkit.ring._conversion import element_from, elements_from
from jitkit.ring._end import CALLS, SLICE, End
from jitkit.ring._messages import ENDED, NOBODY, TOO_MANY_COMMITTED
from jitkit.ring._native import in_machine_code


@in_machine_code
class Producer(End):
    """The end of a channel where elements are put in.

    Attributes
    ----------
    capacity, dtype, policy
        As given to `channel`.
    dropped : int
        How many elements were refused, or overwritten before they were taken out.
    closed : bool
        Whether `close` was called.
    """

    __slots__ = ()
    family = "Producer"
    _busy_word = PRODUCER_BUSY

    def push(self, value: Any) -> bool:
        """Put an element in, and tell whether it was stored: with ``policy="reject"`` a full channel refuses it.

        Raises ValueError after `close`, BrokenPipeError if it would wait and the consumer has closed its end, and
        TypeError, OverflowError or ValueError if `value` is no element of the channel.
        """
        self._require_own()
        if self._install("_push_kernel", f"{CALLS}:send"):
            return bool(Producer.push(self, value))
        cell = element_from(self._element, value, self)
        while (stored := kernel(f"{CALLS}:send", ("int", "buffer"), alone=True)(self._block, cell)) < 0:
            self._wait_for_room()
        return bool(stored)

    def extend(self, values: Any) -> int:
        """Put elements in, oldest first; return how many were stored.

        With ``policy="reject"`` these are the first ones, as many as there is room for. With "block" it waits until
        all are in. With "overwrite" all are stored, of which the last `capacity` survive.

        Parameters
        ----------
        values : (n,) array-like, or (n, ...) for elements that are arrays
        """
        values = elements_from(self._element, values, self)
        if np.may_share_memory(values, self._memory):
            values = values.copy()  # or elements would be overwritten before they are read
        self._require_own()
        if self._policy != "block":  # which is not done before all are in
            self._install_arrays(f"{CALLS}:extend")
        put = kernel(f"{CALLS}:extend", ("int", "buffer", "int"), alone=True)
        stored = 0
        while True:
            some = put(self._block, values[stored:], len(values) - stored)
            stored += max(some, 0)
            if some >= 0 and (self._policy != "block" or stored == len(values)):
                return stored
            self._wait_for_room()

    def reserve(self, count: int) -> np.ndarray[Any, Any]:
        """Return a view of free slots that lie side by side, to be filled in place and then published by `commit`.

        It has at most `count` slots: fewer where the channel is nearly full, or where the memory ends. With
        ``policy="block"`` it waits for one at least.
        """
        self._require_own()
        reserve = kernel(f"{CALLS}:reserve", ("int", "int"), alone=True)
        while True:
            given = reserve(self._block, max(int(count), 0))
            if given > 0 or (given == 0 and (self._policy != "block" or count <= 0)):
                start = self._word(TAIL) % self._capacity
                return self._slots[start : start + given]
            self._wait_for_room()

    def commit(self, count: int) -> None:
        """Publish the first slots of those that were reserved.

        Raises
        ------
        ValueError
            If there are more than were reserved. The others are no longer reserved.
        """
        self._require_own()
        reserved = self._word(RESERVED) if self._word(RESERVED_AT) == self._word(TAIL) else 0
        if not 0 <= count <= reserved:
            raise ValueError(f"{TOO_MANY_COMMITTED}, {reserved}, got {count} ({self})")
        self._set_word(RESERVED, 0)
        kernel(f"{CALLS}:publish", ("int", "int"), alone=True)(self._block, int(count))

    def close(self) -> None:
        """Say that nothing more will come. The consumer still gets what is there."""
        if not self.closed:
            self._require_own()
            kernel(f"{CALLS}:close", ("int",), alone=True)(self._block)
            self._give_back()

    def _wait_for_room(self) -> None:
        """Wait for a while; an error where waiting is of no use."""
        if self.closed:
            raise ValueError(f"{ENDED} ({self})")
        self._require_own()
        if self._policy != "block":
            return  # a kernel had this end, and has given it back meanwhile
        while not kernel(f"{CALLS}:await_room", ("int", "int"))(self._block, SLICE):
            pass
        if self._word(GONE):
            raise BrokenPipeError(f"{NOBODY} ({self})")

    @property
    def position(self) -> int:
        """Number of the next element: how many were ever published."""
        return self._word(TAIL)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._word(CLOSED) != 0

    @property
    def consumer_alive(self) -> bool:
        """Whether there is a consumer: between processes, whether a process that lives has that end."""
        return not self._word(GONE) and (self._lease is None or self._lease.other_is_alive())

    @property
    def is_full(self) -> bool:
        """Whether there is no room, by what the consumer has done so far."""
        return self._waiting() == self._capacity
