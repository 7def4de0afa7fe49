"""What the tests of ULogs share: messages made by hand, random topics, and what they must become.

Messages are written here from PX4's "ULog File Format" alone, so that the writer and the reader are measured by it and
not by each other.
"""

import io
import os
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import jitkit as jk

STEADY = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
REAL = ("sample.ulg", "sample_log_small.ulg", "sample_appended_multiple.ulg", "many_topics.ulg")


# Messages made by hand.


def message(kind, payload=b""):
    return struct.pack("<HB", len(payload), ord(kind)) + payload


def header(start=0, version=1):
    return b"ULog\x01\x12\x35" + bytes([version]) + struct.pack("<Q", start)


def flags(compatible=0, incompatible=0, appended=()):
    offsets = [*appended, 0, 0, 0][:3]
    return message("B", struct.pack("<QQ3Q", compatible, incompatible, *offsets))


def format_(text):
    return message("F", text if isinstance(text, bytes) else text.encode())


def key_value(key, value):
    return bytes([len(key.encode())]) + key.encode() + value


def info(key, value):
    return message("I", key_value(key, value))


def multi_info(key, value, continued=False):
    return message("M", bytes([continued]) + key_value(key, value))


def parameter(key, value):
    return message("P", key_value(key, value))


def default(bits, key, value):
    return message("Q", bytes([bits]) + key_value(key, value))


def subscribe(number, name, instance=0):
    return message("A", struct.pack("<BH", instance, number) + (name if isinstance(name, bytes) else name.encode()))


def unsubscribe(number):
    return message("R", struct.pack("<H", number))


def data(number, record):
    return message("D", struct.pack("<H", number) + record)


def logged(time, text, level="6"):
    return message("L", level.encode() + struct.pack("<Q", time) + text.encode())


def tagged(time, text, tag, level="6"):
    return message("C", level.encode() + struct.pack("<HQ", tag, time) + text.encode())


def sync():
    return message("S", bytes([0x2F, 0x73, 0x13, 0x20, 0x25, 0x0C, 0xBB, 0x12]))


def dropout(duration):
    return message("O", struct.pack("<H", duration))


def read(*parts, errors="strict"):
    return jk.telemetry.read(b"".join(parts), errors=errors)


def split(log):
    """Offset, type and end of each message of a sound file."""
    at, found = 16, []
    while at < len(log):
        nbytes, kind = struct.unpack_from("<HB", log, at)
        found.append((at, chr(kind), at + 3 + nbytes))
        at += 3 + nbytes
    assert at == len(log)
    return found


# Random topics. What they must become is made by a twin of its own.

SCALARS = ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
NAMES = ("a", "b", "x", "y", "z", "q", "status", "_id", "n1", "timestamp_sample")


def scalars():
    return st.tuples(st.sampled_from("<>"), st.sampled_from(SCALARS)).map("".join).map(np.dtype)


def kinds(depth):
    """Types of fields: name-less, as (dtype, shape)."""
    plain = st.one_of(scalars(), st.integers(1, 5).map(lambda n: np.dtype(f"S{n}")))
    choices = [st.tuples(plain, st.none()), st.tuples(scalars(), st.integers(1, 5))]
    if depth:
        choices.append(st.tuples(records(depth - 1), st.sampled_from((None, None, 1, 3))))
    return st.one_of(choices)


@st.composite
def records(draw, depth, with_time=False):
    """Structured dtypes that a ULog has a format for."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=0 if with_time else 1, max_size=5, unique=True))
    fields = [(name, *draw(kinds(depth))) for name in names]
    if with_time:
        fields.insert(draw(st.integers(0, len(fields))), ("timestamp", np.dtype("u8"), None))
    fields = [(name, kind) if shape is None else (name, kind, (shape,)) for name, kind, shape in fields]
    return np.dtype(fields, align=draw(st.booleans()))


@st.composite
def tables(draw, dtype, ascending):
    """Records of random bytes; booleans are 0 or 1, as in any array of NumPy."""
    count = draw(st.integers(0, 12))
    noise = np.random.default_rng(draw(st.integers(0, 2**32)))
    table = np.frombuffer(noise.bytes(count * dtype.itemsize), dtype).copy()
    _tame(table)
    if ascending:
        table["timestamp"] = np.sort(table["timestamp"])
    return table


def _tame(table):
    for name in table.dtype.names:
        if table[name].dtype.names:
            _tame(table[name])
        elif table[name].dtype == bool:
            table[name] = table[name].view("u1") & 1


@st.composite
def topics(draw):
    """A mapping as `write` takes it, of some topics and instances."""
    made = {}
    for name in draw(st.lists(st.sampled_from(("gyro", "a_b", "vehicle_status", "x")), min_size=1, unique=True)):
        dtype = draw(records(2, with_time=True))
        for instance in sorted(draw(st.sets(st.sampled_from((0, 1, 2, 255)), min_size=1, max_size=2))):
            key = (name, instance) if draw(st.booleans()) else f"{name}.{instance}" if instance else name
            made[key] = draw(tables(dtype, draw(st.booleans())))
    return made


def key_of(key):
    name, instance = key if isinstance(key, tuple) else (*key.split("."), 0)[:2]
    return f"{name}.{instance}" if int(instance) else name


def columns_of(table, prefix=""):
    """Names and arrays that a structured array must be read as."""
    for field in table.dtype.names:
        values = table[field]
        many = values.ndim > 1
        for i in range(values.shape[1] if many else 1):
            item = values[:, i] if many else values
            name = prefix + field + (f"[{i}]" if many else "")
            if item.dtype.names:
                yield from columns_of(item, name + ".")
            elif item.dtype.kind == "S":
                letters = [value.ljust(item.dtype.itemsize, b"\0") for value in item.tolist()]
                for j in range(item.dtype.itemsize):
                    yield f"{name}[{j}]", np.array([value[j] for value in letters], np.uint8).view("i1")
            else:
                narrow = "i1" if item.dtype == bool else item.dtype.newbyteorder("<")
                yield name, item.astype(narrow)


def assert_columns(columns, expected):
    """Names, types and bytes of columns."""
    assert list(columns) == list(expected)
    for name, values in expected.items():
        assert columns[name].dtype == values.dtype, name
        assert columns[name].tobytes() == values.tobytes(), name


def assert_topics(log, expected):
    """Topics of a log, which are those with records, from structured arrays by key."""
    tables_ = {key_of(key): table for key, table in expected.items() if len(table)}
    assert log.topics == sorted(tables_, key=lambda key: (key.partition(".")[0], int(key.partition(".")[2] or 0)))
    for key, table in tables_.items():
        assert_columns(log[key], dict(columns_of(table)))


def assert_as_pyulog_reads(log, contents):
    """Whether pyulog finds the same in a file."""
    pyulog = pytest.importorskip("pyulog", reason="pyulog, which reads the same files, is not installed")
    peer = pyulog.ULog(io.BytesIO(contents))
    assert log.start == peer.start_timestamp
    found = {(one.name, one.multi_id): one for one in peer.data_list}
    assert log.topics == [f"{name}.{i}" if i else name for name, i in sorted(found)]
    for (name, i), one in found.items():
        assert_columns(log[name, i], {column: np.ascontiguousarray(values) for column, values in one.data.items()})
    assert same(log.info, peer.msg_info_dict)
    assert log.multi_info == peer.msg_info_multiple_dict
    assert same(log.parameters, peer.initial_parameters)
    for number, what in enumerate(("system", "current_setup")):
        assert same(log.parameters.defaults.get(what, {}), peer.get_default_parameters(number))
    assert same(log.parameters.changes, peer.changed_parameters)
    assert [one[:3] for one in log.messages if one.tag is None] == [
        (one.timestamp, one.log_level_str(), one.message) for one in peer.logged_messages
    ]
    by_tag = {}
    for one in log.messages:
        if one.tag is not None:
            by_tag.setdefault(one.tag, []).append(one[:3])
    assert by_tag == {
        tag: [(one.timestamp, one.log_level_str(), one.message) for one in texts]
        for tag, texts in peer.logged_messages_tagged.items()
    }
    assert log.dropouts == [(one.timestamp, one.duration) for one in peer.dropouts]


def same(one, other):
    """Equality for which NaN is the same as NaN."""
    return repr(type_less(one)) == repr(type_less(other))


def type_less(value):
    if isinstance(value, dict):
        return {key: type_less(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [type_less(inner) for inner in value]
    return value


# Logs to damage.


def small_log(seed=0, records=120):
    """A log of a few topics with all types of messages, and its topics."""
    noise = np.random.default_rng(seed)
    battery = [("timestamp", "u8"), ("voltage", "f4"), ("cell", [("v", "f4"), ("ok", "?")], (2,)), ("name", "S6")]
    kinds_ = {
        "attitude": [("timestamp", "u8"), ("q", "f4", (4,)), ("reset", "u1")],
        "battery": battery,
        "battery.1": battery,
        "status": [("timestamp", "u8"), ("state", "u1"), ("load", "f8")],
    }
    made = {}
    for i, (name, kind) in enumerate(kinds_.items()):
        dtype = np.dtype(kind)
        count = records // (i + 1)
        table = np.frombuffer(noise.bytes(count * dtype.itemsize), dtype).copy()
        _tame(table)
        table["timestamp"] = 1_000_000 + np.sort(noise.integers(0, 1_000_000, count))
        made[name] = table
    file = io.BytesIO()
    jk.telemetry.ulog.write(
        file, made, start=999_000, info={"sys_name": "PX4", "ver_sw_release": 17_039_360, "sys_uuid": b"\1\2\3"},
        multi_info={"boot": [["line 1\n", "line 2"], ["again"]]}, parameters={"MC_ROLL_P": 6.5, "SYS_AUTOSTART": 4001},
        defaults={"system": {"MC_ROLL_P": 6.0}}, changes=[(1_400_000, "MC_ROLL_P", 7.25)],
        messages=[(1_200_000, "INFO", "armed"), (1_600_000, "ERROR", "no fix", 7), (1_900_000, "WARNING", "battery")],
        dropouts=[(1_500_000, 12)],
    )  # fmt: skip
    return file.getvalue(), made


DAMAGES = ("flip", "noise", "cut", "insert", "mixed")


def damaged(sound, seed, damage=None):
    """A file with one to three damages of a kind, and the ranges of `sound` that they touch."""
    dice = random.Random(seed)
    pieces, touched = bytearray(sound), []
    damage = damage or DAMAGES[seed % len(DAMAGES)]
    places = sorted(dice.randrange(len(sound)) for _ in range(dice.randint(1, 3)))
    for place in reversed(places):  # from the end, so that places stay those of the sound file
        what = dice.choice(("flip", "noise", "insert")) if damage == "mixed" else damage
        some = dice.choice((1, 2, 7, 60, 400))
        stop = min(place + some, touched[-1][0] if touched else len(sound))
        if what == "flip":
            stop = place + 1
            pieces[place] ^= 1 << dice.randrange(8)
        elif what == "noise":
            pieces[place:stop] = dice.randbytes(stop - place)
        elif what == "cut":
            stop = len(sound)
            del pieces[place:]
        elif what == "insert":
            stop = place
            pieces[place:place] = dice.choice((dice.randbytes(some), bytes(some)))
        else:
            del pieces[place:stop]
        touched.append((place, stop))
    return bytes(pieces), touched


def untouched_records(sound, touched):
    """How often each record, as (id, bytes), is in the parts of a sound file that were left alone."""
    found = {}
    for start, kind, stop in split(sound):
        # Damage between two bytes, of no length, touches the message around it but none that begins there.
        hit = any((a < stop and b > start) or (a == b and start < a < stop) for a, b in touched)
        if kind == "D" and not hit:
            key = sound[start + 3] | sound[start + 4] << 8, sound[start + 5 : stop]
            found[key] = found.get(key, 0) + 1
    return found


def assert_accounts(report, size):
    """Whether each byte of a file is in one place."""
    assert report.size == size
    assert report.decoded_bytes + report.skipped_bytes + report.container_bytes == size
    assert min(report.decoded_bytes, report.container_bytes) >= 0
    ranges = report.skipped
    assert sum(stop - start for start, stop, _ in ranges) == report.skipped_bytes
    before = (0, 0, None)
    for start, stop, reason in ranges:
        assert before[1] <= start < stop <= size
        assert (start, reason) != before[1:]  # two that meet have different reasons
        before = (start, stop, reason)
    assert sum(report.counts.values()) == len(ranges)
    assert (report.completeness == "complete") == (not ranges)


def real_files():
    """Recorded logs that are here."""
    folder = Path(os.environ.get("JITKIT_TESTDATA", Path(__file__).parents[3] / ".." / "shared" / "data"))
    return {name: folder / "ulog" / name for name in REAL}


def real_file(name):
    path = real_files()[name]
    if not path.is_file():
        pytest.skip(f"no ulog/{name} in $JITKIT_TESTDATA or ../shared/data")
    return path
