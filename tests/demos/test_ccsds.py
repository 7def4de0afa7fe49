import numpy as np
import pytest

from jitkit.demos import _ccsds


def test_a_day_segmented_time_is_utc_to_the_microsecond():
    clock = {
        "time.day": np.array([0, 23_109], np.uint16),
        "time.millisecond": np.array([0, 86_399_999], np.uint32),
        "time.microsecond": np.array([0, 999], np.uint16),
    }
    expected = np.array(["1958-01-01T00:00:00.000000", "2021-04-09T23:59:59.999999"], "M8[us]")
    assert _ccsds.utc(clock, "time").tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("counts", "gaps", "missing"),
    [
        ([], 0, 0),
        ([7], 0, 0),
        ([7, 8, 9], 0, 0),
        ([7, 9, 10, 20], 2, 10),
        ([16_382, 16_383, 0, 1], 0, 0),  # after 2**14 - 1 comes 0
        ([16_380, 2], 1, 5),
    ],
)
def test_gaps_in_a_sequence_count(counts, gaps, missing):
    assert _ccsds.gaps(np.array(counts, np.uint16)) == (gaps, missing)
