"""What a ULog file is made of: PX4's "ULog File Format" (docs.px4.io), which all names here are from."""

from __future__ import annotations

from typing import Any

import numpy as np

MAGIC = b"ULog\x01\x12\x35"
HEADER_NBYTES = 16  # magic, version, timestamp of the start in microseconds
MESSAGE_HEADER_NBYTES = 3  # payload size (uint16), type (one character)
SYNC_WORD = bytes([0x2F, 0x73, 0x13, 0x20, 0x25, 0x0C, 0xBB, 0x12])
LARGEST_PAYLOAD = 0xFFFF

# Types of messages.
FLAG_BITS, FORMAT, INFO, MULTI_INFO, PARAMETER, DEFAULT = map(ord, "BFIMPQ")
SUBSCRIPTION, UNSUBSCRIPTION, DATA, LOGGED, TAGGED, SYNC, DROPOUT = map(ord, "ARDLCSO")

DATA_APPENDED = 1  # the one flag of the incompatible ones that is known: bit 0 of the first byte
FLAG_BITS_NBYTES = 8 + 8 + 3 * 8  # compatible flags, incompatible flags, offsets of appended data

# Types of fields, by their names in formats. Booleans and characters are numbers, as in pyulog.
DTYPES: dict[str, np.dtype[Any]] = {
    "int8_t": np.dtype("i1"), "uint8_t": np.dtype("u1"), "bool": np.dtype("i1"), "char": np.dtype("i1"),
    "int16_t": np.dtype("<i2"), "uint16_t": np.dtype("<u2"), "int32_t": np.dtype("<i4"), "uint32_t": np.dtype("<u4"),
    "int64_t": np.dtype("<i8"), "uint64_t": np.dtype("<u8"), "float": np.dtype("<f4"), "double": np.dtype("<f8"),
}  # fmt: skip

LEVELS = "EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"  # "0" to "7"
