"""What all that works on a block has in common: its memory, its element, and what numba must know of it."""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from jitkit._core.native_type import kernel_address
from jitkit.ring._block import HEADER_NBYTES, SLOTS
from jitkit.ring._elements import Element
from jitkit.ring._native import Words
from jitkit.ring._native_arrays import array_words, arrays_are_plain
from jitkit.ring._native_words import WORDS
from jitkit.ring._numbers import FLOATS_ARE_PLAIN, converters

WRAP = (1 << 64) - 1  # counters are numbers of 64 bits

# Python's objects by their kind and the address of their blocks, so that a kernel returns the one that it was given.
living: WeakValueDictionary[tuple[str, int], Any] = WeakValueDictionary()


class BlockObject(Words):
    """A block of memory with a type: base of `RingBuffer`, `Producer` and the others."""

    # Numba looks for `_numba_type_` by itself; it and `_meminfo` are filled in when a kernel is first given the object.
    __slots__ = (
        "__weakref__",
        "_capacity",
        "_element",
        "_header",
        "_lease",
        "_meminfo",
        "_memory",
        "_numba_type_",
        "_policy",
        "_slots",
    )

    family = ""  # as numba's type is called, too
    _memory: np.ndarray[Any, Any]
    _header: memoryview
    _slots: np.ndarray[Any, Any]
    _element: Element
    _capacity: int
    _policy: str
    _lease: Any  # of shared memory: who owns it; else None

    def _set_up(self, memory: np.ndarray[Any, Any], element: Element, capacity: int, policy: str) -> None:
        for word in WORDS:  # of what the object was before, if it was
            setattr(self, word, 0)
        for name in ("_meminfo", "_numba_type_"):
            if hasattr(self, name):
                delattr(self, name)
        self._memory, self._element, self._capacity, self._policy = memory, element, capacity, policy
        self._block, self._lease = memory.ctypes.data, None
        self._header = memory[:HEADER_NBYTES].view(np.uint64).data
        start, count = self._word(SLOTS), self._count_of_slots()
        self._slots = np.ndarray((count,), element.dtype, memory[start : start + count * element.dtype.itemsize].data)
        living[self.family, self._block] = self

    def _count_of_slots(self) -> int:
        return self._capacity

    def _asked(self) -> Any:
        """Return what the constructor was told that elements are."""
        return self._element.record or (f"V{self.dtype.itemsize}" if self._element.raw else self.dtype)

    @property
    def capacity(self) -> int:
        """Number of elements that there is room for."""
        return self._capacity

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of an element."""
        return self._element.dtype

    @property
    def policy(self) -> str:
        """What happens to an element that finds no room."""
        return self._policy

    def _word(self, place: int) -> int:
        """Word of the header."""
        word: int = self._header[place // 8]
        return word

    def _set_word(self, place: int, value: int) -> None:
        self._header[place // 8] = value & WRAP

    def _install(self, kernel: str, path: str) -> bool:
        """Let a method's machine code call a kernel by itself, if elements are plain numbers; tell if it can now."""
        if not self._element.code or getattr(self, kernel):
            return False
        self._putter, self._taker = converters()[self._element.code]
        self._plain_type = id(float) if FLOATS_ARE_PLAIN and self._element.code == "f8" else 0
        setattr(self, kernel, kernel_address(f"{path}_{self._element.dtype.itemsize}", 2))
        return True

    def _install_arrays(self, path: str) -> None:
        """The same for arrays: let `extend` call a kernel, and `window` make views."""
        if self._element.code and arrays_are_plain():
            for word, value in array_words(self._memory, self._element.dtype).items():
                setattr(self, word, value)
            self._extend_kernel = kernel_address(path, 3)

    def __str__(self) -> str:
        return f"{self.family}({self._element}, {self._capacity}, policy={self._policy!r})"
