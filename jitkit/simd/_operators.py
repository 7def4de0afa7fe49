"""Operators between vectors, between masks, and between vectors and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.simd._kinds import ConstantKind, Kind, MaskKind, VectorType
from jitkit.simd._operation import Call, operation
from jitkit.simd._rules import BOOL, bitwise, comparison, equality, fail, index, lane, same

Lanes = Any  # arrays, (lanes,): what an emulation gets


@operation(same(), "+")
def add(a: Lanes, b: Lanes) -> Lanes:
    """Sum; integers wrap around."""
    return a + b


@operation(same(), "-")
def sub(a: Lanes, b: Lanes) -> Lanes:
    """Difference; integers wrap around."""
    return a - b


@operation(same(), "*")
def mul(a: Lanes, b: Lanes) -> Lanes:
    """Product; integers wrap around. Of 8-bit and 64-bit lanes it takes several instructions on x86."""
    return a * b


@operation(same("f"), "/")
def truediv(a: Lanes, b: Lanes) -> Lanes:
    """Quotient of floats."""
    return a / b


@operation(same(), "//")
def floordiv(a: Lanes, b: Lanes) -> Lanes:
    """Quotient, rounded down; of integers 0 where the divisor is 0. Integers are divided one by one."""
    return a // b


@operation(same(), "%")
def mod(a: Lanes, b: Lanes) -> Lanes:
    """Rest of `//`, with the divisor's sign; of integers 0 where the divisor is 0. Lanes are divided one by one."""
    return a % b


@operation(bitwise, "&")
def and_(a: Lanes, b: Lanes) -> Lanes:
    """Bits, or truths, that both have."""
    return a & b


@operation(bitwise, "|")
def or_(a: Lanes, b: Lanes) -> Lanes:
    """Bits, or truths, that one of them has."""
    return a | b


@operation(bitwise, "^")
def xor(a: Lanes, b: Lanes) -> Lanes:
    """Bits, or truths, that only one of them has."""
    return a ^ b


@operation(bitwise, "~")
def invert(a: Lanes) -> Lanes:
    """Bits, or truths, that it has not."""
    return ~a


@operation(same("iu"), "<<")
def lshift(a: Lanes, b: Lanes) -> Lanes:
    """Bits moved up; by as many as a lane has, or more: 0. Of 8-bit lanes it takes several instructions on x86."""
    return np.where(_in_range(b), a << b % _bits(a), 0)


@operation(same("iu"), ">>")
def rshift(a: Lanes, b: Lanes) -> Lanes:
    """Bits moved down; the sign moves in, or zeros if there is none. Several instructions for 8-bit lanes on x86."""
    return np.where(_in_range(b), a >> b % _bits(a), np.where(a < 0, -1, 0).astype(a.dtype))


@operation(same("if"), "-")
def neg(a: Lanes) -> Lanes:
    """Negated; the most negative integer stays as it is."""
    return -a


@operation(same(), "+")
def pos(a: Lanes) -> Lanes:
    """Itself."""
    return a


def _getitem(name: str, value: Kind, position: Kind) -> Call:
    if not isinstance(value, VectorType | MaskKind):
        fail(name, "a vector or a mask", value)
    place = position if isinstance(position, ConstantKind) else index(name, position)
    return Call(lane(value) if isinstance(value, VectorType) else BOOL, (value, place))


@operation(_getitem, "[]")
def getitem(a: Lanes, lane: int) -> Any:
    """Number in a lane. In a kernel nobody checks that there is one, unless numba does so everywhere."""
    return a[lane]


@operation(comparison(), "<")
def lt(a: Lanes, b: Lanes) -> Lanes:
    """Where it is less; nowhere beside a NaN."""
    return a < b


@operation(comparison(), "<=")
def le(a: Lanes, b: Lanes) -> Lanes:
    """Where it is less or equal; nowhere beside a NaN."""
    return a <= b


@operation(comparison(), ">")
def gt(a: Lanes, b: Lanes) -> Lanes:
    """Where it is greater; nowhere beside a NaN."""
    return a > b


@operation(comparison(), ">=")
def ge(a: Lanes, b: Lanes) -> Lanes:
    """Where it is greater or equal; nowhere beside a NaN."""
    return a >= b


@operation(equality, "==")
def eq(a: Lanes, b: Lanes) -> Lanes:
    """Where both are equal; nowhere beside a NaN."""
    return a == b


@operation(equality, "!=")
def ne(a: Lanes, b: Lanes) -> Lanes:
    """Where they differ; everywhere beside a NaN."""
    return a != b


def _bits(a: Lanes) -> Any:
    return a.dtype.type(8 * a.dtype.itemsize)


def _in_range(b: Lanes) -> Lanes:
    return (b >= 0) & (b < _bits(b))
