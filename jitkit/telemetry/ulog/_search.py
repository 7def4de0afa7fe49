"""From message to message through a damaged ULog: the kernel that finds the next one behind what makes no sense.

A message is believed at once where its bytes say so by themselves: a record of data has the id of a subscription and
its size, a parameter the size of its value, a text no control characters. What says less is believed in its place,
right behind a message that was, and if it is followed by what looks like another. So each byte is looked at a few times
at most, whatever there is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.intrinsics import load, store
from jitkit._core.jit import jit
from jitkit.telemetry.ulog._constants import (
    DATA,
    DEFAULT,
    DROPOUT,
    FLAG_BITS,
    FORMAT,
    INFO,
    LOGGED,
    MULTI_INFO,
    PARAMETER,
    SUBSCRIPTION,
    SYNC,
    TAGGED,
    UNSUBSCRIPTION,
)
from jitkit.telemetry.ulog._search_state import (
    ALMOST_BELIEVED,
    ASKS,
    BELIEVED,
    CHOICES,
    CLEAN_FROM,
    CLEAN_TO,
    CUT,
    DONE,
    FIELDS_FROM,
    FIELDS_TO,
    IS_FULL,
    MAKES_NO_SENSE,
    NOT_SUBSCRIBED,
    OTHERS,
    RANGES,
    RECORDS,
    SINCE,
    UNKNOWN_TYPE,
    WHY,
    WRONG_SIZE,
)
from jitkit.telemetry.ulog._walk import HEAD, ONE_VALUE, byte_at, is_sound, key_of, value_size
from jitkit.telemetry.ulog._walk_state import ID

LONGEST_NAME = 256  # of a format that is believed where it stands; PX4's have up to 40 characters
COLON = 58

KNOWN = (DATA, PARAMETER, INFO, DEFAULT, MULTI_INFO, LOGGED, TAGGED, SYNC, FORMAT, SUBSCRIPTION, DROPOUT)


@jit
def is_record(data: Any, at: Any, nbytes: Any, sizes: Any) -> Any:
    """Why a message of data is none of a subscription; `BELIEVED` if it is.

    Loggers leave all of the padding at the end out, or none of it. With a part of it, it is only `ALMOST_BELIEVED`.
    """
    # safe: the caller has found that the message lies in the buffer; ids have 16 bits.
    if nbytes < ID:
        return WRONG_SIZE
    known = sizes + 8 * CHOICES * np.int64(load(data + at + HEAD, np.uint16))
    if load(known, np.int32) < 0:
        return NOT_SUBSCRIBED
    answer = WRONG_SIZE
    for i in range(CHOICES):
        least, largest = load(known + 8 * i, np.int32), load(known + 8 * i + 4, np.int32)
        if least == nbytes - ID or largest == nbytes - ID:
            return BELIEVED
        if least >= 0 and least < nbytes - ID and nbytes - ID < largest:
            answer = ALMOST_BELIEVED
    return answer


@jit
def is_text(data: Any, start: Any, stop: Any, state: Any) -> Any:
    """Whether there are no control characters in a range but those of texts; what was looked at is remembered."""
    # safe: the caller has found that the range lies in the buffer.
    clean_from, clean_to = load(state + 8 * CLEAN_FROM, np.int64), load(state + 8 * CLEAN_TO, np.int64)
    if start < clean_from or start > clean_to:
        clean_from = clean_to = start
    while clean_to < stop:
        letter = byte_at(data + clean_to)
        if letter < 32 and letter != 9 and letter != 10 and letter != 13 and letter != 27:
            break
        clean_to += 1
    store(state + 8 * CLEAN_FROM, clean_from)
    store(state + 8 * CLEAN_TO, clean_to)
    return clean_to >= stop


@jit
def is_format(data: Any, start: Any, stop: Any, state: Any) -> Any:
    """Whether a range looks like a format: a name, a colon, and fields, in which there is no other colon.

    So of formats that seem to begin everywhere in a text, few are looked at to their ends.
    """
    # safe: the caller has found that the range lies in the buffer.
    colon = start
    while colon < stop and colon - start < LONGEST_NAME and is_of_name(byte_at(data + colon)):
        colon += 1
    if colon == start or colon >= stop or byte_at(data + colon) != COLON:
        return False
    fields_from, fields_to = load(state + 8 * FIELDS_FROM, np.int64), load(state + 8 * FIELDS_TO, np.int64)
    if colon < fields_from or colon >= fields_to:
        fields_from = fields_to = colon + 1
    while fields_to < stop and is_of_fields(byte_at(data + fields_to)):
        fields_to += 1
    store(state + 8 * FIELDS_FROM, fields_from)
    store(state + 8 * FIELDS_TO, fields_to)
    return fields_to >= stop


@jit
def is_name(data: Any, start: Any, stop: Any) -> Any:
    """Whether a range is the name of a format."""
    # safe: the caller has found that the range lies in the buffer.
    for at in range(start, stop):  # noqa: SIM110 (numba compiles no generators)
        if not is_of_name(byte_at(data + at)):
            return False
    return True


@jit
def is_of_name(letter: Any) -> Any:
    """Whether a byte may be in the name of a format or a type."""
    is_letter = 97 <= letter < 123 or 65 <= letter < 91 or 48 <= letter < 58
    return is_letter or letter in (45, 47, 95)  # - / _


@jit
def is_of_fields(letter: Any) -> Any:
    """Whether a byte may be in the fields of a format."""
    return is_of_name(letter) or letter in (32, 59, 91, 93)  # space ; [ ]


@jit
def is_exact_value(data: Any, payload: Any, nbytes: Any) -> Any:
    """Whether a payload is a key and a value of the very size that the key says, also of an array."""
    # safe: `key_of` has found that the key lies in the payload.
    key_nbytes = key_of(data + payload, nbytes)
    if key_nbytes == 0:
        return False
    return value_size(data + payload + 1, key_nbytes, not ONE_VALUE) == nbytes - 1 - key_nbytes


@jit
def speaks_for_itself(data: Any, at: Any, nbytes: Any, kind: Any, state: Any) -> Any:
    """Whether a message is one by its own bytes alone."""
    # safe: the caller has found that the message lies in the buffer.
    payload, end = at + HEAD, at + HEAD + nbytes
    if kind in (PARAMETER, INFO):
        return is_exact_value(data, payload, nbytes)
    if kind in (DEFAULT, MULTI_INFO):
        return is_exact_value(data, payload + 1, nbytes - 1)
    if kind in (LOGGED, TAGGED):
        text = payload + (9 if kind == LOGGED else 11)
        return 48 <= byte_at(data + payload) < 56 and text < end and is_text(data, text, end, state)
    if kind == FORMAT:
        return is_format(data, payload, end, state)
    if kind == SUBSCRIPTION:
        return end - payload - 3 <= LONGEST_NAME and is_name(data, payload + 3, end)
    return kind == SYNC


@jit
def looks_like_one(data: Any, at: Any, stop: Any, sizes: Any) -> Any:
    """Whether there is what looks like a message, or the beginning of one at the end."""
    # safe: nothing is read before it is found to lie before `stop`.
    if at + HEAD > stop:
        return True
    nbytes, kind = np.int64(load(data + at, np.uint16)), byte_at(data + at + 2)
    if at + HEAD + nbytes > stop:
        return kind in KNOWN
    if kind == DATA:
        return is_record(data, at, nbytes, sizes) <= BELIEVED
    return is_sound(data, at, nbytes, kind)


@jit
def judge(data: Any, at: Any, stop: Any, sizes: Any, in_place: Any, state: Any) -> Any:
    """Why there is no message to be believed; `BELIEVED` if there is."""
    # safe: nothing is read before it is found to lie before `stop`.
    if at + HEAD > stop:
        return CUT
    nbytes, kind = np.int64(load(data + at, np.uint16)), byte_at(data + at + 2)
    if kind not in KNOWN and not (in_place and kind in (UNSUBSCRIPTION, FLAG_BITS)):
        return UNKNOWN_TYPE
    end = at + HEAD + nbytes
    if end > stop:
        return CUT
    if kind == DATA:
        reason = is_record(data, at, nbytes, sizes)
        if reason == ALMOST_BELIEVED:
            return BELIEVED if looks_like_one(data, end, stop, sizes) else WRONG_SIZE
        return reason
    if not is_sound(data, at, nbytes, kind):
        return MAKES_NO_SENSE
    if speaks_for_itself(data, at, nbytes, kind, state):
        return BELIEVED
    if kind == DROPOUT or (in_place and looks_like_one(data, end, stop, sizes)):
        return BELIEVED
    return MAKES_NO_SENSE


@jit
def begins_inside(data: Any, first: Any, end: Any, stop: Any, sizes: Any, state: Any) -> Any:
    """Where in a record another message begins that is believed, and has one behind it that is, too; 0 if nowhere."""
    # safe: `judge` has found that a message lies in the buffer.
    for at in range(first + 1, end):
        if judge(data, at, stop, sizes, False, state) == BELIEVED:
            behind = at + HEAD + np.int64(load(data + at, np.uint16))
            if behind > end and looks_like_one(data, behind, stop, sizes):
                return at
    return 0


@jit
def search(
    data: Any, limit: Any, stop: Any, sizes: Any, state: Any, records: Any, others: Any, ranges: Any, capacity: Any
) -> Any:
    """Walk on from message to message, and over what is none.

    Parameters
    ----------
    data, limit, stop : int
        Address of the file's bytes, where to begin no more message, and where the bytes end.
    sizes : address of (65536, CHOICES, 2) int32
        Least and largest sizes of the records of an id; -1 where there is none.
    state : address of (10,) int64
        See `POSITION` and what follows it; changed.
    records, others : address of (capacity,) int64
        Filled, from the beginning, with the places of messages of data, and of all others.
    ranges : address of (capacity, 3) int64
        Filled with what was skipped: where it begins and ends, and why its first byte is no message.

    Returns
    -------
    int
        `ASKS` at a definition, which the caller has to look at.
    """
    # safe: `judge` has found that a message lies in the buffer; each round adds one to each array at most.
    at, since, why = (load(state, np.int64), load(state + 8 * SINCE, np.int64), load(state + 8 * WHY, np.int64))
    found, rest, skipped = np.int64(0), np.int64(0), np.int64(0)
    last = np.int64(-1)  # where the message before this one begins, if it is a record
    answer = DONE
    while at < limit:
        reason = judge(data, at, stop, sizes, since < 0, state)
        if reason != BELIEVED:
            if since < 0 and last >= 0 and found > 0:
                inside = begins_inside(data, last, at, stop, sizes, state)
                if inside > 0:  # the last record has lost bytes, and has taken some of the next one's
                    since, why, at = last, np.int64(WRONG_SIZE), inside
                    last = np.int64(-1)
                    found -= 1
                    continue
            if since < 0:
                since, why = at, np.int64(reason)
            at += 1
            continue
        if max(found, rest, skipped) >= capacity:
            answer = IS_FULL
            break
        kind = byte_at(data + at + 2)
        if kind in (SUBSCRIPTION, FORMAT, FLAG_BITS):
            answer = ASKS
            break
        if since >= 0:
            store(ranges + 24 * skipped, since)
            store(ranges + 24 * skipped + 8, at)
            store(ranges + 24 * skipped + 16, why)
            skipped += 1
            since = np.int64(-1)
        last = np.int64(-1)
        if kind == DATA:
            store(records + 8 * found, at)
            found += 1
            last = at
        else:
            store(others + 8 * rest, at)
            rest += 1
        at += HEAD + np.int64(load(data + at, np.uint16))
    store(state, at)
    store(state + 8 * SINCE, since)
    store(state + 8 * WHY, why)
    store(state + 8 * RECORDS, found)
    store(state + 8 * OTHERS, rest)
    store(state + 8 * RANGES, skipped)
    return answer
