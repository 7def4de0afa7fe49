"""Every message of the specification, asserted by value; and recorded logs, which are read as pyulog reads them."""

import struct

import numpy as np
import pytest
import ulogs
from ulogs import (
    data,
    default,
    dropout,
    flags,
    format_,
    header,
    info,
    logged,
    message,
    multi_info,
    parameter,
    read,
    subscribe,
    sync,
    tagged,
    unsubscribe,
)

import jitkit as jk

F32 = struct.Struct("<f").pack
I32 = struct.Struct("<i").pack
GYRO = format_("gyro:uint64_t timestamp;float x;"), subscribe(0, "gyro")


def gyro(time, x=0.0, number=0):
    return data(number, struct.pack("<Qf", time, x))


def read_both(*parts):
    """Read by jitkit, and compare with pyulog."""
    contents = b"".join(parts)
    log = jk.telemetry.read(contents)
    assert log.report.completeness == "complete"
    ulogs.assert_accounts(log.report, len(contents))
    ulogs.assert_as_pyulog_reads(log, contents)
    return log


# The whole of a small file.


def test_a_file_with_every_message_of_the_specification(tmp_path):
    parts = [
        header(start=77), flags(compatible=1),
        info("char[3] sys_name", b"PX4"), multi_info("char[2] boot", b"ab"), multi_info("char[1] boot", b"c", True),
        *GYRO[:1], parameter("int32_t P", I32(4)), default(1, "int32_t P", I32(5)),
        GYRO[1], gyro(100, 0.5), sync(), logged(110, "armed", "4"), tagged(120, "no fix", 3, "2"), dropout(25),
        parameter("int32_t P", I32(6)), gyro(200, -1.5), unsubscribe(0),
    ]  # fmt: skip
    contents = b"".join(parts)
    path = tmp_path / "flight.ulg"
    path.write_bytes(contents)
    for source in (contents, bytearray(contents), np.frombuffer(contents, np.uint8), path, str(path)):
        log = jk.telemetry.read(source)
        assert log.start == 77
        assert log.topics == ["gyro"]
        assert {name: values.tolist() for name, values in log["gyro"].items()} == {
            "timestamp": [100, 200], "x": [0.5, -1.5],
        }  # fmt: skip
        assert log.info == {"sys_name": "PX4"}
        assert log.multi_info == {"boot": [["ab", "c"]]}
        assert log.parameters == {"P": 4}
        assert log.parameters.defaults == {"system": {"P": 5}}
        assert log.parameters.changes == [(100, "P", 6)]
        assert log.messages == [(110, "WARNING", "armed", None), (120, "CRITICAL", "no fix", 3)]
        assert log.dropouts == [(100, 25)]
        container = [0, 1, 5, 8, 10, 16]  # header, flags, format, subscription, sync, the end of the subscription
        report = log.report
        assert report.container_bytes == sum(len(parts[i]) for i in container)
        assert (report.size, report.skipped_bytes, report.completeness) == (len(contents), 0, "complete")
        assert report.records == len(parts) - 1  # all messages: the header is none
    ulogs.assert_as_pyulog_reads(log, contents)


def test_a_file_of_a_header_alone():
    log = read_both(header(start=5))
    assert (log.topics, log.start, log.info, log.multi_info) == ([], 5, {}, {})
    assert (log.parameters, log.parameters.defaults, log.parameters.changes) == ({}, {}, [])
    assert (log.messages, log.dropouts, log.report.container_bytes) == ([], [], 16)


@pytest.mark.parametrize("version", [0, 1, 2, 255])
def test_a_file_of_any_version_is_read(version):
    """Parsers "must parse future/unknown file format versions as well"."""
    assert read(header(version=version), *GYRO, gyro(1))["gyro"]["timestamp"].tolist() == [1]


@pytest.mark.parametrize("name", ["empty", "text", "short", "png"])
def test_what_is_no_ulog_is_refused(name):
    contents = {"empty": b"", "text": b"hello, world, here I am", "short": b"ULog\x01", "png": b"\x89PNG\r\n\x1a\n"}[
        name
    ]
    with pytest.raises(jk.DecodeError, match=r"^expected a file of a known format \(ulog\), got") as error:
        jk.telemetry.read(contents)
    assert (error.value.kind, error.value.offset) == ("format", 0)
    assert repr(contents[:8]) in str(error.value)


# Formats.


def test_every_type_of_a_field():
    kinds = {
        "int8_t": ("<i1", -5), "uint8_t": ("<u1", 250), "int16_t": ("<i2", -500), "uint16_t": ("<u2", 65000),
        "int32_t": ("<i4", -(2**31)), "uint32_t": ("<u4", 2**32 - 1), "int64_t": ("<i8", -(2**63)),
        "uint64_t": ("<u8", 2**64 - 1), "float": ("<f4", 0.5), "double": ("<f8", -1e300), "bool": ("<i1", 1),
        "char": ("<i1", 65),
    }  # fmt: skip
    text = "".join(f"{kind} f{i};" for i, kind in enumerate(kinds))
    record = b"".join(np.array(value, dtype).tobytes() for dtype, value in kinds.values())
    log = read_both(
        header(), format_(f"all:uint64_t timestamp;{text}"), subscribe(3, "all"), data(3, bytes(8) + record)
    )
    columns = log["all"]
    assert list(columns) == ["timestamp", *(f"f{i}" for i in range(len(kinds)))]
    for i, (dtype, value) in enumerate(kinds.values()):
        assert columns[f"f{i}"].dtype == np.dtype(dtype)
        assert columns[f"f{i}"].tolist() == [value]


def test_arrays_nested_formats_and_arrays_of_them():
    formats = [  # in any order; each is needed before somebody subscribes only
        format_("outer:uint64_t timestamp;middle[2] m;inner one;uint8_t[3] b;"),
        format_("inner:int16_t v;bool[2] ok;"),
        format_("middle:inner i;float f;"),
    ]
    record = bytes(range(8)) + b"".join(bytes([i, 0, 1, 0]) + F32(i) for i in (1, 2)) + b"\7\0\0\1" + b"\x0a\x0b\x0c"
    log = read_both(header(), *formats, subscribe(0, "outer"), data(0, record))
    assert {name: values.tolist() for name, values in log["outer"].items()} == {
        "timestamp": [int.from_bytes(range(8), "little")],
        "m[0].i.v": [1], "m[0].i.ok[0]": [1], "m[0].i.ok[1]": [0], "m[0].f": [1.0],
        "m[1].i.v": [2], "m[1].i.ok[0]": [1], "m[1].i.ok[1]": [0], "m[1].f": [2.0],
        "one.v": [7], "one.ok[0]": [0], "one.ok[1]": [1], "b[0]": [10], "b[1]": [11], "b[2]": [12],
    }  # fmt: skip


def test_an_array_of_one_item_has_a_number_and_one_of_none_has_no_column():
    log = read(header(), format_("t:uint64_t timestamp;float[1] q;uint8_t[0] none;"), subscribe(0, "t"),
               data(0, struct.pack("<Qf", 3, 2.5)))  # fmt: skip
    assert {name: values.tolist() for name, values in log["t"].items()} == {"timestamp": [3], "q[0]": [2.5]}


def test_a_format_that_comes_late_or_twice():
    """Not compared with pyulog, which forgets the records of an id when it is subscribed to again."""
    log = read(
        header(), format_("a:uint64_t timestamp;"), subscribe(0, "a"), data(0, bytes(8)), GYRO[0], GYRO[0],
        subscribe(1, "gyro"), gyro(9, number=1), subscribe(1, "gyro"), gyro(10, number=1),
    )  # fmt: skip
    assert log["gyro"]["timestamp"].tolist() == [9, 10]
    assert log.report.completeness == "complete"


def test_the_timestamp_is_a_column_like_others():
    log = read_both(header(), format_("t:float x;uint64_t timestamp;"), subscribe(0, "t"),
                    data(0, F32(1) + struct.pack("<Q", 7)), dropout(1))  # fmt: skip
    assert list(log["t"]) == ["x", "timestamp"]
    assert log.dropouts == [(7, 1)]


def test_a_topic_without_timestamp_has_columns_and_no_time():
    log = read(header(start=3), format_("t:float x;"), subscribe(0, "t"), data(0, F32(0.5)), dropout(1))
    assert log["t"]["x"].tolist() == [0.5]
    assert log.dropouts == [(3, 1)]
    with pytest.raises(KeyError, match="expected a topic whose records have a timestamp, got 't'"):
        log.timestamps("t")


def test_instances_have_topics_of_their_own():
    log = read_both(
        header(), GYRO[0], subscribe(8, "gyro", 2), subscribe(9, "gyro", 0), subscribe(300, "gyro", 11),
        gyro(1, 1, 8), gyro(2, 2, 9), gyro(3, 3, 300), gyro(4, 4, 9),
    )  # fmt: skip
    assert log.topics == ["gyro", "gyro.2", "gyro.11"]
    assert [log[name]["x"].tolist() for name in log.topics] == [[2, 4], [1], [3]]


def test_padding_at_the_end_is_left_out_of_columns_and_may_be_left_out_of_records():
    formats = format_("t:uint64_t timestamp;uint8_t x;uint8_t[3] _padding0;uint32_t _padding1;")
    left_out, written = (data(0, struct.pack("<QB", 5, x) + bytes(n)) for x, n in ((8, 0), (9, 7)))
    log = read_both(header(), formats, subscribe(0, "t"), left_out)
    assert {name: values.tolist() for name, values in log["t"].items()} == {"timestamp": [5], "x": [8]}
    # pyulog takes records with their padding for damaged ones.
    log = read(header(), formats, subscribe(0, "t"), written, left_out, written)
    assert {name: values.tolist() for name, values in log["t"].items()} == {"timestamp": [5] * 3, "x": [9, 8, 9]}
    assert log.report.completeness == "complete"


def test_padding_that_is_not_at_the_end_is_a_column():
    log = read_both(header(), format_("t:uint64_t timestamp;uint8_t[2] _padding0;uint8_t x;"), subscribe(0, "t"),
                    data(0, bytes(8) + b"\1\2\3"))  # fmt: skip
    assert {name: values.tolist() for name, values in log["t"].items()} == {
        "timestamp": [0], "_padding0[0]": [1], "_padding0[1]": [2], "x": [3],
    }  # fmt: skip


def test_padding_inside_a_nested_format_is_a_column_also_at_the_end():
    """Only padding of the topic itself is left out: as pyulog has it, whose names begin with the outer field's."""
    log = read_both(header(), format_("in:uint8_t v;uint8_t _padding0;"), format_("t:uint64_t timestamp;in i;"),
                    subscribe(0, "t"), data(0, bytes(8) + b"\1\2"))  # fmt: skip
    assert {name: values.tolist() for name, values in log["t"].items()} == {
        "timestamp": [0], "i.v": [1], "i._padding0": [2],
    }  # fmt: skip


# Information and parameters.


def test_information_of_every_type():
    pairs = {
        "int8_t a": b"\xff", "uint8_t b": b"\xff", "bool c": b"\1", "char d": b"x", "int16_t e": b"\xfe\xff",
        "uint16_t f": b"\xfe\xff", "int32_t g": I32(-3), "uint32_t h": b"\xff\xff\xff\xff", "int64_t i": b"\xff" * 8,
        "uint64_t j": b"\xff" * 8, "float k": F32(0.5), "double l": struct.pack("<d", 0.1),
        "char[5] m": "Grüß".encode()[:5], "uint8_t[2] n": b"\0\1", "int16_t[2] o": b"\1\0\2\0", "odd_t p": b"??",
    }  # fmt: skip
    log = read_both(header(), *(info(key, value) for key, value in pairs.items()))
    assert log.info == {
        "a": -1, "b": 255, "c": True, "d": b"x", "e": -2, "f": 65534, "g": -3, "h": 2**32 - 1, "i": -1, "j": 2**64 - 1,
        "k": 0.5, "l": 0.1, "m": "Grü", "n": b"\0\1", "o": b"\1\0\2\0", "p": b"??",
    }  # fmt: skip


def test_information_that_comes_twice_is_the_last_and_may_come_late():
    log = read_both(
        header(), info("int32_t a", I32(1)), *GYRO, info("int32_t a", I32(2)), gyro(1), info("char[1] b", b"x")
    )
    assert log.info == {"a": 2, "b": "x"}


def test_parts_of_information_go_on_or_begin_anew():
    log = read_both(
        header(), multi_info("char[1] log", b"a", continued=True), multi_info("char[1] log", b"b", continued=True),
        multi_info("char[1] log", b"c"), multi_info("char[2] other", b"xy"), multi_info("char[1] log", b"d", True),
        multi_info("uint8_t[2] raw", b"\0\1"),
    )  # fmt: skip
    assert log.multi_info == {"log": [["a", "b"], ["c", "d"]], "other": [["xy"]], "raw": [[b"\0\1"]]}


def test_defaults_of_parameters():
    log = read(
        header(), default(1, "int32_t A", I32(1)), default(2, "int32_t A", I32(2)), default(3, "float B", F32(0.5)),
        default(4, "int32_t C", I32(9)), default(0, "int32_t D", I32(9)),
    )  # fmt: skip
    assert log.parameters == {}
    assert log.parameters.defaults == {
        "system": {"A": 1, "B": 0.5}, "current_setup": {"A": 2, "B": 0.5}, "bit 2": {"C": 9},
    }  # fmt: skip


def test_parameters_change_once_data_has_begun():
    log = read_both(
        header(start=50),
        parameter("int32_t A", I32(1)), parameter("float B", F32(0.5)), parameter("int32_t A", I32(2)),
        *GYRO, parameter("int32_t A", I32(3)), gyro(100), gyro(90), parameter("float B", F32(1.5)), gyro(200),
        parameter("int32_t NEW", I32(7)),
    )  # fmt: skip
    assert log.parameters == {"A": 2, "B": 0.5}
    assert log.parameters.changes == [(50, "A", 3), (100, "B", 1.5), (200, "NEW", 7)]
    assert [change.name for change in log.parameters.changes] == ["A", "B", "NEW"]


@pytest.mark.parametrize("first", [logged(1, "text"), tagged(1, "text", 2)])
def test_a_text_begins_the_data_as_a_subscription_does(first):
    log = read_both(header(start=8), parameter("int32_t A", I32(1)), first, parameter("int32_t A", I32(2)))
    assert log.parameters == {"A": 1}
    assert log.parameters.changes == [(8, "A", 2)]


# Texts, gaps and sync.


def test_levels_of_texts():
    log = read_both(header(), *(logged(i, f"text {i}", level) for i, level in enumerate("01234567x")))
    levels = ("EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG", "UNKNOWN")
    assert [text.level for text in log.messages] == list(levels)
    assert [text.timestamp for text in log.messages] == list(range(9))


def test_texts_are_in_the_order_of_the_file():
    log = read_both(header(), tagged(9, "a", 65535), logged(3, ""), tagged(2**64 - 1, "c", 0), logged(1, "ü"))
    assert log.messages == [
        (9, "INFO", "a", 65535), (3, "INFO", "", None), (2**64 - 1, "INFO", "c", 0), (1, "INFO", "ü", None),
    ]  # fmt: skip


def test_what_is_no_utf_8_is_left_out_of_texts():
    log = read_both(header(), message("L", b"6" + bytes(8) + b"a\xffb\xc3"), info("char[3] x", b"\xfe\x41\x42"))
    assert log.messages == [(0, "INFO", "ab", None)]
    assert log.info == {"x": "AB"}


def test_dropouts_have_the_time_of_the_latest_record():
    log = read_both(header(start=4), *GYRO, dropout(1), gyro(20), dropout(2), gyro(10), dropout(65535))
    assert log.dropouts == [(4, 1), (20, 2), (20, 65535)]
    assert log.dropouts[0].duration == 1


def test_sync_may_be_anywhere():
    log = read_both(header(), sync(), GYRO[0], sync(), sync(), GYRO[1], gyro(1), sync(), gyro(2), sync())
    assert log["gyro"]["timestamp"].tolist() == [1, 2]


# Flags, appended data, and what is to come.


@pytest.mark.parametrize("bit", [1, 7, 8, 63])
@pytest.mark.parametrize("errors", ["strict", "recover"])
def test_incompatible_flags_are_refused_by_name(bit, errors):
    with pytest.raises(
        jk.DecodeError, match=rf"^expected no incompatible flag .*, got bit {bit} at offset 16"
    ) as error:
        read(header(), flags(incompatible=1 << bit | 1), *GYRO, gyro(1), errors=errors)
    assert (error.value.kind, error.value.offset) == ("incompatible", 16)


def test_compatible_flags_are_not_looked_at():
    assert read_both(header(), flags(compatible=2**64 - 1), *GYRO, gyro(1)).topics == ["gyro"]


def test_flags_may_be_longer_than_today():
    long = message("B", bytes(40) + b"what is to come")
    assert read(header(), long, *GYRO, gyro(1))["gyro"]["timestamp"].tolist() == [1]


def appended(cut, sections):
    """A log with sections that were appended: each part but the last ends with some bytes of a message."""
    parts = [header(), None, *GYRO, gyro(1), gyro(2)]
    size = sum(len(part) if part else 43 for part in parts)
    offsets, rest = [], []
    for i in range(sections):
        rest.append(gyro(3)[:cut])
        offsets.append(size + sum(map(len, rest)))
        rest += [parameter("int32_t A", I32(i)), gyro(10 + i)]
    parts[1] = flags(incompatible=1, appended=offsets)
    return [*parts, *rest], offsets


@pytest.mark.parametrize("sections", [1, 2, 3])
def test_appended_data_goes_on_with_the_same_topics(sections):
    """Not compared with pyulog, which forgets all subscriptions where data was appended."""
    parts, _ = appended(0, sections)
    log = read(*parts)
    assert log.report.completeness == "complete"
    assert log["gyro"]["timestamp"].tolist() == [1, 2, *range(10, 10 + sections)]
    assert [value for _, _, value in log.parameters.changes] == list(range(sections))


@pytest.mark.parametrize("cut", [1, 3, 4, 16])
def test_data_is_appended_to_what_was_cut_off(cut):
    parts, offsets = appended(cut, 2)
    log = read(*parts, errors="recover")
    assert log["gyro"]["timestamp"].tolist() == [1, 2, 10, 11]
    assert log.report.skipped == [(offset - cut, offset, "cut off before appended data") for offset in offsets]
    with pytest.raises(jk.DecodeError, match="cut off before appended data") as error:
        read(*parts)
    assert (error.value.kind, error.value.offset) == ("truncated", offsets[0] - cut)


def test_offsets_of_appended_data_count_with_their_flag_alone():
    log = read(header(), flags(incompatible=0, appended=[70]), *GYRO, gyro(1))
    assert log["gyro"]["timestamp"].tolist() == [1]


UNKNOWN = message("Z", b"what nobody knows")


def test_messages_of_unknown_types_are_skipped_in_recovery():
    parts = [header(), *GYRO, gyro(1), UNKNOWN, gyro(2)]
    log = read(*parts, errors="recover")
    assert log["gyro"]["timestamp"].tolist() == [1, 2]
    start = sum(map(len, parts[:4]))
    assert log.report.skipped == [(start, start + len(UNKNOWN), "unknown message type")]


def test_unsubscribing_ends_nothing_that_was_logged():
    log = read(header(), *GYRO, gyro(1), unsubscribe(0), logged(2, "bye"))
    assert log["gyro"]["timestamp"].tolist() == [1]
    assert log.messages == [(2, "INFO", "bye", None)]
    assert log.report.completeness == "complete"


def test_an_id_may_be_subscribed_to_again():
    log = read(header(), *GYRO, gyro(1), unsubscribe(0), GYRO[1], gyro(2))
    assert log["gyro"]["timestamp"].tolist() == [1, 2]


# Recorded logs.


@pytest.mark.parametrize("name", ulogs.REAL)
@pytest.mark.parametrize("errors", ["strict", "recover"])
def test_a_recorded_log_is_read_as_pyulog_reads_it(name, errors):
    contents = ulogs.real_file(name).read_bytes()
    log = jk.telemetry.read(contents, errors=errors)
    assert log.report.completeness == "complete"
    ulogs.assert_accounts(log.report, len(contents))
    ulogs.assert_as_pyulog_reads(log, contents)


@pytest.mark.parametrize("name", ulogs.REAL)
def test_a_recorded_log_is_read_alike_from_a_path(name):
    path = ulogs.real_file(name)
    log, other = jk.telemetry.read(path), jk.telemetry.read(path.read_bytes())
    assert log.topics == other.topics
    for topic in log:
        ulogs.assert_columns(log[topic], dict(other[topic].items()))
    assert (log.info, log.parameters.changes, log.dropouts) == (other.info, other.parameters.changes, other.dropouts)


@pytest.mark.parametrize("name", ulogs.REAL)
def test_a_recorded_log_is_written_and_read_again(name, tmp_path):
    log = jk.telemetry.read(ulogs.real_file(name))
    path = tmp_path / "copy.ulg"
    jk.telemetry.ulog.write(
        path, log, start=log.start, info=log.info, multi_info=log.multi_info, parameters=log.parameters,
        defaults=log.parameters.defaults, changes=log.parameters.changes, messages=log.messages, dropouts=log.dropouts,
    )  # fmt: skip
    copy = jk.telemetry.read(path)
    assert copy.topics == log.topics
    for topic in log:
        ulogs.assert_columns(copy[topic], dict(log[topic].items()))
    assert (copy.start, copy.info, copy.multi_info) == (log.start, log.info, log.multi_info)
    assert copy.parameters == log.parameters
    assert copy.parameters.defaults == log.parameters.defaults
    assert sorted(copy.messages) == sorted(log.messages)
    assert copy.dropouts == log.dropouts
    ulogs.assert_as_pyulog_reads(copy, path.read_bytes())
