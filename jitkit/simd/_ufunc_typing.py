"""Ufuncs of vector functions inside kernels: on numbers, vectors and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from jitkit._core import numba_values
from jitkit._core.intrinsics import NumbaTypeError, TypingError, address_of, numba_type, numpy_dtype, overload, types
from jitkit._core.jit import jit
from jitkit.simd import _typing  # noqa: F401 (numba must know vectors)
from jitkit.simd._intrinsics import first_lane
from jitkit.simd._introduction import Shipped
from jitkit.simd._kinds import MaskKind, VectorType, native
from jitkit.simd._loops import BESIDE, side_by_side
from jitkit.simd._memory import splat
from jitkit.simd._numba_types import SimdVector, kind_of_type


def result_of(kernel: Any, vector: VectorType, inputs: int) -> np.dtype[Any]:
    """Dtype of what a function of vectors gives.

    Raises
    ------
    TypeError
        If it gives no vector or mask of as many lanes.
    """
    given = (SimdVector(vector),) * inputs
    kernel.compile(given)
    result = kernel.overloads[given].signature.return_type
    kind = kind_of_type(result)
    if isinstance(kind, VectorType) and kind.lanes == vector.lanes:
        return kind.dtype
    if isinstance(kind, MaskKind) and kind.lanes == vector.lanes:
        return np.dtype(bool)
    raise TypeError(f"simd.vectorize: expected a function that gives a vector of {vector.lanes} lanes, got {result}")


def register(
    ufunc: np.ufunc, kernel: Any, vectors: Sequence[VectorType], fast: Mapping[VectorType, Any] | None = None
) -> None:
    """Let kernels call a ufunc, which is made of a function of vectors."""

    @overload(ufunc)
    def overloaded(*args):
        return _implementation(ufunc, kernel, vectors, args, fast or {})

    numba_values.refresh()


def register_shipped(shipped: Shipped) -> None:
    """Let kernels call a ufunc of jitkit's own."""
    loops, vectors = import_module(shipped.loops), [native(letter) for letter in shipped.letters]
    fast_run = getattr(loops, "fast_run", None)
    fast = {vector: fast_run(vector.dtype.str[1:]) for vector in vectors} if fast_run else None
    register(shipped.ufunc, getattr(loops, shipped.function), vectors, fast)


def _implementation(
    ufunc: Any, kernel: Any, vectors: Sequence[VectorType], args: Any, fast: Mapping[VectorType, Any]
) -> Any:
    name, inputs = ufunc.__name__, ufunc.nin
    has_out = len(args) == inputs + 1 and isinstance(args[-1], types.Array)
    if len(args) != inputs + has_out:
        raise NumbaTypeError(
            f"{name}: expected {'one input' if inputs == 1 else f'{inputs} inputs'}, and perhaps an array for the "
            f"output, got {_and(args) or 'nothing'}"
        )
    given = args[:inputs]
    if all(isinstance(kind, (SimdVector, types.Number)) for kind in given) and not has_out:
        vector_types = [kind.vector for kind in given if isinstance(kind, SimdVector)]
        if any(kind.dtype not in {vector.dtype for vector in vectors} for kind in vector_types):
            raise NumbaTypeError(f"{name}: expected vectors of {_dtypes(vectors)}, got {_and(given)}")
        if vector_types:
            return _on_vectors(kernel, vector_types[0], inputs)
    if not all(isinstance(kind, (types.Array, types.Number, types.Boolean)) for kind in given):
        raise NumbaTypeError(f"{name}: expected numbers, and arrays or vectors, got {_and(args)}")
    vector = _vector_for(name, vectors, given)
    scalar = _on_numbers(kernel, vector, inputs)
    arrays = [kind for kind in given if isinstance(kind, types.Array)]
    if not arrays and not has_out:
        return lambda *args: scalar(args)
    if len({kind.ndim for kind in [*arrays, *args[inputs:]]}) != 1:
        raise NumbaTypeError(f"{name}: expected arrays of one shape, got {_and(args)}")
    out = numba_type(result_of(kernel, vector, inputs))
    same = all(isinstance(kind, types.Array) and kind.dtype == numba_type(vector.dtype) for kind in given)
    if has_out and args[-1].dtype != out:
        raise NumbaTypeError(f"{name}: expected an array of {out} for the output, got {args[-1]}")
    together = same and all(kind.layout == "C" for kind in args)
    fill = _fill_together(kernel, vector, inputs, out, fast.get(vector)) if together else _fill(scalar, inputs)
    check = _checked_shapes(name, inputs)
    if has_out:
        return _into(check, fill)
    first = next(i for i, kind in enumerate(given) if isinstance(kind, types.Array))
    return _into_new(check, fill, out, first)


def _vector_for(name: str, vectors: Sequence[VectorType], given: Sequence[Any]) -> VectorType:
    """Vector type that the inputs can be cast to safely, as NumPy chooses a loop.

    Numbers beside arrays of floats take on their dtype, as Python's do from outside.
    """
    arrays = [kind for kind in given if isinstance(kind, types.Array)]
    weak = any(isinstance(kind.dtype, types.Float) for kind in arrays)
    typed = arrays if weak else given
    dtypes = [numpy_dtype(kind.dtype if isinstance(kind, types.Array) else types.unliteral(kind)) for kind in typed]
    for vector in vectors:
        if all(np.can_cast(dtype, vector.dtype) for dtype in dtypes):
            return vector
    raise NumbaTypeError(f"{name}: expected what can be cast to {_dtypes(vectors)}, got {_and(given)}")


def _and(kinds: Sequence[Any]) -> str:
    return " and ".join(map(str, kinds))


def _dtypes(vectors: Sequence[VectorType]) -> str:
    return ", ".join(vector.dtype.name for vector in vectors)


def _lanes(kind: Any, value: Any) -> Any:
    """Vector as it is, or one with a number in every lane."""
    raise NotImplementedError


@overload(_lanes)
def _lanes_overload(kind, value):
    return (lambda kind, value: value) if isinstance(value, SimdVector) else (lambda kind, value: splat(kind, value))


def _on_vectors(kernel: Any, vector: VectorType, inputs: int) -> Any:
    """Return what an overload does with vectors, or numbers beside one."""
    if inputs == 1:
        return lambda *args: kernel(args[0])
    if inputs == 2:
        return lambda *args: kernel(_lanes(vector, args[0]), _lanes(vector, args[1]))
    return lambda *args: kernel(_lanes(vector, args[0]), _lanes(vector, args[1]), _lanes(vector, args[2]))


def _on_numbers(kernel: Any, vector: VectorType, inputs: int) -> Any:
    """Return the jitted function of a tuple of numbers."""
    one = vector.with_lanes(1)
    try:
        result_of(kernel, one, inputs)
    except (TypeError, TypingError):
        one = vector  # as many lanes as those of another type in the function
    if inputs == 1:
        return jit(lambda given: first_lane(kernel(splat(one, given[0]))))
    if inputs == 2:
        return jit(lambda given: first_lane(kernel(splat(one, given[0]), splat(one, given[1]))))
    return jit(lambda given: first_lane(kernel(splat(one, given[0]), splat(one, given[1]), splat(one, given[2]))))


def _item(value: Any, index: Any) -> Any:
    """Item of an array; a number is the item everywhere."""
    raise NotImplementedError


@overload(_item)
def _item_overload(value, index):
    if isinstance(value, types.Array):
        return lambda value, index: value[index]
    return lambda value, index: value


def _length(value: Any, axis: Any) -> Any:
    """Length of an array along an axis; -1 for a number."""
    raise NotImplementedError


@overload(_length)
def _length_overload(value, axis):
    if isinstance(value, types.Array):
        return lambda value, axis: value.shape[axis]
    return lambda value, axis: -1


def _fill(scalar: Any, inputs: int) -> Any:
    """Return the jitted ``(inputs, out)`` that computes item by item."""
    if inputs == 1:
        items = jit(lambda given, i: (_item(given[0], i),))
    elif inputs == 2:
        items = jit(lambda given, i: (_item(given[0], i), _item(given[1], i)))
    else:
        items = jit(lambda given, i: (_item(given[0], i), _item(given[1], i), _item(given[2], i)))

    @jit
    def fill(given: Any, out: Any) -> Any:
        for i in np.ndindex(out.shape):
            out[i] = scalar(items(given, i))

    return fill


def _fill_together(kernel: Any, vector: VectorType, inputs: int, out: Any, fast: Any) -> Any:
    """Return the jitted ``(inputs, out)`` for contiguous arrays: the loop that the ufunc has."""
    run = fast or side_by_side(kernel, vector, [BESIDE] * inputs, numpy_dtype(out).itemsize)
    if inputs == 1:
        addresses = jit(lambda given: (address_of(given[0]),))
    elif inputs == 2:
        addresses = jit(lambda given: (address_of(given[0]), address_of(given[1])))
    else:
        addresses = jit(lambda given: (address_of(given[0]), address_of(given[1]), address_of(given[2])))

    @jit
    def fill(given: Any, out: Any) -> Any:
        run(addresses(given), address_of(out), out.size, 0)

    return fill


def _checked_shapes(name: str, inputs: int) -> Any:
    """Return the jitted ``(inputs, out)`` that raises a ValueError if an input has not the output's shape."""
    message = f"{name}: expected arrays of one shape"

    @jit
    def check(value: Any, out: Any) -> Any:
        for axis in range(out.ndim):
            length = _length(value, axis)
            if length != -1 and length != out.shape[axis]:
                raise ValueError(message)

    if inputs == 1:
        return jit(lambda given, out: check(given[0], out))
    if inputs == 2:
        return jit(lambda given, out: (check(given[0], out), check(given[1], out)))
    return jit(lambda given, out: (check(given[0], out), check(given[1], out), check(given[2], out)))


def _into(check: Any, fill: Any) -> Any:
    def into(*args):
        check(args[:-1], args[-1])
        fill(args[:-1], args[-1])
        return args[-1]

    return into


def _into_new(check: Any, fill: Any, dtype: Any, first: int) -> Any:
    def into_new(*args):
        out = np.empty(args[first].shape, dtype)
        check(args, out)
        fill(args, out)
        return out

    return into_new
