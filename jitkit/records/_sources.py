"""Where bytes come from: any buffer without a copy, or a file in pieces."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any, Protocol, Self

import numpy as np

from jitkit.errors import DecodeError

COMMON_BUFFERS = (np.ndarray, bytes)
BYTES = np.dtype(np.uint8)
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
