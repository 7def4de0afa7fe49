"""Framed byte streams: sync word, length, payload, checksum.

Where what is: `_frames` says what frames look like, with `_length` and `_crc`; `_scan` finds them, and `_index` is what
it found. CRCs are named in `_catalogue`, made of `_polynomials` into `_constants`, and computed by `_registers`, with
`_folding` where the processor can. `_reference` is all in plain Python.
"""

from jitkit.telemetry.framing._crc import Crc, crc
from jitkit.telemetry.framing._frames import Frames
from jitkit.telemetry.framing._index import Index
from jitkit.telemetry.framing._length import Length

__all__ = ["Crc", "Frames", "Index", "Length", "crc"]
