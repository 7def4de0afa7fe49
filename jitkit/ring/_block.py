"""One block of memory for each ring: a header that says all about it, then the slots.

Nothing in a block is an address, so it can lie anywhere: in the process's own memory, in what a kernel allocates, or in
shared memory that each process sees elsewhere.

Counters are unsigned 64-bit numbers that only grow, and wrap around at 2**64; element `i` is in slot `i % capacity`. So
``tail - head`` is the number of elements, also across the wrap, and every slot can be used.
"""

from __future__ import annotations

import operator
from typing import Any, Literal, get_args

import numpy as np

from jitkit.errors import CapacityError

Policy = Literal["reject", "overwrite", "block"]
POLICIES = get_args(Policy)

MAGIC = int.from_bytes(b"jk-ring\x01", "little")  # the last byte is the layout's version

# Places of words of 64 bits, in bytes from the block's beginning.
IDENTITY = 0  # MAGIC, in shared memory that is complete
SLOTS = 8  # where the slots begin
CAPACITY = 16  # a power of two
ITEMSIZE = 24  # bytes of a slot
POLICY = 32  # index into POLICIES
FAMILY = 40  # index into FAMILIES
ROLLING = 48  # length of running statistics, or 0
MIRRORED = 56  # 1 if the slots appear a second time behind themselves; 0 if they are written twice
NONCE = 64  # a random number, by which shared memory is known again

# What one side writes and the other reads, and what only one side uses, have two cache lines each: every write to a
# line takes it from the other side, and x86 processors fetch lines in pairs (Intel 64 Optimization Reference Manual).
TAIL = 128  # elements that were ever put in: written by the producer, after the element
ANNOUNCED = 136  # TAIL of what is about to be written, where the oldest is overwritten; never goes back
CLOSED = 144  # 1 when no more will come

CACHED_HEAD = 256  # what the producer last saw of HEAD: never beyond it
REFUSED = 264  # elements that found no room
RESERVED = 272  # slots behind TAIL that a user fills in place
PRODUCER_BUSY = 280  # 1 while a kernel has the producer
RESERVED_AT = 288  # TAIL when slots were reserved: another one means that they no longer are

HEAD = 384  # elements that were ever taken out: written by the consumer, after it has read them
GONE = 392  # 1 when nobody will take anything out any more

CACHED_TAIL = 512  # what the consumer last saw of TAIL: never behind HEAD, never beyond TAIL
MISSED = 520  # elements that were overwritten before they were read
PEEKED = 528  # elements from HEAD on that a user reads in place
CONSUMER_BUSY = 536  # 1 while a kernel has the consumer
PEEKED_AT = 544  # HEAD when elements were peeked at: another one means that they no longer are

HEADER_NBYTES = 640
ALIGNMENT = 128

# The running statistics of a window, from the end of the header on: words, then four arrays of `ROLLING` words.
BLOCK_START = HEADER_NBYTES  # number of the first sample that no array has taken in
TAKEN_IN = HEADER_NBYTES + 8  # number of the first sample that nothing has taken in
PREFIX = HEADER_NBYTES + 16  # mean, squared deviations, least, greatest of the samples between these two
SUFFIX = HEADER_NBYTES + 64  # the same of the `i` samples before BLOCK_START, in place `i - 1` of four arrays

FAMILIES = ("ring buffer", "channel", "queue", "window buffer")


def check_capacity(capacity: Any, where: str) -> int:
    """Return a capacity that a ring can have.

    Raises
    ------
    TypeError
        If it is no integer.
    CapacityError
        If it is not a power of two: then the slot of an element would be a division away.
    """
    if isinstance(capacity, (bool, np.bool_)) or not hasattr(type(capacity), "__index__"):
        raise TypeError(f"expected the capacity of {where} as an int, got {capacity!r}")
    try:
        number = operator.index(capacity)
    except TypeError as error:  # an array that is no integer
        raise TypeError(f"expected the capacity of {where} as an int, got {capacity!r}") from error
    if number < 1 or number & (number - 1):
        raise CapacityError(f"expected a power of two, got capacity={number} ({where}){_neighbours(number)}")
    return number


def _neighbours(number: int) -> str:
    if number < 1:
        return ""
    above = 1 << number.bit_length()
    return f": {above // 2} and {above} are the nearest"


def check_policy(policy: Any, where: str, choices: tuple[str, ...]) -> str:
    """Return a policy that a ring can have; a ValueError names the choices."""
    if policy not in choices:
        listed = " or ".join(map(repr, choices)) if len(choices) < 3 else ", ".join(map(repr, choices))
        raise ValueError(f"expected policy {listed} ({where}), got {policy!r}")
    return str(policy)


def block_nbytes(capacity: int, itemsize: int) -> int:
    """Size of a block in the process's own memory."""
    return HEADER_NBYTES + capacity * itemsize


def queue_nbytes(capacity: int, itemsize: int) -> int:
    """Size of a block that has a sequence number for each slot, behind the slots."""
    return HEADER_NBYTES + round_up(capacity * itemsize, 8) + 8 * capacity


def round_up(nbytes: int, unit: int) -> int:
    """Return the next multiple of a unit."""
    return -(-nbytes // unit) * unit


def new_block(
    capacity: int, itemsize: int, policy: str, family: str, nbytes: int | None = None
) -> np.ndarray[Any, Any]:
    """Allocate a block of the process's own memory, and write its header.

    Returns
    -------
    (nbytes,) uint8
        Aligned to `ALIGNMENT`.
    """
    nbytes = nbytes or block_nbytes(capacity, itemsize)
    try:
        memory = np.zeros(nbytes + ALIGNMENT, np.uint8)
    except (MemoryError, ValueError) as error:  # NumPy's ValueError: more than an address can say
        raise MemoryError(
            f"expected room for {capacity} elements of {itemsize} bytes, got none: {nbytes:,} bytes are not to be had"
        ) from error
    start = -memory.ctypes.data % ALIGNMENT
    block = memory[start : start + nbytes]
    write_header(block, HEADER_NBYTES, capacity, itemsize, policy, family)
    return block


def write_header(
    block: np.ndarray[Any, Any], slots: int, capacity: int, itemsize: int, policy: str, family: str
) -> None:
    """Write what a block is; its counters are zeros already, and IDENTITY stays 0 until others may find it."""
    words = words_of(block)
    for place, value in (
        (SLOTS, slots),
        (CAPACITY, capacity),
        (ITEMSIZE, itemsize),
        (POLICY, POLICIES.index(policy)),
        (FAMILY, FAMILIES.index(family)),
    ):
        words[place // 8] = value


def words_of(block: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Header of a block as (n,) uint64."""
    return block[:HEADER_NBYTES].view(np.uint64)
