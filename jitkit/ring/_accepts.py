"""What kernels may hand to a ring: the checks of types, made while a kernel is typed."""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import NumbaTypeError, types
from jitkit.ring._record_value import RecordValue

NUMBERS = (types.Boolean, types.Integer, types.Float, types.Complex)  # each may become what stands behind it


def require_element(ring: Any, given: Any) -> None:
    """Raise a NumbaTypeError if a value of a type is no element of the ring."""
    kind = types.unliteral(given)
    if not _is_element(ring, kind):
        raise NumbaTypeError(f"expected {described(ring)}, got {kind} (element of {ring})")


def _is_element(ring: Any, kind: Any) -> bool:
    if ring.element.is_array:
        shape = ring.element.dtype.shape
        return isinstance(kind, types.Array) and kind.ndim == len(shape) and converts(kind.dtype, ring.value.dtype)
    if isinstance(ring.stored, types.Record):
        return bool((kind.record if isinstance(kind, RecordValue) else kind) == ring.stored)
    return converts(kind, ring.stored)


def converts(kind: Any, wanted: Any) -> bool:
    """Whether a value may become an element: no float becomes an integer, and no number a truth value."""
    if isinstance(wanted, NUMBERS) and isinstance(kind, NUMBERS):
        if isinstance(wanted, types.Boolean):
            return isinstance(kind, types.Boolean)
        return _rank(kind) <= _rank(wanted)
    return bool(kind == wanted)


def _rank(kind: Any) -> int:
    return next(i for i, number in enumerate(NUMBERS) if isinstance(kind, number))


def described(ring: Any) -> str:
    """What an element is."""
    return "a record" if isinstance(ring.stored, types.Record) else str(ring.value)


def require_array(ring: Any, given: Any, *, out: bool = False) -> None:
    """Raise a NumbaTypeError if an array has no elements of the ring, or cannot take such."""
    ndim = ring.view.ndim
    if not isinstance(given, types.Array) or given.ndim != ndim:
        raise NumbaTypeError(f"expected an array of {ndim} dimension{'s' * (ndim > 1)}, got {given} ({ring})")
    if out and (given.dtype != ring.view.dtype or not given.mutable):
        raise NumbaTypeError(f"expected a writable array of {ring.view.dtype} as out, got {given} ({ring})")
    if not out and not ring.element.is_array:
        require_element(ring, given.dtype)
    if not out and ring.element.is_array and not converts(given.dtype, ring.view.dtype):
        raise NumbaTypeError(f"expected an array of {ring.view.dtype}, got {given} ({ring})")


def is_block_of_elements(ring: Any, array: Any) -> bool:
    """Whether the elements of an array are those of the ring, and lie side by side."""
    return bool(array.layout == "C" and array.dtype == ring.view.dtype)
