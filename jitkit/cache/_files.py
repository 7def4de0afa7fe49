"""Files of the cache: made for the user alone, and opened without following where others may lead."""

import os
from contextlib import suppress
from pathlib import Path

# Opening a pipe in an entry's place would wait for its writer without O_NONBLOCK.
SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def make_directory(directory: Path) -> None:
    """Make a directory and those above it that are missing, for the user alone."""
    if not directory.is_dir():
        if directory != directory.parent:
            make_directory(directory.parent)
        with suppress(FileExistsError):
            directory.mkdir(0o700)


def remove(path: Path) -> bool:
    """Remove a file, or an empty directory in its place."""
    for one in (os.unlink, os.rmdir):
        with suppress(OSError):
            one(path)
            return True
    return False
