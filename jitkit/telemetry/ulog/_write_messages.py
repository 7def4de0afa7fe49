"""Messages of a ULog that is being written, but for those of data: from what `write` is given to bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from jitkit.errors import LayoutError
from jitkit.telemetry.ulog._constants import (
    DEFAULT,
    DROPOUT,
    INFO,
    LARGEST_PAYLOAD,
    LEVELS,
    LOGGED,
    MAGIC,
    MULTI_INFO,
    PARAMETER,
    TAGGED,
)
from jitkit.telemetry.ulog._write_checks import entries, parts, rows, utf_8, whole
from jitkit.telemetry.ulog._write_topics import KINDS

VERSION = 1
DEFAULT_BITS = {"system": 1, "current_setup": 2}
INTEGERS = "<i4", "<u4", "<i8", "<u8"  # for an int of Python, the first that holds it
LARGEST_FLOAT = float(np.finfo(np.float32).max)


def header(start: int) -> bytes:
    """What a file begins with."""
    return MAGIC + bytes([VERSION]) + struct.pack("<Q", _time(start, "start"))


def message_of(kind: int, payload: bytes) -> bytes:
    """A message with its header."""
    if len(payload) > LARGEST_PAYLOAD:
        raise ValueError(f"expected at most {LARGEST_PAYLOAD:,} bytes, got {len(payload):,} (message {chr(kind)!r})")
    return struct.pack("<HB", len(payload), kind) + payload


def _time(time: Any, where: str) -> int:
    return whole(time, 64, "a time in us", where)


def key_value(name: str, value: Any) -> bytes:
    """Payload of type and name, then the value."""
    if not isinstance(name, str) or not name or " " in name or not name.isprintable():
        raise ValueError(f"expected a name, as a str without spaces, got {name!r}")
    if isinstance(value, str):
        value = utf_8(value, name)
        kind = f"char[{len(value)}]"
    elif isinstance(value, (bytes, bytearray)):
        kind = f"uint8_t[{len(value)}]"
    else:
        # What an int of Python would become is another type on another platform.
        dtype = next((dtype for dtype in INTEGERS if _fits(value, dtype)), "O") if type(value) is int else None
        try:
            array = np.asarray(value, dtype)
        except ValueError:  # lists of lists of different lengths
            array = np.asarray(None)
        array = array.astype(array.dtype.newbyteorder("<"))
        plain = KINDS.get(array.dtype.str)
        if plain is None or array.ndim > 1:
            raise LayoutError(f"expected a text, bytes, or number of at most 64 bits, got {value!r} ({name})")
        kind, value = (f"{plain}[{array.size}]" if array.ndim else plain), array.tobytes()
    key = utf_8(f"{kind} {name}", "a name")
    if len(key) > 255:
        raise ValueError(f"expected a name of at most 255 bytes with its type, got {len(key):,} ({name[:20]}...)")
    return bytes([len(key)]) + key + bytes(value)


def _fits(value: int, kind: str) -> bool:
    limits = np.iinfo(kind)
    return bool(limits.min <= value <= limits.max)


def parameter(name: str, value: Any) -> bytes:
    """Payload of a parameter, of one of the two types that it may have."""
    if isinstance(value, (float, np.floating)):
        if LARGEST_FLOAT < abs(float(value)) < float("inf"):
            raise ValueError(f"expected a float of 32 bits, got {value} (parameter {name})")
        return key_value(name, np.float32(value))
    if not isinstance(value, (int, np.integer)):
        raise LayoutError(f"expected an int or float, got {type(value).__name__} (parameter {name})")
    if not _fits(int(value), "<i4"):
        raise ValueError(f"expected an int of 32 bits, got {value} (parameter {name})")
    return key_value(name, np.int32(value))


def info_messages(info: Any) -> Iterator[bytes]:
    """Yield the messages of single values."""
    for name, value in entries("info", info, "names to values"):
        yield message_of(INFO, key_value(name, value))


def parameter_messages(parameters: Any) -> Iterator[bytes]:
    """Yield the messages of settings."""
    for name, value in entries("parameters", parameters, "names to numbers"):
        yield message_of(PARAMETER, parameter(name, value))


def multi_info_messages(multi_info: Any) -> Iterator[bytes]:
    """Yield the messages of information in parts."""
    for name, texts in entries("multi_info", multi_info, "names to lists of lists of parts"):
        for text in parts(f"multi_info[{name!r}] as a list of lists of parts", texts):
            for i, part in enumerate(parts(f"lists of parts in multi_info[{name!r}]", text)):
                yield message_of(MULTI_INFO, bytes([i > 0]) + key_value(name, part))


def default_messages(defaults: Any) -> Iterator[bytes]:
    """Yield the messages of defaults."""
    for what, values in entries("defaults", defaults, "'system' and 'current_setup' to mappings"):
        if what not in DEFAULT_BITS:
            raise ValueError(f"expected defaults of {' or '.join(map(repr, DEFAULT_BITS))}, got {what!r}")
        for name, value in entries(f"defaults[{what!r}]", values, "names to numbers"):
            yield message_of(DEFAULT, bytes([DEFAULT_BITS[what]]) + parameter(name, value))


def change_messages(changes: Any) -> Iterator[tuple[int, bytes]]:
    """Yield times and messages of parameters that were set."""
    for time, name, value in rows("changes", changes, "time", "name", "value"):
        yield _time(time, f"change of {name}"), message_of(PARAMETER, parameter(name, value))


def dropout_messages(dropouts: Any) -> Iterator[tuple[int, bytes]]:
    """Yield times and messages of gaps."""
    for time, duration in rows("dropouts", dropouts, "time", "duration"):
        nbytes = struct.pack("<H", whole(duration, 16, "a duration in ms", f"dropout at {time}"))
        yield _time(time, "dropout"), message_of(DROPOUT, nbytes)


def logged_messages(messages: Any) -> Iterator[tuple[int, bytes]]:
    """Yield times and messages of texts."""
    for time, level, text, tag in rows("messages", messages, "time", "level", "text", "tag", optional=1):
        where = f"message {text!r}"
        if level not in LEVELS:
            raise ValueError(f"expected a level ({', '.join(LEVELS)}), got {level!r} ({where})")
        tagged = b"" if tag is None else struct.pack("<H", whole(tag, 16, "a tag", where))
        payload = bytes([ord("0") + LEVELS.index(level)]) + tagged + struct.pack("<Q", _time(time, where))
        yield int(time), message_of(LOGGED if tag is None else TAGGED, payload + utf_8(text, "the text of a message"))
