"""`jitkit decode FILE --record MODULE:CLASS`: a file of records to columns, and what there is to say about it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from jitkit._core.column_files import WRITERS
from jitkit._core.modules import load_module
from jitkit._core.tables import Cells, fitting, text
from jitkit.errors import DecodeError, JitkitError, LayoutError
from jitkit.records._columns import Columns
from jitkit.records._record import Record, Tail

BATCH_BYTES = 16 << 20  # several steps of the progress bar per second, and row groups of a size that Parquet likes
FIRST_ROWS = 4  # shown in the summary, where they fit
MOST_FIELDS = 40  # of the first rows that are shown: a screenful


def decode(
    path: Path,
    record: type[Record],
    *,
    fields: Sequence[str] | None = None,
    tail: Tail = "error",
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
    left = path.stat().st_size % record.itemsize
    if left and tail == "error":
        raise JitkitError(
            f"{path}: expected a multiple of {record.itemsize} bytes ({record.__name__}), got {path.stat().st_size:,}: "
            f"{left} left at the end; --tail drop ignores them"
        )
    with naming(path), _progress() as progress:
        task = progress.add_task("compiling", total=None)
        # Most of the time of this goes into compiling, so that the time taken below is that of decoding.
        first = record.columns(head[: len(head) - len(head) % record.itemsize], fields=fields)
        progress.update(task, description="decoding", total=path.stat().st_size)
        work = Work(path, record, first, tail, lambda nbytes: progress.update(task, completed=nbytes))
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
    console.print(table, "")
    console.print(_first_rows(first, console.width))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put a file's name before what is wrong with its bytes."""
    try:
        yield
    except DecodeError as error:
        raise JitkitError(f"{path}: {error}") from error


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
    """One pass over a file, which counts what it does; `report` is told the bytes done."""

    def __init__(
        self, path: Path, record: type[Record], first: Columns, tail: Tail, report: Callable[[int], None]
    ) -> None:
        self.path, self.record, self.first, self.tail, self.report = path, record, first, tail, report
        self.rows = 0
        self.seconds = 0.0  # of decoding alone: the clock stands while the caller has a batch

    @property
    def nbytes(self) -> int:
        """Bytes decoded."""
        return self.rows * self.record.itemsize

    @property
    def left(self) -> int:
        """Bytes not decoded."""
        return self.path.stat().st_size - self.nbytes

    def batches(self) -> Iterator[Columns]:
        """Decode the file batch by batch; always one at least, so that an empty file still has its columns."""
        source = self.record.iter_batches(self.path, nbytes=BATCH_BYTES, fields=list(self.first), tail=self.tail)
        while (batch := self._next(source)) is not None:
            self.rows += len(batch)
            yield batch
            self.report(self.nbytes)
        if self.rows == 0:
            yield self.first

    def _next(self, source: Iterator[Columns]) -> Columns | None:
        started = time.perf_counter()
        try:
            return next(source, None)
        finally:
            self.seconds += time.perf_counter() - started


def _target(path: Path, out: Path, to: str) -> Path:
    if out.suffix[1:] in WRITERS and not out.exists():
        raise JitkitError(f"expected a directory for the output, got {out}: {path.stem}.{to} goes into it")
    if out.exists() and not out.is_dir():
        raise JitkitError(f"expected a directory for the output, got the file {out}")
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{path.stem}.{to}"
    if target.exists() and target.samefile(path):
        raise JitkitError(f"expected an output directory other than the input's, got {out}: {target} would be replaced")
    return target


def _progress() -> Progress:
    """A progress bar on stderr, on terminals only."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def _first_rows(first: Columns, width: int) -> Table:
    """The first records, as many as fit, one line per field: a column for each field would not fit any screen."""
    names = list(first)[:MOST_FIELDS]
    values = [_readable(first, name) for name in names]
    columns = [
        Cells("field", 26, [text(name) for name in names]),
        Cells("type", 12, [_type(first[name]) for name in names]),
        Cells("unit", 8, [text(first.unit(name) or "") for name in names]),
        *(
            Cells(f"record {row}", 20, [text(column[row]) for column in values], is_right=True)
            for row in range(len(first))
        ),
    ]
    table = fitting(columns, width)
    more = len(list(first)) - len(names)
    table.caption = f"and {more} more fields: --fields shows those you name" if more else None
    return table


def _readable(first: Columns, name: str) -> np.ndarray[Any, Any]:
    try:
        return first.labels(name)
    except KeyError:
        return first[name]


def _type(column: np.ndarray[Any, Any]) -> str:
    dtype = column.dtype
    shape = str(list(column.shape[1:])) if column.ndim > 1 else ""
    return f"{dtype.name}{shape}" if dtype.kind != "S" else f"S{dtype.itemsize}{shape}"  # NumPy counts its bits
