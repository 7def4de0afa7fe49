"""Polynomials over the field of two elements, as integers: bit k is the coefficient of x^k."""

from __future__ import annotations


def product(a: int, b: int) -> int:
    """Product: a multiplication whose columns are added without carries."""
    result = 0
    while b:
        lowest = b & -b
        result ^= a * lowest
        b ^= lowest
    return result


def divided(a: int, b: int) -> tuple[int, int]:
    """Quotient and remainder."""
    quotient, size = 0, b.bit_length()
    while (above := a.bit_length() - size) >= 0:
        quotient |= 1 << above
        a ^= b << above
    return quotient, a


def power(exponent: int, modulus: int) -> int:
    """Remainder of x^exponent; of a negative one too, if the modulus has the term 1, as all CRCs have."""
    # The modulus is x * (modulus >> 1) + 1, so modulus >> 1 is what x has to be multiplied with to give 1.
    base = 2 if exponent >= 0 else modulus >> 1
    result, left = 1, abs(exponent)
    while left:
        if left & 1:
            result = divided(product(result, base), modulus)[1]
        base = divided(product(base, base), modulus)[1]
        left >>= 1
    return divided(result, modulus)[1]


def mirrored(value: int, width: int) -> int:
    """Bits in reverse order."""
    return int(f"{value:0{width}b}"[::-1], 2)
