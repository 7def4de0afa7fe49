"""`jitkit demo`: the kernels of all demos, timed on this machine and printed as one table."""

from __future__ import annotations

import pkgutil
import platform
from collections.abc import Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jitkit._core.extras import installed_version
from jitkit.demos import _chart
from jitkit.demos._tables import STYLE
from jitkit.demos._timing import PASSES, Timing, megabytes, times
from jitkit.errors import JitkitError

UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
NOTES = Console(stderr=True)  # progress; the table is all that a pipe gets


def names_of_demos() -> list[str]:
    """Every public module of this package is a demo: it has `main`, its story, and `kernels`, what to time."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in modules if not module.name.startswith("_"))


def run(names: Sequence[str] = (), plot: str | Path | None = None) -> int:
    """Time the kernels of all demos and print one table; demos asked for by name tell their stories first.

    Parameters
    ----------
    names : sequence of str
        Which demos; none means all of them.
    plot : path, optional
        Where to draw the speedups, in any format of matplotlib: ``speedups.svg``.

    Returns
    -------
    int
        What the command should return: 0.

    Raises
    ------
    JitkitError
        If there is no demo of such a name.
    MissingExtraError
        If `plot` is given and matplotlib is not installed.
    """
    known = names_of_demos()
    for name in names:
        if name not in known:
            raise JitkitError(f"expected the name of a demo ({', '.join(known)}), got {name!r}")
    if plot is not None:
        _chart.check(Path(plot))  # before the seconds of work
    NOTES.print("Loading numba")
    for name in names:
        demo(name).main([])
    timings = measure(list(names) or known)
    Console().print(table(timings))
    if plot is not None:
        _chart.draw(timings, f"Times faster than pure Python and NumPy: {machine()}", Path(plot))
        NOTES.print(f"Drawn: {plot}")
    if not names:
        NOTES.print(f"What they decode: jitkit demo {' | '.join(known)}")
    return 0


def demo(name: str) -> Any:
    """The module of a demo."""
    return import_module(f"jitkit.demos.{name}")


def measure(names: Sequence[str]) -> list[Timing]:
    """Compile and time the kernels of the named demos."""
    NOTES.print(f"Compiling the kernels of {', '.join(names)}")
    timings = [Timing(kernel) for name in names for kernel in demo(name).kernels()]
    NOTES.print(f"Timing {len(timings)} kernels, each in pure Python, NumPy and jitkit")
    for _ in range(PASSES):
        for timing in timings:
            timing.measure()
    return timings


def table(timings: Sequence[Timing]) -> Table:
    """Times and speedups, one row per kernel; what is slower says so in words."""
    versions = ", ".join(f"{package} {installed_version(package)}" for package in ("jitkit", "numba", "numpy"))
    result = Table(
        title=f"{machine()}\nPython {platform.python_version()}, {versions}",
        caption="Shortest call of each, into arrays that exist; ~ scaled from a part.",
        **STYLE,
    )
    result.add_column("kernel", no_wrap=True)
    for header in ("size", "pure\nPython", "NumPy", "jitkit", "over\nPython", "over\nNumPy"):
        result.add_column(header, justify="right", no_wrap=True)
    for timing in timings:
        seconds = timing.seconds
        part = "~" if timing.kernel.python_part < 1 else ""
        result.add_row(
            timing.kernel.name, megabytes(timing.kernel.nbytes), part + duration(seconds["python"]),
            duration(seconds["numpy"]) + named(timing.kernel.peer) if "numpy" in seconds else "",
            duration(seconds["jitkit"]), ratio(timing.speedup("python")), ratio(timing.speedup("numpy")),
        )  # fmt: skip
    return result


def named(peer: str) -> str:
    """Below a time, whose it is if not NumPy's."""
    return "" if peer == "NumPy" else f"\n{peer}"


def duration(seconds: float) -> str:
    """Three digits and a unit: `4.21 ms`."""
    unit, size = next(((unit, size) for unit, size in UNITS if seconds >= size), UNITS[-1])
    value = seconds / size
    return f"{value:.{max(0, 3 - len(str(int(value))))}f} {unit}"


def ratio(speedup: float | None) -> Text:
    """A speedup, in a colour that says what its words say."""
    if speedup is None:
        return Text("")
    return Text(times(speedup), "green") if speedup >= 1 else Text(f"{times(speedup)}\nslower", "bold red")


def machine() -> str:
    """What the figures are worth: measured where, how and when."""
    return f"one thread of {processor()}, {date.today()}"


def processor() -> str:
    """The processor's model, as the system names it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
