"""Damaged files: what is wrong is said by name and place, or skipped with an account, and the rest is what it was."""

import itertools
import re
import struct
import tracemalloc
from collections import Counter

import numpy as np
import pytest
import ulogs
from ulogs import (
    data,
    dropout,
    flags,
    format_,
    header,
    logged,
    message,
    parameter,
    read,
    subscribe,
    tagged,
    unsubscribe,
)

import jitkit as jk

GYRO = format_("gyro:uint64_t timestamp;float x;"), subscribe(0, "gyro")
SMALL, TOPICS = ulogs.small_log()
SEEDS = range(150)
RECORDED, APPENDED = ("sample_log_small.ulg", "many_topics.ulg"), "sample_appended_multiple.ulg"


def gyro(time, x=0.5, number=0):
    return data(number, struct.pack("<Qf", time, x))


def recovered(contents):
    """The log of a damaged file, of which all is touched; accounts are exact."""
    log = jk.telemetry.read(contents, format="ulog", errors="recover")
    ulogs.assert_accounts(log.report, len(contents))
    touch(log)
    return log


def touch(log):
    """Nothing is raised once a file was read."""
    for columns in log.values():
        for column in columns.values():
            column.tobytes()
    for what in (log.start, log.info, log.multi_info, log.parameters, log.messages, log.dropouts, log, log.report):
        repr(what)


def rows_of(columns):
    """How often each row is in columns, by its bytes."""
    table = columns.to_numpy()
    return Counter(table.view(f"V{table.dtype.itemsize}").tolist() if len(table) else [])


def times(log, topic="gyro"):
    return log[topic]["timestamp"].tolist() if topic in log else []


# Strict: the first thing that is wrong, by kind, offset, message and topic.

START = [header(), *GYRO, gyro(1)]
AT = sum(map(len, START))

STRICT = {
    "cut in a header": ([gyro(2)[:2]], "truncated", None),
    "cut in a payload": ([gyro(2)[:9]], "truncated", "gyro"),
    "size beyond the end": ([message("L", b"x" * 500)[:10], gyro(2)], "size", None),
    "unknown type": ([message("\x7f", b"???"), gyro(2)], "type", None),
    "zeros": ([bytes(50), gyro(2)], "type", None),
    "no subscription": ([gyro(2, number=7), gyro(3)], "subscription", None),
    "size of another record": ([data(0, bytes(13)), gyro(3)], "size", "gyro"),
    "no id": ([message("D", b"\0"), gyro(3)], "size", None),
    "key without type": ([message("P", b"\1P" + bytes(4)), gyro(2)], "payload", None),
    "key beyond the payload": ([message("P", b"\xffint32_t P"), gyro(2)], "payload", None),
    "value of another size": ([parameter("int32_t P", bytes(5)), gyro(2)], "payload", None),
    "no key": ([message("I", b""), gyro(2)], "payload", None),
    "text without time": ([message("L", b"6" + bytes(7)), gyro(2)], "payload", None),
    "tagged text without time": ([message("C", b"6" + bytes(9)), gyro(2)], "payload", None),
    "dropout of another size": ([message("O", bytes(3)), gyro(2)], "payload", None),
    "other sync": ([message("S", bytes(8)), gyro(2)], "payload", None),
    "format without a colon": ([format_("status"), gyro(2)], "format", None),
    "format of no fields": ([format_("status:"), subscribe(1, "status"), gyro(2)], "format", None),
    "subscription without format": ([subscribe(1, "status"), gyro(2)], "format", None),
}


def strict_error(contents):
    """What strict reading raises, if it does; all of the log was touched otherwise."""
    try:
        log = jk.telemetry.read(contents, format="ulog")
    except jk.DecodeError as error:
        return error
    touch(log)
    assert log.report.completeness == "complete"
    return None


@pytest.mark.parametrize("what", STRICT)
def test_strict_reading_says_what_is_wrong_and_where(what):
    rest, kind, topic = STRICT[what]
    with pytest.raises(jk.DecodeError) as error:
        read(*START, *rest)
    error = error.value
    if what == "format of no fields":  # is one, but no topic can have it
        assert (error.kind, error.offset, error.record) == (kind, AT + len(rest[0]), 4)
        return
    assert (error.kind, error.offset, error.record) == (kind, AT, 3)
    assert error.topic == topic
    assert f"at offset {AT}, message 3" in str(error)
    assert 'errors="recover" skips them' in str(error)


@pytest.mark.parametrize("what", STRICT)
def test_recovery_skips_what_strict_reading_refuses(what):
    rest = STRICT[what][0]
    log = recovered(b"".join([*START, *rest]))
    intact = [struct.unpack_from("<Q", part, 5)[0] for part in rest[1:] if part[2:3] == b"D"]
    assert times(log) == [1, *intact]
    assert log.topics == ["gyro"]
    start = AT + len(rest[0]) if what == "format of no fields" else AT
    assert log.report.skipped[0][0] == start
    assert log.report.completeness == ("truncated" if STRICT[what][1] == "truncated" and not intact else "corrupt")


@pytest.mark.parametrize("byte", range(7))
def test_a_damaged_magic_number(byte):
    contents = bytearray(b"".join([*START, gyro(2)]))
    contents[byte] ^= 0x10
    with pytest.raises(jk.DecodeError, match=r"^expected a file of a known format \(ulog\), got"):
        jk.telemetry.read(contents)
    log = jk.telemetry.read(contents, errors="recover")
    assert times(log) == [1, 2]
    assert log.report.skipped == [(0, 16, "damaged file header")]
    assert log.start is None
    with pytest.raises(jk.DecodeError, match="damaged file header") as error:
        jk.telemetry.read(contents, format="ulog")
    assert (error.value.kind, error.value.offset, error.value.record) == ("header", 0, 0)


def test_a_bad_argument_is_named():
    with pytest.raises(ValueError, match=r"^expected errors='strict' or 'recover', got 'ignore'$"):
        jk.telemetry.read(SMALL, errors="ignore")
    with pytest.raises(ValueError, match=r"^expected a format \(ulog\), got 'csv'$"):
        jk.telemetry.read(SMALL, format="csv")


# Cuts: every prefix of a small file.


def test_every_prefix_of_a_file_is_read_as_far_as_it_goes():
    ends = [(start, stop) for start, kind, stop in ulogs.split(SMALL) if kind == "D"]
    messages = ulogs.split(SMALL)
    whole = {stop for _, _, stop in messages} | {16}
    # Behind what does not speak for itself: see the next test.
    odd = {
        size for (_, kind, start), (_, _, stop) in itertools.pairwise(messages) if kind == "B"
        for size in range(start + 1, stop)
    }  # fmt: skip
    for size in [*range(1200), *range(1200, len(SMALL), 37)]:
        log = recovered(SMALL[:size])
        assert sum(len(columns) for columns in log.values()) == sum(stop <= size for _, stop in ends), size
        if size >= 16 and size not in odd:  # of less than a header, nobody knows whether it is the beginning of a log
            assert log.report.completeness == ("complete" if size in whole else "truncated"), size


@pytest.mark.parametrize(
    "last",
    [
        dropout(5),
        flags(),
        unsubscribe(0),
        message("L", b"6" + bytes(8)),
    ],
)
@pytest.mark.parametrize("cut", [gyro(2)[:2], gyro(2)[:9]])
def test_what_is_cut_off_costs_no_sound_message_before_it(last, cut):
    contents = b"".join([header(), last] if last == flags() else [*START, last])
    log = recovered(contents + cut)
    assert log.report.skipped == [(len(contents), len(contents) + len(cut), "cut off at the end of the file")]


# Seeded damage. What was not touched is what it was.


def lost_topics(contents, touched):
    """Topics whose own definitions were touched, and whether the file's flags were."""
    texts, lost_formats, lost, uses = {}, set(), set(), {}
    for start, kind, stop in ulogs.split(contents):
        hit = any((a < stop and b > start) or (a == b and start < a < stop) for a, b in touched)
        if kind == "F":
            name, _, text = contents[start + 3 : stop].decode().partition(":")
            texts[name] = set(re.findall(r"(\w+)(?:\[\d+\])? ", text))
            lost_formats |= {name} if hit else set()
        elif kind == "A":
            name, instance = contents[start + 6 : stop].decode(), contents[start + 3]
            key = f"{name}.{instance}" if instance else name
            uses[key] = name
            lost |= {key} if hit else set()

    def needs(name):
        return {name}.union(*(needs(inner) for inner in texts.get(name, ()) if inner in texts))

    return lost | {key for key, name in uses.items() if needs(name) & lost_formats}


def assert_undamaged_part(contents, log, broken, touched, swallowed=0):
    """Compare rows by content; as many as `swallowed` may be missing of all."""
    if any(a < 16 + 43 and b > 16 for a, b in touched):  # flags may have become ones that nobody knows
        error = strict_error(broken)
        if error is not None and error.kind == "incompatible":
            return
    found = recovered(broken)
    keys = {}
    for start, kind, stop in ulogs.split(contents):
        if kind == "A":
            name, instance = contents[start + 6 : stop].decode(), contents[start + 3]
            keys[contents[start + 4] | contents[start + 5] << 8] = f"{name}.{instance}" if instance else name
    lost = lost_topics(contents, touched)
    expected = {}
    for (number, record), count in ulogs.untouched_records(contents, touched).items():
        if keys[number] not in lost:
            expected.setdefault(keys[number], Counter())[record] += count
    touched_bytes = sum(b - a for a, b in touched) + abs(len(broken) - len(contents))
    for name, rows in expected.items():
        assert name in found, name
        nbytes = log[name].to_numpy().dtype.itemsize
        untouched = Counter()
        for record, count in rows.items():
            untouched[record[:nbytes]] += count
        there = rows_of(found[name])
        swallowed -= sum((untouched - there).values())
        assert swallowed >= 0, (name, untouched - there)
        new = sum((there - rows_of(log[name])).values())
        assert new <= len(touched) + touched_bytes // 5, (name, new)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_damage_has_not_touched_is_decoded_as_it_was(seed):
    broken, touched = ulogs.damaged(SMALL, seed)
    assert_undamaged_part(SMALL, jk.telemetry.read(SMALL), broken, touched)


# An offset of appended data that is no longer right cuts the record in two that it points into.
@pytest.mark.parametrize(("name", "swallowed"), [*((name, 0) for name in RECORDED), (APPENDED, 3)])
def test_what_damage_has_not_touched_of_a_recorded_log_is_decoded_as_it_was(name, swallowed):
    contents = ulogs.real_file(name).read_bytes()
    log = jk.telemetry.read(contents)
    for seed in range(15):
        assert_undamaged_part(contents, log, *ulogs.damaged(contents, seed), swallowed=swallowed)


def test_offsets_that_are_no_longer_right_cost_no_record():
    parts = [header(), None, *GYRO, gyro(1), gyro(2), gyro(3), gyro(4)]
    parts[1] = flags(incompatible=1, appended=[AT + 43 + len(gyro(2)) + 5])
    assert times(recovered(b"".join(parts))) == [1, 2, 3, 4]


def test_bytes_that_are_missing_cost_one_record_more_at_most():
    log = jk.telemetry.read(SMALL)
    for seed in range(60):
        broken, touched = ulogs.damaged(SMALL, seed, "delete")
        assert_undamaged_part(SMALL, log, broken, touched, swallowed=len(touched))


def test_bytes_that_are_missing_cost_no_record_more():
    parts = [*START, gyro(2)[:10] + gyro(2)[12:], gyro(3), gyro(4)]
    assert {1, 3, 4} <= set(times(recovered(b"".join(parts))))


@pytest.mark.parametrize("seed", range(100))
def test_strict_reading_of_damaged_files_raises_decode_errors_alone(seed):
    broken, _ = ulogs.damaged(SMALL, seed, "delete" if seed % 4 == 0 else None)
    error = strict_error(broken)
    if error is not None:
        assert error.kind
        assert 0 <= error.offset <= len(broken)


def test_flags_are_the_first_message_or_an_error():
    assert strict_error(b"".join([*START, flags(), gyro(2)])) is not None


def test_texts_behind_damage_are_found_by_their_letters():
    texts = ["plain", "tab\t", "line\nline\r\n", "\x1b[31mred", "Gr\u00fc\u00dfe"]
    for text in texts:
        for found in (logged(5, text), tagged(5, text, 3)):
            log = recovered(b"".join([*START, bytes(3), found, bytes(3)]))
            assert [one.text for one in log.messages] == [text]
            assert [stop - start for start, stop, _ in log.report.skipped] == [3, 3]
    for text in ("", "bell\a", "end\0"):  # may as well be noise
        log = recovered(b"".join([*START, bytes(3), logged(5, text), bytes(3)]))
        assert log.messages == []


# Definitions that contradict each other: garbage beside what is sound.


FORMATS = [
    format_("a:uint64_t timestamp;float x;"), format_("b:uint64_t timestamp;float y;"),
    format_("c:uint64_t timestamp;double z;"),
]  # fmt: skip
SUBSCRIPTIONS = [subscribe(0, "a"), subscribe(1, "b"), subscribe(2, "c"), subscribe(3, "c", 1)]
RECORDS = [
    part
    for i in range(20)
    for part in (
        data(0, struct.pack("<Qf", i, i)), data(1, struct.pack("<Qf", i, -i)),
        data(2, struct.pack("<Qd", i, i / 2)), data(3, struct.pack("<Qd", i, i / 4)),
    )
]  # fmt: skip
GARBAGE = {
    "an id of another topic of that size": subscribe(0, "b", 9),
    "an id of another topic of another size": subscribe(0, "c", 9),
    "an id of a topic that has one": subscribe(1, "a"),
    "an id of another instance": subscribe(2, "c", 7),
    "an id of no format": subscribe(1, "nonsense"),
    "a topic that has an id": subscribe(9, "a"),
    "a topic that has a lower id": subscribe(0, "c", 1),
    "an instance that has an id": subscribe(77, "c", 1),
    "a format of another size": format_("a:uint64_t timestamp;double x;double y;"),
    "a format of smaller size": format_("a:uint16_t x;"),
    "a format that contains itself": format_("a:uint64_t timestamp;a x;"),
    "a format of unknown types": format_("a:uint64_t timestamp;unknown x;"),
    "a format of no fields": format_("a:"),
    "a format with the wrong name of a field": format_("a:uint64_t timestamp;float xx;"),
}
PLACES = ("first", "between", "behind", "in the data", "at the end")


def with_garbage(garbage, place):
    parts = {
        "first": [*FORMATS, garbage, *SUBSCRIPTIONS, *RECORDS],
        "between": [*FORMATS, *SUBSCRIPTIONS[:2], garbage, *SUBSCRIPTIONS[2:], *RECORDS],
        "behind": [*FORMATS, *SUBSCRIPTIONS, garbage, *RECORDS],
        "in the data": [*FORMATS, *SUBSCRIPTIONS, *RECORDS[:30], garbage, *RECORDS[30:]],
        "at the end": [*FORMATS, *SUBSCRIPTIONS, *RECORDS, garbage],
    }[place]
    return b"".join([header(), flags(), *parts])


def expected_of(log):
    return {name: {column: values.tolist() for column, values in log[name].items()} for name in log.topics}


SOUND = expected_of(read(header(), *FORMATS, *SUBSCRIPTIONS, *RECORDS))


def test_the_sound_log_beside_garbage_has_its_topics():
    assert list(SOUND) == ["a", "b", "c", "c.1"]
    assert SOUND["b"] == {"timestamp": list(range(20)), "y": [-float(i) for i in range(20)]}


@pytest.mark.parametrize(
    ("what", "place"),
    [(what, place) for what in GARBAGE for place in PLACES],
)
def test_garbage_among_definitions_changes_no_sound_topic(what, place):
    contents = with_garbage(GARBAGE[what], place)
    assert expected_of(recovered(contents)) == SOUND


def test_a_flood_of_garbage_definitions_changes_no_sound_topic():
    flood = [*(subscribe(i % 7, name, i % 5) for i in range(60) for name in ("a", "b", "c")), *GARBAGE.values()]
    contents = b"".join([header(), *FORMATS, *SUBSCRIPTIONS, *RECORDS[:40], *flood, *RECORDS[40:]])
    found = expected_of(recovered(contents))
    assert {name: found.get(name) for name in SOUND} == SOUND


@pytest.mark.parametrize(
    "garbage",
    [
        format_("a:uint64_t timestamp;double x;double y;"), format_("a:uint16_t x;"), format_("c:uint64_t timestamp;"),
        format_("a:uint64_t timestamp;c x;"), format_("a:uint64_t timestamp;nonsense x;"),
    ],
)  # fmt: skip
def test_a_format_before_the_sound_one_is_not_believed_if_no_record_has_its_size(garbage):
    contents = b"".join([header(), flags(), garbage, *FORMATS, *SUBSCRIPTIONS, *RECORDS])
    assert expected_of(recovered(contents)) == SOUND


CONTRADICTIONS = [what for what in GARBAGE if not what.endswith(("no format", "no fields", "other instance"))]


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_definitions_that_contradict_each_other_are_errors_in_strict_reading(what):
    error = strict_error(with_garbage(GARBAGE[what], "in the data"))
    assert error is not None
    assert error.kind in ("subscription", "format")


# Texts that lie.

LIES = {
    "contains itself": ["t:uint64_t timestamp;t x;"],
    "contain each other": ["t:uint64_t timestamp;u x;", "u:t y;"],
    "array of itself": ["t:t[65535] x;"],
    "arrays in arrays": ["t:u[65535] x;", "u:v[65535] y;", "v:w[65535] z;", "w:uint64_t[65535] a;"],
    "doubling": [f"{'t' * i}:{'t' * (i + 1)} a;{'t' * (i + 1)} b;" for i in range(1, 60)] + [f"{'t' * 60}:uint8_t a;"],
    "doubling of nothing": [f"{'t' * i}:{'t' * (i + 1)}[9] a;" for i in range(1, 30)] + [f"{'t' * 30}:uint8_t[0] a;"],
    "very deep": [f"{'t' * i}:{'t' * (i + 1)} a;" for i in range(1, 200)] + [f"{'t' * 200}:uint8_t a;"],
    "larger than a message": ["t:uint64_t[8192] x;"],
    "a huge number": ["t:uint8_t[99999999999999999999] x;"],
    "a negative number": ["t:uint8_t[-1] x;"],
    "a number of other digits": ["t:uint8_t[²] x;", "t:uint8_t[٣] x;"],
    "no number": ["t:uint8_t[] x;"],
    "an open bracket": ["t:uint8_t[3 x;"],
    "no fields": ["t:"],
    "empty fields": ["t:;;;"],
    "padding alone": ["t:uint8_t _padding0;"],
    "no name of a field": ["t:uint8_t ;"],
    "no type": ["t: x;"],
    "no space": ["t:uint8_t;"],
    "two spaces": ["t:uint8_t  x;"],
    "no colon": ["t"],
    "a colon alone": [":"],
    "no name": [":uint8_t x;"],
    "two colons": ["t:u:int8_t x;"],
    "twice a name": ["t:uint8_t x;uint8_t x;"],
    "twice a name by nesting": ["t:u x;uint8_t x.y;", "u:uint8_t y;"],
    "twice a name by arrays": ["t:uint8_t[2] x;uint8_t x[1];"],
    "control characters": ["t:uint8_t x\0;", "t\n:uint8_t x;"],
    "no UTF-8": [b"t:uint8_t \xff\xfe;", b"\xfft:uint8_t x;"],
    "an unknown type": ["t:uint128_t x;"],
    "a type with an empty name": ["t:[3] x;"],
}


@pytest.mark.parametrize("what", LIES)
def test_texts_that_lie_cost_their_own_topic_alone(what):
    lies = [format_(text) for text in LIES[what]]
    for shift in (0, 1, 8, 9, 16):
        contents = b"".join([
            header(), GYRO[0], *lies, subscribe(0, "gyro"), subscribe(1, "t"), subscribe(2, b"\xfft"), gyro(1),
            data(1, bytes(shift)), gyro(2), data(2, bytes(shift)), gyro(3),
        ])  # fmt: skip
        log = recovered(contents)
        assert times(log) == [1, 2, 3]
        strict_error(contents)


KEYS = [
    b"\xff\xfe",
    b"char[ x",
    b"char[99999999999] x",
    b"int8_t[ x",
    b"float ",
    b" x",
    b" ",
    b"x",
    b"[ x",
    b"bool[\xff] x",
    b"flo\xffat x",
    b"int32_t\xff x",
    b"\xffbool x",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", "IPMQ")
def test_keys_that_lie_raise_nothing_but_decode_errors(key, kind):
    for value in (b"", b"\0", b"1234", b"12345678"):
        payload = (b"\1" if kind in "MQ" else b"") + bytes([len(key)]) + key + value
        contents = b"".join([header(), *GYRO, gyro(1), message(kind, payload), gyro(2)])
        assert times(recovered(contents)) == [1, 2]
        error = strict_error(contents)
        assert error is None or error.offset == AT


def test_noise_is_no_log():
    noise = np.random.default_rng(5)
    for size in (0, 1, 2, 3, 16, 17, 100, 5000, 70_000):
        for prefix in (b"", header()):
            log = recovered(prefix + noise.bytes(size))
            assert log.topics == []


def test_zeros_behind_a_log_are_one_range():
    contents = b"".join([*START, bytes(10_000)])
    log = recovered(contents)
    assert log.report.skipped == [(AT, AT + 10_000, "unknown message type")]
    assert log.report.counts == {"unknown message type": 1}


def test_many_formats_of_many_columns_cost_what_their_bytes_are():
    """65,533 columns that nobody asks for are said in 20 bytes."""
    texts = [format_(f"t{i}:uint8_t[65533] x;") for i in range(5)]
    contents = b"".join([header(), *texts, *(subscribe(i, f"t{i}") for i in range(5))])
    tracemalloc.start()
    try:
        for errors in ("strict", "recover"):
            log = jk.telemetry.read(contents, errors=errors)
            assert log.topics == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
