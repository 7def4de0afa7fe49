"""The JPSS packets to columns by libraries for binary formats, each used as its own documentation shows it.

A decoder is made once, outside the clock, from what the library takes as a definition; each call of it then goes
from the path of the file to one array per field, as jitkit's does.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter, itemgetter
from pathlib import Path

import numpy as np
from _jpss import COLUMN_KINDS, HEADER_BITS, NAMES, WHOLE_BYTES

Decoder = Callable[[], Mapping[str, np.ndarray]]
FLOATS = {name for name, kind in WHOLE_BYTES.items() if kind == "f4"}


def construct_decoder(path: Path, *, compiled: bool) -> Decoder:
    import construct

    types = {"u1": construct.Int8ub, "u2": construct.Int16ub, "u4": construct.Int32ub, "f4": construct.Float32b}
    packet = construct.Struct(
        "header" / construct.BitStruct(*(name / construct.BitsInteger(bits) for name, bits in HEADER_BITS.items())),
        *(name / types[kind] for name, kind in WHOLE_BYTES.items()),
    )
    # Compiling the packet is construct's quickest way; compiling the GreedyRange around it gains nothing.
    file = construct.GreedyRange(packet.compile() if compiled else packet)
    in_header, in_packet = itemgetter(*HEADER_BITS), itemgetter(*WHOLE_BYTES)

    def decode() -> dict[str, np.ndarray]:
        packets = file.parse(path.read_bytes())
        return _transpose(in_header(packet["header"]) + in_packet(packet) for packet in packets)

    return decode


def kaitai_decoder(path: Path) -> Decoder:
    from kaitaistruct import KaitaiStream, KaitaiStruct

    class Packets(KaitaiStruct):
        """Line by line as the Kaitai compiler writes it: packets until the end, a bit alone becoming a bool."""

        def __init__(self, _io, _parent=None, _root=None):
            super().__init__(_io)
            self._parent = _parent
            self._root = _root or self
            self._read()

        def _read(self):
            self.packets = []
            i = 0
            while not self._io.is_eof():
                self.packets.append(Packets.Packet(self._io, self, self._root))
                i += 1

        class Packet(KaitaiStruct):
            def __init__(self, _io, _parent=None, _root=None):
                super().__init__(_io)
                self._parent = _parent
                self._root = _root
                self._read()

            def _read(self):
                self.VERSION = self._io.read_bits_int_be(3)
                self.TYPE = self._io.read_bits_int_be(1) != 0
                self.SEC_HDR_FLG = self._io.read_bits_int_be(1) != 0
                self.PKT_APID = self._io.read_bits_int_be(11)
                self.SEQ_FLGS = self._io.read_bits_int_be(2)
                self.SRC_SEQ_CTR = self._io.read_bits_int_be(14)
                self.PKT_LEN = self._io.read_u2be()
                self.DOY = self._io.read_u2be()
                self.MSEC = self._io.read_u4be()
                self.USEC = self._io.read_u2be()
                self.ADAESCID = self._io.read_u1()
                self.ADAET1DAY = self._io.read_u2be()
                self.ADAET1MS = self._io.read_u4be()
                self.ADAET1US = self._io.read_u2be()
                self.ADGPSPOSX = self._io.read_f4be()
                self.ADGPSPOSY = self._io.read_f4be()
                self.ADGPSPOSZ = self._io.read_f4be()
                self.ADGPSVELX = self._io.read_f4be()
                self.ADGPSVELY = self._io.read_f4be()
                self.ADGPSVELZ = self._io.read_f4be()
                self.ADAET2DAY = self._io.read_u2be()
                self.ADAET2MS = self._io.read_u4be()
                self.ADAET2US = self._io.read_u2be()
                self.ADCFAQ1 = self._io.read_f4be()
                self.ADCFAQ2 = self._io.read_f4be()
                self.ADCFAQ3 = self._io.read_f4be()
                self.ADCFAQ4 = self._io.read_f4be()

    fields = attrgetter(*NAMES)

    def decode() -> dict[str, np.ndarray]:
        with path.open("rb") as file:
            packets = Packets(KaitaiStream(file)).packets
        return _transpose(map(fields, packets))

    return decode


def ccsdspy_decoder(path: Path) -> Decoder:
    import ccsdspy

    # The primary header is ccsdspy's own; it calls those columns by other names.
    header = {
        "VERSION": "CCSDS_VERSION_NUMBER",
        "TYPE": "CCSDS_PACKET_TYPE",
        "SEC_HDR_FLG": "CCSDS_SECONDARY_FLAG",
        "PKT_APID": "CCSDS_APID",
        "SEQ_FLGS": "CCSDS_SEQUENCE_FLAG",
        "SRC_SEQ_CTR": "CCSDS_SEQUENCE_COUNT",
        "PKT_LEN": "CCSDS_PACKET_LENGTH",
    }
    body = [name for name in WHOLE_BYTES if name not in header]
    packet = ccsdspy.FixedLength([
        ccsdspy.PacketField(name, "float" if name in FLOATS else "uint", 8 * int(WHOLE_BYTES[name][1])) for name in body
    ])  # fmt: skip

    def decode() -> dict[str, np.ndarray]:
        columns = packet.load(str(path), include_primary_header=True)
        return {name: columns[theirs] for name, theirs in header.items()} | {name: columns[name] for name in body}

    return decode


def space_packet_parser_decoder(path: Path, xtce: Path | None) -> Decoder:
    from space_packet_parser.generators import ccsds_generator
    from space_packet_parser.xtce.definitions import XtcePacketDefinition

    definition = _same_packet_without_xtce() if xtce is None else XtcePacketDefinition.from_xtce(xtce)
    fields = itemgetter(*NAMES)

    def decode() -> dict[str, np.ndarray]:
        with path.open("rb") as file:
            packets = [definition.parse_bytes(packet) for packet in ccsds_generator(file)]
        return _transpose(map(fields, packets))

    return decode


def _same_packet_without_xtce() -> object:
    """The definition from Python objects, for where the XTCE file is not at hand."""
    from space_packet_parser.xtce import containers, definitions, encodings, parameter_types, parameters

    def parameter(name: str, bits: int) -> parameters.Parameter:
        if name in FLOATS:
            kind = parameter_types.FloatParameterType(f"{name}_Type", encodings.FloatDataEncoding(bits))
        else:
            kind = parameter_types.IntegerParameterType(f"{name}_Type", encodings.IntegerDataEncoding(bits, "unsigned"))
        return parameters.Parameter(name, kind)

    widths = HEADER_BITS | {name: 8 * int(kind[1]) for name, kind in WHOLE_BYTES.items()}
    entries = [parameter(name, bits) for name, bits in widths.items()]
    return definitions.XtcePacketDefinition([containers.SequenceContainer("CCSDSPacket", entries)])


def _transpose(rows: Iterable[tuple]) -> dict[str, np.ndarray]:
    """One array per field from one tuple per packet."""
    columns = zip(*rows, strict=True)
    return {name: np.array(values, COLUMN_KINDS[name]) for name, values in zip(NAMES, columns, strict=True)}
