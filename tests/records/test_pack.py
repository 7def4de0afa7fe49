"""`Record.pack`: from columns to bytes, the inverse of `Record.columns`."""

import math
import struct
import types

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import jitkit as jk
from jitkit.records import _reference

pytestmark = pytest.mark.kernel


class Sample(jk.Record, layout="packed", byteorder="big"):
    counter: jk.u16
    _pad: None = jk.pad(2)
    kind: int = jk.bits(3)
    level: int = jk.bits(13, signed=True)
    volts: float = jk.scaled(jk.i16, scale=0.01, offset=-40.0, unit="V")
    mode: int = jk.enum_(jk.u8, {0: "idle", 1: "armed"})
    on: jk.boolean
    name: bytes = jk.bytes_(4)
    pair: np.ndarray = jk.array(jk.f32, 2)
    half: jk.f16


GOOD = {
    "counter": [1, 65535],
    "kind": [5, 0],
    "level": [-1, 4095],
    "volts": [-39.99, 287.67],
    "mode": [1, 0],
    "on": [True, False],
    "name": [b"ab", b"wxyz"],
    "pair": [[0.5, -2.0], [0.0, 1e9]],
    "half": [1.5, -0.0],
}


class TestExamples:
    def test_writes_each_value_into_its_place_and_zeros_into_pads(self):
        first = bytes.fromhex("0001 0000 bfff 0001 01 01") + b"ab\0\0" + struct.pack(">2fe", 0.5, -2.0, 1.5)
        second = bytes.fromhex("ffff 0000 0fff 7fff 00 00") + b"wxyz" + struct.pack(">2fe", 0.0, 1e9, -0.0)
        assert Sample.pack(GOOD) == first + second

    def test_is_the_inverse_of_columns(self):
        data = Sample.pack(GOOD)
        assert Sample.pack(Sample.columns(data)) == data

    def test_takes_columns_of_any_dtype_that_fits(self):
        columns = {**GOOD, "counter": np.array([1, 65535], ">i8"), "kind": np.array([5, 0], np.int8),
                   "on": [1, 0], "half": [3, 0], "pair": np.array([[1, 2], [3, 4]], np.uint8)}  # fmt: skip
        decoded = Sample.columns(Sample.pack(columns))
        assert decoded["counter"].tolist() == [1, 65535]
        assert decoded["kind"].tolist() == [5, 0]
        assert decoded["on"].tolist() == [True, False]
        assert decoded["half"].tolist() == [3.0, 0.0]
        assert decoded["pair"].tolist() == [[1.0, 2.0], [3.0, 4.0]]

    def test_takes_arrays_that_are_not_contiguous(self):
        record = Sample.columns(Sample.pack(GOOD))
        twice = {name: np.repeat(column, 2, axis=0)[::-2] for name, column in record.items()}
        assert not twice["counter"].flags.c_contiguous
        reverse = Sample.columns(Sample.pack(twice))
        assert {name: column[::-1].tolist() for name, column in reverse.items()} == {
            name: column.tolist() for name, column in record.items()
        }

    def test_leaves_its_input_as_it_was(self):
        columns = {name: np.array(values) for name, values in GOOD.items()}
        for column in columns.values():
            column.setflags(write=False)
        Sample.pack(columns)
        assert {name: column.tolist() for name, column in columns.items()} == {
            name: np.array(values).tolist() for name, values in GOOD.items()
        }

    def test_a_true_of_any_byte_becomes_1(self):
        """NumPy takes a boolean of any byte but 0 for true; a record may only have 1."""
        on = np.array([7, 0], np.uint8).view(np.bool_)
        assert Sample.pack({**GOOD, "on": on}) == Sample.pack(GOOD)

    def test_of_no_rows_is_no_bytes(self):
        assert Sample.pack({name: [] for name in GOOD}) == b""
        assert Sample.pack(Sample.columns(b"")) == b""

    @pytest.mark.parametrize("count", [1, 255, 256, 257, 600])
    def test_any_number_of_records(self, count):
        values = {name: [column[i % 2] for i in range(count)] for name, column in GOOD.items()}
        assert Sample.pack(values) == (Sample.pack(GOOD) * count)[: count * Sample.itemsize]


class TestRounding:
    def test_goes_to_the_nearest_raw_value_and_halves_to_the_even_one(self, model):
        record = model.make_record({"x": jk.scaled(jk.i8, scale=2.0, offset=1.0)}, layout="packed")
        # raw:              0.5   1.5   2.5  -0.5  -1.5  0.49   0.51   127.49
        physical = np.array([2.0, 4.0, 6.0, 0.0, -2.0, 1.98, 2.02, 255.98])
        assert np.frombuffer(record.pack({"x": physical}), np.int8).tolist() == [0, 2, 2, 0, -2, 0, 1, 127]

    @pytest.mark.parametrize("base", ["u8", "i8", "u16", "i16"])
    def test_brings_every_raw_value_back(self, model, base):
        number = getattr(jk, base)
        low, high = number.limits
        for dtype in (np.float64, np.float32):
            record = model.make_record({"x": jk.scaled(number, scale=0.01, offset=-40.0, dtype=dtype)}, layout="packed")
            data = np.arange(low, high + 1).astype(f"<{base[0]}{number.bits // 8}").tobytes()
            assert record.pack(record.columns(data)) == data

    def test_a_float_is_rounded_once(self, model):
        record = model.make_record({"h": jk.f16, "f": jk.f32}, layout="packed")
        # By way of float32, 1 + 2**-11 + 2**-26 would become 1 + 2**-11, a half, and then the even 1.
        packed = record.pack({"h": [1 + 2**-11 + 2**-26], "f": [1 + 2**-24]})
        assert packed == struct.pack("<ef", 1 + 2**-10, 1.0)


class TestBits:
    @pytest.mark.parametrize("byteorder", ["big", "little"])
    @pytest.mark.parametrize("width", [1, 3, 8, 13, 31, 33, 57, 60, 64])
    def test_touch_nothing_beside_them(self, model, byteorder, width):
        for before in range(8):
            fields = {"a": jk.bits(before or 8), "b": jk.bits(width), "c": jk.bits(-(before + width) % 8 or 8)}
            record = model.make_record(fields, layout="packed", byteorder=byteorder)
            for chosen in fields:
                values = {name: [(1 << kind.bits) - 1 if name == chosen else 0] * 3 for name, kind in fields.items()}
                start, stop = next((f.start, f.stop) for f in record._layout.fields if f.name == chosen)
                ones = (1 << stop) - (1 << start)  # as a little-endian integer; big-endian counts from the other end
                if byteorder == "big":
                    ones = int(f"{ones:0{8 * record.itemsize}b}"[::-1], 2)
                assert record.pack(values) == ones.to_bytes(record.itemsize, byteorder) * 3

    @pytest.mark.parametrize("byteorder", ["big", "little"])
    def test_signed_ones_do_not_smear_their_sign(self, model, byteorder):
        fields = {"a": jk.bits(4), "b": jk.bits(61, signed=True), "c": jk.bits(7)}
        record = model.make_record(fields, layout="packed", byteorder=byteorder)
        for value in (-1, -(2**60), 2**60 - 1, 5):
            columns = record.columns(record.pack({"a": [0], "b": [value], "c": [0]}))
            assert [column.tolist() for column in columns.values()] == [[0], [value], [0]]


class TestModel:
    @given(random=st.randoms(use_true_random=False))
    @settings(max_examples=200)
    def test_random_columns_pack_as_the_twin_does(self, model, random):
        record = model.random_record(random)
        columns = record.columns(model.random_bytes(random, record, model.random_count(random, record), clean=True))
        note(str(record))
        misfit = first_misfit(record, columns)
        if misfit is not None:
            with pytest.raises(jk.DecodeError) as raised:
                record.pack(columns)
            assert (raised.value.kind, raised.value.field, raised.value.record) == ("range", *misfit)
            return
        packed = bytearray(record.pack(columns))
        assert packed == twin_pack(model, record, columns, packed)

    @given(random=st.randoms(use_true_random=False))
    @settings(max_examples=100)
    def test_random_bytes_come_back_but_for_gaps(self, model, random):
        record = model.random_record(random)
        data = model.random_bytes(random, record, 3, clean=True)
        if any(leaf.scaled for leaf in record._leaves):
            return  # a scale can lose bits
        packed = record.pack(record.columns(data))
        used = np.zeros(8 * record.itemsize, bool)
        for leaf in record._leaves:
            for start in leaf.element_starts():
                # Big-endian: in the order of `unpackbits`; little-endian: mirrored in each byte.
                places = np.arange(start, start + leaf.bits)
                used[places if leaf.byteorder == "big" else places ^ 7] = True
        mask = np.tile(np.packbits(used), 3)
        assert packed == (np.frombuffer(data, np.uint8) & mask).tobytes()


def first_misfit(record, columns):
    """Field and record of the first scaled value whose raw one the field cannot hold, leaf by leaf."""
    for leaf in record._leaves:
        if leaf.scaled:
            for i, value in enumerate(columns[leaf.name].tolist()):
                if not all(fits(leaf, element) for element in _reference.flat(value, len(leaf.shape))):
                    return leaf.name, i
    return None


def fits(leaf, value):
    try:
        raw = _reference.raw(leaf, value)
        if leaf.kind == "f":
            struct.pack(_reference.FLOAT_FORMATS[leaf.bits], raw)
            return math.isfinite(raw) or not math.isfinite(value)
    except (OverflowError, ValueError):
        return False
    low, high = (-(1 << leaf.bits - 1), (1 << leaf.bits - 1) - 1) if leaf.kind == "i" else (0, (1 << leaf.bits) - 1)
    return low <= raw <= high


def twin_pack(model, record, columns, packed):
    """What the plain-Python twin packs, in which floats keep their bits.

    The payload of a NaN that arithmetic made is not compared: it is taken from `packed`.
    """
    leaves, values = [], {}
    for leaf in record._leaves:
        column = columns[leaf.name]
        if leaf.kind == "f" and not leaf.scaled:
            leaf, column = model.as_word(leaf), column.view(f"u{column.dtype.itemsize}")
        leaves.append(leaf)
        values[leaf.name] = column.tolist()
    twin = types.SimpleNamespace(_leaves=leaves, itemsize=record.itemsize)
    expected = bytearray(_reference.encode(twin, values)) if values else bytearray(len(packed))
    for leaf in leaves:
        if leaf.kind == "f":
            for i in range(len(columns)):
                for start in leaf.element_starts():
                    places = slice(i * record.itemsize + start // 8, i * record.itemsize + (start + leaf.bits) // 8)
                    if all(math.isnan(_reference.read_raw(leaf, data[places], 0)) for data in (expected, packed)):
                        expected[places] = packed[places]
    return expected


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "values", "kind", "message"),
        [
            ("counter", [0, 65536], "range",
             "expected a raw value in 0..65535 (u16 big-endian), got 65536 (field counter, record 1)"),
            ("counter", [-1, 0], "range",
             "expected a raw value in 0..65535 (u16 big-endian), got -1 (field counter, record 0)"),
            ("counter", [0, 2**70], "range",
             f"expected a raw value in 0..65535 (u16 big-endian), got {2**70} (field counter, record 1)"),
            ("counter", np.array([0, 2**64 - 1], np.uint64), "range",
             f"expected a raw value in 0..65535 (u16 big-endian), got {2**64 - 1} (field counter, record 1)"),
            ("kind", [8, 0], "range", "expected a raw value in 0..7 (3 bits), got 8 (field kind, record 0)"),
            ("level", [0, 4096], "range",
             "expected a raw value in -4096..4095 (signed 13 bits), got 4096 (field level, record 1)"),
            ("level", [0, -4097], "range",
             "expected a raw value in -4096..4095 (signed 13 bits), got -4097 (field level, record 1)"),
            ("volts", [0.0, 287.68], "range",
             "expected a raw value in -32768..32767 (i16 big-endian), got 32768 from 287.68 V (field volts, record 1)"),
            ("volts", [0.0, math.nan], "range",
             "expected a number that i16 big-endian can hold, got nan from nan V (field volts, record 1)"),
            ("volts", [-math.inf, 0.0], "range",
             "expected a raw value in -32768..32767 (i16 big-endian), got -inf from -inf V (field volts, record 0)"),
            ("mode", [0, 2], "enum", "expected 0 (idle) or 1 (armed), got 2 (field mode, record 1)"),
            ("on", [0, 2], "range", "expected a raw value in 0..1 (boolean), got 2 (field on, record 1)"),
            ("name", [b"ab", b"abcde"], "range", "expected at most 4 bytes, got b'abcde' (field name, record 1)"),
            ("pair", [[0, 0], [0, 1e39]], "range",
             "expected a value that f32 big-endian can hold, got 1e+39 (field pair, record 1)"),
            ("half", [0, 65520.0], "range",
             "expected a value that f16 big-endian can hold, got 65520.0 (field half, record 1)"),
        ],
    )  # fmt: skip
    def test_a_value_that_does_not_fit_names_record_and_field(self, name, values, kind, message):
        with pytest.raises(jk.DecodeError) as raised:
            Sample.pack({**GOOD, name: values})
        assert str(raised.value) == message
        error = raised.value
        assert (error.kind, error.field, error.record) == (kind, name, int(message[-2]))

    @pytest.mark.parametrize(
        ("base", "value"),
        [
            (jk.u64, 2.0**64), (jk.i64, 2.0**63), (jk.i64, -(2.0**63) - 2048), (jk.bits(60), 2.0**60),
            (jk.bits(54, signed=True), 2.0**53), (jk.u8, 255.5), (jk.u8, -0.51),
        ],
    )  # fmt: skip
    def test_a_scaled_value_just_beyond_its_raw_type_is_refused(self, model, base, value):
        """Also where float64 cannot hold the largest raw value: 2**64 - 1 would be compared as 2**64."""
        fields = {"x": jk.scaled(base), "rest": jk.bits(-base.bits % 8 or 8)}
        record = model.make_record(fields, layout="packed", byteorder="big")
        with pytest.raises(jk.DecodeError, match="expected a raw value in"):
            record.pack({"x": [value], "rest": [0]})
        inside = math.nextafter(value, 0.0) if abs(value) > 256 else round(value / 2)
        assert record.columns(record.pack({"x": [inside], "rest": [0]}))["x"].tolist() == [inside]

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({**GOOD, "counter": [1.0, 2.0]}, "expected values for u16 big-endian, got an array of float64"),
            ({**GOOD, "counter": ["1", "2"]}, "expected values for u16 big-endian, got an array of <U1"),
            ({**GOOD, "counter": [None, 1]}, "expected values for u16 big-endian, got an array of object"),
            ({**GOOD, "volts": [1j, 0]}, "got an array of complex128"),
            ({**GOOD, "name": ["ab", "cd"]}, "expected values for 4 bytes, got an array of <U2"),
            ({**GOOD, "on": [0.0, 1.0]}, "expected values for boolean, got an array of float64"),
            ({**GOOD, "counter": 7}, "expected shape (n,), got ()"),
            ({**GOOD, "counter": [[1, 2]]}, "expected shape (n,), got (1, 2)"),
            ({**GOOD, "pair": [1.0, 2.0]}, "expected shape (n, 2), got (2,)"),
            ({**GOOD, "pair": [[1.0], [1.0, 2.0]]}, "pair: expected"),
            ({**GOOD, "coutner": [1, 2]}, "did you mean 'counter'?"),
            ({"counter": [1]}, "Sample: expected all columns, got none for kind, level, volts"),
            ([1, 2], "expected a mapping of field names to arrays, got list"),
        ],
    )  # fmt: skip
    def test_columns_of_another_kind_are_refused(self, columns, message):
        with pytest.raises(jk.LayoutError) as raised:
            Sample.pack(columns)
        assert message in str(raised.value)

    def test_columns_of_different_length_are_refused(self):
        with pytest.raises(jk.DecodeError, match="expected columns of equal length, got 2 rows of counter and 1 of kin"
                           ) as raised:  # fmt: skip
            Sample.pack({**GOOD, "kind": [1]})
        assert (raised.value.kind, raised.value.field) == ("length", "kind")


def test_scaled_columns_of_many_pieces_and_where_they_are_wrong():
    class Level(jk.Record, layout="packed"):
        volts: float = jk.scaled(jk.i16, scale=0.01)

    volts = (np.arange(50_000) % 60_000 - 30_000) / 100
    assert np.array_equal(np.frombuffer(Level.pack({"volts": volts}), "<i2"), np.arange(50_000) % 60_000 - 30_000)
    volts[40_000] = 400.0
    with pytest.raises(jk.DecodeError, match=r"got 40000 from 400\.0 \(field volts, record 40000\)") as caught:
        Level.pack({"volts": volts})
    assert caught.value.record == 40_000
