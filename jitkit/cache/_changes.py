"""What changed between what was kept and what is wanted now, in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Change:
    """One difference."""

    what: str  # "constant", "code", "value", "call", "part", "environment"
    name: str  # of the function, or of the setting
    file: str  # where the function stands; "" for settings
    before: str
    after: str
    label: str = ""  # "global GAIN"
    helper: bool = False  # whether the function is not the kernel itself, but one that it reaches

    def __str__(self) -> str:
        if self.what == "environment":
            return f"{self.name} changed: {_short(self.before)} -> {_short(self.after)}"
        place = f"{'helper ' if self.helper else ''}'{self.name.partition(':')[2]}' in {os.path.basename(self.file)}"
        if self.what == "constant":
            return f"{place} changed: constant {self.before} -> {self.after}"
        if self.what == "code":
            return f"{place} changed: its code"
        if self.what == "part":
            return f"{place} is {'new' if not self.before else 'gone'}"
        if not self.before or not self.after:
            return f"{place} changed: {self.label} is {'new' if not self.before else 'gone'}"
        return f"{place} changed: {self.label}: {self.before} -> {self.after}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def changes_between(
    before: Mapping[str, Any], parts: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Change, ...]:
    """Return the differences of a kept entry's header and what is wanted now."""
    old_parts, old_environment = before.get("parts", {}), before.get("environment", {})
    found = [*_environment_changes(old_environment, environment)]
    itself = next(iter(parts), "")
    for key in [*parts, *(key for key in old_parts if key not in parts)]:
        of_part = _part_changes(key, old_parts.get(key), parts.get(key))
        found += [replace(change, helper=key != itself) for change in of_part]
    return tuple(found)


def _environment_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in {**before, **after}:
        old, new = before.get(name, ""), after.get(name, "")
        if old != new:
            yield Change("environment", name, "", *_flags_apart(old, new))


def _flags_apart(old: str, new: str) -> tuple[str, str]:
    """Of two lists of CPU features, those that only one has."""
    if "," not in old or "," not in new:
        return old, new
    one, other = old.split(","), new.split(",")
    return (
        ",".join(flag for flag in one if flag not in set(other)),
        ",".join(flag for flag in other if flag not in set(one)),
    )


def _part_changes(key: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[Change]:
    if before is None or after is None:
        part = after or before or {}
        yield Change("part", key, part.get("file", ""), "" if before is None else key, "" if after is None else key)
        return
    file = after.get("file", "")
    if before["shape"] != after["shape"] or len(before["constants"]) != len(after["constants"]):
        yield Change("code", key, file, before["shape"], after["shape"])
    else:
        for old, new in zip(before["constants"], after["constants"], strict=True):
            if old != new:
                yield Change("constant", key, file, _value(old), _value(new))
    for what, name in (("value", "values"), ("call", "calls")):
        for label in {**before[name], **after[name]}:
            old, new = before[name].get(label, ""), after[name].get(label, "")
            if old != new:
                yield Change(what, key, file, _value(old), _value(new), label)


def _value(text: str) -> str:
    """`3` of `int 3`: what a person would write."""
    kind, _, value = text.partition(" ")
    return value if kind in ("int", "float", "bool", "str", "complex") else text


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
