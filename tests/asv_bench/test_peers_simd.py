"""The script that compares roots with NumPy's and others': what it asks and reports, never how fast anything is."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jitkit._core import cpu

PROJECT = Path(__file__).parents[2]
SCRIPT = PROJECT / "asv_bench" / "peers" / "simd.py"
SIZES = ("1", "1Ki", "4Ki", "16Ki", "64Ki", "256Ki")


def run(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A quick run of the questions that one process answers; the script itself compares all bits."""
    file = tmp_path_factory.mktemp("peers") / "simd.json"
    run("--quick", "--json", file, "--only", "sizes", "zeros", "strides", "matrices", "threads", "python", "functions")
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def rows(report):
    return {row["work"]: row for row in report["rows"]}


@pytest.fixture
def peers(monkeypatch):
    """The script's own modules."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import _simd_compilers
    import _simd_level

    return _simd_compilers, _simd_level


def test_every_comparison_has_two_times_and_their_ratio(report):
    measured = [row for row in report["rows"] if not row["why_not_measured"]]
    assert len(measured) >= 12 + 10 + 6 + 4 + 2
    for row in measured:
        assert row["theirs"] > 0.0
        assert row["jitkit"] > 0.0
        assert math.isclose(row["ratio"], row["theirs"] / row["jitkit"])
        assert row["met"] is (None if row["at_least"] is None else row["ratio"] >= row["at_least"])


def test_every_question_about_roots_is_answered_for_both_types(rows):
    for kind in ("f64", "f32"):
        assert {f"{kind}, {size}" for size in SIZES} <= rows.keys()
        assert {f"{kind}, 16Ki, {share} % zeros" for share in ("0.1", "1", "10", "50", "100")} <= rows.keys()
        views = ("every second item", "from the end", "a column of 8")
        assert {f"{kind}, 16Ki, {view}" for view in views} <= rows.keys()
        assert {f"{kind}, 512 x 512, {view}" for view in ("m.T", "m[:, ::2]")} <= rows.keys()
        assert rows[f"{kind}, 16Ki, a list by math.sqrt"]["against"] == "pure Python"


def test_what_is_wanted_is_that_of_this_processor(rows, peers):
    wanted = {
        "avx512": [1.0, 1.4, 1.8, 2.2, 2.0, 1.35], "avx2": [None, None, None, 1.15, 1.15, None], "other": [0.97] * 6,
    }  # fmt: skip
    assert [rows[f"f64, {size}"]["at_least"] for size in SIZES] == wanted[peers[1].level()]


def test_what_cannot_be_measured_keeps_its_figure_and_says_why(rows):
    row = rows["f64, 64Ki, two threads, wall"]
    if row["jitkit"] is None:
        assert row["why_not_measured"].startswith("not measured: ")
        assert row["met"] is None


def test_a_process_without_avx512_is_measured_beside_this_one(tmp_path):
    if not cpu.runs_here("nehalem"):
        pytest.skip("not an x86-64 processor")
    file = tmp_path / "levels.json"
    run("--quick", "--json", file, "--only", "levels")
    report = json.loads(file.read_text())
    assert report["rows"][-1]["work"].endswith("SSE4.2")
    with_sse = [row for row in report["rows"] if row["work"].endswith(", as with SSE4.2")]
    assert [row["at_least"] for row in with_sse] in ([], [0.97] * 12)
    assert any(note.startswith("As with SSE4.2: jk.sqrt of f64 works by ") for note in report["notes"]) == bool(
        with_sse
    )


def test_the_first_call_does_without_numba(tmp_path):
    file = tmp_path / "start.json"
    run("--quick", "--json", file, "--only", "start")  # ends with an error where numba is loaded
    clocks = {row["work"].split(", ")[-2]: row for row in json.loads(file.read_text())["rows"]}
    assert set(clocks) == {"processor time", "wall"}
    for row in clocks.values():
        assert row["at_most"] == 0.15
        assert row["met"] is (row["jitkit"] <= 0.15)


def test_a_compiler_that_is_missing_or_fails_is_a_reason_not_an_error(peers, tmp_path):
    compilers, _ = peers
    with pytest.raises(compilers.LackingError, match="not measured: no-such-compiler is not installed"):
        compilers.Library(("no-such-compiler",), "", tmp_path / "roots.c")
    with pytest.raises(compilers.LackingError, match="not measured: false ended with status 1"):
        compilers.Library(("false",), "", tmp_path / "roots.c")


def test_other_compilers_are_asked_or_their_absence_is_told(tmp_path):
    file = tmp_path / "peers.json"
    printed = run("--quick", "--markdown", "--json", file, "--only", "peers")
    rows = json.loads(file.read_text())["rows"]
    assert {row["against"].split(",")[0] for row in rows} == {
        "numba @njit", "numexpr", "gcc -O3 -march=native", "Rust",
    }  # fmt: skip
    for row in rows:
        assert (row["theirs"] is None) == bool(row["why_not_measured"])
    assert "| against | work | theirs | jitkit | ratio | wanted | met |" in printed
    assert "A quick run" in printed


def test_says_what_it_was_measured_on(report):
    assert report["quick"] is True
    assert report["host"]["packages"]["numpy"]
    assert [choice.split(" works ")[0] for choice in report["choices"]] == ["jk.sqrt of f64", "jk.sqrt of f32"]
