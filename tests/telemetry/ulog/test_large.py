"""A large file is gone through piece by piece: what is wrong with any of them is found, and read as it is in memory."""

import struct

import numpy as np
import pytest
from ulogs import data, format_, header, subscribe

import jitkit as jk
from jitkit.telemetry.ulog import _large
from jitkit.telemetry.ulog._sound_definitions import OutOfOrderError

pytestmark = pytest.mark.kernel

DEFINITIONS = header() + format_("a:uint64_t timestamp;float x;")
FIRST, SECOND = subscribe(3, "a"), subscribe(4, "a", 1)


def records(number, count=100):
    return [data(number, struct.pack("<Qf", i, i)) for i in range(count)]


def short(number):
    return data(number, bytes(7))


SOUND = [DEFINITIONS, FIRST, *records(3), SECOND, *records(4), *records(3)]
DAMAGED = {
    "before the subscription, in the first piece": [DEFINITIONS, *records(3, 1), FIRST, *records(3)],
    "before the subscription, in a later piece": [DEFINITIONS, FIRST, *records(3), *records(4, 1), SECOND, *records(4)],
    "too short, in the first piece": [DEFINITIONS, FIRST, *records(3, 2), short(3), *records(3)],
    "too short, in a later piece": [DEFINITIONS, FIRST, *records(3), short(3), *records(3)],
    "too long, in a later piece": [DEFINITIONS, FIRST, *records(3), data(3, bytes(13)), *records(3)],
    "never subscribed to, in a later piece": [DEFINITIONS, FIRST, *records(3), *records(9, 1), *records(3)],
    "never subscribed to, at the end": [DEFINITIONS, FIRST, *records(3), *records(9, 1)],
}


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr("jitkit.telemetry._read.LARGE", 100)
    monkeypatch.setattr(_large, "PIECE", 500)
    return tmp_path / "large.ulg"


def test_a_sound_file_is_never_sorted_but_where_subscriptions_come(path, monkeypatch):
    path.write_bytes(b"".join(SOUND))
    sorted_pieces = []
    group = _large.group
    monkeypatch.setattr(_large, "group", lambda *args: sorted_pieces.append(args[1]) or group(*args))
    log = jk.telemetry.read(path)
    assert len(sorted_pieces) == 2
    assert [log[topic]["x"].tolist() for topic in log] == [[*range(100), *range(100)], [*range(100)]]
    assert len(sorted_pieces) > 10


@pytest.mark.parametrize("what", DAMAGED)
def test_what_is_wrong_in_any_piece_is_found(path, what):
    path.write_bytes(b"".join(DAMAGED[what]))
    with pytest.raises(OutOfOrderError):
        _large.LargeFile(path).log("")
    with pytest.raises(jk.DecodeError):
        jk.telemetry.read(path)
    log, in_memory = (jk.telemetry.read(source, errors="recover") for source in (path, path.read_bytes()))
    assert log.report.skipped == in_memory.report.skipped != []
    assert np.array_equal(log["a"]["x"], in_memory["a"]["x"])


def test_definitions_that_were_kept_are_not_changed_by_those_of_later_pieces(path):
    path.write_bytes(b"".join(SOUND))
    assert _large.LargeFile(path).log("").topics == ["a", "a.1"]
    path.write_bytes(b"".join([DEFINITIONS, FIRST, *records(3), subscribe(5, "a", 1), *records(5)]))
    assert _large.LargeFile(path).log("").topics == ["a", "a.1"]
    path.write_bytes(b"".join([DEFINITIONS, FIRST, *records(3)]))
    assert _large.LargeFile(path).log("").topics == ["a"]
