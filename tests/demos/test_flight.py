import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jitkit as jk
from jitkit._core import extras
from jitkit.demos import _attitude_chart, _damage, _flight_log, _ulog_twin, flight


@pytest.fixture(scope="module")
def made():
    return _flight_log.make_log(10.0)


@pytest.fixture(scope="module")
def recorded():
    folder = Path(os.environ.get("JITKIT_TESTDATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
    path = folder / _flight_log.SAMPLE
    if not path.is_file():
        pytest.skip(f"no {_flight_log.SAMPLE} in $JITKIT_TESTDATA or ../shared/data")
    return path.absolute()


@pytest.fixture
def nothing_recorded(monkeypatch, tmp_path):
    monkeypatch.delenv("JITKIT_TESTDATA", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def test_a_made_log_has_the_flight_it_was_made_for(made):
    log = jk.telemetry.read(made)
    assert {name: len(columns) for name, columns in log.items()} == {
        "battery_status": 10, "battery_status.1": 10, "sensor_combined": 2500, "vehicle_attitude": 2500,
        "vehicle_local_position": 100,
    }  # fmt: skip
    seconds = (log.timestamps("vehicle_attitude") - log.start) / 1e6
    expected = np.degrees(_flight_log.attitude(seconds))
    found = list(flight.angles(log["vehicle_attitude"]).values())
    np.testing.assert_allclose(found, expected, atol=2e-5)  # q is float32
    assert (log.info["sys_name"], len(log.parameters), len(log.messages)) == ("made by jitkit", 2, 2)
    position = log["vehicle_local_position"]
    np.testing.assert_allclose(np.hypot(position["x"], position["y"]), 50, rtol=1e-6)
    gravity = [log["sensor_combined"][f"accelerometer_m_s2[{axis}]"] for axis in range(3)]
    np.testing.assert_allclose(np.linalg.norm(gravity, axis=0), 9.80665, rtol=1e-6)


@pytest.mark.parametrize(
    ("quaternion", "angles"),
    [
        ((1, 0, 0, 0), (0, 0, 0)),
        ((np.cos(np.pi / 12), np.sin(np.pi / 12), 0, 0), (30, 0, 0)),
        ((np.cos(np.pi / 12), 0, np.sin(np.pi / 12), 0), (0, 30, 0)),
        ((np.cos(np.pi / 3), 0, 0, np.sin(np.pi / 3)), (0, 0, 120)),
    ],
)
@pytest.mark.kernel
def test_angles_are_those_of_the_quaternion(quaternion, angles):
    out = np.full((3, 1), np.nan)
    flight.euler(*np.array(quaternion, np.float64)[:, np.newaxis], out)
    np.testing.assert_allclose(out[:, 0], angles, atol=1e-4)


@pytest.mark.kernel
def test_a_sine_above_1_is_90_degrees():
    out = np.full((3, 1), np.nan)
    flight.euler(*np.array([[0.8], [0.0], [0.8], [0.0]]), out)
    assert out[1, 0] == 90
    assert np.isfinite(out).all()


@pytest.mark.kernel
def test_python_and_jitkit_read_the_same(made, recorded):
    for data in (made, recorded.read_bytes()):
        by_python, log = _ulog_twin.read(data), jk.telemetry.read(data)
        assert sorted(by_python) == log.topics
        for name, columns in log.items():
            assert list(by_python[name]) == list(columns), name
            for field, column in columns.items():
                np.testing.assert_array_equal(np.array(by_python[name][field], column.dtype), column, f"{name} {field}")


def test_pyulog_reads_the_same(made):
    pyulog = pytest.importorskip("pyulog")
    log = jk.telemetry.read(made)
    theirs = {f"{d.name}.{d.multi_id}".removesuffix(".0"): d.data for d in pyulog.ULog(io.BytesIO(made)).data_list}
    assert sorted(theirs) == log.topics
    for name, columns in log.items():
        for field, column in columns.items():
            np.testing.assert_array_equal(theirs[name][field], column)


def test_its_kernel_is_ready_to_be_timed(monkeypatch):
    monkeypatch.setattr(flight, "SECONDS", 2.0)
    (kernel,) = flight.kernels()
    assert (kernel.name, kernel.nbytes) == ("ULog to columns", len(_flight_log.make_log(2.0)))
    assert kernel.jitkit().keys() == kernel.python().keys()
    assert kernel.peer == "pyulog"
    monkeypatch.setattr(flight, "installed_version", lambda _: None)
    assert flight.kernels()[0].numpy is None


class TestDamage:
    def test_bytes_are_flipped_behind_the_definitions(self, made):
        damaged, positions = _damage.flip(made, 50)
        before, after = np.frombuffer(made, np.uint8), np.frombuffer(damaged, np.uint8)
        assert np.flatnonzero(before != after).tolist() == positions.tolist()
        assert len(positions) == 50
        first = next(start for kind, start, _ in _ulog_twin.messages(made) if kind == "D")
        assert positions[0] >= first - 3

    def test_survivors_are_counted_bit_by_bit(self, made):
        log = jk.telemetry.read(made)
        total = sum(map(len, log.values()))
        records = [(start - 3, stop) for kind, start, stop in _ulog_twin.messages(made) if kind == "D"]
        positions = np.array([records[10][1] - 1, *range(*records[20])])  # the last byte of one, all of another
        assert _damage.survivors(made, positions, log, log) == (total - 2, total - 2)
        less = dict(log.items())
        del less["battery_status"]
        assert _damage.survivors(made, positions[:0], log, less) == (total, total - 10)

    def test_every_untouched_record_survives(self, made, recorded):
        for data in (made, recorded.read_bytes()):
            log = jk.telemetry.read(data)
            damaged, positions = _damage.flip(data, 300)
            found = jk.telemetry.read(damaged, errors="recover")
            untouched, survived = _damage.survivors(data, positions, log, found)
            assert survived == untouched
            assert 0 <= sum(map(len, log.values())) - untouched <= 300
            assert found.report.skipped_bytes > 0


class TestStory:
    def test_of_the_recorded_flight(self, recorded, monkeypatch, capsys):
        monkeypatch.setenv("COLUMNS", "80")
        assert flight.main([str(recorded)]) == 0
        story = capsys.readouterr().out
        words = " ".join(story.split())
        assert story.startswith(f"A flight log of PX4: {recorded}")
        assert "vehicle PX4, AUAV_X21" in words
        assert "time 69.0 s, from 112.5 s after it was switched on" in words
        assert "topics 15, with 64,542 records" in words
        assert "493 parameters, 4 messages, 4 dropouts" in words
        assert "roll -22.177 2.629 21.269 pitch -8.846 6.514 7.618 yaw -48.003 -35.050 -20.308" in words
        assert "64,245 of the 64,245 without a flipped byte are there, bit by bit" in words
        assert max(map(len, story.splitlines()[1:])) <= 80

    @pytest.mark.usefixtures("nothing_recorded")
    def test_without_a_recorded_flight_says_so(self, monkeypatch, capsys):
        make = _flight_log.make_log
        monkeypatch.setattr(_flight_log, "make_log", lambda: make(10.0))
        assert flight.main([]) == 0
        story = capsys.readouterr().out
        assert story.startswith("No recorded flight here: this one is made.")
        assert "10.0 s, from 5.0 s after it was switched on" in story
        assert max(map(len, story.splitlines())) <= 80

    @pytest.mark.usefixtures("nothing_recorded")
    def test_a_log_without_attitude_has_none_told(self, capsys):
        stamps = np.zeros(100, [("timestamp", "u8"), ("x", "f4")])
        jk.telemetry.ulog.write("other.ulg", {"other": stamps})
        jk.telemetry.ulog.write("empty.ulg", {})
        assert flight.main(["other.ulg"]) == 0
        assert "Attitude" not in capsys.readouterr().out
        assert flight.main(["empty.ulg"]) == 0
        assert "0 of the 0 without a flipped byte" in capsys.readouterr().out

    def test_a_file_of_another_kind_is_refused(self, tmp_path, capsys):
        path = tmp_path / "other.dat"
        path.write_bytes(bytes(100))
        assert flight.main([str(path)]) == 1
        assert "expected a file of a known format" in capsys.readouterr().err
        assert flight.main([str(tmp_path / "absent.ulg")]) == 1
        assert "absent.ulg" in capsys.readouterr().err

    def test_is_a_program_that_needs_no_terminal(self, tmp_path):
        environment = {name: value for name, value in os.environ.items() if name != "JITKIT_TESTDATA"}
        done = subprocess.run(
            [sys.executable, "-m", "jitkit.demos.flight"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "bit by bit" in done.stdout


class TestPlot:
    def test_is_written(self, made, tmp_path, capsys):
        pytest.importorskip("matplotlib")
        (tmp_path / "made.ulg").write_bytes(made)
        for name in ("attitude.svg", "attitude.png"):
            assert flight.main([str(tmp_path / "made.ulg"), "--plot", str(tmp_path / name)]) == 0
            assert f"Drawn: {tmp_path / name}" in capsys.readouterr().out
        picture = (tmp_path / "attitude.svg").read_text()
        for text in ("roll", "pitch", "yaw", "made.ulg", "seconds since the start of the log"):
            assert text in picture
        assert (tmp_path / "attitude.png").read_bytes()[:4] == b"\x89PNG"

    def test_angles_that_go_round_are_not_joined_across_the_panel(self, tmp_path):
        pytest.importorskip("matplotlib")
        seconds = np.arange(100.0)
        turning = (10 * seconds + 180) % 360 - 180
        still = np.full(100, 1.5)
        for name in ("once.svg", "twice.svg"):
            _attitude_chart.draw(seconds, {"roll": still, "pitch": still, "yaw": turning}, "x", tmp_path / name)
        assert turning.max() == 170  # what is drawn is a copy
        assert (tmp_path / "once.svg").read_bytes() == (tmp_path / "twice.svg").read_bytes()

    def test_without_matplotlib_the_remedy_is_named_before_the_work(self, monkeypatch, tmp_path, capsys):
        monkeypatch.setattr(extras, "installed_version", lambda _: None)
        assert flight.main(["--plot", str(tmp_path / "attitude.svg")]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err == "jitkit.demos.flight --plot needs matplotlib: pip install 'jitkit[plot]'\n"

    def test_a_picture_of_no_known_kind_is_refused(self, tmp_path, capsys):
        pytest.importorskip("matplotlib")
        assert flight.main(["--plot", str(tmp_path / "attitude.ulg")]) == 1
        assert "expected a plot file that ends in ." in capsys.readouterr().err
