"""Where jitkit keeps files between runs."""

import os
import sys
from contextlib import suppress
from pathlib import Path


def cache_directory() -> Path:
    """The directory for compiled code; it need not exist, and asking for it creates nothing.

    Returns
    -------
    Path
        ``$JITKIT_CACHE_DIR`` if set, else ``jitkit`` in the platform's cache directory of the user: ``$XDG_CACHE_HOME``
        or ``~/.cache`` on Linux, ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows. For a user without a
        home, ``jitkit-UID`` in the directory for temporary files.

    Notes
    -----
    The XDG Base Directory Specification 0.8 has a relative ``$XDG_CACHE_HOME`` ignored.
    """
    if chosen := os.environ.get("JITKIT_CACHE_DIR"):
        return Path(os.path.expanduser(chosen)).absolute()
    return user_cache_directory()


def user_cache_directory() -> Path:
    """The same, whatever ``$JITKIT_CACHE_DIR`` says."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        if not os.path.isabs(base):
            base = os.path.expanduser("~/.cache")
    if not os.path.isabs(base):  # expanduser leaves the ~ where it finds no home, as for a container's unnamed user
        # Whoever stores code there must check that the directory is the user's own: others can make it first.
        user = os.getuid() if hasattr(os, "getuid") else os.getpid()
        return Path(os.environ.get("TMPDIR") or "/tmp").absolute() / f"jitkit-{user}"
    return Path(base) / "jitkit"


def directory_size(directory: Path) -> int:
    """Bytes of all files below a directory; 0 if it does not exist. What vanishes or may not be read counts as 0."""
    size = 0
    for folder, _, files in os.walk(directory):
        for name in files:
            with suppress(OSError):
                size += os.lstat(os.path.join(folder, name)).st_size
    return size


def is_writable(directory: Path) -> bool:
    """Whether files could be stored in a directory, which may still have to be made."""
    # os.path.exists is False, and Path.exists raises, below a directory that may not be entered.
    nearest = next((path for path in (directory, *directory.parents) if os.path.exists(path)), directory)
    return os.path.isdir(nearest) and os.access(nearest, os.W_OK | os.X_OK)
