"""Packets like those of JPSS-1, for machines that have none of the recorded ones."""

from typing import Any

import numpy as np

from jitkit.demos import _orbit

FIRST_COUNT = 16_000  # of the sequence: it starts again at 0 some minutes later
DAY = 23_109  # 2021-04-09, in days since 1958-01-01


def make_packets(record: Any, count: int = 7200, lost: int = 5) -> bytes:
    """`count` packets, one a second from midnight, with `lost` more missing in the middle.

    The spacecraft flies on a circular, sun-synchronous orbit 824 km above the equator, like JPSS-1.
    """
    second = np.delete(np.arange(count + lost), slice(count // 2, count // 2 + lost))
    position, velocity, quaternion = _orbit.circular(second.astype(np.float64), altitude=824.0, inclination=98.7)
    fields: dict[str, Any] = {
        "header.version": 0,
        "header.type": 0,
        "header.secondary_header": 1,
        "header.apid": 11,
        "header.sequence_flags": 3,
        "header.sequence_count": (FIRST_COUNT + second) % 2**14,
        "header.data_length": record.itemsize - 7,  # less six bytes of header, less one: CCSDS 133.0-B-2, 4.1.3.5
        "spacecraft": 159,
        "position": position,
        "velocity": velocity,
        "quaternion": quaternion,
    }
    for clock in ("time", "ephemeris_time", "attitude_time"):
        fields |= {f"{clock}.day": DAY, f"{clock}.millisecond": 1000 * second, f"{clock}.microsecond": 0}
    columns = {name: np.broadcast_to(value, (count, *np.shape(value)[1:])) for name, value in fields.items()}
    packets: bytes = record.pack(columns)
    return packets
