"""`Record.dtype` is NumPy's own dtype of the same layout."""

import numpy as np
import pytest

import jitkit as jk

NAMES = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f16", "f32", "f64", "boolean"]
NUMPY = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "?"]


class Telemetry(jk.Record, layout="c", byteorder="little"):
    timestamp: jk.u64
    accel_x: jk.f32
    accel_y: jk.f32
    accel_z: jk.f32
    status: jk.u8
    _pad: None = jk.pad(3)


class Inner(jk.Record, layout="packed", byteorder="big"):
    status: jk.u8
    level: float = jk.scaled(jk.i16, scale=0.5)


class Packed(jk.Record, layout="packed", byteorder="big"):
    counter: jk.u16
    rate: int = jk.i16.little
    quaternion: np.ndarray = jk.array(jk.f32, 4)
    matrix: np.ndarray = jk.array(jk.f64, (2, 3))
    mode: int = jk.enum_(jk.u8, {0: "idle"})
    name: bytes = jk.bytes_(16)
    names: np.ndarray = jk.array(jk.bytes_(3), 2)
    ready: jk.boolean
    inner: Inner
    inners: list = jk.array(Inner, (2, 2))


INNER = np.dtype([("status", "u1"), ("level", ">i2")])
PACKED = np.dtype([
    ("counter", ">u2"), ("rate", "<i2"), ("quaternion", ">f4", (4,)), ("matrix", ">f8", (2, 3)), ("mode", "u1"),
    ("name", "S16"), ("names", "S3", (2,)), ("ready", "?"), ("inner", INNER), ("inners", INNER, (2, 2)),
])  # fmt: skip


def test_of_a_c_layout_is_numpys_aligned_one():
    class T(jk.Record, allow_padding=True):
        a: jk.u8
        b: jk.u64
        c: jk.f16
        d: np.ndarray = jk.array(jk.f32, 3)
        e: jk.boolean

    assert T.dtype == np.dtype([("a", "u1"), ("b", "<u8"), ("c", "<f2"), ("d", "<f4", 3), ("e", "?")], align=True)


def test_of_a_packed_layout_is_numpys_plain_one():
    assert Packed.dtype == PACKED


@pytest.mark.parametrize(("byteorder", "sign"), [("little", "<"), ("big", ">")])
def test_has_the_byte_order_of_the_record(byteorder, sign):
    class T(jk.Record, layout="packed", byteorder=byteorder):
        u8: jk.u8
        u16: jk.u16
        u32: jk.u32
        u64: jk.u64
        i8: jk.i8
        i16: jk.i16
        i32: jk.i32
        i64: jk.i64
        f16: jk.f16
        f32: jk.f32
        f64: jk.f64
        boolean: jk.boolean

    assert T.dtype == np.dtype([(name, sign + code) for name, code in zip(NAMES, NUMPY, strict=True)])


def test_leaves_pads_out_but_keeps_their_room():
    names = ["timestamp", "accel_x", "accel_y", "accel_z", "status"]
    assert Telemetry.dtype.names == tuple(names)
    assert Telemetry.dtype.itemsize == Telemetry.itemsize == 24
    assert Telemetry.dtype == np.dtype({
        "names": names, "formats": ["<u8", "<f4", "<f4", "<f4", "u1"], "offsets": [0, 8, 12, 16, 20], "itemsize": 24
    })  # fmt: skip


def test_keeps_the_order_of_the_fields_wherever_they_lie():
    class T(jk.Record, layout="packed"):
        b: int = jk.u8.at(4)
        a: int = jk.u32.at(0)

    assert T.dtype == np.dtype({"names": ["b", "a"], "formats": ["u1", "<u4"], "offsets": [4, 0], "itemsize": 5})


def test_has_the_raw_values_of_scaled_and_enumerated_fields():
    class T(jk.Record, layout="packed"):
        temperature: float = jk.scaled(jk.i16, 0.01, dtype=np.float32)
        mode: int = jk.enum_(jk.u32.big, {0: "idle"})

    assert T.dtype == np.dtype([("temperature", "<i2"), ("mode", ">u4")])


def test_of_nothing_but_pads_has_no_fields():
    class T(jk.Record):
        _pad: None = jk.pad(3)

    assert T.dtype.names in (None, ())
    assert T.dtype.itemsize == 3


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (jk.bits(8), "bits(8)"),
        (jk.bits(16, signed=True), "bits(16, signed=True)"),
        (jk.scaled(jk.bits(8), 0.5), "scaled(bits(8))"),
        (jk.enum_(jk.bits(8), {0: "x"}), "enum_(bits(8))"),
        (jk.array(jk.bits(4), 2), "array(bits(4), 2)"),
    ],
)
def test_numpy_has_none_for_bit_fields(kind, shown):
    class T(jk.Record, layout="packed"):
        a: jk.u8
        x: int = kind

    with pytest.raises(jk.LayoutError) as caught:
        _ = T.dtype
    assert str(caught.value) == (
        f"T.x: expected fields of whole bytes, got {shown}: NumPy has no dtype for bit fields; `T.columns` decodes them"
    )


def test_a_nested_bit_field_is_found_too():
    class Bits(jk.Record):
        flags: int = jk.bits(8)

    class T(jk.Record):
        inner: Bits

    with pytest.raises(jk.LayoutError, match=r"^Bits\.flags: expected fields of whole bytes, got bits\(8\)"):
        _ = T.dtype


def test_reads_what_a_record_writes():
    record = Packed(
        counter=0x1234, rate=-2, quaternion=[1, 2, 3, 4], matrix=[[1, 2, 3], [4, 5, 6]], mode=0, name=b"probe",
        names=[b"ab", b"c"], ready=True, inner=Inner(status=7, level=1.5),
        inners=[[Inner(status=4 * i + j, level=j) for j in range(2)] for i in range(2)],
    )  # fmt: skip
    (row,) = np.frombuffer(bytes(record), Packed.dtype)
    assert row["counter"] == 0x1234
    assert row["rate"] == -2
    assert row["quaternion"].tolist() == [1, 2, 3, 4]
    assert row["matrix"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert row["name"] == b"probe"
    assert row["names"].tolist() == [b"ab", b"c"]
    assert row["ready"]
    assert row["inner"].item() == (7, 3)
    assert row["inners"].tolist() == [[(0, 0), (1, 2)], [(4, 0), (5, 2)]]


def test_is_that_of_a_view():
    assert Telemetry.view(bytes(48)).dtype == Telemetry.dtype
