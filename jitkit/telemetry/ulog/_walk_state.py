"""Numbers by which the kernel of `_walk` and Python tell each other things. Loads no numba."""

from __future__ import annotations

ID = 2  # bytes of the id that a message of data begins with

# Words of a walk's state; the last ones are the highest id of records, and how many there are of ids not yet known.
POSITION, MESSAGES, OTHERS, HIGHEST, UNKNOWN = range(5)
STATE_WORDS = 5

# Why a walk has stopped.
AT_END, IS_FULL, IS_CUT, IS_WRONG, HAS_HIGH_ID = range(5)
