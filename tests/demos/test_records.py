import numpy as np
import pytest

from jitkit.demos import _peers, records
from jitkit.demos.records import COUNT, HIGHEST_STATUS, PackedSensor, Sensor

LAYOUTS = [(Sensor, "<QfffB3x"), (PackedSensor, "<QfffB")]


def test_both_layouts_have_the_same_columns():
    columns = [record.columns(records.make_records(record, 1000)) for record, _ in LAYOUTS]
    for name in columns[0]:
        assert columns[0][name].tolist() == columns[1][name].tolist(), name
    assert columns[0]["timestamp"][:3].tolist() == [0, 1000, 2000]
    assert columns[0]["accel_z"][0] == 1.0  # g
    assert np.count_nonzero(~columns[0].valid("status")) == 10


@pytest.mark.kernel
@pytest.mark.parametrize(("record", "form"), LAYOUTS)
def test_python_numpy_and_jitkit_give_the_same_columns(record, form):
    data = records.make_records(record, 1000)
    columns = record.columns(data)
    by_python = _peers.sensor_python(data, form, COUNT, HIGHEST_STATUS)
    out, valid = {name: np.zeros_like(column) for name, column in columns.items()}, np.zeros(1000, np.bool_)
    _peers.sensor_numpy(record.view(data), COUNT, HIGHEST_STATUS, out, valid)
    for name, column in columns.items():
        assert column.tolist() == out[name].tolist() == by_python[name], name
    assert columns.valid("status").tolist() == valid.tolist() == by_python["valid"]


def test_python_numpy_and_jitkit_write_the_same_records():
    data = records.make_records(Sensor, 1000)
    columns = Sensor.columns(data)
    lists = {name: column.tolist() for name, column in columns.items()}
    assert Sensor.pack(columns) == data
    assert _peers.pack_sensor_python(lists, "<QfffB3x", COUNT) == data
    assert _peers.pack_sensor_numpy(columns, Sensor.dtype, COUNT) == data


def test_the_story(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert records.main([]) == 0
    story = capsys.readouterr().out
    assert "Columns of Sensor: 10,000 rows" in story
    assert "Plausible: 9,900 of 10,000 records" in story
    assert "Mean of z: 1.000 g" in story
    assert "Written back: the same 240,000 bytes" in story
    assert "Five bytes short: expected a multiple of 24 bytes (Sensor), got 239995" in story
    assert "A gap that nobody named: Careless: 7 bytes of implicit padding at offset 1" in story
    assert max(map(len, story.splitlines())) <= 80
