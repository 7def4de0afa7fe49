"""Where columns go: one arena of our own, or the arrays that the caller brings."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from jitkit._core.buffers import BYTES
from jitkit.errors import DecodeError, LayoutError
from jitkit.records._columns import Columns
from jitkit.records._messages import unknown_name
from jitkit.records._schema import ALIGNMENT, Arena, Schema

LARGE = 1 << 20  # bytes of columns whose beginning is worth to be aligned: for decoders that write past the caches

# Arrays of the caller's lie anywhere: their places are given as distances from this one.
MASK = np.dtype(np.bool_)
ORIGIN = np.empty(1, BYTES)
ORIGIN_ADDRESS = ORIGIN.ctypes.data


def fresh(schema: Schema, count: int) -> Columns:
    """Return columns of `count` rows, with no values yet, in one allocation."""
    arena = schema.arena(count)
    if arena.size < LARGE:
        return Columns(arena, np.empty(arena.size, BYTES))
    memory = np.empty(arena.size + ALIGNMENT, BYTES)
    start = -memory.ctypes.data % ALIGNMENT
    return Columns(arena, memory[start : start + arena.size])


def adopted(schema: Schema, count: int, out: Any, source: np.ndarray[Any, Any] | None) -> Columns:
    """Return columns that write into the arrays of `out`; columns and masks that it lacks get memory of their own.

    Raises
    ------
    LayoutError
        If `out` is no mapping, has a name that is not decoded, or an array of another dtype, not C-contiguous,
        read-only, or sharing memory with `source` or with another array.
    DecodeError
        If an array has another shape. Its kind is ``"length"``.
    """
    if not isinstance(out, Mapping):
        raise LayoutError(f"expected out to be a mapping of field names to arrays, got {type(out).__name__}")
    earlier = out if isinstance(out, Columns) and out._arena.schema is schema and len(out) == count else None
    if earlier is not None and earlier._arena.table is not None:
        return _again(earlier, source)
    for name in out:
        if name not in schema.names:
            raise LayoutError(f"out: {unknown_name(name, schema.names)}")
    arrays = {
        leaf.name: _checked(leaf.name, out[leaf.name], (count, *leaf.shape), leaf.dtype)
        if leaf.name in out
        else np.empty((count, *leaf.shape), leaf.dtype)
        for leaf in schema.leaves
    }
    masks = {leaf.name: np.empty((count, *leaf.shape), np.bool_) for leaf in schema.masked}
    if earlier is not None:
        masks = {
            leaf.name: _checked(f"the mask of {leaf.name}", earlier.valid(leaf.name), (count, *leaf.shape), MASK)
            for leaf in schema.masked
        }
    all_arrays = {**arrays, **{f"the mask of {name}": mask for name, mask in masks.items()}}
    _refuse_shared_memory({**all_arrays, "the buffer": source} if source is not None else all_arrays)
    targets = [*(arrays[name] for name in schema.names), *(masks[leaf.name] for leaf in schema.masked)]
    offsets = np.array([array.ctypes.data - ORIGIN_ADDRESS for array in targets], np.int64)
    columns = Columns(Arena(schema, count, offsets), ORIGIN, arrays)
    columns._masks.update(masks)
    return columns


def _again(out: Columns, source: np.ndarray[Any, Any] | None) -> Columns:
    """Columns in the arena of earlier ones, which passed every check when they were made."""
    for name, array in (*(out._arrays or {}).items(), *out._masks.items()):
        if not array.flags.writeable:
            raise LayoutError(f"out[{name!r}]: expected a writable array, got a read-only one")
    if source is not None and np.may_share_memory(out._anchor, source):
        raise LayoutError("out: expected arrays of separate memory, got columns that share some with the buffer")
    columns = Columns(out._arena, out._anchor, out._all())
    columns._masks = out._masks  # the same arrays, whichever of the two makes them
    return columns


def _checked(name: str, array: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise LayoutError(f"out[{name!r}]: expected an array of {dtype}, got {got}")
    if array.shape != shape:
        raise DecodeError(
            f"out[{name!r}]: expected shape {shape} for {shape[0]} records, got {array.shape}",
            kind="length",
            field=name,
        )
    if not array.flags.c_contiguous:
        raise LayoutError(f"out[{name!r}]: expected a C-contiguous array, got strides {array.strides}")
    if not array.flags.writeable:
        raise LayoutError(f"out[{name!r}]: expected a writable array, got a read-only one")
    return array


def _refuse_shared_memory(arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """All are contiguous, so that sorted by their first byte only neighbours can overlap."""
    spans = sorted((a.ctypes.data, a.ctypes.data + a.nbytes, name) for name, a in arrays.items() if a.nbytes)
    for (_, stop, one), (start, _, other) in pairwise(spans):
        if start < stop:
            raise LayoutError(f"out: expected arrays of separate memory, got {one} and {other} sharing some")
