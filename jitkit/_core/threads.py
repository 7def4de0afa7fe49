"""How many threads jitkit's own functions may use, and the helpers that wait for work. Loads no numba.

Helpers are threads of Python's that never come back from machine code, and need nothing of Python's meanwhile. The loop
of a ufunc finds the number of threads by itself, as C code does: under a key of POSIX threads.
"""

from __future__ import annotations

import _thread
import ctypes
import mmap
import operator
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MOST_HELPERS = 63
# Of results. On Zen 4, two threads take float64 roots of so many in 2.1 us instead of 2.8; of half as many they gain a
# sixth. Where helpers have no core to run on, asking for them costs 0.1 us.
LEAST_BYTES = 1 << 16
RUN, KEY, HELPERS, LOCK, SLOTS, SLOT_BYTES = 0, 8, 16, 64, 320, 128  # places of the block: `sharing` has them all
PARTS_DONE = 64
BLOCK_BYTES = SLOTS + (MOST_HELPERS + 1) * SLOT_BYTES


def threads(n: int) -> Any:
    """Let jitkit's own functions use several threads inside a ``with`` block.

    Parameters
    ----------
    n : int
        At most so many threads, the calling one among them. 1 is what holds outside of all such blocks.

    Returns
    -------
    context manager
        It holds for what the thread calls that enters it, and may be nested; what held before comes back at its end.

    Raises
    ------
    TypeError
        If `n` is no integer.
    ValueError
        If it is less than 1.

    Notes
    -----
    Used by `jitkit.sqrt`, the ufuncs of `jitkit.simd`, and what `jitkit.simd.vectorize` makes, called from Python with
    arrays of 64 KiB or more. The bits are those of one thread, and so are the warnings. One call at a time has
    helpers: a call in another thread meanwhile does without. Helpers are started when they are first asked for, at most
    63; they stay, and sleep when there is no work for 0.1 ms. A forked process starts its own in the next block that it
    enters. On other systems than Linux (x86-64, AArch64) all is done by the calling thread.

    Examples
    --------
    >>> import numpy as np
    >>> import jitkit as jk
    >>> with jk.threads(2):
    ...     y = jk.sqrt(np.ones(1 << 18))
    """
    if isinstance(n, bool):
        raise TypeError(f"jk.threads: expected a number of threads, got {n}")
    try:
        number = operator.index(n)
    except TypeError:
        raise TypeError(f"jk.threads: expected a number of threads, got {n!r}") from None
    if number < 1:
        raise ValueError(f"jk.threads: expected one thread at least, got {number}")
    return _allowed(number)


@contextmanager
def _allowed(number: int) -> Iterator[None]:
    if number > 1 and supported():
        pool.start(min(number - 1, MOST_HELPERS))
    before = pool.allowed()
    pool.allow(number)
    try:
        yield
    finally:
        pool.allow(before)


def supported() -> bool:
    """Whether there are helpers on this system."""
    return sys.platform == "linux" and os.uname().machine in ("x86_64", "aarch64")


class Pool:
    """The helpers, and the block of memory that they share with loops."""

    def __init__(self) -> None:
        memory = mmap.mmap(-1, BLOCK_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        _keep_for_ever(memory)
        self._buffer = ctypes.c_char.from_buffer(memory)
        self.block = ctypes.addressof(self._buffer)
        self._library = ctypes.CDLL(None)
        self._library.pthread_getspecific.restype = ctypes.c_size_t
        self._library.pthread_setspecific.argtypes = (ctypes.c_uint, ctypes.c_size_t)
        key = ctypes.c_uint()
        if self._library.pthread_key_create(ctypes.byref(key), None):
            raise OSError("expected a key for what threads have for themselves, got none: all are taken")
        self._key = key.value
        self._word(KEY).value = key.value
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def allowed(self) -> int:
        """Return how many threads the calling one may use."""
        return max(1, int(self._library.pthread_getspecific(self._key)))

    def allow(self, number: int) -> None:
        """Let the calling thread use so many."""
        self._library.pthread_setspecific(self._key, number)

    @property
    def helpers(self) -> int:
        """How many helpers there are."""
        return int(self._word(HELPERS).value)

    def parts_of_helpers(self) -> int:
        """Return how many parts of jobs helpers have done."""
        return sum(self._word(SLOTS + number * SLOT_BYTES + PARTS_DONE).value for number in range(1, self.helpers + 1))

    def start(self, helpers: int) -> None:
        """See to it that there are so many helpers."""
        if self.helpers >= helpers:
            return
        with self._lock:
            from jitkit._core.native import kernel

            help_out = kernel("jitkit._core.sharing:help_out", ["int", "int"])
            _keep_for_ever(help_out)  # the helpers outlive the interpreter by a moment
            if not self._word(RUN).value:
                self._word(RUN).value = _address_of_share_out()
            for number in range(self.helpers, helpers):
                slot = self.block + SLOTS + (number + 1) * SLOT_BYTES
                _thread.start_new_thread(help_out, (self.block, slot))
                self._word(HELPERS).value = number + 1

    def _word(self, place: int) -> ctypes.c_int64:
        return ctypes.c_int64.from_address(self.block + place)

    def _forget(self) -> None:
        """In a forked process, which has no helpers."""
        self._lock = threading.Lock()
        self._word(HELPERS).value = 0
        ctypes.memset(self.block + LOCK, 0, 8)
        ctypes.memset(self.block + SLOTS, 0, BLOCK_BYTES - SLOTS)


def _address_of_share_out() -> int:
    import llvmlite.binding as llvm

    from jitkit._core.fork import compiling
    from jitkit._core.native import kernel_object, machine

    symbol = "jitkit_share_out"
    code = kernel_object("jitkit._core.sharing:share_out", 7, symbol)
    with compiling:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _keep_for_ever(engine)
        return int(engine.get_function_address(symbol))


def _keep_for_ever(value: Any) -> None:
    """Keep an object also when the interpreter ends: helpers are still there."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


pool = Pool()
