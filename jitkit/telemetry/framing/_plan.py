"""What the kernels must know of a frame, and what they know of a scan: numbers in arrays, whose places have names."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

# Where in the array what is.
SYNC_SIZE = 0  # bytes
SYNC_WORD = 1  # its first eight bytes as a little-endian number, zeros behind a shorter one
SYNC_MASK = 2  # of the bytes of that number that count
LENGTH_AT = 3  # bytes from the frame's start to its length
LENGTH_SIZE = 4  # bytes, 0 if the length is fixed
LENGTH_BIG = 5  # whether the highest byte comes first
LOWEST = 6  # least value that a length field may have
SPAN = 7  # the highest value minus the lowest one
SCALE = 8  # a frame has value * SCALE + PLUS bytes
PLUS = 9
CRC_SIZE = 10  # bytes, 0 if there is none
CRC_BIG = 11
START = 12  # of the bytes that the CRC covers, from the frame's start, or if negative from its stop
STOP = 13  # of these bytes, where the CRC is stored
SIZE = 14

# Where in the kernel's state what is: another array of numbers.
AT = 0  # next byte to look at
GAP = 1  # where the bytes that are being skipped begin, -1 if none are
GAP_CODE = 2  # why
FRAMES = 3  # found by this call
GAPS = 4  # closed by this call
SPENT = 5  # bytes of checksums that came out wrong, less those that may be spent at once
KEPT = 6  # registers in `prefix`, less the first
WORK = 7  # bytes that were looked at
DECODED = 8  # bytes of sound frames
FIRSTS = 9  # last place where covered bytes began for which a register was wanted, and that register
PLACES = 11  # the same of where they stopped
END = 13  # bytes up to which this call looks for frames that begin there
STATE_SIZE = 14

STRIDE = 256  # bytes from one kept register to the next


def plan_of(frames: Any) -> np.ndarray[Any, Any]:
    """Return the array of a kind of frames, (SIZE,) int64. A fixed length is one of scale 0."""
    plan = np.zeros(SIZE, np.int64)
    head = frames.sync[:8]
    plan[SYNC_SIZE] = len(frames.sync)
    plan.view(np.uint64)[SYNC_WORD] = int.from_bytes(head, "little")
    plan.view(np.uint64)[SYNC_MASK] = (1 << 8 * len(head)) - 1
    if frames.length is None:
        plan[PLUS] = frames.least
    else:
        length = frames.length
        plan[LENGTH_AT : LENGTH_BIG + 1] = length.offset, length.dtype.itemsize, is_big(length.dtype)
        low, high = length.values(frames.least, frames.most)
        plan[LOWEST : PLUS + 1] = low, high - low, length.scale, length.plus
    if frames.crc is not None:
        crc = frames.crc
        plan[CRC_SIZE : STOP + 1] = crc.dtype.itemsize, is_big(crc.dtype), crc.start, crc.stop
    return plan


def byteorder(dtype: np.dtype[Any]) -> Literal["big", "little"]:
    """Byte order as `int.from_bytes` names it."""
    return "big" if is_big(dtype) else "little"


def is_big(dtype: np.dtype[Any]) -> bool:
    """Whether numbers of a dtype have their highest byte first."""
    return dtype.str[0] == ">"
