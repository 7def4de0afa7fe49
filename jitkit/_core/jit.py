"""The one decorator of the house: every compiled function of jitkit, and of its users, is made here."""

from collections.abc import Callable
from typing import Any

import numba

from jitkit._core import numba_cache
from jitkit.errors import JitkitError

HOUSE_OPTIONS = {"nogil": True, "error_model": "numpy"}


def jit(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Compile a function with `numba.njit`, the house options, and a disk cache that is never stale.

    The house options are ``nogil=True`` (other threads run meanwhile) and ``error_model="numpy"`` (a division by zero
    gives inf or nan instead of a check in every loop).

    Parameters
    ----------
    function : callable
        What to compile; compilation happens at the first call, for the types of its arguments.
    **options
        Any option of `numba.njit`; they override the house options. Numba's own ``cache`` is replaced by jitkit's.

    Returns
    -------
    numba Dispatcher
        With ``py_func``, ``signatures``, ``inspect_asm`` and the rest of numba's interface.

    Raises
    ------
    TypeError
        If `function` is not callable.

    Warns
    -----
    RuntimeWarning
        When a kernel is compiled that cannot be kept, with the reason, once; and if numba's version is unknown.

    Notes
    -----
    A new process finds compiled kernels in `jitkit.cache.directory`, as long as nothing that they are made of has
    changed; see `jitkit.cache.explain`. With ``cache=False`` there is no cache.

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
    if function is None:
        return lambda function: jit(function, **options)
    if not callable(function):
        raise TypeError(f"expected a function, got {type(function).__name__}: types are taken from the first call")
    kept = options.pop("cache", True)
    dispatcher = numba.njit(**{**HOUSE_OPTIONS, **options})(function)
    if kept and not numba.config.DISABLE_JIT:  # with which numba gives the function back as it is
        numba_cache.attach(dispatcher)
    return dispatcher


def require_compiler() -> None:
    """Raise a JitkitError where numba is told not to compile: kernels that touch raw memory exist only compiled."""
    if numba.config.DISABLE_JIT:
        raise JitkitError("expected numba to compile, got NUMBA_DISABLE_JIT=1: jitkit works in compiled code only")
