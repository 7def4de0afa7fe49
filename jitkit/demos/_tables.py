"""Tables of the demos' stories, readable at 80 columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from rich import box
from rich.table import Table

STYLE: dict[str, Any] = {
    "box": box.SIMPLE_HEAD,
    "padding": (0, 1, 0, 0),  # with more, seven columns of figures do not fit
    "pad_edge": False,
    "title_justify": "left",
    "title_style": "bold",
    "caption_justify": "left",
    "caption_style": "dim",
}


def facts(title: str, rows: Mapping[str, str]) -> Table:
    """One fact per row."""
    table = Table(title=title, show_header=False, **STYLE)
    for name, fact in rows.items():
        table.add_row(name, fact)
    return table


def extremes(title: str, quantities: Mapping[str, npt.NDArray[np.floating[Any]]]) -> Table:
    """Least, mean and greatest value of each quantity."""
    table = Table("", title=title, **STYLE)
    for header in ("least", "mean", "greatest"):
        table.add_column(header, justify="right")
    for name, values in quantities.items():
        table.add_row(name, *(f"{value:,.3f}" for value in (values.min(), values.mean(), values.max())))
    return table
