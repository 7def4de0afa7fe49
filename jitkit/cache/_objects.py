"""Machine code that needs no numba to be loaded: object files, found by all that they were made from."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from jitkit.cache._environment import SETTINGS, environment, versions
from jitkit.cache._place import store

SETTING_NAMES = [f"NUMBA_{name}" for name in SETTINGS]

PREFIX = "jitkit object 1"  # raise the number when what is kept changes


def key_of(*parts: str) -> str:
    """Key of an object that is made from nothing but these texts."""
    return hashlib.sha256("\0".join((PREFIX, *parts)).encode()).hexdigest()


def kernel_key(*parts: str) -> str:
    """Key of an object that is made from a function of jitkit's own, found without loading numba.

    Digests of all of jitkit's sources, versions, and the settings that the environment has for numba stand in for a
    fingerprint, which would need numba: it changes more often than it must, and never too rarely.
    """
    settings = [f"{name}={os.environ[name]}" for name in SETTING_NAMES if name in os.environ]
    with suppress(OSError):  # numba reads its settings from here, too
        settings.append(Path(".numba_config.yaml").read_text(encoding="utf-8", errors="replace"))
    return key_of(*parts, *versions().values(), *settings)


def function_key(dispatcher: Any, *parts: str) -> str | None:
    """Key of an object that is made from a function of the user's; None if its changes would go unnoticed."""
    from jitkit.cache._fingerprint import CannotFingerprintError, fingerprint  # loads numba

    try:
        return kernel_key(fingerprint(dispatcher).digest, *parts, *environment().values())
    except CannotFingerprintError:
        return None  # numba's door refuses the function itself, and says why


def find(key: str) -> bytes | None:
    """Return the object file of a key, or None."""
    entry = store().get(key)
    return None if entry is None else bytes(entry.payload)


def keep(key: str, name: str, data: bytes) -> None:
    """Keep an object file for the next process."""
    store().put(key, {"object": name}, data)
