"""The account of a file's bytes."""

import io

import numpy as np
import pytest

import jitkit as jk
from jitkit.telemetry import Report

REASONS = ("bad size", "cut off at the end of the file", "unknown type")
BAD_SIZE, CUT_OFF, UNKNOWN = range(3)


def report(*ranges, size=1000, container=100):
    starts, stops, codes = np.array(ranges, np.int64).reshape(-1, 3).T
    skipped = int((stops - starts).sum())
    return Report(size, size - container - skipped, container, 7, starts, stops, codes, REASONS)


def test_a_report_says_where_every_byte_is():
    found = report((10, 30, BAD_SIZE), (50, 51, UNKNOWN), (60, 64, BAD_SIZE))
    assert found.skipped == [(10, 30, "bad size"), (50, 51, "unknown type"), (60, 64, "bad size")]
    assert (found.size, found.decoded_bytes, found.container_bytes, found.skipped_bytes) == (1000, 875, 100, 25)
    assert found.decoded_bytes + found.container_bytes + found.skipped_bytes == found.size
    assert found.counts == {"bad size": 2, "unknown type": 1}
    assert found.records == 7
    assert all(type(number) is int for number in (*found.skipped[0][:2], found.skipped_bytes))


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([], "complete"),
        ([(990, 1000, CUT_OFF)], "truncated"),
        ([(990, 1000, BAD_SIZE)], "corrupt"),
        ([(10, 11, BAD_SIZE)], "corrupt"),
        ([(10, 11, BAD_SIZE), (990, 1000, CUT_OFF)], "corrupt"),
        ([(980, 990, CUT_OFF)], "corrupt"),  # there is more behind it
    ],
)
def test_completeness(ranges, expected):
    assert report(*ranges).completeness == expected


def test_what_a_report_looks_like():
    assert repr(report()).splitlines() == [
        "Report: complete, 7 records of 1,000 bytes",
        "  900 decoded, 100 container, 0 skipped",
    ]
    lines = repr(report((5, 1005, UNKNOWN), size=2_000_000)).splitlines()
    assert lines == [
        "Report: corrupt, 7 records of 2,000,000 bytes",
        "  1,998,900 decoded, 100 container, 1,000 skipped",
        "             5 to 1,005: unknown type",
    ]


def test_a_report_of_many_ranges_is_short():
    found = report(*((10 * i, 10 * i + 1, UNKNOWN) for i in range(50)))
    assert len(found.skipped) == 50
    lines = repr(found).splitlines()
    assert len(lines) == 2 + 8 + 1
    assert lines[-1] == "  ... and 42 more ranges"
    assert max(map(len, lines)) <= 80


def test_the_report_of_a_log():
    table = np.zeros(3, [("timestamp", "u8")])
    file = io.BytesIO()
    jk.telemetry.ulog.write(file, {"t": table}, info={"a": 1})
    contents = file.getvalue()
    record = 3 + 2 + 8
    key_value = 3 + 1 + len("int32_t a") + 4
    found = jk.telemetry.read(contents).report
    assert (found.size, found.decoded_bytes, found.skipped_bytes) == (len(contents), 3 * record + key_value, 0)
    assert found.container_bytes == len(contents) - found.decoded_bytes
    assert found.records == 1 + 1 + 1 + 1 + 3  # flags, format, information, subscription, data
    assert (found.skipped, found.counts, found.completeness) == ([], {}, "complete")
    cut = jk.telemetry.read(contents[:-1], errors="recover").report
    assert cut.skipped == [(len(contents) - record, len(contents) - 1, "cut off at the end of the file")]
    assert (cut.records, cut.completeness) == (6, "truncated")
