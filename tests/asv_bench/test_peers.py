"""The script that compares jitkit with other software: that it runs and what it reports, never how fast anything is."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SCRIPT = PROJECT / "asv_bench" / "peers" / "records.py"


def run(*arguments):
    done = subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A quick run of every question that needs nothing but NumPy and Python."""
    file = tmp_path_factory.mktemp("peers") / "records.json"
    run("--quick", "--path", "as-it-comes", "--json", file, "--only", "struct", "existing", "fresh", "bits")
    return json.loads(file.read_text())


def test_every_comparison_has_two_times_and_their_ratio(report):
    assert report["rows"]
    for row in report["rows"]:
        assert row["theirs"] > 0.0
        assert row["jitkit"] > 0.0
        assert math.isclose(row["ratio"], row["theirs"] / row["jitkit"])


def test_a_wanted_figure_is_met_exactly_when_the_ratio_reaches_it(report):
    for row in report["rows"]:
        wanted = row["at_least"]
        assert row["met"] is (None if wanted is None else row["ratio"] >= wanted)


def test_every_question_about_numpy_and_struct_is_answered(report):
    asked = {(row["against"], row["at_least"]) for row in report["rows"] if row["at_least"] is not None}
    assert asked == {
        ("struct.iter_unpack", 200.0),
        ("NumPy field copies", 3.0),
        ("NumPy field copies", 2.5),
        ("NumPy field copies", 1.0),
        ("memcpy", 0.8),
        ("NumPy, shifts, masks", 6.0),
        ("NumPy, shifts, masks", 2.0),
    }


def test_the_report_says_what_it_was_measured_on_and_nothing_else_of_the_machine(report):
    assert report["quick"] is True
    processor = {"processor", "processor_type", "cpus", "widest_vectors"}
    assert set(report["host"]) == processor | {"system", "huge_pages", "date", "python", "packages"}
    assert report["host"]["packages"]["numpy"]


def test_prints_markdown_for_a_readme():
    printed = run("--quick", "--markdown", "--only", "compile")
    assert "| against | work | theirs | jitkit | ratio | wanted | met |" in printed
    assert "A quick run" in printed
