"""What the gate makes of asv's figures; that it catches a real slowdown is test_gate.py's subject."""

import platform
import re
import subprocess
import sys
from pathlib import Path

import compare
import measure
import pytest
from compare import Row, rows, slower

SCRIPT = Path(compare.__file__)


def result(values, kernels=("records.pack", "records.view"), sizes=(1_000, 100_000)):
    """A result file as asv 0.6 writes it, cut down to what is read."""
    params = [[repr(kernel) for kernel in kernels], [str(n) for n in sizes]]
    return {
        "result_columns": ["result", "params", "version"],
        "results": {"speedup.Speedup.track_relative_time": [values, params, "1"]},
    }


def test_figures_are_read_by_kernel_and_size():
    found = measure.figures(result([0.01, 0.02, 0.5, 0.25]), "track_relative_time")
    assert found == {
        ("records.pack", 1_000): 0.01,
        ("records.pack", 100_000): 0.02,
        ("records.view", 1_000): 0.5,
        ("records.view", 100_000): 0.25,
    }


def test_a_lacking_kernel_is_nan_and_a_failing_one_null_and_neither_is_a_figure():
    found = measure.figures(result([float("nan"), 0.02, None, 0.25]), "track_relative_time")
    assert found == {("records.pack", 100_000): 0.02, ("records.view", 100_000): 0.25}


def test_a_benchmark_that_failed_as_a_whole_has_no_figures():
    assert measure.figures(result(None), "track_relative_time") == {}
    assert measure.figures({"result_columns": ["result"], "results": {}}, "track_relative_time") == {}


def test_slower_is_more_relative_time_by_more_than_the_factor():
    base = {("records.pack", 1_000): 0.01, ("records.view", 1_000): 0.01}
    head = {("records.pack", 1_000): 0.0151, ("records.view", 1_000): 0.0149}
    assert [row.kernel for row in slower(rows(base, head))] == ["records.pack"]


def test_faster_is_never_a_regression():
    assert slower(rows({("records.pack", 1_000): 0.01}, {("records.pack", 1_000): 0.0001})) == []


def test_a_new_kernel_passes_and_a_kernel_that_is_gone_does_not():
    new, gone = rows({("gone", 1_000): 0.01}, {("new", 1_000): 0.01})[::-1]
    assert slower([new, gone]) == [gone]
    assert "new" in str(new)
    assert "gone" in str(gone)


def test_a_row_shows_both_speedups_and_how_much_slower_it_got():
    row = Row("records.pack", 1_000, base=0.01, head=0.02)
    assert str(row).split() == ["records.pack", "1,000", "100.0x", "50.0x", "2.00"]


@pytest.mark.parametrize(
    ("measurements", "status", "asked_again"),
    [
        ([1.0, 1.1], 0, None),
        ([1.0, 2.0, 1.0, 1.1], 0, ["records.pack n=1000"]),
        ([1.0, 2.0, 1.0, 2.0], 1, ["records.pack n=1000"]),
    ],
    ids=["no suspect", "not confirmed", "confirmed"],
)
def test_only_what_is_slower_twice_fails(monkeypatch, capsys, measurements, status, asked_again):
    asked = []

    def run_asv(*args):
        asked.append(args[-1])
        return result([measurements[len(asked) - 1], 1.0], kernels=["records.pack"])

    monkeypatch.setattr(compare, "run_asv", run_asv)
    assert compare.gate("a" * 40, "b" * 40) == status
    assert len(asked) == len(measurements)
    assert asked_again is None or asked[2:] == [asked_again] * 2
    assert ("regression, confirmed: records.pack n=1000" in capsys.readouterr().out) == bool(status)


def run_compare(*args):
    done = subprocess.run([sys.executable, SCRIPT, *args], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_history_that_is_too_short_is_skipped_with_a_message():
    status, output = run_compare("HEAD~1000000")
    assert status == 0
    assert output.startswith("skipped: ")
    assert "HEAD~1000000" in output


def test_a_checkout_without_a_baseline_is_skipped_with_a_message(monkeypatch, tmp_path, capsys):
    (tmp_path / "baseline").write_text("none\n")
    monkeypatch.setattr(compare, "HERE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["compare.py"])
    assert compare.main() == 0
    assert "the baseline is the commit that brings the suite" in capsys.readouterr().out


def test_a_machine_is_named_after_its_processor_and_never_after_the_host():
    machine = measure.machine_information()
    assert re.fullmatch(r"[a-z0-9-]+", machine["machine"])
    assert machine["machine"][:3] == machine["cpu"][:3].lower()
    assert platform.node() not in machine.values()
