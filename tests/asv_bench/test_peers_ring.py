"""The script that compares rings with other people's: what it asks and reports, never how fast anything is."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "asv_bench" / "peers" / "ring.py"
QUESTIONS = ("push", "pairs", "bulk", "python", "window", "threads")

# What is wanted at least, against whom: the first words of the work tell what it is.
WANTED = {
    ("push, overwrite", "C++, template N"): 2.0,
    ("push, overwrite", "Rust, const N"): 2.0,
    ("push, overwrite", "boost circular_buffer"): 4.0,
    ("push, overwrite", "numba jitclass"): 3.0,
    ("push, overwrite", "njit, run-time capacity, %"): 6.0,
    ("push + pop", "C++, template N"): 1.0,
    ("push + pop", "Rust, const N"): 1.0,
    ("in and out by 16", "boost spsc_queue"): 0.9,
    ("in and out by 1000", "boost spsc_queue"): 0.9,
    ("push from Python", "deque.append"): 0.85,
    ("push from Python", "numpy_ringbuffer.append"): 15.0,
    ("push from Python", "dvg_ringbuffer.append"): 12.0,
    ("push from Python", "numba jitclass, from Python"): 18.0,
    ("two threads, one by one", "C++ SPSC, cached indices"): 0.95,
    ("two threads, one by one", "boost spsc_queue"): 2.5,
    ("two threads, one by one", "queue.SimpleQueue"): 20.0,
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A quick run of what one process answers; the script itself compares what came out of each side."""
    file = tmp_path_factory.mktemp("peers") / "ring.json"
    command = [sys.executable, SCRIPT, "--quick", "--json", file, "--only", *QUESTIONS]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())


def test_every_comparison_has_two_times_and_their_ratio(report):
    measured = [row for row in report["rows"] if row["theirs"] is not None]
    assert measured
    for row in measured:
        assert row["why_not_measured"] == ""
        assert row["jitkit"] > 0.0
        assert math.isclose(row["ratio"], row["theirs"] / row["jitkit"])
        assert row["met"] is (None if row["at_least"] is None else row["ratio"] >= row["at_least"])


def test_every_figure_that_is_wanted_is_asked_for(report):
    for (work, against), at_least in WANTED.items():
        rows = [row for row in report["rows"] if row["against"] == against and row["work"].startswith(work)]
        assert at_least in [row["at_least"] for row in rows], (work, against)


def test_windows_of_all_lengths_take_the_same_time_or_the_row_says_no(report):
    (row,) = [row for row in report["rows"] if "slowest n" in row["work"]]
    assert row["at_most"] == 120  # per cent of the fastest
    assert row["met"] is (row["jitkit"] <= 120)


def test_what_cannot_be_measured_keeps_its_figure_and_says_why(report):
    for row in report["rows"]:
        if row["why_not_measured"]:
            assert row["why_not_measured"].startswith("not measured: ")
            assert row["met"] is None


def test_says_what_it_was_measured_on(report):
    assert report["quick"] is True
    assert report["host"]["packages"]["numpy"]
