"""The sides of a comparison: jitkit by either path, proof that all give the same answer, and the rows they make."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from _table import Row

import jitkit as jk

MIB = 1 << 20

# How a record class may decode: by whatever it chooses for the size of the input, or by code compiled on request.
PATHS = {"as-it-comes": "", "compiled": ", compiled"}

RecordPaths = Mapping[str, type[jk.Record]]


def by_paths(paths: Iterable[str], make_class: Callable[[], type[jk.Record]]) -> RecordPaths:
    """A record class for each path; each is new, because `compile` changes a class for good."""
    classes = {path: make_class() for path in paths}
    if "compiled" in classes:
        classes["compiled"].compile()
    return classes


def rows_by_path(
    best: Mapping[str, float],
    theirs: float,
    *,
    against: str,
    work: str,
    nbytes: int,
    at_least: float | None,
) -> Iterator[Row]:
    """One row for each path among the `best` times; only the first where nothing in particular is wanted."""
    for path in [path for path in PATHS if path in best][: 1 if at_least is None else None]:
        yield Row(
            against=against,
            work=work + PATHS[path],
            theirs=theirs,
            jitkit=best[path],
            nbytes=nbytes,
            at_least=at_least,
        )


def decode_fresh(record: type[jk.Record], source: object) -> list[np.ndarray]:
    columns = record.columns(source)
    # Every column is asked for: one that is only promised until then would not be comparable.
    return [columns[name] for name in columns]


def check_equal(what: str, theirs: Mapping[str, np.ndarray], ours: Mapping[str, np.ndarray]) -> None:
    """Stop the run where a column of `theirs` is missing in `ours` or has another value anywhere."""
    for name, expected in theirs.items():
        if name not in ours:
            raise SystemExit(f"{what}: expected a column {name}, got {', '.join(ours)}")
        got = ours[name]
        if got.shape != expected.shape:
            raise SystemExit(f"{what}: expected {expected.shape} values of {name}, got {got.shape}")
        differs = got != expected
        if expected.dtype.kind == "f":
            differs &= ~(np.isnan(got) & np.isnan(expected))
        if differs.any():
            at = int(np.argmax(differs))
            raise SystemExit(f"{what}: expected {name} = {expected[at]!r}, got {got[at]!r} in record {at}")


def size(nbytes: int) -> str:
    """A size as the table writes it; whole records may fall a few bytes short of it."""
    return f"{nbytes / MIB:.0f} MiB" if nbytes >= 0.99 * MIB else f"{nbytes / 1024:.0f} KiB"
