"""What operations are given, told the same way for values in Python and for types in kernels: vectors, masks, ...

Rules (`_rules`) are written once for these kinds: from Python they check values, in kernels they are the typing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

DTYPES = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
MOST_LANES = 64


@dataclass(frozen=True)
class VectorType:
    """Type of vectors: so many lanes of a dtype. Inside kernels it is a compile-time constant.

    Attributes
    ----------
    dtype : np.dtype
        Of one lane.
    lanes : int
        A power of two from 1 to 64.
    """

    dtype: np.dtype[Any]
    lanes: int

    @cached_property
    def name(self) -> str:
        """As in ``simd.f32x8``."""
        return f"{self.dtype.kind}{8 * self.dtype.itemsize}x{self.lanes}"

    @property
    def bits(self) -> int:
        """Bits of one lane."""
        return 8 * self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of a vector."""
        return self.lanes * self.dtype.itemsize

    def with_dtype(self, dtype: DTypeLike) -> VectorType:
        """Return the type with as many lanes of another dtype."""
        return vector(dtype, self.lanes)

    def with_lanes(self, lanes: int) -> VectorType:
        """Return the type with another number of lanes of this dtype."""
        return vector(self.dtype, lanes)

    def __repr__(self) -> str:
        return f"simd.{self.name}"

    def __reduce__(self) -> Any:
        return vector, (self.dtype.str[1:], self.lanes)


@dataclass(frozen=True)
class MaskKind:
    """Masks: a truth value for each lane."""

    lanes: int

    @property
    def name(self) -> str:
        """As messages tell it."""
        return f"mask of {self.lanes} lanes"


@dataclass(frozen=True)
class TypeKind:
    """A vector type itself, as it is given to `load` or `splat`."""

    type: VectorType

    @property
    def name(self) -> str:
        """As messages tell it."""
        return f"the type {self.type.name}"


@dataclass(frozen=True)
class ScalarKind:
    """A number: ``letter`` is "b", "i", "u" or "f"."""

    letter: str
    bits: int

    @property
    def name(self) -> str:
        """As messages tell it."""
        return {"b": "bool"}.get(self.letter, f"{self.letter}{self.bits}")


@dataclass(frozen=True)
class ArrayKind:
    """A NumPy array."""

    dtype: np.dtype[Any]
    ndim: int
    contiguous: bool  # C order, without gaps
    writable: bool

    @property
    def name(self) -> str:
        """As messages tell it."""
        order = "" if self.contiguous else ", not contiguous"
        return f"array({self.dtype}, {self.ndim}-d{order}{'' if self.writable else ', read-only'})"


@dataclass(frozen=True)
class PatternKind:
    """Lanes to pick, known when a kernel is compiled."""

    indices: tuple[int, ...]

    @property
    def name(self) -> str:
        """As messages tell it."""
        return f"pattern{self.indices}"


@dataclass(frozen=True)
class ConstantKind:
    """A number that is known when a kernel is compiled."""

    value: int

    @property
    def name(self) -> str:
        """As messages tell it."""
        return str(self.value)


@dataclass(frozen=True)
class OtherKind:
    """What no operation takes."""

    name: str


Kind = VectorType | MaskKind | TypeKind | ScalarKind | ArrayKind | PatternKind | ConstantKind | OtherKind


def vector(dtype: DTypeLike, lanes: int) -> VectorType:
    """Return the type of vectors with so many lanes of a dtype.

    Parameters
    ----------
    dtype : dtype-like
        An integer of 1 to 8 bytes, float32 or float64.
    lanes : int
        A power of two from 1 to 64. Any width works on any host: wider vectors than it has take several registers.

    Raises
    ------
    TypeError
        If vectors cannot have that dtype.
    ValueError
        If they cannot have so many lanes.
    """
    wanted = np.dtype(dtype)
    if wanted.str[1:] not in DTYPES or not wanted.isnative:
        raise TypeError(f"expected an integer dtype, float32 or float64 in native byte order, got {wanted!r}")
    if isinstance(lanes, bool) or not isinstance(lanes, (int, np.integer)):
        raise TypeError(f"expected a number of lanes, got {lanes!r}")
    if not 1 <= lanes <= MOST_LANES or lanes & (lanes - 1):
        raise ValueError(f"expected a power of two from 1 to {MOST_LANES} lanes, got {lanes}")
    return _vector(wanted.str[1:], int(lanes))


@cache
def _vector(dtype: str, lanes: int) -> VectorType:
    return VectorType(np.dtype(dtype), lanes)


def native(dtype: DTypeLike) -> VectorType:
    """Return the widest vector type of a dtype that the processor works on at once.

    That is the processor that numba compiles for: the host, unless NUMBA_CPU_NAME says otherwise.

    Raises
    ------
    TypeError
        If vectors cannot have that dtype.
    """
    from jitkit._core import cpu  # loads LLVM

    wanted = vector(dtype, 1).dtype
    return vector(wanted, cpu.lanes(wanted))
