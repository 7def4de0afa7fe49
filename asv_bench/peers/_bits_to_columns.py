"""Questions about spacecraft packets: against NumPy with shifts and masks, and against libraries for such formats."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from _jpss import NUMPY_DTYPE, NumPyInto, numpy_fresh, record_class
from _packet_libraries import (
    Decoder,
    ccsdspy_decoder,
    construct_decoder,
    kaitai_decoder,
    space_packet_parser_decoder,
)
from _sides import by_paths, check_equal, decode_fresh, rows_by_path
from _table import Row
from _timing import Bench

Question = Callable[[Bench], Iterator[Row]]
INSTALL = "not installed: pip install 'jitkit[peers]'"


def against_numpy(bench: Bench) -> Iterator[Row]:
    """All 27 fields of the packets, once in the processor's cache and once far larger than it."""
    file = np.fromfile(bench.packets, np.uint8)
    yield from _against_numpy(bench, file, wanted=2.0)
    repeats = 4 if bench.quick else -(-300_000_000 // file.size)
    yield from _against_numpy(bench, np.tile(file, repeats), wanted=6.0)


def _against_numpy(bench: Bench, buffer: np.ndarray, wanted: float) -> Iterator[Row]:
    packets = buffer.view(NUMPY_DTYPE)
    numpy = NumPyInto(packets)
    records = by_paths(bench.paths, record_class)
    existing = {path: record.columns(buffer) for path, record in records.items()}
    for way in (numpy.at_once, numpy.in_blocks):
        way()
        for columns in existing.values():
            check_equal(f"JPSS by NumPy, {way.__name__}", numpy.columns, columns)
    into = bench.best(
        {"at once": numpy.at_once, "in blocks": numpy.in_blocks}
        | {path: partial(record.columns, buffer, out=existing[path]) for path, record in records.items()}
    )
    fresh = bench.best(
        {"at once": partial(numpy_fresh, packets)}
        | {path: partial(decode_fresh, record, buffer) for path, record in records.items()}
    )
    for best, way, against, arrays, at_least in (
        (into, "at once", "NumPy, shifts, masks", "existing", wanted),
        (fresh, "at once", "NumPy, shifts, masks", "fresh", wanted),
        (into, "in blocks", "NumPy, blocks by hand", "existing", None),
    ):
        work = f"JPSS packets, {buffer.size / 1e6:.1f} MB, {arrays} arrays"
        yield from rows_by_path(best, best[way], against=against, work=work, nbytes=buffer.size, at_least=at_least)


def _against_library(name: str, wanted: float | None, make_decoder: Callable[[Bench], Decoder]) -> Question:
    """How much faster the file becomes columns than by one library: from a path to arrays on both sides."""

    def question(bench: Bench) -> Iterator[Row]:
        work = f"JPSS file, {bench.packets.stat().st_size / 1e6:.2f} MB"
        try:
            decode = make_decoder(bench)
        except ImportError:
            yield Row(against=name, work=work, at_least=wanted, why_not_measured=INSTALL)
            return
        record = record_class()  # as it comes: no one would compile for one file of this size
        check_equal(name, decode(), record.columns(bench.packets))
        best = bench.best({"theirs": decode, "jitkit": partial(decode_fresh, record, bench.packets)})
        yield Row(against=name, work=work, theirs=best["theirs"], jitkit=best["jitkit"], at_least=wanted)

    return question


against_construct = _against_library(
    "construct", 1000.0, lambda bench: construct_decoder(bench.packets, compiled=False)
)
against_compiled_construct = _against_library(
    "construct, compiled", 1000.0, lambda bench: construct_decoder(bench.packets, compiled=True)
)
against_kaitai = _against_library("kaitai", 500.0, lambda bench: kaitai_decoder(bench.packets))
against_ccsdspy = _against_library("ccsdspy FixedLength", 10.0, lambda bench: ccsdspy_decoder(bench.packets))
against_space_packet_parser = _against_library(
    "space_packet_parser", 2000.0, lambda bench: space_packet_parser_decoder(bench.packets, bench.xtce)
)
