"""The schema as code: a decoder whose every offset, shift and factor is a constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jitkit._core.ir import address_of, types
from jitkit._core.jit import jit
from jitkit.records._intrinsics import decoder_intrinsic
from jitkit.records._plan import SPECIALISED_BLOCK, Step, block_of

DATA = types.Array(types.uint8, 1, "C", readonly=True)
ANCHOR = types.Array(types.uint8, 1, "C")
SIGNATURE = (DATA, types.int64, ANCHOR, types.int64[::1], types.int64)


def specialise(record: str, itemsize: int, steps: Sequence[Step]) -> Any:
    """Return the compiled decoder ``(data, count, anchor, columns, first)`` of the steps; see `Schema.decoder`."""
    decode_records = decoder_intrinsic(itemsize, block_of(itemsize, SPECIALISED_BLOCK), steps)

    @jit
    def decode(data: Any, count: Any, anchor: Any, columns: Any, first: Any) -> None:
        # Safe as `_kernels.decode` is, and under the same conditions.
        decode_records(address_of(data), count, address_of(anchor), address_of(columns), first)

    decode.__name__ = decode.__qualname__ = f"decode_{record}"
    decode.compile(SIGNATURE)
    return decode
