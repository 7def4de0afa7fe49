"""Where bytes come from: a buffer, or a file in pieces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Protocol, Self

import numpy as np

from jitkit.errors import DecodeError

ROWS = 64  # of which a column of any type fills whole cache lines
FILE_PIECE = 1 << 20  # bytes read at a time: still in the second-level cache when the decoder comes to them
BUFFER_PIECE = 64 << 20  # bytes between two chances for Ctrl-C


class Source(Protocol):
    """Bytes that are taken front to back."""

    nbytes: int

    def pieces(self, nbytes: int) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the next `nbytes` bytes as arrays of whole records, each valid until the next is taken."""

    def rest(self) -> bytes:
        """Take all that is left."""


class BufferSource:
    """Bytes in memory, which are never copied."""

    def __init__(self, data: np.ndarray[Any, Any], itemsize: int) -> None:
        self.nbytes = data.size
        self._data = data
        self._piece = records_in(BUFFER_PIECE, itemsize) * itemsize
        self._position = 0

    def pieces(self, nbytes: int) -> Iterator[np.ndarray[Any, Any]]:
        """Yield slices; see `Source`."""
        stop = self._position + nbytes
        for start in range(self._position, stop, self._piece):
            self._position = min(stop, start + self._piece)
            yield self._data[start : self._position]

    def rest(self) -> bytes:
        """Copy what is left."""
        return self._data[self._position :].tobytes()


def records_in(nbytes: int, itemsize: int) -> int:
    """Records that a piece of at most `nbytes` bytes holds, but at least one: if many, as many as fill cache lines."""
    count = nbytes // itemsize
    return count // ROWS * ROWS or max(1, count)


class FileSource:
    """A file that is read once, front to back, into one buffer that is used again and again.

    Reading, not mapping: the pages of a mapping would count as memory of the process, and a file that another process
    cuts short would kill it.
    """

    def __init__(self, path: Any, itemsize: int) -> None:
        self._path = os.fspath(path)
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 (`__exit__` closes it)
        self.nbytes = os.fstat(self._file.fileno()).st_size
        self._buffer = np.empty(0, np.uint8)
        self._piece = records_in(FILE_PIECE, itemsize) * itemsize
        self._position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def pieces(self, nbytes: int) -> Iterator[np.ndarray[Any, Any]]:
        """Read pieces; see `Source`.

        Raises
        ------
        DecodeError
            If the file has become shorter since it was opened. Its kind is ``"length"``.
        """
        if not self._buffer.size:
            self._buffer = np.empty(min(nbytes, self._piece), np.uint8)
        while nbytes > 0:
            piece = self._buffer[:nbytes]
            self._fill(piece.data)
            yield piece
            nbytes -= piece.size

    def rest(self) -> bytes:
        """Read what is left, up to the size that the file had when it was opened."""
        data = bytearray(self.nbytes - self._position)
        self._fill(memoryview(data))
        return bytes(data)

    def _fill(self, target: memoryview) -> None:
        done = 0
        while done < len(target):
            count = self._file.readinto(target[done:])
            if not count:
                at = self._position + done
                raise DecodeError(
                    f"expected {self.nbytes} bytes in {self._path}, got {at}: it became shorter while it was read",
                    kind="length",
                    offset=at,
                )
            done += count
        self._position += done
