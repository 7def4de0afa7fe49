"""Arrays beside memory that nobody may touch: an access too far ends the process."""

import ctypes
import mmap

import numpy as np


def guarded(place, dtype, count):
    """An array that ends where a forbidden page begins ("at_end"), or begins where one ends ("at_start")."""
    nbytes = np.dtype(dtype).itemsize * count
    page = mmap.PAGESIZE
    inside = max(1, -(-nbytes // page)) * page
    memory = mmap.mmap(-1, inside + 2 * page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for forbidden in (address, address + page + inside):
        if protect(forbidden, page, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    pages = np.frombuffer(memory, np.uint8)[page:-page]
    return (pages[:nbytes] if place == "at_start" else pages[inside - nbytes :]).view(dtype)
