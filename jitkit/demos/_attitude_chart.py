"""Roll, pitch and yaw over time, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jitkit._core.extras import require
from jitkit.demos._chart import GRID, INK

Floats = npt.NDArray[np.float64]

FEATURE = "jitkit.demos.flight --plot"
# From the palette of Okabe and Ito, as in `_chart`: blue, vermilion, bluish green.
COLOURS = ("#0072B2", "#D55E00", "#009E73")
LEAST = 10.0  # degrees that an axis spans: noise must not look like manoeuvres
TURN = 180.0  # degrees: a larger step is one across the south, from 180 to -180


def draw(seconds: Floats, angles: Mapping[str, Floats], title: str, path: Path) -> None:
    """Write one panel for each angle, in degrees, against the time.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    matplotlib, figures = require("matplotlib", FEATURE), require("matplotlib.figure", FEATURE)
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "jitkit", "text.color": INK, "font.size": 10}):
        figure = figures.Figure((9.0, 5.4), dpi=150, facecolor="white", layout="constrained")
        panels = figure.subplots(len(angles), sharex=True)
        for axes, (name, values), colour in zip(panels, angles.items(), COLOURS, strict=True):
            shown = values.copy()
            shown[1:][np.abs(np.diff(values)) > TURN] = np.nan  # no line across the panel
            axes.plot(seconds, shown, color=colour, linewidth=1.1)
            low, high = values.min(), values.max()
            margin = max(0.12 * (high - low), (LEAST - (high - low)) / 2)
            axes.set_ylim(low - margin, high + margin)
            if high - low > TURN:
                axes.set_yticks(range(-180, 181, 90))
            axes.set_ylabel(name, color=colour, fontweight="bold", rotation=0, ha="right", va="center")
            axes.yaxis.set_major_formatter("{x:g}°")
            axes.grid(color=GRID, linewidth=0.7)
            axes.set_axisbelow(True)
            axes.spines[:].set_visible(False)
            axes.tick_params(length=0, colors=INK)
            axes.margins(x=0.01)
        figure.align_ylabels(panels)
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
        figure.suptitle(title, x=0.014, ha="left", fontsize=13, fontweight="bold")
        panels[-1].set_xlabel("seconds since the start of the log", color=INK)
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
