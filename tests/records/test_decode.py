"""`Record.columns`: from bytes to columns."""

import struct

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import jitkit as jk
from jitkit.records import _reference

pytestmark = pytest.mark.kernel

INFINITY = np.inf


class Telemetry(jk.Record, layout="c", byteorder="little", size=24):
    timestamp: jk.u64
    accel_x: jk.f32
    accel_y: jk.f32
    accel_z: jk.f32
    status: jk.u8
    _pad: None = jk.pad(3)


class Header(jk.Record, layout="packed", byteorder="big", size=6):
    version: int = jk.bits(3)
    type: int = jk.bits(1)
    secondary: int = jk.bits(1)
    apid: int = jk.bits(11)
    flags: int = jk.bits(2)
    count: int = jk.bits(14)
    length: jk.u16


class Everything(jk.Record, layout="packed", byteorder="big"):
    header: Header
    rate: int = jk.i16.little
    quaternion: np.ndarray = jk.array(jk.f32, 4)
    matrix: np.ndarray = jk.array(jk.i8, (2, 3))
    temperature: float = jk.scaled(jk.i16, scale=0.01, offset=-40.0, unit="degC", valid=(-40.0, 125.0))
    mode: int = jk.enum_(jk.u8, {0: "idle", 1: "armed"})
    name: bytes = jk.bytes_(4)
    half: jk.f16
    on: jk.boolean
    points: np.ndarray = jk.array(Telemetry, 2)


class TestExamples:
    def test_each_field_becomes_a_column_in_native_byte_order(self):
        data = struct.pack("<Q3fBxxx", 2**64 - 1, 0.5, -1.5, INFINITY, 7) + struct.pack("<Q3fBxxx", 1, 0, -0.0, 1, 255)
        columns = Telemetry.columns(data)
        assert {name: column.tolist() for name, column in columns.items()} == {
            "timestamp": [2**64 - 1, 1],
            "accel_x": [0.5, 0.0],
            "accel_y": [-1.5, 0.0],
            "accel_z": [INFINITY, 1.0],
            "status": [7, 255],
        }
        assert [column.dtype for column in columns.values()] == ["u8", "f4", "f4", "f4", "u1"]

    def test_a_ccsds_header_comes_apart_into_its_bit_fields(self):
        data = bytes.fromhex("080bc0010040") + bytes.fromhex("ffffffffffff")
        columns = Header.columns(data)
        assert {name: column.tolist() for name, column in columns.items()} == {
            "version": [0, 7],
            "type": [0, 1],
            "secondary": [1, 1],
            "apid": [11, 2047],
            "flags": [3, 3],
            "count": [1, 16383],
            "length": [64, 65535],
        }
        assert [column.dtype for column in columns.values()] == ["u1", "u1", "u1", "u2", "u1", "u2", "u2"]

    def test_every_kind_of_field_has_its_column(self):
        point = struct.pack("<Q3fBxxx", 5, 1.0, 2.0, 3.0, 4)
        data = b"".join((
            bytes.fromhex("080bc0010040"), struct.pack("<h", -2), struct.pack(">4f", 1.0, 0.0, 0.0, -1.0),
            bytes([1, 2, 3, 253, 254, 255]), struct.pack(">h", -150), b"\x01", b"ab\0\0", struct.pack(">e", 1.5),
            b"\x01", point, bytes(24),
        ))  # fmt: skip
        columns = Everything.columns(data)
        assert columns["header.apid"].tolist() == [11]
        assert columns["rate"].tolist() == [-2]
        assert columns["quaternion"].tolist() == [[1.0, 0.0, 0.0, -1.0]]
        assert columns["matrix"].tolist() == [[[1, 2, 3], [-3, -2, -1]]]
        assert columns["temperature"].tolist() == [-150 * 0.01 - 40.0]
        assert columns.valid("temperature").tolist() == [False]
        assert columns.unit("temperature") == "degC"
        assert columns.labels("mode").tolist() == ["armed"]
        assert columns["name"].tolist() == [b"ab"]
        assert (columns["half"].dtype, columns["half"].tolist()) == (np.float16, [1.5])
        assert (columns["on"].dtype, columns["on"].tolist()) == (np.bool_, [True])
        assert columns["points.timestamp"].tolist() == [[5, 0]]
        assert columns["points.accel_z"].tolist() == [[3.0, 0.0]]
        assert len(columns) == 1

    def test_columns_are_copies(self):
        data = bytearray(struct.pack("<Q3fBxxx", 1, 2.0, 3.0, 4.0, 5))
        columns = Telemetry.columns(data)
        data[:] = bytes(len(data))
        assert [column.tolist() for column in columns.values()] == [[1], [2.0], [3.0], [4.0], [5]]

    def test_fields_chooses_columns_and_their_order(self):
        data = struct.pack("<Q3fBxxx", 1, 2.0, 3.0, 4.0, 5)
        columns = Telemetry.columns(data, fields=["status", "accel_y"])
        assert {name: column.tolist() for name, column in columns.items()} == {"status": [5], "accel_y": [3.0]}
        assert list(columns) == ["status", "accel_y"]

    def test_no_fields_and_only_pads_give_rows_without_columns(self):
        class Padding(jk.Record, layout="packed"):
            _pad: None = jk.pad(3)

        assert (len(Telemetry.columns(bytes(48), fields=[])), list(Telemetry.columns(bytes(48), fields=[]))) == (2, [])
        assert (len(Padding.columns(bytes(9))), list(Padding.columns(bytes(9)))) == (3, [])

    @pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 600])
    def test_any_number_of_records(self, count):
        rows = np.zeros(count, Telemetry.dtype)
        rows["timestamp"], rows["accel_y"], rows["status"] = range(count), np.arange(count) / 8, np.arange(count) % 256
        columns = Telemetry.columns(rows)
        for name in Telemetry.dtype.names:
            assert columns[name].tolist() == rows[name].tolist()


class TestBits:
    @pytest.mark.parametrize(
        ("byteorder", "values"), [("big", [0b101, 0b0011001111, 0b110]), ("little", [0b110, 0b0011001111, 0b101])]
    )
    def test_are_counted_from_the_end_that_the_byte_order_says(self, model, byteorder, values):
        """Big-endian: from the most significant. Little-endian: from the least significant."""
        fields = {"a": jk.bits(3), "b": jk.bits(10), "c": jk.bits(3)}
        record = model.make_record(fields, layout="packed", byteorder=byteorder)
        columns = record.columns(0b101_0011001111_110.to_bytes(2, byteorder))
        assert [column[0] for column in columns.values()] == values

    @pytest.mark.parametrize("byteorder", ["big", "little"])
    @pytest.mark.parametrize("signed", [False, True])
    @pytest.mark.parametrize("before", range(8))
    def test_of_every_width_stand_at_every_bit(self, model, byteorder, signed, before):
        """Also across nine bytes, and in records that are smaller than any word that would cover the field."""
        for width in range(1, 65):
            fields = {
                "before": jk.bits(before or 8),
                "value": jk.bits(width, signed=signed),
                "behind": jk.bits(-(before + width) % 8 or 8),
            }
            record = model.make_record(fields, layout="packed", byteorder=byteorder)
            data = np.random.default_rng(width).bytes(3 * record.itemsize) + bytes([255] * record.itemsize)
            expected = [
                integer_at(data[at : at + record.itemsize], byteorder, before or 8, width, signed)
                for at in range(0, len(data), record.itemsize)
            ]
            assert record.columns(data, fields=["value"])["value"].tolist() == expected, width

    def test_signed_ones_have_the_smallest_signed_type(self, model):
        fields = {f"b{n}": jk.bits(n, signed=True) for n in (1, 7, 8, 9, 16, 17, 32, 33, 64)}
        record = model.make_record({**fields, "rest": jk.bits(5)}, layout="packed", byteorder="big")
        columns = record.columns(b"\xff" * record.itemsize)
        types = [column.dtype for column in columns.values()]
        assert types == ["i1", "i1", "i1", "i2", "i2", "i4", "i4", "i8", "i8", "u1"]
        assert [column[0] for column in columns.values()] == [-1] * 9 + [31]


def integer_at(record: bytes, byteorder: str, start: int, width: int, signed: bool) -> int:
    """What the documentation says of bit fields, in other words than the twin: the record is one large integer.

    In a little-endian one bits are counted from its least significant, in a big-endian one from its most significant.
    """
    whole = int.from_bytes(record, byteorder)
    below = start if byteorder == "little" else 8 * len(record) - start - width
    value = (whole >> below) & ((1 << width) - 1)
    return value - (1 << width) if signed and value >> (width - 1) else value


class TestScaled:
    @pytest.mark.parametrize("byteorder", ["big", "little"])
    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_is_computed_in_float64_and_rounded_once(self, model, byteorder, dtype):
        """Over every base, with the extremes that a conversion gets wrong first."""
        bases = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i8": "b", "i16": "h", "i32": "i", "i64": "q",
                 "f16": "e", "f32": "f", "f64": "d"}  # fmt: skip
        scale, offset = 0.1, -(2.0**-30)
        fields = {name: jk.scaled(getattr(jk, name), scale=scale, offset=offset, dtype=dtype) for name in bases}
        record = model.make_record(fields, layout="packed", byteorder=byteorder)
        extremes = []
        for name in bases:
            base = getattr(jk, name)
            low, high = base.limits
            integers = (low, high, high // 3, (1 << base.bits - 1) - 1, 0)
            extremes.append(integers if base.kind != "f" else (np.nan, 5e-324, -0.0, INFINITY, 65504.0))
        rows = [struct.pack((">" if byteorder == "big" else "<") + "".join(bases.values()), *row)
                for row in zip(*extremes, strict=True)]  # fmt: skip
        columns = record.columns(b"".join(rows))
        raw = np.frombuffer(b"".join(rows), record.dtype)
        for name in bases:
            expected = (raw[name].astype(np.float64) * scale + offset).astype(dtype)
            assert columns[name].dtype == dtype
            np.testing.assert_array_equal(columns[name], expected, strict=True)

    def test_of_bits(self, model):
        fields = {"a": jk.scaled(jk.bits(12, signed=True), scale=0.5), "b": jk.scaled(jk.bits(4), offset=-1.0)}
        record = model.make_record(fields, layout="packed", byteorder="big")
        columns = record.columns(bytes.fromhex("800f7ff0"))
        assert columns["a"].tolist() == [-1024.0, 1023.5]
        assert columns["b"].tolist() == [14.0, -1.0]

    def test_a_value_beyond_float32_is_infinite(self, model):
        record = model.make_record({"a": jk.scaled(jk.i8, scale=1e300, dtype=np.float32)}, layout="packed")
        assert record.columns(b"\x01\xff\x00")["a"].tolist() == [INFINITY, -INFINITY, 0.0]


class TestValid:
    def test_includes_both_ends_and_excludes_nan(self, model):
        record = model.make_record({"a": jk.f32.within(-1.0, 2.0), "b": jk.u8.within(3, None)}, layout="packed")
        values = np.array([-1.0, 2.0, np.nextafter(np.float32(2.0), np.float32(3.0)), np.nan, -INFINITY, 0.0], "f4")
        rows = np.zeros(6, record.dtype)
        rows["a"], rows["b"] = values, [0, 2, 3, 4, 254, 255]
        columns = record.columns(rows)
        assert columns.valid("a").tolist() == [True, True, False, False, False, True]
        assert columns.valid("b").tolist() == [False, False, True, True, True, True]
        assert columns["a"].tobytes() == values.tobytes()  # values stay as they are

    def test_compares_what_the_column_gets(self, model):
        """0.1 is no float32: a range that ends there must hold the value that the column shows as 0.1."""
        fields = {
            "f": jk.f32.within(None, 0.1),
            "h": jk.f16.within(0.1, None),
            "s": jk.scaled(jk.u8, scale=0.1, valid=(0.1, 0.1), dtype=np.float32),
        }
        record = model.make_record(fields, layout="packed")
        columns = record.columns(struct.pack("<feB", 0.1, 0.1, 1))
        assert [columns.valid(name).tolist() for name in fields] == [[True]] * 3

    @pytest.mark.parametrize("name", ["u64", "i64", "u32", "i32", "i8"])
    def test_of_integers_is_exact(self, model, name):
        base = getattr(jk, name)
        low, high = base.limits
        record = model.make_record({"x": base.within(low + 1, high - 1)}, layout="packed", byteorder="big")
        values = np.array([low, low + 1, high - 1, high], f">{name[0]}{base.bits // 8}")
        assert record.columns(values).valid("x").tolist() == [False, True, True, False]

    def test_of_an_array_is_shaped_like_it(self, model):
        record = model.make_record({"x": jk.array(jk.i16.within(-1, 1), (2, 2))}, layout="packed")
        assert record.columns(np.array([-2, -1, 1, 2], "<i2")).valid("x").tolist() == [[[False, True], [True, False]]]

    def test_without_a_range_all_are_valid(self):
        assert Telemetry.columns(bytes(48)).valid("status").tolist() == [True, True]


class TestFloats:
    @pytest.mark.parametrize("byteorder", ["big", "little"])
    def test_every_float16_keeps_its_bits_and_becomes_its_float64(self, model, byteorder):
        halves = np.arange(1 << 16, dtype=np.uint16)
        fields = {"plain": jk.f16, "scaled": jk.scaled(jk.f16), "within": jk.f16.within(-1.0, 65504.0)}
        record = model.make_record(fields, layout="packed", byteorder=byteorder)
        stored = halves.astype(">u2" if byteorder == "big" else "<u2")
        columns = record.columns(np.repeat(stored, 3))
        assert columns["plain"].view(np.uint16).tolist() == halves.tolist()
        assert columns["within"].view(np.uint16).tolist() == halves.tolist()
        reals = halves.view(np.float16).astype(np.float64)
        with np.errstate(invalid="ignore"):  # half of the NaNs are signalling ones
            np.testing.assert_array_equal(columns["scaled"], reals + 0.0, strict=True)
            assert columns.valid("within").tolist() == ((reals >= -1.0) & (reals <= 65504.0)).tolist()

    @pytest.mark.parametrize("within", [False, True])
    def test_a_nan_keeps_its_payload(self, model, within):
        """Signalling ones, too: a float that is not scaled is moved, never computed with."""
        fields = {name: getattr(jk, name).within(0.0, 1.0) if within else getattr(jk, name) for name in ("f32", "f64")}
        record = model.make_record(fields, layout="packed", byteorder="big")
        data = bytes.fromhex("7f800001 7ff0000000000001 ffc12345 fff8000000012345")
        columns = record.columns(data)
        assert columns["f32"].view(np.uint32).tolist() == [0x7F800001, 0xFFC12345]
        assert columns["f64"].view(np.uint64).tolist() == [0x7FF0000000000001, 0xFFF8000000012345]


class TestArrays:
    @pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 255, 256, 257, 600])
    @pytest.mark.parametrize("byteorder", ["little", "big"])
    def test_of_every_length(self, model, length, byteorder):
        """Short ones are walked across the records, long ones along each, in pieces of 256."""
        fields = {
            "a": jk.array(jk.u16, length),
            "b": jk.array(jk.i32.within(-(2**30), 2**30), length),
            "c": jk.array(jk.scaled(jk.f16, scale=0.5), length),
            "d": jk.array(jk.bytes_(3), length),
            "e": jk.array(jk.bits(12), 2 * length),
        }
        record = model.make_record(fields, layout="packed", byteorder=byteorder)
        data = np.random.default_rng(length).bytes(3 * record.itemsize)
        model.assert_columns(record.columns(data), record, data)

    def test_of_records_give_one_column_per_field(self, model):
        inner = model.make_record({"x": jk.u8, "y": jk.bits(3), "z": jk.bits(5)}, layout="packed", byteorder="big")
        record = model.make_record({"points": jk.array(inner, (2, 2))}, layout="packed")
        columns = record.columns(bytes([1, 0x20, 2, 0x41, 3, 0x62, 4, 0x83]))
        assert columns["points.x"].tolist() == [[[1, 2], [3, 4]]]
        assert columns["points.y"].tolist() == [[[1, 2], [3, 4]]]
        assert columns["points.z"].tolist() == [[[0, 1], [2, 3]]]

    def test_of_bits_run_on_across_bytes(self, model):
        record = model.make_record({"x": jk.array(jk.bits(3), 8)}, layout="packed", byteorder="big")
        data = int("".join(f"{i:03b}" for i in range(8)), 2).to_bytes(3, "big")
        assert record.columns(data * 2)["x"].tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]] * 2


class TestModel:
    @given(random=st.randoms(use_true_random=False))
    @settings(max_examples=250)
    def test_random_records_decode_as_the_twin_does(self, model, random):
        record = model.random_record(random)
        data = model.random_bytes(random, record, model.random_count(random, record))
        note(str(record))
        error = model.first_unlisted(record, data)
        if error is None:
            model.assert_columns(record.columns(data), record, data)
            return
        with pytest.raises(jk.DecodeError) as raised:
            record.columns(data)
        assert model.attributes(raised.value) == error

    @given(random=st.randoms(use_true_random=False))
    @settings(max_examples=100)
    def test_the_twin_reads_what_numpy_views(self, model, random):
        """The twin is checked itself: against `Record.view` where there are no bit fields, else as one integer."""
        record = model.random_record(random)
        data = model.random_bytes(random, record, 2)
        for leaf in record._leaves:
            if leaf.kind in "ui" and not leaf.shape:
                for base in (0, record.itemsize):
                    whole = data[base : base + record.itemsize]
                    expected = integer_at(whole, leaf.byteorder, leaf.start, leaf.bits, leaf.kind == "i")
                    assert _reference.read_raw(leaf, data, 8 * base + leaf.start) == expected
        if any(leaf.is_bit_field for leaf in record._leaves):
            return
        rows = record.view(data)
        for leaf in record._leaves:
            raw = rows
            for part in leaf.name.split("."):
                raw = raw[part]
            if leaf.kind != "?":
                read = [_reference.read_raw(leaf, data, 8 * base + start)
                        for base in (0, record.itemsize) for start in leaf.element_starts()]  # fmt: skip
                assert model.nested_bits(read) == model.nested_bits(raw.reshape(-1).tolist()) if leaf.kind == "f" \
                    else read == raw.reshape(-1).tolist()  # fmt: skip
