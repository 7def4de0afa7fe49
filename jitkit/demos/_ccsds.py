"""What the headers of CCSDS space packets say about time and order."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

EPOCH = np.datetime64("1958-01-01", "us")  # of the day segmented time code: CCSDS 301.0-B-4, section 3.3
COUNTS = 2**14  # after which the sequence count starts again at 0: CCSDS 133.0-B-2, section 4.1.3.4.3


def utc(columns: Mapping[str, npt.NDArray[Any]], clock: str) -> npt.NDArray[np.datetime64]:
    """Times of a day segmented clock, exact to the microsecond (the second of a leap second counts as the next day)."""
    day = columns[f"{clock}.day"].astype(np.int64)
    millisecond = columns[f"{clock}.millisecond"].astype(np.int64) + 86_400_000 * day
    microsecond = columns[f"{clock}.microsecond"].astype(np.int64) + 1000 * millisecond
    return EPOCH + microsecond.astype("timedelta64[us]")


def gaps(counts: npt.NDArray[Any]) -> tuple[int, int]:
    """How many gaps a sequence count has, and how many packets are missing in them.

    Whole turns of the counter leave no trace: of a gap of 16,384 packets nothing is seen.
    """
    missing = np.remainder(np.diff(counts.astype(np.int64)) - 1, COUNTS)
    return int(np.count_nonzero(missing)), int(missing.sum())
