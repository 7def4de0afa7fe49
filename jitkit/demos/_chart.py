"""The speedups of `jitkit demo` as a chart that a README can show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jitkit._core.extras import require
from jitkit.demos._timing import Timing, megabytes, times
from jitkit.errors import JitkitError

FEATURE = "jitkit demo --plot"
# From the palette of Okabe and Ito, "Color universal design" (2008): told apart with every kind of colour vision.
SIDES = {"python": ("over pure Python", "#0072B2"), "numpy": ("over NumPy", "#E69F00")}
INK, GRID = "#222222", "#DDDDDD"
PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}  # behind text, where grid lines would cross it
BAR = 0.38  # height, in rows


def check(path: Path, feature: str = FEATURE) -> None:
    """Raise what drawing to this file would raise, before any work is done."""
    formats = require("matplotlib.figure", feature).Figure().canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in formats:
        raise JitkitError(f"expected a plot file that ends in .{', .'.join(sorted(formats))}, got {str(path)!r}")
    if not path.parent.is_dir():
        raise JitkitError(f"expected a plot file in a directory that exists, got {str(path)!r}")


def draw(timings: Sequence[Timing], title: str, path: Path) -> None:
    """Write horizontal bars on a logarithmic axis, each with its value; those left of 1x are where jitkit is slower.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    matplotlib, figures = require("matplotlib", FEATURE), require("matplotlib.figure", FEATURE)
    # Text stays text: sharp, searchable, and small. Without a date the same figures make the same file.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "jitkit", "text.color": INK}):
        figure = figures.Figure((8.0, 1.0 + 0.7 * len(timings)), facecolor="white", layout="constrained")
        axes = figure.add_subplot(xscale="log")
        for row, timing in enumerate(timings):
            for place, (side, (label, colour)) in enumerate(SIDES.items()):
                if (speedup := timing.speedup(side)) is not None:
                    y = row + (place - 0.5) * BAR
                    axes.barh(y, speedup - 1, BAR, left=1, color=colour, zorder=2)
                    over = label.replace("NumPy", timing.kernel.peer)
                    text = f"{times(speedup)} {over}" + (": slower" if speedup < 1 else "")
                    axes.annotate(
                        text, (max(speedup, 1), y), (4, 0), textcoords="offset points", va="center", bbox=PAPER
                    )
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        names = [f"{timing.kernel.name}, {megabytes(timing.kernel.nbytes)}" for timing in timings]
        axes.set_yticks(range(len(timings)), names)
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter("{x:,g}x")
        axes.grid(axis="x", color=GRID, zorder=0)
        axes.axvline(1, color=INK, linewidth=1, zorder=3)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, which="both", colors=INK)
        low, high = axes.get_xlim()
        axes.set_xlim(low, low * (high / low) ** 1.4)  # room for the text of the longest bar
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
