"""What the kernels compute, in plain Python: a list of slots, and counters that only grow.

It is the oracle of the tests and the denominator of the benchmarks. Python's numbers are float64 and integers of any
length, so counters do not wrap around. Bulk operations take and return lists.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jitkit.ring import _messages


class Ring:
    """What both kinds of rings have in common: element `i` is in slot ``i % capacity``."""

    EMPTY = _messages.EMPTY_BUFFER

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.slots: list[Any] = [None] * capacity
        self.head = self.tail = 0  # elements that were ever taken out, and put in
        self.refused = self.missed = 0

    def free_slots(self) -> int:
        """How many slots are free."""
        return self.capacity - (self.tail - self.head)

    def oldest(self) -> int:
        """Number of the oldest element that is still there."""
        return self.head

    def first_left(self) -> int:
        """Move `head` to the oldest element that is still there, and count what it passes as missed."""
        head = self.oldest()
        self.missed += head - self.head
        self.head = head
        return head

    def push(self, value: Any) -> bool:
        """Put an element in; tell whether it was stored."""
        if self.free_slots() == 0:
            self.refused += 1
            return False
        self.slots[self.tail % self.capacity] = value
        self.tail += 1
        return True

    def extend(self, values: Sequence[Any]) -> int:
        """Put elements in; return how many were stored."""
        kept = min(len(values), self.free_slots()) if values else 0
        self.put_in(self.tail, values[:kept])
        self.tail += kept
        self.refused += len(values) - kept
        return kept

    def pop(self) -> Any:
        """Take the oldest element out."""
        head = self.first_left()
        if head == self.tail:
            raise IndexError(self.EMPTY)
        self.head += 1
        return self.slots[head % self.capacity]

    def pop_or(self, default: Any) -> Any:
        """Take the oldest element out, or return a default."""
        return self.pop() if len(self) else default

    def drain(self, count: int) -> list[Any]:
        """Take up to `count` elements out."""
        head = self.first_left()
        taken = self.take_out(head, min(count, self.tail - head))
        self.head += len(taken)
        return taken

    def dropped(self) -> int:
        """How many elements were refused, or overwritten before they were read."""
        return self.refused + self.missed + self.oldest() - self.head

    def __len__(self) -> int:
        return self.tail - self.oldest()

    def put_in(self, index: int, values: Sequence[Any]) -> None:
        """Write elements to the slots from that of element `index` on: no more than there are slots."""
        for i, value in enumerate(values):
            self.slots[(index + i) % self.capacity] = value

    def take_out(self, index: int, count: int) -> list[Any]:
        """Read elements from the slots from that of element `index` on."""
        return [self.slots[i % self.capacity] for i in range(index, index + count)]

    def up_to_the_seam(self, index: int, count: int) -> int:
        """How many of the elements lie before the end of the slots."""
        return min(count, self.capacity - index % self.capacity)


class Local(Ring):
    """A ring buffer that one thread uses: beside `_local.py`."""

    def __init__(self, capacity: int, policy: str = "reject") -> None:
        super().__init__(capacity)
        self.overwrites = policy == "overwrite"

    def oldest(self) -> int:
        """Number of the oldest element that is still there: at `head`, or where what was overwritten ends."""
        return max(self.head, self.tail - self.capacity)

    def push(self, value: Any) -> bool:
        """Put an element in; tell whether it was stored."""
        if not self.overwrites:
            return super().push(value)
        self.slots[self.tail % self.capacity] = value
        self.tail += 1
        return True

    def extend(self, values: Sequence[Any]) -> int:
        """Put elements in; return how many were stored."""
        if not self.overwrites:
            return super().extend(values)
        count = len(values)
        kept = min(count, self.capacity)
        self.put_in(self.tail + count - kept, values[count - kept :])
        self.tail += count
        return count

    def peek(self, i: int = 0) -> Any:
        """Element `i`, counted from the oldest on, or from the newest back if it is negative."""
        if not -len(self) <= i < len(self):
            raise IndexError(_messages.OUTSIDE)
        return self.slots[(self.oldest() + (i if i >= 0 else i + len(self))) % self.capacity]

    def slices(self) -> tuple[list[Any], list[Any]]:
        """Elements up to the end of the memory, and those from its beginning on."""
        first, count = self.oldest(), len(self)
        straight = self.up_to_the_seam(first, count)
        return self.take_out(first, straight), self.take_out(first + straight, count - straight)

    def clear(self) -> None:
        """Forget all elements; what was dropped stays counted."""
        self.first_left()
        self.head = self.tail


class Channel(Ring):
    """Both ends of a channel that refuses what finds no room, each seeing at once what the other does: `_spsc.py`."""

    EMPTY = _messages.EMPTY_CHANNEL

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.closed = False
        self.reserved = self.peeked = (0, 0)  # how many, at which `tail` and `head`: at no other one any more

    def free_slots(self) -> int:
        """How many slots are free, by what the consumer has done so far."""
        if self.closed:
            raise ValueError(_messages.ENDED)
        return super().free_slots()

    def reserve(self, count: int) -> range:
        """Slots that can be filled in place: those of `count` that are free and lie side by side."""
        free = self.free_slots()
        if free == 0 and count > 0:
            self.refused += 1
        given = self.up_to_the_seam(self.tail, min(max(count, 0), free))
        self.reserved = given, self.tail
        first = self.tail % self.capacity
        return range(first, first + given)

    def commit(self, count: int) -> None:
        """Publish the first of the slots that were reserved."""
        given, tail = self.reserved
        if not 0 <= count <= given * (tail == self.tail):
            raise ValueError(_messages.TOO_MANY_COMMITTED)
        self.tail += count
        self.reserved = 0, self.tail

    def close(self) -> None:
        """Say that nothing more will come."""
        self.closed, self.reserved = True, (0, self.tail)

    def peek(self, count: int) -> list[Any]:
        """Elements that can be read in place: those of `count` that are there and lie side by side."""
        given = self.up_to_the_seam(self.head, min(max(count, 0), len(self)))
        self.peeked = given, self.head
        return self.take_out(self.head, given)

    def release(self, count: int) -> None:
        """Give up the first of the elements that were peeked at."""
        given, head = self.peeked
        if not 0 <= count <= given * (head == self.head):
            raise ValueError(_messages.TOO_MANY_RELEASED)
        self.head += count
        self.peeked = 0, self.head

    def has_ended(self) -> bool:
        """Whether nothing will come any more."""
        return self.closed and self.tail == self.head


class Sliding:
    """A window over the last samples, each stored twice: beside `_sliding.py`."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.slots: list[Any] = [None] * (2 * capacity)
        self.tail = 0

    def push(self, value: Any) -> bool:
        """Put a sample in."""
        place = self.tail % self.capacity
        self.slots[place] = self.slots[place + self.capacity] = value
        self.tail += 1
        return True

    def extend(self, values: Sequence[Any]) -> int:
        """Put samples in; return how many."""
        kept = min(len(values), self.capacity)
        self.tail += len(values) - kept
        for value in values[len(values) - kept :]:
            self.push(value)
        return len(values)

    def window(self, count: int) -> list[Any]:
        """The last `count` samples, which lie side by side."""
        if not 0 <= count <= len(self):
            raise ValueError(_messages.TOO_LONG)
        start = (self.tail - count) % self.capacity
        return self.slots[start : start + count]

    def __len__(self) -> int:
        return min(self.tail, self.capacity)


class Rolling(Sliding):
    """Statistics of the last `rolling` samples: beside `_rolling.py`, and the same in all bits for float64."""

    def __init__(self, capacity: int, rolling: int) -> None:
        super().__init__(capacity)
        self.rolling = rolling
        self.block_start = self.taken_in = 0  # first sample that no end has taken in, and that nothing has
        self.prefix: Any = (0.0, 0.0, None, None)  # mean, squared deviations, least, greatest between the two
        self.suffix: list[Any] = [None] * rolling  # the same of the `i + 1` samples before `block_start`

    def sample(self, index: int) -> Any:
        """Sample number `index`."""
        return self.slots[index % self.capacity]

    def catch_up(self) -> None:
        """Take in the samples that came since somebody last asked."""
        behind = self.tail - self.block_start
        if behind >= self.rolling:
            start = self.tail - behind % self.rolling
            self.take_in_ends(start, self.rolling - behind % self.rolling)
            self.block_start = self.taken_in = start
        self.take_in_beginning(self.taken_in)
        self.taken_in = self.tail

    def take_in_ends(self, start: int, longest: int) -> None:
        """Compute the statistics of the 1, 2, ... `longest` samples before a block begins."""
        last = self.sample(start - 1)
        part = 0.0, 0.0, last, last
        for i in range(longest):
            part = self.suffix[i] = grown(part, i + 1, self.sample(start - 1 - i))

    def take_in_beginning(self, first: int) -> None:
        """Let the statistics of a block's beginning grow."""
        before = first - self.block_start
        if before == 0 and first < self.tail:
            self.prefix = 0.0, 0.0, self.sample(first), self.sample(first)
        for i in range(self.tail - first):
            self.prefix = grown(self.prefix, before + i + 1, self.sample(first + i))

    def halves(self) -> tuple[Any, Any, int, int]:
        """Statistics of the end of one block and of the beginning of the next, and how many samples each has."""
        self.catch_up()
        after = self.tail - self.block_start
        before = min(self.tail, self.rolling) - after
        return self.suffix[before - 1] if before else None, self.prefix, before, after

    def extremes(self) -> tuple[Any, Any]:
        """Smallest and greatest of the last samples; NaN if one is."""
        end, beginning, before, after = self.halves()
        if before + after == 0:
            raise ValueError(_messages.NO_SAMPLES)
        if before == 0:
            return beginning[2], beginning[3]
        if after == 0:
            return end[2], end[3]
        return lesser(end[2], beginning[2]), greater(end[3], beginning[3])

    def min(self) -> Any:
        """Smallest of the last samples."""
        return self.extremes()[0]

    def max(self) -> Any:
        """Greatest of the last samples."""
        return self.extremes()[1]

    def mean(self) -> float:
        """Mean of the last samples."""
        end, beginning, before, after = self.halves()
        if before + after == 0:
            return math.nan
        value: float = beginning[0] if after > 0 else 0.0
        if before > 0:
            value = end[0] + (value - end[0]) * (after / (before + after))
        return value if math.isfinite(value) else self.mean_of_extremes(*self.extremes())

    def mean_of_extremes(self, least: float, greatest: float) -> float:
        """Mean of samples whose differences tell nothing: infinities and NaNs, or numbers that far apart."""
        if math.isfinite(least) and math.isfinite(greatest):
            count, total = min(self.tail, self.rolling), 0.0
            for i in range(self.tail - count, self.tail):
                total += self.sample(i) / count
            return min(max(total, least), greatest)
        return least + greatest if math.isinf(greatest) else least

    def var(self) -> float:
        """Mean squared deviation of the last samples from their mean."""
        end, beginning, before, after = self.halves()
        if before + after == 0:
            return math.nan
        squares: float = beginning[1] if after > 0 else 0.0
        if before > 0:
            squares += end[1]
            if after > 0:
                delta = beginning[0] - end[0]
                squares += delta * delta * (before * (after / (before + after)))
        value = squares / (before + after)
        finite = math.isfinite(value) or not all(map(math.isfinite, self.extremes()))
        return (value if math.isfinite(value) else math.nan) if finite else math.inf


def grown(part: Any, count: int, x: Any) -> Any:
    """Statistics of a part that has one sample more, and `count` with it."""
    mean, squares, least, greatest = part
    delta = x - mean
    mean += delta / count
    return mean, squares + delta * (x - mean), lesser(least, x), greater(greatest, x)


def lesser(a: Any, b: Any) -> Any:
    """Return the smaller of two numbers, or the one that is NaN."""
    return a if a < b or a != a else b


def greater(a: Any, b: Any) -> Any:
    """Return the larger of two numbers, or the one that is NaN."""
    return a if a > b or a != a else b
