"""Measures the memory of one piece of work in a process of its own, and prints it as JSON.

    python _memory_child.py columns 536870912         # bytes of input, made here
    python _memory_child.py second_columns 536870912  # the same, after a first call that loads and compiles
    python _memory_child.py numpy 536870912           # the same work by NumPy
    python _memory_child.py batches FILE              # of packed sensor records

`before` is what the process held when the work began (interpreter, imports, the input), `peak` the most it held
while working, `output` the columns' own size; all in bytes.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from _sensor import NAMES, PACKED


def resident(which: str) -> int:
    """VmRSS (held now) or VmHWM (the most held so far), from proc_pid_status(5)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{which}:"):
            return 1024 * int(line.split()[1])
    raise SystemExit(f"this system does not report {which}")


def measured(work: Callable[[], dict[str, int]]) -> dict[str, int]:
    # 5 sets the most held so far back to what is held now (proc_pid_clear_refs(5)): making the input
    # took more than the input, and would otherwise hide the work's own peak.
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    result = work()
    return {"before": before, "peak": resident("VmHWM")} | result


def columns(nbytes: str, calls_before: int = 0) -> dict[str, int]:
    buffer, record = PACKED.packets(int(nbytes)), PACKED.plain()
    for _ in range(calls_before):
        record.columns(buffer)

    def work() -> dict[str, int]:
        decoded = record.columns(buffer)
        return {"output": sum(decoded[name].nbytes for name in decoded)}

    return measured(work)


def second_columns(nbytes: str) -> dict[str, int]:
    return columns(nbytes, calls_before=1)


def numpy(nbytes: str) -> dict[str, int]:
    records = PACKED.packets(int(nbytes)).view(PACKED.dtype)

    def work() -> dict[str, int]:
        return {"output": sum(column.nbytes for column in [records[name].copy() for name in NAMES])}

    return measured(work)


def batches(path: str) -> dict[str, int]:
    def work() -> dict[str, int]:
        total = {"output": 0, "records": 0, "timestamps": 0}
        for batch in PACKED.plain().iter_batches(path):
            total["output"] += sum(batch[name].nbytes for name in batch)
            total["records"] += len(batch)
            total["timestamps"] += int(batch["timestamp"].sum())
        return total | {"timestamps": total["timestamps"] % (1 << 64)}

    return measured(work)


if __name__ == "__main__":
    WORK = {"columns": columns, "second_columns": second_columns, "numpy": numpy, "batches": batches}
    print(json.dumps(WORK[sys.argv[1]](sys.argv[2])))
