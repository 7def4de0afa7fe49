"""Channels: what one thread puts in, another takes out, without locks. Each end is an object of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from jitkit._core.native import kernel
from jitkit.errors import JitkitError
from jitkit.ring._block import (
    CLOSED,
    CONSUMER_BUSY,
    GONE,
    HEAD,
    MISSED,
    PEEKED,
    PRODUCER_BUSY,
    REFUSED,
    RESERVED,
    TAIL,
    check_capacity,
    check_policy,
    new_block,
)
from jitkit.ring._buffer import check_out
from jitkit.ring._conversion import element_from, element_to_python, elements_from
from jitkit.ring._elements import element_of
from jitkit.ring._introduction import introduce
from jitkit.ring._messages import EMPTY_CHANNEL, ENDED, NOBODY, TOO_MANY_COMMITTED, TOO_MANY_RELEASED
from jitkit.ring._native import Words, in_machine_code
from jitkit.ring._object import WRAP, BlockObject

SLICE = 50  # ms: how long a wait goes on before Python is asked for signals, like Ctrl-C
CALLS = "jitkit.ring._channel_calls"
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


class End(BlockObject):
    """One end of a channel."""

    __slots__ = ()
    OWN = (*BlockObject.OWN, "_lease")
    _busy_word = 0
    _lease: Any  # of shared memory: who owns the end

    def _set_up(self, *arguments: Any) -> None:
        super()._set_up(*arguments)
        self._lease = None

    def _require_own(self) -> None:
        """Raise a JitkitError where this end is not this thread's to use."""
        if self._lease is not None:
            self._lease.require_own()
        if self._word(self._busy_word):
            raise JitkitError(f"expected a {self.family.lower()} that is free, got one that a kernel has ({self})")

    def _claim(self) -> None:
        """Take the end for a kernel, which gives it back when it is done."""
        self._require_own()
        self._set_word(self._busy_word, 1)

    def _waiting(self) -> int:
        head = self._word(HEAD)
        return min((self._word(TAIL) - head) & WRAP, self._capacity)

    def __len__(self) -> int:
        return self._waiting()

    def __bool__(self) -> bool:
        return True

    def __copy__(self) -> Any:
        raise TypeError(f"expected one {self.family.lower()} for each channel, got a copy: it cannot be had ({self})")

    def __deepcopy__(self, memo: Any) -> Any:
        self.__copy__()

    def __reduce__(self) -> Any:
        self.__copy__()

    def __repr__(self) -> str:
        return f"{self}"


@in_machine_code
class Producer(End, Words):  # type: ignore[misc]
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

    __slots__ = End.OWN
    family = "Producer"
    _busy_word = PRODUCER_BUSY

    def push(self, value: Any) -> bool:
        """Put an element in, and tell whether it was stored: with ``policy="reject"`` a full channel refuses it.

        Raises ValueError after `close`, BrokenPipeError if it would wait and the consumer has closed its end, and
        TypeError, OverflowError or ValueError if `value` is no element of the channel.
        """
        cell = element_from(self._element, value, self)
        self._require_own()
        self._install("_push_kernel", f"{CALLS}:send")
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
        self._require_own()
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
        reserved = self._word(RESERVED)
        if not 0 <= count <= reserved:
            raise ValueError(f"{TOO_MANY_COMMITTED}, {reserved}, got {count} ({self})")
        self._set_word(RESERVED, 0)
        kernel(f"{CALLS}:publish", ("int", "int"), alone=True)(self._block, int(count))

    def close(self) -> None:
        """Say that nothing more will come. The consumer still gets what is there."""
        self._require_own()
        if not self.closed:
            kernel(f"{CALLS}:close", ("int",), alone=True)(self._block)
            if self._lease is not None:
                self._lease.give_back()

    def _wait_for_room(self) -> None:
        """Wait for a while; an error where waiting is of no use."""
        if self.closed:
            raise ValueError(f"{ENDED} ({self})")
        self._require_own()
        while not kernel(f"{CALLS}:await_room", ("int", "int"))(self._block, SLICE):
            pass
        if self._word(GONE):
            raise BrokenPipeError(f"{NOBODY} ({self})")

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._word(CLOSED) != 0

    @property
    def is_full(self) -> bool:
        """Whether there is no room, by what the consumer has done so far."""
        return self._waiting() == self._capacity

    @property
    def dropped(self) -> int:
        """How many elements were refused, or overwritten before they were taken out."""
        return dropped(self)


@in_machine_code
class Consumer(End, Words):  # type: ignore[misc]
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

    __slots__ = End.OWN
    family = "Consumer"
    _busy_word = CONSUMER_BUSY

    def pop(self) -> Any:
        """Take the oldest element out, and return it.

        Raises IndexError if there is none.
        """
        nothing = object()
        value = self.pop_or(nothing)
        if value is nothing:
            raise IndexError(f"{EMPTY_CHANNEL} ({self})")
        return value

    def pop_or(self, default: Any) -> Any:
        """Take the oldest element out, and return it; return `default` if there is none."""
        self._require_own()
        self._install("_pop_kernel", f"{CALLS}:receive")
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
        peeked = self._word(PEEKED)
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
        """
        self._require_own()
        until = None if timeout is None else time.monotonic() + timeout
        await_more = kernel(f"{CALLS}:await_more", ("int", "int"))
        while True:
            left = SLICE if until is None else max(0, min(SLICE, int((until - time.monotonic()) * 1000)))
            if await_more(self._block, left) or (until is not None and time.monotonic() >= until):
                return self._waiting() > 0

    def close(self) -> None:
        """Say that nothing more will be taken out: a producer that waits for room gets a BrokenPipeError."""
        self._require_own()
        self._set_word(GONE, 1)
        if self._lease is not None:
            self._lease.give_back()

    @property
    def closed(self) -> bool:
        """Whether the stream has ended: the producer has closed it, and all of it was taken out."""
        return self._word(CLOSED) != 0 and self._waiting() == 0

    @property
    def is_empty(self) -> bool:
        """Whether there is no element, by what the producer has done so far."""
        return self._waiting() == 0

    @property
    def dropped(self) -> int:
        """How many elements were refused, or overwritten before they were taken out."""
        return dropped(self)

    def __iter__(self) -> Iterator[Any]:
        nothing = object()
        while self.wait():
            while (value := self.pop_or(nothing)) is not nothing:
                yield value


def dropped(end: Any) -> int:
    """How many elements of a channel were refused, or overwritten before they were taken out."""
    waiting = (end._word(TAIL) - end._word(HEAD)) & WRAP
    return (end._word(REFUSED) + end._word(MISSED) + max(0, waiting - end.capacity)) & WRAP


def require_still(policy: str, where: object) -> None:
    """Raise a JitkitError where elements cannot be looked at in place."""
    if policy == "overwrite":
        raise JitkitError(
            f"expected a policy that leaves elements alone while they are looked at, got 'overwrite' ({where}): use drain"
        )
