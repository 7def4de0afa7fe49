"""The CRCs that have a name, as G. Cook's "Catalogue of parametrised CRC algorithms" (CRC RevEng) gives them.

A new one is one line here, if it has at most 32 bits and reads and writes its bits in the same order.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple


class Parameters(NamedTuple):
    """What makes one CRC, in the words of the catalogue and in its order of bits: the highest power of x is on top."""

    width: int  # bits, 8 to 32
    poly: int  # without x^width
    init: int  # of the register
    refin: bool  # each byte's lowest bit comes first
    refout: bool  # the result's lowest bit is the highest power; always as `refin`
    xorout: int  # what the result is combined with
    check: int  # the CRC of b"123456789"


CATALOGUE = {
    "crc-8/maxim-dow": Parameters(8, 0x31, 0x00, True, True, 0x00, 0xA1),
    "crc-8/smbus": Parameters(8, 0x07, 0x00, False, False, 0x00, 0xF4),
    "crc-16/arc": Parameters(16, 0x8005, 0x0000, True, True, 0x0000, 0xBB3D),
    "crc-16/genibus": Parameters(16, 0x1021, 0xFFFF, False, False, 0xFFFF, 0xD64E),
    "crc-16/ibm-3740": Parameters(16, 0x1021, 0xFFFF, False, False, 0x0000, 0x29B1),
    "crc-16/ibm-sdlc": Parameters(16, 0x1021, 0xFFFF, True, True, 0xFFFF, 0x906E),
    "crc-16/kermit": Parameters(16, 0x1021, 0x0000, True, True, 0x0000, 0x2189),
    "crc-16/mcrf4xx": Parameters(16, 0x1021, 0xFFFF, True, True, 0x0000, 0x6F91),
    "crc-16/modbus": Parameters(16, 0x8005, 0xFFFF, True, True, 0x0000, 0x4B37),
    "crc-16/usb": Parameters(16, 0x8005, 0xFFFF, True, True, 0xFFFF, 0xB4C8),
    "crc-16/xmodem": Parameters(16, 0x1021, 0x0000, False, False, 0x0000, 0x31C3),
    "crc-24/openpgp": Parameters(24, 0x864CFB, 0xB704CE, False, False, 0x000000, 0x21CF02),
    "crc-32/autosar": Parameters(32, 0xF4ACFB13, 0xFFFFFFFF, True, True, 0xFFFFFFFF, 0x1697D06A),
    "crc-32/bzip2": Parameters(32, 0x04C11DB7, 0xFFFFFFFF, False, False, 0xFFFFFFFF, 0xFC891918),
    "crc-32/cksum": Parameters(32, 0x04C11DB7, 0x00000000, False, False, 0xFFFFFFFF, 0x765E7680),
    "crc-32/iscsi": Parameters(32, 0x1EDC6F41, 0xFFFFFFFF, True, True, 0xFFFFFFFF, 0xE3069283),
    "crc-32/iso-hdlc": Parameters(32, 0x04C11DB7, 0xFFFFFFFF, True, True, 0xFFFFFFFF, 0xCBF43926),
    "crc-32/mpeg-2": Parameters(32, 0x04C11DB7, 0xFFFFFFFF, False, False, 0x00000000, 0x0376E6E7),
}

# What else the catalogue calls them, or people do who look for one.
ALIASES = {
    "ccitt": "crc-16/kermit",
    "ccitt-false": "crc-16/ibm-3740",
    "crc-16/ccitt": "crc-16/kermit",
    "crc-16/ccitt-false": "crc-16/ibm-3740",
    "crc-16/x-25": "crc-16/ibm-sdlc",
    "crc-32": "crc-32/iso-hdlc",
    "crc-32c": "crc-32/iscsi",
    "crc16": "crc-16/arc",
    "crc32": "crc-32/iso-hdlc",
    "crc32c": "crc-32/iscsi",
    "mavlink": "crc-16/mcrf4xx",
    "modbus": "crc-16/modbus",
    "x-25": "crc-16/ibm-sdlc",
    "x25": "crc-16/ibm-sdlc",
    "xmodem": "crc-16/xmodem",
}


def parameters_of(name: str) -> Parameters:
    """Return the parameters of a CRC.

    Raises
    ------
    TypeError
        If the name is no string.
    ValueError
        If the catalogue above does not have it. The message says which names come close.
    """
    if not isinstance(name, str):
        raise TypeError(f"expected the name of a CRC, got {type(name).__name__}")
    if name in CATALOGUE:
        return CATALOGUE[name]
    wanted = name.lower().replace("_", "-").replace(" ", "-")
    if wanted in CATALOGUE or wanted in ALIASES:
        close = [ALIASES.get(wanted, wanted)]
    else:
        close = difflib.get_close_matches(wanted, CATALOGUE, n=3, cutoff=0.5)
    found = f": did you mean {' or '.join(map(repr, close))}?" if close else ""
    raise ValueError(f"expected one of the CRCs {', '.join(CATALOGUE)}, got {name!r}{found}")
