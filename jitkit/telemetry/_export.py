"""The topics of a log as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from jitkit._core.column_files import WRITERS
from jitkit.errors import JitkitError

if TYPE_CHECKING:
    from jitkit.telemetry._log import Log

LONGEST = 200  # bytes of a file's name without its suffix: systems take 255, and a partial file's name is longer


def write_topics(
    log: Log,
    directory: Path,
    to: str,
    names: Iterable[str] | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write a file for each topic, and return where they are.

    Each is written beside its place and moved there when it is whole, so that an error leaves no part of one.

    Parameters
    ----------
    log : Log
    directory : Path
        Made if need be. Files of the same names are replaced.
    to : "parquet", "arrow", "csv" or "npz"
    names : iterable of str, optional
        Only these topics.
    report : callable, optional
        Told the name of each topic before it is written.

    Raises
    ------
    JitkitError
        If `directory` is a file.
    MissingExtraError
        If pyarrow is not installed, for Parquet and Arrow.
    OSError
        If a file cannot be written; it names that.
    """
    check_directory(directory)
    directory.mkdir(parents=True, exist_ok=True)
    targets = targets_of(log if names is None else names, directory, to)
    for name, target in targets.items():
        report(name)
        WRITERS[to]([log[name]], target)
    return list(targets.values())


def check_directory(out: Path) -> None:
    """Raise a JitkitError for what is no directory, and what would be one by mistake."""
    if out.exists() and not out.is_dir():
        raise JitkitError(f"expected a directory for the output, got the file {out}")
    if out.suffix[1:] in WRITERS and not out.exists():
        raise JitkitError(f"expected a directory for the output, got {out}: a file for each topic goes into it")


def targets_of(names: Iterable[str], directory: Path, to: str) -> dict[str, Path]:
    """Return where each topic goes: no two to one place, also where a file system does not tell A from a."""
    targets: dict[str, Path] = {}
    taken: set[str] = set()
    for name in names:
        stem = found = file_name(name)
        number = 1
        while found.casefold() in taken:
            number += 1
            found = f"{stem}_{number}"
        taken.add(found.casefold())
        targets[name] = directory / f"{found}.{to}"
    return targets


def file_name(topic: str) -> str:
    """Name of a file for a topic: what would be a path, or no file's name, becomes an underscore."""
    name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in topic).lstrip(".")
    return name.encode()[:LONGEST].decode("utf-8", "ignore") or "_"
