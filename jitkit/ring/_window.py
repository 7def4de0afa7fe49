"""`WindowBuffer`: the last samples of a stream, always side by side, with running statistics."""

from __future__ import annotations

import operator
from contextlib import suppress
from typing import Any

import numpy as np

from jitkit._core.mapping import PAGE, mirror_refusal, mirrored
from jitkit._core.native import kernel
from jitkit.errors import LayoutError
from jitkit.ring._block import (
    HEADER_NBYTES,
    MIRRORED,
    ROLLING,
    SUFFIX,
    TAIL,
    check_capacity,
    new_block,
    round_up,
    words_of,
    write_header,
)
from jitkit.ring._conversion import element_from, elements_from
from jitkit.ring._elements import Element, element_of
from jitkit.ring._introduction import introduce
from jitkit.ring._messages import NO_SAMPLES, NO_STATISTICS, TOO_LONG
from jitkit.ring._native import in_machine_code
from jitkit.ring._object import BlockObject

CALLS = "jitkit.ring._window_calls"


@in_machine_code
class WindowBuffer(BlockObject):
    """The last samples of a stream: any number of them is one contiguous array, without a copy.

    Parameters
    ----------
    dtype : dtype-like or record class
        What samples are, as for `RingBuffer`.
    capacity : int
        Number of samples that are kept, a power of two.
    rolling : int, optional
        Number of the last samples that `mean`, `var`, `min` and `max` are about, up to `capacity`. Samples must be
        real numbers.

    Attributes
    ----------
    capacity, dtype, rolling
        As given; `rolling` is 0 if it was not.
    mirrored : bool
        Whether the memory of the samples is mapped twice, so that each is stored once. It can be where they fill whole
        pages (4 KiB, on most systems) and the system has a way to; else every sample is stored twice.

    Raises
    ------
    CapacityError
        If the capacity is not a power of two.
    LayoutError
        If `dtype` cannot be in a ring, or has no statistics.
    ValueError
        If `rolling` is less than 1 or more than the capacity.

    Notes
    -----
    `push` is O(1), and so is `window`, whatever its length. The statistics cost O(1) for each sample, in all: what came
    since the last question is taken in when somebody asks, and once in `rolling` samples all of them are gone through.
    They are about as exact as those of one new pass (Welford's method, its halves put together by Chan's), and what
    has left the window has no part in them.

    Examples
    --------
    >>> import numpy as np, jitkit as jk
    >>> w = jk.WindowBuffer(np.float32, 1024, rolling=4)
    >>> w.extend([1, 2, 3, 4, 5, 6])
    6
    >>> w.window(3), w.mean(), w.max()
    (array([4., 5., 6.], dtype=float32), 4.5, 6.0)
    """

    __slots__ = ("_rolling",)
    family = "WindowBuffer"

    def __init__(self, dtype: Any, capacity: int, rolling: int | None = None) -> None:
        element = element_of(dtype, "WindowBuffer")
        number = check_capacity(capacity, f"WindowBuffer({element})")
        self._rolling = _check_rolling(rolling, number, element)
        self._set_up(_new_memory(element, number, self._rolling), element, number, "overwrite")
        introduce()

    def _count_of_slots(self) -> int:
        return 2 * self._capacity

    def push(self, value: Any) -> bool:
        """Put a sample in. Returns True: the oldest one gives way.

        Raises TypeError, OverflowError or ValueError if `value` is no sample of the window.
        """
        if self._install("_push_kernel", f"{CALLS}:push"):
            return bool(WindowBuffer.push(self, value))
        cell = element_from(self._element, value, self)
        return bool(kernel(f"{CALLS}:push", ("int", "buffer"), alone=True)(self._block, cell))

    def extend(self, values: Any) -> int:
        """Put samples in, oldest first; return how many: all, of which the last `capacity` survive.

        Parameters
        ----------
        values : (n,) array-like, or (n, ...) for samples that are arrays

        Raises
        ------
        TypeError, OverflowError, ValueError
            If they are no samples of the window. Then none is stored.
        """
        values = elements_from(self._element, values, self)
        self._install_arrays(f"{CALLS}:extend")
        if np.may_share_memory(values, self._memory):
            values = values.copy()  # or samples would be overwritten before they are read
        return kernel(f"{CALLS}:extend", ("int", "buffer", "int"), alone=True)(self._block, values, len(values))

    def window(self, count: int) -> np.ndarray[Any, Any]:
        """Return the last `count` samples, oldest first: a contiguous read-only view.

        It shows what is in the memory: once more than ``capacity - count`` samples were put in, these are others.

        Raises
        ------
        ValueError
            If there are not so many samples.
        """
        try:
            count = operator.index(count)
        except TypeError as error:
            raise TypeError(f"expected the number of samples as an int, got {count!r} ({self})") from error
        tail = self._word(TAIL)
        there = min(tail, self._capacity)
        if not 0 <= count <= there:
            raise ValueError(f"{TOO_LONG}, {there}, got {count} ({self})")
        start = (tail - count) % self._capacity
        view = self._slots[start : start + count]
        view.flags.writeable = False
        return view

    def mean(self) -> float:
        """Mean of the last `rolling` samples, or of all if there are fewer; NaN if there is none."""
        return float(self._measure("mean", np.float64))

    def var(self) -> float:
        """Variance of the last `rolling` samples: the mean squared deviation from their mean, as `numpy.var` has it."""
        return float(self._measure("var", np.float64))

    def min(self) -> Any:
        """Smallest of the last `rolling` samples; NaN if one is. Raises ValueError if there is none."""
        return self._measure("min", self.dtype).item()

    def max(self) -> Any:
        """Largest of the last `rolling` samples; NaN if one is. Raises ValueError if there is none."""
        return self._measure("max", self.dtype).item()

    def _measure(self, name: str, dtype: Any) -> Any:
        if not self._rolling:
            raise TypeError(f"{NO_STATISTICS} ({self})")
        if name in ("min", "max") and not len(self):
            raise ValueError(f"{NO_SAMPLES} ({self})")
        result = np.zeros(1, dtype)
        kernel(f"{CALLS}:{name}_{self._element.code}", ("int", "buffer"), alone=True)(self._block, result)
        return result[0]

    @property
    def rolling(self) -> int:
        """Length of the running statistics, or 0."""
        return self._rolling

    @property
    def mirrored(self) -> bool:
        """Whether the memory of the samples is mapped twice."""
        return self._word(MIRRORED) != 0

    def __len__(self) -> int:
        return min(self._word(TAIL), self._capacity)

    def __bool__(self) -> bool:
        return True

    def __reduce__(self) -> Any:
        return _restored, (self._asked(), self._capacity, self._rolling, self.window(len(self)).copy())

    def __str__(self) -> str:
        return f"WindowBuffer({self._element}, {self._capacity}{f', rolling={self._rolling}' if self._rolling else ''})"

    def __repr__(self) -> str:
        return str(self)


def _restored(dtype: Any, capacity: int, rolling: int, samples: np.ndarray[Any, Any]) -> WindowBuffer:
    window = WindowBuffer(dtype, capacity, rolling or None)
    window.extend(samples)
    return window


def _check_rolling(rolling: Any, capacity: int, element: Element) -> int:
    if rolling is None:
        return 0
    if isinstance(rolling, bool) or not hasattr(type(rolling), "__index__"):
        raise TypeError(f"expected rolling as an int, got {rolling!r} (WindowBuffer({element}, {capacity}))")
    if not 1 <= rolling <= capacity:
        raise ValueError(
            f"expected rolling from 1 to {capacity}, the capacity, got {rolling} (WindowBuffer({element}))"
        )
    if element.code[:1] not in ("i", "u", "f"):
        raise LayoutError(f"expected samples that are real numbers for running statistics, got {element}")
    return int(rolling)


def _new_memory(element: Element, capacity: int, rolling: int) -> np.ndarray[Any, Any]:
    """Return a block whose slots are there twice."""
    nbytes, head = capacity * element.dtype.itemsize, HEADER_NBYTES
    if rolling:
        head = round_up(SUFFIX + 4 * 8 * rolling, HEADER_NBYTES)
    block: np.ndarray[Any, Any] | None = None
    if nbytes % PAGE == 0 and mirror_refusal() is None:
        with suppress(OSError):  # for want of memory, or of mappings: there is another way
            block = mirrored(round_up(head, PAGE), nbytes).array()
            head = round_up(head, PAGE)
            words_of(block)[MIRRORED // 8] = 1
    if block is None:
        block = new_block(capacity, element.dtype.itemsize, "overwrite", "window buffer", head + 2 * nbytes)
    write_header(block, head, capacity, element.dtype.itemsize, "overwrite", "window buffer")
    words_of(block)[ROLLING // 8] = rolling
    return block
