"""Integers beyond the operators: their bits, sums that do not wrap around, and whole products.

Results that are never negative are unsigned, as in Rust: `count_ones` of ``simd.i32x8`` gives ``simd.u32x8``.

Costs are those of one register with AVX2 or AVX-512; constants, which loops load only once, are not counted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.simd._kinds import Kind
from jitkit.simd._operation import Call, operation
from jitkit.simd._rules import fail, one_type, same

Lanes = Any  # arrays, (lanes,): what an emulation gets


def _unsigned(name: str, *kinds: Kind) -> Call:
    """Take integer vectors of one type; gives one of the same lanes without signs."""
    kind = one_type(name, "iu", *kinds)
    return Call(kind.with_dtype(f"u{kind.dtype.itemsize}"), (kind,) * len(kinds))


@operation(_unsigned)
def count_ones(v: Lanes) -> Lanes:
    """How many bits are set, as unsigned numbers.

    One instruction with VPOPCNTDQ and BITALG (Ice Lake, Zen 4), else 5 to 10.
    """
    return sum(_bit(v, i) for i in range(_width(v)))


@operation(_unsigned)
def leading_zeros(v: Lanes) -> Lanes:
    """How many bits above the highest that is set, as unsigned numbers; all bits of 0.

    One instruction for 32-bit and 64-bit lanes with AVX-512, else 5 to 20.
    """
    highest = np.full(len(v), -1)
    for i in range(_width(v)):
        highest[_bit(v, i) == 1] = i
    return _width(v) - 1 - highest


@operation(_unsigned)
def trailing_zeros(v: Lanes) -> Lanes:
    """How many bits below the lowest that is set, as unsigned numbers; all bits of 0. Three more than `count_ones`."""
    lowest = np.full(len(v), _width(v))
    for i in reversed(range(_width(v))):
        lowest[_bit(v, i) == 1] = i
    return lowest


@operation(same("iu"))
def swap_bytes(v: Lanes) -> Lanes:
    """The bytes of each lane in reverse order; those of 8-bit lanes stay. One instruction; several before SSSE3."""
    return v.byteswap()


@operation(same("iu"))
def reverse_bits(v: Lanes) -> Lanes:
    """The bits of each lane in reverse order. One or two instructions with GFNI, else 6."""
    turned = sum(_bit(v, i) << np.uint64(_width(v) - 1 - i) for i in range(_width(v)))
    return np.asarray(turned).astype(v.dtype)


@operation(same("iu"))
def rotl(v: Lanes, n: Lanes) -> Lanes:
    """The bits of each lane moved up by `n`, a number or a vector; those that leave at the top enter at the bottom.

    `n` counts modulo the bits of a lane. One instruction for 32-bit and 64-bit lanes with AVX-512,
    without it 3 to 8; for 8-bit lanes with counts of their own 10 to 20.
    """
    return _turned(v, n.astype(np.int64) % _width(v))


@operation(same("iu"))
def rotr(v: Lanes, n: Lanes) -> Lanes:
    """The bits of each lane moved down by `n`; those that leave at the bottom enter at the top. See `rotl`."""
    return _turned(v, -n.astype(np.int64) % _width(v))


@operation(same("iu"))
def saturating_add(a: Lanes, b: Lanes) -> Lanes:
    """Sum; what does not fit becomes the least or the greatest number.

    One instruction for 8-bit and 16-bit lanes, 4 to 7 for others.
    """
    return _nearest(_exact(a) + _exact(b), a.dtype)


@operation(same("iu"))
def saturating_sub(a: Lanes, b: Lanes) -> Lanes:
    """Difference; what does not fit becomes the least or the greatest number.

    One instruction for 8-bit and 16-bit lanes, 2 to 8 for others.
    """
    return _nearest(_exact(a) - _exact(b), a.dtype)


@operation(_unsigned)
def abs_diff(a: Lanes, b: Lanes) -> Lanes:
    """How far apart they are, as unsigned numbers, which always fit. Three instructions."""
    return np.abs(_exact(a) - _exact(b))


@operation(same("iu"))
def average(a: Lanes, b: Lanes) -> Lanes:
    """``(a + b + 1) >> 1`` of the sum that would not wrap around. One instruction for u8 and u16, else about four."""
    return (_exact(a) + _exact(b) + 1) >> 1


@operation(same("iu"))
def mul_high(a: Lanes, b: Lanes) -> Lanes:
    """Upper half of the whole product's bits. One instruction for 16-bit lanes, 4 to 10 for 8-bit and 32-bit lanes.

    64-bit lanes are multiplied one by one.
    """
    return (_exact(a) * _exact(b)) >> _width(a)


def _halves_of_twice_the_bits(name: str, *kinds: Kind) -> Call:
    kind = one_type(name, "iu", *kinds)
    if kind.bits == 64 or kind.lanes == 1:
        fail(name, "two or more lanes of 8 to 32 bits", *kinds)
    half = kind.with_lanes(kind.lanes // 2).with_dtype(f"{kind.dtype.kind}{2 * kind.dtype.itemsize}")
    return Call((half, half), (kind,) * len(kinds))


@operation(_halves_of_twice_the_bits)
def mul_wide(a: Lanes, b: Lanes) -> tuple[Lanes, Lanes]:
    """Whole products, in twice as many bits: of the first half of the lanes, and of the second. About six instructions.

    Returns
    -------
    low, high : vectors
        Each of half as many lanes, of the next wider dtype.
    """
    product, half = _exact(a) * _exact(b), len(a) // 2
    return product[:half], product[half:]


def _width(v: Lanes) -> int:
    return 8 * int(v.dtype.itemsize)


def _bit(v: Lanes, i: int) -> Lanes:
    """One bit of each lane, as uint64."""
    return v.astype(np.uint64) >> np.uint64(i) & np.uint64(1)


def _turned(v: Lanes, up: Lanes) -> Lanes:
    """Rotated by 0 to all bits but one, in Python's numbers."""
    width, lanes = _width(v), []
    for lane, places in zip(v.tolist(), up.tolist(), strict=True):
        bits = lane & (1 << width) - 1
        lanes.append((bits << places | bits >> (width - places)) & (1 << width) - 1)
    return np.array(lanes, np.uint64).astype(v.dtype)


def _exact(v: Lanes) -> Lanes:
    """Python's integers, which have no limits."""
    return v.astype(object)


def _nearest(v: Lanes, dtype: np.dtype[Any]) -> Lanes:
    limits = np.iinfo(dtype)
    return np.clip(v, int(limits.min), int(limits.max))
