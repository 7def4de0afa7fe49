"""The class that objects of this room have their words from, and methods in machine code: see `_core.native_type`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from jitkit._core.native_type import method_code, native_base, replace_methods
from jitkit.ring._native_arrays import emit_extend, emit_window
from jitkit.ring._native_elements import emit_pop, emit_pop_or, emit_push
from jitkit.ring._native_words import WORDS

EMITTERS = {
    "push": emit_push,
    "pop": emit_pop,
    "pop_or": emit_pop_or,
    "extend": emit_extend,
    "window": emit_window,
}

T = TypeVar("T", bound=type)


def in_machine_code(cls: T) -> T:
    """Put machine code in the place of the methods of a class that there is such for, if this Python has a way to."""
    if not TYPE_CHECKING and Words is not _PlainWords:
        replace_methods(cls, {name: address for name, address in _code().items() if name in vars(cls)})
    return cls


@cache
def _code() -> dict[str, int]:
    return method_code("methods of rings", EMITTERS, {"True": True, "False": False})


class _PlainWords:
    """Words that code cannot find: every call then works in Python."""

    __slots__ = WORDS


class _Trial:
    """Methods that tell what they were called with."""

    def push(self, value: Any) -> Any:
        return "push", value

    def pop(self) -> Any:
        return "pop"

    def pop_or(self, default: Any) -> Any:
        return "pop_or", default

    def extend(self, values: Any) -> Any:
        return "extend", values

    def window(self, count: Any) -> Any:
        return "window", count


def _words() -> Any:
    """Return the class that objects have their words from, after a try of all that it rests on."""
    try:
        made = native_base("jitkit.ring.Words", WORDS)
        trial: Any = type("Trial", (made,), {"__slots__": (), **{name: vars(_Trial)[name] for name in EMITTERS}})
        replace_methods(trial, _code())
        instance = trial()
        instance._block = -1
        wanted = [("push", 1), "pop", ("pop_or", 2), ("extend", 3), ("window", 4)]
        answers = [instance.push(1), instance.pop(), instance.pop_or(2), instance.extend(3), instance.window(4)]
        if (instance._block, instance._set_base, answers) == (-1, 0, wanted):
            return made
    except Exception:  # a Python that makes classes in another way
        pass
    return _PlainWords


if TYPE_CHECKING:
    Words = _PlainWords
else:
    Words = _words()
