"""Messages of a ULog that is being written, but for those of data: from what `write` is given to bytes."""

from __future__ import annotations

import operator
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from jitkit.errors import LayoutError
from jitkit.telemetry.ulog._constants import (
    DEFAULT,
    DROPOUT,
    LARGEST_PAYLOAD,
    LEVELS,
    LOGGED,
    MAGIC,
    MULTI_INFO,
    PARAMETER,
    TAGGED,
)
from jitkit.telemetry.ulog._write_topics import KINDS

VERSION = 1
DEFAULT_BITS = {"system": 1, "current_setup": 2}
INTEGERS = "<i4", "<u4", "<i8", "<u8"  # for an int of Python, the first that holds it
TIMES = 1 << 64


def header(start: int) -> bytes:
    """What a file begins with."""
    return MAGIC + bytes([VERSION]) + struct.pack("<Q", _time(start, "start"))


def message_of(kind: int, payload: bytes) -> bytes:
    """A message with its header."""
    if len(payload) > LARGEST_PAYLOAD:
        raise ValueError(f"expected at most {LARGEST_PAYLOAD:,} bytes, got {len(payload):,} (message {chr(kind)!r})")
    return struct.pack("<HB", len(payload), kind) + payload


def _time(time: Any, what: str) -> int:
    if not 0 <= operator.index(time) < TIMES:
        raise ValueError(f"expected a time in us, below 2**64, got {time!r} ({what})")
    return int(time)


def key_value(name: str, value: Any) -> bytes:
    """Payload of type and name, then the value."""
    if isinstance(value, str):
        value = value.encode()
        kind = f"char[{len(value)}]"
    elif isinstance(value, (bytes, bytearray)):
        kind = f"uint8_t[{len(value)}]"
    else:
        # What an int of Python would become is another type on another platform.
        dtype = next((dtype for dtype in INTEGERS if _fits(value, dtype)), "O") if type(value) is int else None
        array = np.asarray(value, dtype)
        array = array.astype(array.dtype.newbyteorder("<"))
        plain = KINDS.get(array.dtype.str)
        if plain is None or array.ndim > 1:
            raise LayoutError(f"expected a text, bytes, or number of at most 64 bits, got {value!r} ({name})")
        kind, value = (f"{plain}[{array.size}]" if array.ndim else plain), array.tobytes()
    key = f"{kind} {name}".encode()
    if not name or " " in name or not name.isprintable() or len(key) > 255:
        raise ValueError(f"expected a name without spaces, of at most 255 bytes with its type, got {name!r}")
    return bytes([len(key)]) + key + bytes(value)


def _fits(value: int, kind: str) -> bool:
    limits = np.iinfo(kind)
    return bool(limits.min <= value <= limits.max)


def parameter(name: str, value: Any) -> bytes:
    """Payload of a parameter, of one of the two types that it may have."""
    if isinstance(value, (float, np.floating)):
        return key_value(name, np.float32(value))
    if not isinstance(value, (int, np.integer)):
        raise LayoutError(f"expected an int or float, got {type(value).__name__} (parameter {name})")
    if not _fits(int(value), "<i4"):
        raise ValueError(f"expected an int of 32 bits, got {value} (parameter {name})")
    return key_value(name, np.int32(value))


def multi_info_messages(multi_info: Mapping[str, Iterable[Iterable[Any]]]) -> Iterator[bytes]:
    """Yield the messages of information in parts."""
    for name, texts in multi_info.items():
        for text in texts:
            for i, part in enumerate(text):
                yield message_of(MULTI_INFO, bytes([i > 0]) + key_value(name, part))


def default_messages(defaults: Mapping[str, Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield the messages of defaults."""
    for what, values in defaults.items():
        if what not in DEFAULT_BITS:
            raise ValueError(f"expected defaults of {' or '.join(map(repr, DEFAULT_BITS))}, got {what!r}")
        for name, value in values.items():
            yield message_of(DEFAULT, bytes([DEFAULT_BITS[what]]) + parameter(name, value))


def change_message(change: tuple[int, str, Any]) -> tuple[int, bytes]:
    """Return the time and message of a parameter that was set."""
    time, name, value = change
    return _time(time, f"change of {name}"), message_of(PARAMETER, parameter(name, value))


def dropout_message(dropout: tuple[int, int]) -> tuple[int, bytes]:
    """Return the time and message of a gap."""
    time, duration = dropout
    if not 0 <= duration <= 0xFFFF:
        raise ValueError(f"expected a duration of at most 65,535 ms, got {duration} (dropout at {time})")
    return _time(time, "dropout"), message_of(DROPOUT, struct.pack("<H", duration))


def logged_message(logged: tuple[Any, ...]) -> tuple[int, bytes]:
    """Return the time and message of a text."""
    time, level, text, tag = logged if len(logged) == 4 else (*logged, None)
    if level not in LEVELS:
        raise ValueError(f"expected a level ({', '.join(LEVELS)}), got {level!r} (message {text!r})")
    if tag is not None and not 0 <= tag <= 0xFFFF:
        raise ValueError(f"expected a tag of at most 65,535, got {tag!r} (message {text!r})")
    tagged = b"" if tag is None else struct.pack("<H", tag)
    payload = bytes([ord("0") + LEVELS.index(level)]) + tagged + struct.pack("<Q", _time(time, repr(text)))
    return int(time), message_of(LOGGED if tag is None else TAGGED, payload + text.encode())
