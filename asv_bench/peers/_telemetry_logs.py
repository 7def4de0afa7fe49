"""Questions about ULogs: files as they are, one repeated to 250 MB, and the first column in a new process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _simd_bench import Bench
from _table import Row

import jitkit as jk

PYULOG = "pyulog"
WANTED = {
    "sample.ulg": 40.0, "sample_log_small.ulg": 20.0, "sample_appended_multiple.ulg": 20.0, "many_topics.ulg": 8.0,
}  # fmt: skip
LARGE, LARGE_OF_QUICK = 62, 2  # times that the data of sample.ulg comes: 250 MB
ATTEMPTS = 5
VISITS = 3  # to each file, one file after the other: a slow spell of a shared host lasts for some seconds
SUBSCRIPTION, HEADER = ord("A"), 16
CHILD = Path(__file__).with_name("_telemetry_child.py")


def whole_files(bench: Bench, data: Path | None) -> Iterator[Row]:
    """From a path to every column."""
    if (reason := _lacking(data)) is not None:
        for name, at_least in WANTED.items():
            yield Row(against=PYULOG, work=name, at_least=at_least, why_not_measured=reason)
        return
    paths = [data / "ulog" / name for name in WANTED]
    for path in paths:
        check_columns(path)
    visits = [
        [bench.best({PYULOG: partial(_pyulog, path), "jitkit": partial(every_column, path)}) for path in paths]
        for _ in range(1 if bench.quick else VISITS)
    ]
    for path, *times in zip(paths, *visits, strict=True):
        yield Row(
            against=PYULOG, work=f"{path.name}, {path.stat().st_size / 1e6:.2f} MB",
            theirs=min(one[PYULOG] for one in times), jitkit=min(one["jitkit"] for one in times),
            at_least=WANTED[path.name],
        )  # fmt: skip


def repeated(bench: Bench, data: Path | None) -> Iterator[Row]:
    """A long flight: the same data again and again. Each side in a process of its own, which reads it once before."""
    if (reason := _lacking(data)) is not None:
        yield Row(against=PYULOG, work="sample.ulg to 250 MB", at_least=30.0, why_not_measured=reason)
        return
    path = repeat(data / "ulog" / "sample.ulg", bench.scratch / "large.ulg", LARGE_OF_QUICK if bench.quick else LARGE)
    work = f"sample.ulg repeated to {path.stat().st_size / 1e6:.0f} MB"
    ours = [_in_child("jitkit", path) for _ in range(1 if bench.quick else ATTEMPTS)]
    theirs = [_in_child("pyulog", path) for _ in range(1 if bench.quick else 2)]
    if theirs[0]["digest"] != ours[0]["digest"]:
        raise SystemExit(f"{work}: expected the columns of pyulog, got others")
    yield Row(
        against=PYULOG, work=work, theirs=min(one["seconds"] for one in theirs),
        jitkit=min(one["seconds"] for one in ours), at_least=30.0,
    )  # fmt: skip
    for name, sides, limit in (("jitkit", ours, 130.0), (PYULOG, theirs, None)):
        peak = min(100 * one["peak"] / one["output"] for one in sides)
        yield Row(
            against=f"{name} alone", work=f"{work}: most memory, of the columns' own", jitkit=peak, unit="%",
            at_most=limit,
        )  # fmt: skip
    path.unlink()


def first_column(_: Bench, data: Path | None) -> Iterator[Row]:
    """Processor time of a whole process: interpreter, imports, one column."""
    if (reason := _lacking(data)) is not None:
        yield Row(against=PYULOG, work="new process: sample.ulg to one column", why_not_measured=reason)
        return
    path = data / "ulog" / "sample.ulg"
    _in_child("first", path)  # what is compiled is in the cache now
    times = {side: [_in_child(side, path)["process"] for _ in range(ATTEMPTS)] for side in ("first", "first-pyulog")}
    yield Row(
        against=PYULOG, work="new process, warm cache: sample.ulg to one column, in all",
        theirs=min(times["first-pyulog"]), jitkit=min(times["first"]),
    )  # fmt: skip
    yield Row(
        against="jitkit alone", work="the same: milliseconds", jitkit=1e3 * min(times["first"]), unit="ms", at_most=350
    )


def _lacking(data: Path | None) -> str | None:
    if data is None:
        return "not measured: the recorded logs are not at hand"
    try:
        import pyulog  # noqa: F401
    except ImportError:
        return "not measured: pip install pyulog"
    return None


def every_column(path: Path) -> list[np.ndarray]:
    """All columns of a log."""
    log = jk.telemetry.read(path)
    return [column for topic in log for column in log[topic].values()]


def _pyulog(path: Path) -> Any:
    from pyulog import ULog

    return ULog(str(path))


def check_columns(path: Path) -> None:
    """Stop the run where a column has another name, dtype or byte than pyulog's."""
    log, peer = jk.telemetry.read(path), _pyulog(path)
    theirs = {(one.name, one.multi_id): one.data for one in peer.data_list}
    ours = {(topic.partition(".")[0], int(topic.partition(".")[2] or 0)): log[topic] for topic in log}
    if theirs.keys() != ours.keys():
        raise SystemExit(f"{path}: expected the topics of pyulog, got others")
    for topic, columns in theirs.items():
        for name, column in columns.items():
            own = ours[topic][name]
            if own.dtype != column.dtype or own.tobytes() != column.tobytes():
                raise SystemExit(f"{path}: expected {topic} {name} as pyulog has it, got other bytes")


def repeat(source: Path, target: Path, times: int) -> Path:
    """Write a log whose data comes several times, behind all subscriptions."""
    data = source.read_bytes()
    at, definitions, messages = HEADER, [data[:HEADER]], []
    is_data = False
    while at < len(data):
        stop = at + 3 + int.from_bytes(data[at : at + 2], "little")
        is_data = is_data or data[at + 2] == SUBSCRIPTION
        (messages if is_data and data[at + 2] != SUBSCRIPTION else definitions).append(data[at:stop])
        at = stop
    with target.open("wb") as file:
        file.write(b"".join(definitions))
        for _ in range(times):
            file.write(b"".join(messages))
    return target


def _in_child(side: str, path: Path) -> Any:
    done = subprocess.run([sys.executable, CHILD, side, path], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)
