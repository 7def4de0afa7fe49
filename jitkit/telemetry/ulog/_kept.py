"""What was made of definitions is kept for the next file of the same kind, within bounds, whatever a file says."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Things by what they were made of. Once they weigh too much together, all go: what is in use is soon made again.

    Parameters
    ----------
    most, largest : int
        What all may weigh, and one. What weighs more is not kept: one file full of such things would have the others
        go.
    weigh : callable
        Gives the weight of a key and its value.
    """

    def __init__(self, most: int, largest: int, weigh: Callable[[Key, Value], int]) -> None:
        self._most, self._largest, self._weigh = most, largest, weigh
        self._things: dict[Key, Value] = {}
        self._weight = 0

    def get(self, key: Key) -> Value | None:
        return self._things.get(key)

    def put(self, key: Key, value: Value) -> Value:
        """Keep a value, if that may be, and return it."""
        weight = self._weigh(key, value)
        if weight <= self._largest:
            if self._weight + weight > self._most:
                self.clear()
            self._things[key] = value
            self._weight += weight
        return value

    def clear(self) -> None:
        self._things.clear()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._things)
