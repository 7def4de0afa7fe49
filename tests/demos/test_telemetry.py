import os
from pathlib import Path

import numpy as np
import pytest

import jitkit as jk
from jitkit.demos import _ccsds, _jpss, _orbit, _peers, telemetry
from jitkit.demos.telemetry import Packet


@pytest.fixture(scope="module")
def made():
    return Packet.columns(_jpss.make_packets(Packet, count=7200, lost=5))


@pytest.fixture(scope="module")
def recorded():
    folder = Path(os.environ.get("JITKIT_TESTDATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
    path = folder / telemetry.SAMPLE
    if not path.is_file():
        pytest.skip(f"no {telemetry.SAMPLE} in $JITKIT_TESTDATA or ../shared/data")
    return path


@pytest.fixture
def nothing_recorded(monkeypatch, tmp_path):
    monkeypatch.delenv("JITKIT_TESTDATA", raising=False)
    monkeypatch.chdir(tmp_path)


def test_made_packets_have_the_orbit_they_were_made_for(made):
    orbit = _orbit.quantities(made["position"], made["velocity"])
    # Positions and velocities are float32: of 7.2e6 m they keep half a metre, of 7.5e3 m/s a quarter of a millimetre.
    assert orbit["altitude above WGS 84, km"].min() == pytest.approx(824.0, abs=1e-3)
    np.testing.assert_allclose(np.linalg.norm(made["position"], axis=1), 7202.137, atol=1e-3)
    np.testing.assert_allclose(orbit["speed seen from outside, km/s"], 7.439405, atol=1e-5)
    np.testing.assert_allclose(orbit["inclination, degrees"], 98.7, atol=1e-3)
    # Geocentric it is 180 - 98.7; geodetic, to first order, f sin(2 * 81.3) a / r more.
    assert orbit["latitude, degrees"].max() == pytest.approx(81.351, abs=1e-3)
    np.testing.assert_allclose(np.linalg.norm(made["quaternion"], axis=1), 1.0, atol=1e-6)


def test_made_packets_have_one_gap_of_five(made):
    assert _ccsds.gaps(made["header.sequence_count"]) == (1, 5)
    assert made["header.sequence_count"][0] == 16_000
    times = _ccsds.utc(made, "time")
    assert times[[0, -1]].tolist() == np.array(["2021-04-09T00:00:00", "2021-04-09T02:00:04"], "M8[us]").tolist()
    assert np.diff(times).max() == np.timedelta64(6, "s")


def test_made_packets_say_what_they_are(made):
    assert set(made.labels("header.sequence_flags")) == {"unsegmented"}
    assert set(made["header.data_length"]) == {64}
    assert all(made.valid(name).all() for name in made)
    assert (made.unit("position"), made.unit("velocity")) == ("km", "km/s")


def test_recorded_packets_are_those_of_jpss_1(recorded):
    columns = Packet.columns(recorded)
    assert len(columns) == 7200
    constant = {
        "header.version": 0, "header.type": 0, "header.secondary_header": 1, "header.apid": 11,
        "header.sequence_flags": 3, "header.data_length": 64, "spacecraft": 159, "time.day": 23_109,
    }  # fmt: skip
    assert {name: set(columns[name].tolist()) for name in constant} == {name: {v} for name, v in constant.items()}
    times = _ccsds.utc(columns, "time")
    assert [str(t) for t in times[[0, -1]]] == ["2021-04-09T00:00:00.007137", "2021-04-09T01:59:59.005260"]
    assert columns["header.sequence_count"][[0, -1]].tolist() == [2606, 9805]
    assert _ccsds.gaps(columns["header.sequence_count"]) == (0, 0)
    assert columns["position"][0] == pytest.approx([6389.6955, 2786.0215, 1825.3774])
    assert columns["quaternion"][0] == pytest.approx([-0.21635266, 0.76247245, 0.25699475, 0.5529747])
    assert all(columns.valid(name).all() for name in columns)


def test_recorded_packets_fly_the_orbit_of_jpss_1(recorded):
    columns = Packet.columns(recorded)
    orbit = _orbit.quantities(columns["position"], columns["velocity"])
    assert orbit["period, minutes"].mean() == pytest.approx(101.44, abs=0.1)  # the nominal one
    assert orbit["inclination, degrees"].mean() == pytest.approx(98.7, abs=0.05)
    assert orbit["speed over the turning Earth, km/s"].min() == pytest.approx(7.503281, abs=1e-6)
    assert 820 < orbit["altitude above WGS 84, km"].min() < orbit["altitude above WGS 84, km"].max() < 860
    np.testing.assert_allclose(np.linalg.norm(columns["quaternion"].astype(float), axis=1), 1.0, atol=1e-7)


def test_the_story_of_recorded_packets(recorded, monkeypatch, capsys):
    monkeypatch.setenv("JITKIT_TESTDATA", str(recorded.parents[1]))
    assert telemetry.main([]) == 0
    story = capsys.readouterr().out
    assert str(telemetry.SAMPLE) in story
    assert "2021-04-09 00:00:00.007137 to 2021-04-09 01:59:59.005260" in story
    assert "2,606 to 9,805, no packets missing, gaps: 0" in story


@pytest.mark.usefixtures("nothing_recorded")
def test_the_story_without_recorded_packets_says_so(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert telemetry.main([]) == 0
    story = capsys.readouterr().out
    assert story.startswith("No recorded packets here: these are made, with 5 left out.")
    assert "5 packets missing, gaps: 1" in story
    byte_map, _, tables = story.partition("Packets  ")
    assert "sequence_count" in byte_map
    assert max(map(len, tables.splitlines())) <= 80


def test_a_file_of_another_kind_is_refused(tmp_path, capsys):
    path = tmp_path / "other.dat"
    path.write_bytes(bytes(100))
    assert telemetry.main([str(path)]) == 1
    assert "expected a multiple of 71 bytes (Packet), got 100" in capsys.readouterr().err
    assert telemetry.main([str(tmp_path / "absent.dat")]) == 1
    assert "absent.dat" in capsys.readouterr().err
    path.write_bytes(b"")
    assert telemetry.main([str(path)]) == 1
    assert "is empty" in capsys.readouterr().err


def test_a_damaged_packet_is_found_out(tmp_path, capsys):
    packets = bytearray(_jpss.make_packets(Packet, count=10, lost=0))
    packets[71 + 14] = 0  # the spacecraft of the second packet
    path = tmp_path / "damaged.dat"
    path.write_bytes(packets)
    assert telemetry.main([str(path)]) == 0
    assert "9: clock, spacecraft and quaternion are in their ranges" in capsys.readouterr().out


@pytest.mark.kernel
def test_python_numpy_and_jitkit_give_the_same_columns():
    data = _jpss.make_packets(Packet, count=300)
    columns = Packet.columns(data)
    by_python, valid_by_python = _peers.packets_python(data)
    assert by_python.keys() == columns.keys()
    out = {name: np.zeros_like(column) for name, column in columns.items()}
    valid = {name: np.ones(column.shape, np.bool_) for name, column in columns.items()}
    _peers.packets_numpy(np.frombuffer(data, _peers.PACKET), out, valid)
    for name, column in columns.items():
        assert column.tolist() == out[name].tolist() == by_python[name], name
        assert columns.valid(name).tolist() == valid[name].tolist(), name
        assert columns.valid(name).tolist() == valid_by_python.get(name, np.ones(column.shape, bool).tolist()), name


def test_its_kernel_is_ready_to_be_timed():
    (kernel,) = telemetry.kernels()
    assert (kernel.name, kernel.nbytes) == ("JPSS-1 packets", 7200 * 71)
    assert isinstance(kernel.jitkit(), jk.Columns)
