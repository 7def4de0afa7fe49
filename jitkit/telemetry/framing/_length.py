"""Where a frame says how long it is."""

from __future__ import annotations

from typing import Any

from jitkit.telemetry.framing._numbers import at_least, unsigned, whole


class Length:
    """The field of a frame that says its length: the whole frame has ``value * scale + plus`` bytes.

    Parameters
    ----------
    offset : int, bytes
        From the frame's start to the field. It must lie behind the sync word.
    dtype : dtype-like
        Unsigned, of 1, 2, 4 or 8 bytes; its byte order counts, as in ``">u2"``.
    plus : int, bytes
        What the field does not count; negative if it counts too much.
    scale : int
        Bytes in one unit of the field: 4 if it counts words of 32 bits.

    Raises
    ------
    TypeError
        If `dtype` is anything else, or another argument no int.
    ValueError
        If `offset` is negative, or `scale` less than 1.
    """

    __slots__ = ("dtype", "offset", "plus", "scale")

    def __init__(self, offset: int, dtype: Any, plus: int = 0, scale: int = 1) -> None:
        self.offset = at_least(0, "the length's offset", offset)
        self.dtype = unsigned("the length", dtype, 8)
        self.plus = whole("the length's plus", plus)
        self.scale = at_least(1, "the length's scale", scale)

    @property
    def stop(self) -> int:
        """Offset of the first byte behind the field."""
        return self.offset + self.dtype.itemsize

    @property
    def longest(self) -> int:
        """Bytes of the longest frame that the field can tell."""
        return self.bytes_for((1 << 8 * self.dtype.itemsize) - 1)

    def bytes_for(self, value: int) -> int:
        """Bytes of the frame whose field has a value."""
        return value * self.scale + self.plus

    def values(self, least: int, most: int) -> tuple[int, int]:
        """Return the lowest and the highest value for frames of `least` to `most` bytes."""
        return max(0, -((self.plus - least) // self.scale)), (most - self.plus) // self.scale

    def __repr__(self) -> str:
        return f"Length(offset={self.offset}, dtype={self.dtype.str!r}, plus={self.plus}, scale={self.scale})"
