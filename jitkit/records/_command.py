"""`jitkit decode FILE --record MODULE:CLASS`: a file of records to columns, and what there is to say about it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from jitkit._core.modules import load_module
from jitkit.errors import JitkitError, LayoutError
from jitkit.records import Columns, Record
from jitkit.records._export import WRITERS

BATCH_BYTES = 16 << 20  # several steps of the progress bar per second, and row groups of a size that Parquet likes
FIRST_ROWS = 3  # as many as fit beside name, type and unit in 80 columns
MOST_FIELDS = 40  # of the first rows that are shown: a screenful


def decode(
    path: Path,
    record: type[Record],
    *,
    fields: Sequence[str] | None = None,
    tail: str = "error",
    out: Path | None = None,
    to: str = "parquet",
) -> None:
    """Decode a file, write its columns to a file in `out` if that is given, and print a summary.

    Parameters
    ----------
    path : Path
        May be larger than memory.
    record : Record class
    fields : sequence of str, optional
        Only these.
    tail : "error" or "drop"
        What to do with an incomplete last record.
    out : Path, optional
        Directory, made if need be. The file in it has the name of `path` with the format's suffix.
    to : "parquet", "arrow", "csv" or "npz"
        Format of that file.
    """
    target = _target(path, out, to) if out else None
    with open(path, "rb") as file:
        if not path.is_file():
            raise JitkitError(f"expected a regular file, got {path}: its first records are read twice")
        head = file.read(FIRST_ROWS * record.itemsize)
    # This also compiles what has to be compiled, so that the time taken below is that of the decoding.
    first = record.columns(head[: len(head) - len(head) % record.itemsize], fields=fields)
    work = Work(path, record, first, tail)
    started = time.perf_counter()
    if target:
        WRITERS[to](work.batches(), target)
    else:
        for _ in work.batches():
            pass
    seconds = time.perf_counter() - started

    table = Table.grid(padding=(0, 2))
    table.add_row("file", str(path))
    table.add_row("records", f"{work.rows:,} of {record.itemsize} bytes ({record.__name__})")
    table.add_row("bytes", f"{work.nbytes:,}" + (f", {work.left:,} left at the end" if work.left else ""))
    table.add_row("decoded in", f"{work.seconds:.3g} s, {work.nbytes / max(work.seconds, 1e-9) / 1e9:.3g} GB/s")
    if target:
        table.add_row("written", f"{target}, {target.stat().st_size:,} bytes in {seconds - work.seconds:.3g} s")
    console = Console(highlight=False, markup=False, emoji=False)  # a [ in a name or path is no markup
    console.print(table)
    console.print(_first_rows(first))


def find_record(module: str, name: str) -> type[Record]:
    """The record class of ``MODULE:CLASS``.

    Raises
    ------
    ImportError
        If the module cannot be imported, or has no such name.
    LayoutError
        If what has that name is not a Record class.
    """
    namespace = vars(load_module(module))
    found = namespace.get(name)
    if isinstance(found, type) and issubclass(found, Record) and found is not Record:
        return found
    others = [other for other, value in namespace.items() if isinstance(value, type) and issubclass(value, Record)]
    listed = ", ".join(sorted(set(others) - {"Record"})) or "none"
    if name not in namespace:
        raise ImportError(f"expected a Record class, got no {name!r} in {module}; Record classes there: {listed}")
    raise LayoutError(f"expected a Record class, got {name} = {found!r} in {module}; Record classes there: {listed}")


class Work:
    """One pass over a file, which counts what it does."""

    def __init__(self, path: Path, record: type[Record], first: Columns, tail: str) -> None:
        self.path, self.record, self.first, self.tail = path, record, first, tail
        self.size = path.stat().st_size
        self.rows = 0
        self.seconds = 0.0  # of decoding alone: the clock stands while the caller has a batch

    @property
    def nbytes(self) -> int:
        """Bytes decoded."""
        return self.rows * self.record.itemsize

    @property
    def left(self) -> int:
        """Bytes not decoded."""
        return self.size - self.nbytes

    def batches(self) -> Iterator[Columns]:
        """Decode the file batch by batch; always one at least, so that an empty file still has its columns."""
        fields = list(self.first)
        source = self.record.iter_batches(self.path, nbytes=BATCH_BYTES, fields=fields, tail=self.tail)
        with _progress(self.size) as progress:
            task = progress.add_task("decoding", total=self.size)
            while (batch := self._next(source)) is not None:
                self.rows += len(batch)
                yield batch
                progress.update(task, completed=self.nbytes)
        if self.rows == 0:
            yield self.first

    def _next(self, source: Iterator[Columns]) -> Columns | None:
        started = time.perf_counter()
        try:
            return next(source, None)
        finally:
            self.seconds += time.perf_counter() - started


def _target(path: Path, out: Path, to: str) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{path.stem}.{to}"
    if target.exists() and target.samefile(path):
        raise JitkitError(f"expected an output directory other than the input's, got {out}: {target} would be replaced")
    return target


def _progress(size: int) -> Progress:
    single_step = size <= BATCH_BYTES
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=single_step or not sys.stderr.isatty(),
    )


def _first_rows(first: Columns) -> Table:
    """The first records, one line per field: a table with a column per field would not fit the screen."""
    names = list(first)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("field", no_wrap=True, overflow="ellipsis", max_width=26)
    table.add_column("type", no_wrap=True)
    table.add_column("unit", no_wrap=True, overflow="ellipsis", max_width=8)
    for row in range(len(first)):
        table.add_column(f"record {row}", no_wrap=True, overflow="ellipsis", justify="right", min_width=8)
    for name in names[:MOST_FIELDS]:
        column = first[name]
        shape = "".join(f"[{k}]" for k in column.shape[1:])
        values = column
        with suppress(KeyError):
            values = first.labels(name)
        cells = [name, f"{column.dtype.name}{shape}", first.unit(name) or "", *map(_text, values)]
        table.add_row(*cells)
    if len(names) > MOST_FIELDS:
        table.caption = f"and {len(names) - MOST_FIELDS} more fields; --fields shows those you name"
    return table


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return f"{value:.6g}" if isinstance(value, np.floating) else str(value)
