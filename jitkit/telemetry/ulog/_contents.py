"""What is found in a ULog, sound or damaged, before anything is decoded."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jitkit.telemetry._report import Report
from jitkit.telemetry.ulog._formats import Layout
from jitkit.telemetry.ulog._payloads import Subscription

Array = np.ndarray[Any, Any]


class Series(NamedTuple):
    """The records of a subscription: where each begins in the file, in ascending order."""

    subscription: Subscription
    layout: Layout
    offsets: Array


class Contents(NamedTuple):
    """What was found in a file."""

    data: Array
    series: list[Series]
    others: Array  # places of all messages that are no data
    report: Report
