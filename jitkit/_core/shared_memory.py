"""Shared memory with a name: POSIX's `shm_open`, without the book-keeping of `multiprocessing`.

A name lasts until somebody unlinks it or the machine stops, whoever made it; memory lasts as long as its name, or
somebody who has it mapped. `multiprocessing.shared_memory` before Python 3.13 unlinks what a process only attached to
once that ends, and complains of it (github.com/python/cpython/issues/82300).
"""

from __future__ import annotations

import errno
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from jitkit._core.mapping import Mapping, mapped, refused, reserve

# Of the standard library, and what its own shared memory is built on: it is linked with the library that has
# `shm_open` (librt before glibc 2.34), goes on when a signal interrupts, and calls a function with a variable number of
# arguments as macOS on ARM wants it called, which ctypes does not.
try:
    import _posixshmem  # type: ignore[import-not-found]
except ImportError:  # Windows
    _posixshmem = None

LONGEST_NAME = 30 if sys.platform == "darwin" else 253  # bytes: PSHMNAMLEN; glibc before 2.34, musl has two more
MODE = 0o600
PATIENCE = 0.2  # seconds without progress, after which memory that is too small is no longer waited for
ATTEMPTS = 100  # to find a name either taken or free, while others take and free it


def create(name: str, nbytes: int, exist_ok: bool = False) -> Mapping:
    """Make shared memory with a name, and map it.

    Parameters
    ----------
    name : str
        As in ``"telemetry"``: at most 253 bytes, without slashes.
    nbytes : int
        All of it is reserved here; it is zeros.
    exist_ok : bool
        Whether memory that has the name already is good as well. It is made larger if need be, never smaller.

    Returns
    -------
    Mapping
        Of `nbytes`, or of all that was there. It is shared, also with forked processes. Other users may not open it.

    Raises
    ------
    ValueError
        If no memory can have such a name, or `nbytes` is less than 1.
    FileExistsError
        If the name is taken.
    OSError
        If the system refuses: then nothing is left behind. ENOSPC is a full ``/dev/shm``.
    """
    with created(name, nbytes, exist_ok) as file:
        return mapped(file, os.fstat(file).st_size)


def attach(name: str, at_least: int = 1) -> Mapping:
    """Map shared memory that has a name.

    Parameters
    ----------
    name : str
    at_least : int, bytes

    Returns
    -------
    Mapping
        Of all that is there.

    Raises
    ------
    FileNotFoundError
        If there is none of that name.
    ValueError
        If there is less than `at_least`, or no memory can have such a name.
    OSError
        If the system refuses.

    Notes
    -----
    What another process has just begun to make has a size of 0, until all of it is reserved. It is waited for as long
    as that goes on. So there is never less than was asked for, and nothing that could not be touched.
    """
    with opened(name, at_least) as file:
        return mapped(file, os.fstat(file).st_size)


def unlink(name: str) -> None:
    """Take a name from its memory, which stays where it is mapped; a FileNotFoundError if there is none."""
    library, path = _library(), _path(name)
    try:
        library.shm_unlink(path)
    except OSError as error:
        raise _in_words("unlink", name, error) from error


def exists(name: str) -> bool:
    """Whether there is shared memory of that name."""
    try:
        os.close(_open(name, os.O_RDONLY))
    except FileNotFoundError:
        return False
    except PermissionError:  # another user's
        return True
    return True


@contextmanager
def created(name: str, nbytes: int, exist_ok: bool = False) -> Iterator[int]:
    """Make shared memory as `create` does, and have its file descriptor inside a ``with`` block.

    A new name is gone again if the block raises an exception.
    """
    if nbytes < 1:
        raise ValueError(f"expected shared memory {name!r} of at least 1 byte, got {nbytes}")
    file, is_new = _open_or_make(name, exist_ok)
    try:
        try:
            # A process that is killed before this is done leaves a name, and memory of size 0: `exist_ok` completes it.
            reserve(file, nbytes)
        except OSError as error:
            raise _in_words(f"reserve {nbytes:,} bytes for", name, error) from error
        yield file
    except BaseException:
        if is_new:
            with suppress(OSError):
                unlink(name)
        raise
    finally:
        os.close(file)


@contextmanager
def opened(name: str, at_least: int = 1) -> Iterator[int]:
    """Open shared memory as `attach` does, and have its file descriptor inside a ``with`` block."""
    file = _open(name, os.O_RDWR)
    try:
        if (size := _final_size(file, at_least)) < at_least:
            hint = "" if size else ": whoever made it has died or only begun; it can be unlinked"
            raise ValueError(f"expected shared memory {name!r} of at least {at_least} bytes, got {size}{hint}")
        yield file
    finally:
        os.close(file)


def nameless_file() -> int:
    """Descriptor of new shared memory, of size 0, that nobody else can open."""
    name = f"jitkit-{secrets.token_hex(8)}"
    file = _open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    unlink(name)
    return file


def _final_size(file: int, at_least: int) -> int:
    """Size of a file, once it is large enough or nothing has been reserved for it for some time."""
    status, seen = os.fstat(file), time.monotonic()
    while status.st_size < at_least and time.monotonic() - seen < PATIENCE:
        time.sleep(0.001)
        before, status = status, os.fstat(file)
        if (status.st_size, status.st_blocks) != (before.st_size, before.st_blocks):
            seen = time.monotonic()
    return status.st_size


def _open_or_make(name: str, exist_ok: bool) -> tuple[int, bool]:
    """Open a file; tell whether it is new."""
    for _ in range(ATTEMPTS):
        try:
            return _open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL), True
        except FileExistsError:
            if not exist_ok:
                raise
        with suppress(FileNotFoundError):  # unlinked between our two steps
            return _open(name, os.O_RDWR), False
    raise _in_words("create", name, OSError(errno.EAGAIN, ""))


def _open(name: str, flags: int) -> int:
    library, path = _library(), _path(name)
    try:
        return int(library.shm_open(path, flags, mode=MODE))  # POSIX has it closed when another program is executed
    except OSError as error:
        raise _in_words("create" if flags & os.O_CREAT else "open", name, error) from error


def _path(name: str) -> str:
    wanted = f"expected a name for shared memory of 1 to {LONGEST_NAME} bytes without slash or NUL"
    if not isinstance(name, str):
        raise TypeError(f"{wanted}, got {name!r}")
    nbytes = len(name.encode(errors="surrogatepass"))
    if nbytes > LONGEST_NAME:
        raise ValueError(f"{wanted}, got {nbytes} bytes")
    if name in ("", ".", "..") or any(letter in "/\0" or "\ud800" <= letter <= "\udfff" for letter in name):
        raise ValueError(f"{wanted}, got {name!r}")
    return f"/{name}"


def _library() -> Any:
    if _posixshmem is None:
        raise OSError(errno.ENOSYS, f"expected a system with shm_open for shared memory, got {sys.platform}")
    return _posixshmem


def _in_words(what: str, name: str, error: OSError) -> OSError:
    number = error.errno or errno.EIO
    if number == errno.ENOENT and what != "create":
        return OSError(number, f"expected shared memory {name!r}, got none of that name")
    if number == errno.EEXIST:
        return OSError(number, f"expected no shared memory {name!r} yet, got one: attach to it, or unlink it")
    return refused(f"{what} shared memory {name!r}", number)
