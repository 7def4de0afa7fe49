"""What messages say that are no data: their payloads as Python's objects."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, NamedTuple

from jitkit.errors import DecodeError
from jitkit.telemetry.ulog._constants import DATA_APPENDED, FLAG_BITS_NBYTES, LEVELS

NUMBERS = {
    "int8_t": "<b", "uint8_t": "<B", "bool": "<?", "char": "<c", "int16_t": "<h", "uint16_t": "<H",
    "int32_t": "<i", "uint32_t": "<I", "int64_t": "<q", "uint64_t": "<Q", "float": "<f", "double": "<d",
}  # fmt: skip
KEPT, LONGEST = 4096, 256  # subscriptions that are kept parsed, for the next file of the same kind, and bytes of one


class Message(NamedTuple):
    """A text that the vehicle has logged."""

    timestamp: int  # us since boot
    level: str  # "EMERGENCY" to "DEBUG"; "UNKNOWN" of any other letter
    text: str
    tag: int | None  # number of the process that logged it, in tagged messages


class Dropout(NamedTuple):
    """A gap in the log: the logger could not write as fast as there was data."""

    timestamp: int  # us: of the last record before it
    duration: int  # ms


class Change(NamedTuple):
    """A parameter that was set while the log was written."""

    timestamp: int  # us: of the last record before it
    name: str
    value: Any


class Subscription(NamedTuple):
    """Which id messages of data have for a format, and for which instance of it."""

    id: int
    instance: int
    name: str


class Flags(NamedTuple):
    """What a reader must know, and where data was appended."""

    compatible: bytes
    incompatible: bytes
    appended: tuple[int, ...]  # offsets in the file


def text_of(data: bytes) -> str:
    """Text, without what is no UTF-8."""
    return data.decode("utf-8", "ignore")


def parse_key_value(payload: bytes) -> tuple[str, str, Any]:
    """Type, name and value: a text, a number, or bytes where the type is another array."""
    end = 1 + payload[0]
    raw_kind, _, rest = payload[1:end].partition(b" ")  # as bytes: with what is no UTF-8 left out, it may be another
    kind, name, value = raw_kind.decode("utf-8", "replace"), text_of(rest).partition(" ")[0], payload[end:]
    if kind.startswith("char["):
        return kind, name, text_of(value)
    if kind in NUMBERS:
        return kind, name, struct.unpack(NUMBERS[kind], value)[0]
    return kind, name, value


def parse_message(payload: bytes, tagged: bool) -> Message:
    """A logged text; with `tagged` its tag stands before the time."""
    at = 3 if tagged else 1
    (timestamp,) = struct.unpack_from("<Q", payload, at)
    level = payload[0] - ord("0")
    tag = int.from_bytes(payload[1:3], "little") if tagged else None
    return Message(timestamp, LEVELS[level] if 0 <= level < len(LEVELS) else "UNKNOWN", text_of(payload[at + 8 :]), tag)


def parse_subscription(payload: bytes) -> Subscription:
    """Which id has data of which format."""
    return _kept_subscription(payload) if len(payload) <= LONGEST else _subscription(payload)


def _subscription(payload: bytes) -> Subscription:
    return Subscription(payload[1] | payload[2] << 8, payload[0], payload[3:].decode("utf-8", "replace"))


_kept_subscription = lru_cache(KEPT)(_subscription)


def parse_flags(payload: bytes, offset: int) -> Flags:
    """Flags of the file.

    Raises
    ------
    DecodeError
        If one of the incompatible flags is set that is not known: nobody can say what the rest of the file means. Its
        kind is ``"incompatible"``.
    """
    compatible, incompatible, *appended = struct.unpack_from("<8s8s3Q", payload[:FLAG_BITS_NBYTES])
    bits = int.from_bytes(incompatible, "little") & ~DATA_APPENDED
    if bits:
        names = ", ".join(f"bit {i}" for i in range(64) if bits >> i & 1)
        raise DecodeError(
            f"expected no incompatible flag but DATA_APPENDED (bit 0), got {names} at offset {offset}: the file is of "
            f"a later format",
            kind="incompatible", offset=offset,
        )  # fmt: skip
    has_more = incompatible[0] & DATA_APPENDED
    return Flags(compatible, incompatible, tuple(filter(None, appended)) if has_more else ())
