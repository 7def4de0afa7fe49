"""Reading a damaged ULog: all that makes sense, and an account of what does not."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.native import Parameter, kernel
from jitkit.errors import DecodeError
from jitkit.telemetry.ulog._account import (
    BAD_DEFINITION,
    CUT_BEFORE_APPENDED,
    CUT_FILE,
    NO_HEADER,
    Found,
    contents_of,
    word,
)
from jitkit.telemetry.ulog._constants import FLAG_BITS, FORMAT, HEADER_NBYTES
from jitkit.telemetry.ulog._contents import Contents
from jitkit.telemetry.ulog._definitions import Definitions
from jitkit.telemetry.ulog._search_state import (
    ASKS,
    CLEAN_FROM,
    CLEAN_TO,
    CUT,
    DONE,
    FIELDS_FROM,
    FIELDS_TO,
    OTHERS,
    POSITION,
    RANGES,
    RECORDS,
    SINCE,
    STATE_WORDS,
    WHY,
)
from jitkit.telemetry.ulog._sound import appended_offsets, has_header
from jitkit.telemetry.ulog._sound_definitions import OutOfOrderError

AT_ONCE = 16_384  # messages of each kind that a call of the kernel finds

SEARCH_PARAMETERS: tuple[Parameter, ...] = ("buffer", "int", "int", *("buffer",) * 5, "int")

Array = np.ndarray[Any, Any]


def recover(data: Array, strict: bool) -> Contents:
    """Read what can be read.

    Raises
    ------
    DecodeError
        With `strict`, for the first range that would be skipped; and for flags that nobody knows.
    """
    search = Search()
    start = search.header(data)
    for stop in appended(data, data.size):
        search.section(data, start, stop, stop, CUT_BEFORE_APPENDED)
        start = stop
    search.section(data, start, data.size, data.size, CUT_FILE)
    return contents_of(data, search.found(), search.definitions, HEADER_NBYTES * has_header(data), strict)


def appended(data: Array, size: int) -> tuple[int, ...]:
    """Offsets where data was appended in a file of that size, as far as they make sense."""
    try:
        offsets = appended_offsets(data, size)
    except OutOfOrderError:
        return ()
    # What may be looked at must be the beginning of a message.
    return tuple(offset for offset in offsets if offset + 3 > data.size or chr(data[offset + 2]) in "IMPQARDLCSO")


class Search:
    """A search through a file, from one section to the next; what definitions say is kept."""

    def __init__(self) -> None:
        self.definitions = Definitions()
        self._base = 0
        self._state = np.zeros(STATE_WORDS, np.int64)
        self._state[SINCE] = -1
        self._lists: tuple[list[Array], list[Array], list[Array]] = [], [], []
        self._arrays = np.empty(AT_ONCE, np.int64), np.empty(AT_ONCE, np.int64), np.empty((AT_ONCE, 3), np.int64)

    def header(self, data: Array) -> int:
        """Look at the file's header; return where it ends."""
        stop = min(HEADER_NBYTES, data.size)
        if stop and not has_header(data):
            self._skip(0, stop, NO_HEADER)
        return stop

    def section(self, data: Array, start: int, limit: int, stop: int, last: int | None, base: int = 0) -> int:
        """Search a section.

        Parameters
        ----------
        limit, stop : int
            Where to begin no more message, and where the bytes end.
        last : int or None
            What to call a message that is not all there; None where there are more bytes to come.
        base : int
            Where `data` begins in the file.

        Returns
        -------
        int
            Where the search has ended: at `limit`, or behind a message that goes beyond it.
        """
        kernel_ = kernel("jitkit.telemetry.ulog._search:search", SEARCH_PARAMETERS)
        state = self._state
        self._base = base
        state[[POSITION, CLEAN_FROM, CLEAN_TO, FIELDS_FROM, FIELDS_TO]] = start
        if state[SINCE] >= 0:  # what began before is going on
            state[SINCE] = start
        asked = True
        while asked:
            answer = kernel_(data, limit, stop, self.definitions.sizes, state, *self._arrays, AT_ONCE)
            for place, collected, array in zip((RECORDS, OTHERS, RANGES), self._lists, self._arrays, strict=True):
                if state[place]:
                    collected.append(array[: state[place]].copy())
            asked = answer != DONE
            if answer == ASKS:
                self._look_at_definition(data, int(state[POSITION]))
        end = int(state[POSITION])
        if state[SINCE] >= 0:
            why = int(state[WHY])
            self._skip(int(state[SINCE]), end, last if why == CUT and last is not None else why)
            if last is not None:
                state[SINCE] = -1
        return end

    def found(self) -> Found:
        """Return what was found since the last call."""
        records, others, ranges = self._lists
        nothing = np.empty(0, np.int64)
        found = Found(
            np.concatenate([nothing, *records]), np.concatenate([nothing, *others]),
            np.concatenate([np.empty((0, 3), np.int64), *ranges]),
        )  # fmt: skip
        self._lists = [], [], []
        return found

    def _look_at_definition(self, data: Array, at: int) -> None:
        state = self._state
        if self._is_definition(data, at):
            if state[SINCE] >= 0:
                self._skip(int(state[SINCE]), at, int(state[WHY]))
            self._lists[1].append(np.array([at]))
            state[SINCE] = -1
            state[POSITION] = at + 3 + word(data, at)
        else:
            if state[SINCE] < 0:
                state[SINCE], state[WHY] = at, BAD_DEFINITION
            state[POSITION] = at + 1

    def _is_definition(self, data: Array, at: int) -> bool:
        """Take a definition in, if it is one."""
        payload = data[at + 3 : at + 3 + word(data, at)].tobytes()
        if data[at + 2] == FLAG_BITS:
            return at == HEADER_NBYTES
        try:
            if data[at + 2] == FORMAT:
                self.definitions.add_format(payload, self._base + at)
            else:
                self.definitions.add_subscription(payload, self._base + at)
        except DecodeError:
            return False
        return True

    def _skip(self, start: int, stop: int, why: int) -> None:
        if start < stop:
            self._lists[2].append(np.array([[start, stop, why]]))
