import re

import pytest

import jitkit as jk
from jitkit import demos
from jitkit._core import extras
from jitkit.demos import _runner, _timing, flight, records, ring, sqrt


@pytest.fixture
def quick(monkeypatch):
    """One call of everything: what is said about the times counts here, not the times."""
    monkeypatch.setattr(_runner, "PASSES", 1)
    monkeypatch.setattr(_timing, "BLOCK", 0.0005)
    monkeypatch.setattr(flight, "SECONDS", 1.0)
    monkeypatch.setattr(records, "RECORDS", 2_000)
    monkeypatch.setattr(ring, "COUNT", 2_000)
    monkeypatch.setattr(sqrt, "COUNT", 2_000)
    monkeypatch.setattr(sqrt, "TEXT", 2_000)
    monkeypatch.setenv("COLUMNS", "80")


def timing(jitkit, python=1.0, numpy=None, **kernel):
    kernel = {"name": "kernel", "nbytes": 8_000_000, "jitkit": int, "python": int, "numpy": None} | kernel
    seconds = {"jitkit": jitkit, "python": python} | ({} if numpy is None else {"numpy": numpy})
    return _timing.Timing(_timing.Kernel(**kernel), seconds)


def test_every_public_module_is_a_demo():
    assert _runner.names_of_demos() == ["flight", "records", "ring", "sqrt", "telemetry"]


@pytest.mark.usefixtures("quick")
def test_all_demos_make_one_table(capsys):
    assert demos.run() == 0
    printed = capsys.readouterr()
    sensor, rings, roots = (
        ("sensor, C layout", "sensor, packed", "sensor, back to bytes"),
        ("queue, one by one", "highest of 1,024"),
        ("roots, float64", "roots, float32"),
    )
    for name in (*sensor, *rings, *roots, "control character", "ULog to columns", "JPSS-1 packets"):
        assert name in printed.out
    assert printed.out.count("kernel") == 1
    assert "Compiling the kernels of flight, records, ring, sqrt, telemetry" in printed.err
    assert max(map(len, printed.out.splitlines())) <= 80


@pytest.mark.usefixtures("quick")
def test_a_demo_asked_for_by_name_tells_its_story_first(capsys):
    assert demos.run(["telemetry"]) == 0
    story, _, table = capsys.readouterr().out.partition("kernel  ")
    assert "sequence_count" in story
    assert "JPSS-1 packets" in table
    assert "sensor" not in table


def test_an_unknown_demo_is_refused_before_anything_runs(capsys):
    with pytest.raises(
        jk.JitkitError, match=r"expected the name of a demo \(flight, records, ring, sqrt, telemetry\), got 'telemtry'"
    ):
        demos.run(["records", "telemtry"])
    assert capsys.readouterr() == ("", "")


def test_plot_without_matplotlib_names_the_remedy_before_the_work(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(extras, "installed_version", lambda _: None)
    with pytest.raises(jk.MissingExtraError, match=re.escape("pip install 'jitkit[plot]'")):
        demos.run([], tmp_path / "speed.svg")
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("quick")
def test_the_plot_is_written(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "speed.svg"
    assert demos.run(["telemetry"], path) == 0
    assert "JPSS-1 packets, 0.5 MB" in path.read_text()
    assert str(path) in capsys.readouterr().err.replace("\n", "")


def test_where_jitkit_is_slower_the_table_says_so(capsys):
    _runner.Console(width=80).print(
        _runner.table([timing(2e-3, python=0.5, numpy=1e-3, name="decode", python_part=0.1)])
    )
    lines = capsys.readouterr().out.splitlines()
    first, second = next((line, lines[i + 1]) for i, line in enumerate(lines) if line.strip().startswith("decode"))
    assert re.split(r"\s{2,}", first.strip()) == ["decode", "8.0 MB", "~500 ms", "1.00 ms", "2.00 ms", "250x", "0.50x"]
    assert second.strip() == "slower"


def test_a_package_in_the_place_of_numpy_is_named(capsys):
    made = timing(1e-3, python=0.5, numpy=0.05, name="decode", peer="pyulog")
    _runner.Console(width=80).print(_runner.table([made]))
    lines = capsys.readouterr().out.splitlines()
    first, second = next((line, lines[i + 1]) for i, line in enumerate(lines) if line.strip().startswith("decode"))
    assert re.split(r"\s{2,}", first.strip()) == ["decode", "8.0 MB", "500 ms", "50.0 ms", "1.00 ms", "500x", "50x"]
    assert second.strip() == "pyulog"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.34, "12.3 s"),
        (1.0, "1.00 s"),
        (0.1234, "123 ms"),
        (0.00456, "4.56 ms"),
        (7.9e-5, "79.0 us"),
        (4e-8, "0.04 us"),
    ],
)
def test_durations_have_three_digits(seconds, text):
    assert _runner.duration(seconds) == text
