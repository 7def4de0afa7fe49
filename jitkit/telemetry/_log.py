"""A log: the topics of a file, and what else its format carries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from jitkit._core.extras import require
from jitkit._core.lazy import lazy
from jitkit.errors import DecodeError, JitkitError
from jitkit.records import Columns
from jitkit.telemetry._report import Report

WIDTH = 80  # characters of a line in `repr`
MOST_SHOWN = 40  # topics in `repr`


class Topic:
    """One topic of a log: how many records it has, and what decodes them when somebody first asks."""

    __slots__ = ("_columns", "_load", "instance", "name", "rows", "widths")

    def __init__(self, name: str, instance: int, rows: int, widths: int, load: Callable[[], Columns]) -> None:
        self.name, self.instance, self.rows, self.widths = name, instance, rows, widths
        self._load = load
        self._columns: Columns | None = None

    @property
    def key(self) -> str:
        """The topic's name, with the number of the instance behind it if that is not the first."""
        return f"{self.name}.{self.instance}" if self.instance else self.name

    def columns(self) -> Columns:
        """Return the columns, decoded once."""
        if self._columns is None:
            self._columns = self._load()
        return self._columns


class Details(Protocol):
    """What a format carries beside its topics; each is read when it is first asked for."""

    @property
    def start(self) -> int | None: ...
    @property
    def info(self) -> dict[str, Any]: ...
    @property
    def multi_info(self) -> dict[str, list[list[Any]]]: ...
    @property
    def parameters(self) -> Any: ...
    @property
    def messages(self) -> list[Any]: ...
    @property
    def dropouts(self) -> list[Any]: ...


class Log(Mapping[str, Columns]):
    """A file of telemetry, as a mapping of its topics to their columns.

    A topic is decoded when it is first asked for; whatever is wrong with the file was found when it was read.

    Attributes
    ----------
    topics : list of str
        In alphabetical order. Of a second instance the name is ``"name.1"``; ``log["name", 1]`` is the same.
    report : Report
        What became of each byte of the file.
    start : int or None
        When the log was started, in the file's unit of time.
    info : dict of str to str, number or bytes
        What is said of the vehicle and its software.
    multi_info : dict of str to list of list
        Information that comes in parts: each list has those of one text.
    parameters : Parameters
        The vehicle's settings, a mapping of names to numbers, with `defaults` and `changes`.
    messages : list of Message
        Texts that the vehicle has logged: `timestamp`, `level`, `text`, `tag`.
    dropouts : list of Dropout
        Gaps in the log: `timestamp`, and `duration` in milliseconds.
    """

    def __init__(self, format_name: str, where: str, topics: list[Topic], details: Details, report: Report) -> None:
        self._format, self._where, self._details, self.report = format_name, where, details, report
        self._topics: dict[str, Topic] = {}
        for topic in sorted(topics, key=lambda topic: (topic.name, topic.instance)):
            key = topic.key
            while key in self._topics:  # a topic that is called as another one's second instance is
                key += "_"
            self._topics[key] = topic

    @property
    def topics(self) -> list[str]:
        """Names of the topics."""
        return list(self._topics)

    def __getitem__(self, name: str | tuple[str, int]) -> Columns:
        return self._topic(name).columns()

    def _topic(self, name: Any) -> Topic:
        key = name
        if isinstance(name, tuple) and len(name) == 2:
            key = f"{name[0]}.{name[1]}" if name[1] else name[0]
        try:
            return self._topics[key]
        except (KeyError, TypeError):
            near = get_close_matches(str(key), self._topics, 3)
            hint = f"; there are {', '.join(near)}" if near else f"; `topics` lists {len(self._topics)}"
            raise KeyError(f"expected a topic of the log, got {name!r}{hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._topics)

    def __len__(self) -> int:
        return len(self._topics)

    def __contains__(self, name: object) -> bool:
        try:
            self._topic(name)
        except KeyError:
            return False
        return True

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def start(self) -> int | None:
        """When the log was started, in the file's unit of time."""
        return self._details.start

    @property
    def info(self) -> dict[str, Any]:
        """What is said of the vehicle and its software."""
        return self._details.info

    @property
    def multi_info(self) -> dict[str, list[list[Any]]]:
        """Information that comes in parts."""
        return self._details.multi_info

    @property
    def parameters(self) -> Any:
        """The vehicle's settings."""
        return self._details.parameters

    @property
    def messages(self) -> list[Any]:
        """Texts that the vehicle has logged."""
        return self._details.messages

    @property
    def dropouts(self) -> list[Any]:
        """Gaps in the log."""
        return self._details.dropouts

    def timestamps(self, topic: str | tuple[str, int]) -> np.ndarray[Any, Any]:
        """When each record of a topic was made, in the file's own unit: for a ULog (n,) uint64, us since boot.

        Raises
        ------
        KeyError
            If there is no such topic, or its records have no time.
        """
        columns = self[topic]
        if "timestamp" not in columns:
            raise KeyError(f"expected a topic whose records have a timestamp, got {topic!r}")
        return columns["timestamp"]

    def since_boot(self, topic: str | tuple[str, int]) -> np.ndarray[Any, Any]:
        """When each record of a topic was made, as (n,) timedelta64[us] since the vehicle was switched on."""
        return self.timestamps(topic).astype("m8[us]")

    def utc(self, topic: str | tuple[str, int]) -> np.ndarray[Any, Any]:
        """When each record of a topic was made, as (n,) datetime64[us] of UTC, by the log's GPS receiver.

        Raises
        ------
        JitkitError
            If the log has no time of a GPS receiver.
        """
        return self.since_boot(topic) + self._boot

    @lazy
    def _boot(self) -> np.datetime64:
        """UTC when the vehicle was switched on."""
        for name in GPS_TOPICS:
            if name not in self or not {"timestamp", "time_utc_usec"} <= set(self[name]):
                continue
            boot, utc = self[name]["timestamp"], self[name]["time_utc_usec"]
            if boot.dtype.kind not in "iu" or utc.dtype.kind not in "iu":
                continue
            known = np.flatnonzero((utc > FIRST_GPS_TIME) & (utc < LAST_GPS_TIME) & (boot < LAST_GPS_TIME))
            if known.size:
                return np.datetime64(int(utc[known[0]]) - int(boot[known[0]]), "us")
        raise JitkitError(f"expected a log with GPS time ({' or '.join(GPS_TOPICS)}), got none ({self._where})")

    def to_arrow(self) -> dict[str, Any]:
        """Return a `pyarrow.Table` for each topic, by name; numbers are shared, not copied."""
        return {name: columns.to_arrow() for name, columns in self.items()}

    def to_polars(self) -> dict[str, Any]:
        """Return a `polars.DataFrame` for each topic, by name."""
        return {name: columns.to_polars() for name, columns in self.items()}

    def to_pandas(self) -> dict[str, Any]:
        """Return a `pandas.DataFrame` for each topic, by name."""
        return {name: columns.to_pandas() for name, columns in self.items()}

    def to_parquet(self, directory: str | Path) -> list[Path]:
        """Write a Parquet file for each topic, ``NAME.parquet``, and return where they are.

        Parameters
        ----------
        directory : str or Path
            Made if need be. Files of the same names are replaced.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        if not isinstance(directory, str) and not hasattr(directory, "__fspath__"):
            raise TypeError(f"expected a directory as a path, got {type(directory).__name__}")
        require("pyarrow.parquet", "Log.to_parquet")
        from jitkit.telemetry._export import write_topics

        return write_topics(self, Path(directory), "parquet")

    def __reduce__(self) -> Any:
        raise TypeError("expected what can be copied or pickled, got a log: take its columns, or read the file again")

    def __repr__(self) -> str:
        rows = sum(topic.rows for topic in self._topics.values())
        lines = [f"Log of {self._where} ({self._format}): {len(self._topics)} topics, {rows:,} records"]
        report = self.report
        lines.append(f"  {report.size:,} bytes, {report.completeness}: {report.skipped_bytes:,} skipped")
        lines += [f"  {line}" for line in self._about()]
        shown = list(self._topics.values())[:MOST_SHOWN]
        width = max((len(topic.key) for topic in shown), default=0)
        lines += [f"  {topic.key:<{width}} {topic.rows:>9,} x {topic.widths:,} columns" for topic in shown]
        if len(self._topics) > len(shown):
            lines.append(f"  ... and {len(self._topics) - len(shown):,} more topics")
        return "\n".join(line[:WIDTH] for line in lines)

    def _about(self) -> Iterator[str]:
        known = [f"{name} {self.info[name]}" for name in ("sys_name", "ver_hw", "ver_sw_branch") if name in self.info]
        if known:
            yield ", ".join(known)
        try:
            counts = {"parameters": self.parameters, "messages": self.messages, "dropouts": self.dropouts}
            yield ", ".join(f"{len(found):,} {name}" for name, found in counts.items())
        except DecodeError as error:  # a large file that is not any more what it was
            yield str(error)


# Topics of PX4 that tell UTC, in microseconds; a receiver without a fix tells 0, or the beginning of its own calendar.
GPS_TOPICS = "vehicle_gps_position", "sensor_gps", "vehicle_gnss_position"
FIRST_GPS_TIME, LAST_GPS_TIME = 946_684_800_000_000, 7_258_118_400_000_000  # us: the years 2000 and 2200
