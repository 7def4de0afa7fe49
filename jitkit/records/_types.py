"""What a field can be: plain immutable values, which know nothing of records or offsets."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

from jitkit.errors import LayoutError

ByteOrder = Literal["little", "big"]
Kind = Literal["u", "i", "f", "?", "S"]  # as in numpy: unsigned, signed, float, boolean, bytes


@dataclass(frozen=True, kw_only=True)
class FieldType:
    """What all field types share: a byte order and a position of their own, when they need one."""

    byteorder: ByteOrder | None = None  # None: that of the record
    position: int | None = None  # None: after the field before

    @property
    def little(self) -> Self:
        """The same, least significant byte first whatever the record's byte order."""
        return replace(self, byteorder="little")

    @property
    def big(self) -> Self:
        """The same, most significant byte first whatever the record's byte order."""
        return replace(self, byteorder="big")

    def at(self, offset: int) -> Self:
        """Return the same, at a byte offset from the start of the record instead of after the field before."""
        return replace(self, position=whole_number("offset", offset, at_least=0))


@dataclass(frozen=True, kw_only=True)
class Number(FieldType):
    """A field that is one number in the record; `valid` is the closed range of plausible values."""

    kind: Kind
    bits: int
    valid: tuple[float, float] | None = None

    def within(self, low: float | None, high: float | None) -> Self:
        """Return the same, with a mask of the values in ``[low, high]``: see `Columns.valid`.

        Raises
        ------
        LayoutError
            If `low` is above `high` or either is no number; None leaves a side open.
        """
        if self.kind == "?":
            raise LayoutError("expected a number for .within(), got a boolean, which is checked as it is")
        return replace(self, valid=closed_range((low, high)))

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest integer that the bits can hold."""
        if self.kind == "i":
            return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1
        return 0, (1 << self.bits) - 1


@dataclass(frozen=True, kw_only=True)
class Scalar(Number):
    """A whole number of bytes: integers, IEEE 754 floats and the checked boolean."""

    def __repr__(self) -> str:
        return "boolean" if self.kind == "?" else f"{self.kind}{self.bits}"


@dataclass(frozen=True, kw_only=True)
class BitField(Number):
    """An integer of 1 to 64 bits that starts at any bit."""

    def __repr__(self) -> str:
        return f"bits({self.bits}{', signed=True' if self.kind == 'i' else ''})"


@dataclass(frozen=True, kw_only=True)
class Scaled(FieldType):
    """A number in physical units: ``raw * scale + offset``."""

    base: Number
    scale: float
    offset: float
    unit: str | None
    valid: tuple[float, float] | None
    dtype: np.dtype[Any]

    def __repr__(self) -> str:
        return f"scaled({self.base!r})"


@dataclass(frozen=True, kw_only=True)
class Enumerated(FieldType):
    """An integer of which only the listed values may occur."""

    base: Number
    labels: Mapping[int, str]

    def __repr__(self) -> str:
        return f"enum_({self.base!r})"


@dataclass(frozen=True, kw_only=True)
class Bytes(FieldType):
    """A fixed number of bytes, as they are."""

    size: int

    def __repr__(self) -> str:
        return f"bytes_({self.size})"


@dataclass(frozen=True, kw_only=True)
class Pad(FieldType):
    """Bytes that mean nothing."""

    size: int

    def __repr__(self) -> str:
        return f"pad({self.size})"


@dataclass(frozen=True, kw_only=True)
class Array(FieldType):
    """A fixed number of items of one type, one after the other."""

    item: FieldType
    shape: tuple[int, ...]

    def __repr__(self) -> str:
        shape = self.shape[0] if len(self.shape) == 1 else self.shape
        return f"array({self.item!r}, {shape})"


@dataclass(frozen=True, kw_only=True)
class Nested(FieldType):
    """Another record class inside this one; `record` is a `Record` subclass."""

    record: Any

    def __repr__(self) -> str:
        return str(self.record.__name__)


def as_field_type(value: Any) -> FieldType | None:
    """Return `value` as a field type, a Record class as a nested one, and None for anything else."""
    if isinstance(value, FieldType):
        return value
    if isinstance(value, type) and hasattr(value, "_layout"):
        return Nested(record=value)
    return None


def whole_number(what: str, value: Any, *, at_least: int, at_most: int | None = None) -> int:
    """Return `value` as an int in the given range, or raise a LayoutError that names it."""
    bounds = f"at least {at_least}" if at_most is None else f"{at_least} to {at_most}"
    try:
        number = operator.index(value)
    except TypeError:
        raise LayoutError(f"expected the {what} to be an integer, {bounds}, got {value!r}") from None
    if isinstance(value, bool) or number < at_least or (at_most is not None and number > at_most):
        raise LayoutError(f"expected the {what} to be {bounds}, got {value!r}")
    return number


def refuse_position(what: str, base: FieldType) -> None:
    """Raise a LayoutError for `.at()` on the inner type of a field: the field as a whole has the place."""
    if base.position is not None:
        raise LayoutError(f"expected .at({base.position}) on the {what} as a whole, got it on the type inside")


def finite(what: str, value: Any) -> float:
    """Return `value` as a finite float, or raise a LayoutError that names it."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise LayoutError(f"expected {what} to be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise LayoutError(f"expected {what} to be finite, got {value!r}")
    return number


def closed_range(limits: Any) -> tuple[float, float]:
    """Return ``(low, high)`` with None as an open side, or raise a LayoutError."""
    try:
        low, high = limits
        low = -math.inf if low is None else _plain(low)
        high = math.inf if high is None else _plain(high)
        ordered = low <= high
    except (TypeError, ValueError):
        ordered = False
    if not ordered:
        raise LayoutError(f"expected a range (low, high) of numbers with low <= high, got {limits!r}")
    return low, high


def _plain(bound: Any) -> float:
    """Integers stay exact; everything else becomes a float."""
    if isinstance(bound, str | bytes):
        raise TypeError
    try:
        return operator.index(bound)
    except TypeError:
        return float(bound)
