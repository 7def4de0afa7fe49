"""Attributes that are made when they are first asked for."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 (used like `property`)
    """`functools.cached_property` without the lock that Python 3.11 puts around it.

    That lock is one for all instances, and a child that is forked while another thread holds it waits forever. Here two
    threads may make the same thing at once; what must be made once has a lock of its own.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> "lazy[T]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        made = vars(instance)[self._name] = self._make(instance)
        return made
