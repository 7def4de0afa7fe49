"""Values that may not be: where a DecodeError says they are."""

import mmap
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jitkit as jk
from jitkit.records import _decode, _sources

pytestmark = pytest.mark.kernel

N = 600  # records: two whole blocks of 256 and a part of one


class Inner(jk.Record, layout="packed"):
    level: jk.u8
    on: jk.boolean


class Sample(jk.Record, layout="packed", byteorder="big", size=19):
    counter: jk.u16
    mode: int = jk.enum_(jk.u8, {0: "idle", 1: "armed", 255: "off"})
    spare: int = jk.bits(5)
    phase: int = jk.enum_(jk.bits(6, signed=True), {-32: "before", 0: "during", 31: "after"})
    rest: int = jk.bits(5)
    inner: Inner
    flags: np.ndarray = jk.array(jk.boolean, (2, 2))
    inners: np.ndarray = jk.array(Inner, 4)


# Where checked values lie in a record: field, byte, a good value of that byte and a bad one.
PLACES = {
    "mode": (2, 255, 2),
    "phase": (3, 0b00000_000, 0b00000_001),  # the upper half of its six bits
    "inner.on": (6, 1, 2),
    "flags": (9, 1, 255),
    "inners.on": (14, 1, 2),
}


def damaged(*places):
    """Records with a bad value for each (record, field)."""
    data = bytearray(N * Sample.itemsize)
    for i in range(N):
        for byte, good, _ in PLACES.values():
            data[i * Sample.itemsize + byte] = good
    for i, field in places:
        byte, _, bad = PLACES[field]
        data[i * Sample.itemsize + byte] = bad
    return bytes(data)


@pytest.fixture(params=["table", "specialised"], scope="module")
def record(request, model):
    """The record class, for each of the schema paths."""
    if request.param == "table":
        return Sample
    record = model.copy_of(Sample)
    record.compile()
    return record


def error_of(call, *arguments, **options):
    with pytest.raises(jk.DecodeError) as raised:
        call(*arguments, **options)
    return raised.value


def where(error):
    return error.kind, error.record, error.field, error.offset


def expected(i, field):
    return "enum" if field in ("mode", "phase") else "boolean", i, field, i * Sample.itemsize + PLACES[field][0]


def test_good_records_decode(record):
    columns = record.columns(damaged())
    assert columns.labels("mode").tolist() == ["off"] * N
    assert columns["inners.on"].tolist() == [[False, True, False, False]] * N


@pytest.mark.parametrize("i", [0, 1, 255, 256, 257, 511, 512, 599])
@pytest.mark.parametrize("field", PLACES)
def test_kind_record_field_and_offset_are_said(record, field, i):
    assert where(error_of(record.columns, damaged((i, field)))) == expected(i, field)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("mode", "expected 0 (idle), 1 (armed) or 255 (off), got 2 at offset 4866 (field mode, record 256)"),
        ("phase", "expected -32 (before), 0 (during) or 31 (after), got 8 at offset 4867 (field phase, record 256)"),
        ("inner.on", "expected 0 or 1 (boolean), got 2 at offset 4870 (field inner.on, record 256)"),
    ],
)
def test_the_message_says_what_was_expected_what_came_and_where(record, field, message):
    assert str(error_of(record.columns, damaged((256, field)))) == message


@pytest.mark.parametrize("first", PLACES)
@pytest.mark.parametrize("second", PLACES)
@pytest.mark.parametrize(("early", "late"), [(0, 1), (255, 256), (3, 599), (256, 511)])
def test_the_first_bad_record_wins_whatever_its_field(record, first, second, early, late):
    assert where(error_of(record.columns, damaged((late, second), (early, first)))) == expected(early, first)


def test_in_one_record_the_first_field_wins(record):
    assert where(error_of(record.columns, damaged(*((300, field) for field in PLACES)))) == expected(300, "mode")
    assert where(error_of(record.columns, damaged((300, "flags"), (300, "inner.on")))) == expected(300, "inner.on")


def test_in_one_array_the_first_element_wins(record):
    data = bytearray(damaged((300, "flags")))
    data[300 * Sample.itemsize + 10] = 77
    error = error_of(record.columns, data)
    assert where(error) == expected(300, "flags")
    assert "got 255" in str(error)


def test_only_chosen_fields_are_checked(record):
    data = damaged((5, "mode"), (9, "flags"), (7, "inner.on"))
    assert record.columns(data, fields=["counter", "inners"])["inners.on"].shape == (N, 4)
    assert where(error_of(record.columns, data, fields=["inner", "counter"])) == expected(7, "inner.on")
    assert where(error_of(record.columns, data, fields=["flags", "inner.on"])) == expected(7, "inner.on")
    assert where(error_of(record.columns, data, fields=["flags"])) == expected(9, "flags")


def test_out_does_not_matter(record):
    first = record.columns(damaged())
    assert where(error_of(record.columns, damaged((400, "phase")), out=first)) == expected(400, "phase")
    assert record.columns(damaged(), out=first)["counter"].tolist() == [0] * N


@pytest.mark.parametrize("piece", [1, 19, 500, 19 * 256, 1 << 20])
def test_offsets_in_a_file_count_from_its_start(record, tmp_path, monkeypatch, piece):
    monkeypatch.setattr(_sources, "FILE_PIECE", piece)
    path = tmp_path / "samples.bin"
    for i in (0, 26, 27, 256, 599):
        path.write_bytes(damaged((i, "flags")))
        assert where(error_of(record.columns, path)) == expected(i, "flags")


@pytest.mark.parametrize("nbytes", [1, 500, 19 * 256, 1 << 20])
@pytest.mark.parametrize("source", ["file", "bytes", "mmap"])
def test_offsets_in_batches_count_from_the_start_of_the_source(record, tmp_path, nbytes, source):
    rows = max(1, nbytes // Sample.itemsize)
    for i in (0, 256, 599):
        data = damaged((i, "inners.on"))
        path = tmp_path / "samples.bin"
        path.write_bytes(data)
        memory = mmap.mmap(-1, len(data))
        memory[:] = data
        batches = record.iter_batches({"file": path, "bytes": data, "mmap": memory}[source], nbytes=nbytes)
        for _ in range(i // rows):  # what stands before the bad batch is delivered
            assert len(next(batches)) == rows
        assert where(error_of(next, batches)) == expected(i, "inners.on")
        assert list(batches) == []  # and nothing comes after it


@pytest.mark.parametrize("piece", [1, 100, 19 * 256])
def test_offsets_in_a_large_buffer_count_from_its_start(record, monkeypatch, piece):
    monkeypatch.setattr(_sources, "BUFFER_PIECE", piece)
    monkeypatch.setattr(_decode, "BUFFER_PIECE", piece)
    for i in (0, 5, 256, 599):
        assert where(error_of(record.columns, damaged((i, "mode")))) == expected(i, "mode")


def test_in_long_arrays(model):
    """More elements in one record than a block of the check has."""
    fields = {"a": jk.array(jk.boolean, 700), "b": jk.array(jk.enum_(jk.i16.big, {-1: "x", 0: "y"}), (3, 90))}
    record = model.make_record(fields, layout="packed")
    for i, byte, field, kind in (
        (0, 699, "a", "boolean"),
        (2, 256, "a", "boolean"),
        (1, 700, "b", "enum"),
        (2, 1239, "b", "enum"),
    ):
        data = bytearray(3 * record.itemsize)
        data[i * record.itemsize + byte] = 2
        start = byte if field == "a" else byte - byte % 2
        assert where(error_of(record.columns, data)) == (kind, i, field, i * record.itemsize + start)


@pytest.mark.parametrize("base", ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64"])
@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_an_enumeration_takes_its_values_and_no_others(model, base, byteorder):
    """At both ends of the type, around zero, and around every end of an interval of values."""
    number = getattr(jk, base)
    low, high = number.limits
    listed = {low, low + 1, 0, 5, 6, 7, high - 1}
    record = model.make_record(
        {"x": jk.enum_(number, dict.fromkeys(listed, "?"))}, layout="packed", byteorder=byteorder
    )
    dtype = np.dtype(f"{'>' if byteorder == 'big' else '<'}{base[0]}{number.bits // 8}")
    for value in {near for edge in (*listed, high) for near in (edge - 1, edge, edge + 1)}:
        if low <= value <= high:
            if value in listed:
                assert record.columns(np.array([value], dtype))["x"].tolist() == [value]
            else:
                error = error_of(record.columns, np.array([0] * 300 + [value], dtype))
                assert where(error) == ("enum", 300, "x", 300 * record.itemsize)
                assert f"got {value} at offset" in str(error)


@given(random=st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_random_records_of_checked_fields(model, random):
    """Few values are bad, so that the first one is hard to find."""
    fields = {
        f"f{i}": random.choice((
            jk.boolean, jk.array(jk.boolean, 3), jk.enum_(jk.i16, {-1: "a", 7: "b"}), jk.array(Inner, 2), jk.u8,
            jk.array(jk.enum_(jk.u8, dict.fromkeys(range(250), "")), 20),
        ))
        for i in range(random.randint(1, 6))
    }  # fmt: skip
    record = model.make_record(fields, layout="packed", byteorder=random.choice(model.ORDERS))
    data = bytearray(model.random_bytes(random, record, 300, clean=True))
    for _ in range(random.randint(0, 4)):
        data[random.randrange(len(data))] = random.randrange(256)
    error = model.first_unlisted(record, data)
    if error is None:
        model.assert_columns(record.columns(data), record, bytes(data))
    else:
        assert model.attributes(error_of(record.columns, data)) == error


def test_a_remainder_is_an_error_of_length():
    assert where(error_of(Sample.columns, bytes(2 * 19 + 5))) == ("length", 2, None, 2 * 19)


def test_a_single_record_says_its_place_too():
    data = damaged((7, "flags"))
    assert where(error_of(Sample.load, data, 7)) == expected(7, "flags")
    assert where(error_of(Sample.reader("flags"), data, 7)) == expected(7, "flags")
    assert where(error_of(Sample.from_bytes, data[7 * 19 : 8 * 19])) == ("boolean", 0, "flags", 9)


def test_the_error_is_a_value_error_and_travels_between_processes():
    error = error_of(Sample.columns, damaged((7, "flags")))
    assert isinstance(error, ValueError)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), where(again), again.topic) == (str(error), where(error), None)
