"""What both ends of a channel have in common: whose they are, and how full the channel is."""

from __future__ import annotations

from typing import Any

from jitkit._core.native import kernel
from jitkit.errors import JitkitError
from jitkit.ring._block import (
    HEAD,
    MISSED,
    REFUSED,
    TAIL,
)
from jitkit.ring._object import WRAP, BlockObject

SLICE = 50  # ms: how long a wait goes on before Python is asked for signals, like Ctrl-C
CALLS = "jitkit.ring._channel_calls"


class End(BlockObject):
    """One end of a channel."""

    __slots__ = ()
    _busy_word = 0

    def _require_own(self) -> None:
        """Raise a JitkitError where this end is not this thread's to use."""
        if self._lease is not None:
            self._lease.require_own()
        if self._word(self._busy_word):
            raise JitkitError(f"expected a {self.family.lower()} that is free, got one that a kernel has ({self})")

    def _give_back(self) -> None:
        """Let another process have this end."""
        if self._lease is not None:
            self._push_kernel = self._pop_kernel = self._extend_kernel = 0
            self._lease.give_back()

    def _claim(self) -> None:
        """Take the end for a kernel, which gives it back when it is done."""
        self._require_own()
        claim = kernel(f"{CALLS}:replace", ("int", "int", "int"), alone=True)
        while not claim(self._block + self._busy_word, 0, 1):  # in one step: another thread may have come first
            self._require_own()

    def unlink(self) -> None:
        """Take the name from the memory of a channel between processes, if it still has it."""
        if self._lease is not None:
            self._lease.unlink()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up this end."""
        raise NotImplementedError

    def _waiting(self) -> int:
        head = self._word(HEAD)
        return min((self._word(TAIL) - head) & WRAP, self._capacity)

    @property
    def dropped(self) -> int:
        """How many elements were refused, or overwritten before they were taken out."""
        for _ in range(100):  # until nothing was taken out in between: see `_spsc.dropped`
            missed, head = self._word(MISSED), self._word(HEAD)
            unread = (self._word(TAIL) - head) & WRAP
            if self._word(HEAD) == head:
                break
        else:
            unread = 0
        return (self._word(REFUSED) + missed + max(0, unread - self._capacity)) & WRAP

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
