"""The schema as code: a decoder whose every offset, shift and factor is a constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jitkit._core.native import python_function
from jitkit.records._loops import MISALIGNED, emit_decoder
from jitkit.records._plan import Decoder, Step

__all__ = ["MISALIGNED", "specialise"]


def specialise(record: str, itemsize: int, steps: Sequence[Step], *, streaming: bool = False) -> Decoder:
    """Return the compiled decoder ``(data, count, anchor, columns, first)`` of the steps; see `Schema.decoder`.

    One that is `streaming` writes past the processor's caches. It does nothing and returns MISALIGNED if columns, or
    the rows from `first` on, do not begin where cache lines do.
    """

    def emit(builder: Any, *arguments: Any) -> Any:
        return emit_decoder(builder, itemsize, steps, streaming, *arguments)

    return python_function(f"decode_{record}", ("buffer", "int", "buffer", "buffer", "int"), emit)
