"""What arguments of `write` must be, in words that say which one is not."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any


def entries(what: str, given: Any, of: str) -> Iterable[tuple[Any, Any]]:
    """Names and values of a mapping; None has none. TypeError if it is no mapping."""
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise TypeError(f"expected {what} as a mapping of {of}, got {_shown(given)}")
    return given.items()


def rows(what: str, given: Any, *names: str, optional: int = 0) -> Iterable[tuple[Any, ...]]:
    """Yield tuples of a value for each name; `optional` ones at the end are None where they are left out."""
    expected = f"expected {what} as an iterable of ({', '.join(names)})"
    for row in _iterated(given, expected):
        values = tuple(row) if _is_iterable(row) else ()
        if not len(names) - optional <= len(values) <= len(names):
            raise TypeError(f"{expected}, got {_shown(row)} in it")
        yield (*values, *[None] * (len(names) - len(values)))


def parts(what: str, given: Any) -> Iterable[Any]:
    """What is in an iterable; TypeError if it is none, or a text or bytes, whose letters nobody means."""
    return _iterated(given, f"expected {what}")


def _iterated(given: Any, expected: str) -> Iterable[Any]:
    if not _is_iterable(given):
        raise TypeError(f"{expected}, got {_shown(given)}")
    return given  # type: ignore[no-any-return]


def _is_iterable(given: Any) -> bool:
    return isinstance(given, Iterable) and not isinstance(given, (str, bytes, bytearray, Mapping))


def whole(given: Any, bits: int, what: str, where: str) -> int:
    """An int of so many bits, from 0 on."""
    try:
        if isinstance(given, bool):
            raise TypeError
        number = operator.index(given)
    except TypeError:
        raise TypeError(f"expected {what} as an int, got {_shown(given)} ({where})") from None
    if not 0 <= number < 1 << bits:
        raise ValueError(f"expected {what}, below 2**{bits}, got {number} ({where})")
    return number


def utf_8(text: Any, what: str) -> bytes:
    """A text as bytes."""
    if not isinstance(text, str):
        raise TypeError(f"expected {what} as a str, got {_shown(text)}")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"expected {what} as text that can be UTF-8, got {_shown(text)}") from None


def _shown(given: Any) -> str:
    shown = "None" if given is None else f"{type(given).__name__} {' '.join(repr(given).split())}"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
