"""Formats and subscriptions of a sound ULog, which do not contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from jitkit.telemetry.ulog._constants import FLAG_BITS, FORMAT, HEADER_NBYTES, SUBSCRIPTION
from jitkit.telemetry.ulog._formats import FIELD, KEPT, Format, Layout, layout_of, parse_format
from jitkit.telemetry.ulog._kept import Kept
from jitkit.telemetry.ulog._payloads import Subscription, parse_subscription
from jitkit.telemetry.ulog._walk_state import ID

Array = np.ndarray[Any, Any]


class OutOfOrderError(Exception):
    """The messages of a file do not follow each other as they should."""


class Subscribed(NamedTuple):
    """Which ids some messages have subscribed to, one after the other."""

    messages: Array  # (n,) int64: which of them
    ids: Array  # (n,) int64
    sizes: Array  # (n, 2) int32: least and largest size of the messages of data


class Meaning:
    """What definitions say together, wherever they stand in a file."""

    def __init__(self) -> None:
        self.formats: dict[str, Format] = {}
        self.subscriptions: dict[int, tuple[Subscription, Layout]] = {}
        self._layouts: dict[str, Layout] = {}
        self._topics: set[tuple[str, int]] = set()

    def copy(self) -> Meaning:
        copy = Meaning()
        copy.formats, copy.subscriptions = self.formats.copy(), self.subscriptions.copy()
        copy._layouts, copy._topics = self._layouts.copy(), self._topics.copy()
        return copy

    def take(self, messages: Sequence[Any]) -> Subscribed:
        """Take some messages in, with their headers."""
        numbers, ids, sizes = [], [], []
        for number, message in enumerate(messages):
            payload = bytes(message[3:])
            if message[2] == SUBSCRIPTION:
                one = parse_subscription(payload)
                layout = self._subscribe(one)
                if layout is not None:
                    numbers.append(number)
                    ids.append(one.id)
                    sizes.append((ID + layout.low, ID + layout.high))
            else:
                format_ = parse_format(payload)
                if self.formats.setdefault(format_.name, format_).fields != format_.fields:
                    raise OutOfOrderError
        pairs = np.array(sizes, np.int32).reshape(-1, 2)
        return Subscribed(np.array(numbers, np.int64), np.array(ids, np.int64), pairs)

    def _subscribe(self, one: Subscription) -> Layout | None:
        """Layout of the records of an id; None if it is known already."""
        known = self.subscriptions.get(one.id)
        if known is not None and known[0] == one:
            return None
        if known is not None or (one.name, one.instance) in self._topics:
            raise OutOfOrderError
        layout = layout_of(one.name, self.formats, self._layouts)
        self._topics.add((one.name, one.instance))
        self.subscriptions[one.id] = one, layout
        return layout

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes about."""
        formats = sum(FIELD * len(format_.fields) for format_ in self.formats.values())
        return formats + sum(layout.weight for layout in self._layouts.values())


# A log begins with all its definitions, as the last one of the same vehicle did.
_kept: Kept[bytes, tuple[Meaning, Subscribed]] = Kept(
    KEPT, KEPT // 4, lambda text, kept: len(text) + kept[0].weight
)  # fmt: skip


class SoundDefinitions:
    """Formats and subscriptions, as they come; OutOfOrderError where one contradicts another, or makes no sense.

    Attributes
    ----------
    sizes : (ids, 2) int32
        Least and largest size of the messages of data of an id; 0 where nobody has subscribed to it.
    """

    def __init__(self, ids: int) -> None:
        self.sizes = np.zeros((ids, 2), np.int32)
        self._places = np.zeros(ids, np.int64)
        self._meaning = Meaning()

    def take(self, data: Array, places: Array, base: int = 0) -> None:
        """Take the definitions among some messages in; `base` is where the data begins in the file."""
        kinds = data[places + 2]
        if (base + places[kinds == FLAG_BITS] != HEADER_NBYTES).any():
            raise OutOfOrderError
        starts = places[(kinds == FORMAT) | (kinds == SUBSCRIPTION)]
        stops = starts + 3 + data[starts] + (data[starts + 1].astype(np.int64) << 8)
        view = data.data
        messages = [view[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        new = self._meaning.take(messages) if self._meaning.formats else self._take_first(messages)
        counted = new.ids < len(self.sizes)  # others have no records: those that were counted are all of lower ids
        ids = new.ids[counted]
        self.sizes[ids] = new.sizes[counted]
        self._places[ids] = base + starts[new.messages[counted]]

    def _take_first(self, messages: Sequence[Any]) -> Subscribed:
        text = b"".join(messages)
        kept = _kept.get(text)
        if kept is None:
            meaning = Meaning()
            kept = _kept.put(text, (meaning, meaning.take(messages)))
        self._meaning = kept[0].copy()
        return kept[1]

    def require_before(self, ids: Any, places: Any) -> None:
        """OutOfOrderError if a record at one of these places comes before the subscription of its id."""
        if (places < self._places[ids]).any():
            raise OutOfOrderError

    def __iter__(self) -> Iterator[tuple[Subscription, Layout]]:
        return iter(self._meaning.subscriptions.values())
