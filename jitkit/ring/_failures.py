"""What kernels that never raise return where they fail, instead of a count: a negative number for each error."""

from __future__ import annotations

from jitkit.ring._messages import ENDED, NO_SAMPLES, NOBODY, OWN_MEMORY, TOO_LONG

OVERLAPS, IS_CLOSED, HAS_NO_CONSUMER, MUST_WAIT, ASKS_TOO_MUCH, HAS_NO_SAMPLES = range(-1, -7, -1)

FAILURES: dict[int, tuple[type[Exception], str]] = {
    OVERLAPS: (ValueError, OWN_MEMORY),
    IS_CLOSED: (ValueError, ENDED),
    HAS_NO_CONSUMER: (BrokenPipeError, NOBODY),
    MUST_WAIT: (BlockingIOError, "expected room"),  # only Python's calls fail so: it waits by itself
    ASKS_TOO_MUCH: (ValueError, TOO_LONG),
    HAS_NO_SAMPLES: (ValueError, NO_SAMPLES),
}
