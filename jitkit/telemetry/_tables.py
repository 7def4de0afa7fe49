"""What `jitkit decode` prints of a log: tables that fit 80 columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.table import Table

from jitkit._core.tables import STYLE, Cells, fitting, text
from jitkit.records import Columns
from jitkit.telemetry._log import Log
from jitkit.telemetry._report import Report

MOST_FACTS = 24  # lines of information about a log
LONGEST_NAME = 26  # of those
MOST_COLUMNS = 40  # of a topic's first records: a screenful
MOST_RANGES = 5
RECORDS_SHOWN = 8  # at most: a screen rarely has room for more


def summary(path: Path, log: Log, names: list[str], seconds: float, written: str) -> Table:
    """What was decoded, and how fast."""
    table = Table.grid(padding=(0, 2))
    size, records = log.report.size, sum(len(log[name]) for name in names)
    table.add_row("file", f"{text(path)} ({log._format})")
    table.add_row("bytes", f"{size:,}" + (f", {log.report.skipped_bytes:,} skipped" if log.report.skipped else ""))
    table.add_row("topics", f"{len(names):,}" + (f" of {len(log):,}" if len(names) < len(log) else ""))
    table.add_row("records", f"{records:,}")
    table.add_row("decoded in", f"{seconds:.3g} s, {size / max(seconds, 1e-9) / 1e9:.3g} GB/s")
    if written:
        table.add_row("written", written)
    return table


def about(path: Path, log: Log, screen: int) -> Table:
    """What a log says about itself, a line for each fact, on a screen of so many columns."""
    table = Table.grid(padding=(0, 2))
    names = ["parameters", *list(log.info)[:MOST_FACTS], *log.multi_info]
    width = min(LONGEST_NAME, max(len(text(name)) for name in names))
    table.add_column(no_wrap=True, min_width=width, max_width=width)  # it is the value that is cut
    table.add_column(no_wrap=True, max_width=max(screen - width - 2, 1))
    table.add_row("file", f"{text(path)} ({log._format})")
    table.add_row("bytes", f"{log.report.size:,}, {log.report.completeness}")
    for name, value in list(log.info.items())[:MOST_FACTS]:
        table.add_row(text(name), text(value))
    if (more := len(log.info) - MOST_FACTS) > 0:
        table.add_row("...", f"and {more:,} more")
    for name, values in log.multi_info.items():
        parts = sum(map(len, values))
        table.add_row(text(name), f"{len(values):,} texts in {parts:,} parts")
    milliseconds = sum(dropout.duration for dropout in log.dropouts)
    table.add_row("parameters", f"{len(log.parameters):,}")
    table.add_row("messages", f"{len(log.messages):,}")
    table.add_row("dropouts", f"{len(log.dropouts):,}" + (f", {milliseconds / 1000:,.3f} s" if log.dropouts else ""))
    return table


def topics(log: Log, names: list[str]) -> Table:
    """A line for each topic."""
    table = Table(**STYLE)
    table.add_column(f"topic ({len(names):,})", overflow="fold")  # whole: what --topic wants
    for header in ("records", "columns", "Hz"):
        table.add_column(header, justify="right", no_wrap=True)
    for name in names:
        columns = log[name]
        table.add_row(text(name), f"{len(columns):,}", f"{len(list(columns)):,}", _rate(log, name))
    return table


def _rate(log: Log, name: str) -> str:
    """Records per second from the first to the last; nothing where that cannot be said."""
    columns = log[name]
    if len(columns) < 2 or "timestamp" not in columns or columns["timestamp"].dtype.kind not in "iu":
        return ""
    times = log.since_boot(name)
    seconds = float((times[-1] - times[0]) / np.timedelta64(1, "s"))
    rate = (len(columns) - 1) / seconds if seconds > 0 else 0.0
    return "" if not rate else f"{rate:,.2f}" if rate >= 0.01 else f"{rate:.2g}"


def account(report: Report) -> list[Table | str]:
    """Which bytes were skipped, and why."""
    skipped = report.skipped
    reasons = Table("skipped because", **STYLE)
    for header in ("ranges", "bytes"):
        reasons.add_column(header, justify="right", no_wrap=True)
    for reason, count in sorted(report.counts.items(), key=lambda item: -item[1]):
        nbytes = sum(stop - start for start, stop, why in skipped if why == reason)
        reasons.add_row(reason, f"{count:,}", f"{nbytes:,}")
    ranges = Table(**STYLE)
    for header in ("first byte", "bytes"):
        ranges.add_column(header, justify="right", no_wrap=True)
    ranges.add_column("why")
    for start, stop, reason in skipped[:MOST_RANGES]:
        ranges.add_row(f"{start:,}", f"{stop - start:,}", reason)
    if (more := len(skipped) - MOST_RANGES) > 0:
        ranges.add_row("...", "", f"and {more:,} more ranges")
    sizes = report.decoded_bytes, report.container_bytes, report.skipped_bytes
    parts = "{:,} bytes decoded, {:,} container, {:,} skipped".format(*sizes)
    return [f"The file is {report.completeness}: {parts}.", "", reasons, "", ranges]


def first_rows(name: str, columns: Columns, width: int) -> Table:
    """The first records, as many as fit, one line per column."""
    names = list(columns)[:MOST_COLUMNS]
    cells = [
        Cells("column", 30, [text(column) for column in names]),
        Cells("type", 12, [columns[column].dtype.name for column in names]),
        *(
            Cells(f"record {row}", 20, [text(columns[column][row]) for column in names], is_right=True)
            for row in range(min(len(columns), RECORDS_SHOWN))
        ),
    ]
    table = fitting(cells, width, f"{text(name)}: {len(columns):,} records")
    more = len(list(columns)) - len(names)
    table.caption = f"and {more:,} more columns: --out DIR writes all" if more else None
    return table
