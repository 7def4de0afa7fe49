"""CRCs by name, of whole buffers and as a part of frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.telemetry.framing._buffers import bytes_of
from jitkit.telemetry.framing._catalogue import parameters_of
from jitkit.telemetry.framing._constants import FINAL, INITIAL, SHIFT, constants
from jitkit.telemetry.framing._numbers import unsigned, whole


def crc(name: str, data: Any, initial: int | None = None) -> int:
    """CRC of the bytes of a buffer.

    Parameters
    ----------
    name : str
        In the CRC RevEng catalogue: ``"crc-32/iso-hdlc"``, ``"crc-16/ibm-3740"``.
    data : buffer
        Bytes, memoryview, mmap, C-contiguous array.
    initial : int, optional
        CRC of the bytes before: ``crc(name, b, crc(name, a)) == crc(name, a + b)``.

    Returns
    -------
    int
        As the catalogue gives it: ``crc("crc-32/iso-hdlc", data) == zlib.crc32(data)``.

    Raises
    ------
    ValueError
        If there is no such CRC here, `initial` has more bits than the CRC, or (a DecodeError of kind ``"buffer"``)
        `data` is no C-contiguous buffer.
    TypeError
        If `name` is no string, or `initial` no int.

    Notes
    -----
    By multiplications without carries where the processor has them, else by tables; see `_folding` and `_registers`.

    Examples
    --------
    >>> from jitkit.telemetry import framing
    >>> hex(framing.crc("crc-16/ibm-3740", b"123456789"))
    '0x29b1'
    """
    parameters = parameters_of(name)
    words = constants(parameters)
    register = words[INITIAL]
    if initial is not None:
        before = whole("initial", initial)
        if not 0 <= before < 1 << parameters.width:
            raise ValueError(f"expected initial to be a CRC of {parameters.width} bits, got {before:#x}")
        register = np.uint64((before ^ parameters.xorout) << int(words[SHIFT]))
    view = bytes_of(data)
    from jitkit.telemetry.framing._registers import best  # numba is loaded when it is needed first
    from jitkit.telemetry.framing._scan import scanners

    after = scanners(best()).register(view, register, words)
    return int(after) >> int(words[SHIFT]) ^ int(words[FINAL])


class Crc:
    """The checksum of a frame: which one, of which bytes, and how it is stored.

    Parameters
    ----------
    name : str
        In the CRC RevEng catalogue.
    start, stop : int, bytes
        It covers the bytes ``[start:stop]`` of a frame and is stored at `stop`. A negative number counts from the
        frame's end, as in a slice. By default it covers all from the frame's first byte, and stands at its end.
    dtype : dtype-like, optional
        As what it is stored: unsigned, of 1, 2 or 4 bytes; its byte order counts. By default with the highest byte
        first. A dtype with more bits than the CRC holds zeros above it.

    Raises
    ------
    ValueError
        If there is no such CRC here, `stop` lies before `start`, or the CRC would end behind the frame.
    TypeError
        If `dtype` is anything else, or too narrow for the CRC, or another argument is of the wrong type.

    Notes
    -----
    A `stop` that counts from the frame's start is that of a header's checksum, with the payload behind it, unless a
    frame of fixed length ends with it.
    """

    __slots__ = ("dtype", "name", "parameters", "start", "stop")

    def __init__(self, name: str, start: int = 0, stop: int | None = None, dtype: Any = None) -> None:
        self.name = name
        self.parameters = parameters_of(name)
        width = self.parameters.width
        if dtype is None:
            dtype = f">u{next(size for size in (1, 2, 4) if 8 * size >= width)}"
        self.dtype = unsigned("the CRC", dtype, 4)
        nbytes = self.dtype.itemsize
        if 8 * nbytes < width:
            raise TypeError(f"expected a dtype of at least {width} bits for {name}, got {self.dtype.str!r}")
        self.start = whole("the CRC's start", start)
        self.stop = -nbytes if stop is None else whole("the CRC's stop", stop)
        if self.start < 0 <= self.stop or ((self.start < 0) == (self.stop < 0) and self.stop < self.start):
            raise ValueError(f"expected the CRC's stop not before its start, got [{self.start}:{self.stop}]")
        if -nbytes < self.stop < 0:
            raise ValueError(
                f"expected the CRC's stop at {-nbytes} or before, where {nbytes} bytes are left, got {self.stop}"
            )

    def of(self, data: Any) -> int:
        """CRC of all bytes of a buffer: see `crc`."""
        return crc(self.name, data)

    def __repr__(self) -> str:
        return f"Crc({self.name!r}, start={self.start}, stop={self.stop}, dtype={self.dtype.str!r})"
