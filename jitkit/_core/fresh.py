"""New bytes objects that kernels write into, instead of an array that has to be copied into one."""

import ctypes
from typing import Any

import numpy as np

_new = ctypes.pythonapi.PyBytes_FromStringAndSize
_new.restype = ctypes.py_object
_new.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t]


def fresh_bytes(size: int) -> tuple[bytes | None, np.ndarray[Any, Any]]:
    """Return a new bytes object of zeros, and a writable view of it; None and an array where a size has no new object.

    Until it is handed out nobody else has the object, and so its contents may be changed (Python/C API,
    `PyBytes_FromStringAndSize` with NULL). Whoever asks must drop the view before that.
    """
    if size < 2:  # Python keeps one object for each of these
        return None, np.zeros(size, np.uint8)
    data: bytes = _new(None, size)
    address = np.frombuffer(data, np.uint8).ctypes.data
    ctypes.memset(address, 0, size)
    return data, np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
