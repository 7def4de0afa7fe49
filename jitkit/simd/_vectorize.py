"""From a function of vectors to a genuine `numpy.ufunc`."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from jitkit._core import hooks
from jitkit.simd._kinds import VectorType, native

if TYPE_CHECKING:
    from jitkit._core.ufunc import Loop

MOST_INPUTS = 3
POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def vectorize(*dtypes: DTypeLike) -> Callable[[Callable[..., Any]], np.ufunc]:
    """Make a `numpy.ufunc` of a function that works on vectors.

    Parameters
    ----------
    *dtypes : dtype-like
        What vectors the function is compiled for, each as wide as the processor has them. NumPy takes the first that
        an input can be cast to safely.

    Returns
    -------
    decorator
        Of a function ``(a)``, ``(a, b)`` or ``(a, b, c)`` of vectors of one type. It gives a vector of as many lanes,
        of any dtype, or a mask, which becomes an array of bool. What it gives is a `numpy.ufunc`, with broadcasting,
        `out=`, `where=` and casting; inside kernels it takes numbers, vectors and arrays of one shape.

    Raises
    ------
    TypeError
        If a dtype is none that vectors have, or the function takes or gives something else.

    Notes
    -----
    The function is compiled when it is decorated, or loaded from the cache. It should treat each lane by itself: how
    items are put into lanes is not defined.

    Examples
    --------
    >>> import numpy as np
    >>> from jitkit import simd
    >>> @simd.vectorize(np.float32, np.float64)
    ... def rsqrt(v):
    ...     return 1.0 / simd.sqrt(v)
    >>> rsqrt(np.array([4.0, 16.0]))
    array([0.5 , 0.25])
    """
    if not dtypes:
        raise TypeError("simd.vectorize: expected the dtypes to compile for, as in @simd.vectorize(np.float32)")
    if len(dtypes) == 1 and callable(dtypes[0]) and not isinstance(dtypes[0], type):
        raise TypeError("simd.vectorize: expected dtypes first, as in @simd.vectorize(np.float32), got a function")
    vectors = [native(dtype) for dtype in dtypes]

    def decorate(function: Callable[..., Any]) -> np.ufunc:
        if not callable(function):
            raise TypeError(f"simd.vectorize: expected a function of vectors, got {type(function).__name__}")
        count = _inputs_of(function)
        from jitkit._core.jit import jit, require_compiler  # here: importing this room loads no LLVM
        from jitkit._core.ufunc import new_ufunc
        from jitkit.simd import _ufunc_typing  # loads numba

        require_compiler()
        kernel = function if hasattr(function, "py_func") else jit(function)
        plain = kernel.py_func
        loops = [_loop(kernel, vector, count, i) for i, vector in enumerate(vectors)]
        made = new_ufunc(plain.__name__, plain.__doc__ or "", plain.__module__, loops)
        _ufunc_typing.register(made, kernel, vectors)
        return made

    return decorate


def _inputs_of(function: Callable[..., Any]) -> int:
    """Number of inputs of a function."""
    parameters = signature(getattr(function, "py_func", function)).parameters.values()
    if not 1 <= len(parameters) <= MOST_INPUTS or any(parameter.kind not in POSITIONAL for parameter in parameters):
        told = ", ".join(map(str, parameters))
        raise TypeError(f"simd.vectorize: expected a function of 1 to {MOST_INPUTS} vectors, got ({told})")
    return len(parameters)


def _loop(kernel: Any, vector: VectorType, inputs: int, number: int) -> Loop:
    """Machine code of one loop, from the cache if it is there."""
    from jitkit._core.ufunc import Loop

    symbol = f"jitkit_ufunc_{number}"
    objects = hooks.objects()
    key = objects.function_key(kernel, symbol, vector.name)
    data = None if key is None else objects.find(key)
    if data is None:
        data = _compiled(kernel, vector, inputs, symbol)
        if key is not None:
            objects.keep(key, kernel.py_func.__qualname__, data)
    out, _, code = data.partition(b"\0")
    return Loop(vector.dtype.char * inputs + out.decode(), symbol, code)


def _compiled(kernel: Any, vector: VectorType, inputs: int, symbol: str) -> bytes:
    """Letter of the result's dtype, and an object file."""
    from jitkit._core.c_interface import c_function
    from jitkit.simd._loops import make_loop
    from jitkit.simd._ufunc_typing import result_of

    out = result_of(kernel, vector, inputs)
    loop = make_loop(kernel, vector, inputs, out.itemsize)
    made = c_function(loop, "(intp, intp, intp, intp)", symbol)
    if raised := [text for status, text in made.errors.items() if status > 0]:
        raise TypeError(f"simd.vectorize: expected a function that raises nothing, got {', '.join(raised)}")
    return bytes(out.char.encode() + b"\0" + made.code)
