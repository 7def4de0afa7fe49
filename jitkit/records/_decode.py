"""From bytes to columns: take a source apart into whole records, run a kernel over them, check what it found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from jitkit._core.buffers import byte_view, is_path, is_stream
from jitkit.errors import DecodeError
from jitkit.records._columns import Columns
from jitkit.records._instance import check_leaf
from jitkit.records._leaves import Leaf, allowed_values, is_checked
from jitkit.records._plan import Decoder
from jitkit.records._schema import Schema
from jitkit.records._sources import BUFFER_PIECE, BufferSource, FileSource, Source
from jitkit.records._targets import adopted, fresh

TAILS = ("error", "drop", "keep")


def columns(schema: Schema, source: Any, out: Any, tail: str) -> Columns:
    """Decode all records of a buffer or file; see `Record.columns`."""
    if is_path(source):
        if not is_stream(source):
            with FileSource(source, schema.itemsize) as file:
                return _columns_of_file(schema, file, out, tail)
        source = Path(source).read_bytes()
    data = byte_view(source)
    count, rest = divmod(data.size, schema.itemsize)
    if rest or tail != "error":
        check_tail(schema, data.size, tail)
    target = fresh(schema, count) if out is None else adopted(schema, count, out, data)
    if count == 0:
        pass  # nothing to decode is no reason to compile a decoder
    elif data.size <= BUFFER_PIECE:
        decode_piece(schema, schema.decoder(data.size), target, data, count, 0, 0)
    else:
        pieces = BufferSource(data, schema.itemsize).pieces(count * schema.itemsize)
        decode_pieces(schema, target, pieces, data.size)
    if rest and tail == "keep":
        target.tail = data[data.size - rest :].tobytes()
    return target


def _columns_of_file(schema: Schema, file: FileSource, out: Any, tail: str) -> Columns:
    count = check_tail(schema, file.nbytes, tail)
    target = fresh(schema, count) if out is None else adopted(schema, count, out, None)
    decode_pieces(schema, target, file.pieces(count * schema.itemsize), file.nbytes)
    if tail == "keep":
        target.tail = file.rest()
    return target


def batches(schema: Schema, source: Any, nbytes: int, tail: str) -> Iterator[Columns]:
    """Decode a buffer or file batch by batch; see `Record.iter_batches`."""
    if is_path(source) and not is_stream(source):
        with FileSource(source, schema.itemsize) as file:
            yield from _batches(schema, file, nbytes, tail)
        return
    data = byte_view(Path(source).read_bytes() if is_path(source) else source)
    yield from _batches(schema, BufferSource(data, schema.itemsize), nbytes, tail)


def _batches(schema: Schema, source: Source, nbytes: int, tail: str) -> Iterator[Columns]:
    count = check_tail(schema, source.nbytes, tail)
    rows = max(1, nbytes // schema.itemsize)
    done = 0
    while done < count:
        target = fresh(schema, min(rows, count - done))
        decode_pieces(schema, target, source.pieces(len(target) * schema.itemsize), source.nbytes, done)
        done += len(target)
        if done == count and tail == "keep":
            target.tail = source.rest()
        yield target
        del target  # the caller alone decides how long a batch stays in memory
    if count == 0 and tail == "keep" and source.nbytes:
        target = fresh(schema, 0)
        target.tail = source.rest()
        yield target


def check_tail(schema: Schema, nbytes: int, tail: str) -> int:
    """Return the number of whole records in `nbytes` bytes, if what is left of them may be.

    Raises
    ------
    ValueError
        If `tail` is none of the three.
    DecodeError
        For ``tail="error"``, if something is left. Its kind is ``"length"``.
    """
    if tail not in TAILS:
        raise ValueError(f'expected tail="error", "drop" or "keep", got {tail!r}')
    count, rest = divmod(nbytes, schema.itemsize)
    if rest and tail == "error":
        offset = nbytes - rest
        raise DecodeError(
            f"expected a multiple of {schema.itemsize} bytes ({schema.record}), got {nbytes}: "
            f"{rest} left at offset {offset}, after {count} records; "
            f'tail="drop" ignores them, tail="keep" returns them',
            kind="length",
            offset=offset,
            record=count,
        )
    return count


def decode_pieces(
    schema: Schema, target: Columns, pieces: Iterable[np.ndarray[Any, Any]], nbytes: int, before: int = 0
) -> None:
    """Decode pieces, of a source of `nbytes` bytes, into the rows of `target`; `before` records are behind us."""
    decode = None
    first = 0
    for piece in pieces:
        decode = decode or schema.decoder(nbytes)  # without a piece there is no reason to compile one
        count = piece.size // schema.itemsize
        decode_piece(schema, decode, target, piece, count, first, before + first)
        first += count


def decode_piece(
    schema: Schema,
    decode: Decoder,
    target: Columns,
    data: np.ndarray[Any, Any],
    count: int,
    first: int,
    record: int,
) -> None:
    """Decode `count` records into the rows from `first` on; the first of them is number `record` of the source."""
    unlisted = decode(data, count, target._anchor, target._arena.offsets, first)
    if schema.looked_up and not unlisted:
        unlisted = not all(listed_in(leaf, target, first, count).all() for leaf in schema.looked_up)
    if unlisted:
        index = first_unlisted(schema, target, first, count)
        start = index * schema.itemsize
        _refuse_unlisted(schema, data[start : start + schema.itemsize], record + index)


def first_unlisted(schema: Schema, target: Columns, first: int, count: int) -> int:
    """Index, from row `first` on, of the first record with a value that is not among those that it may have."""
    found = count - 1
    for leaf in filter(is_checked, schema.leaves):
        listed = listed_in(leaf, target, first, found + 1)
        found = int(np.argmin(listed)) if not listed.all() else found
    return found


def listed_in(leaf: Leaf, target: Columns, first: int, count: int) -> np.ndarray[Any, Any]:
    """Whether all values of a leaf are among those that it may have, for each of `count` rows from `first` on."""
    rows = target[leaf.name][first : first + count].reshape(count, -1)
    rows = rows.view(np.uint8) if leaf.kind == "?" else rows  # a bool that is neither 0 nor 1 looks like 1
    return np.asarray(np.isin(rows, np.array(list(allowed_values(leaf)), rows.dtype)).all(axis=1))


def _refuse_unlisted(schema: Schema, record: np.ndarray[Any, Any], index: int) -> NoReturn:
    """Raise for the first value of a record that is not in its enumeration, or a boolean of neither 0 nor 1."""
    data = record.tobytes()
    for leaf in filter(is_checked, schema.leaves):
        check_leaf(leaf, data, index, schema.itemsize)
    raise DecodeError(f"the buffer changed while record {index} was decoded", kind="buffer", record=index)
