"""Writing ULogs, for tests and demos: topics of arrays, merged by time."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jitkit.errors import LayoutError
from jitkit.telemetry.ulog._constants import (
    FLAG_BITS,
    FLAG_BITS_NBYTES,
    FORMAT,
    SUBSCRIPTION,
    SYNC,
    SYNC_WORD,
)
from jitkit.telemetry.ulog._write_checks import entries
from jitkit.telemetry.ulog._write_messages import (
    change_messages,
    default_messages,
    dropout_messages,
    header,
    info_messages,
    logged_messages,
    message_of,
    multi_info_messages,
    parameter_messages,
)
from jitkit.telemetry.ulog._write_topics import format_texts, topic_messages

HAS_DEFAULTS = 1  # the one flag of the compatible ones: bit 0 of the first byte
SUBSCRIPTIONS = 1 << 16
SYNC_EVERY = 1000  # records


class Messages(NamedTuple):
    """Messages of one size, and where they go."""

    times: np.ndarray[Any, Any]  # (n,) uint64
    messages: np.ndarray[Any, Any]  # (n, nbytes) uint8


def write(
    path: Any,
    topics: Mapping[Any, Any],
    *,
    start: int = 0,
    info: Mapping[str, Any] | None = None,
    multi_info: Mapping[str, Iterable[Iterable[Any]]] | None = None,
    parameters: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
    changes: Iterable[tuple[int, str, Any]] = (),
    messages: Iterable[tuple[Any, ...]] = (),
    dropouts: Iterable[tuple[int, int]] = (),
) -> None:
    """Write a ULog.

    Parameters
    ----------
    path : str, path or binary file object
        A file is replaced when all is written; if that fails, nothing is left of it.
    topics : mapping of str or (str, int) to structured array or Columns
        A key is ``"name"``, or for the second instance ``"name.1"`` or ``("name", 1)``. Each topic needs a field
        ``timestamp`` of uint64, in us. Fields ``q[0]`` to ``q[3]``, and a field ``q`` of shape (4,), become an array;
        fields that are records, and names like ``outer.inner``, become nested formats; ``S16`` becomes ``char[16]``.
    start : int, us
        When the log was started.
    info : mapping of str to str, bytes, bool, int, float, NumPy number or array
        What is said of the vehicle. A float is written as double.
    multi_info : mapping of str to iterable of iterable
        Information in parts, as in ``log.multi_info``.
    parameters : mapping of str to int or float
        Written as int32 and float32: the format has no others.
    defaults : mapping of "system" or "current_setup" to mapping
        As in ``log.parameters.defaults``.
    changes : iterable of (time, name, value)
        As in ``log.parameters.changes``.
    messages : iterable of (time, level, text) or (time, level, text, tag)
        As in ``log.messages``: a level is one of ``"EMERGENCY"`` to ``"DEBUG"``.
    dropouts : iterable of (time, duration)
        As in ``log.dropouts``: in us and ms.

    Raises
    ------
    LayoutError
        If a topic has no timestamp, types that a ULog does not have, or records of more than 65,533 bytes.
    TypeError
        If an argument is not of the type above.
    ValueError
        If a value is out of the range that a ULog has for it.
    OSError
        If the file cannot be written.

    Notes
    -----
    Records are merged by their timestamps; those of one topic stay in their order, also where their times descend. A
    change or dropout follows the records of its time and before: the format has no time for it, so when read it has
    that of the last record. A message of sync follows every 1,000 records. All is made in memory.

    References
    ----------
    PX4, "ULog File Format", https://docs.px4.io/main/en/dev_log/ulog_file_format.html

    Examples
    --------
    >>> import io, numpy as np, jitkit as jk
    >>> gyro = np.zeros(3, [("timestamp", "u8"), ("x", "f4")])
    >>> gyro["timestamp"] = 100, 200, 300
    >>> file = io.BytesIO()
    >>> jk.telemetry.ulog.write(file, {"gyro": gyro}, info={"sys_name": "PX4"})
    >>> jk.telemetry.read(file.getvalue())["gyro"]["timestamp"].tolist()
    [100, 200, 300]
    """
    target = path if hasattr(path, "write") else Path(os.fsdecode(path))
    made = [
        topic_messages(key, topic, number)
        for number, (key, topic) in enumerate(entries("topics", topics, "names to structured arrays or Columns"))
    ]
    if len(made) > SUBSCRIPTIONS:
        raise LayoutError(f"expected at most {SUBSCRIPTIONS:,} topics, got {len(made):,}")
    texts = format_texts(made)
    events = [*change_messages(changes), *dropout_messages(dropouts)]
    if events and not made:
        raise LayoutError(
            "expected a topic beside changes and dropouts, got none: what is before all topics has no time"
        )
    events += logged_messages(messages)
    definitions = [
        header(start),
        message_of(FLAG_BITS, bytes([HAS_DEFAULTS if defaults else 0]) + bytes(FLAG_BITS_NBYTES - 1)),
        *(message_of(FORMAT, text) for text in texts),
        *info_messages(info),
        *multi_info_messages(multi_info),
        *parameter_messages(parameters),
        *default_messages(defaults),
        *(
            message_of(SUBSCRIPTION, struct.pack("<BH", topic.instance, number) + topic.name.encode())
            for number, topic in enumerate(made)
        ),
    ]
    records = [Messages(topic.times, topic.messages) for topic in made]
    data = _merged([*records, _syncs(records), *_in_order(events)])
    if isinstance(target, Path):
        _write_file(target, [b"".join(definitions), data.data])
    else:
        target.write(b"".join(definitions))
        target.write(data.data)


def _write_file(target: Path, parts: list[Any]) -> None:
    """Write to a name beside the target, and move that there when all is written."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            file.writelines(parts)
        os.replace(partial, target)
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(target)) from error
    finally:
        partial.unlink(missing_ok=True)


def _in_order(events: list[tuple[int, bytes]]) -> Iterator[Messages]:
    """Yield one message after the other."""
    for time, message in events:
        yield Messages(np.array([time], np.uint64), np.frombuffer(message, np.uint8)[np.newaxis])


def _syncs(records: list[Messages]) -> Messages:
    """Messages of sync, behind every so many records."""
    times = np.sort(np.concatenate([np.empty(0, np.uint64), *(one.times for one in records)]))[
        SYNC_EVERY - 1 :: SYNC_EVERY
    ]
    sync = np.frombuffer(message_of(SYNC, SYNC_WORD), np.uint8)
    return Messages(times, np.broadcast_to(sync, (len(times), sync.size)))


def _merged(sources: list[Messages]) -> np.ndarray[Any, Any]:
    """Bytes of all messages by time; of the same time, in the order of the sources."""
    times = np.concatenate([source.times for source in sources])
    sizes = np.repeat([source.messages.shape[1] for source in sources], [len(source.times) for source in sources])
    order = np.argsort(times, kind="stable")
    ends = np.cumsum(sizes[order])
    starts = np.empty(len(order), np.int64)
    starts[order] = ends - sizes[order]
    data = np.empty(int(sizes.sum()), np.uint8)
    first = 0
    for source in sources:
        own = starts[first : first + len(source.times)]
        first += len(own)
        if len(own):
            # Every window of the file's bytes that is as long as a message: rows are copied, not bytes one by one.
            np.lib.stride_tricks.sliding_window_view(data, source.messages.shape[1], writeable=True)[own] = (
                source.messages
            )
    return data
