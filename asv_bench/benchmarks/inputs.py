"""Records that the cases decode, and their bytes.

Values are what instruments send. Random bytes read as floats are full of subnormals, on which every decoder is slow.
"""

from functools import cache

import numpy as np

TELEMETRY = (("timestamp", "<u8"), ("accel_x", "<f4"), ("accel_y", "<f4"), ("accel_z", "<f4"), ("status", "u1"))
DTYPES = {"c": np.dtype(list(TELEMETRY), align=True), "packed": np.dtype(list(TELEMETRY))}

POSITION_AND_VELOCITY = ("position_x", "position_y", "position_z", "velocity_x", "velocity_y", "velocity_z")
QUATERNION = ("quaternion_1", "quaternion_2", "quaternion_3", "quaternion_4")
# NumPy has no bit fields: the first two words of a packet are split by the caller.
PACKET = np.dtype(
    [("identification", ">u2"), ("sequence", ">u2"), ("data_length", ">u2")]
    + [("day", ">u2"), ("millisecond", ">u4"), ("microsecond", ">u2"), ("spacecraft", "u1")]
    + [("ephemeris_day", ">u2"), ("ephemeris_millisecond", ">u4"), ("ephemeris_microsecond", ">u2")]
    + [(name, ">f4") for name in POSITION_AND_VELOCITY]
    + [("attitude_day", ">u2"), ("attitude_millisecond", ">u4"), ("attitude_microsecond", ">u2")]
    + [(name, ">f4") for name in QUATERNION]
)


@cache
def telemetry(layout):
    """The record class of a clock, three accelerations and a status: 24 bytes as C lays it out, 21 packed."""
    import jitkit as jk  # here and below: loading the suite must not need what an old commit lacks

    class Telemetry(jk.Record, layout=layout, byteorder="little", allow_padding=True):
        timestamp: jk.u64
        accel_x: jk.f32
        accel_y: jk.f32
        accel_z: jk.f32
        status: jk.u8

    return Telemetry


@cache
def packet(specialised):
    """The record class of the JPSS satellites' position and attitude packet: a CCSDS header, then 65 bytes."""
    import jitkit as jk

    class Packet(jk.Record, layout="packed", byteorder="big"):
        version: int = jk.bits(3)
        type: int = jk.bits(1)
        secondary_header: int = jk.bits(1)
        apid: int = jk.bits(11)
        sequence_flags: int = jk.bits(2)
        sequence_count: int = jk.bits(14)
        data_length: jk.u16
        day: jk.u16
        millisecond: jk.u32
        microsecond: jk.u16
        spacecraft: jk.u8
        ephemeris_day: jk.u16
        ephemeris_millisecond: jk.u32
        ephemeris_microsecond: jk.u16
        position_x: jk.f32
        position_y: jk.f32
        position_z: jk.f32
        velocity_x: jk.f32
        velocity_y: jk.f32
        velocity_z: jk.f32
        attitude_day: jk.u16
        attitude_millisecond: jk.u32
        attitude_microsecond: jk.u16
        quaternion_1: jk.f32
        quaternion_2: jk.f32
        quaternion_3: jk.f32
        quaternion_4: jk.f32

    Packet.compile() if specialised else bind_to_tables(Packet)
    return Packet


def bind_to_tables(record):
    """As in a program that decodes many kinds of records; for commits that would do otherwise with few."""
    schema = record._schema(None)
    if hasattr(schema, "decoder"):
        schema.decoder = lambda _: schema._table_driven


def telemetry_records(n, layout):
    records = np.zeros(n, DTYPES[layout])
    seconds = np.arange(n) * 1e-3
    records["timestamp"] = 1_700_000_000_000_000 + np.arange(n) * 1_000
    records["accel_x"] = 0.3 * np.sin(seconds)
    records["accel_y"] = 0.2 * np.cos(3 * seconds)
    records["accel_z"] = 9.81 + 0.05 * np.sin(50 * seconds)
    records["status"] = np.arange(n) % 4
    return records


def packets(n):
    records = np.zeros(n, PACKET)
    second = np.arange(n)
    phase = second * (2 * np.pi / 6_090)  # one orbit in 101.5 minutes
    records["identification"] = 0x080B  # version 0, telemetry, with a secondary header, APID 11
    records["sequence"] = 0xC000 | second % 0x4000  # unsegmented
    records["data_length"] = PACKET.itemsize - 7
    for clock in ("", "ephemeris_", "attitude_"):
        records[f"{clock}day"] = 23_000 + second // 86_400
        records[f"{clock}millisecond"] = second % 86_400 * 1_000
    records["spacecraft"] = 159
    for axis, angle in (("x", 0.0), ("y", 2.0), ("z", 4.0)):
        records[f"position_{axis}"] = 7.2e6 * np.cos(phase + angle)
        records[f"velocity_{axis}"] = -7.5e3 * np.sin(phase + angle)
    for number, name in enumerate(QUATERNION):
        records[name] = 0.5 * np.cos(phase / 2 + number)
    return records
