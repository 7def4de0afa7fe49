"""One runnable file per part of jitkit: `jitkit demo` times them all, and each has a story of its own."""

from jitkit.demos._runner import run

__all__ = ["run"]
