"""Why a kernel was compiled, or was not: in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitkit.cache._changes import Change, changes_between
from jitkit.cache._environment import environment
from jitkit.cache._keeper import SLOT, Event, keeper, key_of

if TYPE_CHECKING:
    from jitkit.cache._fingerprint import Fingerprint

IN_WORDS = {
    "hit": "hit: loaded from the cache",
    "compiled": "compiled",
    "refused": "compiled anew by each process",
    "fresh": "kept: the next call loads it",
    "stale": "kept, but the next call compiles",
}


@dataclass(frozen=True)
class Signature:
    """What became of one signature, or will."""

    signature: str
    outcome: str  # "hit", "compiled", "refused"; not called yet in this process: "fresh", "stale"
    changes: tuple[Change, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        lines = [f"  ({self.signature}) {IN_WORDS[self.outcome]}{f': {self.reason}' if self.reason else ''}"]
        if self.outcome == "compiled" and not self.changes and not self.reason:
            lines[0] += ": nothing was kept for it"
        return "\n".join([*lines, *(f"    {change}" for change in self.changes)])

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "signature": self.signature,
            "outcome": self.outcome,
            "reason": self.reason,
            "changes": [change.to_dict() | {"text": str(change)} for change in self.changes],
        }


@dataclass(frozen=True)
class Explanation:
    """What became of each signature of a kernel."""

    function: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        if not self.signatures:
            return f"{self.function}: not compiled yet, and nothing is kept for it"
        return "\n".join([self.function, *map(str, self.signatures)])

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {"function": self.function, "signatures": [signature.to_dict() for signature in self.signatures]}


def explain(function: Any) -> Explanation:
    """Tell for each signature of a kernel whether it was loaded, or what made it be compiled.

    Parameters
    ----------
    function : dispatcher
        What `jk.jit` gives. Signatures that this process has not called are told from what is kept.

    Raises
    ------
    TypeError
        If `function` is not compiled by numba.
    """
    require_kernel(function)
    name = f"{function.py_func.__module__}:{function.py_func.__qualname__}"
    latest = {event.signature: event for event in keeper.events.get(function, ())}
    seen = [_of_event(event) for event in latest.values()]
    return Explanation(name, (*seen, *_not_called(function, name, latest)))


def require_kernel(function: Any) -> None:
    """Raise a TypeError for what numba does not compile."""
    from jitkit._core import numba_values  # loads numba: importing this room must not

    if not numba_values.is_dispatcher(function):
        raise TypeError(f"expected a function made by jk.jit, got {type(function).__name__}")


def _of_event(event: Event) -> Signature:
    return Signature(event.signature, event.outcome, event.changes, event.reason)


def _not_called(function: Any, name: str, called: dict[str, Event]) -> Iterator[Signature]:
    """Signatures that are kept for a function, which this process has not called."""
    from jitkit._core import numba_values
    from jitkit.cache._fingerprint import CannotFingerprintError, fingerprint

    numba_values.refresh()
    try:
        parts = fingerprint(function)
    except CannotFingerprintError as error:
        if not called:
            yield Signature("any", "refused", reason=str(error))
        return
    now = environment()
    for note in notes():
        if note["function"] == name and note["signature"] not in called:
            fresh, changes = state_of(note, parts, now)
            yield Signature(note["signature"], "fresh" if fresh else "stale", changes)


def state_of(note: dict[str, Any], parts: Fingerprint, shared: dict[str, str]) -> tuple[bool, tuple[Change, ...]]:
    """Whether what is wanted now is kept, and if not, how it differs from what was kept last."""
    if keeper.store.get(key_of(parts.digest, note["signature"], shared)) is not None:
        return True, ()
    return False, changes_between(note, parts.to_dict(), shared)


def notes() -> Iterator[dict[str, Any]]:
    """What was last kept for each signature of each function."""
    for key, _ in list(keeper.store.entries()):
        if key.startswith(SLOT) and (entry := keeper.store.get(key)) is not None:
            yield entry.header
