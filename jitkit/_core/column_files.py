"""Columns to files, batch by batch, so that a file may be larger than memory.

Every writer takes the batches of one file and a target. It writes to a name of its own beside the target and moves
that there when all is written: a reader never meets half a file, and an error or Ctrl-C leaves nothing behind.
"""

from __future__ import annotations

import csv
import errno
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from jitkit._core.extras import require

if TYPE_CHECKING:
    from jitkit.records._columns import Columns

CSV_ROWS = 4096  # rows turned into text at a time: the texts of a whole batch take twenty times its memory
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_parquet(batches: Iterable[Columns], target: Path) -> None:
    """Write a Parquet file with one row group per batch.

    Parameters
    ----------
    batches : iterable of Columns
        All of one record class and selection of fields, and at least one, which may have no rows.
    target : Path
        Replaced if it exists.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    OSError
        If the file cannot be written; it names `target`.
    """
    parquet = require("pyarrow.parquet", "writing Parquet")
    first, tables = _arrow_tables(batches)
    with _moved_to(target) as partial, parquet.ParquetWriter(partial, first.schema) as writer:
        for table in tables:
            writer.write_table(table)


def write_arrow(batches: Iterable[Columns], target: Path) -> None:
    """Write an Arrow IPC file (Feather version 2), uncompressed, so that it can be mapped into memory.

    Parameters and errors are those of `write_parquet`.
    """
    arrow = require("pyarrow", "writing Arrow")
    first, tables = _arrow_tables(batches)
    with _moved_to(target) as partial, arrow.ipc.new_file(partial, first.schema) as writer:
        for table in tables:
            writer.write_table(table)


def write_csv(batches: Iterable[Columns], target: Path) -> None:
    r"""Write comma-separated values in UTF-8, with a header line.

    Numbers are written with as many digits as it takes to read the same value back. A field of k values becomes k
    columns, ``name[0]`` to ``name[k - 1]``. Bytes that are not UTF-8, and zeros,
    appear as ``\xNN``. Enumerated values are written as numbers.

    Parameters and errors are those of `write_parquet`, without pyarrow.
    """
    with _moved_to(target) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, batch in enumerate(batches):
            if number == 0:
                writer.writerow(name for field, column in batch.items() for name in _flat_names(field, column))
            for start in range(0, len(batch), CSV_ROWS):
                rows = [column[start : start + CSV_ROWS] for column in batch.values()]
                writer.writerows(zip(*chain.from_iterable(map(_flat_texts, rows)), strict=True))


def write_npz(batches: Iterable[Columns], target: Path) -> None:
    """Write a NumPy archive with one uncompressed array per field, as `numpy.savez` does.

    Parameters and errors are those of `write_parquet`, without pyarrow.

    Notes
    -----
    An archive has its arrays one after the other, while batches bring a piece of each. The pieces wait in an unnamed
    file beside the target, so that takes the disk twice, and memory for no more than one batch.
    """
    pieces: dict[str, list[tuple[int, int]]] = {}  # per field: position in the waiting file, and bytes
    rows = 0
    first = None
    with _moved_to(target) as partial, tempfile.TemporaryFile(dir=target.parent) as waiting:
        for batch in batches:
            first = first or {name: column[:0].copy() for name, column in batch.items()}
            rows += len(batch)
            for name, column in batch.items():
                pieces.setdefault(name, []).append((waiting.tell(), column.nbytes))
                waiting.write(np.ascontiguousarray(column).data)
        with zipfile.ZipFile(partial, "w") as archive:
            for name, column in (first or {}).items():
                header = {"descr": column.dtype.str, "fortran_order": False, "shape": (rows, *column.shape[1:])}
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    npy.write_array_header_1_0(file, header)
                    for position, nbytes in pieces[name]:
                        waiting.seek(position)
                        file.write(waiting.read(nbytes))


WRITERS = {"parquet": write_parquet, "arrow": write_arrow, "csv": write_csv, "npz": write_npz}


@contextmanager
def _moved_to(target: Path) -> Iterator[Path]:
    """A path to write to: it becomes `target` at the end, and is removed if anything fails before."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, target)
    except OSError as error:
        # A full disk has no name, and the partial file's would tell the user nothing. What fails otherwise is not
        # the output but the input.
        if error.errno in FULL or Path(str(error.filename)).name == partial.name:
            raise OSError(error.errno, os.strerror(error.errno or 0), str(target)) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def _arrow_tables(batches: Iterable[Columns]) -> tuple[Any, Iterator[Any]]:
    """The first batch's table, for its schema, and all of them."""
    tables = (batch.to_arrow() for batch in batches)
    first = next(tables)
    return first, chain([first], tables)


def _flat_names(field: str, column: np.ndarray[Any, Any]) -> list[str]:
    return [field + (f"[{','.join(map(str, index))}]" if index else "") for index in np.ndindex(column.shape[1:])]


def _flat_texts(column: np.ndarray[Any, Any]) -> Iterator[list[Any]]:
    """The lists of what to write for each of a column's CSV columns."""
    for values in column.reshape(len(column), -1).T:
        match values.dtype.kind:
            case "S":
                yield [value.decode("utf-8", "backslashreplace").replace("\0", "\\x00") for value in values.tolist()]
            case "b":
                yield ["true" if value else "false" for value in values.tolist()]
            case "f" if values.itemsize < 8:
                yield list(map(str, values))  # NumPy's text is as short as the narrow type allows, Python's is not
            case _:
                yield values.tolist()
