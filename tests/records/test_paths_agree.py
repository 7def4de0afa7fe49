"""The ways to decode: one table-driven kernel for all records, machine code for one, and the same past the caches."""

import functools
import itertools
import random
from unittest import mock

import numpy as np
import pytest

import jitkit as jk
from jitkit._core import native
from jitkit.records import _loops, _schema, _sources, _targets

pytestmark = pytest.mark.kernel

SEEDS = (1, 4, 7, 11, 12, 19, 23, 30)
MOST_STEPS = 30  # of a random record: machine code for more takes seconds to compile


def every_way(record, data, **options):
    """The columns of the table path, of the specialised one, and of the one for large inputs."""
    schema = record._schema(options.get("fields"))
    assert schema._specialised is None
    by_table = record.columns(data, **options)
    schema.compile()
    return by_table, record.columns(data, **options), streamed(record, data, **options)


def streamed(record, data, **options):
    """Columns as a large input makes them."""
    with mock.patch.object(_schema, "STREAM_FROM", 0), mock.patch.object(_targets, "LARGE", 0):
        return record.columns(data, **options)


def assert_identical(one, *others):
    """Every byte of columns and masks, payloads of NaNs included."""
    for other in others:
        assert list(one) == list(other)
        for name in one:
            assert (one[name].dtype, one[name].shape) == (other[name].dtype, other[name].shape)
            assert one[name].tobytes() == other[name].tobytes(), name
            assert one.valid(name).tobytes() == other.valid(name).tobytes(), name


def assert_equal_and_right(model, record, data):
    by_table, *others = every_way(record, data)
    assert_identical(by_table, *others)
    model.assert_columns(by_table, record, data)


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
    by_table, specialised, large = every_way(record, data)
    assert_identical(by_table, specialised, large)
    assert specialised["c"].tolist() == record.view(data)["c"].tolist()


def test_on_records_of_which_a_block_holds_few(model):
    """Then columns are not written past the caches: blocks would not begin where vectors do."""
    record = model.make_record(
        {"a": jk.u8, "b": jk.u32, "gap": jk.pad(5000), "c": jk.u32, "d": jk.f64}, layout="packed"
    )
    data = np.random.default_rng(8).bytes(100 * record.itemsize)
    by_table, *others = every_way(record, data)
    assert_identical(by_table, *others)
    assert others[1]["d"].tobytes() == record.view(data)["d"].tobytes()


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
        outcomes.append(outcome(model, record, data, streamed))
        assert outcomes[0] == outcomes[1] == outcomes[2]
        assert (outcomes[0] == model.first_unlisted(record, data)) or isinstance(outcomes[0], list)


def outcome(model, record, data, decode=lambda record, data: record.columns(data)):
    """The bytes of all columns and masks, or the attributes of the error."""
    try:
        columns = decode(record, data)
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
        for decode in (record.columns, compiled.columns, functools.partial(streamed, compiled)):
            with pytest.raises(jk.DecodeError) as raised:
                decode(data)
            assert model.attributes(raised.value) == model.first_unlisted(record, data)
            assert (raised.value.field, raised.value.record) == (name, 300)
    assert_identical(record.columns(good * 257), compiled.columns(good * 257), streamed(compiled, good * 257))
    assert compiled._schema(None)._specialised is not None
    assert record._schema(None)._specialised is None


def test_a_selection_of_fields_is_specialised_by_itself(model):
    record = model.make_record({"a": jk.u16.big, "b": jk.bits(4), "c": jk.bits(4), "d": jk.f32.big}, layout="packed")
    data = np.random.default_rng(5).bytes(260 * record.itemsize)
    by_table, specialised, large = every_way(record, data, fields=["d", "a"])
    assert_identical(by_table, specialised, large)
    assert record._schema(None)._specialised is None
    assert record._schema(("d", "a"))._specialised is not None
    expected = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), record.itemsize)]
    assert specialised["a"].tolist() == expected


class TestLargeInputs:
    @pytest.fixture
    def record(self, model):
        return model.make_record({"a": jk.u16.big, "b": jk.scaled(jk.i16, 0.1)}, layout="packed")

    @pytest.fixture
    def data(self, record):
        return np.random.default_rng(6).bytes(1000 * record.itemsize)

    def test_get_machine_code_by_themselves(self, record, data, monkeypatch):
        by_table = record.columns(data)
        assert "_streaming" not in vars(record._all)
        monkeypatch.setattr(_schema, "STREAM_FROM", len(data))
        monkeypatch.setattr(_targets, "LARGE", 0)
        assert_identical(by_table, record.columns(data))
        assert "_streaming" in vars(record._all)
        assert record._all._specialised is None  # what is for small inputs was not needed

    def test_are_decoded_into_arrays_that_begin_anywhere(self, record, data):
        """What can only be written from the beginning of a cache line on is left to the other decoder."""
        by_table = record.columns(data)
        for start in range(0, 70, 2):
            memory = np.zeros(70 + 2000, np.uint8)
            column = memory[start : start + 2000].view(np.uint16)
            assert_identical(by_table, streamed(record, data, out={"a": column}))
        assert record._all._specialised is not None

    @pytest.mark.parametrize("itemsize", [1, 63, 4096, 5000, 1 << 20, (1 << 20) + 1])
    @pytest.mark.parametrize("piece", [_sources.FILE_PIECE, 1])
    def test_come_in_pieces_that_fill_cache_lines_or_else_one_record(self, itemsize, piece):
        count = _sources.records_in(piece, itemsize)
        assert count >= 1
        assert count * itemsize <= max(piece, itemsize)
        assert count % 64 == 0 or piece // itemsize < 64

    @pytest.mark.parametrize("piece", [1, 100, 4 * 64, 4 * 64 * 3])
    def test_in_pieces_give_the_same(self, record, data, tmp_path, monkeypatch, piece):
        by_table = record.columns(data)
        path = tmp_path / "large.bin"
        path.write_bytes(data)
        monkeypatch.setattr(_sources, "FILE_PIECE", piece)
        assert_identical(by_table, streamed(record, path))

    def test_of_many_steps_are_left_to_the_table(self, model, monkeypatch):
        record = model.make_record({f"f{i}": jk.u8 for i in range(3)}, layout="packed")
        monkeypatch.setattr(_schema, "SPECIALISE_STEPS", 2)
        assert streamed(record, bytes(range(6)))["f1"].tolist() == [1, 4]
        assert "_streaming" not in vars(record._all)


@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("lead", [0, 1, 4, 6])
@pytest.mark.parametrize("words", range(2, 7))
def test_on_words_side_by_side(model, words, lead, byteorder):
    """Up to four words of four bytes are loaded as one vector: also those that the record ends with."""
    kinds = itertools.cycle([jk.f32, jk.u32, jk.scaled(jk.i32, 0.5, valid=(-1e8, 1e8)), jk.i32.within(0, 2**30)])
    fields = {"lead": jk.bytes_(lead)} if lead else {}
    fields |= {f"w{i}": next(kinds) for i in range(words)}
    record = model.make_record(fields, layout="packed", byteorder=byteorder)
    quads = list(_loops.quads_of(record._all.steps, record.itemsize))
    assert max(len(quad.steps) for quad in quads) == (min(words, 4) if record.itemsize >= 16 else 1)
    assert_equal_and_right(model, record, np.random.default_rng(words).bytes(135 * record.itemsize))


@pytest.mark.parametrize("scale", [1.0, -1.0, 2.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_on_nans_that_are_scaled(model, scale, dtype):
    """A multiplication by 1 makes signalling NaNs quiet, one by -1 keeps their sign: LLVM would leave out either."""
    numbers = {"f16": jk.f16, "f32": jk.f32, "f64": jk.f64}
    fields = {name: jk.scaled(number, scale, dtype=dtype) for name, number in numbers.items()}
    record = model.make_record(fields, layout="packed")
    words = {"f16": [0x7C01, 0x7E00, 0xFD00, 0xFFFF], "f32": [0x7F800001, 0x7FC00000, 0xFFA00000, 0xFFFFFFFF]}
    words["f64"] = [0x7FF0000000000001, 0x7FF8000000000000, 0xFFF4000000000000, 0xFFFFFFFFFFFFFFFF]
    data = b"".join(
        b"".join(words[name][i % 4].to_bytes(record.dtype[name].itemsize, "little") for name in numbers)
        for i in range(70)
    )
    assert_identical(*every_way(record, data))


@pytest.mark.parametrize("count", [15, 16, 17, 300])
def test_on_enumerations_of_many_values(model, count):
    """Values of long lists are looked up after decoding; machine code that compared each with all would be endless."""
    labels = {3 * i: f"label {i}" for i in range(count)}
    record = model.make_record({"e": jk.array(jk.enum_(jk.u16, labels), 2)}, layout="packed")
    assert bool(record._all.looked_up) == (count > 16)
    good = np.arange(2 * 200, dtype=np.uint16) % count * 3
    assert_equal_and_right(model, record, good.tobytes())
    bad = good.copy()
    bad[301] = 4
    for decode in (model.copy_of(record).columns, record.columns, functools.partial(streamed, record)):
        with pytest.raises(jk.DecodeError) as raised:
            decode(bad.tobytes())
        assert model.attributes(raised.value) == model.first_unlisted(record, bad.tobytes())
        assert raised.value.record == 150


def test_a_long_payload_adds_no_code(model):
    """One instruction for each cache line of a payload that is only copied took a minute to compile."""
    sizes, make = [], native.object_of
    for payload in (64, 1 << 16):
        fields = {f"f{i}": jk.u8 for i in range(13)} | {"payload": jk.bytes_(payload)}
        record = model.make_record(fields, layout="packed")
        with mock.patch.object(native, "object_of", lambda *given: sizes.append(len(str(given[1]))) or make(*given)):
            record.compile()
        data = np.random.default_rng(0).bytes(3 * record.itemsize)
        assert record.columns(data)["payload"][2] == data[-payload:].rstrip(b"\0")
    assert abs(sizes[0] - sizes[1]) < 2000


def test_words_out_of_order_or_on_top_of_each_other_share_a_vector(model):
    fields = {
        "c": jk.u32.at(8), "a": jk.u32.at(0), "low": jk.bits(12).at(4), "high": jk.bits(20), "far": jk.u64.at(12),
    }  # fmt: skip
    record = model.make_record(fields, layout="packed")
    assert_equal_and_right(model, record, np.random.default_rng(7).bytes(135 * record.itemsize))


@pytest.mark.parametrize("fields", [None, []])
def test_records_without_columns_can_be_specialised(model, fields):
    record = model.make_record({"pad": jk.pad(3)} if fields is None else {"a": jk.u8, "b": jk.u16}, layout="packed")
    by_table, specialised, _ = every_way(record, bytes(9), fields=fields)
    assert list(by_table) == list(specialised) == []
    assert len(by_table) == len(specialised) == 3


def test_compile_twice_keeps_the_first(model):
    record = model.make_record({"a": jk.u8}, layout="packed")
    record.compile()
    first = record._schema(None)._specialised
    record.compile()
    assert record._schema(None)._specialised is first


def test_the_kernels_release_the_gil():
    from jitkit.records import _kernels, _kernels_pack

    kernels = (_kernels.decode, _kernels.any_unlisted, _kernels_pack.encode)
    assert [kernel.targetoptions["nogil"] for kernel in kernels] == [True] * 3
