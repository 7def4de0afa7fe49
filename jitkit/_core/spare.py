"""Memory that is used again once nobody has it any more.

Memory that is given back to the system and asked for again has to be cleared, page by page: for some megabytes that
takes longer than all that is done with them.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np

MOST = 16 << 20  # bytes that are kept
REFERENCES = 3  # to an array that nobody else has: where it is kept, where it is looked at, and the argument that asks


class Spare:
    """One array, for whoever needs memory that the last one has given up."""

    def __init__(self) -> None:
        self._kept: np.ndarray[Any, Any] | None = None
        self._lock = threading.Lock()

    def take(self, nbytes: int) -> np.ndarray[Any, Any]:
        """Return memory with anything in it, as (nbytes,) uint8; it is free again when no array over it is left."""
        with self._lock:
            kept = self._kept
            # safe: every view has a reference to the array whose memory it shows (`ndarray.base`).
            if kept is not None and kept.size >= nbytes and sys.getrefcount(kept) == REFERENCES and COUNTS:
                return kept[:nbytes]
            fresh = np.empty(nbytes, np.uint8)
            if nbytes <= MOST:
                self._kept = fresh
            return fresh[:]


def _counts() -> bool:
    """Whether the count of references is what it is taken for."""
    array = np.empty(1, np.uint8)
    holder = [array]
    before = sys.getrefcount(array)
    view = array[:].view(np.int8)[:0]
    return before == REFERENCES and sys.getrefcount(holder[0]) == REFERENCES + 1 and view.base is array


COUNTS = _counts()
