"""Numba gets to know rings once both it and this room are loaded, whichever comes first."""

from __future__ import annotations

import sys


def introduce() -> None:
    """Tell numba of rings, if it is loaded: else it asks before its first compilation."""
    if "numba" in sys.modules:
        from jitkit.ring import _typing  # noqa: F401
