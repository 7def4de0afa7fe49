"""Files piece by piece, and large ones: what a piece says is what the whole file says."""

import copy
import os
import pickle
import re

import numpy as np
import pytest

import jitkit as jk

ROWS = 60_000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rows = np.zeros(ROWS, [("timestamp", "u8"), ("x", "f8", (3,)), ("mode", "u1")])
    rows["timestamp"] = 1000 + np.arange(ROWS) * 100
    rows["x"] = np.arange(3 * ROWS).reshape(ROWS, 3)
    target = tmp_path_factory.mktemp("logs") / "flight.ulg"
    jk.telemetry.ulog.write(
        target, {"gyro": rows, ("gyro", 1): rows[::3]}, parameters={"P": 1},
        changes=[jk.telemetry.ulog.Change(2000, "P", 2), jk.telemetry.ulog.Change(5_000_000, "P", 3)],
        messages=[jk.telemetry.ulog.Message(4_000_000, "INFO", "landed", None)],
        dropouts=[jk.telemetry.ulog.Dropout(3_000_000, 17)],
    )  # fmt: skip
    return target


@pytest.fixture(params=["memory", "large"])
def log(path, request, monkeypatch):
    if request.param == "large":
        monkeypatch.setattr("jitkit.telemetry._read.LARGE", 1000)
        monkeypatch.setattr("jitkit.telemetry.ulog._large.PIECE", 300_000)

    def whole_file(*_):
        raise AssertionError("expected a large file to stay on disk, got its bytes in memory")

    if request.param == "large":
        monkeypatch.setattr("jitkit.telemetry.ulog._format.file_bytes", whole_file)
    return jk.telemetry.read(path)


def test_pieces_are_the_whole(path, log):
    parts = list(jk.telemetry.iter_batches(path, nbytes=1))
    assert len(parts) > 3
    for topic in log:
        for name, column in log[topic].items():
            assert np.array_equal(np.concatenate([part[topic][name] for part in parts if topic in part]), column)
    assert sum(part.report.size for part in parts) == log.report.size
    assert sum(part.report.decoded_bytes for part in parts) == log.report.decoded_bytes
    assert [change for part in parts for change in part.parameters.changes] == log.parameters.changes
    assert [dict(part.parameters) for part in parts if part.parameters] == [log.parameters]
    assert [text for part in parts for text in part.messages] == log.messages
    assert [gap for part in parts for gap in part.dropouts] == log.dropouts


def test_times_of_what_has_none_are_those_of_the_records_before(log):
    assert [tuple(change) for change in log.parameters.changes] == [(2000, "P", 2), (5_000_000, "P", 3)]
    assert [tuple(gap) for gap in log.dropouts] == [(3_000_000, 17)]


def test_a_damaged_piece_is_reported_where_it_is_in_the_file(path, tmp_path):
    data = bytearray(path.read_bytes())
    place = len(data) - 100_000
    data[place : place + 200] = bytes(200)
    damaged = tmp_path / "damaged.ulg"
    damaged.write_bytes(data)
    whole = jk.telemetry.read(damaged, errors="recover").report
    parts = [part.report for part in jk.telemetry.iter_batches(damaged, nbytes=1, errors="recover")]
    assert [one for part in parts for one in part.skipped] == whole.skipped
    assert len(whole.skipped) == 1
    assert place <= whole.skipped[0][0] < place + 200 <= whole.skipped[0][1]
    with pytest.raises(jk.DecodeError) as caught:
        list(jk.telemetry.iter_batches(damaged, nbytes=1))
    assert caught.value.offset == whole.skipped[0][0]


@pytest.mark.parametrize("nbytes", [0, -1, True, 1.5, "1", 2**80])
def test_a_piece_has_a_size(path, nbytes):
    with pytest.raises(ValueError, match=r"^expected nbytes as an int of at least 1, got "):
        jk.telemetry.iter_batches(path, nbytes=nbytes)


def test_bytes_and_pipes_are_no_files(path, tmp_path):
    with pytest.raises(TypeError, match=r"^expected a path, got bytes"):
        jk.telemetry.iter_batches(path.read_bytes())
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match=r"^expected a regular file, got "):
        jk.telemetry.iter_batches(pipe)


def test_a_large_file_that_changes_is_noticed(path, tmp_path, monkeypatch):
    monkeypatch.setattr("jitkit.telemetry._read.LARGE", 1000)
    target = tmp_path / "flight.ulg"
    target.write_bytes(path.read_bytes())
    log = jk.telemetry.read(target)
    os.utime(target, ns=(0, 0))
    with pytest.raises(jk.DecodeError, match="got one that was modified since") as caught:
        log["gyro"]
    assert caught.value.kind == "changed"


def test_a_log_is_no_thing_to_copy(log):
    for attempt in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match=re.escape("got a log: take its columns, or read the file again")):
            attempt(log)


def test_data_before_its_subscription_is_none(path):
    data = path.read_bytes()
    at, messages = 16, []
    while at < len(data):
        stop = at + 3 + int.from_bytes(data[at : at + 2], "little")
        messages.append(data[at:stop])
        at = stop
    number = next(i for i, one in enumerate(messages) if one[2:3] == b"D" and one[3:5] == bytes(2))
    record = messages.pop(number)
    first = next(i for i, one in enumerate(messages) if one[2:3] == b"A")
    early = data[:16] + b"".join([*messages[:first], record, *messages[first:]])
    with pytest.raises(jk.DecodeError) as caught:
        jk.telemetry.read(early)
    assert caught.value.kind == "subscription"
    log = jk.telemetry.read(early, errors="recover")
    assert len(log["gyro"]) == ROWS - 1
    assert [reason for _, _, reason in log.report.skipped] == ["no subscription of this id"]
