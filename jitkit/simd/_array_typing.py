"""`simd.sum`, `simd.dot`, `simd.minmax` and `simd.count_equal` inside kernels: as from Python, without the calls."""
# Overloads must look like what they implement.
# mypy: allow-untyped-defs, allow-untyped-decorators

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core import numba_values
from jitkit._core.intrinsics import NumbaTypeError, address_of, numba_type, numpy_dtype, overload, types
from jitkit._core.jit import jit
from jitkit.simd import _array_functions as public
from jitkit.simd._array_kernels import DTYPES, count_of, least_and_greatest_of, result_of, total_of


@overload(public.sum)
def _sum(x):
    letters = _letters("sum", x)
    total, ready = total_of(letters, 1), _ready(x)
    number = numba_type(result_of(letters))

    def implementation(x):
        items = ready(x)
        return number(total(address_of(items), address_of(items), items.size))

    return implementation


@overload(public.dot)
def _dot(x, y):
    letters = _letters("dot", x, y)
    if x.ndim != 1 or y.ndim != 1:
        raise NumbaTypeError(f"simd.dot: expected arrays of one axis, got {x} and {y}")
    if x.dtype != y.dtype:
        raise NumbaTypeError(f"simd.dot: expected two arrays of one dtype, got {x} and {y}")
    total, x_ready, y_ready = total_of(letters, 2), _ready(x), _ready(y)
    number = numba_type(result_of(letters))

    def implementation(x, y):
        if x.size != y.size:
            raise ValueError("simd.dot: expected arrays of one length")
        items, others = x_ready(x), y_ready(y)
        return number(total(address_of(items), address_of(others), items.size))

    return implementation


@overload(public.minmax)
def _minmax(x):
    least_and_greatest, ready = least_and_greatest_of(_letters("minmax", x)), _ready(x)

    def implementation(x):
        if x.size == 0:
            raise ValueError("simd.minmax: expected one item at least")
        items = ready(x)
        return least_and_greatest(address_of(items), items.size)

    return implementation


@overload(public.count_equal)
def _count_equal(x, value):
    letters = _letters("count_equal", x)
    counted, ready, number = count_of(letters), _ready(x), x.dtype
    if isinstance(number, types.Float):
        if not isinstance(value, types.Number) or isinstance(value, types.Complex):
            raise NumbaTypeError(f"simd.count_equal: expected a number beside {x}, got {value}")

        def of_floats(x, value):
            items = ready(x)
            return counted(address_of(items), items.size, number(value))

        return of_floats
    if not isinstance(value, (types.Integer, types.Boolean)):
        raise NumbaTypeError(f"simd.count_equal: expected an integer beside {x}, got {value}")
    signed = getattr(value, "signed", False)

    def of_integers(x, value):
        wanted = number(value)
        if wanted != value or (wanted < 0) != (signed and value < 0):  # the dtype cannot have it
            return 0
        items = ready(x)
        return counted(address_of(items), items.size, wanted)

    return of_integers


def _letters(name: str, *arrays: Any) -> str:
    """Dtype that arrays have, as the kernels name it; a TypeError in words if one is none, or of another dtype."""
    for array in arrays:
        if not isinstance(array, types.Array):
            raise NumbaTypeError(
                f"simd.{name}: expected {'an array' if len(arrays) == 1 else 'two arrays'}, got {array}"
            )
        known = isinstance(array.dtype, (types.Integer, types.Float))
        if not known or numpy_dtype(array.dtype).str[1:] not in DTYPES:
            raise NumbaTypeError(f"simd.{name}: expected {public.DTYPES}, got {array}")
    return str(numpy_dtype(arrays[0].dtype).str[1:])


def _ready(array: Any) -> Any:
    """Return the jitted function that gives an array whose items lie side by side."""
    if array.layout == "C":
        return jit(lambda x: x)
    return jit(lambda x: np.ascontiguousarray(x))


numba_values.refresh()
