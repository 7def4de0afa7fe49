"""Bytes of any buffer, as kernels take them."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.buffers import byte_view


def bytes_of(buffer: Any) -> np.ndarray[Any, Any]:
    """Return the bytes of a buffer as an (n,) uint8 array that shares its memory and cannot be written to.

    Kernels are compiled once, for arrays that can only be read, whatever the buffer allows.

    Raises
    ------
    DecodeError
        If the object has no buffer, is not C-contiguous, or holds Python objects. Its kind is ``"buffer"``.
    """
    found = byte_view(buffer).view()
    found.flags.writeable = False
    return found
