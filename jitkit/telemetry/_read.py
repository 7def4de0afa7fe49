"""Reading a file of telemetry, whatever its format."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Literal

import numpy as np

from jitkit._core.buffers import byte_view, is_path
from jitkit.errors import DecodeError
from jitkit.telemetry._files import small_file_or_beginning
from jitkit.telemetry._log import Log
from jitkit.telemetry.ulog import _format as ulog

Errors = Literal["strict", "recover"]

FORMATS: dict[str, ModuleType] = {"ulog": ulog}
LARGE = 64 << 20  # bytes of a file from which on it is not kept in memory beside its columns
SHOWN = 8  # of those, where nobody knows


def read(source: Any, format: str | None = None, errors: Errors = "strict") -> Log:  # noqa: A002 (a file's format)
    """Read a file of telemetry.

    Parameters
    ----------
    source : str, path or buffer
        A file, or its bytes: what has the buffer interface. Those must not change as long as the log is used.
    format : "ulog", optional
        Of the file. Without it, its first bytes say what it is.
    errors : "strict" or "recover"
        What to do where the file is damaged or its end is missing: raise, or skip what makes no sense and say so in
        ``log.report``.

    Returns
    -------
    Log
        A mapping of topics to their columns, each decoded when it is first asked for.

    Raises
    ------
    DecodeError
        If the file is of no format that is known; with ``errors="strict"`` at the first thing that is wrong, with
        `kind`, `offset`, `record` (number of the message) and `topic`; and if the file has flags that say that no
        reader of today understands it.
    OSError
        If it cannot be read.
    TypeError
        If `source` is neither a path nor a buffer.

    Notes
    -----
    Time and memory are linear in the size of the file, whatever is in it. A sound file of more than 64 MiB is read
    piece by piece, and again when columns are asked for; all others are kept in memory as long as the log is.

    Examples
    --------
    >>> import jitkit as jk
    >>> log = jk.telemetry.read("flight.ulg")  # doctest: +SKIP
    >>> log.topics, log["vehicle_attitude"]["q[0]"]  # doctest: +SKIP
    """
    _check_errors(errors)
    if is_path(source):
        where = os.path.basename(os.fspath(source))
        data, is_whole = small_file_or_beginning(source, LARGE)
        reader = _format_of(data, where, format, errors)
        log: Log = reader.read(data, where, errors) if is_whole else reader.read_large(source, where, errors)
        return log
    if not _has_buffer(source):
        hint = ": give what its read() returns" if hasattr(source, "read") else ""
        raise TypeError(
            f"expected a path or a buffer (bytes, memoryview, mmap, ndarray), got {type(source).__name__}{hint}"
        )
    data, where = byte_view(source), type(source).__name__
    log = _format_of(data, where, format, errors).read(data, where, errors)
    return log  # noqa: RET504 (whose type the modules of formats do not tell)


def iter_batches(
    path: Any, nbytes: int = 64 << 20, format: str | None = None, errors: Errors = "strict"  # noqa: A002
) -> Iterator[Log]:  # fmt: skip
    """Read a file of telemetry piece by piece: it may be larger than memory.

    Parameters
    ----------
    path : str or path
    nbytes : int, bytes
        Of a piece, about; of a ULog at least 512 KiB.
    format, errors
        As for `read`.

    Yields
    ------
    Log
        What is in a piece; formats and subscriptions of those before it are known. Its report is of the piece alone,
        with ranges counted from the file's beginning.

    Raises
    ------
    DecodeError, OSError
        As `read` does, when the damaged piece is reached.

    Notes
    -----
    A log keeps the bytes of its piece: whoever keeps none has two pieces in memory at most, and the columns of one.
    """
    _check_errors(errors)
    if not is_path(path):
        raise TypeError(f"expected a path, got {type(path).__name__}: read takes what is in memory")
    if isinstance(nbytes, bool) or not hasattr(type(nbytes), "__index__") or not 1 <= nbytes <= sys.maxsize // 2:
        raise ValueError(f"expected nbytes as an int of at least 1, got {nbytes!r}")
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"expected a regular file, got {os.fspath(path)}: its beginning is read twice")
    where = os.path.basename(os.fspath(path))
    begins, _ = small_file_or_beginning(path, 1)
    found: Iterator[Log] = _format_of(begins, where, format, errors).batches(path, where, int(nbytes), errors)
    return found


def _has_buffer(source: Any) -> bool:
    try:
        memoryview(source)
    except TypeError:
        return False
    except ValueError:  # what is in it cannot be told as bytes: a matter for others
        pass
    return True


def _check_errors(errors: Any) -> None:
    if not isinstance(errors, str) or errors not in ("strict", "recover"):
        raise ValueError(f"expected errors='strict' or 'recover', got {errors!r}")


def _format_of(begins: np.ndarray[Any, Any], where: str, format: str | None, errors: str) -> Any:  # noqa: A002
    """What reads a file that begins so."""
    if format is not None:
        if not isinstance(format, str) or format not in FORMATS:
            raise ValueError(f"expected a format ({', '.join(FORMATS)}), got {format!r}")
        return FORMATS[format]
    for known in FORMATS.values():
        if known.is_one(begins, errors == "recover"):
            return known
    shown = begins[:SHOWN].tobytes()
    raise DecodeError(
        f"expected a file of a known format ({', '.join(FORMATS)}), got one that begins with {shown!r} ({where})",
        kind="format",
        offset=0,
    )
