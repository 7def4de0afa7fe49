"""What the kernels must know of a CRC: one array of 64-bit words, made of its parameters.

Kernels know one kind of register, of 32 bits. A narrower CRC is one of 32 bits whose polynomial is multiplied by a
power of x; its register then fills the highest powers, and the others stay zero. The highest power is bit 31, or bit 0
if the CRC is reflected: registers, like bytes, are then mirrored, so that no byte ever has to be.

Of two mirrored numbers of 64 bits the product, of 127 bits, is the mirrored product times x: it begins one bit too
low. So every constant that a mirrored number is multiplied with is divided by x.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from jitkit.telemetry.framing._catalogue import Parameters
from jitkit.telemetry.framing._polynomials import divided, mirrored, power, product

# Where in the array what is, in words of eight bytes.
REFLECTED = 0  # 1 or 0
UP = 1  # bits that a register is moved up by to meet the first bytes of a word: 32, or 0 if reflected
SHIFT = 2  # bits that a result lies above bit 0 of its register
INITIAL = 3  # register before the first byte
FINAL = 4  # what a result is combined with
FOLD = 5  # four pairs: to fold 16 bytes over the next 16, 32, 48 and 64
REDUCE = FOLD + 8  # three: x^128, the quotient and the polynomial of Barrett's reduction
ORDER = REDUCE + 3  # 16 numbers of bytes: in which order those of a block are loaded
SLIDE = ORDER + 2  # 48 numbers of bytes: of which 16 from some place on move a block up or down
TABLES = SLIDE + 6  # eight tables of 256 registers of 32 bits
POWERS = TABLES + 8 * 128  # LEVELS tables of 256 factors of 32 bits
LEVELS = 4  # 256^LEVELS bytes is the most that a register can be moved on by
SIZE = POWERS + LEVELS * 128

NOWHERE = 0x80  # as the number of a byte: zero


@cache
def constants(parameters: Parameters) -> np.ndarray[Any, Any]:
    """Return the array of a CRC, (SIZE,) uint64, not to be written to."""
    width, reflected = parameters.width, parameters.refin
    initial = parameters.init << (32 - width)
    words = np.zeros(SIZE, np.uint64)
    words[REFLECTED] = reflected
    words[UP] = 0 if reflected else 32
    words[SHIFT] = 0 if reflected else 32 - width
    words[INITIAL] = mirrored(initial, 32) if reflected else initial
    words[FINAL] = parameters.xorout
    words[FOLD:ORDER] = [*folding(parameters), *reduction(parameters)]
    octets = words.view(np.uint8)
    octets[8 * ORDER : 8 * SLIDE] = range(16) if reflected else range(15, -1, -1)
    octets[8 * SLIDE : 8 * TABLES] = [*[NOWHERE] * 16, *range(16), *[NOWHERE] * 16]
    registers = words.view(np.uint32)
    registers[2 * TABLES : 2 * POWERS] = tables(parameters).reshape(-1)
    registers[2 * POWERS :] = powers(parameters).reshape(-1)
    words.flags.writeable = False
    return words


def words_of(crc: Any) -> np.ndarray[Any, Any]:
    """Array of a `Crc`; of none, one that is not looked at."""
    return np.zeros(1, np.uint64) if crc is None else constants(crc.parameters)


def polynomial(parameters: Parameters, width: int) -> int:
    """Whole polynomial of a CRC, multiplied by a power of x so that it has a degree of `width`."""
    return (1 << parameters.width | parameters.poly) << (width - parameters.width)


def folding(parameters: Parameters) -> list[int]:
    """Pairs of factors that move the halves of a block of 16 bytes over 16, 32, 48 and 64 bytes that follow.

    V. Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009.
    """
    modulus = polynomial(parameters, 64)
    pairs = []
    for nbytes in (16, 32, 48, 64):
        far, near = 8 * nbytes + 64, 8 * nbytes  # of the half that comes first, and of the other
        if parameters.refin:
            pairs += [mirrored(power(far - 1, modulus), 64), mirrored(power(near - 1, modulus), 64)]
        else:  # the block is loaded with its last byte first
            pairs += [power(near, modulus), power(far, modulus)]
    return pairs


def reduction(parameters: Parameters) -> list[int]:
    """Return the factors that take a block of 16 bytes to its remainder.

    The first takes 16 bytes, and the eight zeros behind them, to 16 bytes; the others are those of P. Barrett's
    reduction (Crypto '86) by a polynomial of degree 64. Neither has room for its x^64. Mirrored, they are divided by
    x, which makes room for it, and loses of the quotient what is never looked at, and of the polynomial nothing.
    """
    modulus = polynomial(parameters, 64)
    quotient = divided(1 << 128, modulus)[0]
    if parameters.refin:
        return [mirrored(power(127, modulus), 64), mirrored(quotient >> 1, 64), mirrored(modulus >> 1, 64)]
    return [power(128, modulus), quotient ^ 1 << 64, modulus ^ 1 << 64]


def tables(parameters: Parameters) -> np.ndarray[Any, Any]:
    """Registers that a word of eight bytes leaves behind, by the place and the value of its one byte that is not zero.

    They are (8, 256) uint32. For a reflected CRC the lowest byte of a word is the first, else it is the last.
    """
    modulus = polynomial(parameters, 32)
    found = np.zeros((8, 256), np.uint32)
    for place in range(8):
        for bit in range(8):
            word = 1 << 8 * place + bit
            if parameters.refin:
                register = mirrored(divided(mirrored(word, 64) << 32, modulus)[1], 32)
            else:
                register = divided(word << 32, modulus)[1]
            found[place, 1 << bit : 2 << bit] = found[place, : 1 << bit] ^ np.uint32(register)
    return found


def powers(parameters: Parameters) -> np.ndarray[Any, Any]:
    """Factors that move a register on by bytes that are zero: [k, i] is for ``i * 256 ** k`` bytes, uint32.

    The product with a register is a word that goes through `tables`, which multiply by x^32: the factors are divided
    by that, and by one x more if they are mirrored.
    """
    modulus = polynomial(parameters, parameters.width)
    found = np.zeros((LEVELS, 256), np.uint32)
    for level in range(LEVELS):
        factor, step = power(-33 if parameters.refin else -32, modulus), power(8 * 256**level, modulus)
        for i in range(256):
            found[level, i] = mirrored(factor, 32) if parameters.refin else factor
            factor = divided(product(factor, step), modulus)[1]
    return found
