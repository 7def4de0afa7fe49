"""What the room asks of a format: whether a file is one, its log, and its log piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.errors import DecodeError
from jitkit.telemetry._files import file_bytes
from jitkit.telemetry._log import Log
from jitkit.telemetry.ulog._batches import batches
from jitkit.telemetry.ulog._constants import MAGIC
from jitkit.telemetry.ulog._large import LargeFile
from jitkit.telemetry.ulog._read import read
from jitkit.telemetry.ulog._sound_definitions import OutOfOrderError

__all__ = ["batches", "is_one", "read", "read_large"]

MOST_WRONG = 2  # bytes of the magic number, in a file that may be damaged


def is_one(begins: np.ndarray[Any, Any], damaged: bool) -> bool:
    """Whether a file begins as a ULog does; a damaged one nearly so."""
    begins = begins[: len(MAGIC)]
    wrong = int((begins != np.frombuffer(MAGIC, np.uint8)[: begins.size]).sum()) + len(MAGIC) - begins.size
    return wrong <= (MOST_WRONG if damaged else 0)


def read_large(path: Any, where: str, errors: str) -> Log:
    """Read a large file: if it is sound, it stays on disk until its columns are asked for."""
    try:
        return LargeFile(path).log(where)
    except OutOfOrderError:
        pass
    except DecodeError as error:
        if error.kind == "incompatible":
            raise
    return read(file_bytes(path), where, errors)
