"""Questions about sensor records: against Python's `struct`, NumPy's field copies, and `memcpy`."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from _sensor import NAMES, PACKED, C, Layout, NumPyInto
from _sides import MIB, by_paths, check_equal, decode_fresh, rows_by_path, size
from _table import Row
from _timing import Bench

FRESH_SIZES = (MIB // 16, MIB, 4 * MIB, 32 * MIB, 512 * MIB)
LARGEST = FRESH_SIZES[-1]


def against_struct(bench: Bench) -> Iterator[Row]:
    """4 MiB of 24-byte records to columns."""
    buffer = C.packets(MIB // 4 if bench.quick else 4 * MIB)
    records = by_paths(bench.paths, C.plain)
    ways = {"zip": partial(C.columns_by_zip, buffer), "fromiter": partial(C.columns_by_fromiter, buffer)}
    for way, decode in ways.items():
        for record in records.values():
            check_equal(f"struct, {way}", decode(), record.columns(buffer))
    best = bench.best(ways | {path: partial(decode_fresh, record, buffer) for path, record in records.items()})
    for way, wanted in (("zip", 200.0), ("fromiter", None)):
        yield from rows_by_path(
            best,
            best[way],
            against="struct.iter_unpack",
            work=f"to columns by {way}, {size(buffer.size)}, {C.title}",
            nbytes=buffer.size,
            at_least=wanted,
        )


def into_existing_arrays(bench: Bench) -> Iterator[Row]:
    """Accelerations scaled, status checked, everything into arrays that exist: against NumPy and `memcpy`."""
    for layout, wanted in ((PACKED, 3.0), (C, 2.5)):
        yield from _existing(bench, layout, wanted)


def _existing(bench: Bench, layout: Layout, wanted: float) -> Iterator[Row]:
    buffer = layout.packets(4 * MIB if bench.quick else LARGEST)
    copy = np.full_like(buffer, 1)
    numpy = NumPyInto(buffer.view(layout.dtype))
    records = by_paths(bench.paths, layout.scaled)
    existing = {path: record.columns(buffer) for path, record in records.items()}
    for way in (numpy.scale_while_copying, numpy.copy_then_scale, numpy.in_blocks):
        way()
        for columns in existing.values():
            check_equal(f"{way.__name__}, {layout.title}", numpy.columns, columns)
            check_equal(f"mask, {layout.title}", {"status": numpy.valid}, {"status": columns.valid("status")})
    best = bench.best(
        {
            "scale while copying": numpy.scale_while_copying,
            "copy then scale": numpy.copy_then_scale,
            "in blocks": numpy.in_blocks,
            "memcpy": partial(np.copyto, copy, buffer),
        }
        | {path: partial(record.columns, buffer, out=existing[path]) for path, record in records.items()}
    )
    for against, theirs, at_least in (
        ("NumPy field copies", min(best["scale while copying"], best["copy then scale"]), wanted),
        ("NumPy, blocks by hand", best["in blocks"], None),
        ("memcpy", best["memcpy"], 0.8),
    ):
        work = f"scale + mask, existing arrays, {size(buffer.size)}, {layout.title}"
        yield from rows_by_path(best, theirs, against=against, work=work, nbytes=buffer.size, at_least=at_least)


def into_fresh_arrays(bench: Bench) -> Iterator[Row]:
    """Columns as they are, every array newly allocated by each call."""
    for nbytes in FRESH_SIZES[:2] if bench.quick else FRESH_SIZES:
        for layout in (PACKED, C):
            yield from _fresh(bench, layout, nbytes)


def _fresh(bench: Bench, layout: Layout, nbytes: int) -> Iterator[Row]:
    buffer = layout.packets(nbytes)
    view = buffer.view(layout.dtype)  # made once: NumPy gets its view of the bytes for nothing
    records = by_paths(bench.paths, layout.plain)
    for record in records.values():
        check_equal(f"fresh, {layout.title}", {name: view[name] for name in NAMES}, record.columns(buffer))
    best = bench.best(
        {"numpy": lambda: [view[name].copy() for name in NAMES]}
        | {path: partial(decode_fresh, record, buffer) for path, record in records.items()}
    )
    yield from rows_by_path(
        best,
        best["numpy"],
        against="NumPy field copies",
        work=f"fresh arrays, {size(nbytes)}, {layout.title}",
        nbytes=buffer.size,
        at_least=1.1 if nbytes == LARGEST else 1.0,
    )
