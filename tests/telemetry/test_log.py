"""A log is a mapping of topics to columns, with times, and ways out to other libraries."""

import copy
import gc
import io
import pickle
import weakref

import numpy as np
import pytest

import jitkit as jk
from jitkit._core import extras
from jitkit.errors import JitkitError, MissingExtraError

BOOT = np.datetime64("2024-05-01T10:00:00", "us")
FIX = int(BOOT.astype(np.int64)) + 2_000_000  # us: the first time that the receiver tells, 2 s after boot


def gyro(*times):
    table = np.zeros(len(times), [("timestamp", "u8"), ("xyz", "f4", (3,)), ("ok", "?")])
    table["timestamp"] = times
    table["xyz"] = np.arange(3 * len(times)).reshape(-1, 3)
    table["ok"] = True
    return table


def gps(name="time_utc_usec", values=(0, FIX, FIX + 1_000_000)):
    table = np.zeros(3, [("timestamp", "u8"), (name, "u8")])
    table["timestamp"] = 1_000_000, 2_000_000, 3_000_000
    table[name] = values
    return table


def log_of(topics, **options):
    file = io.BytesIO()
    jk.telemetry.ulog.write(file, topics, **options)
    return jk.telemetry.read(file.getvalue())


@pytest.fixture
def log():
    topics = {"sensor_gyro": gyro(1_000_000, 3_500_000), "sensor_gyro.1": gyro(5), "vehicle_gps_position": gps()}
    return log_of(
        topics, start=7, info={"sys_name": "PX4", "ver_hw": "PX4_FMU_V5", "n": 3}, parameters={"A": 1, "B": 0.5},
        messages=[(8, "INFO", "armed")], dropouts=[(9, 10)],
    )  # fmt: skip


# Mapping.


def test_a_log_is_a_mapping_of_its_topics(log):
    assert log.topics == list(log) == list(log.keys()) == ["sensor_gyro", "sensor_gyro.1", "vehicle_gps_position"]
    assert len(log) == 3
    assert [len(columns) for columns in log.values()] == [2, 1, 3]
    assert dict(log.items()).keys() == set(log.topics)
    assert isinstance(log["sensor_gyro"], jk.Columns)
    assert "sensor_gyro" in log
    assert ("sensor_gyro", 1) in log
    for absent in ("gyro", ("sensor_gyro", 2), 3, None, ["sensor_gyro"], ("a", "b", "c")):
        assert absent not in log
    assert log.get("gyro") is None
    assert log == log  # a mapping of arrays has no other equality
    assert log != dict(log.items())
    assert len({log, log}) == 1


def test_a_second_instance_has_two_names(log):
    assert log["sensor_gyro", 1] is log["sensor_gyro.1"]
    assert log["sensor_gyro", 0] is log["sensor_gyro"]
    assert log["sensor_gyro.1"]["timestamp"].tolist() == [5]


def test_columns_are_decoded_once(log):
    assert log["sensor_gyro"] is log["sensor_gyro"]
    assert np.shares_memory(log["sensor_gyro"]["xyz[0]"], log["sensor_gyro"]["xyz[0]"])


def test_topics_that_are_not_there_are_answered_with_near_ones(log):
    with pytest.raises(
        KeyError, match=r"expected a topic of the log, got 'sensor_gyr'; there are sensor_gyro, sensor_gyro.1"
    ):
        log["sensor_gyr"]
    with pytest.raises(KeyError, match=r"got \('sensor_gyro', 5\); there are sensor_gyro"):
        log["sensor_gyro", 5]
    with pytest.raises(KeyError, match="got 'nonsense'; `topics` lists 3"):
        log["nonsense"]
    with pytest.raises(KeyError, match=r"got \['sensor_gyro'\]"):
        log[["sensor_gyro"]]
    with pytest.raises(KeyError, match="xy"):
        log["sensor_gyro"]["xy"]


def test_topics_are_sorted_by_name_then_instance():
    topics = {("b", 10): gyro(1), ("b", 2): gyro(1), "a_c": gyro(1), "b": gyro(1), "a": gyro(1)}
    assert log_of(topics).topics == ["a", "a_c", "b", "b.2", "b.10"]


# Time.


def test_times_since_boot(log):
    assert log.timestamps("sensor_gyro").tolist() == [1_000_000, 3_500_000]
    assert log.timestamps("sensor_gyro").dtype == np.uint64
    assert log.since_boot("sensor_gyro").dtype == np.dtype("m8[us]")
    assert log.since_boot("sensor_gyro").tolist() == [np.timedelta64(n, "us").item() for n in (1_000_000, 3_500_000)]
    assert log.timestamps(("sensor_gyro", 1)).tolist() == [5]
    with pytest.raises(KeyError, match="expected a topic of the log, got 'absent'"):
        log.timestamps("absent")


def test_utc_is_that_of_the_first_fix(log):
    assert log.utc("sensor_gyro").dtype == np.dtype("M8[us]")
    assert [str(time) for time in log.utc("sensor_gyro")] == [
        "2024-05-01T10:00:01.000000",
        "2024-05-01T10:00:03.500000",
    ]
    assert log.utc(("sensor_gyro", 1))[0] == BOOT + np.timedelta64(5, "us")


@pytest.mark.parametrize("topic", ["vehicle_gps_position", "sensor_gps", "vehicle_gnss_position"])
def test_receivers_that_tell_utc(topic):
    assert log_of({"g": gyro(0), topic: gps()}).utc("g").tolist() == [BOOT.item()]


@pytest.mark.parametrize(
    "topics",
    [
        {},
        {"vehicle_gps_position": gps(values=(0, 0, 0))},  # no fix
        {"vehicle_gps_position": gps(values=(1, 2, 315_964_800_000_000))},  # 1980, where GPS time begins
        {"vehicle_gps_position": gps(name="time_gps_usec")},
    ],
)
def test_without_a_fix_there_is_no_utc(topics):
    with pytest.raises(JitkitError, match=r"expected a log with GPS time .*vehicle_gps_position or sensor_gps"):
        log_of({"g": gyro(1), **topics}).utc("g")


# What is shown.


def test_what_a_log_looks_like(tmp_path, log):
    path = tmp_path / "flight.ulg"
    jk.telemetry.ulog.write(path, log, info=log.info, parameters=log.parameters, messages=log.messages)
    size = path.stat().st_size
    assert repr(jk.telemetry.read(path)).splitlines() == [
        "Log of flight.ulg (ULog): 3 topics, 6 records",
        f"  {size:,} bytes, complete: 0 skipped",
        "  sys_name PX4, ver_hw PX4_FMU_V5",
        "  2 parameters, 1 messages, 0 dropouts",
        "  sensor_gyro                  2 x 5 columns",
        "  sensor_gyro.1                1 x 5 columns",
        "  vehicle_gps_position         3 x 2 columns",
    ]


def test_a_long_log_is_shown_in_few_lines_of_80_columns():
    topics = {f"{'topic_of_a_long_name_' * 5}{i:03}": gyro(1) for i in range(60)}
    log = log_of(topics, info={"sys_name": "x" * 200})
    lines = repr(log).splitlines()
    assert max(map(len, lines)) == 80
    assert lines[-1] == "  ... and 20 more topics"
    assert len(lines) == 4 + 40 + 1


# Ways out.


def test_to_arrow(log):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    tables = log.to_arrow()
    assert list(tables) == log.topics
    assert tables["sensor_gyro"].to_pydict() == {
        "timestamp": [1_000_000, 3_500_000], "xyz[0]": [0, 3], "xyz[1]": [1, 4], "xyz[2]": [2, 5], "ok": [1, 1],
    }  # fmt: skip


def test_to_polars_and_pandas(log):
    pytest.importorskip("polars", reason="polars is not installed")
    pytest.importorskip("pandas", reason="pandas is not installed")
    for frames in (log.to_polars(), log.to_pandas()):
        assert list(frames) == log.topics
        frame = frames["vehicle_gps_position"]
        assert list(frame.columns) == ["timestamp", "time_utc_usec"]
        assert list(frame["time_utc_usec"]) == [0, FIX, FIX + 1_000_000]
        assert str(frame["timestamp"].dtype).lower() == "uint64"


def test_to_parquet(log, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    folder = tmp_path / "deep" / "out"
    paths = log.to_parquet(folder)
    assert [path.name for path in paths] == [f"{name}.parquet" for name in log.topics]
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    table = parquet.read_table(folder / "sensor_gyro.1.parquet")
    assert table.column_names == ["timestamp", "xyz[0]", "xyz[1]", "xyz[2]", "ok"]
    assert table["timestamp"].to_pylist() == [5]
    assert log.to_parquet(str(folder)) == paths  # replaced


def test_to_parquet_where_a_file_is(log, tmp_path):
    pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    target = tmp_path / "file"
    target.write_text("mine")
    with pytest.raises(JitkitError, match="expected a directory for the output, got the file"):
        log.to_parquet(target)
    assert target.read_text() == "mine"


def test_without_pyarrow_its_absence_is_said(log, monkeypatch, tmp_path):
    monkeypatch.setattr(extras, "installed_version", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"^Log\.to_parquet needs pyarrow: pip install 'jitkit\[arrow\]'$"):
        log.to_parquet(tmp_path / "out")
    with pytest.raises(MissingExtraError, match="needs pyarrow"):
        log.to_arrow()
    assert list(tmp_path.iterdir()) == []


# Life times.


def test_columns_outlive_their_log_and_its_bytes():
    file = io.BytesIO()
    jk.telemetry.ulog.write(file, {"g": gyro(1, 2, 3)})
    memory = np.frombuffer(file.getvalue(), np.uint8).copy()
    log = jk.telemetry.read(memory)
    columns = log["g"]
    times = columns["timestamp"]
    memory[:] = 0  # what was decoded is no view
    gone = weakref.ref(log)
    del log, columns, memory
    gc.collect()
    assert gone() is None
    assert times.tolist() == [1, 2, 3]


@pytest.mark.parametrize("again", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
def test_columns_are_pickled(log, again):
    columns = again(log["sensor_gyro"])
    assert list(columns) == list(log["sensor_gyro"])
    assert columns["xyz[1]"].tolist() == [1, 4]
    assert repr(columns) == repr(log["sensor_gyro"])
    assert columns.to_numpy().tolist() == log["sensor_gyro"].to_numpy().tolist()
    columns["xyz[1]"][0] = 9
    assert log["sensor_gyro"]["xyz[1]"][0] == 1


def test_what_the_format_carries_is_made_once(log):
    assert (log.start, log.info["n"], log.parameters) == (7, 3, {"A": 1, "B": 0.5})
    for name in ("info", "multi_info", "parameters", "messages", "dropouts"):
        assert getattr(log, name) is getattr(log, name)
    assert log.messages[0].text == "armed"
    assert log.dropouts[0].duration == 10


@pytest.mark.parametrize("source", [None, 3, [1], object()])
def test_what_is_neither_a_path_nor_a_buffer_is_refused(source):
    got = type(source).__name__
    with pytest.raises(TypeError, match=rf"^expected a path or a buffer \(bytes, .*\), got {got}$"):
        jk.telemetry.read(source)


def test_of_an_open_file_its_bytes_are_wanted():
    with pytest.raises(TypeError, match=r"got BytesIO: give what its read\(\) returns$"):
        jk.telemetry.read(io.BytesIO(b"ULog"))
