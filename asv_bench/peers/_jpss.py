"""Attitude and ephemeris packets of the JPSS-1 spacecraft: 71 bytes, big-endian, 27 fields, 6 of them bit fields.

Names, order and widths are those of `xtce/jpss1_geolocation_xtce_v1.xml`, which comes with the recorded packets
(from the tests of space_packet_parser, BSD-3-Clause).
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import jitkit as jk

PACKETS = Path("ccsds/jpss1_geolocation_apid11.dat")
XTCE = Path("xtce/jpss1_geolocation_xtce_v1.xml")
PACKET_BYTES = 71

# The CCSDS primary header (CCSDS 133.0-B-2, 4.1.3), then everything that fills whole bytes.
HEADER_BITS = {"VERSION": 3, "TYPE": 1, "SEC_HDR_FLG": 1, "PKT_APID": 11, "SEQ_FLGS": 2, "SRC_SEQ_CTR": 14}
WHOLE_BYTES = {
    "PKT_LEN": "u2", "DOY": "u2", "MSEC": "u4", "USEC": "u2",
    "ADAESCID": "u1", "ADAET1DAY": "u2", "ADAET1MS": "u4", "ADAET1US": "u2",
    "ADGPSPOSX": "f4", "ADGPSPOSY": "f4", "ADGPSPOSZ": "f4", "ADGPSVELX": "f4", "ADGPSVELY": "f4", "ADGPSVELZ": "f4",
    "ADAET2DAY": "u2", "ADAET2MS": "u4", "ADAET2US": "u2",
    "ADCFAQ1": "f4", "ADCFAQ2": "f4", "ADCFAQ3": "f4", "ADCFAQ4": "f4",
}  # fmt: skip
NAMES = (*HEADER_BITS, *WHOLE_BYTES)


def record_class() -> type[jk.Record]:
    """The packet for jitkit; a new class each time, so that one of them can be compiled and another not."""

    class Geolocation(jk.Record, layout="packed", byteorder="big", size=PACKET_BYTES):
        VERSION: int = jk.bits(3)
        TYPE: int = jk.bits(1)
        SEC_HDR_FLG: int = jk.bits(1)
        PKT_APID: int = jk.bits(11)
        SEQ_FLGS: int = jk.bits(2)
        SRC_SEQ_CTR: int = jk.bits(14)
        PKT_LEN: jk.u16
        DOY: jk.u16
        MSEC: jk.u32
        USEC: jk.u16
        ADAESCID: jk.u8
        ADAET1DAY: jk.u16
        ADAET1MS: jk.u32
        ADAET1US: jk.u16
        ADGPSPOSX: jk.f32
        ADGPSPOSY: jk.f32
        ADGPSPOSZ: jk.f32
        ADGPSVELX: jk.f32
        ADGPSVELY: jk.f32
        ADGPSVELZ: jk.f32
        ADAET2DAY: jk.u16
        ADAET2MS: jk.u32
        ADAET2US: jk.u16
        ADCFAQ1: jk.f32
        ADCFAQ2: jk.f32
        ADCFAQ3: jk.f32
        ADCFAQ4: jk.f32

    return Geolocation


# For NumPy the six bit fields are two words, to be shifted and masked: name -> (word, shift, mask, type of the column).
NUMPY_DTYPE = np.dtype(
    [("packet_id", ">u2"), ("sequence", ">u2"), *((name, f">{kind}") for name, kind in WHOLE_BYTES.items())]
)
NUMPY_BITS = {
    "VERSION": ("packet_id", 13, 0x7, np.uint8),
    "TYPE": ("packet_id", 12, 0x1, np.uint8),
    "SEC_HDR_FLG": ("packet_id", 11, 0x1, np.uint8),
    "PKT_APID": ("packet_id", 0, 0x7FF, np.uint16),
    "SEQ_FLGS": ("sequence", 14, 0x3, np.uint8),
    "SRC_SEQ_CTR": ("sequence", 0, 0x3FFF, np.uint16),
}
COLUMN_KINDS = {name: kind for name, (*_, kind) in NUMPY_BITS.items()} | WHOLE_BYTES


def numpy_fresh(packets: np.ndarray) -> dict[str, np.ndarray]:
    """All columns in native byte order, by NumPy."""
    words = {word: packets[word].astype(np.uint16) for word in ("packet_id", "sequence")}
    columns = {
        name: ((words[word] >> shift) & mask).astype(kind, copy=False)
        for name, (word, shift, mask, kind) in NUMPY_BITS.items()
    }
    return columns | {name: packets[name].astype(kind) for name, kind in WHOLE_BYTES.items()}


class NumPyInto:
    """The same into arrays that exist, with the room for intermediate values also made before."""

    block = 8192  # packets: 0.6 MB; the quickest of 1,024 to 16,384 on a processor with 1 MB of second-level cache

    def __init__(self, packets: np.ndarray) -> None:
        self.packets = packets
        self.columns = numpy_fresh(packets)
        self.words = {word: np.full(packets.size, 1, np.uint16) for word in ("packet_id", "sequence")}
        self.shifted = np.full(packets.size, 1, np.uint16)

    def at_once(self) -> None:
        self._decode(slice(None))

    def in_blocks(self) -> None:
        """By hand what jitkit does inside: each block of packets is read from memory once, not once per field."""
        for start in range(0, self.packets.size, self.block):
            self._decode(slice(start, start + self.block))

    def _decode(self, part: slice) -> None:
        packets, shifted = self.packets[part], self.shifted[part]
        words = {word: room[part] for word, room in self.words.items()}
        for word, room in words.items():
            np.copyto(room, packets[word])
        for name, (word, shift, mask, _) in NUMPY_BITS.items():
            np.right_shift(words[word], shift, out=shifted)
            np.bitwise_and(shifted, mask, out=self.columns[name][part], casting="unsafe")
        for name in WHOLE_BYTES:
            np.copyto(self.columns[name][part], packets[name])


def find_data(given: Path | None) -> Path | None:
    """The folder of recorded telemetry: as given, from the environment, or beside the project."""
    project = Path(__file__).resolve().parents[2]
    from_environment = os.environ.get("JITKIT_TESTDATA")
    if given is not None and not (given / PACKETS).is_file():
        raise SystemExit(f"expected {PACKETS} in the folder given by --data")
    for folder in (given, from_environment and Path(from_environment), project.parent / "shared" / "data"):
        if folder and (folder / PACKETS).is_file():
            return folder
    return None


def made_packets(count: int = 7200) -> np.ndarray:
    """Bytes of the same kind for where the recorded ones are not at hand: a circular orbit, one packet per second."""
    seconds = np.arange(count)
    angle = 2 * np.pi * seconds / 6090.0  # JPSS-1 goes round in 101.5 minutes,
    radius, speed = 7.203e6, 7440.0  # 825 km above the equator: metres and metres per second
    packets = np.zeros(count, NUMPY_DTYPE)
    packets["packet_id"] = 0x0800 | 11  # secondary header flag, APID 11
    packets["sequence"] = 0xC000 | seconds & 0x3FFF  # unsegmented
    packets["PKT_LEN"] = PACKET_BYTES - 7
    packets["ADAESCID"] = 159
    for name in ("DOY", "ADAET1DAY", "ADAET2DAY"):
        packets[name] = 23109
    for name in ("MSEC", "ADAET1MS", "ADAET2MS"):
        packets[name] = 1000 * seconds
    for name in ("USEC", "ADAET1US", "ADAET2US"):
        packets[name] = 7 * seconds % 1000
    for name, wave in _circle(angle).items():
        packets[f"ADGPSPOS{name}"] = radius * wave
    for name, wave in _circle(angle + np.pi / 2).items():
        packets[f"ADGPSVEL{name}"] = speed * wave
    packets["ADCFAQ1"], packets["ADCFAQ4"] = np.sin(angle / 2), np.cos(angle / 2)
    packets["ADCFAQ2"], packets["ADCFAQ3"] = 0.01 * np.sin(3 * angle), 0.01 * np.cos(5 * angle)
    return packets.view(np.uint8)


def _circle(angle: np.ndarray) -> Mapping[str, np.ndarray]:
    inclination = np.radians(98.7)
    return {
        "X": np.cos(angle),
        "Y": np.sin(angle) * np.cos(inclination),
        "Z": np.sin(angle) * np.sin(inclination),
    }
