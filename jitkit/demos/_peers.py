"""The work of the demos' kernels by hand, in plain Python and in NumPy, each as fast as it is usually written.

NumPy gets its best case: it writes into arrays that exist already, and scales in float32 where the column is float32.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
AXES = ("accel_x", "accel_y", "accel_z")


def sensor_python(data: bytes, form: str, scale: float, highest: int) -> dict[str, list[Any]]:
    """Columns of a sensor's records, whose layout in the notation of `struct` is `form`, and the mask of statuses."""
    timestamp, x, y, z, status = map(list, zip(*struct.iter_unpack(form, data), strict=True))
    scaled = {name: [value * scale for value in axis] for name, axis in zip(AXES, (x, y, z), strict=True)}
    return {"timestamp": timestamp, **scaled, "status": status, "valid": [value <= highest for value in status]}


def sensor_numpy(records: Array, scale: float, highest: int, out: Mapping[str, Array], valid: Array) -> None:
    """Do the same from a structured array."""
    for name in AXES:
        np.multiply(records[name], np.float32(scale), out=out[name])
    for name in ("timestamp", "status"):
        np.copyto(out[name], records[name])
    np.less_equal(records["status"], highest, out=valid)


def pack_sensor_python(columns: Mapping[str, list[Any]], form: str, scale: float) -> bytes:
    """Write the records back."""
    pack = struct.Struct(form).pack
    rows = zip(*columns.values(), strict=True)
    return b"".join([pack(timestamp, x / scale, y / scale, z / scale, status) for timestamp, x, y, z, status in rows])


def pack_sensor_numpy(columns: Mapping[str, Array], dtype: np.dtype[Any], scale: float) -> bytes:
    """Do the same through a structured array."""
    records = np.zeros(len(columns["timestamp"]), dtype)
    for name in AXES:
        np.divide(columns[name], np.float32(scale), out=records[name])
    for name in ("timestamp", "status"):
        records[name] = columns[name]
    return records.tobytes()


DAY_TIME = np.dtype([("day", ">u2"), ("millisecond", ">u4"), ("microsecond", ">u2")])
CLOCKS = ("time", "ephemeris_time", "attitude_time")
PACKET = np.dtype([
    ("word0", ">u2"), ("word1", ">u2"),  # the bit fields, which a dtype cannot describe
    ("data_length", ">u2"), ("time", DAY_TIME), ("spacecraft", "u1"), ("ephemeris_time", DAY_TIME),
    ("position", ">f4", 3), ("velocity", ">f4", 3), ("attitude_time", DAY_TIME), ("quaternion", ">f4", 4),
])  # fmt: skip
BITS = {  # name: (word, bits to the right, mask)
    "version": ("word0", 13, 0x7), "type": ("word0", 12, 0x1), "secondary_header": ("word0", 11, 0x1),
    "apid": ("word0", 0, 0x7FF), "sequence_flags": ("word1", 14, 0x3), "sequence_count": ("word1", 0, 0x3FFF),
}  # fmt: skip
RANGES = {"millisecond": 86_400_999, "microsecond": 999}


def packets_python(data: bytes) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Columns of JPSS-1 packets in physical units, and masks of what is in its range."""
    fields = [list(field) for field in zip(*struct.iter_unpack(">3H HIH B HIH 3f 3f HIH 4f", data), strict=True)]
    words = {"word0": fields[0], "word1": fields[1]}
    out: dict[str, list[Any]] = {"header.data_length": fields[2], "spacecraft": fields[6]}
    for name, (word, shift, mask) in BITS.items():
        out[f"header.{name}"] = [value >> shift & mask for value in words[word]]
    for clock, first in zip(CLOCKS, (3, 7, 16), strict=True):
        out |= {f"{clock}.{part}": fields[first + i] for i, part in enumerate(("day", "millisecond", "microsecond"))}
    for name, first in (("position", 10), ("velocity", 13)):
        out[name] = [[x * 1e-3, y * 1e-3, z * 1e-3] for x, y, z in zip(*fields[first : first + 3], strict=True)]
    out["quaternion"] = [list(q) for q in zip(*fields[19:23], strict=True)]
    valid: dict[str, list[Any]] = {
        f"{clock}.{part}": [value <= highest for value in out[f"{clock}.{part}"]]
        for clock in CLOCKS
        for part, highest in RANGES.items()
    }
    valid["spacecraft"] = [value == 159 for value in out["spacecraft"]]
    valid["quaternion"] = [[-1 <= q <= 1 for q in quaternion] for quaternion in out["quaternion"]]
    return out, valid


def packets_numpy(packets: Array, out: Mapping[str, Array], valid: Mapping[str, Array]) -> None:
    """Do the same from an array of dtype `PACKET`."""
    for name, (word, shift, mask) in BITS.items():
        np.copyto(out[f"header.{name}"], packets[word] >> shift & mask, casting="same_kind")
    np.copyto(out["header.data_length"], packets["data_length"])
    for clock in CLOCKS:
        for part in ("day", "millisecond", "microsecond"):
            np.copyto(out[f"{clock}.{part}"], packets[clock][part])
        for part, highest in RANGES.items():
            np.less_equal(out[f"{clock}.{part}"], highest, out=valid[f"{clock}.{part}"])
    for name in ("position", "velocity"):
        np.multiply(packets[name], 1e-3, out=out[name], dtype=np.float64)
    for name in ("spacecraft", "quaternion"):
        np.copyto(out[name], packets[name])
    np.equal(out["spacecraft"], 159, out=valid["spacecraft"])
    np.less_equal(np.abs(out["quaternion"]), 1, out=valid["quaternion"])


def roots_python(items: list[float]) -> list[float]:
    """Square roots of Python's own numbers."""
    return [math.sqrt(item) for item in items]


def first_control_python(text: bytes) -> int:
    """Where the first control character is that ends no line; -1 if there is none."""
    for i, byte in enumerate(text):
        if (byte < 32 and byte != 10) or byte == 127:
            return i
    return -1


def first_control_numpy(text: Array) -> int:
    """Do the same for all bytes at once."""
    found = ((text < 32) & (text != 10)) | (text == 127)
    i = int(found.argmax())
    return i if found[i] else -1
