"""Reads a log in a process of its own, and prints how long that took and how much memory, as JSON.

python _telemetry_child.py jitkit FILE          # every column, after a small log that loads and compiles
python _telemetry_child.py pyulog FILE
python _telemetry_child.py first FILE           # one column, and nothing before
python _telemetry_child.py first-pyulog FILE
"""

import json
import sys
import time
import zlib
from pathlib import Path
from typing import Any

COLUMN = "vehicle_attitude", "timestamp"


def columns_of(side: str, path: str) -> dict[tuple[str, str], Any]:
    """Every column, by topic and name."""
    if side == "jitkit":
        import jitkit as jk

        log = jk.telemetry.read(path)
        return {(topic, name): column for topic in log for name, column in log[topic].items()}
    from pyulog import ULog

    found = {}
    for one in ULog(path).data_list:
        topic = f"{one.name}.{one.multi_id}" if one.multi_id else one.name
        found |= {(topic, name): column for name, column in one.data.items()}
    return found


def whole(side: str, path: str) -> dict[str, float]:
    from _memory_child import resident

    small = Path(path).with_suffix(".small")
    with open(path, "rb") as file:
        small.write_bytes(whole_messages(file.read(1 << 19)))
    columns_of(side, str(small))
    small.unlink()
    Path("/proc/self/clear_refs").write_text("5")  # the most held so far is what is held now: proc_pid_clear_refs(5)
    before, start = resident("VmRSS"), time.process_time()
    columns = columns_of(side, path)
    seconds, peak = time.process_time() - start, resident("VmHWM") - before
    digest = 0
    for _, column in sorted(columns.items()):
        digest = zlib.crc32(column.tobytes(), digest)
    return {
        "seconds": seconds, "peak": peak, "output": sum(column.nbytes for column in columns.values()),
        "digest": digest,
    }  # fmt: skip


def whole_messages(data: bytes) -> bytes:
    """The beginning of a log up to the last message that is all there."""
    at = 16
    while at + 3 <= len(data) and (stop := at + 3 + int.from_bytes(data[at : at + 2], "little")) <= len(data):
        at = stop
    return data[:at]


def first(side: str, path: str) -> dict[str, float]:
    topic, name = COLUMN
    if side == "first":
        import jitkit as jk

        column = jk.telemetry.read(path)[topic][name]
    else:
        from pyulog import ULog

        column = ULog(path).get_dataset(topic).data[name]
    return {"first": float(column[0]), "process": time.process_time()}


if __name__ == "__main__":
    side, path = sys.argv[1:]
    print(json.dumps((first if side.startswith("first") else whole)(side, path)))
