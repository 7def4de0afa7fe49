"""Formats and subscriptions of a damaged ULog: garbage is kept beside what is sound, until the records decide."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from jitkit.errors import DecodeError
from jitkit.telemetry.ulog._formats import Format, Layout, layout_of, parse_format
from jitkit.telemetry.ulog._payloads import Subscription, parse_subscription
from jitkit.telemetry.ulog._search_state import CHOICES

IDS = 1 << 16

Array = np.ndarray[Any, Any]


class Choice(NamedTuple):
    """What an id may stand for."""

    subscription: Subscription
    layout: Layout
    place: int  # of the subscription in the file


class Settled(NamedTuple):
    """What each id stands for, and the places of definitions that others contradict."""

    choices: dict[int, Choice]
    contradicted: list[int]


class Definitions:
    """All formats and subscriptions that were found so far, and the sizes of records that follow from them.

    Attributes
    ----------
    sizes : (65536, CHOICES, 2) int32
        See `_search.search`.
    """

    def __init__(self) -> None:
        self.sizes = np.full((IDS, CHOICES, 2), -1, np.int32)
        self._formats: dict[str, list[Format]] = {}
        self._subscriptions: dict[int, list[Subscription]] = {}
        self._order: list[Subscription] = []  # as they came
        self._places: dict[Subscription | Format, list[int]] = {}
        self._choices: dict[int, list[Choice]] = {}
        self._users: dict[str, set[int]] = {}  # ids whose records have a format in them

    def add_format(self, payload: bytes, place: int) -> None:
        """Take a definition in; DecodeError if it is none, or one too many of its name."""
        found = parse_format(payload)
        known = self._formats.setdefault(found.name, [])
        for other in known:
            if found.fields == other.fields:
                self._places[other].append(place)
                return
        if len(known) == CHOICES:
            raise DecodeError(f"expected one format {found.name}, got many", kind="format", topic=found.name)
        known.append(found)
        self._places[found] = [place]
        for number in sorted(self._users.get(found.name, ())):
            self._update(number)

    def add_subscription(self, payload: bytes, place: int) -> None:
        """Take a subscription in; DecodeError if there is no such format, or it is one too many of its id."""
        found = parse_subscription(payload)
        known = self._subscriptions.setdefault(found.id, [])
        if found in known:
            self._places[found].append(place)
            return
        self._places[found] = [place]
        choices = self._layouts(found)
        if len(known) == CHOICES:
            raise DecodeError(
                f"expected one subscription of id {found.id}, got many", kind="subscription", topic=found.name
            )
        known.append(found)
        self._order.append(found)
        for choice in choices:
            self._note_users(choice)
        self._update(found.id)

    def _note_users(self, choice: Choice) -> None:
        waiting, seen = [choice.subscription.name], {choice.subscription.name}
        while waiting:
            name = waiting.pop()
            self._users.setdefault(name, set()).add(choice.subscription.id)
            inside = {kind for format_ in self._formats.get(name, ()) for kind in format_.inside}
            waiting += inside - seen
            seen |= inside

    def _layouts(self, one: Subscription) -> list[Choice]:
        """What a subscription may mean; DecodeError if nothing."""
        names, waiting, seen = [], [one.name], {one.name}
        while waiting:
            name = waiting.pop()
            names.append(name)
            inside = {kind for format_ in self._formats.get(name, ()) for kind in format_.inside}
            waiting += sorted(inside - seen)
            seen |= inside
        several = [name for name in names if len(self._formats.get(name, ())) > 1]
        plain = {name: self._formats[name][0] for name in names if self._formats.get(name)}
        found: list[Choice] = []
        ways: Iterable[Any] = itertools.product(*(self._formats[name] for name in several))
        for way in itertools.islice(ways, CHOICES**2):
            with suppress(DecodeError):
                layout = layout_of(one.name, {**plain, **{format_.name: format_ for format_ in way}})
                found.append(Choice(one, layout, self._places[one][0]))
        if not found:
            layout_of(one.name, plain)  # which says what is wrong
        return found[:CHOICES]

    def _update(self, number: int) -> None:
        """Note anew what the records of an id may be."""
        each = [self._layouts(one) for one in self._subscriptions[number]]
        # One of each subscription first: many formats of one must not take the places of the others.
        choices = [*(choices[0] for choices in each), *(choice for choices in each for choice in choices[1:])]
        self._choices[number] = choices = choices[:CHOICES]
        self.sizes[number] = -1
        for row, choice in zip(self.sizes[number], choices, strict=False):
            row[:] = choice.layout.low, choice.layout.high

    def settle(self, places: Array, numbers: Array, sizes: Array) -> Settled:
        """Say what each id stands for.

        Parameters
        ----------
        places, numbers, sizes : (n,) int64
            Where records were found, their ids and their sizes.

        Notes
        -----
        Of several definitions, that is right which most records behind it have the size of; then one of a topic that no
        other id has, and whose instance follows one that there is; then one whose id continues the ascending order of
        ids, which the format demands; then the first. No two ids stand for the same topic.
        """
        owners: dict[tuple[str, int], set[int]] = {}
        for one in self._order:
            owners.setdefault((one.name, one.instance), set()).add(one.id)
        in_order = _longest_ascending(self._order)
        counts = np.bincount(numbers, minlength=IDS)
        ends = np.cumsum(counts)
        order = np.argsort(numbers, kind="stable")
        places, sizes = places[order], sizes[order]
        found: dict[int, Choice] = {}
        for number, choices in self._choices.items():
            own = slice(ends[number] - counts[number], ends[number])

            def rank(choice: Choice, own: slice = own) -> tuple[int, bool, bool]:
                one = choice.subscription
                return _fitting(places[own], sizes[own], choice), _is_likely(one, owners), one in in_order

            found[number] = max(choices, key=rank) if len(choices) > 1 else choices[0]  # of equal ones the first
        found = _without_doubles(found, in_order, counts)
        return Settled(found, self._contradicted(found))

    def _contradicted(self, found: dict[int, Choice]) -> list[int]:
        """Places of the definitions that were not chosen."""
        chosen = {choice.subscription for choice in found.values()}
        used = _formats_in([choice.layout for choice in found.values()])
        wrong: list[Subscription | Format] = [one for one in self._order if one not in chosen]
        for several in self._formats.values():
            right = [format_ for format_ in several if format_ in used] or several[:1]
            wrong += [format_ for format_ in several if format_ not in right]
        return [place for one in wrong for place in self._places[one]]


def _is_likely(one: Subscription, owners: dict[tuple[str, int], set[int]]) -> bool:
    """Whether no other id has the topic, and it is the first instance or there is the one before it."""
    return len(owners[one.name, one.instance]) == 1 and (not one.instance or (one.name, one.instance - 1) in owners)


def _formats_in(layouts: list[Layout]) -> set[Format]:
    """All formats that some layouts are made of."""
    waiting, seen = list(layouts), set(layouts)
    while waiting:
        inside = set(waiting.pop().inside.values()) - seen
        waiting += inside
        seen |= inside
    return {layout.format for layout in seen}


def _fitting(places: Array, sizes: Array, choice: Choice) -> int:
    """How many records behind a subscription have the size of its layout."""
    low, high = choice.layout.low, choice.layout.high
    return int(((sizes >= low) & (sizes <= high) & (places > choice.place)).sum())


def _without_doubles(found: dict[int, Choice], in_order: set[Subscription], counts: Array) -> dict[int, Choice]:
    """Leave the more likely one of two ids of the same topic."""
    best: dict[tuple[str, int], int] = {}
    for number, (one, _, _) in found.items():
        key = one.name, one.instance
        other = best.setdefault(key, number)
        if other != number:
            rivals = (other, number)
            best[key] = max(rivals, key=lambda i: (found[i].subscription in in_order, bool(counts[i]), -found[i].place))
    return {number: found[number] for number in sorted(best.values())}


def _longest_ascending(order: list[Subscription]) -> set[Subscription]:
    """Return the longest series of subscriptions whose ids ascend (patience sorting, O(n log n)).

    Of two with the same id the first one is taken.
    """
    ends: list[int] = []  # least last id of a series of each length
    tops: list[int] = []  # its place in `order`
    before: list[int] = []
    for i, one in enumerate(order):
        length = bisect_left(ends, one.id)
        before.append(tops[length - 1] if length else -1)
        if length == len(ends) or ends[length] != one.id:
            ends[length : length + 1] = [one.id]
            tops[length : length + 1] = [i]
    series, i = set(), tops[-1] if tops else -1
    while i >= 0:
        series.add(order[i])
        i = before[i]
    return series
