"""Single records: made, read, changed, compared, shown."""

import copy
import enum
import inspect
import math
import pickle

import numpy as np
import pytest

import jitkit as jk


class Telemetry(jk.Record, layout="c", byteorder="little"):
    timestamp: jk.u64
    accel_x: jk.f32
    accel_y: jk.f32
    accel_z: jk.f32
    status: jk.u8
    _pad: None = jk.pad(3)


class Header(jk.Record, layout="packed", byteorder="big"):
    version: int = jk.bits(3)
    type: int = jk.bits(1)
    apid: int = jk.bits(12)
    rate: int = jk.i16.little
    quaternion: np.ndarray = jk.array(jk.f32, 4)
    temperature: float = jk.scaled(jk.i16, scale=0.01, offset=-40.0, unit="degC", valid=(-40.0, 125.0))
    mode: int = jk.enum_(jk.u8, {0: "idle", 1: "armed"})
    name: bytes = jk.bytes_(16)
    inner: Telemetry


class Point(jk.Record, layout="packed"):
    x: jk.i8
    y: jk.i8


class Grid(jk.Record, layout="packed"):
    points: list = jk.array(Point, (2, 3))
    count: jk.u8


def telemetry(**changed):
    return Telemetry(**{"timestamp": 1, "accel_x": 0.5, "accel_y": -1.5, "accel_z": 0.0, "status": 3} | changed)


def header(**changed):
    values = {
        "version": 5, "type": 1, "apid": 0x123, "rate": -2, "quaternion": [0.0, 0.5, 1.0, -1.0], "temperature": 21.5,
        "mode": 1, "name": b"probe", "inner": telemetry(),
    }  # fmt: skip
    return Header(**values | changed)


def points(*numbers):
    return [Point(x=number, y=-number) for number in numbers]


class TestBytes:
    def test_are_laid_out_as_the_record_says(self):
        assert bytes(telemetry()) == bytes.fromhex("0100000000000000 0000003f 0000c0bf 00000000 03 000000")

    def test_of_bits_scaled_and_nested_fields(self):
        data = bytes(header())
        assert data[:2] == bytes([0b101_1_0001, 0x23])
        assert data[2:4] == b"\xfe\xff"
        assert data[4:20] == bytes.fromhex("00000000 3f000000 3f800000 bf800000")
        assert int.from_bytes(data[20:22], "big") == 6150
        assert data[22:39] == b"\1probe" + bytes(11)
        assert data[39:] == bytes(telemetry())

    def test_have_zeros_in_pads(self):
        data = b"\xff" * 20 + b"\1\2\3\4"
        assert bytes(Telemetry.from_bytes(data)) == b"\xff" * 20 + b"\1\0\0\0"

    def test_make_a_record_again(self):
        for record in (telemetry(), header()):
            again = type(record).from_bytes(bytes(record))
            assert again == record
            assert repr(again) == repr(record)
            assert bytes(again) == bytes(record)

    @pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint64)])
    def test_may_be_any_buffer(self, make):
        assert Telemetry.from_bytes(make(bytes(telemetry()))) == telemetry()

    @pytest.mark.parametrize("size", [0, 1, 23, 25, 48])
    def test_must_be_one_record(self, size):
        with pytest.raises(jk.DecodeError, match=rf"^expected 24 bytes \(Telemetry\), got {size}$") as caught:
            Telemetry.from_bytes(bytes(size))
        assert caught.value.kind == "length"

    @pytest.mark.parametrize("data", ["text", 24, None, [0] * 24])
    def test_must_be_a_buffer(self, data):
        with pytest.raises(jk.DecodeError, match=r"^expected a buffer") as caught:
            Telemetry.from_bytes(data)
        assert caught.value.kind == "buffer"

    def test_must_have_listed_values(self):
        data = bytearray(bytes(header()))
        data[22] = 7
        message = r"^expected 0 \(idle\) or 1 \(armed\), got 7 at offset 22 \(field mode, record 0\)$"
        with pytest.raises(jk.DecodeError, match=message) as caught:
            Header.from_bytes(data)
        error = caught.value
        assert (error.kind, error.offset, error.record, error.field) == ("enum", 22, 0, "mode")

    def test_must_have_booleans_of_0_or_1(self):
        class T(jk.Record, layout="packed"):
            count: jk.u16
            ready: np.ndarray = jk.array(jk.boolean, 2)

        assert T.from_bytes(b"\0\0\1\0").ready.tolist() == [True, False]
        message = r"^expected 0 or 1 \(boolean\), got 2 at offset 3 \(field ready, record 0\)$"
        with pytest.raises(jk.DecodeError, match=message) as caught:
            T.from_bytes(b"\0\0\1\2")
        assert (caught.value.kind, caught.value.offset) == ("boolean", 3)


class TestAttributes:
    def test_are_plain_python_values(self):
        record = Header.from_bytes(bytes(header()))
        values = {name: value for name, value in vars(record).items() if name not in ("quaternion", "inner")}
        assert values == {
            "version": 5, "type": 1, "apid": 0x123, "rate": -2, "temperature": 21.5, "mode": 1, "name": b"probe"
        }  # fmt: skip
        assert {type(value) for value in values.values()} == {int, float, bytes}
        assert (record.quaternion.dtype, record.quaternion.tolist()) == (np.float32, [0.0, 0.5, 1.0, -1.0])
        assert record.inner == telemetry()
        assert record.inner.status == 3

    def test_are_the_same_however_the_record_was_made(self):
        made, read = header(temperature=21.501, quaternion=(0.1, 0, 0, 1)), Header.from_bytes(bytes(header()))
        assert {name: type(value) for name, value in vars(made).items()} == {
            name: type(value) for name, value in vars(read).items()
        }
        assert made.temperature == pytest.approx(21.5)
        assert made.quaternion.dtype == np.float32

    def test_of_pads_do_not_exist(self):
        assert not hasattr(telemetry(), "_pad")

    def test_can_be_changed(self):
        record = telemetry()
        record.status = 200
        record.accel_x += 1
        assert bytes(record) == bytes(telemetry(status=200, accel_x=1.5))

    def test_of_nested_records_and_arrays_can_be_changed_in_place(self):
        record = header()
        record.inner.status = 9
        record.quaternion[2] = 0.25
        assert bytes(record) == bytes(header(inner=telemetry(status=9), quaternion=[0.0, 0.5, 0.25, -1.0]))

    def test_do_not_share_memory_with_what_they_were_made_of(self):
        quaternion, inner = np.zeros(4, np.float32), telemetry()
        record = header(quaternion=quaternion, inner=inner)
        quaternion[0] = 7.0
        inner.status = 7
        assert record == header(quaternion=[0.0] * 4)

    def test_that_are_misspelt_are_refused(self):
        record = telemetry()
        with pytest.raises(AttributeError) as caught:
            record.stauts = 4
        assert str(caught.value) == (
            "Telemetry: expected one of timestamp, accel_x, accel_y, accel_z, status, got 'stauts': "
            "did you mean 'status'?"
        )
        with pytest.raises(AttributeError, match="no attribute 'stauts'"):
            _ = record.stauts

    def test_cannot_be_deleted(self):
        with pytest.raises(AttributeError, match=r"^Telemetry\.status: expected a value for each field, got del$"):
            del telemetry().status

    def test_may_be_properties_of_the_users(self):
        class Wheel(jk.Record):
            ticks: jk.u8

            @property
            def degrees(self):
                return 36 * self.ticks

            @degrees.setter
            def degrees(self, value):
                self.ticks = value // 36

        wheel = Wheel(ticks=1)
        wheel.degrees = 108
        assert (wheel.ticks, wheel.degrees) == (3, 108)

    def test_are_checked_when_the_bytes_are_made(self):
        record = telemetry()
        record.status = 256
        with pytest.raises(jk.DecodeError, match=r"^expected a raw value in 0\.\.255 \(u8\), got 256"):
            bytes(record)


I16 = "-32768..32767 (i16 big-endian)"


class TestConstructor:
    def test_takes_every_field_by_name(self):
        message = r"^Telemetry\(\): expected a value for each field, got none for accel_y, status$"
        with pytest.raises(jk.LayoutError, match=message):
            Telemetry(timestamp=1, accel_x=0, accel_z=0)
        with pytest.raises(TypeError):
            Telemetry(1, 0, 0, 0, 3)

    def test_suggests_the_name_that_was_meant(self):
        with pytest.raises(jk.LayoutError) as caught:
            telemetry(acel_x=1)
        assert str(caught.value) == (
            "Telemetry(): expected one of timestamp, accel_x, accel_y, accel_z, status, got 'acel_x': "
            "did you mean 'accel_x'?"
        )

    def test_has_no_values_for_pads(self):
        with pytest.raises(jk.LayoutError, match="got '_pad'"):
            telemetry(_pad=b"abc")

    def test_of_a_record_of_nothing_but_pads_takes_nothing(self):
        class T(jk.Record):
            _pad: None = jk.pad(3)

        assert bytes(T()) == b"\0\0\0"
        assert repr(T()) == "T()"
        assert T() == T.from_bytes(b"abc")

    def test_takes_numpy_numbers_and_enumerations(self):
        class Mode(enum.IntEnum):
            IDLE = 0
            ARMED = 1

        assert header(rate=np.int16(-2), temperature=np.float64(21.5), mode=Mode.ARMED) == header()

    @pytest.mark.parametrize(
        ("kind", "low", "high"),
        [
            (jk.u8, 0, 2**8 - 1),
            (jk.u64, 0, 2**64 - 1),
            (jk.i8, -(2**7), 2**7 - 1),
            (jk.i64, -(2**63), 2**63 - 1),
            (jk.bits(8), 0, 255),
            (jk.bits(64), 0, 2**64 - 1),
            (jk.bits(64, signed=True), -(2**63), 2**63 - 1),
            (jk.bits(40, signed=True), -(2**39), 2**39 - 1),
        ],
    )
    def test_takes_all_integers_of_a_field_and_no_other(self, kind, low, high):
        class T(jk.Record, layout="packed"):
            x: int = kind

        for value in (low, high, 0, 1):
            assert T.from_bytes(bytes(T(x=value))).x == value
        for value in (low - 1, high + 1, -(2**70), 2**70):
            with pytest.raises(jk.DecodeError) as caught:
                T(x=value)
            error = caught.value
            assert str(error).startswith(f"expected a raw value in {low}..{high} (")
            assert str(error).endswith(f"got {value} (field T.x)")
            assert (error.kind, error.record, error.offset) == ("range", None, None)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"rate": 1.0}, "Header.rate: expected a value for i16 little-endian, got 1.0"),
            ({"rate": "1"}, "Header.rate: expected a value for i16 little-endian, got '1'"),
            ({"rate": None}, "Header.rate: expected a value for i16 little-endian, got None"),
            ({"apid": 0.5}, "Header.apid: expected a value for 12 bits, got 0.5"),
            ({"temperature": "hot"}, "Header.temperature: expected a number, got 'hot'"),
            ({"name": "probe"}, "Header.name: expected a value for 16 bytes, got 'probe'"),
            ({"name": 5}, "Header.name: expected a value for 16 bytes, got 5"),
            ({"mode": "idle"}, "Header.mode: expected a value for u8, got 'idle'"),
            ({"quaternion": "abcd"}, "Header.quaternion: expected a value for f32 big-endian, got 'abcd'"),
            ({"rate": [1]}, "Header.rate: expected shape (), got (1,)"),
            ({"quaternion": 1.0}, "Header.quaternion: expected shape (4,), got ()"),
            ({"quaternion": [1.0] * 3}, "Header.quaternion: expected shape (4,), got (3,)"),
            ({"quaternion": [[1.0] * 4]}, "Header.quaternion: expected shape (4,), got (1, 4)"),
        ],
    )
    def test_refuses_values_of_another_kind_or_shape(self, changed, message):
        with pytest.raises(jk.LayoutError) as caught:
            header(**changed)
        assert str(caught.value) == message

    @pytest.mark.parametrize(
        ("changed", "message", "kind"),
        [
            ({"version": 8}, "expected a raw value in 0..7 (3 bits), got 8 (field Header.version)", "range"),
            ({"mode": 2}, "expected 0 (idle) or 1 (armed), got 2 (field Header.mode)", "enum"),
            ({"name": b"x" * 17}, f"expected at most 16 bytes, got {b'x' * 17} (field Header.name)", "range"),
            (
                {"quaternion": [0, 0, 1e39, 0]},
                "expected a value that f32 big-endian can hold, got 1e+39 (field Header.quaternion)",
                "range",
            ),
            (
                {"temperature": 999.0},
                f"expected a raw value in {I16}, got 103900 from 999.0 degC (field Header.temperature)",
                "range",
            ),
            (
                {"temperature": math.nan},
                "expected a number that i16 big-endian can hold, got nan from nan degC (field Header.temperature)",
                "range",
            ),
        ],
    )
    def test_refuses_values_that_do_not_fit(self, changed, message, kind):
        with pytest.raises(jk.DecodeError) as caught:
            header(**changed)
        assert str(caught.value) == message
        assert (caught.value.kind, caught.value.field) == (kind, next(iter(changed)))

    def test_takes_values_outside_the_valid_range(self):
        """It is a mask for columns, not a rule for records."""
        assert header(temperature=200.0).temperature == 200.0

    def test_rounds_scaled_values_to_the_nearest_raw_one_and_halves_to_the_even(self):
        class T(jk.Record, layout="packed"):
            x: float = jk.scaled(jk.i8, 2.0)

        assert [bytes(T(x=x))[0] for x in (0.9, 1.0, 1.1, 3.0, 5.0)] == [0, 0, 1, 2, 2]
        assert T(x=1.1).x == 2.0

    def test_takes_integers_for_floats(self):
        assert telemetry(accel_x=1, accel_y=True) == telemetry(accel_x=1.0, accel_y=1.0)

    def test_takes_integers_of_any_size_for_floats(self):
        assert telemetry(accel_x=2**70).accel_x == 2.0**70

    def test_takes_lists_of_64_bit_integers(self):
        """NumPy alone would make floats of these."""

        class T(jk.Record, layout="packed"):
            x: np.ndarray = jk.array(jk.u64, 2)

        assert bytes(T(x=[2**63, 1])) == (2**63).to_bytes(8, "little") + (1).to_bytes(8, "little")
        with pytest.raises(jk.DecodeError, match="got -1"):
            T(x=[2**63, -1])

    def test_checks_booleans(self):
        class T(jk.Record, layout="packed"):
            ready: jk.boolean

        assert T(ready=True) == T(ready=1) == T(ready=np.True_)
        assert T(ready=1).ready is True
        with pytest.raises(jk.DecodeError, match=r"^expected a raw value in 0\.\.1 \(boolean\), got 2"):
            T(ready=2)


class TestNested:
    def test_records_are_records(self):
        for wrong in (None, 3, b"", telemetry, Telemetry, Point(x=1, y=2)):
            with pytest.raises(jk.LayoutError) as caught:
                header(inner=wrong)
            assert str(caught.value) == f"Header.inner: expected a Telemetry, got {wrong!r}"

    def test_arrays_are_nested_lists(self):
        grid = Grid(points=[points(0, 1, 2), points(3, 4, 5)], count=6)
        assert bytes(grid) == bytes([0, 0, 1, 255, 2, 254, 3, 253, 4, 252, 5, 251, 6])
        again = Grid.from_bytes(bytes(grid))
        assert again.points == [points(0, 1, 2), points(3, 4, 5)]
        assert again.points[1][2].y == -5
        assert again == grid

    def test_arrays_may_be_given_as_tuples(self):
        rows = points(0, 1, 2), points(3, 4, 5)
        assert Grid(points=tuple(map(tuple, rows)), count=6) == Grid(points=list(rows), count=6)

    @pytest.mark.parametrize(
        "wrong",
        [
            points(0, 1, 2, 3, 4, 5),
            [points(0, 1), points(2, 3), points(4, 5)],
            [points(0, 1, 2)],
            [points(0, 1, 2), points(3, 4)],
            [points(0, 1, 2), [3, 4, 5]],
            5,
            None,
        ],
        ids=["flat", "transposed", "too short", "ragged", "no records", "a number", "nothing"],
    )
    def test_arrays_have_the_shape_of_the_field(self, wrong):
        with pytest.raises(jk.LayoutError) as caught:
            Grid(points=wrong, count=6)
        assert str(caught.value) == f"Grid.points: expected Point records in lists of shape (2, 3), got {wrong!r}"

    def test_records_can_be_changed_in_place(self):
        grid = Grid(points=[points(0, 1, 2), points(3, 4, 5)], count=6)
        grid.points[0][0].x = -1
        assert bytes(grid)[0] == 255

    def test_values_are_checked_within_arrays(self):
        grid = Grid(points=[points(0, 1, 2), points(3, 4, 5)], count=6)
        grid.points[1][1].x = 200
        with pytest.raises(jk.DecodeError, match=r"got 200 \(field Point\.x\)$"):
            bytes(grid)


class TestEquality:
    def test_is_that_of_the_bytes(self):
        assert telemetry() == telemetry()
        assert telemetry(status=4) != telemetry()
        assert telemetry(accel_x=0.1) == telemetry(accel_x=np.float32(0.1))
        assert telemetry(accel_z=math.nan) == telemetry(accel_z=math.nan)
        assert telemetry(accel_z=-0.0) != telemetry(accel_z=0.0)
        assert header(name=b"probe\0") == header(name=b"probe")

    def test_needs_the_same_class(self):
        class Other(jk.Record, layout="packed"):
            x: jk.i8
            y: jk.i8

        assert Point(x=1, y=2) != Other(x=1, y=2)
        assert Point(x=1, y=2) != bytes(Point(x=1, y=2))
        assert Point(x=1, y=2) != (1, 2)

    def test_is_no_identity_so_that_records_have_no_hash(self):
        with pytest.raises(TypeError, match="unhashable type: 'Point'"):
            hash(Point(x=1, y=2))


class TestRepr:
    def test_is_the_call_that_makes_the_record(self):
        assert repr(telemetry()) == "Telemetry(timestamp=1, accel_x=0.5, accel_y=-1.5, accel_z=0.0, status=3)"
        assert eval(repr(telemetry())) == telemetry()

    def test_shows_nested_records_and_arrays(self):
        assert repr(header()) == (
            "Header(version=5, type=1, apid=291, rate=-2, quaternion=array([ 0. ,  0.5,  1. , -1. ], dtype=float32), "
            f"temperature=21.5, mode=1, name=b'probe', inner={telemetry()!r})"
        )
        assert repr(Grid(points=[points(0, 1, 2)] * 2, count=6)).startswith(
            "Grid(points=[[Point(x=0, y=0), Point(x=1, y=-1), Point(x=2, y=-2)], [Point("
        )


class TestCopies:
    @pytest.mark.parametrize("again", [copy.deepcopy, lambda record: pickle.loads(pickle.dumps(record))])
    def test_are_equal_and_apart(self, again):
        record = header()
        twin = again(record)
        assert twin == record
        twin.inner.status = 9
        assert record == header()


def test_the_signature_names_the_fields():
    assert str(inspect.signature(Telemetry)) == "(*, timestamp, accel_x, accel_y, accel_z, status)"
