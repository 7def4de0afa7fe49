"""Reading a ULog in plain Python: a loop with `struct`, as one writes it from PX4's description of the format."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct, unpack_from
from typing import Any

HEADER = 16  # bytes of the file's header
CODES = {
    "int8_t": "b", "uint8_t": "B", "bool": "b", "char": "b", "int16_t": "h", "uint16_t": "H", "int32_t": "i",
    "uint32_t": "I", "int64_t": "q", "uint64_t": "Q", "float": "f", "double": "d",
}  # fmt: skip


def messages(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Type, start and stop of each message's payload; three bytes before it are its size and type."""
    position = HEADER
    while position + 3 <= len(data):
        size, kind = unpack_from("<Hc", data, position)
        start, position = position + 3, position + 3 + size
        yield kind.decode("latin-1"), start, position


def read(data: bytes) -> dict[str, dict[str, Any]]:
    """Columns of each topic, by its name and, from the second instance on, ``.1`` and so on."""
    formats: dict[str, str] = {}
    keys: dict[int, tuple[str, list[str]]] = {}
    unpack: dict[int, Any] = {}
    rows: dict[int, list[Any]] = {}
    for kind, start, stop in messages(data):
        if kind == "D":
            number = data[start] | data[start + 1] << 8
            rows[number].append(unpack[number](data, start + 2))
        elif kind == "F":
            name, _, fields = data[start:stop].decode().partition(":")
            formats[name] = fields
        elif kind == "A":
            instance, number = unpack_from("<BH", data, start)
            name = data[start + 3 : stop].decode()
            columns = list(flat(formats, name))
            while columns[-1][0].startswith("_padding"):  # which loggers leave out
                columns.pop()
            unpack[number] = Struct("<" + "".join(code for _, code in columns)).unpack_from
            keys[number] = f"{name}.{instance}" if instance else name, [column for column, _ in columns]
            rows[number] = []
    filled = {key: (names, rows[number]) for number, (key, names) in keys.items() if rows[number]}
    return {
        key: dict(zip(names, map(list, zip(*found, strict=True)), strict=True))
        for key, (names, found) in filled.items()
    }


def flat(formats: dict[str, str], name: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Names and codes of all values of a format, arrays and nested formats taken apart."""
    for field in filter(None, formats[name].split(";")):
        kind, _, label = field.partition(" ")
        kind, _, count = kind.partition("[")
        for item in [label] if not count else [f"{label}[{i}]" for i in range(int(count[:-1]))]:
            if kind in CODES:
                yield prefix + item, CODES[kind]
            else:
                yield from flat(formats, kind, f"{prefix}{item}.")
