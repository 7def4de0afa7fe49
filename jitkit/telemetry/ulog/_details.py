"""What a ULog carries beside its topics, taken out of its messages when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from jitkit._core.lazy import lazy
from jitkit.telemetry.ulog._constants import (
    DEFAULT,
    DROPOUT,
    INFO,
    LOGGED,
    MULTI_INFO,
    PARAMETER,
    SUBSCRIPTION,
    TAGGED,
)
from jitkit.telemetry.ulog._payloads import Change, Dropout, Message, parse_key_value, parse_message

DEFAULTS = {0: "system", 1: "current_setup"}  # what a default is of, by the bit that says so


class Parameters(dict[str, Any]):
    """A vehicle's settings when the log was started: names, and int or float values.

    Attributes
    ----------
    defaults : dict of str to dict
        Of ``"system"`` and ``"current_setup"``: what differs from the settings.
    changes : list of Change
        What was set later: `timestamp`, `name`, `value`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.defaults: dict[str, dict[str, Any]] = {}
        self.changes: list[Change] = []


def data_begins(data: np.ndarray[Any, Any], places: np.ndarray[Any, Any]) -> int:
    """Where the first message of the data section is; the end, if there is none."""
    found = places[np.isin(data[places + 2], (SUBSCRIPTION, LOGGED, TAGGED))]
    return int(found[0]) if found.size else data.size


class UlogDetails:
    """Messages that are no data, by their places in the file."""

    def __init__(
        self,
        data: np.ndarray[Any, Any],
        places: np.ndarray[Any, Any],
        start: int | None,
        last_times: Any,
        is_going_on: bool = False,
    ) -> None:
        """With `is_going_on`, the file's definitions are over before `data` begins."""
        self._data, self._places, self.start, self._last_times = data, places, start, last_times
        self._is_going_on = is_going_on

    @lazy
    def _data_begins(self) -> int:
        return 0 if self._is_going_on else data_begins(self._data, self._places)

    def _payloads(self, *kinds: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield place, type and payload of the messages of some types."""
        found = self._data[self._places + 2]
        data = self._data.data
        for place in self._places[np.isin(found, kinds)].tolist():
            nbytes = data[place] | data[place + 1] << 8
            yield place, data[place + 2], bytes(data[place + 3 : place + 3 + nbytes])

    @lazy
    def info(self) -> dict[str, Any]:
        """Single values."""
        rows = (parse_key_value(payload) for _, _, payload in self._payloads(INFO))
        return {name: value for _, name, value in rows}

    @lazy
    def multi_info(self) -> dict[str, list[list[Any]]]:
        """Values that come in parts."""
        found: dict[str, list[list[Any]]] = {}
        for _, _, payload in self._payloads(MULTI_INFO):
            _, name, value = parse_key_value(payload[1:])
            known = found.setdefault(name, [])
            if payload[0] and known:
                known[-1].append(value)
            else:
                known.append([value])
        return found

    @lazy
    def parameters(self) -> Parameters:
        """Settings: those before the first subscription or text are initial ones."""
        found = Parameters()
        later = []
        for place, kind, payload in self._payloads(PARAMETER, DEFAULT):
            _, name, value = parse_key_value(payload if kind == PARAMETER else payload[1:])
            if kind == DEFAULT:
                for bit in (bit for bit in range(8) if payload[0] >> bit & 1):
                    found.defaults.setdefault(DEFAULTS.get(bit, f"bit {bit}"), {})[name] = value
            elif place < self._data_begins:
                found[name] = value
            else:
                later.append((place, name, value))
        times = self._last_times([place for place, _, _ in later])
        found.changes = [Change(time, name, value) for time, (_, name, value) in zip(times, later, strict=True)]
        return found

    @lazy
    def messages(self) -> list[Message]:
        """Texts, in the order of the file."""
        return [parse_message(payload, kind == TAGGED) for _, kind, payload in self._payloads(LOGGED, TAGGED)]

    @lazy
    def dropouts(self) -> list[Dropout]:
        """Gaps, in the order of the file."""
        rows = [(place, int.from_bytes(payload, "little")) for place, _, payload in self._payloads(DROPOUT)]
        times = self._last_times([place for place, _ in rows])
        return [Dropout(time, duration) for time, (_, duration) in zip(times, rows, strict=True)]
