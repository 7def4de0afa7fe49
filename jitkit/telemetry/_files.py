"""Bytes of files. They are read, not mapped: a file that another process cuts short would end this one."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from jitkit._core.spare import Spare

Array = np.ndarray[Any, Any]

spare = Spare()


BEGINNING = 64  # bytes of a file that say what it is


def file_bytes(path: Any) -> Array:
    """All bytes of a file, which may be a pipe."""
    with open(path, "rb", buffering=0) as file:
        return _whole(file, os.fstat(file.fileno()).st_size)


def small_file_or_beginning(path: Any, large: int) -> tuple[Array, bool]:
    """All bytes of a file, and True; or the first ones of a file of at least `large` bytes, and False."""
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size < large:
            return _whole(file, size), True
        return filled(file, np.empty(BEGINNING, np.uint8)), False


def _whole(file: Any, size: int) -> Array:
    data = filled(file, spare.take(size))
    rest = file.readall()  # of what has no size, or has grown
    return np.concatenate([data, np.frombuffer(rest, np.uint8)]) if rest else data


def filled(file: Any, target: Array, done: int = 0) -> Array:
    """Read into an array, behind the first `done` bytes; what is not filled at the end of the file is left out."""
    while done < target.size and (count := file.readinto(target[done:].data)):
        done += count
    return target[:done]
