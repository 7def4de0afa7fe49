"""What field types can be asked for: another byte order, another place, a range of plausible values."""

import math

import numpy as np
import pytest

import jitkit as jk


class TestByteOrder:
    def test_a_field_has_the_byte_order_of_its_record(self):
        class Little(jk.Record, layout="packed"):
            x: jk.u16

        class Big(jk.Record, layout="packed", byteorder="big"):
            x: jk.u16

        assert bytes(Little(x=0x1234)) == b"\x34\x12"
        assert bytes(Big(x=0x1234)) == b"\x12\x34"

    def test_or_its_own(self):
        class T(jk.Record, layout="packed", byteorder="big"):
            big: jk.u16
            little: int = jk.u16.little
            both: int = jk.u16.little.big
            real: float = jk.f32.little

        record = T(big=0x1234, little=0x1234, both=0x1234, real=1.0)
        assert bytes(record) == b"\x12\x34\x34\x12\x12\x34\0\0\x80\x3f"
        assert T.from_bytes(bytes(record)) == record

    def test_the_type_itself_stays_as_it_is(self):
        assert jk.u16.big is not jk.u16
        assert jk.u16.big.little != jk.u16  # explicit is not the same as the record's

        class T(jk.Record, layout="packed"):
            x: jk.u16

        assert bytes(T(x=1)) == b"\1\0"

    @pytest.mark.parametrize(
        "kind",
        [
            jk.scaled(jk.u16.big, 1.0),
            jk.scaled(jk.u16, 1.0).big,
            jk.enum_(jk.u16.big, {1: "one"}),
            jk.enum_(jk.u16, {1: "one"}).big,
            jk.scaled(jk.u16.big, 1.0).little,
        ],
        ids=["scaled inside", "scaled outside", "enum inside", "enum outside", "the innermost wins"],
    )
    def test_may_stand_inside_or_outside(self, kind):
        class T(jk.Record, layout="packed"):
            x: int = kind

        assert bytes(T(x=1)) == b"\0\1"

    @pytest.mark.parametrize("kind", [jk.array(jk.u16.big, 2), jk.array(jk.u16, 2).big])
    def test_of_an_array_is_that_of_its_items(self, kind):
        class T(jk.Record, layout="packed"):
            x: np.ndarray = kind

        assert bytes(T(x=[1, 2])) == b"\0\1\0\2"

    def test_a_nested_record_keeps_its_own(self):
        class Inner(jk.Record, layout="packed", byteorder="little"):
            x: jk.u16

        class Outer(jk.Record, layout="packed", byteorder="big"):
            x: jk.u16
            inner: Inner

        assert bytes(Outer(x=1, inner=Inner(x=1))) == b"\0\1\1\0"

    def test_an_array_of_records_refuses_one_that_it_could_not_give_them(self):
        class Inner(jk.Record, layout="packed", byteorder="little"):
            x: jk.u16

        with pytest.raises(jk.LayoutError, match="Inner"):

            class Outer(jk.Record, layout="packed"):
                inner: list = jk.array(Inner, 2).big


class TestAt:
    @pytest.mark.parametrize("offset", [-1, True])
    def test_is_not_negative(self, offset):
        with pytest.raises(jk.LayoutError, match=f"^expected the offset to be at least 0, got {offset}$"):
            jk.u8.at(offset)

    @pytest.mark.parametrize("offset", [0.0, "0", None])
    def test_is_a_whole_number(self, offset):
        with pytest.raises(jk.LayoutError, match=f"^expected the offset to be an integer, at least 0, got {offset!r}$"):
            jk.u8.at(offset)

    def test_leaves_the_type_as_it_is(self):
        assert jk.u8.at(4) != jk.u8
        assert jk.u16.at(4).big == jk.u16.big.at(4)


class TestWithin:
    def mask(self, kind, data):
        class T(jk.Record, layout="packed"):
            x: float = kind

        columns = T.columns(data)
        return columns["x"].tolist(), columns.valid("x").tolist()

    @pytest.mark.kernel
    def test_masks_what_is_outside_a_closed_range(self):
        values, mask = self.mask(jk.u8.within(2, 4), bytes(range(6)))
        assert values == [0, 1, 2, 3, 4, 5]
        assert mask == [False, False, True, True, True, False]

    @pytest.mark.kernel
    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (None, 1, "TTFF"),
            (2, 2, "FFTF"),
            (1, None, "FTTT"),
            (None, None, "TTTT"),
            (0.5, 2.5, "FTTF"),
            (-math.inf, math.inf, "TTTT"),
        ],
    )
    def test_may_be_open_and_fractional(self, low, high, expected):
        assert self.mask(jk.u8.within(low, high), bytes(range(4)))[1] == [letter == "T" for letter in expected]

    @pytest.mark.kernel
    def test_holds_for_fields_in_their_units(self):
        values, mask = self.mask(jk.scaled(jk.u8, 0.5, valid=(0.5, 1.0)), bytes(range(4)))
        assert values == [0.0, 0.5, 1.0, 1.5]
        assert mask == [False, True, True, False]

    @pytest.mark.kernel
    def test_holds_for_the_items_of_an_array_and_for_bits(self):
        assert self.mask(jk.array(jk.u8.within(1, 2), 2), b"\0\1\2\3")[1] == [[False, True], [True, False]]
        assert self.mask(jk.array(jk.bits(4).within(1, 2), 2), b"\x20\x31") == (
            [[0, 2], [1, 3]], [[False, True], [True, False]]
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("low", "high"), [(2, 1), (math.nan, 1), (0, math.nan), ("a", "b"), (1j, 2), (np.array([1, 2]), 2)]
    )
    def test_needs_ordered_numbers(self, low, high):
        with pytest.raises(jk.LayoutError) as caught:
            jk.u8.within(low, high)
        assert str(caught.value) == f"expected a range (low, high) of numbers with low <= high, got {(low, high)!r}"

    @pytest.mark.parametrize(
        ("kind", "limits", "shown"),
        [
            (jk.u8.within(300, 400), "u8 can reach (0..255)", "(300, 400)"),
            (jk.u8.within(-5, -1), "u8 can reach (0..255)", "(-5, -1)"),
            (jk.i8.within(0.2, 0.8), "i8 can reach (-128..127)", "(0.2, 0.8)"),
            (jk.u16.within(1 << 16, None), "u16 can reach (0..65535)", "(65536, inf)"),
        ],
    )
    def test_can_be_reached_by_an_integer(self, kind, limits, shown):
        with pytest.raises(jk.LayoutError) as caught:

            class T(jk.Record, layout="packed"):
                x: int = kind

        assert str(caught.value) == f"T.x: expected a valid range that {limits}, got {shown}"

    def test_is_refused_where_it_would_mean_nothing(self):
        message = r"^expected a number for \.within\(\), got a boolean, which is checked as it is$"
        with pytest.raises(jk.LayoutError, match=message):
            jk.boolean.within(1, 1)
