"""Loaded last of this room: where numba is there already, it gets to know all of it."""

from jitkit.ring._introduction import introduce

introduce()
