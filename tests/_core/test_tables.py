"""Tables of records on a terminal."""

import numpy as np
import pytest
from rich.console import Console

from jitkit._core.tables import Cells, fitting, text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("plain", "plain"),
        ("red \x1b[31m", "red \\x1b[31m"),
        ("two\nlines", "two\\nlines"),
        (b"bell\x07 \xff", "bell\\x07 \\xff"),
        (True, "True"),
        (np.uint64(2**64 - 1), "18446744073709551615"),
        (np.float32(1) / 3, "0.333333"),
        (np.array([1.5, 2]), "[1.5, 2]"),
        (np.array([b"a\x1b"]), "[a\\x1b]"),
    ],
)
def test_a_terminal_obeys_nothing_of_what_a_file_says(value, said):
    assert text(value) == said


def printed(table, width=80):
    console = Console(width=width)
    with console.capture() as capture:
        console.print(table)
    return [line.split() for line in capture.get().splitlines() if line.strip()]


COLUMNS = [Cells("field", 6, ["a", "long_name"]), *(Cells(f"record {i}", 20, ["1", "22"], True) for i in range(9))]


def test_a_text_that_is_too_long_is_cut():
    assert [line[0] for line in printed(fitting(COLUMNS, 80))] == ["field", "a", "long_…"]


@pytest.mark.parametrize(("width", "records"), [(8, 0), (17, 0), (18, 1), (28, 2), (80, 7), (200, 9)])
def test_as_many_records_are_shown_as_fit(width, records):
    table = fitting(COLUMNS, width)
    assert len(table.columns) == 1 + records
    assert printed(table, max(width, 8))[1] == ["a", *["1"] * records]


def test_a_screen_that_has_room_for_nothing_shows_nothing():
    assert len(fitting(COLUMNS, 3).columns) == 0
