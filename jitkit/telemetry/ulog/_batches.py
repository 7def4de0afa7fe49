"""A ULog as a series of logs, one for each piece of the file: for what is larger than memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from jitkit.telemetry._files import filled
from jitkit.telemetry._log import Log
from jitkit.telemetry.ulog._account import CUT_BEFORE_APPENDED, CUT_FILE, contents_of
from jitkit.telemetry.ulog._constants import HEADER_NBYTES
from jitkit.telemetry.ulog._details import data_begins
from jitkit.telemetry.ulog._read import last_times, log_of
from jitkit.telemetry.ulog._recover import Search, appended
from jitkit.telemetry.ulog._sound import has_header

# Bytes at the end of a piece that are searched with the next one: there the longest message and the one behind it,
# which may be asked for, are not all there.
MARGIN = 2 * (3 + 0xFFFF)
LEAST_PIECE = 4 * MARGIN

Array = np.ndarray[Any, Any]


def batches(path: Any, where: str, nbytes: int, errors: str) -> Iterator[Log]:
    """Yield a log for each piece of a file.

    Parameters
    ----------
    nbytes : int
        Of a piece, about; at least `LEAST_PIECE`.
    errors : "strict" or "recover"

    Raises
    ------
    DecodeError
        As `read` does, once the piece is reached that is damaged.
    """
    search, base, rest = Search(), 0, np.empty(0, np.uint8)
    start_time = 0
    is_going_on = False
    offsets: tuple[int, ...] = ()
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        while True:
            piece = _piece(file, rest, max(nbytes, LEAST_PIECE))
            is_last = piece.size < rest.size + max(nbytes, LEAST_PIECE)
            start = header = 0
            if base == 0:
                start = search.header(piece)
                header = HEADER_NBYTES * has_header(piece)
                offsets = appended(piece, size)
                start_time = int.from_bytes(piece[8:header].tobytes(), "little")
            for offset in offsets:
                if base < offset <= base + piece.size:
                    search.section(piece, start, offset - base, offset - base, CUT_BEFORE_APPENDED, base)
                    start = offset - base
            limit = piece.size if is_last else max(start, piece.size - MARGIN)
            end = search.section(piece, start, limit, piece.size, CUT_FILE if is_last else None, base)
            contents = contents_of(piece[:end], search.found(), search.definitions, header, errors == "strict", base)
            yield log_of(contents, where, start_time, is_going_on)
            is_going_on = is_going_on or data_begins(contents.data, contents.others) < contents.data.size
            if is_last:
                return
            start_time = last_times(contents, start_time, [end])[0]
            base, rest = base + end, piece[end:]


def _piece(file: Any, rest: Array, nbytes: int) -> Array:
    """What is left of the piece before, and so many more bytes of the file, or all that there are."""
    piece = np.empty(rest.size + nbytes, np.uint8)
    piece[: rest.size] = rest
    return filled(file, piece, rest.size)
