"""From message to message through a ULog: kernels that look at headers, and at no more of a payload than they must.

A message is believed if its header and what its type says of its payload agree. Kernels stop at the first that is not.
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
    DTYPES,
    FLAG_BITS,
    FLAG_BITS_NBYTES,
    FORMAT,
    INFO,
    LOGGED,
    MESSAGE_HEADER_NBYTES,
    MULTI_INFO,
    PARAMETER,
    SUBSCRIPTION,
    SYNC,
    SYNC_WORD,
    TAGGED,
    UNSUBSCRIPTION,
)
from jitkit.telemetry.ulog._walk_state import (
    AT_END,
    HAS_HIGH_ID,
    HIGHEST,
    ID,
    IS_CUT,
    IS_FULL,
    IS_WRONG,
    MESSAGES,
    OTHERS,
    POSITION,
    UNKNOWN,
)

HEAD = MESSAGE_HEADER_NBYTES
SYNC_NUMBER = np.uint64(int.from_bytes(SYNC_WORD, "little"))
# Names of numbers, which are no longer than 8 characters, as numbers themselves.
NUMBERS = np.array([int.from_bytes(name.encode(), "little") for name in DTYPES], np.uint64)
SIZES = np.array([dtype.itemsize for dtype in DTYPES.values()], np.int64)
NO_KEY = -2
ONE_VALUE = True


@jit
def byte_at(address: Any) -> Any:
    """Byte at an address."""
    return np.int64(load(address, np.uint8))


@jit
def value_size(key: Any, nbytes: Any, only_one: Any) -> Any:
    """Bytes that the value of a key like ``float NAME`` takes, -1 if it does not say that, or `NO_KEY` if it is none.

    With `only_one`, arrays do not say it either: what loggers write of them is not always as long as they say.
    """
    # safe: reads `nbytes` from `key` on, which the caller has found to lie in the payload.
    word, space, bracket = np.uint64(0), -1, -1
    items = 0
    for i in range(nbytes):
        letter = byte_at(key + i)
        if letter == 32:
            space = i
            break
        if letter < 32:
            return NO_KEY
        if letter == 91:
            bracket = i
        elif bracket >= 0:
            if 48 <= letter < 58 and items < 65536:
                items = 10 * items + letter - 48
        elif i < 8:
            word |= np.uint64(letter) << np.uint64(8 * i)
    if space <= 0 or space == nbytes - 1:
        return NO_KEY
    length = bracket if bracket >= 0 else space
    if length <= 8 and not (only_one and bracket >= 0):
        for i in range(NUMBERS.size):
            if NUMBERS[i] == word:
                return SIZES[i] * (items if bracket >= 0 else 1)
    return -1


@jit
def key_of(payload: Any, nbytes: Any) -> Any:
    """Bytes of the key that a payload begins with; 0 if it has none."""
    # safe: reads the payload's first byte, if there is one.
    key_nbytes = byte_at(payload) if nbytes > 0 else 0
    return key_nbytes if 1 + key_nbytes <= nbytes else 0


@jit
def has_value(payload: Any, nbytes: Any) -> Any:
    """Whether a payload is the length of a key, the key, and a value: of a number, one of its size."""
    # safe: `key_of` has found that the key lies in the payload.
    key_nbytes = key_of(payload, nbytes)
    if key_nbytes == 0:
        return False
    size = value_size(payload + 1, key_nbytes, ONE_VALUE)
    return size == -1 or size == nbytes - 1 - key_nbytes


@jit
def is_sound(data: Any, at: Any, nbytes: Any, kind: Any) -> Any:
    """Whether the payload of a message agrees with its type; data messages are looked at elsewhere."""
    # safe: the caller has found that the whole message lies in the buffer.
    payload = data + at + HEAD
    if kind in (PARAMETER, INFO):
        return has_value(payload, nbytes)
    if kind in (DEFAULT, MULTI_INFO):
        return has_value(payload + 1, nbytes - 1)
    if kind == LOGGED:
        return nbytes >= 9
    if kind == TAGGED:
        return nbytes >= 11
    if kind in (DROPOUT, UNSUBSCRIPTION):
        return nbytes == 2
    if kind == SYNC:
        return nbytes == 8 and load(payload, np.uint64) == SYNC_NUMBER
    if kind == SUBSCRIPTION:
        return nbytes > 3
    if kind == FORMAT:
        return nbytes > 2
    return kind == FLAG_BITS and nbytes >= FLAG_BITS_NBYTES


@jit
def count(data: Any, stop: Any, state: Any, sizes: Any, hits: Any, ids: Any, others: Any, capacity: Any) -> Any:
    """Walk on, and count the messages of data of each id.

    Parameters
    ----------
    data, stop : int
        Address of the file's bytes, and how many of them there are.
    state : address of (5,) int64
        See `POSITION` and what follows it; changed.
    sizes : address of (ids, 2) int32
        Least and largest size of the messages of data of an id, as far as it is known; 0 where it is not.
    hits : address of (ids,) int64
        One is added for each message of data with that id.
    others : address of (capacity,) int64
        Filled with the places of all other messages, from the beginning.

    Returns
    -------
    int
        Why the walk has stopped.
    """
    # safe: nothing is read before it is found to lie before `stop`; ids are compared.
    at = load(state, np.int64)
    messages, highest = load(state + 8 * MESSAGES, np.int64), load(state + 8 * HIGHEST, np.int64)
    unknown = load(state + 8 * UNKNOWN, np.int64)
    found = 0
    why = AT_END
    while at < stop:
        if at + HEAD > stop:
            why = IS_CUT
            break
        nbytes, kind = np.int64(load(data + at, np.uint16)), byte_at(data + at + 2)
        end = at + HEAD + nbytes
        if end > stop:
            why = IS_CUT
            break
        if kind == DATA and nbytes >= ID:
            number = np.int64(load(data + at + HEAD, np.uint16))
            if number >= ids:
                why = HAS_HIGH_ID
                break
            largest = load(sizes + 8 * number + 4, np.int32)
            if largest == 0:
                unknown += 1
            elif nbytes < load(sizes + 8 * number, np.int32) or nbytes > largest:
                why = IS_WRONG
                break
            store(hits + 8 * number, load(hits + 8 * number, np.int64) + 1)
            highest = max(highest, number)
        else:
            if kind == DATA or not is_sound(data, at, nbytes, kind):
                why = IS_WRONG
                break
            if found == capacity:
                why = IS_FULL
                break
            store(others + 8 * found, at)
            found += 1
        messages += 1
        at = end
    store(state + 8 * POSITION, at)
    store(state + 8 * MESSAGES, messages)
    store(state + 8 * OTHERS, np.int64(found))
    store(state + 8 * HIGHEST, highest)
    store(state + 8 * UNKNOWN, unknown)
    return why


@jit
def group(data: Any, start: Any, stop: Any, sizes: Any, places: Any, ids: Any, offsets: Any, total: Any) -> Any:
    """Sort the messages of data by their ids.

    Parameters
    ----------
    data, start, stop : int
        Address of the file's bytes, and a range that `count` has walked through.
    sizes : address of (ids, 2) int32
        Least and largest size of the messages of data of an id; 0 where nobody has subscribed to it.
    places : address of (ids,) int64
        Where in `offsets` the next message of an id goes; counted up.
    offsets : address of (total,) int64
        As many as `count` has counted: where each record begins, behind its id.

    Returns
    -------
    int
        Where a message of data is that no subscription explains; -1 if there is none.
    """
    # safe: `count` has been here. But the memory may be another process's, too: so all is checked again.
    at = start
    while at + HEAD <= stop:
        nbytes, kind = np.int64(load(data + at, np.uint16)), byte_at(data + at + 2)
        if at + HEAD + nbytes > stop:
            return at
        if kind == DATA and nbytes >= ID:
            number = np.int64(load(data + at + HEAD, np.uint16))
            if number >= ids:
                return at
            least, largest = load(sizes + 8 * number, np.int32), load(sizes + 8 * number + 4, np.int32)
            if nbytes < least or nbytes > largest:
                return at
            place = places + 8 * number
            row = load(place, np.int64)
            if row >= total:
                return at
            store(offsets + 8 * row, at + HEAD + ID)
            store(place, row + 1)
        at += HEAD + nbytes
    return -1
