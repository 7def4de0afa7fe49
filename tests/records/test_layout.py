"""Where fields lie, and every layout that is refused: with its message. `test_layout_against_c` asks a compiler."""

import re
import types

import pytest

import jitkit as jk


def make_record(fields, **options):
    """A record class `T` of fields that a test makes up."""
    return types.new_class("T", (jk.Record,), options, lambda body: body.update(__annotations__=fields))


def offsets(record):
    """Offset of each field, in bytes or, of bit fields, as text in bytes and bits."""
    return {
        field.name: f"{field.start // 8}.{field.start % 8}" if repr(field.type)[:4] == "bits" else field.start // 8
        for field in record._layout.fields
    }


@pytest.fixture
def refused():
    """The LayoutError's message that a record class `T` of some fields gives."""

    def refused(fields, **options):
        with pytest.raises(jk.LayoutError) as caught:
            make_record(fields, **options)
        return str(caught.value)

    return refused


class TestC:
    def test_aligns_each_field_to_its_size_and_the_record_to_its_widest(self):
        record = make_record({"a": jk.u8, "b": jk.u32, "c": jk.u8, "d": jk.u64, "e": jk.u16}, allow_padding=True)
        assert offsets(record) == {"a": 0, "b": 4, "c": 8, "d": 16, "e": 24}
        assert record.itemsize == 32

    def test_is_the_default(self):
        assert make_record({"a": jk.u8, "_pad": jk.pad(3), "b": jk.u32}).itemsize == 8

    def test_aligns_an_array_like_its_items_and_a_record_like_its_fields(self):
        inner = make_record({"a": jk.u8, "b": jk.u16}, allow_padding=True)
        record = make_record({"a": jk.u8, "b": jk.array(inner, 2), "c": jk.array(jk.u8, 3)}, allow_padding=True)
        assert offsets(record) == {"a": 0, "b": 2, "c": 10}
        assert record.itemsize == 14

    def test_gives_scaled_and_enumerated_fields_the_place_of_their_base(self):
        fields = {"a": jk.u8, "b": jk.scaled(jk.i16, 0.5), "c": jk.enum_(jk.u32, {0: "x"})}
        assert offsets(make_record(fields, allow_padding=True)) == {"a": 0, "b": 2, "c": 4}

    def test_aligns_neither_bytes_nor_packed_records_nor_pads(self):
        packed = make_record({"a": jk.u64}, layout="packed")
        record = make_record({"a": jk.u8, "b": packed, "c": jk.bytes_(8), "d": jk.pad(8)})
        assert offsets(record) == {"a": 0, "b": 1, "c": 9, "d": 17}
        assert record.itemsize == 25

    def test_accepts_the_offset_that_a_compiler_gives(self):
        record = make_record({"a": jk.u8, "b": jk.u32.at(4)}, allow_padding=True)
        assert offsets(record) == {"a": 0, "b": 4}

    @pytest.mark.parametrize("offset", [3, 5, 8])
    def test_refuses_any_other(self, refused, offset):
        assert refused({"a": jk.u8, "b": jk.u32.at(offset)}, allow_padding=True) == (
            f"T.b: expected offset 4, where a C compiler puts it, got .at({offset}); "
            "use layout='packed' for free offsets"
        )

    def test_bits_within_bytes_are_a_char_s(self):
        record = make_record({"x": jk.u8, "a": jk.bits(3), "b": jk.bits(5), "c": jk.bits(8)})
        assert offsets(record) == {"x": 0, "a": "1.0", "b": "1.3", "c": "2.0"}
        assert record.itemsize == 3

    def test_arrays_of_bits_within_bytes_are_too(self):
        inner = make_record({"a": jk.array(jk.bits(4), 4)})
        assert offsets(make_record({"x": jk.u8, "inner": inner})) == {"x": 0, "inner": 1}

    @pytest.mark.parametrize("unit", [16, 32, 64])
    def test_bits_across_bytes_are_a_wider_integer_s_and_align_like_it(self, unit):
        fields = {"a": jk.bits(3), "b": jk.bits(unit - 3), "c": jk.u8}
        record = make_record(fields, allow_padding=True)
        assert record.itemsize == 2 * unit // 8
        outer = make_record({"x": jk.u8, "y": record}, allow_padding=True)
        assert offsets(outer)["y"] == unit // 8

    @pytest.mark.parametrize(
        ("fields", "name", "bits", "offset"),
        [
            ({"a": jk.bits(12), "_pad": jk.bits(12)}, "a", 24, 0),
            ({"x": jk.u8, "a": jk.bits(12), "b": jk.bits(4)}, "a", 16, 1),
            ({"x": jk.u16, "a": jk.bits(4), "b": jk.bits(28), "y": jk.u8}, "a", 32, 2),
            ({"a": jk.bits(64), "b": jk.bits(64)}, "a", 128, 0),
            ({"a": jk.array(jk.bits(12), 2)}, "a", 24, 0),
        ],
    )
    def test_bits_across_bytes_that_are_no_c_integer_are_refused(self, refused, fields, name, bits, offset):
        message = refused(fields)
        assert message.startswith(
            f"T.{name}: expected bit fields that cross a byte to fill 16, 32 or 64 bits at a multiple of their size, "
            f"as in one C integer, got {bits} bits at offset {offset}: "
        )
        assert message.endswith("or use layout='packed'")


class TestPacked:
    def test_puts_one_field_after_the_other(self):
        inner = make_record({"a": jk.u8, "b": jk.u16}, allow_padding=True)
        record = make_record({"a": jk.u8, "b": jk.u64, "c": inner, "d": jk.bytes_(3), "e": jk.f16}, layout="packed")
        assert offsets(record) == {"a": 0, "b": 1, "c": 9, "d": 13, "e": 16}
        assert record.itemsize == 18

    def test_counts_bits_on_across_bytes(self):
        fields = {"a": jk.bits(3), "b": jk.bits(12), "c": jk.bits(64, signed=True), "d": jk.bits(1), "e": jk.u8}
        record = make_record(fields, layout="packed")
        assert offsets(record) == {"a": "0.0", "b": "0.3", "c": "1.7", "d": "9.7", "e": 10}

    def test_fields_may_stand_at_an_offset_of_their_own_and_the_next_ones_follow(self):
        record = make_record({"b": jk.u8.at(4), "c": jk.u8, "a": jk.u32.at(0)}, layout="packed")
        assert offsets(record) == {"b": 4, "c": 5, "a": 0}
        assert bytes(record(a=0x04030201, b=5, c=6)) == bytes([1, 2, 3, 4, 5, 6])

    def test_bit_fields_arrays_and_pads_may_too(self):
        fields = {
            "d": jk.pad(2).at(3), "a": jk.bits(4).at(0), "b": jk.bits(4), "c": jk.array(jk.u8, 2).at(1),
        }  # fmt: skip
        record = make_record(fields, layout="packed")
        assert offsets(record) == {"d": 3, "a": "0.0", "b": "0.4", "c": 1}
        assert record.itemsize == 5

    @pytest.mark.parametrize("layout", ["c", "packed"])
    def test_big_endian_bits_start_at_the_most_significant(self, layout):
        fields = {"a": jk.bits(3), "b": jk.bits(5)}
        assert bytes(make_record(fields, layout=layout, byteorder="big")(a=1, b=2)) == bytes([0b001_00010])
        assert bytes(make_record(fields, layout=layout, byteorder="little")(a=1, b=2)) == bytes([0b00010_001])


class TestOverlap:
    @pytest.mark.parametrize(
        ("fields", "name", "before", "least", "offset"),
        [
            ({"a": jk.u32, "b": jk.u8.at(3)}, "b", "a", 4, 3),
            ({"a": jk.u8.at(2), "b": jk.u32.at(0)}, "a", "b", 4, 2),
            ({"a": jk.u8.at(2), "b": jk.u16.at(0), "c": jk.u8}, "c", "a", 3, 2),
            ({"a": jk.u8, "b": jk.u8.at(0)}, "b", "a", 1, 0),
            ({"a": jk.array(jk.u8, 3), "b": jk.pad(1).at(2)}, "b", "a", 3, 2),
            ({"a": jk.bits(4), "b": jk.bits(4), "c": jk.u8, "d": jk.bits(8).at(0)}, "d", "a", 1, 0),
        ],
    )
    def test_is_refused(self, refused, fields, name, before, least, offset):
        assert refused(fields, layout="packed") == (
            f"T.{name}: expected an offset of at least {least}, where {before} ends, got {offset}: "
            "fields may not overlap"
        )

    def test_is_refused_even_where_padding_is_allowed(self, refused):
        assert "fields may not overlap" in refused({"a": jk.u32, "b": jk.u8.at(3)}, layout="packed", allow_padding=True)


START, END = "the start of the record", "the end of the record"


class TestImplicitPadding:
    @pytest.mark.parametrize(
        ("fields", "layout", "gap", "between", "name", "remedy"),
        [
            ({"a": jk.u8, "b": jk.u32}, "c", "3 bytes", (1, "a", "b"), "_pad", "None = jk.pad(3)"),
            ({"a": jk.u8, "b": jk.u16}, "c", "1 byte", (1, "a", "b"), "_pad", "None = jk.pad(1)"),
            ({"a": jk.u32, "b": jk.u8}, "c", "3 bytes", (5, "b", END), "_pad", "None = jk.pad(3)"),
            ({"a": jk.u8.at(2)}, "packed", "2 bytes", (0, START, "a"), "_pad", "None = jk.pad(2)"),
            ({"_pad": jk.u8, "b": jk.u16}, "c", "1 byte", (1, "_pad", "b"), "_pad2", "None = jk.pad(1)"),
            (
                {"_pad": jk.u8, "b": jk.u16, "_pad2": jk.u8},
                "c",
                "1 byte",
                (1, "_pad", "b"),
                "_pad3",
                "None = jk.pad(1)",
            ),
            ({"a": jk.bits(4), "b": jk.bits(8).at(1)}, "packed", "4 bits", (0, "a", "b"), "_pad", "int = jk.bits(4)"),
        ],
        ids=["between", "one byte", "at the end", "at the start", "a free name", "another free name", "bits"],
    )
    def test_is_refused_with_the_remedy(self, refused, fields, layout, gap, between, name, remedy):
        offset, before, after = between
        assert refused(fields, layout=layout) == (
            f"T: {gap} of implicit padding at offset {offset}, between {before} and {after}: "
            f"name it with `{name}: {remedy}`, or pass allow_padding=True"
        )

    @pytest.mark.parametrize(
        ("fields", "layout"),
        [
            ({"a": jk.u8, "b": jk.u32}, "c"),
            ({"a": jk.u8, "b": jk.u32, "c": jk.u8}, "c"),
            ({"a": jk.u8.at(2)}, "packed"),
            ({"a": jk.bits(3)}, "packed"),
            ({"a": jk.bits(3), "b": jk.u8}, "c"),
        ],
    )
    def test_is_accepted_when_allowed(self, fields, layout):
        record = make_record(fields, layout=layout, allow_padding=True)
        assert bytes(record(**dict.fromkeys(fields, 1))).count(0) == record.itemsize - len(fields)

    @pytest.mark.parametrize(
        ("fields", "layout"),
        [
            ({"a": jk.u8, "b": jk.u32, "c": jk.u8, "d": jk.u64, "e": jk.bits(5), "f": jk.i16}, "c"),
            ({"a": jk.u8.at(2), "b": jk.bits(3), "c": jk.u8, "d": jk.bits(4).at(9), "e": jk.bits(7)}, "packed"),
        ],
    )
    def test_goes_away_when_the_remedies_are_followed(self, fields, layout):
        """Each message is taken at its word, until there is none."""
        wanted = offsets(make_record(fields, layout=layout, allow_padding=True))
        names = list(fields)
        for _ in range(10):
            try:
                record = make_record({name: fields[name] for name in names}, layout=layout)
                break
            except jk.LayoutError as error:
                remedy = re.search(r"`(?P<name>\w+): (int|None) = jk\.(?P<what>pad|bits)\((?P<n>\d+)\)`", str(error))
                following = re.search(r"(and|expected) (?P<name>the end|\w+).*(name it|to start)", str(error))["name"]
                fields[remedy["name"]] = getattr(jk, remedy["what"])(int(remedy["n"]))
                names.insert(names.index(following) if following in names else len(names), remedy["name"])
        assert {name: place for name, place in offsets(record).items() if name in wanted} == wanted


class TestBits:
    @pytest.mark.parametrize("layout", ["c", "packed"])
    def test_fill_whole_bytes_before_another_field(self, refused, layout):
        assert refused({"a": jk.bits(3), "b": jk.u8}, layout=layout) == (
            "T: expected b (u8) to start at a whole byte, got bit 3 of byte 0, after a: "
            "name the gap with `_pad: int = jk.bits(5)`"
        )

    @pytest.mark.parametrize("layout", ["c", "packed"])
    def test_fill_whole_bytes_at_the_end(self, refused, layout):
        assert refused({"x": jk.u8, "a": jk.bits(7)}, layout=layout) == (
            "T: expected the end of the record to start at a whole byte, got bit 7 of byte 1, after a: "
            "name the gap with `_pad: int = jk.bits(1)`"
        )

    @pytest.mark.parametrize(("first", "second"), [("little", "big"), ("big", "little")])
    def test_of_one_byte_have_one_byte_order(self, refused, first, second):
        fields = {"a": getattr(jk.bits(4), first), "b": getattr(jk.bits(4), second)}
        assert refused(fields, layout="packed") == (
            f"T.b: expected {first}-endian bits like a in the same byte (offset 0), got {second}-endian: "
            "the byte order can change at a whole byte only"
        )

    def test_of_different_bytes_may_differ(self):
        fields = {"a": jk.bits(4), "b": jk.bits(12), "c": jk.bits(4).big, "d": jk.bits(12).big}
        record = make_record(fields, layout="packed")
        assert bytes(record(a=1, b=0x234, c=1, d=0x234)) == b"\x41\x23\x12\x34"

    def test_may_be_arrays(self):
        record = make_record({"a": jk.array(jk.bits(3), 5), "b": jk.bits(1)}, layout="packed", byteorder="big")
        assert record.itemsize == 2
        assert bytes(record(a=[1, 2, 3, 4, 5], b=1)) == bytes([0b001_010_01, 0b1_100_101_1])


class TestSize:
    def test_is_proven(self):
        assert make_record({"a": jk.u64, "b": jk.u8, "_pad": jk.pad(7)}, size=16).itemsize == 16

    def test_must_agree(self, refused):
        assert refused({"a": jk.u64, "b": jk.array(jk.u8, 3), "c": jk.bits(8)}, layout="packed", size=16) == (
            "T: expected size=16 bytes, got 12: a 8 B, b 3 B, c 1 B"
        )

    def test_has_the_limit_of_numpy(self, refused):
        largest = 2**31 - 1
        assert make_record({"a": jk.pad(largest - 1), "b": jk.u8}).dtype.itemsize == largest
        assert refused({"a": jk.pad(largest), "b": jk.u8}) == (
            f"T: expected at most {largest} bytes, as in NumPy, got {largest + 1}"
        )
