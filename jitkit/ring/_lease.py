"""Who has one end of a shared ring: a process that lives. Its death gives that end back.

All of it is one word, which is taken by one atomic instruction. So there is no state between free and taken that a
process could be killed in, and no lock that it could take along; nor is a file descriptor needed, nor Linux.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import Any

import numpy as np

from jitkit._core.native import kernel
from jitkit.errors import JitkitError

# Words of a lease. The owner changes by `replace` only, and is 0 while nobody is. It is, from the high bits on:
#   22 bits  the process's id, as its own pid namespace counts: Linux goes to 2**22 (proc(5), pid_max)
#   20 bits  that namespace, by its inode. Linux gives out the lowest number that is free: two that are alive differ in
#            these bits, unless there are a million. 0 where there are no namespaces
#   22 bits  when the process started, in ticks since the machine did: a later process of the same id is taken for it if
#            both started a multiple of 11.6 hours apart, to the tick. 0 where that is not known
OWNER = 0
EPOCH = 1  # how often the lease was taken: written by the owner only
WORDS = 2
ID_BITS, NAMESPACE_BITS, START_BITS = 22, 20, 22

Words = np.ndarray[Any, np.dtype[np.uint64]]


def take(words: Words, role: str, name: str) -> int:
    """Take a lease that nobody has, or whose owner is dead.

    Parameters
    ----------
    words : (>= 2,) uint64
        In shared memory; zeros at first.
    role : str
        Of the end, as in ``"producer"``: for the message.
    name : str
        Of the ring, for the message.

    Returns
    -------
    int
        The lease's epoch: how often it was taken, so a number that nobody got before.

    Raises
    ------
    JitkitError
        If its owner is alive, or may be: of processes in another pid namespace (another container), nobody can tell.

    Notes
    -----
    A process that executes another program stays alive, and keeps what it took. Where there is no ``/proc``, a zombie
    and a later process of the same id count as alive, too.
    """
    while True:
        owner = int(words[OWNER])
        if owner and (found := _alive(owner)):
            raise JitkitError(f"expected no other {role} of {name!r}, got one that {found}")
        # Whoever is dead stays so. If another process has come first, it is now that one's turn to be looked at.
        if replace(words, owner, _self()):
            words[EPOCH] += np.uint64(1)
            return int(words[EPOCH])


def is_alive(words: Words) -> bool:
    """Whether somebody has the lease who is alive, or may be."""
    owner = int(words[OWNER])
    return owner != 0 and _alive(owner) is not None


def give_back(words: Words, epoch: int) -> bool:
    """Give back what this process took; False if it is not the owner: a forked one, or a lease taken again since."""
    return int(words[EPOCH]) == epoch and replace(words, _self(), 0)


def _alive(owner: int) -> str | None:
    """Say in words that an owner is alive; None if it is dead."""
    here = _self()
    process, namespace, start = _parts(owner)
    if owner == here:
        return f"lives: this process ({process})"
    if namespace != _parts(here)[1]:
        return f"may live: process {process} of another pid namespace, which cannot be seen from this one"
    state = _state(process)
    if state is None:  # there is no /proc, it hides what is others', or the process is gone
        return f"lives: process {process}" if _exists(process) else None
    letter, threads, started = state
    if start and started != start:
        return None  # its id has come to another one
    if letter in "ZX" and threads <= 1:  # with more, it is the first thread that has ended, and others may still write
        return None
    return f"lives: process {process}"


def _self() -> int:
    """Owner word of this process."""
    # Asked each time: a forked process is another one.
    process, namespace, start = os.getpid(), 0, 0
    with suppress(OSError):
        namespace = os.stat("/proc/self/ns/pid").st_ino % (1 << NAMESPACE_BITS)
    if state := _state(process):
        start = state[2]
    return (process << NAMESPACE_BITS | namespace) << START_BITS | start


def _parts(owner: int) -> tuple[int, int, int]:
    """Process, namespace and start."""
    place, start = divmod(owner, 1 << START_BITS)
    return *divmod(place, 1 << NAMESPACE_BITS), start


def _state(process: int) -> tuple[str, int, int] | None:
    """State of a process, number of its threads, and when it started, as far as a word has it; None if not known."""
    try:
        # A container can have another one's /proc: there, this process has another number.
        if os.readlink("/proc/self") != str(os.getpid()):
            return None
        with open(f"/proc/{process}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None
    # proc_pid_stat(5). The second field is a name in parentheses, which can have spaces and parentheses itself.
    fields = text.rpartition(b")")[2].split()  # from the third on
    return fields[0].decode(), int(fields[17]), int(fields[19]) % (1 << START_BITS)


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def load_code() -> Any:
    """Load the machine code that `replace` calls: what must not take long had better have it before."""
    return kernel("jitkit.ring._channel_calls:replace", ("int", "int", "int"), alone=True)


def replace(words: Words, old: int, new: int) -> bool:
    """Write the first word if it is still `old`, in one step; tell whether it was.

    All that was written before is there for whoever finds the word so, and asks by this function, too.
    """
    return bool(load_code()(words.ctypes.data, *(ctypes.c_int64(word).value for word in (old, new))))
