"""The record of an inertial sensor, as C and Rust programs write it: its two layouts, its bytes, and NumPy's way."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

import jitkit as jk

AXES = ("accel_x", "accel_y", "accel_z")
NAMES = ("timestamp", *AXES, "status")
STANDARD_GRAVITY = 9.80665  # m/s^2 (CGPM 1901)
# One count of the sensor in m/s^2, rounded to what a float32 factor holds: both sides multiply by the same number.
COUNT = np.float32(STANDARD_GRAVITY / 4096)
LAST_STATUS = 3  # 4 and above are errors
MIB = 1 << 20


@dataclass(frozen=True)
class Layout:
    """One way of laying the five fields out. The class factories give a new class each time: `compile()` marks it."""

    title: str
    dtype: np.dtype
    struct_format: str
    plain: Callable[[], type[jk.Record]]  # fields as they are
    scaled: Callable[[], type[jk.Record]]  # accelerations in m/s^2, status with a mask of what is valid

    def packets(self, nbytes: int) -> np.ndarray:
        """As many records as fit into `nbytes`, as bytes: 4 MiB of values like a sensor's, over and over.

        Random bytes would not do: read as floats, many are subnormal, which costs every side three times as much.
        """
        count = nbytes // self.dtype.itemsize
        period = max(1, min(count, 4 * MIB // self.dtype.itemsize))
        rng = np.random.default_rng(period)
        some = np.zeros(period, self.dtype)
        some["timestamp"] = 1_700_000_000_000_000 + 1000 * np.arange(period)
        for axis in AXES:
            some[axis] = rng.normal(0.0, 1000.0, period)
        some["status"] = rng.choice(LAST_STATUS + 2, period, p=[0.9, 0.04, 0.03, 0.02, 0.01])
        return np.resize(some.view(np.uint8), count * self.dtype.itemsize)

    def columns_by_zip(self, buffer: np.ndarray) -> dict[str, np.ndarray]:
        """Python's `struct` in the way it is mostly used: tuples, turned around, made arrays."""
        columns = zip(*struct.iter_unpack(self.struct_format, buffer), strict=True)
        return {name: np.array(values, self.dtype[name]) for name, values in zip(NAMES, columns, strict=True)}

    def columns_by_fromiter(self, buffer: np.ndarray) -> dict[str, np.ndarray]:
        """The quickest way we know from `struct` to columns: NumPy packs the tuples into records again."""
        tuples = struct.iter_unpack(self.struct_format, buffer)
        records = np.fromiter(tuples, self.dtype, buffer.size // self.dtype.itemsize)
        return {name: records[name].copy() for name in NAMES}


def _fields(align: bool) -> np.dtype:
    return np.dtype(list(zip(NAMES, ("<u8", "<f4", "<f4", "<f4", "u1"), strict=True)), align=align)


def _packed() -> type[jk.Record]:
    class Sensor(jk.Record, layout="packed", byteorder="little", size=21):
        timestamp: jk.u64
        accel_x: jk.f32
        accel_y: jk.f32
        accel_z: jk.f32
        status: jk.u8

    return Sensor


def _packed_scaled() -> type[jk.Record]:
    class Sensor(jk.Record, layout="packed", byteorder="little", size=21):
        timestamp: jk.u64
        accel_x: float = jk.scaled(jk.f32, scale=float(COUNT), unit="m/s^2", dtype=np.float32)
        accel_y: float = jk.scaled(jk.f32, scale=float(COUNT), unit="m/s^2", dtype=np.float32)
        accel_z: float = jk.scaled(jk.f32, scale=float(COUNT), unit="m/s^2", dtype=np.float32)
        status: int = jk.u8.within(0, LAST_STATUS)

    return Sensor


def _c() -> type[jk.Record]:
    class Sensor(jk.Record, layout="c", byteorder="little", size=24):
        timestamp: jk.u64
        accel_x: jk.f32
        accel_y: jk.f32
        accel_z: jk.f32
        status: jk.u8
        _pad: None = jk.pad(3)

    return Sensor


def _c_scaled() -> type[jk.Record]:
    class Sensor(jk.Record, layout="c", byteorder="little", size=24):
        timestamp: jk.u64
        accel_x: float = jk.scaled(jk.f32, scale=float(COUNT), unit="m/s^2", dtype=np.float32)
        accel_y: float = jk.scaled(jk.f32, scale=float(COUNT), unit="m/s^2", dtype=np.float32)
        accel_z: float = jk.scaled(jk.f32, scale=float(COUNT), unit="m/s^2", dtype=np.float32)
        status: int = jk.u8.within(0, LAST_STATUS)
        _pad: None = jk.pad(3)

    return Sensor


PACKED = Layout("packed 21 B", _fields(align=False), "<QfffB", _packed, _packed_scaled)
C = Layout("C 24 B", _fields(align=True), "<QfffB3x", _c, _c_scaled)


class NumPyInto:
    """The same columns in physical units and the mask, by NumPy into arrays that exist."""

    block = 16384  # records: 0.3 MB in and as much out stay in the second-level cache of today's processors

    def __init__(self, records: np.ndarray) -> None:
        self.records = records
        # Written once before the clock runs, so that the system has given them their pages.
        self.columns = {name: np.full(records.size, 1, records.dtype[name]) for name in NAMES}
        self.valid = np.full(records.size, True)

    def scale_while_copying(self) -> None:
        np.copyto(self.columns["timestamp"], self.records["timestamp"])
        for axis in AXES:
            np.multiply(self.records[axis], COUNT, out=self.columns[axis])
        np.copyto(self.columns["status"], self.records["status"])
        # From the column, which lies together, rather than from the records once more.
        np.less_equal(self.columns["status"], LAST_STATUS, out=self.valid)

    def copy_then_scale(self) -> None:
        """Reads more, but the second pass is wide: quicker than the other way for unaligned fields on some hosts."""
        _copy_then_scale(self.records, self.columns, self.valid)

    def in_blocks(self) -> None:
        """By hand what jitkit does inside: each block of records is read from memory once, not once per field."""
        for start in range(0, self.records.size, self.block):
            part = slice(start, start + self.block)
            columns = {name: column[part] for name, column in self.columns.items()}
            _copy_then_scale(self.records[part], columns, self.valid[part])


def _copy_then_scale(records: np.ndarray, columns: Mapping[str, np.ndarray], valid: np.ndarray) -> None:
    for name in NAMES:
        np.copyto(columns[name], records[name])
    for axis in AXES:
        np.multiply(columns[axis], COUNT, out=columns[axis])
    np.less_equal(columns["status"], LAST_STATUS, out=valid)
