"""The end of a channel where elements are taken out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from jitkit._core.native import kernel
from jitkit.errors import JitkitError
from jitkit.ring._block import CLOSED, CONSUMER_BUSY, GONE, HEAD, PEEKED, PEEKED_AT
from jitkit.ring._buffer import check_out
from jitkit.ring._conversion import element_to_python
from jitkit.ring._end import CALLS, SLICE, End
from jitkit.ring._messages import DIED, EMPTY_CHANNEL, OWN_MEMORY, TOO_MANY_RELEASED
from jitkit.ring._native import in_machine_code


@in_machine_code
class Consumer(End):
    """The end of a channel where elements are taken out. Iterating over it waits until the producer closes.

    Attributes
    ----------
    capacity, dtype, policy
        As given to `channel`.
    dropped : int
        How many elements were refused, or overwritten before they were taken out.
    closed : bool
        Whether the stream has ended: the producer has closed it, and all of it was taken out.
    """

    __slots__ = ()
    family = "Consumer"
    _busy_word = CONSUMER_BUSY

    def pop(self) -> Any:
        """Take the oldest element out, and return it.

        Raises IndexError if there is none.
        """
        nothing = object()
        value = Consumer.pop_or(self, nothing)
        if value is nothing:
            raise IndexError(f"{EMPTY_CHANNEL} ({self})")
        return value

    def pop_or(self, default: Any) -> Any:
        """Take the oldest element out, and return it; return `default` if there is none."""
        self._require_own()
        if self._install("_pop_kernel", f"{CALLS}:receive"):
            return Consumer.pop_or(self, default)
        cell = np.zeros(1, self._element.dtype)
        taken = kernel(f"{CALLS}:receive", ("int", "buffer"), alone=True)(self._block, cell)
        return element_to_python(self._element, cell[0]) if taken else default

    def drain(self, out: np.ndarray[Any, Any]) -> int:
        """Take the oldest elements out, as many as there are and as fit; return how many.

        Parameters
        ----------
        out : (n,) array of the channel's dtype
            Filled from its beginning; writable and C-contiguous.
        """
        check_out(self._element, out, self)
        if np.may_share_memory(out, self._memory):
            raise ValueError(f"{OWN_MEMORY} ({self})")
        self._require_own()
        return kernel(f"{CALLS}:drain", ("int", "buffer", "int"), alone=True)(self._block, out, len(out))

    def peek(self, count: int) -> np.ndarray[Any, Any]:
        """Return a view of the oldest elements that lie side by side; they stay there until `release`.

        It has at most `count` elements: fewer where there are not so many, or where the memory ends.

        Raises
        ------
        JitkitError
            If the policy is "overwrite": the producer could write to what is looked at.
        """
        require_still(self._policy, self)
        self._require_own()
        given = kernel(f"{CALLS}:peek", ("int", "int"), alone=True)(self._block, max(int(count), 0))
        start = self._word(HEAD) % self._capacity
        view = self._slots[start : start + given]
        view.flags.writeable = False
        return view

    def release(self, count: int) -> None:
        """Give up the first of the elements that were peeked at: their slots are free from now on.

        Raises
        ------
        ValueError
            If there are more than were peeked at.
        """
        self._require_own()
        peeked = self._word(PEEKED) if self._word(PEEKED_AT) == self._word(HEAD) else 0
        if not 0 <= count <= peeked:
            raise ValueError(f"{TOO_MANY_RELEASED}, {peeked}, got {count} ({self})")
        self._set_word(PEEKED, 0)
        kernel(f"{CALLS}:free", ("int", "int"), alone=True)(self._block, int(count))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is an element, and tell whether there is: not at the end of the stream.

        Parameters
        ----------
        timeout : float, s, optional
            Give up after that long.

        Raises
        ------
        ValueError
            If `timeout` is NaN.
        BrokenPipeError
            If there is none, and the process that had the producer has died without closing it.
        """
        if timeout is not None and math.isnan(timeout):
            raise ValueError(f"expected a timeout in seconds, got {timeout} ({self})")
        self._require_own()
        until = math.inf if timeout is None else time.monotonic() + timeout
        await_more = kernel(f"{CALLS}:await_more", ("int", "int"))
        while True:
            left = int(max(0, min(SLICE, (until - time.monotonic()) * 1000)))
            if await_more(self._block, left) or time.monotonic() >= until:
                return self._waiting() > 0
            if not self.producer_alive and not self._word(CLOSED) and not self._waiting():
                raise BrokenPipeError(f"{DIED} ({self})")

    def close(self) -> None:
        """Say that nothing more will be taken out: a producer that waits for room gets a BrokenPipeError."""
        if self._lease is not None and self._lease.is_over:
            return
        self._require_own()
        self._set_word(GONE, 1)
        self._give_back()

    @property
    def position(self) -> int:
        """Number of the next element: how many were ever taken out or missed."""
        return self._word(HEAD)

    @property
    def closed(self) -> bool:
        """Whether the stream has ended: the producer has closed it, and all of it was taken out."""
        return kernel(f"{CALLS}:has_ended", ("int",), alone=True)(self._block) != 0

    @property
    def producer_alive(self) -> bool:
        """Whether there is a producer: between processes, whether a process that lives has that end."""
        return not self._word(CLOSED) and (self._lease is None or self._lease.other_is_alive())

    @property
    def is_empty(self) -> bool:
        """Whether there is no element, by what the producer has done so far."""
        return self._waiting() == 0

    def __iter__(self) -> Iterator[Any]:
        nothing = object()
        while self.wait():
            while (value := self.pop_or(nothing)) is not nothing:
                yield value


def require_still(policy: str, where: object) -> None:
    """Raise a JitkitError where elements cannot be looked at in place."""
    if policy == "overwrite":
        raise JitkitError(
            f"expected elements that stay while they are looked at, got policy='overwrite': use drain ({where})"
        )
