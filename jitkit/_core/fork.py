"""What keeps a process from being forked in the middle of a compilation."""

import os
import threading

# Held by whoever compiles with LLVM, or loads it. A process forks only when no other thread holds it: the child would
# find LLVM's own locks taken, by threads that it has not got. Nobody may hold it while numba works: that takes locks
# which others, like `logging`, also hold while a process forks.
compiling = threading.RLock()
LONGEST_WAIT = 10.0  # seconds that a fork waits: too early is better than never

_held = threading.local()


def _wait() -> None:
    _held.by_fork = compiling.acquire(timeout=LONGEST_WAIT)


def _go_on() -> None:
    if _held.by_fork:
        compiling.release()


if hasattr(os, "register_at_fork"):
    forget = compiling._at_fork_reinit  # type: ignore[attr-defined]
    os.register_at_fork(before=_wait, after_in_parent=_go_on, after_in_child=forget)
