"""`RingBuffer`: a queue of fixed length, whose capacity, element and policy are part of its type in kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from jitkit._core.native import kernel
from jitkit.ring._block import HEAD, MISSED, REFUSED, TAIL, check_capacity, check_policy, new_block
from jitkit.ring._conversion import element_from, element_to_python, elements_from, joined
from jitkit.ring._elements import Element, element_of
from jitkit.ring._introduction import introduce
from jitkit.ring._messages import EMPTY_BUFFER, OWN_MEMORY
from jitkit.ring._native import in_machine_code
from jitkit.ring._object import WRAP, BlockObject

PUSH, POP, EXTEND = (f"jitkit.ring._calls:{name}" for name in ("push", "pop", "extend"))


@in_machine_code
class RingBuffer(BlockObject):
    """A queue of fixed length: first in, first out, in one block of memory that is never moved.

    It works from Python and inside kernels alike. There capacity, element and policy are constants, and `pop` gives
    records by value. One thread uses it at a time; `jitkit.ring.channel` is for two.

    Parameters
    ----------
    dtype : dtype-like or record class
        What elements are: anything that `numpy.dtype` accepts in native byte order, also sub-arrays and records. A
        record class of bit fields or another byte order goes in as its bytes.
    capacity : int
        Number of elements, a power of two; all of it can be used.
    policy : "reject" or "overwrite"
        Whether a full ring refuses a new element, or gives up its oldest one.

    Attributes
    ----------
    capacity, dtype, policy
        As given.
    dropped : int
        How many elements were refused, or overwritten before they were taken out.

    Raises
    ------
    CapacityError
        If the capacity is not a power of two.
    LayoutError
        If `dtype` cannot be in a ring: objects, float16 (numba has none), foreign byte order.

    Notes
    -----
    `push` and `pop` are O(1) and allocate nothing in kernels. Iteration, `to_array` and comparison work on a copy.
    Elements come out as Python's numbers, as arrays and records of their own, or as bytes.

    Examples
    --------
    >>> import numpy as np, jitkit as jk
    >>> ring = jk.RingBuffer(np.float32, 4, policy="overwrite")
    >>> ring.extend([1, 2, 3, 4, 5])
    5
    >>> ring.pop(), len(ring), ring.dropped
    (2.0, 3, 1)
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]
    family = "RingBuffer"

    def __init__(self, dtype: Any, capacity: int, policy: str = "reject") -> None:
        element = element_of(dtype, "RingBuffer")
        number = check_capacity(capacity, f"RingBuffer({element})")
        self._make(element, number, check_policy(policy, "RingBuffer", ("reject", "overwrite")))

    def _make(self, element: Element, capacity: int, policy: str, memory: Any = None) -> None:
        if memory is None:
            memory = new_block(capacity, element.dtype.itemsize, policy, "ring buffer")
        self._set_up(memory, element, capacity, policy)
        introduce()

    def push(self, value: Any) -> bool:
        """Put an element in, and tell whether it was stored: with ``policy="reject"`` a full ring refuses it.

        Raises TypeError, OverflowError or ValueError if `value` is no element of the ring.
        """
        if self._install("_push_kernel", PUSH):
            return bool(RingBuffer.push(self, value))
        cell = element_from(self._element, value, self)
        return bool(kernel(PUSH, ("int", "buffer"), alone=True)(self._block, cell))

    def pop(self) -> Any:
        """Take the oldest element out, and return it.

        Raises IndexError if there is none.
        """
        if not len(self):
            raise IndexError(f"{EMPTY_BUFFER} ({self})")
        return RingBuffer.pop_or(self, None)

    def pop_or(self, default: Any) -> Any:
        """Take the oldest element out, and return it; return `default` if there is none."""
        if self._install("_pop_kernel", POP):
            return RingBuffer.pop_or(self, default)
        cell = np.zeros(1, self._element.dtype)
        taken = kernel(POP, ("int", "buffer"), alone=True)(self._block, cell)
        return element_to_python(self._element, cell[0]) if taken else default

    def extend(self, values: Any) -> int:
        """Put elements in, oldest first.

        Parameters
        ----------
        values : (n,) array-like, or (n, ...) for elements that are arrays
            An array of the ring's own dtype is not copied before it goes in.

        Returns
        -------
        int
            How many were stored: with ``policy="overwrite"`` all, of which the last `capacity` survive.

        Raises
        ------
        TypeError, OverflowError, ValueError
            If they are no elements of the ring. Then none is stored.
        """
        values = elements_from(self._element, values, self)
        self._install_arrays(EXTEND)
        if np.may_share_memory(values, self._memory):
            values = values.copy()  # or elements would be overwritten before they are read
        return kernel(EXTEND, ("int", "buffer", "int"), alone=True)(self._block, values, len(values))

    def drain(self, out: np.ndarray[Any, Any]) -> int:
        """Take the oldest elements out, as many as there are and as fit.

        Parameters
        ----------
        out : (n,) array of the ring's dtype
            Filled from its beginning; writable and C-contiguous.

        Returns
        -------
        int
            How many were taken out.
        """
        check_out(self._element, out, self)
        if np.may_share_memory(out, self._memory):
            raise ValueError(f"{OWN_MEMORY} ({self})")
        return kernel("jitkit.ring._calls:drain", ("int", "buffer", "int"), alone=True)(self._block, out, len(out))

    def peek(self, i: int = 0) -> Any:
        """Return element `i` and leave it there: 0 is the oldest, -1 the newest.

        Raises
        ------
        IndexError
            If there is no such element.
        """
        if not hasattr(type(i), "__index__"):
            raise TypeError(f"expected the index of an element as an int, got {i!r} ({self})")
        oldest, count = self._oldest()
        if not -count <= (index := int(i)) < count:
            raise IndexError(f"expected an index from {-count} to {count - 1}, got {index} ({self})")
        slot = (oldest + (index if index >= 0 else index + count)) % self._capacity
        return element_to_python(self._element, self._slots[slot])

    __getitem__ = peek

    def slices(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the elements where they lie, as two views: those up to the end of the memory, then the others.

        The views stay what they are while nothing is put in; what is taken out remains visible in them.
        """
        oldest, count = self._oldest()
        start = oldest % self._capacity
        straight = min(count, self._capacity - start)
        return self._slots[start : start + straight], self._slots[: count - straight]

    def to_array(self) -> np.ndarray[Any, Any]:
        """Return a copy of all elements, oldest first."""
        return joined(self._element, self.slices())

    def clear(self) -> None:
        """Forget all elements. What was dropped stays counted."""
        oldest, _ = self._oldest()
        self._set_word(MISSED, self._word(MISSED) + oldest - self._word(HEAD))
        self._set_word(HEAD, self._word(TAIL))

    def copy(self) -> RingBuffer:
        """Return a ring of the same type with the same elements."""
        return _restored(self._asked(), self._capacity, self._policy, self.to_array(), self.dropped)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> RingBuffer:
        return self.copy()

    def __reduce__(self) -> Any:
        return _restored, (self._asked(), self._capacity, self._policy, self.to_array(), self.dropped)

    def _oldest(self) -> tuple[int, int]:
        """Return the number of the oldest element that is still there, and how many there are."""
        head, tail = self._word(HEAD), self._word(TAIL)
        count = min((tail - head) & WRAP, self._capacity)
        return (tail - count) & WRAP, count

    @property
    def is_empty(self) -> bool:
        """Whether there is no element."""
        return len(self) == 0

    @property
    def is_full(self) -> bool:
        """Whether there is no room."""
        return len(self) == self._capacity

    @property
    def dropped(self) -> int:
        """How many elements were refused, or overwritten before they were taken out."""
        unnoticed = self._oldest()[0] - self._word(HEAD)
        return (self._word(REFUSED) + self._word(MISSED) + unnoticed) & WRAP

    def __len__(self) -> int:
        return self._oldest()[1]

    def __iter__(self) -> Iterator[Any]:
        return iter([element_to_python(self._element, value) for value in self.to_array()])

    def __contains__(self, value: object) -> bool:
        if self._element.raw:
            return value in list(self)
        return any(np.array_equal(value, found) for found in self)  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RingBuffer):
            return NotImplemented
        same = self._element == other._element and len(self) == len(other)
        return same and np.array_equal(self.to_array(), other.to_array())

    def __repr__(self) -> str:
        shown = np.array2string(self.to_array(), separator=", ", threshold=8, edgeitems=3)
        parts = [str(self._element), str(self._capacity), f"policy={self._policy!r}", " ".join(shown.split())]
        return f"RingBuffer({', '.join(parts)}{f', dropped={self.dropped}' if self.dropped else ''})"


def _restored(dtype: Any, capacity: int, policy: str, values: np.ndarray[Any, Any], dropped: int) -> RingBuffer:
    ring = RingBuffer(dtype, capacity, policy)
    ring.extend(values)
    ring._set_word(MISSED, dropped)
    return ring


def check_out(element: Element, out: Any, where: object) -> None:
    """Raise a TypeError or ValueError if elements cannot be written to `out`."""
    shape = element.dtype.shape
    if not isinstance(out, np.ndarray) or out.dtype != element.dtype.base or out.shape[1:] != shape or out.ndim < 1:
        wanted = f"an array of {element.dtype.base}" + (
            f" and shape (n, {', '.join(map(str, shape))})" if shape else ""
        )
        got = f"one of {out.dtype} and shape {out.shape}" if isinstance(out, np.ndarray) else f"{type(out).__name__}"
        raise TypeError(f"expected {wanted} as out, got {got} ({where})")
    if not out.flags.c_contiguous or not out.flags.writeable:
        kind = "a read-only one" if not out.flags.writeable else "one with gaps"
        raise ValueError(f"expected a writable C-contiguous array as out, got {kind} ({where})")
