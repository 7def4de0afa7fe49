"""The script that compares the compile cache with numba's: what it counts and reports, never how fast anything is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SCRIPT = PROJECT / "asv_bench" / "peers" / "cache.py"


def run(*arguments):
    done = subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A quick run of the questions about what is compiled; the script itself compares all answers."""
    file = tmp_path_factory.mktemp("peers") / "cache.json"
    run("--quick", "--json", file, "--only", "leaf", "stale", "warm", "damaged")
    return json.loads(file.read_text())


def counts(report, unit):
    return {row["work"]: (row["theirs"], row["jitkit"], row["met"]) for row in report["rows"] if row["unit"] == unit}


def test_jitkit_compiles_what_has_changed_and_no_more(report):
    compiled = counts(report, "kernels")
    edited = "compiled after editing one leaf that has one dependent"
    assert compiled[f"{edited}, in one file"] == (20, 2, True)
    assert compiled[f"{edited}, in 4 files"] == (5, 2, True)
    assert compiled["compiled in a warm start"] == (0, 0, True)


def test_jitkit_gives_no_stale_answer(report):
    assert counts(report, "stale") == {"stale answer after an edit in another file": (1, 0, True)}


def test_every_damaged_file_is_noticed(report):
    ((_, detected, met),) = counts(report, "detected").values()
    assert (detected, met) == (1000, True)


def test_every_time_has_a_ratio_and_a_verdict(report):
    times = [row for row in report["rows"] if row["unit"] == "s"]
    assert len(times) == 3
    for row in times:
        assert row["ratio"] == row["theirs"] / row["jitkit"]
        if row["at_least"] is not None:
            assert row["met"] is (row["ratio"] >= row["at_least"])
        elif row["at_most"] is not None:
            assert row["met"] is (row["jitkit"] <= row["at_most"])


def test_says_what_it_was_measured_on(report):
    assert report["quick"] is True
    assert report["host"]["packages"]["numba"]


def test_prints_markdown_for_a_readme():
    printed = run("--quick", "--markdown", "--only", "decode")
    assert "| against | work | theirs | jitkit | ratio | wanted | met |" in printed
    assert "A quick run" in printed
