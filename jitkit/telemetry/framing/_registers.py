"""A CRC's register, moved on over bytes: kernels for every processor, and for those that multiply without carries.

Registers and constants are those of `_constants`. Arrays come as addresses: numba hands them from function to function
as seven words each, and counts who holds them.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from jitkit._core.intrinsics import load
from jitkit._core.jit import jit, require_compiler
from jitkit.telemetry.framing import _folding
from jitkit.telemetry.framing._constants import POWERS, REFLECTED, TABLES, UP
from jitkit.telemetry.framing._inlined import inlined

require_compiler()


class Kernels(NamedTuple):
    """One way to compute CRCs; both give the same."""

    # `crc` is the address of the constants.
    advance: Any  # (address, nbytes, register, crc): register after the bytes at an address
    skip: Any  # (register, nbytes, crc): register after so many bytes that are zero, in O(log(nbytes))


@cache
def best() -> Kernels:
    """Return the kernels for the processor that numba compiles for."""
    return folding() if _folding.available() else slicing()


@cache
def slicing() -> Kernels:
    """Return the kernels for every processor, which look eight bytes at a time up in tables.

    M. Kounavis and F. Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation", 2008.
    """
    return Kernels(slice_words, skipping(multiply_by_bits))


@cache
def folding() -> Kernels:
    """Return the kernels for processors for which `_folding.available` is true."""

    @jit
    def advance(address: Any, nbytes: Any, register: Any, crc: Any) -> Any:
        if nbytes < _folding.BLOCK:
            return slice_words(address, nbytes, register, crc)
        # safe: the caller owns the bytes; there are 16 at least.
        return _folding.fold_blocks(address, nbytes, register, crc)

    return Kernels(advance, skipping(_folding.multiply))


@inlined
def slice_words(address: Any, nbytes: Any, register: Any, crc: Any) -> Any:
    """Register after some bytes, eight at a time."""
    tables, up = crc + 8 * TABLES, word_at(crc, UP)
    reflected = word_at(crc, REFLECTED) != 0
    stop = address + (nbytes & ~7)
    for at in range(address, stop, 8):
        # safe: the word ends at `stop` or before.
        word = load(at, np.uint64)
        register = look_up((word if reflected else swapped(word)) ^ (register << up), tables)
    left = nbytes & 7
    if left:
        # The first bytes of a word that is not whole are zeros, which leave a register of zeros as it is; what of the
        # register did not meet a byte is moved on.
        word, bits, rest = few_bytes(stop, left), np.uint64(8 * left), np.uint64(64 - 8 * left)
        if reflected:
            register = look_up((word ^ register) << rest, tables) ^ (register >> bits)
        else:
            kept = (register << bits) & np.uint64(0xFFFFFFFF)
            register = look_up((swapped(word) ^ (register << up)) >> rest, tables) ^ kept
    return register


@inlined
def word_at(words: Any, number: Any) -> Any:
    """One of the words in an array of them, by the array's address."""
    # safe: numbers are places that have a name, which the array has.
    return load(words + 8 * number, np.uint64)


@inlined
def look_up(word: Any, tables: Any) -> Any:
    """Register of zeros after a word of eight bytes."""
    register = np.uint32(0)
    for place in range(8):
        byte = np.intp((word >> np.uint64(8 * place)) & np.uint64(0xFF))
        # safe: a table has 256 registers of four bytes, and there are eight.
        register ^= load(tables + 4 * (256 * place + byte), np.uint32)
    return np.uint64(register)


@inlined
def few_bytes(address: Any, count: Any) -> Any:
    """One to seven bytes as a little-endian number."""
    # safe: every load begins at `address` or after, and ends at address + count or before; loads may overlap.
    if count >= 4:
        high = np.uint64(load(address + count - 4, np.uint32)) << np.uint64(8 * (count - 4))
        return np.uint64(load(address, np.uint32)) | high
    middle, last = count >> 1, count - 1
    word = np.uint64(load(address, np.uint8))
    word |= np.uint64(load(address + middle, np.uint8)) << np.uint64(8 * middle)
    return word | (np.uint64(load(address + last, np.uint8)) << np.uint64(8 * last))


@inlined
def swapped(word: Any) -> Any:
    """Word with its bytes in reverse order; LLVM makes one instruction of it."""
    word = ((word >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)) | (
        (word & np.uint64(0x00FF00FF00FF00FF)) << np.uint64(8)
    )
    word = ((word >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)) | (
        (word & np.uint64(0x0000FFFF0000FFFF)) << np.uint64(16)
    )
    return (word >> np.uint64(32)) | (word << np.uint64(32))


def skipping(multiply: Any) -> Any:
    """Return the kernel that moves registers over zeros, by a way to multiply."""

    @inlined
    def skip(register: Any, nbytes: Any, crc: Any) -> Any:
        tables, powers = crc + 8 * TABLES, crc + 8 * POWERS
        while nbytes > 0:
            # safe: there are LEVELS tables of 256 factors of four bytes, and nbytes < 256 ** LEVELS: see `_layout`.
            factor = np.uint64(load(powers + 4 * (nbytes & 255), np.uint32))
            register = look_up(multiply(register, factor), tables)
            powers += 4 * 256
            nbytes >>= 8
        return register

    return skip


@jit
def multiply_by_bits(a: Any, b: Any) -> Any:
    """Product without carries of two numbers of at most 32 bits."""
    total = np.uint64(0)
    for k in range(32):
        # All ones if the bit is set: a branch would be guessed wrong half of the time.
        total ^= (a << np.uint64(k)) & (np.uint64(0) - ((b >> np.uint64(k)) & np.uint64(1)))
    return total
