"""A flight log of PX4: what the vehicle did, what a damaged copy of the log still tells, and how fast both are read.

Run it as ``python -m jitkit.demos.flight [FILE] [--plot FILE.svg]``. Without FILE it looks for `SAMPLE` of
`_flight_log` in ``$JITKIT_TESTDATA`` and in ``../shared/data``; where there is none, it makes a log itself.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

import jitkit as jk
from jitkit._core.extras import installed_version
from jitkit.demos import _attitude_chart, _chart, _damage, _flight_log, _tables, _ulog_twin
from jitkit.demos._timing import Kernel

SECONDS = 120.0  # of the log to be timed: 2 MB
ATTITUDE = "vehicle_attitude"


@jk.jit
def euler(w, x, y, z, out):  # type: ignore[no-untyped-def]
    """Quaternions to roll, pitch and yaw in degrees, rows of `out`: the vehicle turns by yaw, then pitch, then roll."""
    for i in range(len(w)):
        out[0, i] = np.degrees(np.arctan2(2 * (w[i] * x[i] + y[i] * z[i]), 1 - 2 * (x[i] * x[i] + y[i] * y[i])))
        sine = 2 * (w[i] * y[i] - z[i] * x[i])
        out[1, i] = np.degrees(np.arcsin(min(max(sine, -1.0), 1.0)))  # rounding may take it past 1
        out[2, i] = np.degrees(np.arctan2(2 * (w[i] * z[i] + x[i] * y[i]), 1 - 2 * (y[i] * y[i] + z[i] * z[i])))


def angles(attitude: jk.Columns) -> dict[str, npt.NDArray[np.float64]]:
    """Roll, pitch and yaw of the vehicle, in degrees."""
    out = np.empty((3, len(attitude)))
    euler(*(attitude[f"q[{i}]"].astype(np.float64) for i in range(4)), out)
    return dict(zip(("roll", "pitch", "yaw"), out, strict=True))


def facts(log: jk.telemetry.Log) -> dict[str, str]:
    """What a log is about."""
    known = [str(log.info[name]) for name in ("sys_name", "ver_hw", "ver_sw_branch") if name in log.info]
    start = log.start or 0
    last = max((int(log.timestamps(name).max()) for name in log if "timestamp" in log[name]), default=start)
    return {
        "vehicle": ", ".join(known),
        "time": f"{(last - start) / 1e6:,.1f} s, from {start / 1e6:,.1f} s after it was switched on",
        "topics": f"{len(log)}, with {sum(map(len, log.values())):,} records",
        "beside": f"{len(log.parameters):,} parameters, {len(log.messages)} messages, {len(log.dropouts)} dropouts",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read a log, say what it tells, damage it, and read it again."""
    parser = argparse.ArgumentParser(prog="python -m jitkit.demos.flight")
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="a ULog (default: a sample)")
    parser.add_argument("--plot", metavar="FILE.svg", type=Path, help="draw the attitude over time")
    options = parser.parse_args(arguments)
    path = options.file or _flight_log.find_sample()
    try:
        if options.plot:
            _chart.check(options.plot, _attitude_chart.FEATURE)
        data = path.read_bytes() if path else _flight_log.make_log()
        log = jk.telemetry.read(data)
    except (OSError, jk.JitkitError) as error:
        print(error, file=sys.stderr)
        return 1
    console = Console(highlight=False, markup=False)
    print(f"A flight log of PX4: {path}\n" if path else "No recorded flight here: this one is made.\n")
    console.print(_tables.facts("Log", facts(log)))
    if ATTITUDE in log and "q[0]" in log[ATTITUDE]:
        attitude = angles(log[ATTITUDE])
        console.print(_tables.extremes(f"Attitude in degrees, {len(log[ATTITUDE]):,} times", attitude))
        if options.plot:
            times = log.since_boot(ATTITUDE)
            title = f"Roll, pitch and yaw of the vehicle: {path.name if path else 'a made flight'}"
            _attitude_chart.draw((times - times[0]) / np.timedelta64(1, "s"), attitude, title, options.plot)
            print(f"Drawn: {options.plot}\n")
    console.print(_tables.facts('A damaged copy, read with errors="recover"', _damage.account(data, log)))
    return 0


def kernels() -> list[Kernel]:
    """All topics of a log, from its bytes to arrays."""
    data = _flight_log.make_log(SECONDS)
    pyulog = import_module("pyulog") if installed_version("pyulog") else None
    return [
        Kernel(
            name="ULog to columns",
            nbytes=len(data),
            jitkit=lambda: dict(jk.telemetry.read(data)),
            numpy=(lambda: pyulog.ULog(io.BytesIO(data))) if pyulog else None,
            peer="pyulog",
            python=lambda: _ulog_twin.read(data),
        )
    ]


if __name__ == "__main__":
    sys.exit(main())
