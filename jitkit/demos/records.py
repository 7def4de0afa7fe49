"""A sensor's records: what a C program wrote, as columns in physical units, and back to the same bytes.

Run it as ``python -m jitkit.demos.records``.
"""

import sys
from collections.abc import Sequence

import numpy as np
from rich.console import Console

import jitkit as jk
from jitkit.demos import _peers
from jitkit.demos._timing import Kernel

COUNT = 1 / 4096  # g: a range of 8 g in 16 bits, as accelerometers have it; a power of two, so that nothing is rounded
HIGHEST_STATUS = 3  # the sensor writes none above: what is above is damage
RECORDS = 2_000_000  # to be timed: 48 and 42 MB, more than caches hold


class Sensor(jk.Record, layout="c", byteorder="little", size=24):
    """As a C compiler lays out ``struct { uint64_t timestamp; float accel_x, accel_y, accel_z; uint8_t status; }``."""

    timestamp: jk.u64  # us
    accel_x: float = jk.scaled(jk.f32, scale=COUNT, unit="g", dtype=np.float32)
    accel_y: float = jk.scaled(jk.f32, scale=COUNT, unit="g", dtype=np.float32)
    accel_z: float = jk.scaled(jk.f32, scale=COUNT, unit="g", dtype=np.float32)
    status: int = jk.u8.within(0, HIGHEST_STATUS)
    _pad: None = jk.pad(3)


class PackedSensor(jk.Record, layout="packed", byteorder="little", size=21):
    """The same fields without room between them, as a protocol sends them."""

    timestamp: jk.u64
    accel_x: float = jk.scaled(jk.f32, scale=COUNT, unit="g", dtype=np.float32)
    accel_y: float = jk.scaled(jk.f32, scale=COUNT, unit="g", dtype=np.float32)
    accel_z: float = jk.scaled(jk.f32, scale=COUNT, unit="g", dtype=np.float32)
    status: int = jk.u8.within(0, HIGHEST_STATUS)


def make_records(record: type[jk.Record], count: int) -> bytes:
    """A vibrating sensor, 1000 records a second; every hundredth status is damaged."""
    values = np.zeros(count, record.dtype)
    index, phase = np.arange(count), 2 * np.pi * np.arange(count) / 1000
    values["timestamp"] = 1000 * index
    values["accel_x"] = (0.3 * np.sin(50 * phase) / COUNT).astype(np.int32)
    values["accel_y"] = (0.2 * np.cos(50 * phase) / COUNT).astype(np.int32)
    values["accel_z"] = ((1 + 0.05 * np.sin(120 * phase)) / COUNT).astype(np.int32)
    values["status"] = np.where(index % 100 == 99, 0xFF, index % (HIGHEST_STATUS + 1))
    return values.tobytes()


def main(arguments: Sequence[str] | None = None) -> int:
    """Decode some records, write them back, and show what is refused."""
    del arguments  # it takes none
    console = Console(highlight=False, markup=False)
    data = make_records(Sensor, count=10_000)
    columns = Sensor.columns(data)
    plausible = columns.valid("status")
    written = Sensor.pack(columns)
    print(Sensor, columns, sep="\n\n")
    print(f"\nPlausible: {np.count_nonzero(plausible):,} of {len(columns):,} records, by their status.")
    print(f"Mean of z: {columns['accel_z'][plausible].mean():.3f} {columns.unit('accel_z')}.")
    print(f"Written back: {'the same' if written == data else 'other'} {len(written):,} bytes.\n")
    try:
        Sensor.columns(data[:-5])
    except jk.DecodeError as error:
        console.print(f"Five bytes short: {error}\n")
    try:

        class Careless(jk.Record, layout="c", byteorder="little"):
            sensor: jk.u8
            level: jk.f64

    except jk.LayoutError as error:
        console.print(f"A gap that nobody named: {error}")
    return 0


def kernels() -> list[Kernel]:
    """Both layouts to physical units and mask, and one of them back."""
    return [decoding(Sensor, "C layout", "<QfffB3x"), decoding(PackedSensor, "packed", "<QfffB"), encoding()]


def decoding(record: type[jk.Record], layout: str, form: str) -> Kernel:
    """Bytes to columns; `form` is the layout in the notation of `struct`."""
    data = make_records(record, RECORDS)
    record.compile()
    out = record.columns(data)
    records, valid = record.view(data), np.empty(RECORDS, np.bool_)
    return Kernel(
        name=f"sensor, {layout}",
        nbytes=len(data),
        jitkit=lambda: record.columns(data, out=out),
        numpy=lambda: _peers.sensor_numpy(records, COUNT, HIGHEST_STATUS, out, valid),
        python=lambda: _peers.sensor_python(data[: len(data) // 100], form, COUNT, HIGHEST_STATUS),
        python_part=1 / 100,
    )


def encoding() -> Kernel:
    """Columns to bytes."""
    data = make_records(Sensor, RECORDS)
    columns = Sensor.columns(data)
    part = {name: column[: RECORDS // 100].tolist() for name, column in columns.items()}
    return Kernel(
        name="sensor, back to bytes",
        nbytes=len(data),
        jitkit=lambda: Sensor.pack(columns),
        numpy=lambda: _peers.pack_sensor_numpy(columns, Sensor.dtype, COUNT),
        python=lambda: _peers.pack_sensor_python(part, "<QfffB3x", COUNT),
        python_part=1 / 100,
    )


if __name__ == "__main__":
    sys.exit(main())
