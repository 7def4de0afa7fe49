"""The script that compares readers of telemetry: what it asks and reports, never how fast anything is."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "asv_bench"
WANTED = {"sample.ulg": 40.0, "sample_log_small": 20.0, "sample_appended": 20.0, "many_topics": 8.0, "CRC-32": 12.0}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A quick run; the script itself compares what the sides find."""
    file = tmp_path_factory.mktemp("peers") / "telemetry.json"
    questions = ["ulog", "frames", "damage"]
    command = [sys.executable, SCRIPTS / "peers" / "telemetry.py", "--quick", "--json", file, "--only", *questions]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())["rows"]


def test_every_comparison_has_two_times_and_their_ratio(report):
    for row in [row for row in report if row["theirs"] is not None]:
        assert row["jitkit"] > 0.0
        assert math.isclose(row["ratio"], row["theirs"] / row["jitkit"])


def test_every_figure_that_is_wanted_is_asked_for(report):
    for work, at_least in WANTED.items():
        assert at_least in [row["at_least"] for row in report if row["work"].startswith(work)], work


def test_500_mutations_of_each_format_crash_nothing():
    command = [sys.executable, SCRIPTS / "proofs" / "telemetry_damage.py", "--count", "500"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith(("| ulog", "| frames"))]
    assert [row.split("|")[2].strip() for row in rows] == ["500", "500"]
    assert all(row.endswith("| 0 |") for row in rows)
