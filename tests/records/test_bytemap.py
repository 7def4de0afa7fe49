"""What `print(Telemetry)` shows."""

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


TELEMETRY = """\
Telemetry: 24 bytes, C layout, little-endian

      +0      +1      +2      +3      +4      +5      +6      +7
   0  |timestamp                                                      |
   8  |accel_x                        |accel_y                        |
  16  |accel_z                        |status |_pad                   |

  offset  column     raw                becomes
  0       timestamp  u64 little-endian  uint64
  8       accel_x    f32 little-endian  float32
  12      accel_y    f32 little-endian  float32
  16      accel_z    f32 little-endian  float32
  20      status     u8                 uint8"""

HEADER = """\
Header: 63 bytes, packed layout, big-endian

      +0      +1      +2      +3      +4      +5      +6      +7
   0  |ve||apid       |rate           |quaternion                     |
   8  ................................................................|
  16  ................................|temperature    |mode   |name   |
  24  ................................................................|
  32  ........................................................|inner  |
  40  ................................................................|
  48  ................................................................|
  56  ........................................................|

  offset  column           raw                becomes
  0.0     version          3 bits             uint8
  0.3     type             1 bit              uint8
  0.4     apid             12 bits            uint16
  2       rate             i16 little-endian  int16
  4       quaternion       f32 big-endian     float32[4]
  20      temperature      i16 big-endian     float64 = raw * 0.01 - 40 degC,
                                              valid -40 to 125
  22      mode             u8                 uint8 of 2 labels
  23      name             16 bytes           S16
  39      inner.timestamp  u64 little-endian  uint64
  47      inner.accel_x    f32 little-endian  float32
  51      inner.accel_y    f32 little-endian  float32
  55      inner.accel_z    f32 little-endian  float32
  59      inner.status     u8                 uint8"""


def rows(record):
    """The list of columns: from column name to the words behind it."""
    lines = str(record).partition("becomes\n")[2].splitlines()
    return {name: words for _, name, *words in map(str.split, lines)}


@pytest.mark.parametrize(("record", "text"), [(Telemetry, TELEMETRY), (Header, HEADER)], ids=["c", "packed"])
def test_is_a_map_of_the_bytes_and_a_list_of_the_columns(record, text, capsys):
    print(record)
    assert capsys.readouterr().out == text + "\n"


def test_repr_stays_that_of_a_class():
    assert repr(Telemetry) == f"<class '{Telemetry.__module__}.Telemetry'>"


def test_the_base_class_has_no_map():
    assert str(jk.Record) == repr(jk.Record)


def test_a_small_record_is_as_wide_as_it_is_long():
    class T(jk.Record, layout="packed"):
        a: jk.u8
        b: jk.u16

    assert str(T) == (
        "T: 3 bytes, packed layout, little-endian\n\n"
        "      +0      +1      +2\n"
        "   0  |a      |b              |\n\n"
        "  offset  column  raw                becomes\n"
        "  0       a       u8                 uint8\n"
        "  1       b       u16 little-endian  uint16"
    )


def test_gaps_are_blank():
    class T(jk.Record, allow_padding=True):
        a: jk.u8
        b: jk.u32

    assert "   0  |a      " + " " * 24 + "|b                              |\n" in str(T)


def test_fields_stand_where_they_lie_and_columns_in_their_order():
    class T(jk.Record, layout="packed"):
        b: int = jk.u8.at(4)
        a: int = jk.u32.at(0)

    assert "\n   0  |a                              |b      |\n" in str(T)
    assert list(rows(T)) == ["b", "a"]


def test_every_bit_has_a_character():
    class T(jk.Record, layout="packed"):
        a: int = jk.bits(1)
        b: int = jk.bits(2)
        five_bits: int = jk.bits(5)
        long_signed: int = jk.bits(16, signed=True)

    assert "\n   0  ||b|five|long_signed    |\n" in str(T)
    assert rows(T)["long_signed"] == ["signed", "16", "bits", "int16"]


def test_says_what_a_column_becomes():
    class T(jk.Record, layout="packed"):
        plain: float = jk.scaled(jk.u8)
        factor: float = jk.scaled(jk.u8, 0.5, dtype=np.float32)
        shifted: float = jk.scaled(jk.u8, offset=3, unit="V")
        many: list = jk.array(jk.array(jk.bits(4), 2), 3)
        text: bytes = jk.bytes_(1)
        ready: jk.boolean
        half: jk.f16
        ranged: int = jk.u8.within(1, None)
        precise: int = jk.u64.within(0, 2**53 + 1)

    found = {name: " ".join(words) for name, words in rows(T).items()}
    assert found["plain"] == "u8 float64"
    assert found["factor"] == "u8 float32 = raw * 0.5"
    assert found["shifted"] == "u8 float64 + 3 V"
    assert found["many"] == "4 bits uint8[3, 2]"
    assert found["text"] == "1 byte S1"
    assert found["ready"] == "boolean bool"
    assert found["half"] == "f16 little-endian float16"
    assert found["ranged"] == "u8 uint8, valid 1 to 255"
    assert found["precise"].startswith("u64 little-endian uint64, valid 0 to 9")


def test_a_huge_record_shows_its_beginning():
    class Image(jk.Record, layout="packed"):
        width: jk.u16
        height: jk.u16
        pixels: np.ndarray = jk.array(jk.u8, 1_000_000)
        checksum: jk.u32

    lines = str(Image).splitlines()
    assert lines[0] == "Image: 1000008 bytes, packed layout, little-endian"
    assert lines[3] == "   0  |width          |height         |pixels                         |"
    assert lines[18] == " 120  ................................................................|"
    assert lines[19] == "      ... 999880 more bytes"
    assert list(rows(Image)) == ["width", "height", "pixels", "checksum"]
    assert lines[-1] == "  1000004  checksum  u32 little-endian  uint32"


def test_no_line_is_longer_than_80_characters():
    class A_record_with_a_name_that_is_longer_than_anybody_would_like_to_type_or_to_read_on_a_screen(jk.Record):
        a_field_with_a_name_of_which_the_same_can_be_said: float = jk.scaled(
            jk.i64, scale=0.0123456789, offset=-40.123456789, unit="furlong/fortnight", valid=(-1.0, 1.0)
        )
        matrix: np.ndarray = jk.array(jk.f64, (2,) * 20)

    for record in (A_record_with_a_name_that_is_longer_than_anybody_would_like_to_type_or_to_read_on_a_screen, Header):
        assert max(map(len, str(record).splitlines())) <= 80


def test_a_record_in_f_strings_is_its_map():
    assert f"{Telemetry}" == TELEMETRY
