"""Vectors, masks and patterns as Python sees them: what kernels return, and what the emulation works on."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from jitkit.simd._kinds import MaskKind, VectorType, vector


class _Lanes:
    """Lanes in a NumPy array that nobody changes."""

    __slots__ = ("_lanes",)
    __array_ufunc__ = None  # NumPy's scalars must leave operators to us
    _lanes: np.ndarray

    def __init__(self, lanes: np.ndarray) -> None:
        lanes = np.array(lanes)
        lanes.flags.writeable = False
        self._lanes = lanes

    @property
    def lanes(self) -> int:
        """How many there are."""
        return len(self._lanes)

    def to_array(self) -> np.ndarray:
        """Return a new array, (lanes,), of what is in the lanes."""
        return self._lanes.copy()

    def __jitkit_fingerprint__(self) -> np.ndarray:
        return self._lanes

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._lanes)

    def __getitem__(self, lane: int) -> Any:
        lane = operator.index(lane)
        if not 0 <= lane < len(self._lanes):
            raise IndexError(f"expected a lane from 0 to {len(self._lanes) - 1}, got {lane}")
        return self._lanes[lane]

    def __reduce__(self) -> Any:
        return type(self), (self.to_array(),)

    def _binary(self, name: str, other: Any, reverse: bool = False) -> Any:
        from jitkit.simd import _operators

        function = getattr(_operators, name)
        return function(other, self) if reverse else function(self, other)

    def __and__(self, other: Any) -> Any:
        return self._binary("and_", other)

    def __or__(self, other: Any) -> Any:
        return self._binary("or_", other)

    def __xor__(self, other: Any) -> Any:
        return self._binary("xor", other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Any:
        from jitkit.simd import _operators

        return _operators.invert(self)

    def __eq__(self, other: object) -> Any:
        return self._binary("eq", other)

    def __ne__(self, other: object) -> Any:
        return self._binary("ne", other)

    __hash__ = None  # type: ignore[assignment]  # == gives a mask

    def __bool__(self) -> bool:
        raise TypeError("a truth value of many lanes is neither true nor false: use simd.any or simd.all")


def in_a_row(lanes: np.ndarray) -> np.ndarray:
    """Return an array that lanes come from.

    Raises
    ------
    ValueError
        If it has not one dimension.
    """
    if lanes.ndim != 1:
        raise ValueError(f"expected lanes in a 1-d array, got {lanes.ndim} dimensions")
    return lanes


class Mask(_Lanes):
    """A truth value for each lane, as comparisons give it.

    Parameters
    ----------
    lanes : array-like of bool, (lanes,)

    Raises
    ------
    ValueError
        If there are not as many as vectors can have.
    """

    __slots__ = ()

    def __init__(self, lanes: Any) -> None:
        given = in_a_row(np.array(lanes, dtype=bool))
        vector(np.uint8, given.size)  # says what is wrong with the number of lanes
        super().__init__(given)

    @property
    def kind(self) -> MaskKind:
        """What rules know it by."""
        return MaskKind(len(self._lanes))

    def __repr__(self) -> str:
        return f"simd.Mask({''.join('1' if lane else '0' for lane in self._lanes)})"


class Vector(_Lanes):
    """Numbers in lanes, on which operators work all at once.

    Parameters
    ----------
    lanes : array-like, (lanes,)
        Of a dtype that vectors can have.

    Raises
    ------
    TypeError
        If vectors cannot have that dtype.
    ValueError
        If they cannot have so many lanes.
    """

    __slots__ = ("type",)

    def __init__(self, lanes: Any) -> None:
        given = in_a_row(np.array(lanes))
        self.type: VectorType = vector(given.dtype, given.size)
        super().__init__(given)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of one lane."""
        return self.type.dtype

    @property
    def kind(self) -> VectorType:
        """What rules know it by."""
        return self.type

    def __repr__(self) -> str:
        return f"{self.type!r}({', '.join(map(str, self._lanes))})"

    def __add__(self, other: Any) -> Any:
        return self._binary("add", other)

    def __radd__(self, other: Any) -> Any:
        return self._binary("add", other, reverse=True)

    def __sub__(self, other: Any) -> Any:
        return self._binary("sub", other)

    def __rsub__(self, other: Any) -> Any:
        return self._binary("sub", other, reverse=True)

    def __mul__(self, other: Any) -> Any:
        return self._binary("mul", other)

    def __rmul__(self, other: Any) -> Any:
        return self._binary("mul", other, reverse=True)

    def __truediv__(self, other: Any) -> Any:
        return self._binary("truediv", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._binary("truediv", other, reverse=True)

    def __floordiv__(self, other: Any) -> Any:
        return self._binary("floordiv", other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._binary("floordiv", other, reverse=True)

    def __mod__(self, other: Any) -> Any:
        return self._binary("mod", other)

    def __rmod__(self, other: Any) -> Any:
        return self._binary("mod", other, reverse=True)

    def __lshift__(self, other: Any) -> Any:
        return self._binary("lshift", other)

    def __rlshift__(self, other: Any) -> Any:
        return self._binary("lshift", other, reverse=True)

    def __rshift__(self, other: Any) -> Any:
        return self._binary("rshift", other)

    def __rrshift__(self, other: Any) -> Any:
        return self._binary("rshift", other, reverse=True)

    def __lt__(self, other: Any) -> Any:
        return self._binary("lt", other)

    def __le__(self, other: Any) -> Any:
        return self._binary("le", other)

    def __gt__(self, other: Any) -> Any:
        return self._binary("gt", other)

    def __ge__(self, other: Any) -> Any:
        return self._binary("ge", other)

    def __neg__(self) -> Any:
        from jitkit.simd import _operators

        return _operators.neg(self)

    def __pos__(self) -> Vector:
        return self


class Pattern:
    """Which lanes to pick, fixed when a kernel is compiled.

    Attributes
    ----------
    indices : tuple of int
        One for each lane of the result.
    """

    __slots__ = ("indices",)

    def __init__(self, indices: tuple[int, ...]) -> None:
        self.indices = indices

    def __repr__(self) -> str:
        return f"simd.pattern{self.indices}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.indices == other.indices

    def __hash__(self) -> int:
        return hash(self.indices)

    def __reduce__(self) -> Any:
        return Pattern, (self.indices,)

    def __jitkit_fingerprint__(self) -> tuple[int, ...]:
        return self.indices


def pattern(*indices: int) -> Pattern:
    """Return a pattern of lanes for `swizzle` and `swizzle2`; make it outside the kernel.

    Parameters
    ----------
    *indices : int
        Lane of the source for each lane of the result, whose number is a power of two. For `swizzle2`, lanes of the
        second vector follow those of the first.

    Raises
    ------
    TypeError, ValueError
        If an index is not an integer or negative, or the number of lanes is none that vectors have.
    """
    for index in indices:
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
            raise TypeError(f"simd.pattern: expected indices of lanes, got {index!r}")
        if index < 0:
            raise ValueError(f"simd.pattern: expected indices of lanes from 0 on, got {index}")
    vector(np.uint8, len(indices))
    return Pattern(tuple(int(index) for index in indices))
