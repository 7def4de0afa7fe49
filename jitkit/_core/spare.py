"""Memory that is used again once nobody has it any more.

Memory that is given back to the system and asked for again has to be cleared, page by page: for some megabytes that
takes longer than all that is done with them.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import numpy as np

LEAST, MOST = 1 << 20, 16 << 20  # bytes that are kept: less is not worth it
# Arrays begin where a huge page does. NumPy asks for such pages in 4 MiB and more, which one page more makes of all:
# a log of 4 MB was read 1.1 times as fast, on a virtual machine, where it takes long to find a page.
HUGE_PAGE = 2 << 20
SHARE = 4  # whoever needs less than one of so many parts of what is kept would hold all of it: it gets its own memory
REFERENCES = 3  # to an array that nobody else has: where it is kept, where it is looked at, and the argument that asks


class Spare:
    """One array, for whoever needs memory that the last one has given up."""

    def __init__(self) -> None:
        self._kept: np.ndarray[Any, Any] | None = None
        self._lock = threading.RLock()  # a signal's handler may ask, too: it finds one reference more
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._lock._at_fork_reinit)  # type: ignore[attr-defined]

    def take(self, nbytes: int) -> np.ndarray[Any, Any]:
        """Return memory with anything in it, as (nbytes,) uint8; it is free again when no array over it is left."""
        if not LEAST <= nbytes <= MOST or not COUNTS:
            return np.empty(nbytes, np.uint8)
        with self._lock:
            kept = self._kept
            fits = kept is not None and nbytes <= kept.size - HUGE_PAGE <= SHARE * max(nbytes, HUGE_PAGE)
            # safe: every view has a reference to the array whose memory it shows (`ndarray.base`).
            if kept is None or not fits or sys.getrefcount(kept) != REFERENCES:
                self._kept = kept = np.empty((-(-nbytes // HUGE_PAGE) + 1) * HUGE_PAGE, np.uint8)
            start = -kept.ctypes.data % HUGE_PAGE
            return kept[start : start + nbytes]


def _counts() -> bool:
    """Whether the count of references is what it is taken for."""
    array = np.empty(1, np.uint8)
    holder = [array]
    before = sys.getrefcount(array)
    view = array[:].view(np.int8)[:0]
    return before == REFERENCES and sys.getrefcount(holder[0]) == REFERENCES + 1 and view.base is array


COUNTS = _counts()
