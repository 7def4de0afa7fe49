"""The one decorator of the house: every compiled function of jitkit, and of its users, is made here."""

from collections.abc import Callable
from typing import Any

import numba

from jitkit.errors import JitkitError

HOUSE_OPTIONS = {"nogil": True, "error_model": "numpy"}


def jit(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Compile a function with `numba.njit` and the house options.

    The house options are ``nogil=True`` (other threads run meanwhile) and ``error_model="numpy"`` (a division by zero
    gives inf or nan instead of a check in every loop).

    Parameters
    ----------
    function : callable
        What to compile; compilation happens at the first call, for the types of its arguments.
    **options
        Any option of `numba.njit`; they override the house options.

    Returns
    -------
    numba Dispatcher
        With ``py_func``, ``signatures``, ``inspect_asm`` and the rest of numba's interface.

    Raises
    ------
    TypeError
        If `function` is not callable, or for the option ``cache``: numba's disk cache returns stale code, and
        jitkit has none of its own yet.

    Examples
    --------
    >>> import jitkit as jk
    >>> @jk.jit
    ... def total(x):
    ...     s = 0.0
    ...     for value in x:
    ...         s += value
    ...     return s
    """
    if "cache" in options:
        raise TypeError(
            "expected options of numba.njit other than cache, got cache: jk.jit compiles without a disk cache"
        )
    if function is None:
        return lambda function: jit(function, **options)
    if not callable(function):
        raise TypeError(f"expected a function, got {type(function).__name__}: types are taken from the first call")
    return numba.njit(**{**HOUSE_OPTIONS, **options})(function)


def compiled(dispatcher: Any, *signature: Any) -> Any:
    """Compile a function for these numba types, and return what runs it without looking at its arguments first.

    A call costs 0.3 us less than one of the dispatcher. The caller answers for the types of the arguments; whether an
    array may be written to is not looked at.
    """
    dispatcher.compile(signature)
    return dispatcher.overloads[signature].entry_point


def require_compiler() -> None:
    """Raise a JitkitError where numba is told not to compile: kernels that touch raw memory exist only compiled."""
    if numba.config.DISABLE_JIT:
        raise JitkitError("expected numba to compile, got NUMBA_DISABLE_JIT=1: jitkit works in compiled code only")
