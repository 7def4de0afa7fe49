"""`jitkit decode FILE` without a record class: a log's topics to files, and what there is to say about it."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from jitkit.errors import DecodeError, JitkitError
from jitkit.telemetry import _tables as tables
from jitkit.telemetry._export import check_directory, targets_of, write_topics
from jitkit.telemetry._log import Log
from jitkit.telemetry._read import Errors, read

READ_TWICE = 64 << 20  # bytes: a file of up to these is read again, so that no compiling is in the time that is told


def decode(
    path: Path,
    *,
    format: str | None = None,  # noqa: A002 (a file's format)
    errors: Errors = "strict",
    topics: Sequence[str] = (),
    only_list: bool = False,
    out: Path | None = None,
    to: str = "parquet",
) -> int:
    """Read a log, write its topics to files in `out` if that is given, and print what there is.

    Parameters
    ----------
    path : Path
    format : str, optional
        As for `read`.
    errors : "strict" or "recover"
        As for `read`.
    topics : sequence of str
        Only these; all if there are none.
    only_list : bool
        Print what is in the log, and what it is about.
    out : Path, optional
        Directory, made if need be. Each topic has a file of its name in it, with the format's suffix.
    to : "parquet", "arrow", "csv" or "npz"
        Format of those files.

    Returns
    -------
    int
        Exit code: 1 if a part of the file was skipped.
    """
    if out:
        check_directory(out)
    with _progress() as progress:
        task = progress.add_task("reading", total=None)
        started = time.perf_counter()
        log = _read(path, format, errors)
        names = _selected(log, path, topics)
        if out:
            _check_input(path, targets_of(names, out, to))
        _touch(log, names)
        if not only_list and log.report.size <= READ_TWICE and path.is_file():
            started = time.perf_counter()
            log = _read(path, format, errors)
            _touch(log, names)
        seconds = time.perf_counter() - started
        written = _written(log, names, out, to, progress, task) if out else ""

    console = Console(highlight=False, markup=False, emoji=False)  # a [ in a name or path is no markup
    if only_list:
        console.print(tables.about(path, log, console.width))
    else:
        console.print(tables.summary(path, log, names, seconds, written))
    if topics and not (only_list or out):
        for name in names:
            console.print("", tables.first_rows(name, log[name], console.width), sep="\n")
    elif not out:
        console.print("", tables.topics(log, names), sep="\n")
    if log.report.skipped_bytes:
        console.print("", *tables.account(log.report), sep="\n")
    return 1 if log.report.skipped_bytes else 0


def _read(path: Path, format: str | None, errors: Errors) -> Log:  # noqa: A002
    """Read a log; what is wrong with it names the file, and the options that help."""
    source = path if path.is_file() else path.read_bytes()  # a pipe can be read but once
    try:
        return read(source, format=format, errors=errors)
    except DecodeError as error:
        message = str(error).partition('; errors="recover"')[0].removesuffix(f" ({path.name})")
        if error.kind == "format" and error.offset == 0:
            raise JitkitError(f"{path}: {message}; --record MODULE:CLASS decodes a file of records") from error
        hint = "; --errors recover skips what is damaged"
        raise JitkitError(f"{path}: {message}{hint if error.kind != 'incompatible' else ''}") from error


def _selected(log: Log, path: Path, topics: Sequence[str]) -> list[str]:
    """Names of the topics that are asked for, each once."""
    for name in topics:
        if name not in log.topics:
            near = get_close_matches(name, log.topics, 3)
            hint = f"near to it: {', '.join(near)}" if near else f"--list shows its {len(log)}"
            raise JitkitError(f"{path}: expected a topic of the log, got {name!r}; {hint}")
    return list(dict.fromkeys(topics)) or log.topics


def _check_input(path: Path, targets: dict[str, Path]) -> None:
    for target in targets.values():
        if target.exists() and target.samefile(path):
            raise JitkitError(
                f"expected an output directory other than the input's, got {target.parent}: {target} would be replaced"
            )


def _touch(log: Log, names: list[str]) -> None:
    """Decode topics."""
    for name in names:
        log[name]


def _written(log: Log, names: list[str], out: Path, to: str, progress: Progress, task: TaskID) -> str:
    """Write topics to files, and say what was written."""
    started = time.perf_counter()
    count = itertools.count()

    def report(name: str) -> None:
        done = next(count)
        progress.update(task, description=f"writing {name}", completed=done, total=len(names))

    paths = write_topics(log, out, to, names, report)
    seconds = time.perf_counter() - started
    nbytes = sum(path.stat().st_size for path in paths)
    return f"{out}, {len(paths)} files of {to}, {nbytes:,} bytes in {seconds:.3g} s"


def _progress() -> Progress:
    """A progress bar on stderr, on terminals only."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
