"""Lock files: what one process holds, others wait for; a process that is killed holds nothing."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from jitkit.cache._files import SAFELY, make_directory, remove

try:
    import fcntl
except ImportError:  # Windows
    THERE_ARE_LOCKS = False
else:
    THERE_ARE_LOCKS = True

LONGEST_PAUSE = 0.05  # seconds between two looks at a lock that another process holds

_held: dict[Path, list[int]] = {}  # lock files of this process: descriptor, and how many blocks hold it
_held_mutex = threading.Lock()  # for a moment only, never while waiting


def lock(path: Path, wait: float) -> bool:
    """Wait for a lock, for a number of seconds at most; False without it."""
    make_directory(path.parent)
    deadline, pause = time.monotonic() + wait, 0.001
    while not (held := _try_lock(path)) and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)
    return held


def _try_lock(path: Path) -> bool:
    with _held_mutex:
        if path not in _held:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | SAFELY, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(descriptor, path):  # or its holder removed it between our two steps
                    _held[path] = [descriptor, 0]
            except BlockingIOError:
                return False
            finally:
                if path not in _held:
                    os.close(descriptor)
        if path in _held:
            _held[path][1] += 1
        return path in _held


def unlock(path: Path) -> None:
    """Leave a lock."""
    with _held_mutex:
        if path not in _held:  # in the child of a fork within a block
            return
        _held[path][1] -= 1
        if _held[path][1] == 0:
            descriptor = _held.pop(path)[0]
            if _is_at(descriptor, path):
                remove(path)  # while it is held; who waits for it finds that it is no longer there, and makes another
            os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether others who open the path get the same file."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    return False


def _forget_locks() -> None:
    """Close the locks that a child got with the fork: it would hold them on when its parent is killed."""
    global _held_mutex
    _held_mutex = threading.Lock()
    while _held:
        os.close(_held.popitem()[1][0])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)
