"""The byte map that `print(Telemetry)` shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jitkit.records._layout import Layout
from jitkit.records._leaves import Leaf

CELL = 8  # characters for one byte
ROW = 8  # bytes in one line
WIDTH = 80  # characters
MAP_ROWS = 16  # lines of a map at most: larger records show the beginning


def draw(layout: Layout, leaves: Sequence[Leaf]) -> str:
    """Return the map of a record's bytes and the list of its columns."""
    name = "C" if layout.name == "c" else layout.name
    title = f"{layout.record}: {layout.itemsize} bytes, {name} layout, {layout.byteorder}-endian"
    return "\n".join(_cut(line) for line in [title, "", *_map(layout), "", *_list(leaves)])


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def _map(layout: Layout) -> Iterator[str]:
    yield "      " + "".join(f"{f'+{i}':<{CELL}}" for i in range(min(ROW, layout.itemsize))).rstrip()
    rows = -(-layout.itemsize // ROW)
    for row in range(min(rows, MAP_ROWS)):
        start = row * ROW
        yield f"{start:>4}  {_map_line(layout, start, min(start + ROW, layout.itemsize))}"
    if rows > MAP_ROWS:
        yield f"      ... {layout.itemsize - MAP_ROWS * ROW} more bytes"


def _map_line(layout: Layout, start: int, stop: int) -> str:
    """One line: a bar where a field starts, its name from there on as far as there is room."""
    line = [" "] * ((stop - start) * CELL)
    for field in layout.fields:
        first, last = max(field.start, 8 * start), min(field.stop, 8 * stop)
        if first >= last:
            continue
        left, right = (first - 8 * start) * CELL // 8, (last - 8 * start) * CELL // 8
        label = field.name if field.start == first else "." * (right - left)
        text = ("|" if field.start == first else ".") + label
        line[left:right] = text[: right - left].ljust(right - left)
    return "".join(line) + "|"


def _list(leaves: Sequence[Leaf]) -> Iterator[str]:
    rows = [("offset", "column", "raw", "becomes"), *map(_row, leaves)]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for *cells, becomes in rows:
        start = "  " + "".join(f"{cell.ljust(width)}  " for cell, width in zip(cells, widths, strict=True))
        first, comma, valid = becomes.rpartition(", valid ")
        if comma and len(start + becomes) > WIDTH:
            yield f"{start}{first},"
            yield f"{' ' * len(start)}valid {valid}"
        else:
            yield start + becomes


def _row(leaf: Leaf) -> tuple[str, str, str, str]:
    byte, bit = divmod(leaf.start, 8)
    offset = f"{byte}.{bit}" if leaf.is_bit_field else str(byte)
    becomes = leaf.becomes()
    if leaf.scaled:
        becomes += f" = raw * {leaf.scale:g}" if leaf.scale != 1 else ""
        becomes += f" {'-' if leaf.offset < 0 else '+'} {abs(leaf.offset):g}" if leaf.offset else ""
    if leaf.unit:
        becomes += f" {leaf.unit}"
    if leaf.labels is not None:
        becomes += f" of {len(leaf.labels)} labels"
    if leaf.valid is not None:
        low, high = (f"{bound:.15g}" for bound in leaf.valid)
        becomes += f", valid {low} to {high}"
    return offset, leaf.name, leaf.describe(), becomes
