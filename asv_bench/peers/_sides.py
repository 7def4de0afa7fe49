"""The sides of a comparison: jitkit by either path, proof that all give the same answer, and the rows they make."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from _table import Row

import jitkit as jk
from jitkit.records._schema import STREAM_FROM

MIB = 1 << 20

# How a record class may decode: by machine code of its own, as in programs that decode a few kinds of records, or by
# the table-driven kernel, as in those that decode many. Inputs from 256 MiB on have machine code either way.
PATHS = {"as-it-comes": "", "tables": ", by tables"}

RecordPaths = Mapping[str, type[jk.Record]]


def by_paths(paths: Iterable[str], make_class: Callable[[], type[jk.Record]]) -> RecordPaths:
    """A new record class for each path, bound to it whatever else this process has decoded."""
    classes = {path: make_class() for path in paths}
    for path, record in classes.items():
        bind_to_tables(record) if path == "tables" else record.compile()
    return classes


def bind_to_tables(record: type[jk.Record]) -> None:
    schema = record._all
    decoder = schema.decoder
    schema.decoder = lambda nbytes: decoder(nbytes) if nbytes >= STREAM_FROM else schema._table_driven


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
