"""Kernels found and kept: what numba's door (`_core.numba_cache`) asks for each signature that a process compiles."""

from __future__ import annotations

import hashlib
import json
import threading
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from jitkit.cache._changes import Change, changes_between
from jitkit.cache._environment import environment
from jitkit.cache._place import store
from jitkit.cache._store import Store

if TYPE_CHECKING:
    from jitkit.cache._fingerprint import Fingerprint

FORMAT = 2  # of keys and payloads: raise it when what is pickled changes
SLOT = "slot"  # what the keys of notes begin with: one note says what was last kept for a signature of a function


@dataclass
class Request:
    """One signature of a kernel that is looked for."""

    dispatcher: Any
    function: str  # "module:qualified name"
    signature: str
    key: str
    parts: Fingerprint
    environment: dict[str, str]
    payload: Any = None
    resources: ExitStack = field(default_factory=ExitStack)


@dataclass(frozen=True)
class Event:
    """What became of one signature in this process."""

    function: str
    signature: str
    outcome: str  # "hit", "compiled" or "refused"
    changes: tuple[Change, ...] = ()
    reason: str = ""


@dataclass
class Counts:
    """How often what happened in this process."""

    hits: int = 0
    misses: int = 0
    compiles: int = 0
    stores: int = 0
    refusals: int = 0


class KernelKeeper:
    """Finds and keeps compiled kernels; one for each process."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.events: WeakKeyDictionary[Any, list[Event]] = WeakKeyDictionary()  # by dispatcher
        self.listeners: list[Callable[[Any, tuple[Any, ...]], None]] = []
        self._refused: WeakSet[Any] = WeakSet()
        self._lock = threading.Lock()

    @property
    def store(self) -> Store:
        """Where kernels are kept."""
        return store()

    @property
    def directory(self) -> Path:
        """Directory of new entries."""
        return self.store.directory

    def find(self, dispatcher: Any, args: tuple[Any, ...], result: Any) -> Request | None:
        """Look for a signature of a kernel; see `_core.numba_cache.Keeper`."""
        from jitkit.cache._fingerprint import CannotFingerprintError  # loads numba, which here is loaded

        for listener in list(self.listeners):
            listener(dispatcher, args)
        try:
            request = self._request(dispatcher, args, result)
        except CannotFingerprintError as error:
            self._refuse(dispatcher, f"{error}, whose changes nobody could notice", " ".join(map(str, args)))
            return None
        entry = self.store.get(request.key)
        if entry is None and not request.parts.is_tied:  # or two processes that begin differently wait for each other
            # Other processes may want the same: the first one compiles, and the others find what it has kept.
            request.resources.enter_context(self.store.lock(request.key))
            entry = self.store.get(request.key)
        if entry is None:
            self._count("misses")
        else:
            request.payload = entry.payload
        return request

    def loaded(self, request: Request) -> None:
        """What was found is in use."""
        request.resources.close()
        self._count("hits")
        self._note(request, Event(request.function, request.signature, "hit"))

    def damaged(self, request: Request) -> None:
        """What was found could not be used: it will be compiled and kept anew."""
        self._count("misses")
        request.payload = None

    def keep(self, request: Request, payload: bytes) -> None:
        """Keep a compiled kernel, and what it was made of, for the next process."""
        with request.resources:
            header = {
                "function": request.function,
                "signature": request.signature,
                "parts": request.parts.to_dict(),
                "environment": request.environment,
            }
            changes = self._changes(request)
            if self.store.put(request.key, header, payload):
                self._count("stores")
                self.store.put(slot_of(request.function, request.signature), header | {"entry": request.key}, b"")
            self._note(request, Event(request.function, request.signature, "compiled", changes))

    def give_up(self, request: Request, why: str = "") -> None:
        """Nothing will be kept: the kernel did not compile, or its code means nothing to other processes."""
        request.resources.close()
        if why:
            self._refuse(request.dispatcher, why, request.signature)

    def pass_over(self, request: Request, why: str) -> None:
        """Nothing will be kept this time: another kernel keeps the code."""
        request.resources.close()
        self._note(request, Event(request.function, request.signature, "compiled", reason=why))

    def compiled(self) -> None:
        """Count a compilation."""
        self._count("compiles")

    def _request(self, dispatcher: Any, args: tuple[Any, ...], result: Any) -> Request:
        from jitkit.cache._fingerprint import fingerprint, signature_text

        function = dispatcher.py_func
        parts = fingerprint(dispatcher)
        signature = signature_text(args, result)
        shared = environment()
        key = key_of(parts.digest, signature, shared)
        name = f"{function.__module__}:{function.__qualname__}"
        return Request(dispatcher, name, signature, key, parts, shared)

    def _changes(self, request: Request) -> tuple[Change, ...]:
        """How what was last kept for the signature differs from what is wanted now."""
        note = self.store.get(slot_of(request.function, request.signature))
        return () if note is None else changes_between(note.header, request.parts.to_dict(), request.environment)

    def _note(self, request: Request, event: Event) -> None:
        with self._lock:
            self.events.setdefault(request.dispatcher, []).append(event)

    def _refuse(self, dispatcher: Any, why: str, signature: str) -> None:
        name = f"{dispatcher.py_func.__module__}:{dispatcher.py_func.__qualname__}"
        self._count("refusals")
        with self._lock:
            new = dispatcher not in self._refused
            self._refused.add(dispatcher)
            self.events.setdefault(dispatcher, []).append(Event(name, signature, "refused", reason=why))
        if new:
            warnings.warn(f"{name} is compiled anew by each process: {why}", RuntimeWarning, stacklevel=2)

    def _count(self, what: str) -> None:
        with self._lock:
            setattr(self.counts, what, getattr(self.counts, what) + 1)


def key_of(digest: str, signature: str, shared: dict[str, str]) -> str:
    """Key of a signature of a kernel, from the digest of its fingerprint and what all kernels share."""
    asked = json.dumps([FORMAT, digest, signature, sorted(shared.items())])
    return hashlib.sha256(asked.encode()).hexdigest()


def slot_of(function: str, signature: str) -> str:
    """Key of the note on a signature of a function."""
    return SLOT + hashlib.sha256(f"{function}\0{signature}".encode()).hexdigest()


keeper = KernelKeeper()
