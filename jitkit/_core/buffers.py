"""Bytes of any object that has a buffer, without a copy, and what is a path instead."""

from __future__ import annotations

import os
import stat
from typing import Any

import numpy as np

from jitkit.errors import DecodeError

COMMON_BUFFERS = (np.ndarray, bytes)
BYTES = np.dtype(np.uint8)


def is_path(source: Any) -> bool:
    """Whether a source names a file."""
    if isinstance(source, COMMON_BUFFERS):  # the common case first: asking for a method that is not there is slow
        return False
    return isinstance(source, str) or hasattr(source, "__fspath__")


def is_stream(path: Any) -> bool:
    """Whether only its end tells the size of what a path names: pipes, devices, and files like those in /proc."""
    status = os.stat(path)
    return not stat.S_ISREG(status.st_mode) or status.st_size == 0


def byte_view(buffer: Any) -> np.ndarray[Any, Any]:
    """Return the bytes of a buffer as an (n,) uint8 array that shares its memory; to be read only.

    Raises
    ------
    DecodeError
        If the object has no buffer, is not C-contiguous, or holds Python objects. Its kind is ``"buffer"``.
    """
    try:
        view = np.frombuffer(buffer, BYTES)
    except (TypeError, ValueError, BufferError, AttributeError):
        view = _unusual_view(buffer)
    if type(buffer) is bytes:
        return view
    owner = buffer.obj if isinstance(buffer, memoryview) else buffer
    if isinstance(owner, np.ndarray) and owner.dtype.hasobject:
        raise DecodeError(f"expected plain bytes, got an array of Python objects ({owner.dtype})", kind="buffer")
    return view


def _unusual_view(buffer: Any) -> np.ndarray[Any, Any]:
    """View what `np.frombuffer` does not: empty buffers, and arrays of datetimes, which have no buffer format."""
    try:
        array = buffer if isinstance(buffer, np.ndarray) else np.asarray(memoryview(buffer))
    except TypeError:
        raise DecodeError(
            f"expected a buffer (bytes, memoryview, mmap, ndarray), got {type(buffer).__name__}", kind="buffer"
        ) from None
    except ValueError as error:  # a closed mmap, a released memoryview
        raise DecodeError(f"expected an open buffer, got {type(buffer).__name__}: {error}", kind="buffer") from None
    if array.dtype.hasobject:
        raise DecodeError("expected plain bytes, got an array of Python objects", kind="buffer")
    if not array.flags.c_contiguous:
        raise DecodeError(
            f"expected a C-contiguous buffer, got shape {array.shape} with strides {array.strides}: "
            f"np.ascontiguousarray makes one",
            kind="buffer",
        )
    return array.reshape(-1).view(np.uint8) if array.size else np.empty(0, np.uint8)
