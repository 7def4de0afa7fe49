"""Channels between processes: a block in shared memory that has a name, and a lease for each end."""

from __future__ import annotations

import ast
import hashlib
import os
import secrets
import time
from contextlib import suppress
from typing import Any

import numpy as np

from jitkit._core import shared_memory
from jitkit._core.mapping import PAGE
from jitkit.errors import CapacityError, JitkitError, LayoutError
from jitkit.ring import _lease
from jitkit.ring._block import (
    CACHED_HEAD,
    CACHED_TAIL,
    CAPACITY,
    CLOSED,
    CONSUMER_BUSY,
    FAMILIES,
    FAMILY,
    GONE,
    HEAD,
    HEADER_NBYTES,
    IDENTITY,
    ITEMSIZE,
    MAGIC,
    NONCE,
    PEEKED,
    POLICIES,
    POLICY,
    PRODUCER_BUSY,
    RESERVED,
    SLOTS,
    check_capacity,
    check_policy,
    round_up,
    words_of,
    write_header,
)
from jitkit.ring._channel import POLICIES as CHANNEL_POLICIES
from jitkit.ring._consumer import Consumer
from jitkit.ring._elements import Element, element_of, problem_with
from jitkit.ring._end import End
from jitkit.ring._introduction import introduce
from jitkit.ring._object import living
from jitkit.ring._producer import Producer

# Behind the header: who has which end, in cache lines of their own, and what an element is.
LEASES = {"producer": HEADER_NBYTES, "consumer": HEADER_NBYTES + 128}
TEXT_NBYTES, TEXT = HEADER_NBYTES + 256, HEADER_NBYTES + 264
PATIENCE = 1.0  # s: to write a header takes some microseconds, but whoever does may have to wait for a processor
ENDS: dict[str, type[End]] = {"producer": Producer, "consumer": Consumer}


def create_shared(name: str, dtype: Any, capacity: int, policy: str = "reject") -> Producer:
    """Make a channel between processes, and take the end of its producer.

    Parameters
    ----------
    name : str
        Of the shared memory: up to 253 bytes, without slashes.
    dtype, capacity, policy
        As for `channel`.

    Returns
    -------
    Producer
        With `unlink`, and ``consumer_alive``.

    Raises
    ------
    FileExistsError
        If the name is taken.
    CapacityError, LayoutError, ValueError
        As for `channel`.
    OSError
        If there is no shared memory on this system, or not enough.

    Notes
    -----
    The name lasts until both ends are closed, or `unlink` is called; memory lasts until nobody has it mapped. A process
    that ends without closing leaves its end to the next one: see `attach_shared`.

    A killed producer loses only what it had not published yet: the next one goes on there, at its `position`. A killed
    consumer loses what it had taken out; what it had only peeked at, and not yet released, is delivered again. A power
    failure loses all.
    """
    element = element_of(dtype, "create_shared")
    number = check_capacity(capacity, f"create_shared({element})")
    check_policy(policy, "create_shared", CHANNEL_POLICIES)
    text = _described(element)
    slots = round_up(TEXT + len(text), PAGE)
    nbytes = slots + round_up(number * element.dtype.itemsize, PAGE)
    _lease.load_code()  # or those who attach would wait for it
    try:
        mapping = shared_memory.create(name, nbytes)
    except FileExistsError as error:
        raise FileExistsError(error.errno, f"{error.strerror}{_state_of(name)}") from None
    memory = mapping.array()
    memory[TEXT_NBYTES:TEXT].view(np.uint64)[0] = len(text)
    memory[TEXT : TEXT + len(text)] = np.frombuffer(text, np.uint8)
    write_header(memory, slots, number, element.dtype.itemsize, policy, "channel")
    words_of(memory)[NONCE // 8] = secrets.randbits(64)
    producer: Producer = _end_over(memory, name, "producer", element, number, policy)
    _lease.replace(words_of(memory), 0, MAGIC)  # IDENTITY, the first word, says that all is there
    return producer


def attach_shared(name: str, dtype: Any = None, capacity: int | None = None, role: str = "consumer") -> Any:
    """Take an end of a channel that another process has made.

    Parameters
    ----------
    name : str
        As it was created.
    dtype, capacity : optional
        What is expected: others are an error. A record class is compared with all of its layout.
    role : "consumer" or "producer"
        The end to take. A producer takes over from one that has died: it goes on after the last element that was
        published.

    Returns
    -------
    Consumer or Producer

    Raises
    ------
    FileNotFoundError
        If there is no channel of that name.
    JitkitError
        If the end belongs to a process that is alive, or the memory is no channel, or of another version of jitkit.
    LayoutError, CapacityError
        If it has other elements, or another capacity.
    ValueError
        If its producer has closed it, and `role` is "producer".
    """
    if role not in ENDS:
        raise ValueError(f"expected role 'consumer' or 'producer', got {role!r} (attach_shared {name!r})")
    memory = shared_memory.attach(name, TEXT).array()
    _await_identity(memory)
    _check_identity(memory, name)
    element, text = _element_in(memory, name)
    words = words_of(memory)
    found, policy = int(words[CAPACITY // 8]), POLICIES[int(words[POLICY // 8])]
    if dtype is not None:
        element = _compared(element_of(dtype, "attach_shared"), element, text, name)
    if capacity is not None and check_capacity(capacity, "attach_shared") != found:
        raise CapacityError(f"expected capacity={capacity}, got {found} in the shared ring {name!r}")
    if role == "producer" and words[CLOSED // 8]:
        raise ValueError(f"expected an open channel, got {name!r}, whose producer has closed it")
    return _end_over(memory, name, role, element, found, policy)


def unlink_shared(name: str) -> None:
    """Take the name from a channel's memory: those who have an end go on, and nobody else comes.

    Raises
    ------
    FileNotFoundError
        If there is none of that name.
    """
    shared_memory.unlink(name)


def _end_over(memory: np.ndarray[Any, Any], name: str, role: str, element: Element, capacity: int, policy: str) -> Any:
    lease = Lease(memory, role, name)
    words = words_of(memory)
    # What the last owner of this end was in the middle of, if it has died: nobody else looks at these words.
    if role == "producer":
        words[CACHED_HEAD // 8] = words[HEAD // 8]
        words[RESERVED // 8] = words[PRODUCER_BUSY // 8] = 0
    else:
        words[CACHED_TAIL // 8] = words[HEAD // 8]
        words[PEEKED // 8] = words[CONSUMER_BUSY // 8] = words[GONE // 8] = 0
    end: End = ENDS[role].__new__(ENDS[role])
    end._set_up(memory, element, capacity, policy)
    end._lease = lease
    introduce()
    return end


class Lease:
    """An end of a channel between processes, which belongs to this one."""

    def __init__(self, memory: np.ndarray[Any, Any], role: str, name: str) -> None:
        self._memory, self._role, self.name = memory, role, name
        self._process, self.is_over = os.getpid(), False
        self._epoch = _lease.take(self._words(role), role, name)

    def _words(self, role: str) -> np.ndarray[Any, Any]:
        start = LEASES[role]
        return self._memory[start : start + 8 * _lease.WORDS].view(np.uint64)

    def require_own(self) -> None:
        """Raise a JitkitError where the end was closed, or in a forked process: it belongs to the one that took it."""
        if self.is_over:
            raise JitkitError(f"expected an open {self._role} of {self.name!r}, got one that was closed")
        if os.getpid() != self._process:
            raise JitkitError(
                f"expected the process {self._process}, to which the {self._role} of {self.name!r} belongs, got "
                f"{os.getpid()}, which was forked from it: attach there"
            )

    def other_is_alive(self) -> bool:
        """Whether a process that lives has the other end."""
        other = "consumer" if self._role == "producer" else "producer"
        return _lease.is_alive(self._words(other))

    def give_back(self) -> None:
        """Let others have the end; the name goes when both ends are closed."""
        words, self.is_over = words_of(self._memory), True
        _lease.give_back(self._words(self._role), self._epoch)
        if words[CLOSED // 8] and words[GONE // 8]:
            self.unlink()

    def unlink(self) -> None:
        """Take the name from the memory, if it still has it: another channel may have got it meanwhile."""
        with suppress(OSError, ValueError):
            named = shared_memory.attach(self.name, HEADER_NBYTES).array()
            if words_of(named)[NONCE // 8] == words_of(self._memory)[NONCE // 8]:
                shared_memory.unlink(self.name)


def _disown() -> None:
    """Let no end be used in a forked process by the short way, which asks nobody."""
    for end in list(living.values()):
        if getattr(end, "_lease", None) is not None:
            end._push_kernel = end._pop_kernel = end._extend_kernel = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown)


def _described(element: Element) -> bytes:
    """Text that says what an element is."""
    layout = hashlib.sha256(str(element.record).encode()).hexdigest() if element.record is not None else ""
    return repr((_plain(element.dtype), element.raw, layout)).encode()


def _plain(dtype: np.dtype[Any]) -> Any:
    """Return what `numpy.dtype` makes the same dtype of, in text, tuples and dicts."""
    if dtype.subdtype is not None:
        return _plain(dtype.base), dtype.shape
    if dtype.names is None:
        return dtype.str
    fields = [dtype.fields[name] for name in dtype.names]  # type: ignore[index]
    return {
        "names": list(dtype.names),
        "formats": [_plain(field[0]) for field in fields],
        "offsets": [int(field[1]) for field in fields],
        "itemsize": dtype.itemsize,
        "aligned": dtype.isalignedstruct,
    }


def _element_in(memory: np.ndarray[Any, Any], name: str) -> tuple[Element, bytes]:
    """Element that a block says it has, and the text by which it says so."""
    size = int(memory[TEXT_NBYTES:TEXT].view(np.uint64)[0])
    text = memory[TEXT : TEXT + min(size, memory.size)].tobytes()
    try:
        described, raw, _ = ast.literal_eval(text.decode())
        dtype = np.dtype(described)
        sound = problem_with(dtype) is None and dtype.itemsize == int(words_of(memory)[ITEMSIZE // 8])
    except Exception:  # whatever a text may do to NumPy that anybody has written
        sound = False
    if not sound:
        raise JitkitError(f"expected the shared ring {name!r} to say what its elements are, got {text[:60]!r}")
    return Element(dtype, raw=bool(raw)), text


def _compared(wanted: Element, found: Element, text: bytes, name: str) -> Element:
    if wanted != found:
        raise LayoutError(f"expected elements of {wanted.dtype}, got {found.dtype} in the shared ring {name!r}")
    layout, theirs = (ast.literal_eval(one.decode())[2] for one in (_described(wanted), text))
    if layout and theirs and layout != theirs:
        raise LayoutError(
            f"expected records of {wanted}, got such of another layout in the shared ring {name!r}: they have the same "
            "size, but other fields"
        )
    return wanted


def _await_identity(memory: np.ndarray[Any, Any]) -> None:
    """Give whoever makes a channel just now the time to finish."""
    words, until = words_of(memory), time.monotonic() + PATIENCE
    while not _lease.replace(words, MAGIC, MAGIC) and not words[IDENTITY // 8] and time.monotonic() < until:
        time.sleep(0.001)


def _check_identity(memory: np.ndarray[Any, Any], name: str) -> None:
    """Raise a JitkitError if memory is not a channel that this version can use."""
    words = words_of(memory)
    identity = int(words[IDENTITY // 8])
    if identity != MAGIC:
        ours, theirs = MAGIC.to_bytes(8, "little"), identity.to_bytes(8, "little")
        if identity == 0:
            problem = "one that nobody has finished making: if its maker has died, unlink_shared takes the name away"
        elif theirs[:7] == ours[:7]:
            problem = f"layout version {theirs[7]}"
        else:
            problem = "other memory"
        raise JitkitError(f"expected a shared ring of layout version {ours[7]}, got {problem} ({name!r})")
    capacity, itemsize, slots = (int(words[place // 8]) for place in (CAPACITY, ITEMSIZE, SLOTS))
    sound = 0 < capacity == 1 << (capacity.bit_length() - 1) and itemsize > 0 and slots >= TEXT
    sound = sound and int(words[POLICY // 8]) < len(POLICIES) and int(words[FAMILY // 8]) == FAMILIES.index("channel")
    if not sound or slots + capacity * itemsize > memory.size:
        raise JitkitError(f"expected a shared ring, got {name!r}, whose header is damaged")


def _state_of(name: str) -> str:
    """Say what is behind a name that is taken."""
    try:
        memory = shared_memory.attach(name, TEXT).array()
        _check_identity(memory, name)
    except (OSError, ValueError, JitkitError):
        return ""
    start = LEASES["producer"]
    if _lease.is_alive(memory[start : start + 8 * _lease.WORDS].view(np.uint64)):
        return ": its producer lives"
    return ": its producer is gone; attach_shared(..., role='producer') goes on, unlink_shared takes the name away"
