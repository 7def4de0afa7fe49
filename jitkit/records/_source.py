"""What the specialised decoder does, as Python that a person can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jitkit.records._element import element
from jitkit.records._leaves import Leaf
from jitkit.records._plan import SPECIALISED_BLOCK, Step, block_of

HEADER = '''\
def decode_{record}(source, nrecords, columns, masks, first):
    """{record}: {itemsize} bytes, {count} columns; as the specialised decoder computes them.

    `u16(a)` is the unsigned word of 16 bits at address a, `u16_swapped(a)` the same with its bytes reversed, `i16(w)`
    and `f32(w)` are the bits w as another type; `inf` is infinity.
    """
    for start in range(0, nrecords, {block}):
        stop = min(start + {block}, nrecords)'''


class Text:
    """Python expressions for `element`."""

    def __init__(self, at: str) -> None:
        self.at = at

    def load(self, offset: int, width: int, swapped: bool) -> str:
        """See `Backend`."""
        return f"u{8 * width}{'_swapped' if swapped else ''}({self.at}{_plus(offset)})"

    def join(self, parts: list[tuple[str, int]]) -> str:
        """See `Backend`."""
        shifted = [part if left == 0 else f"({part} {'<<' if left > 0 else '>>'} {abs(left)})" for part, left in parts]
        return f"u64({' | '.join(shifted)})"

    def trim(self, word: str, width: int, left: int, right: int, signed: bool) -> str:
        """See `Backend`."""
        bits = 8 * width - right
        low = word if right == left else f"({word} >> {right - left})"
        if signed:
            return f"sign_extended({low} & {(1 << bits) - 1:#x}, {bits})"
        return low if left == 0 else f"({low} & {(1 << bits) - 1:#x})"

    def number(self, word: str, leaf: Leaf) -> str:
        """See `Backend`."""
        if leaf.kind == "f":
            return f"f{leaf.bits}({word})"
        if leaf.kind == "i" and not word.startswith("sign_extended"):
            return f"i{leaf.bits}({word})"
        return f"{word} != 0" if leaf.kind == "?" else word

    def real(self, number: str, leaf: Leaf) -> str:  # noqa: ARG002 (the backend's interface)
        """See `Backend`."""
        return f"float({number})"

    def scale(self, real: str, factor: float, offset: float | None, single: bool) -> str:
        """See `Backend`."""
        scaled = f"{real} * {factor!r}" + ("" if offset is None else f" + {offset!r}")
        return f"float32({scaled})" if single else scaled

    def within(self, number: str, leaf: Leaf, low: float, high: float) -> str:  # noqa: ARG002
        """See `Backend`."""
        return f"{low!r} <= value <= {high!r}"


def source_of(record: str, itemsize: int, steps: Sequence[Step]) -> str:
    """Return the decoder's text: one loop for each step."""
    count = len({step.column for step in steps})
    lines = [HEADER.format(record=record, itemsize=itemsize, count=count, block=block_of(itemsize, SPECIALISED_BLOCK))]
    for step in steps:
        lines += _loop(step, itemsize)
    return "\n".join(lines) + "\n"


def _loop(step: Step, itemsize: int) -> Iterator[str]:
    leaf, name = step.leaf, step.leaf.name
    unit = f", {leaf.unit}" if leaf.unit else ""
    yield f"        for i in range(start, stop):  # {name}: {leaf.describe()}{unit}"
    at = f"source + {itemsize} * i"
    place = f"{leaf.size} * (first + i)" if leaf.size > 1 else "first + i"
    place += _plus(step.element)
    indent = " " * 12
    if step.count > 1:
        yield f"{indent}for j in range({step.count}):"
        indent += "    "
        at += f" + {_times(step.hop)}j"
        place += f" + {_times(step.every)}j"
    if step.run:
        many = step.run // leaf.dtype.itemsize
        place = f"{place} : {place} + {many}" if many > 1 else place
        yield f"{indent}columns[{name!r}][{place}] = bytes_at({at}{_plus(step.word.offset)}, {step.run})"
        return
    value, valid = element(Text(at), leaf, step.word)
    if valid is None:
        yield f"{indent}columns[{name!r}][{place}] = {value}"
    else:
        yield f"{indent}columns[{name!r}][{place}] = value = {value}"
        yield f"{indent}masks[{name!r}][{place}] = {valid}"


def _plus(offset: int) -> str:
    return f" + {offset}" if offset else ""


def _times(factor: int) -> str:
    return f"{factor} * " if factor != 1 else ""
