"""Memory that is mapped from a file of the system's memory: as it is, or with a part that comes twice in a row.

Of a part that comes twice, every stretch that is not longer than the part lies in one piece, also past its end.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import sys
import threading
import weakref
from contextlib import suppress
from functools import cache
from typing import Any, NoReturn

import numpy as np

PAGE = mmap.PAGESIZE
# What the module `mmap` does not name, or not everywhere; the same for Linux on x86 and ARM, macOS and the BSDs.
NO_ACCESS, READ_WRITE = 0, 3
SHARED, PRIVATE, FIXED = 1, 2, 0x10
NOTHING = PRIVATE | getattr(mmap, "MAP_ANONYMOUS", 0)  # flags for address space with no file behind it
NOT_MAPPED = 2**64 - 1  # MAP_FAILED
CLOSE_ON_EXEC, NO_EXEC_SEAL = 1, 8  # MFD_CLOEXEC, MFD_NOEXEC_SEAL: memfd_create(2)
KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE: fallocate(2)
# Bytes reserved by one call, in 0.2 ms. Linux before 6.11 undoes all of a call that a signal comes into: with a timer
# of 10 ms, one call for everything might never end.
STEP = 1 << 20


class Mapping:
    """Memory that is mapped at an address. It is unmapped once neither this object is left nor an array over it."""

    def __init__(self, address: int, nbytes: int) -> None:
        self.address = address
        self.nbytes = nbytes  # counting twice what comes twice
        # Not when Python ends: views live then, and threads in machine code. The system unmaps all of it anyway.
        weakref.finalize(self, _unmap, address, nbytes).atexit = False

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return {"version": 3, "typestr": "|u1", "shape": (self.nbytes,), "data": (self.address, False)}

    def array(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """View all of it as (nbytes,) uint8; this and views of it keep the memory."""
        return np.asarray(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("expected something that can be copied or pickled, got mapped memory: copy its array() instead")


def mapped(file: int, nbytes: int) -> Mapping:
    """Map a file from its start on, shared with everybody who maps it, forked processes included.

    Parameters
    ----------
    file : int
        File descriptor, which can be closed afterwards.
    nbytes : int

    Raises
    ------
    ValueError
        If the file is smaller: touching what it has not got would end the process.
    OSError
        If the system refuses.
    """
    _require_size(file, nbytes)
    return Mapping(_map(None, nbytes, READ_WRITE, SHARED, file, 0), nbytes)


def mirrored(head_nbytes: int, data_nbytes: int, file: int | None = None) -> Mapping:
    """Map a head, data, and the same data again right behind.

    Parameters
    ----------
    head_nbytes : int
        A multiple of `PAGE`; may be 0.
    data_nbytes : int
        A multiple of `PAGE`.
    file : int, optional
        Descriptor of the file to map, which can be closed afterwards. It is shared as by `mapped`. Without one the
        memory is this process's own, zeros at first; a forked process gets a copy.

    Returns
    -------
    Mapping
        Of ``head_nbytes + 2 * data_nbytes``.

    Raises
    ------
    ValueError
        If a size is not a multiple of `PAGE`, or the file is smaller than head and data.
    OSError
        If the system refuses, or cannot do it; nothing is left behind.

    Notes
    -----
    Address space for all of it is reserved first: nothing else can come to lie between the pieces. Fork copies memory
    when it is written to, page by page, so it would tear the two views of the data apart; that is why the system shares
    this memory with forked processes, and why each of those gets a copy from here: as much memory again, and 0.7 ms for
    each MiB (Cascade Lake). Only `os.fork` and what is built on it (`multiprocessing`) makes copies. `subprocess` needs
    none; other C code that forks shares the memory.
    """
    for part, nbytes, least in (("head", head_nbytes, 0), ("data", data_nbytes, PAGE)):
        if nbytes % PAGE or nbytes < least:
            raise ValueError(f"expected a multiple of {PAGE} bytes for the {part}, got {nbytes}")
    size, room = head_nbytes + data_nbytes, head_nbytes + 2 * data_nbytes
    if room > sys.maxsize:
        raise refused(f"map {room:,} bytes", errno.ENOMEM)
    own = file is None
    if file is None:
        file = _nameless_file(size)
    try:
        _require_size(file, size)
        mapping = Mapping(_map(None, room, NO_ACCESS, NOTHING, -1, 0), room)
        _lay_out(mapping.address, head_nbytes, data_nbytes, file)
    finally:
        if own:
            os.close(file)
    if own:
        _mirrors[mapping] = head_nbytes, data_nbytes
    return mapping


@cache
def mirror_refusal() -> str | None:
    """Why this system maps no memory twice; None if it does. It is tried once."""
    try:
        memory = mirrored(PAGE, PAGE).array()
    except OSError as error:
        return str(error.strerror)
    memory[PAGE] = 1
    return None if memory[2 * PAGE] == 1 else "the system maps copies where it should map the same memory"


def reserve(file: int, nbytes: int) -> None:
    """Give a file of the system's memory a size, if it is smaller, and memory for all of that.

    A size alone (`ftruncate`) is a promise: where memory is short when it is touched, touching it ends the process
    with SIGBUS. So the file gets its size when it has the memory; nor does it ever shrink, as it may be mapped.
    """
    status = os.fstat(file)
    if not hasattr(os, "posix_fallocate"):  # macOS, where nothing reserves
        if status.st_size < nbytes:
            os.ftruncate(file, nbytes)
        return
    # What cannot be had is refused at once. Taking all there is, step by step, would take it from everybody first:
    # 32 TiB, asked for by mistake, had the system kill the process.
    limit = os.fstatvfs(file)
    if limit.f_blocks and nbytes - 512 * status.st_blocks > limit.f_bavail * limit.f_frsize:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    Mapping(_map(None, nbytes, READ_WRITE, NOTHING, -1, 0), nbytes)
    unsized = 0
    if hasattr(_library(), "fallocate"):  # Linux
        unsized = nbytes - 1
        for start in range(0, nbytes, STEP):
            _allocate(file, start, min(STEP, nbytes - start))
    os.posix_fallocate(file, unsized, nbytes - unsized)


def refused(what: str, number: int) -> OSError:
    """Make the error for something that the system does not do: of the subclass that belongs to the number."""
    return OSError(number, f"cannot {what}: {os.strerror(number)}")


def _require_size(file: int, nbytes: int) -> None:
    if (size := os.fstat(file).st_size) < nbytes:
        raise ValueError(f"expected a file of at least {nbytes} bytes, got {size}")


@cache
def _library() -> Any:
    if not hasattr(mmap, "MAP_SHARED"):  # Windows
        raise OSError(errno.ENOSYS, f"expected a POSIX system to map memory, got {sys.platform}")
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    library.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    if hasattr(library, "fallocate"):
        library.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
    return library


def _map(address: int | None, nbytes: int, protection: int, flags: int, file: int, offset: int) -> int:
    found = _library().mmap(address, nbytes, protection, flags, file, offset)
    if found == NOT_MAPPED:
        raise refused(f"map {nbytes:,} bytes", ctypes.get_errno())
    return int(found)


def _unmap(address: int, nbytes: int) -> None:
    _library().munmap(address, nbytes)


def _allocate(file: int, start: int, nbytes: int) -> None:
    """Reserve memory for a part of a file, which keeps its size."""
    while _library().fallocate(file, KEEP_SIZE, start, nbytes):
        if (number := ctypes.get_errno()) != errno.EINTR:
            raise OSError(number, os.strerror(number))


def _lay_out(address: int, head_nbytes: int, data_nbytes: int, file: int) -> None:
    """Map the pieces over what is mapped at an address."""
    size = head_nbytes + data_nbytes
    _map(address, size, READ_WRITE, SHARED | FIXED, file, 0)
    _map(address + size, data_nbytes, READ_WRITE, SHARED | FIXED, file, head_nbytes)


def _nameless_file(nbytes: int) -> int:
    """Descriptor of a new file of the system's memory, zeros, that nobody else can open."""
    file = _open_nameless()
    try:
        reserve(file, nbytes)
    except OSError as error:
        os.close(file)
        raise refused(f"reserve {nbytes:,} bytes", error.errno or errno.ENOMEM) from error
    return file


def _open_nameless() -> int:
    # Asked of the C library: a Python that was built on an older system has no os.memfd_create.
    create = getattr(_library(), "memfd_create", None)
    if create is None:
        from jitkit._core import shared_memory

        return shared_memory.nameless_file()
    file = create(b"jitkit", CLOSE_ON_EXEC | NO_EXEC_SEAL)  # a system can be set to demand the seal
    if file < 0 and ctypes.get_errno() == errno.EINVAL:  # Linux before 6.3 does not know it
        file = create(b"jitkit", CLOSE_ON_EXEC)
    if file < 0:
        raise refused("get memory from memfd_create", ctypes.get_errno())
    return int(file)


# A forked process gets copies. They are made before the fork: its parent may write on as soon as it is forked.

_mirrors: weakref.WeakKeyDictionary[Mapping, tuple[int, int]] = weakref.WeakKeyDictionary()  # sizes of head and data
_copies: dict[int, dict[Mapping, int]] = {}  # files with copies, by thread that forks


def _copy(mapping: Mapping, nbytes: int) -> int:
    file = _nameless_file(nbytes)
    try:
        mapped(file, nbytes).array()[:] = mapping.array()[:nbytes]
    except OSError:
        os.close(file)
        raise
    return file


def _before_fork() -> None:
    copies = _copies[threading.get_ident()] = {}
    for mapping, sizes in list(_mirrors.items()):
        with suppress(OSError):  # the child tries again, and says so if it fails, too
            copies[mapping] = _copy(mapping, sum(sizes))


def _in_parent() -> None:
    for file in _copies.pop(threading.get_ident(), {}).values():
        os.close(file)


def _in_child() -> None:
    copies = _copies.pop(threading.get_ident(), {})
    while _copies:  # of threads that were about to fork as well, and are not here
        for file in _copies.popitem()[1].values():
            os.close(file)
    failure = None
    for mapping, sizes in list(_mirrors.items()):
        try:
            file = copies[mapping] if mapping in copies else _copy(mapping, sum(sizes))
            try:
                _lay_out(mapping.address, *sizes, file)
            finally:
                os.close(file)
        except OSError as error:
            # Whoever touches it ends: that is better than to write where the parent reads.
            _map(mapping.address, mapping.nbytes, NO_ACCESS, NOTHING | FIXED, -1, 0)
            failure = error
    if failure:
        raise OSError(failure.errno, f"expected a copy of mirrored memory in a forked process, got none: {failure}")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
