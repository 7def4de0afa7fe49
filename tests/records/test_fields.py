"""The names and functions that users write fields with: what they refuse, and how they say so."""

import enum
import math

import numpy as np
import pytest

import jitkit as jk


class Mode(enum.IntEnum):
    IDLE = 0
    ARMED = 1


class Inner(jk.Record, layout="packed"):
    status: jk.u8


def refused(message):
    """What a LayoutError with exactly this message raises."""
    return pytest.raises(jk.LayoutError, match=f"^{message.translate(ESCAPED)}$")


ESCAPED = str.maketrans({c: f"\\{c}" for c in "()[]{}.*+?^$|\\"})


class TestNames:
    @pytest.mark.parametrize(
        "name", ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f16", "f32", "f64", "boolean"]
    )
    def test_a_field_type_shows_its_name(self, name):
        assert repr(getattr(jk, name)) == name
        assert getattr(jk.records, name) is getattr(jk, name)

    def test_every_name_of_the_room_is_public(self):
        assert {name for name in jk.records.__all__ if not hasattr(jk, name)} == {"FlatLayout"}  # for other rooms


class TestBits:
    def test_says_how_many_and_whether_they_are_signed(self):
        assert repr(jk.bits(3)) == "bits(3)"
        assert repr(jk.bits(np.int64(64), signed=True)) == "bits(64, signed=True)"

    @pytest.mark.parametrize("n", [0, -1, 65, True])
    def test_has_1_to_64(self, n):
        with refused(f"expected the number of bits to be 1 to 64, got {n}"):
            jk.bits(n)

    @pytest.mark.parametrize("n", [3.0, "3", None])
    def test_needs_a_whole_number(self, n):
        with refused(f"expected the number of bits to be an integer, 1 to 64, got {n!r}"):
            jk.bits(n)

    def test_takes_signed_by_name_only(self):
        with pytest.raises(TypeError):
            jk.bits(3, True)  # type: ignore[misc]


@pytest.mark.parametrize("make", [jk.pad, jk.bytes_])
class TestPadAndBytes:
    def test_say_how_many(self, make):
        assert repr(make(3)) == f"{make.__name__}(3)"

    @pytest.mark.parametrize("n", [0, -4, False])
    def test_have_at_least_one(self, make, n):
        with refused(f"expected the number of bytes to be at least 1, got {n}"):
            make(n)

    @pytest.mark.parametrize("n", [1.5, "8", None])
    def test_need_a_whole_number(self, make, n):
        with refused(f"expected the number of bytes to be an integer, at least 1, got {n!r}"):
            make(n)


class TestArray:
    def test_shows_its_item_and_shape(self):
        assert repr(jk.array(jk.f32, 4)) == "array(f32, 4)"
        assert repr(jk.array(jk.f32, (4,))) == "array(f32, 4)"
        assert repr(jk.array(jk.bits(3), [2, 3])) == "array(bits(3), (2, 3))"
        assert repr(jk.array(jk.array(Inner, 2), np.int32(3))) == "array(array(Inner, 2), 3)"

    @pytest.mark.parametrize(
        ("item", "shown"),
        [
            (int, "<class 'int'>"),
            (np.uint8, "<class 'numpy.uint8'>"),
            ("u8", "'u8'"),
            (None, "None"),
            (jk.pad(1), r"pad(1)"),
            (jk.Record, "<class 'jitkit.records._record.Record'>"),
        ],
    )
    def test_holds_field_types_only(self, item, shown):
        with refused(f"expected the array's items to be of a field type or a Record class, got {shown}"):
            jk.array(item, 3)

    @pytest.mark.parametrize("shape", [0, -1, (2, 0), [True]])
    def test_has_at_least_one_item_along_each_axis(self, shape):
        bad = shape[-1] if isinstance(shape, tuple | list) else shape
        with refused(f"expected the array length to be at least 1, got {bad}"):
            jk.array(jk.u8, shape)

    @pytest.mark.parametrize("shape", [3.0, None, "3", (2, 1.5), {3}])
    def test_needs_whole_numbers(self, shape):
        bad = shape[-1] if isinstance(shape, tuple) else shape
        with refused(f"expected the array length to be an integer, at least 1, got {bad!r}"):
            jk.array(jk.u8, shape)

    def test_needs_a_length(self):
        with refused("expected at least one array length, got ()"):
            jk.array(jk.u8, ())

    def test_places_the_whole_field_and_not_an_item(self):
        with refused("expected .at(4) on the array as a whole, got it on the type inside"):
            jk.array(jk.u16.at(4), 3)


class TestScaled:
    def test_without_arguments_gives_the_raw_number_as_float(self):
        class T(jk.Record, layout="packed"):
            x: float = jk.scaled(jk.u8)

        assert T.from_bytes(b"\7").x == 7.0
        assert isinstance(T.from_bytes(b"\7").x, float)

    def test_takes_its_arguments_by_position(self):
        class T(jk.Record, layout="packed"):
            x: float = jk.scaled(jk.u8, 0.5, -1.0, "V", (0.0, 2.0), np.float32)

        assert T.from_bytes(b"\7").x == 2.5
        assert "float32 = raw * 0.5 - 1 V, valid 0 to 2" in str(T)

    @pytest.mark.parametrize(
        ("base", "shown"),
        [
            (jk.boolean, "boolean"),
            (jk.bytes_(2), "bytes_(2)"),
            (jk.pad(1), "pad(1)"),
            (jk.array(jk.u8, 2), "array(u8, 2)"),
            (jk.scaled(jk.u8), "scaled(u8)"),
            (jk.enum_(jk.u8, {0: "x"}), "enum_(u8)"),
            (Inner, "<class 'Inner'>"),
            (int, "<class 'int'>"),
        ],
    )
    def test_scales_numbers_only(self, base, shown):
        with pytest.raises(jk.LayoutError) as caught:
            jk.scaled(base, 0.5)
        expected = "expected the base of a scaled field to be an integer, float or bits type, got "
        assert str(caught.value).startswith(expected)
        if base is not Inner:
            assert str(caught.value) == expected + shown

    @pytest.mark.parametrize("name", ["scale", "offset"])
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_is_finite(self, name, value):
        with refused(f"expected {name} to be finite, got {value!r}"):
            jk.scaled(jk.u8, **{name: value})

    @pytest.mark.parametrize("name", ["scale", "offset"])
    @pytest.mark.parametrize("value", [None, "much", "0.01", 1j, [1.0]])
    def test_needs_numbers(self, name, value):
        with refused(f"expected {name} to be a number, got {value!r}"):
            jk.scaled(jk.u8, **{name: value})

    @pytest.mark.parametrize("name", ["scale", "offset"])
    def test_needs_numbers_that_a_float_can_hold(self, name):
        with pytest.raises(jk.LayoutError, match=f"^expected {name} to be "):
            jk.scaled(jk.u8, **{name: 10**400})

    @pytest.mark.parametrize("scale", [0, 0.0, -0.0])
    def test_refuses_a_scale_of_zero(self, scale):
        with refused("expected a scale other than 0: every value would be the offset"):
            jk.scaled(jk.u8, scale)

    @pytest.mark.parametrize("dtype", ["f4", "float64", float, np.dtype(np.float32)])
    def test_takes_what_numpy_takes_for_a_float_dtype(self, dtype):
        class T(jk.Record, layout="packed"):
            x: float = jk.scaled(jk.u8, dtype=dtype)

        assert str(T).endswith(np.dtype(dtype).name)

    @pytest.mark.parametrize("dtype", ["f2", int, ">f8", "O", "volts", None])
    def test_gives_float64_or_float32(self, dtype):
        with refused(f"expected the dtype of a scaled field to be float64 or float32, got {dtype!r}"):
            jk.scaled(jk.u8, dtype=dtype)

    @pytest.mark.parametrize("unit", [5, b"V", ["V"]])
    def test_needs_a_unit_that_is_text(self, unit):
        with refused(f"expected the unit to be a string, got {unit!r}"):
            jk.scaled(jk.u8, unit=unit)

    @pytest.mark.parametrize("valid", [(3, 2), (1, 2, 3), (1,), 5, "", "ab", ("a", "b"), (math.nan, 1), (1j, 2)])
    def test_needs_a_range_of_two_ordered_numbers(self, valid):
        with pytest.raises(jk.LayoutError) as caught:
            jk.scaled(jk.u8, valid=valid)
        assert str(caught.value) == f"expected a range (low, high) of numbers with low <= high, got {valid!r}"

    def test_refuses_a_range_in_raw_numbers(self):
        """It would be mistaken for one in units."""
        with refused("expected the valid range of a scaled field in its units, as valid=(low, high), got .within()"):
            jk.scaled(jk.u8.within(0, 200), scale=0.01)

    def test_places_the_whole_field_and_not_its_base(self):
        with refused("expected .at(4) on the scaled field as a whole, got it on the type inside"):
            jk.scaled(jk.u16.at(4), 0.5)


class TestEnum:
    @pytest.mark.parametrize("base", [jk.u8, jk.i64, jk.u16.big, jk.bits(1), jk.bits(2, signed=True)])
    def test_is_of_any_integer(self, base):
        assert repr(jk.enum_(base, {0: "idle"})) == f"enum_({base!r})"

    def test_takes_an_int_enum_for_its_labels(self):
        class T(jk.Record, layout="packed"):
            mode: int = jk.enum_(jk.u8, Mode)

        assert T(mode=Mode.ARMED).mode == 1
        with pytest.raises(jk.DecodeError, match=r"^expected 0 \(IDLE\) or 1 \(ARMED\), got 2"):
            T.from_bytes(b"\2")

    def test_keeps_its_labels_when_the_mapping_changes(self):
        labels = {0: "idle", 1: "armed"}
        kind = jk.enum_(jk.u8, labels)
        del labels[1]

        class T(jk.Record, layout="packed"):
            mode: int = kind

        assert T.from_bytes(b"\1").mode == 1

    @pytest.mark.parametrize(
        "base", [jk.f32, jk.boolean, jk.pad(1), jk.bytes_(1), jk.array(jk.u8, 2), jk.scaled(jk.u8), int]
    )
    def test_is_of_integers_only(self, base):
        with refused(f"expected the base of an enumeration to be an integer or bits type, got {base!r}"):
            jk.enum_(base, {0: "idle"})

    @pytest.mark.parametrize("labels", [{}, [], ["idle"], None, "idle", enum.Enum, enum.IntEnum("Empty", [])])
    def test_needs_labels(self, labels):
        with pytest.raises(jk.LayoutError) as caught:
            jk.enum_(jk.u8, labels)
        assert str(caught.value).startswith("expected a mapping of values to texts, such as {0: 'idle'}, got ")

    @pytest.mark.parametrize(
        ("value", "text"), [("0", "idle"), (0.0, "idle"), (True, "idle"), (None, "idle"), (0, None), (0, 1), (0, b"x")]
    )
    def test_maps_integers_to_texts(self, value, text):
        with refused(f"expected a mapping of int to str, got {value!r}: {text!r}"):
            jk.enum_(jk.u8, {value: text})

    @pytest.mark.parametrize(
        ("base", "value", "limits"),
        [
            (jk.u8, 256, "0..255 (u8)"),
            (jk.u8, -1, "0..255 (u8)"),
            (jk.i8, 128, "-128..127 (i8)"),
            (jk.u64, 2**64, "0..18446744073709551615 (u64)"),
            (jk.bits(3), 8, "0..7 (bits(3))"),
            (jk.bits(3, signed=True), 4, "-4..3 (bits(3, signed=True))"),
            (jk.bits(1, signed=True), 1, "-1..0 (bits(1, signed=True))"),
        ],
    )
    def test_has_values_that_fit(self, base, value, limits):
        with refused(f"expected enumeration values in {limits}, got {value} ('much')"):
            jk.enum_(base, {0: "idle", value: "much"})

    def test_places_the_whole_field_and_not_its_base(self):
        with refused("expected .at(4) on the enumeration as a whole, got it on the type inside"):
            jk.enum_(jk.u8.at(4), {0: "idle"})
