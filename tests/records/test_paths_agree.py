"""The two schema paths: one table-driven kernel for all records, and machine code for one record class."""

import random

import numpy as np
import pytest

import jitkit as jk
from jitkit.records import _schema

pytestmark = pytest.mark.kernel

SEEDS = (1, 4, 7, 11, 12, 19, 23, 30)
MOST_STEPS = 30  # of a random record: machine code for more takes seconds to compile


def both(record, data, **options):
    """The columns of the table path, then those of the specialised one."""
    schema = record._schema(options.get("fields"))
    assert schema._specialised is None
    by_table = record.columns(data, **options)
    schema.compile()
    return by_table, record.columns(data, **options)


def assert_identical(one, other):
    """Every byte of columns and masks, payloads of NaNs included."""
    assert list(one) == list(other)
    for name in one:
        assert (one[name].dtype, one[name].shape) == (other[name].dtype, other[name].shape)
        assert one[name].tobytes() == other[name].tobytes(), name
        assert one.valid(name).tobytes() == other.valid(name).tobytes(), name


def assert_equal_and_right(model, record, data):
    by_table, specialised = both(record, data)
    assert_identical(by_table, specialised)
    model.assert_columns(specialised, record, data)


@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_on_numbers_of_every_type(model, byteorder):
    numbers = {name: getattr(jk, name) for name in model.NUMBERS}
    scaled = {f"{name}_scaled": jk.scaled(number, 0.1, -3.0, valid=(None, 5.0)) for name, number in numbers.items()}
    limits = {"u": (3, 100), "i": (-3, 100), "f": (-0.5, 1e9)}
    within = {f"{name}_within": number.within(*limits[number.kind]) for name, number in numbers.items()}
    record = model.make_record({**numbers, **scaled, **within}, layout="packed", byteorder=byteorder)
    assert_equal_and_right(model, record, np.random.default_rng(0).bytes(257 * record.itemsize))


@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("signed", [False, True])
def test_on_bits_of_many_widths_at_many_bits(model, byteorder, signed):
    """1 + 2 + ... bits put the fields at every bit of a byte, and those from 58 bits on across nine bytes."""
    widths = (1, 2, 3, 5, 8, 13, 16, 17, 24, 31, 32, 33, 40, 47, 57, 58, 59, 61, 62, 63, 64, 64, 63, 61, 4)
    assert sum(widths) % 8 == 0
    fields = {f"b{i}": jk.bits(width, signed=signed) for i, width in enumerate(widths)}
    record = model.make_record(fields, layout="packed", byteorder=byteorder)
    assert_equal_and_right(model, record, np.random.default_rng(1).bytes(300 * record.itemsize))


@pytest.mark.parametrize("width", [11, 17, 33, 44, 50])
@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_on_records_smaller_than_a_word(model, width, byteorder):
    fields = {"a": jk.bits(3), "b": jk.bits(width, signed=True), "c": jk.bits(-(3 + width) % 8 or 8)}
    record = model.make_record(fields, layout="packed", byteorder=byteorder)
    assert_equal_and_right(model, record, np.random.default_rng(2).bytes(257 * record.itemsize))


def test_on_arrays_short_long_and_of_records(model):
    inner = model.make_record({"x": jk.u16, "y": jk.bits(5), "z": jk.bits(11)}, layout="packed", byteorder="big")
    fields = {
        "three": jk.array(jk.f32.big, 3),
        "native": jk.array(jk.f64.little, 7),
        "long": jk.array(jk.i16.big, 40),
        "longer": jk.array(jk.u8.within(10, 200), 300),
        "matrix": jk.array(jk.scaled(jk.f16, 0.5, dtype=np.float32), (2, 20)),
        "names": jk.array(jk.bytes_(3), 17),
        "points": jk.array(inner, (2, 17)),
        "flags": jk.array(jk.bits(3), 8),
    }
    record = model.make_record(fields, layout="packed")
    assert_equal_and_right(model, record, np.random.default_rng(3).bytes(5 * record.itemsize))


def test_on_a_record_as_large_as_many_blocks(model):
    fields = {"a": jk.u8, "gap": jk.pad(100_000), "b": jk.array(jk.u16.big, 600), "c": jk.i32.big}
    record = model.make_record(fields, layout="packed")
    data = np.random.default_rng(4).bytes(3 * record.itemsize)
    by_table, specialised = both(record, data)
    assert_identical(by_table, specialised)
    assert specialised["c"].tolist() == record.view(data)["c"].tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_on_random_records(model, seed):
    """The seeds give records that compile fast; change them and see."""
    source = random.Random(seed)
    record = model.random_record(source)
    while len(record._schema(None).steps) > MOST_STEPS:
        record = model.random_record(source)
    for i in range(6):
        data = model.random_bytes(source, record, model.random_count(source, record), clean=i < 3)
        fresh = model.copy_of(record)
        outcomes = [outcome(model, fresh, data)]
        record.compile()
        outcomes.append(outcome(model, record, data))
        assert outcomes[0] == outcomes[1]
        assert (outcomes[0] == model.first_unlisted(record, data)) or isinstance(outcomes[0], list)


def outcome(model, record, data):
    """The bytes of all columns and masks, or the attributes of the error."""
    try:
        columns = record.columns(data)
    except jk.DecodeError as error:
        return model.attributes(error)
    model.assert_columns(columns, record, data)
    return [(name, column.tobytes(), columns.valid(name).tobytes()) for name, column in columns.items()]


def test_on_values_that_may_not_be(model):
    fields = {
        "e": jk.enum_(jk.bits(3, signed=True), {-4: "a", -1: "b", 0: "c", 3: "d"}),
        "rest": jk.bits(5),
        "wide": jk.enum_(jk.i64, {-(2**63): "least", -1: "minus one", 2**63 - 1: "most"}),
        "flags": jk.array(jk.boolean, 3),
    }
    record = model.make_record(fields, layout="packed", byteorder="big")
    good = bytes.fromhex("60 ffffffffffffffff 010001")
    bad = {
        "e": bytes.fromhex("40 8000000000000000 000000"),
        "wide": bytes.fromhex("00 0000000000000000 000000"),
        "flags": bytes.fromhex("80 7fffffffffffffff 0001ff"),
    }
    compiled = model.copy_of(record)
    compiled.compile()
    for name, one in bad.items():
        data = good * 300 + one + good * 300
        for path in (record, compiled):
            with pytest.raises(jk.DecodeError) as raised:
                path.columns(data)
            assert model.attributes(raised.value) == model.first_unlisted(record, data)
            assert (raised.value.field, raised.value.record) == (name, 300)
    assert_identical(record.columns(good * 257), compiled.columns(good * 257))
    assert compiled._schema(None)._specialised is not None
    assert record._schema(None)._specialised is None


def test_a_selection_of_fields_is_specialised_by_itself(model):
    record = model.make_record({"a": jk.u16.big, "b": jk.bits(4), "c": jk.bits(4), "d": jk.f32.big}, layout="packed")
    data = np.random.default_rng(5).bytes(260 * record.itemsize)
    by_table, specialised = both(record, data, fields=["d", "a"])
    assert_identical(by_table, specialised)
    assert record._schema(None)._specialised is None
    assert record._schema(("d", "a"))._specialised is not None
    expected = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), record.itemsize)]
    assert specialised["a"].tolist() == expected


def test_a_large_input_makes_the_specialised_path_by_itself(model, monkeypatch):
    record = model.make_record({"a": jk.u16.big, "b": jk.scaled(jk.i16, 0.1)}, layout="packed")
    data = np.random.default_rng(6).bytes(1000 * record.itemsize)
    by_table = record.columns(data)
    assert record._schema(None)._specialised is None
    monkeypatch.setattr(_schema, "SPECIALISE_FROM", len(data))
    specialised = record.columns(data)
    assert record._schema(None)._specialised is not None
    assert_identical(by_table, specialised)


@pytest.mark.parametrize("fields", [None, []])
def test_records_without_columns_can_be_specialised(model, fields):
    record = model.make_record({"pad": jk.pad(3)} if fields is None else {"a": jk.u8, "b": jk.u16}, layout="packed")
    by_table, specialised = both(record, bytes(9), fields=fields)
    assert list(by_table) == list(specialised) == []
    assert len(by_table) == len(specialised) == 3


def test_compile_twice_keeps_the_first(model):
    record = model.make_record({"a": jk.u8}, layout="packed")
    record.compile()
    first = record._schema(None)._specialised
    record.compile()
    assert record._schema(None)._specialised is first


def test_the_kernels_release_the_gil(model):
    from jitkit.records import _kernels, _kernels_pack

    record = model.make_record({"a": jk.u8}, layout="packed")
    record.compile()
    kernels = (_kernels.decode, _kernels.first_unlisted, _kernels_pack.encode, record._schema(None)._specialised)
    assert [kernel.targetoptions["nogil"] for kernel in kernels] == [True] * 4
