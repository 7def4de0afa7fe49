"""The one store of a process."""

from __future__ import annotations

import os
from functools import cache

from jitkit._core import paths
from jitkit.cache._store import Store

MAX_BYTES = 512 << 20


def store() -> Store:
    """Return the store of the directory that the environment names now."""
    return _store(os.environ.get("JITKIT_CACHE_DIR"), os.environ.get("JITKIT_CACHE_KEY"))


@cache
def _store(_: str | None, secret: str | None) -> Store:
    return Store(
        paths.cache_directory(),
        fallback=paths.user_cache_directory(),
        max_bytes=MAX_BYTES,
        key=secret.encode() if secret else None,
    )
