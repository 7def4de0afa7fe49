"""Numba gets to know rings once both it and this room are loaded, whichever comes first."""

from __future__ import annotations

import sys


def introduce() -> None:
    """Tell numba of rings, if it is loaded: else it asks before its first compilation."""
    if "numba" in sys.modules and "jitkit.ring._typing" not in sys.modules:
        from jitkit._core.numba_values import refresh
        from jitkit.ring import _typing  # noqa: F401

        refresh()  # numba may be in the middle of a compilation, in which somebody has named a ring for the first time
