"""Records become columns one column at a time, or four of 4 bytes at once."""

import io
import struct

import numpy as np
import pytest
from ulogs import data, format_, header, subscribe

import jitkit as jk
from jitkit.telemetry.ulog._copy_steps import steps_of

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    ("widths", "steps"),
    [
        ([8], [(0, 8, 0)]),
        ([4, 4, 4], [(0, 4, 0), (4, 4, 1), (8, 4, 2)]),
        ([4, 4, 4, 4], [(0, 16, 0)]),
        ([1, 4, 4, 4, 4, 4, 2], [(0, 1, 0), (1, 16, 1), (5, 16, 2), (21, 2, 6)]),
        ([4] * 10 + [8], [(0, 16, 0), (16, 16, 4), (24, 16, 6), (40, 8, 10)]),
        ([4, 4, 4, 8, 4, 4, 4, 4], [(0, 4, 0), (4, 4, 1), (8, 4, 2), (12, 8, 3), (20, 16, 4)]),
    ],
)
def test_columns_of_four_bytes_go_four_at_a_time(widths, steps):
    assert steps_of(np.array(widths, np.int64)).tolist() == [list(step) for step in steps]


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 255, 256, 257, 259, 515])
@pytest.mark.parametrize("run", range(1, 10))
def test_every_value_is_where_it_belongs(rows, run):
    rng = np.random.default_rng(run)
    records = np.zeros(rows, [("timestamp", "<u8"), ("a", "<f4", (run,)), ("b", "i1"), ("c", "<u4", (run + 2,))])
    records["timestamp"] = np.arange(rows)
    for name in "abc":
        records[name] = rng.integers(-100, 100, records[name].shape).astype(records[name].dtype)
    file = io.BytesIO()
    other = np.zeros(rows, [("timestamp", "<u8"), ("x", "u1")])  # between them, so that they lie apart
    other["timestamp"] = np.arange(rows)
    jk.telemetry.ulog.write(file, {"one": records, "two": other})
    columns = jk.telemetry.read(file.getvalue())["one"]
    for name in "ac":
        for i in range(records[name].shape[1]):
            assert columns[f"{name}[{i}]"].tobytes() == records[name][:, i].tobytes()
    assert columns["timestamp"].tobytes() == records["timestamp"].tobytes()
    assert columns["b"].tobytes() == records["b"].tobytes()


def record(number, value):
    return data(number, struct.pack("<Qf", value, value))


def test_definitions_that_were_kept_are_found_wherever_they_stand():
    texts = format_("a:uint64_t timestamp;float x;") + subscribe(3, "a"), subscribe(5, "a", 1)
    first = header() + texts[0] + texts[1] + record(3, 1) + record(5, 2)
    second = header() + texts[0] + record(3, 1) + record(3, 2) + texts[1] + record(5, 7)
    for file, expected in ((first, [[1], [2]]), (second, [[1, 2], [7]]), (first, [[1], [2]])):
        log = jk.telemetry.read(file)
        assert [log[topic]["x"].tolist() for topic in ("a", "a.1")] == expected
    early = header() + texts[0] + record(5, 1) + texts[1] + record(5, 2)
    with pytest.raises(jk.DecodeError, match="no subscription"):
        jk.telemetry.read(early)


def test_definitions_that_were_kept_are_not_changed_by_what_comes_later():
    text = header() + format_("a:uint64_t timestamp;float x;") + subscribe(3, "a")
    again = text + record(3, 1) + b"".join([format_("b:uint64_t timestamp;float y;"), subscribe(4, "b"), record(4, 2)])
    assert jk.telemetry.read(again).topics == ["a", "b"]
    assert jk.telemetry.read(text + record(3, 1)).topics == ["a"]
