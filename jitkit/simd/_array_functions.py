"""From arrays to numbers: sums, products, extremes and counts. From Python they load no numba once they are compiled.

Sums of floats have the same bits on every processor, and wherever an array lies: the order of additions is fixed. There
are 32 running sums, of float64. Item i, or product i, is added to running sum i mod 32, in the array's order; then the
upper half of the sums is added to the lower half, sum by sum, until one is left. `_reference` has it in plain Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jitkit._core.native import Parameter

KERNELS = "jitkit.simd._array_kernels"
CONTIGUOUS_AND_ALIGNED = 0x0101  # NPY_ARRAY_C_CONTIGUOUS and NPY_ARRAY_ALIGNED: NumPy C API, "Array flags"
DTYPES = "integers, float32 or float64 in native byte order"
PARAMETERS: dict[str, list[Parameter]] = {
    "sum": ["buffer", "int", "buffer"],
    "dot": ["buffer", "buffer", "int", "buffer"],
    "minmax": ["buffer", "int", "buffer"],
    "count": ["buffer", "int", "buffer"],
}

Array = NDArray[Any]


def sum(x: Array) -> Any:  # noqa: A001
    """Sum of all items, reproducible to the last bit.

    Parameters
    ----------
    x : array of integers, float32 or float64
        Of any shape; items are added in C order. One that is not contiguous is copied first.

    Returns
    -------
    NumPy scalar
        float32 or float64 as `x`; int64 of signed and uint64 of unsigned integers, which wrap around. 0 of no items.

    Raises
    ------
    TypeError
        If `x` is no array, or one of another dtype.

    Notes
    -----
    Same bits on every processor and for every alignment: item i of n is added to running sum i mod 32, and these in
    halves. All of that in float64, also of float32, which is rounded once in the end. The error is at most
    (n / 32 + 5) roundings of the sum of magnitudes, 2**-53 each.

    Examples
    --------
    >>> import numpy as np
    >>> from jitkit import simd
    >>> simd.sum(np.array([1e8, 1.0, -1e8], np.float32))
    np.float32(1.0)
    """
    if not isinstance(x, np.ndarray):
        _refuse("sum", "an array", x)
    kernel, result = _found("sum", x.dtype)
    out = np.empty((), result)
    kernel(_ready(x), x.size, out)
    return out[()]


def dot(x: Array, y: Array) -> Any:
    """Sum of products of two arrays, reproducible to the last bit.

    Parameters
    ----------
    x, y : (n,) array of integers, float32 or float64
        Of one dtype. One that is not contiguous is copied first.

    Returns
    -------
    NumPy scalar
        As of `sum`. Integers are widened to 64 bits before they are multiplied, and wrap around.

    Raises
    ------
    TypeError
        If `x` or `y` is no array of one axis, their dtypes differ, or it is another one.
    ValueError
        If their lengths differ.

    Notes
    -----
    As `sum`, of products that are rounded (those of float32 are exact): no fused ones, which some processors lack. The
    error is at most (n / 32 + 6) roundings of the sum of magnitudes, 2**-53 each. `numpy.dot` of float32 adds in
    float32, and is faster where arrays are in cache.
    """
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray):
        _refuse("dot", "two arrays", x, y)
    if x.ndim != 1 or y.ndim != 1:
        _fail("dot", "arrays of one axis", x, y)
    if x.dtype != y.dtype:
        _fail("dot", "two arrays of one dtype", x, y)
    kernel, result = _found("dot", x.dtype)
    if x.size != y.size:
        raise ValueError(f"simd.dot: expected arrays of one length, got {x.size} and {y.size} items")
    out = np.empty((), result)
    kernel(_ready(x), _ready(y), x.size, out)
    return out[()]


def minmax(x: Array) -> tuple[Any, Any]:
    """Least and greatest item, found in one go.

    Parameters
    ----------
    x : array of integers, float32 or float64
        Of any shape. One that is not contiguous is copied first.

    Returns
    -------
    tuple of two NumPy scalars
        Of the dtype of `x`. Both are NaN if any item is. -0.0 is less than 0.0.

    Raises
    ------
    TypeError
        If `x` is no array, or one of another dtype.
    ValueError
        If it has no items.
    """
    if not isinstance(x, np.ndarray):
        _refuse("minmax", "an array", x)
    kernel, result = _found("minmax", x.dtype)
    if x.size == 0:
        raise ValueError(f"simd.minmax: expected one item at least, got an array of shape {x.shape}")
    out = np.empty(2, result)
    kernel(_ready(x), x.size, out)
    return out[0], out[1]


def count_equal(x: Array, value: Any) -> int:
    """Return how many items are equal to a value.

    Parameters
    ----------
    x : array of integers, float32 or float64
        Of any shape. One that is not contiguous is copied first.
    value : number
        An integer for integers; one that their dtype cannot have is equal to none. For floats it is rounded to their
        dtype first. NaN is equal to nothing, and 0.0 to -0.0.

    Raises
    ------
    TypeError
        If `x` is no array, or one of another dtype; or `value` is no such number.
    """
    if not isinstance(x, np.ndarray):
        _refuse("count_equal", "an array", x)
    kernel, result = _found("count", x.dtype, "count_equal")
    integer = isinstance(value, (int, np.integer))
    if not integer and (result.kind != "f" or not isinstance(value, (float, np.floating))):
        kind = "a number" if result.kind == "f" else "an integer"
        raise TypeError(f"simd.count_equal: expected {kind} beside an array of {result}, got {value!r}")
    try:
        wanted = np.array(value if integer else float(value), result)
    except OverflowError:
        if result.kind != "f":
            return 0
        wanted = np.array(np.copysign(np.inf, value), result)  # as any number that is too large
    found: int = kernel(_ready(x), x.size, wanted)
    return found


def _found(name: str, dtype: np.dtype[Any], called: str = "") -> tuple[Any, np.dtype[Any]]:
    """Machine code for a dtype, and the dtype that it gives or takes numbers in."""
    found = _known.get((name, dtype))
    return _load(name, dtype, called or name) if found is None else found


_known: dict[tuple[str, np.dtype[Any]], tuple[Any, np.dtype[Any]]] = {}


def _load(name: str, dtype: np.dtype[Any], called: str) -> tuple[Any, np.dtype[Any]]:
    letters = dtype.str[1:]
    if dtype.kind not in "iuf" or letters == "f2" or dtype.itemsize > 8 or not dtype.isnative:
        raise TypeError(f"simd.{called}: expected {DTYPES}, got an array of {dtype}")
    from jitkit._core.native import kernel  # loads LLVM

    added = name in ("sum", "dot") and dtype.kind != "f"
    result = np.dtype(f"{dtype.kind}8") if added else np.dtype(letters)
    found = _known[name, dtype] = kernel(f"{KERNELS}:{name}_{letters}", PARAMETERS[name]), result
    return found


def _ready(x: Array) -> Array:
    """Array whose items lie side by side, where numbers of its dtype may lie."""
    return x if x.flags.num & CONTIGUOUS_AND_ALIGNED == CONTIGUOUS_AND_ALIGNED else np.array(x, order="C")


def _refuse(name: str, expected: str, *values: Any) -> NoReturn:
    raise TypeError(f"simd.{name}: expected {expected}, got {' and '.join(type(value).__name__ for value in values)}")


def _fail(name: str, expected: str, *arrays: Array) -> NoReturn:
    got = " and ".join(f"{array.dtype} of shape {array.shape}" for array in arrays)
    raise TypeError(f"simd.{name}: expected {expected}, got {got}")
