"""What is written is what jitkit and pyulog read."""

import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest
import ulogs
from hypothesis import given, settings
from hypothesis import strategies as st
from ulogs import STEADY

import jitkit as jk
from jitkit.errors import LayoutError

GYRO = np.dtype([("timestamp", "u8"), ("x", "f4")])
TEXTS = st.text(max_size=30)
NUMBERS = {
    "parameters": st.one_of(st.integers(-(2**31), 2**31 - 1), st.floats(width=32, allow_nan=False)),
    "info": st.one_of(
        TEXTS, st.binary(max_size=20), st.booleans(), st.floats(allow_nan=False), st.integers(-(2**63), 2**64 - 1)
    ),
}
KEYS = st.text("ABCXYZ_abcxyz0189", min_size=1, max_size=20)
TIMES = st.integers(0, 2**64 - 1)


def written(topics, **options):
    file = io.BytesIO()
    jk.telemetry.ulog.write(file, topics, **options)
    return file.getvalue()


def gyro(*times):
    table = np.zeros(len(times), GYRO)
    table["timestamp"] = times
    table["x"] = np.arange(len(times))
    return table


@pytest.mark.kernel
@settings(STEADY, max_examples=60)
@given(ulogs.topics(), TIMES)
def test_topics_are_read_as_they_were_written(topics, start):
    contents = written(topics, start=start)
    log = jk.telemetry.read(contents)
    assert log.start == start
    ulogs.assert_topics(log, topics)
    assert log.report.completeness == "complete"
    ulogs.assert_accounts(log.report, len(contents))
    ulogs.assert_as_pyulog_reads(log, contents)
    again = jk.telemetry.read(written(log, start=start))  # `Columns` are written, too
    assert again.topics == log.topics
    for name in log:
        ulogs.assert_columns(again[name], dict(log[name].items()))


@STEADY
@given(
    info=st.dictionaries(KEYS, NUMBERS["info"], max_size=5),
    multi_info=st.dictionaries(KEYS, st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1), max_size=3),
    parameters=st.dictionaries(KEYS, NUMBERS["parameters"], max_size=5),
    defaults=st.dictionaries(
        st.sampled_from(("system", "current_setup")), st.dictionaries(KEYS, NUMBERS["parameters"], min_size=1)
    ),
    changes=st.lists(st.tuples(st.integers(0, 2000), KEYS, NUMBERS["parameters"]), max_size=5),
    messages=st.lists(
        st.tuples(TIMES, st.sampled_from(("EMERGENCY", "ERROR", "INFO", "DEBUG")), TEXTS,
                  st.one_of(st.none(), st.integers(0, 65535))),
        max_size=5,
    ),
    dropouts=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 65535)), max_size=5),
)  # fmt: skip
def test_all_else_is_read_as_it_was_written(info, multi_info, parameters, defaults, changes, messages, dropouts):
    times = [300, 500, 500, 900]
    contents = written(
        {"gyro": gyro(*times)}, start=100, info=info, multi_info=multi_info, parameters=parameters, defaults=defaults,
        changes=changes, messages=messages, dropouts=dropouts,
    )  # fmt: skip
    log = jk.telemetry.read(contents)
    assert log.info == info
    assert log.multi_info == multi_info
    assert log.parameters == parameters
    assert log.parameters.defaults == defaults
    assert log.messages == sorted(messages, key=lambda message: message[0])

    def last(time):
        return max([100, *(t for t in times if t <= time)])

    changes, dropouts = sorted(changes, key=lambda one: one[0]), sorted(dropouts, key=lambda one: one[0])
    assert log.parameters.changes == [(last(time), name, value) for time, name, value in changes]
    assert log.dropouts == [(last(time), duration) for time, duration in dropouts]
    assert log.report.completeness == "complete"
    ulogs.assert_as_pyulog_reads(log, contents)


def test_the_bytes_of_a_small_file():
    contents = written(
        {"gyro": gyro(5, 7)}, start=3, info={"sys_name": "PX4"}, parameters={"P": 2}, messages=[(6, "INFO", "hello")]
    )
    records = [np.uint64(time).tobytes() + np.float32(i).tobytes() for i, time in enumerate((5, 7))]
    assert contents == b"".join([
        ulogs.header(3), ulogs.flags(), ulogs.format_("gyro:uint64_t timestamp;float x;"),
        ulogs.info("char[3] sys_name", b"PX4"), ulogs.parameter("int32_t P", b"\2\0\0\0"),
        ulogs.subscribe(0, "gyro"), ulogs.data(0, records[0]), ulogs.logged(6, "hello"), ulogs.data(0, records[1]),
    ])  # fmt: skip


def test_arrays_and_records_become_fields_of_formats():
    flat = [(f"q[{i}]", "f4") for i in range(4)] + [("cell.v", "f8"), ("cell.ok", "?")]
    deep = [("q", "f4", (4,)), ("cell", [("v", "f8"), ("ok", "?")])]
    for fields in (flat, deep):
        contents = written({"topic": np.zeros(1, [("timestamp", "u8"), *fields])})
        assert b"F" + b"topic:uint64_t timestamp;float[4] q;topic_cell cell;" in contents
        assert b"F" + b"topic_cell:double v;bool ok;" in contents
    inner = [("v", "i2"), ("name", "S3")]
    contents = written({"topic": np.zeros(1, [("timestamp", "u8"), ("cell", inner, (2,))])})
    assert b"topic:uint64_t timestamp;topic_cell[2] cell;" in contents
    assert b"topic_cell:int16_t v;char[3] name;" in contents


def test_a_nested_format_takes_no_topics_name():
    nested = np.zeros(2, [("timestamp", "u8"), ("b", [("v", "i2"), ("w", "i4")])])
    topics = {"a": nested, "a_b": gyro(1, 2), "a_b_": gyro(3)}
    ulogs.assert_topics(jk.telemetry.read(written(topics)), topics)


def test_records_are_merged_by_their_times():
    topics = {"a": gyro(10, 20, 20, 40), "b": gyro(5, 20, 30)}
    contents = written(topics, dropouts=[(20, 1), (50, 2)])
    kinds = "".join(kind for _, kind, _ in ulogs.split(contents))
    assert kinds == "BFFAA" + "DDDDDODDO"
    ids = [contents[start + 3] for start, kind, _ in ulogs.split(contents) if kind == "D"]
    assert ids == [1, 0, 0, 0, 1, 1, 0]


def test_the_order_of_a_topic_stays_where_its_times_descend():
    topics = {"a": gyro(10, 5, 30, 20), "b": gyro(10, 25)}
    log = jk.telemetry.read(written(topics))
    assert log["a"]["timestamp"].tolist() == [10, 5, 30, 20]
    ulogs.assert_topics(log, topics)


def test_a_sync_message_follows_every_thousand_records():
    contents = written({"a": gyro(*range(2500))})
    kinds = "".join(kind for _, kind, _ in ulogs.split(contents))
    assert kinds == "BFA" + "D" * 1000 + "S" + "D" * 1000 + "S" + "D" * 500
    log = jk.telemetry.read(contents)
    assert len(log["a"]) == 2500
    ulogs.assert_as_pyulog_reads(log, contents)


def test_information_has_the_types_of_its_values():
    contents = written({}, info={
        "text": "Grüße", "raw": b"\0\1", "yes": True, "half": 0.5, "small": -1, "hash": 2**32 - 1, "big": -(2**40),
        "bigger": 2**64 - 1, "byte": np.uint8(7), "f": np.float32(0.1), "many": np.array([1, -2], ">i2"),
    })  # fmt: skip
    for key in ("char[7] text", "uint8_t[2] raw", "bool yes", "double half", "int32_t small", "uint32_t hash",
                "int64_t big", "uint64_t bigger", "uint8_t byte", "float f", "int16_t[2] many"):  # fmt: skip
        assert bytes([len(key)]) + key.encode() in contents
    assert jk.telemetry.read(contents).info == {
        "text": "Grüße", "raw": b"\0\1", "yes": True, "half": 0.5, "small": -1, "hash": 2**32 - 1, "big": -(2**40),
        "bigger": 2**64 - 1, "byte": 7, "f": float(np.float32(0.1)), "many": b"\1\0\xfe\xff",
    }  # fmt: skip


def test_a_log_of_nothing_is_one():
    contents = written({})
    log = jk.telemetry.read(contents)
    assert (log.topics, log.info, log.parameters, log.messages) == ([], {}, {}, [])
    assert log.report.container_bytes == len(contents) == 16 + 3 + 40


def test_topics_without_records_are_subscribed_to_and_not_listed():
    contents = written({"a": gyro(), "b": gyro(1)})
    assert [kind for _, kind, _ in ulogs.split(contents)] == ["B", "F", "F", "A", "A", "D"]
    assert jk.telemetry.read(contents).topics == ["b"]


def test_the_largest_record_is_written_and_read():
    table = np.zeros(2, [("timestamp", "u8"), ("blob", "u1", (65533 - 8,))])
    table["blob"][1] = 7
    log = jk.telemetry.read(written({"big": table}))
    assert len(list(log["big"])) == 1 + 65525
    assert log["big"]["blob[65524]"].tolist() == [0, 7]


# Where it is written to.


@pytest.mark.parametrize("as_what", [str, Path])
def test_a_file_is_written_and_replaced(tmp_path, as_what):
    target = tmp_path / "flight.ulg"
    target.write_bytes(b"old")
    jk.telemetry.ulog.write(as_what(target), {"gyro": gyro(1, 2)})
    assert target.read_bytes() == written({"gyro": gyro(1, 2)})
    assert os.listdir(tmp_path) == ["flight.ulg"]
    assert len(jk.telemetry.read(target)["gyro"]) == 2


def test_a_failure_leaves_nothing_behind_and_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "flight.ulg"
    target.write_bytes(b"old")
    with pytest.raises(LayoutError):
        jk.telemetry.ulog.write(target, {"gyro": np.zeros(1, [("x", "f4")])})

    def full(*_):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        jk.telemetry.ulog.write(target, {"gyro": gyro(1)})
    assert error.value.filename == str(target)
    assert (os.listdir(tmp_path), target.read_bytes()) == (["flight.ulg"], b"old")


def test_an_error_of_the_system_names_the_target(tmp_path):
    target = tmp_path / "absent" / "flight.ulg"
    with pytest.raises(FileNotFoundError) as error:
        jk.telemetry.ulog.write(target, {})
    assert error.value.filename == str(target)


# What is refused.


def time_and(*fields):
    return np.zeros(2, [("timestamp", "u8"), *fields])


@pytest.mark.parametrize(
    ("topics", "message"),
    [
        ({"a": np.zeros(2, [("x", "f4")])},
         r"^expected a field 'timestamp' of uint64, in us, got \['x'\] \(topic a\)$"),
        ({"a.3": np.zeros(2, [("timestamp", "i8")])},
         r"^expected a timestamp of uint64, in us, got int64 \(topic a\.3\)$"),
        ({"a": np.zeros(2, [("head", [("timestamp", "u8")])])},
         r"^expected a field 'timestamp' of uint64, in us, got \['head\.timestamp'\]"),
        ({"a": time_and(("x", "f2"))}, r"got 'x' of float16 \(topic a\)$"),
        ({"a": time_and(("x", "c8"))}, "got 'x' of complex64"),
        ({"a": time_and(("x", "U4"))}, "got 'x' of <U4"),
        ({"a": time_and(("x", "M8[us]"))}, "got 'x' of datetime64"),
        ({"a": time_and(("x", "O"))}, "got 'x' of object"),
        ({"a": time_and(("x", "V3"))}, r"got 'x' of \|V3"),
        ({"a": time_and(("x", [("y", "f2")], (2,)))}, r"got 'x\[0\]\.y' of float16"),
        ({"a": time_and(("x", "f4", (2, 3)))}, r"got 'x' of float32 and shape \(2, 3\) \(topic a\)$"),
        ({"a": time_and(("x", "f4", (0,)))}, r"at least one item, got 'x' of float32 and shape \(0,\)"),
        ({"a": time_and(("x", "u1", (65526,)))}, r"^expected records of at most 65,533 bytes, got 65,534 \(topic a\)$"),
        ({"a": time_and(("x y", "f4"))}, r"^expected fields named by letters, digits and _, got 'x y' \(topic a\)$"),
        ({"a": time_and(("x;", "f4"))}, "got 'x;'"),
        ({"a": time_and(("ü", "f4"))}, "got 'ü'"),
        ({"a": time_and(("q[0]", "f4"), ("q[1]", "f8"))}, r"side by side, or a field of another name, got 'q\[1\]'"),
        ({"a": time_and(("q[0]", "f4"), ("q[2]", "f4"))}, r"got 'q\[2\]' \(topic a\)$"),
        ({"a": time_and(("q[1]", "f4"))}, r"got 'q\[1\]'"),
        ({"a": time_and(("q[0]", "f4"), ("x", "f4"), ("q[1]", "f4"))}, r"got 'q\[1\]'"),
        ({"a": time_and(("in.x", "f4"), ("y", "f4"), ("in.z", "f4"))}, "got 'in'"),
        ({"a": time_and(("x", "f4"), ("x[0]", "f4"))}, r"got 'x\[0\]'"),
        ({"a": time_and(("x", "f4"), ("x.y", "f4"))}, "got ''"),
        ({"a": time_and(("x", "f4", (2,)), ("x[0]", "f4"))}, "^expected fields of different names"),
        ({"a": time_and(*((f"field_of_a_long_name_{i:040}", "u1") for i in range(1000)))},
         "^expected a format of at most 65,535 bytes, got 70,0"),
        ({"a": time_and()[0:2].reshape(1, 2)}, r"^expected a structured array of one dimension, or Columns, got "),
        ({"a": np.zeros(3)}, r"got float64 of shape \(3,\) \(topic a\)$"),
        ({"a": [1, 2]}, r"got list \(topic a\)$"),
        ({"a": {"timestamp": np.zeros(2, "u8"), "x": np.zeros(3)}},
         r"^expected columns of the same length, got 'x' of shape \(3,\) \(topic a\)$"),
        ({"a": {"timestamp": np.zeros(2, "u8"), "x": [[1], [2, 3]]}}, r"^expected columns of the same length, got 'x'"),
        ({"a": {"timestamp": np.zeros(2, "u8"), 5: np.zeros(2)}}, r"^expected columns by names, got 5 \(topic a\)$"),
        ({"a": time_and(("x", "S0"))}, "^expected one of bool, .*, got 'x'"),
        ({"a": {"timestamp": np.uint64(3)}}, r"got 'timestamp' of shape \(\)"),
        ({"a": gyro(1), ("a", 0): gyro(2)}, "^expected each topic once, got 'a', instance 0, twice$"),
        ({"a": gyro(1), "a.1": time_and()}, r"^expected instances with the same fields, got .* in instance 1, .* in 0"),
        *[({key: gyro(1)}, r"^expected a topic as 'name', 'name\.1' or \('name', 1\), with an instance below 256, got ")
          for key in ("", "a b", "a:", "a.b", "a.-1", "a.256", ("a", 256), ("a", -1), ("a", "b"), ("a",), 3,
                      "a." + "9" * 5000)],
    ],
)  # fmt: skip
def test_topics_that_a_ulog_has_no_place_for(topics, message):
    with pytest.raises(LayoutError, match=message):
        written(topics)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start": -1}, ValueError, r"^expected a time in us, below 2\*\*64, got -1 \(start\)$"),
        ({"start": 2**64}, ValueError, r"^expected a time in us, below 2\*\*64"),
        ({"start": 0.5}, TypeError, r"^expected a time in us as an int, got float 0.5 \(start\)$"),
        ({"info": {"x": None}}, LayoutError, r"^expected a text, bytes, or number of at most 64 bits, got None \(x\)$"),
        ({"info": {"x": 2**64}}, LayoutError, "^expected a text, bytes, or number of at most 64 bits, got 18446"),
        ({"info": {"x": np.zeros((2, 2))}}, LayoutError, "^expected a text, bytes, or number"),
        ({"info": {"x y": 1}}, ValueError, r"^expected a name, as a str without spaces, got 'x y'$"),
        ({"info": {"": 1}}, ValueError, "^expected a name, as a str without spaces, got ''$"),
        ({"info": {3: 1}}, ValueError, "^expected a name, as a str without spaces, got 3$"),
        ({"info": {"x": [[1], [2, 3]]}}, LayoutError, "^expected a text, bytes, or number of at most 64 bits, got "),
        ({"info": {"x": "\ud800"}}, ValueError, "^expected x as text that can be UTF-8, got str"),
        ({"info": [1]}, TypeError, r"^expected info as a mapping of names to values, got list \[1\]$"),
        ({"info": {"x" * 250: 1}}, ValueError,
         r"^expected a name of at most 255 bytes with its type, got 258 \(x{20}\.\.\.\)$"),
        ({"info": {"x": "y" * 65530}}, ValueError, r"^expected at most 65,535 bytes, got 65,54\d \(message 'I'\)$"),
        ({"parameters": {"P": 2**31}}, ValueError, r"^expected an int of 32 bits, got 2147483648 \(parameter P\)$"),
        ({"parameters": {"P": "1"}}, LayoutError, r"^expected an int or float, got str \(parameter P\)$"),
        ({"parameters": {"P": 1e39}}, ValueError, r"^expected a float of 32 bits, got 1e\+39 \(parameter P\)$"),
        ({"parameters": [("P", 1)]}, TypeError, "^expected parameters as a mapping of names to numbers, got list"),
        ({"multi_info": {"x": "text"}}, TypeError, r"^expected multi_info\['x'\] as a list of lists of parts, got"),
        ({"multi_info": {"x": ["text"]}}, TypeError, r"^expected lists of parts in multi_info\['x'\], got str"),
        ({"defaults": {"system": 5}}, TypeError, r"^expected defaults\['system'\] as a mapping of names to numbers"),
        ({"defaults": {"user": {"P": 1}}}, ValueError, "^expected defaults of 'system' or 'current_setup', got 'user'"),
        ({"changes": [(-1, "P", 1)]}, ValueError, r"got -1 \(change of P\)$"),
        ({"changes": [(1, "P")]}, TypeError, r"^expected changes as an iterable of \(time, name, value\), got tuple"),
        ({"messages": [(1, "LOUD", "x")]}, ValueError, r"^expected a level \(EMERGENCY, .*\), got 'LOUD' \(message"),
        ({"messages": [(1, "INFO", "x", 65536)]}, ValueError, r"^expected a tag, below 2\*\*16, got 65536 \(message"),
        ({"messages": [(1, "INFO", "x", "1")]}, TypeError, r"^expected a tag as an int, got str '1' \(message 'x'\)$"),
        ({"messages": [(1, "INFO")]}, TypeError, r"^expected messages as an iterable of \(time, level, text, tag\)"),
        ({"messages": [(1, "INFO", 5)]}, TypeError, "^expected the text of a message as a str, got int 5$"),
        ({"messages": "text"}, TypeError, "^expected messages as an iterable of .*, got str 'text'$"),
        ({"messages": [(-1, "INFO", "x")]}, ValueError, r"got -1 \(message 'x'\)$"),
        ({"dropouts": [(1, 65536)]}, ValueError, r"^expected a duration in ms, below 2\*\*16, got 65536 \(dropout"),
        ({"dropouts": [(1, 1.5)]}, TypeError, r"^expected a duration in ms as an int, got float 1.5 \(dropout at 1\)$"),
        ({"dropouts": [5]}, TypeError, r"^expected dropouts as an iterable of \(time, duration\), got int 5 in it$"),
        ({"dropouts": 5}, TypeError, r"^expected dropouts as an iterable of \(time, duration\), got int 5$"),
        ({"topics": [1]}, TypeError, r"^expected topics as a mapping of names to structured arrays or"),
        ({"topics": {}, "dropouts": [(1, 1)]}, LayoutError, "^expected a topic beside changes and dropouts, got none"),
        ({"topics": {}, "changes": [(1, "P", 1)]}, LayoutError, "^expected a topic beside changes and dropouts"),
    ],
)  # fmt: skip
def test_values_that_a_ulog_has_no_place_for(options, error, message):
    options = {"topics": {"gyro": gyro(1)}, **options}
    with pytest.raises(error, match=message):
        written(**options)


@pytest.mark.parametrize("path", [".", "", "/", "/tmp/.."])
def test_a_folder_is_no_file_to_write_to(path):
    with pytest.raises(IsADirectoryError):
        jk.telemetry.ulog.write(path, {"gyro": gyro(1)})


def test_paths_may_be_bytes(tmp_path):
    jk.telemetry.ulog.write(os.fsencode(tmp_path / "a.ulg"), {"gyro": gyro(1)})
    assert jk.telemetry.read(tmp_path / "a.ulg").topics == ["gyro"]


def test_rows_may_be_any_iterables():
    file = io.BytesIO()
    dropouts, messages = np.array([[100, 5], [200, 7]]), [[150, "INFO", "text"]]
    jk.telemetry.ulog.write(file, {"gyro": gyro(3)}, dropouts=dropouts, messages=iter(messages))
    log = jk.telemetry.read(file.getvalue())
    assert [dropout.duration for dropout in log.dropouts] == [5, 7]
    assert [message.text for message in log.messages] == ["text"]
