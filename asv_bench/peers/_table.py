"""The table of results: its rows, and how they are shown to people and to programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Console
from rich.table import Table

HEADINGS = ("against", "work", "theirs", "jitkit", "ratio", "wanted", "met")
PRINTED_WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison: either a ratio to reach (`at_least`), or a limit to keep (`at_most`), or plain information.

    Where `unit` is not seconds, `at_least` is a value to reach, not a ratio.
    """

    against: str
    work: str
    jitkit: float | None = None  # in `unit`
    theirs: float | None = None  # the same; None where no one else does this
    unit: str = "s"
    nbytes: int | None = None  # input of one call: times are then shown as throughput
    at_least: float | None = None
    at_most: float | None = None
    why_not_measured: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times faster jitkit is."""
        if self.unit != "s" or not self.theirs or not self.jitkit:
            return None
        return self.theirs / self.jitkit

    @property
    def met(self) -> bool | None:
        """Whether the wanted figure was reached; None where none was wanted or nothing was measured."""
        if self.at_most is not None and self.jitkit is not None:
            return self.jitkit <= self.at_most
        reached = self.ratio if self.unit == "s" else self.jitkit
        if self.at_least is not None and reached is not None:
            return reached >= self.at_least
        return None

    def to_dict(self) -> dict[str, object]:
        return asdict(self) | {"ratio": self.ratio, "met": self.met}

    def cells(self) -> tuple[str, ...]:
        """What the table says, in the order of `HEADINGS`."""
        if self.why_not_measured:
            return (self.against, f"{self.work}: {self.why_not_measured}", "", "", "", self._wanted(), "")
        ratio = "" if self.ratio is None else f"{_three_digits(self.ratio)} x"
        return (self.against, self.work, self._show(self.theirs), self._show(self.jitkit), ratio, self._wanted(),
                self._verdict())  # fmt: skip

    def _show(self, value: float | None) -> str:
        if value is None:
            return ""
        if self.unit != "s":
            return f"{value:,.0f} {self.unit}"
        if self.nbytes is None:
            return _duration(value)
        rate = self.nbytes / value
        return f"{_three_digits(rate / 1e9)} GB/s" if rate >= 1e8 else f"{_three_digits(rate / 1e6)} MB/s"

    def _wanted(self) -> str:
        if self.at_most is not None:
            return f"<= {self._show(self.at_most)}"
        if self.at_least is None:
            return ""
        return f"{self.at_least:g} x" if self.unit == "s" else f">= {self._show(self.at_least)}"

    def _verdict(self) -> str:
        if self.met is not True and self.ratio is not None and self.ratio < 1.0:
            return "slower"
        return {True: "yes", False: "no", None: ""}[self.met]


def show(rows: Sequence[Row], heading: Sequence[str]) -> None:
    """Print the table for a terminal, after the lines of `heading`."""
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for title in HEADINGS:
        words = title in ("against", "work")
        table.add_column(title, justify="left" if words or title == "met" else "right", no_wrap=not words)
    for row in rows:
        table.add_row(*row.cells(), style="" if row.met is not False else "bold")
    console = Console(width=PRINTED_WIDTH, highlight=False, markup=False)
    for line in heading:
        console.print(line)
    console.print(table)


def to_markdown(rows: Sequence[Row], heading: Sequence[str]) -> str:
    """The same for a README."""
    lines = [f"{line}  " for line in heading]
    lines += ["", "| " + " | ".join(HEADINGS) + " |", "| --- | --- | ---: | ---: | ---: | ---: | --- |"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    for unit, length in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= length:
            return f"{_three_digits(seconds / length)} {unit}"
    return f"{_three_digits(seconds / 1e-6)} us"


def _three_digits(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
