"""Which columns a user asked for."""

from __future__ import annotations

from collections.abc import Iterable

from jitkit.errors import LayoutError
from jitkit.records._leaves import Leaf
from jitkit.records._messages import unknown_name


def as_names(fields: Iterable[str]) -> tuple[str, ...]:
    """Return names as a tuple, or raise a LayoutError if they are none."""
    if isinstance(fields, str):
        raise LayoutError(f"expected a sequence of field names, got the string {fields!r}: write [{fields!r}]")
    try:
        names = tuple(fields)
    except TypeError:
        raise LayoutError(f"expected a sequence of field names, got {fields!r}") from None
    for name in names:
        if not isinstance(name, str):
            raise LayoutError(f"expected field names to be strings, got {name!r}")
    return names


def select(
    record: str, leaves: tuple[Leaf, ...], names: tuple[str, ...] | None, *, one: bool = False
) -> tuple[Leaf, ...]:
    """Return the leaves of the given names in the order of the names; all for None.

    The name of a nested record stands for all that it has, unless just `one` is wanted.

    Raises
    ------
    LayoutError
        If a name is unknown or stands twice.
    """
    if names is None:
        return leaves
    by_name = {leaf.name: leaf for leaf in leaves}
    chosen: dict[str, Leaf] = {}
    for name in names:
        found = [by_name[name]] if name in by_name else [leaf for leaf in leaves if leaf.name.startswith(f"{name}.")]
        if not found or (one and found[0].name != name):
            raise LayoutError(f"{record}: {unknown_name(name, tuple(by_name))}")
        for leaf in found:
            if leaf.name in chosen:
                raise LayoutError(f"{record}: expected each column once, got {leaf.name!r} twice")
            chosen[leaf.name] = leaf
    return tuple(chosen.values())
