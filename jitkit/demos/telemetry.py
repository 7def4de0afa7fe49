"""JPSS-1: from the bytes that a weather satellite sent to where it flew, in physical units.

Run it as ``python -m jitkit.demos.telemetry [FILE]``. Without FILE it looks for `SAMPLE` in ``$JITKIT_TESTDATA`` and in
``../shared/data``; where there is none, it makes packets of the same kind itself.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

import jitkit as jk
from jitkit.demos import _ccsds, _jpss, _orbit, _peers, _tables
from jitkit.demos._timing import Kernel

SAMPLE = Path("ccsds", "jpss1_geolocation_apid11.dat")


class PacketHeader(jk.Record, layout="packed", byteorder="big"):
    """Space packet primary header: CCSDS 133.0-B-2, section 4.1.3."""

    version: int = jk.bits(3)
    type: int = jk.enum_(jk.bits(1), {0: "telemetry", 1: "command"})
    secondary_header: int = jk.bits(1)
    apid: int = jk.bits(11)
    sequence_flags: int = jk.enum_(jk.bits(2), {0: "continuation", 1: "first", 2: "last", 3: "unsegmented"})
    sequence_count: int = jk.bits(14)
    data_length: jk.u16  # bytes after this header, less one


class DayTime(jk.Record, layout="packed", byteorder="big"):
    """UTC in the day segmented time code: CCSDS 301.0-B-4, section 3.3."""

    day: jk.u16  # since 1958-01-01
    millisecond: int = jk.u32.within(0, 86_400_999)  # a day that ends in a leap second has 86,401 seconds
    microsecond: int = jk.u16.within(0, 999)  # of the millisecond


class Packet(jk.Record, layout="packed", byteorder="big", size=71):
    """Attitude and ephemeris of JPSS-1, as its XTCE definition has them; positions are Earth-fixed (ECEF)."""

    header: PacketHeader
    time: DayTime
    spacecraft: int = jk.u8.within(159, 159)
    ephemeris_time: DayTime
    position: np.ndarray = jk.array(jk.scaled(jk.f32, scale=1e-3, unit="km"), 3)
    velocity: np.ndarray = jk.array(jk.scaled(jk.f32, scale=1e-3, unit="km/s"), 3)
    attitude_time: DayTime
    quaternion: np.ndarray = jk.array(jk.f32.within(-1, 1), 4)  # i, j, k, scalar


def find_sample() -> Path | None:
    """Where the recorded packets lie, if they do."""
    folders = filter(None, [os.environ.get("JITKIT_TESTDATA"), "../shared/data"])
    return next((path for path in (Path(folder) / SAMPLE for folder in folders) if path.is_file()), None)


def packet_facts(columns: jk.Columns) -> dict[str, str]:
    """When the packets were made, whether any are missing, and how many are plausible."""
    time, count = _ccsds.utc(columns, "time"), columns["header.sequence_count"]
    gaps, missing = _ccsds.gaps(count)
    in_range = [columns.valid(name) for name in ("time.millisecond", "time.microsecond", "spacecraft", "quaternion")]
    plausible = np.count_nonzero(np.column_stack(in_range).all(axis=1))
    return {
        "number": f"{len(columns):,}, APID {columns['header.apid'][0]}, spacecraft {columns['spacecraft'][0]}",
        "time (UTC)": f"{time[0]} to {time[-1]}".replace("T", " "),
        "sequence": f"{count[0]:,} to {count[-1]:,}, {missing or 'no'} packets missing, gaps: {gaps}",
        "ground track": f"{_orbit.place(columns['position'][0])} to {_orbit.place(columns['position'][-1])}",
        "plausible": f"{plausible:,}: clock, spacecraft and quaternion are in their ranges",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Decode packets and print what they say."""
    arguments = sys.argv[1:] if arguments is None else arguments
    path = Path(arguments[0]) if arguments else find_sample()
    try:
        columns = Packet.columns(path or _jpss.make_packets(Packet))
    except (OSError, jk.DecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    if len(columns) == 0:
        print(f"{path} is empty", file=sys.stderr)
        return 1
    print(f"Packets that JPSS-1 sent: {path}" if path else "No recorded packets here: these are made, with 5 left out.")
    print(f"\n{Packet}\n")
    quantities = _orbit.quantities(columns["position"], columns["velocity"])
    quantities["norm of the attitude quaternion"] = np.linalg.norm(columns["quaternion"].astype(np.float64), axis=1)
    Console().print(_tables.facts("Packets", packet_facts(columns)), _tables.extremes("Orbit", quantities), sep="\n")
    return 0


def kernels() -> list[Kernel]:
    """Packets to physical units and masks."""
    data = _jpss.make_packets(Packet)
    Packet.compile()
    out = Packet.columns(data)
    packets, valid = np.frombuffer(data, _peers.PACKET), {name: np.empty_like(out.valid(name)) for name in out}
    return [
        Kernel(
            name="JPSS-1 packets",
            nbytes=len(data),
            jitkit=lambda: Packet.columns(data, out=out),
            numpy=lambda: _peers.packets_numpy(packets, out, valid),
            python=lambda: _peers.packets_python(data),
        )
    ]


if __name__ == "__main__":
    sys.exit(main())
