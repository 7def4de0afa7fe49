"""Topics as a ULog has them: arrays to formats and messages, whole columns at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from jitkit.errors import LayoutError
from jitkit.telemetry.ulog._constants import DATA, LARGEST_PAYLOAD

Array = np.ndarray[Any, Any]

ID_NBYTES = 2
LARGEST = LARGEST_PAYLOAD - ID_NBYTES  # bytes of a record
INSTANCES = 1 << 8
# Types of fields, by what they are in arrays. Characters come as bytes: "S16" is char[16].
KINDS = {
    "|b1": "bool", "|i1": "int8_t", "|u1": "uint8_t", "<i2": "int16_t", "<u2": "uint16_t", "<i4": "int32_t",
    "<u4": "uint32_t", "<i8": "int64_t", "<u8": "uint64_t", "<f4": "float", "<f8": "double",
}  # fmt: skip
TIME = "<u8"
TOPIC_NAME = re.compile(r"[\w/-]+", re.ASCII)
FIELD_NAME = re.compile(r"(\w+)(?:\[(\d+)\])?", re.ASCII)


class Group(NamedTuple):
    """Neighbouring columns of one type, as readers name them."""

    names: list[str]
    kind: str
    values: Array  # (n, one for each name)


class TopicMessages(NamedTuple):
    """A topic of a file that is being written."""

    name: str
    instance: int
    columns: list[tuple[str, str]]  # names and types
    messages: Array  # (n, nbytes) uint8, with their headers
    times: Array  # (n,) uint64: where each goes, which never descends, so that the records' order is kept


def topic_messages(key: Any, topic: Any, number: int) -> TopicMessages:
    """Make the messages of a topic, whose id is `number`.

    Raises
    ------
    LayoutError
        If a ULog has no place for it.
    """
    name, instance = topic_key(key)
    where = f"topic {name}.{instance}" if instance else f"topic {name}"
    groups = [group for field, values in _fields(topic, where) for group in _columns(field, values, where)]
    columns = [(column, group.kind) for group in groups for column in group.names]
    if len(dict(columns)) < len(columns):
        raise LayoutError(f"expected fields of different names, got {[column for column, _ in columns]} ({where})")
    times = _times(groups, where)
    nbytes = sum(_nbytes(group) for group in groups)
    if nbytes > LARGEST:
        raise LayoutError(f"expected records of at most {LARGEST:,} bytes, got {nbytes:,} ({where})")
    messages = np.empty((len(times), 3 + ID_NBYTES + nbytes), np.uint8)
    size = ID_NBYTES + nbytes
    messages[:, :5] = size & 255, size >> 8, DATA, number & 255, number >> 8
    at = 5
    for group in groups:
        stop = at + _nbytes(group)
        messages[:, at:stop] = np.ascontiguousarray(group.values).view(np.uint8)
        at = stop
    return TopicMessages(name, instance, columns, messages, np.maximum.accumulate(times))


def topic_key(key: Any) -> tuple[str, int]:
    """Name and instance that a key of `topics` says: ``"name"``, ``"name.1"`` or ``("name", 1)``."""
    name, instance = key if isinstance(key, tuple) and len(key) == 2 else (key, 0)
    if isinstance(name, str) and name is key:
        name, _, text = name.partition(".")
        instance = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else text or 0
    is_sound = isinstance(name, str) and TOPIC_NAME.fullmatch(name) and isinstance(instance, (int, np.integer))
    if not is_sound or not 0 <= instance < INSTANCES:
        raise LayoutError(
            f"expected a topic as 'name', 'name.1' or ('name', 1), with an instance below {INSTANCES}, got {key!r}"
        )
    return name, int(instance)


def _fields(topic: Any, where: str) -> Iterator[tuple[str, Array]]:
    """Yield names and arrays of what a topic is made of."""
    if isinstance(topic, np.ndarray) and topic.dtype.names and topic.ndim == 1:
        yield from ((field, np.asarray(topic[field])) for field in topic.dtype.names)
    elif isinstance(topic, Mapping):
        rows = None
        for field, values in topic.items():
            if not isinstance(field, str):
                raise LayoutError(f"expected columns by names, got {field!r} ({where})")
            try:
                values = np.asarray(values)
            except ValueError:  # lists of lists of different lengths
                values = np.asarray(None)
            rows = rows or values.shape[:1]
            if values.shape[:1] != rows or not rows:
                raise LayoutError(
                    f"expected columns of the same length, got {field!r} of shape {values.shape} ({where})"
                )
            yield field, values
    else:
        shown = f"{topic.dtype} of shape {topic.shape}" if isinstance(topic, np.ndarray) else type(topic).__name__
        raise LayoutError(f"expected a structured array of one dimension, or Columns, got {shown} ({where})")


def _columns(name: str, values: Array, where: str) -> Iterator[Group]:
    """Take a field apart as readers do: arrays to ``name[0]`` and so on, nested records to ``name.inner``."""
    dtype = values.dtype
    kind = KINDS.get(dtype.newbyteorder("<").str)
    if dtype.kind == "S" and values.ndim == 1 and dtype.itemsize:
        kind, values = "char", np.ascontiguousarray(values).view(np.uint8).reshape(len(values), dtype.itemsize)
    if values.ndim > 2 or (values.ndim == 2 and not values.shape[1]):
        raise LayoutError(
            f"expected arrays of one dimension and at least one item, got {name!r} of {dtype} and shape "
            f"{values.shape[1:]} ({where})"
        )
    items = [name] if values.ndim == 1 else [f"{name}[{i}]" for i in range(values.shape[1])]
    if dtype.names:
        for item, records in zip(items, values.reshape(len(values), len(items)).T, strict=True):
            for field in dtype.names:
                yield from _columns(f"{item}.{field}", records[field], where)
    elif kind is None:
        raise LayoutError(
            f"expected one of bool, (u)int8 to (u)int64, float32, float64, bytes and records of them, got {name!r} of "
            f"{dtype} ({where})"
        )
    else:
        yield Group(items, kind, values.astype(values.dtype.newbyteorder("<")).reshape(len(values), len(items)))


def _nbytes(group: Group) -> int:
    return int(group.values.shape[1] * group.values.dtype.itemsize)


def _times(groups: list[Group], where: str) -> Array:
    for group in groups:
        if group.names == ["timestamp"]:
            if group.values.dtype.str == TIME:
                return group.values[:, 0]
            raise LayoutError(f"expected a timestamp of uint64, in us, got {group.values.dtype} ({where})")
    names = [name for group in groups for name in group.names]
    raise LayoutError(f"expected a field 'timestamp' of uint64, in us, got {_shown(names)} ({where})")


def format_texts(topics: list[TopicMessages]) -> list[bytes]:
    """Definitions of all topics' formats, and of those inside them.

    Raises
    ------
    LayoutError
        If names make no format, or two instances of a topic are not alike.
    """
    formats: dict[str, str | None] = dict.fromkeys((topic.name for topic in topics), None)
    first: dict[str, TopicMessages] = {}
    for topic in topics:
        other = first.setdefault(topic.name, topic)
        if other is topic:
            _define(topic.name, topic.columns, formats, f"topic {topic.name}")
        elif other.instance == topic.instance:
            raise LayoutError(f"expected each topic once, got {topic.name!r}, instance {topic.instance}, twice")
        elif other.columns != topic.columns:
            raise LayoutError(
                f"expected instances with the same fields, got {_shown(topic.columns)} in instance {topic.instance}, "
                f"{_shown(other.columns)} in {other.instance} (topic {topic.name})"
            )
    return [f"{name}:{text}".encode() for name, text in formats.items()]


def _define(name: str, columns: list[tuple[str, str]], formats: dict[str, str | None], where: str) -> None:
    """Add a format with these columns, and the formats inside it."""
    items: list[tuple[str, list[tuple[str, str]]]] = []  # one value or record, and what is inside
    for column, kind in columns:
        item, _, rest = column.partition(".")
        if not items or items[-1][0] != item:
            items.append((item, []))
        items[-1][1].append((rest, kind))
    fields: dict[str, tuple[int | None, list[tuple[str, str]]]] = {}
    latest = None
    for item, inside in items:
        found = FIELD_NAME.fullmatch(item)
        if not found:
            raise LayoutError(f"expected fields named by letters, digits and _, got {item!r} ({where})")
        field, index = found[1], None if found[2] is None else int(found[2])
        count, others = fields.get(field, (0 if index is not None else None, inside))
        continues = field not in fields or (field == latest and index is not None)
        if not continues or index != count or inside != others:
            raise LayoutError(
                f"expected {field}[0], {field}[1], ... of one type side by side, or a field of another name, got "
                f"{item!r} ({where})"
            )
        fields[field], latest = (None if count is None else count + 1, inside), field
    parts = []
    for field, (count, inside) in fields.items():
        kind = inside[0][1]
        if inside != [("", kind)]:
            kind = f"{name}_{field}"
            while kind in formats:
                kind += "_"
            formats[kind] = None
            _define(kind, inside, formats, where)
        parts.append(f"{kind} {field};" if count is None else f"{kind}[{count}] {field};")
    formats[name] = "".join(parts)
    nbytes = len(name) + 1 + len(formats[name] or "")
    if nbytes > LARGEST_PAYLOAD:
        raise LayoutError(f"expected a format of at most {LARGEST_PAYLOAD:,} bytes, got {nbytes:,} ({where})")


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
