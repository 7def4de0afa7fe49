"""The cache as a whole: where it is, what has happened, and how to make it smaller."""

from __future__ import annotations

import operator
from dataclasses import asdict, dataclass
from pathlib import Path

from jitkit.cache._keeper import SLOT, keeper


@dataclass(frozen=True)
class CacheStats:
    """What this process did with the cache, and how large the cache is.

    Attributes
    ----------
    hits, misses : int
        Signatures that were found, and that were not.
    compiles : int
        Signatures that numba compiled, kept or not.
    stores : int
        Entries that were written.
    refusals : int
        Signatures that cannot be kept; a warning said why.
    nbytes, entries : int
        Size of all entries on disk, and their number.
    """

    hits: int
    misses: int
    compiles: int
    stores: int
    refusals: int
    nbytes: int
    entries: int


def directory() -> Path:
    """Directory of the cache: ``$JITKIT_CACHE_DIR``, or ``jitkit`` in the user's cache directory; it need not exist."""
    return keeper.directory


def stats() -> CacheStats:
    """Return what this process did with the cache so far, and how large it is now."""
    sizes = [nbytes for key, nbytes in keeper.store.entries() if not key.startswith(SLOT)]
    return CacheStats(**asdict(keeper.counts), nbytes=sum(sizes), entries=len(sizes))


def clear() -> int:
    """Remove all entries; returns how many files that were. What is loaded stays loaded."""
    return keeper.store.clear()


def prune(max_bytes: int | None = None) -> tuple[int, int]:
    """Remove the entries that were not used for longest, until the cache has at most a size.

    Parameters
    ----------
    max_bytes : int, optional
        The size in bytes; 512 MiB if not given.

    Returns
    -------
    (int, int)
        Files that were removed, and bytes that are left.

    Raises
    ------
    ValueError
        If `max_bytes` is negative.
    """
    if max_bytes is not None and operator.index(max_bytes) < 0:
        raise ValueError(f"expected max_bytes of 0 or more, got {max_bytes}")
    return keeper.store.prune(max_bytes)
