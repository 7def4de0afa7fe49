import numpy as np
import pytest
from operation_suite import DTYPES, WIDTHS, check, make_rows
from refusals import assert_refused

from jitkit import simd

pytestmark = pytest.mark.kernel

ONE = ["count_ones", "leading_zeros", "trailing_zeros", "swap_bytes", "reverse_bits"]
TWO = ["rotl", "rotr", "saturating_add", "saturating_sub", "abs_diff", "average", "mul_high"]
INTEGERS = [dtype for dtype in DTYPES if dtype[0] != "f"]


def expressions(dtype):
    made = [f"simd.{name}(a)" for name in ONE] + [f"simd.{name}(a, b)" for name in TWO]
    made += ["simd.rotl(a, 3)", "simd.rotl(a, 300)", "simd.rotr(a, -5)", "simd.rotl(s, b)", "simd.saturating_sub(1, a)"]
    made += ["simd.leading_zeros(a - a)", "simd.trailing_zeros(a & 0)"]  # which the compiler computes
    return made if dtype[1] == "8" else [*made, "simd.mul_wide(a, b)", "simd.mul_wide(a, s)"]


@pytest.mark.parametrize("lanes", WIDTHS)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_kernels_compute_what_the_emulation_does(dtype, lanes):
    rows = make_rows(dtype, lanes)
    single = 1 << np.arange(lanes, dtype=np.uint64) % np.uint64(8 * int(dtype[1]))  # each bit alone
    rows["a"][2] = single.astype(dtype)
    rows["a"][3], rows["b"][3] = 0, 0
    check(dtype, lanes, expressions(dtype), rows)


def vector(dtype, *numbers):
    return simd.Vector(np.resize(np.array(numbers, dtype), 4))


@pytest.mark.parametrize(
    ("text", "dtype", "expected"),
    [
        ("count_ones(v('i1', 0, -1, 5, -128))", "u1", [0, 8, 2, 1]),
        ("leading_zeros(v('i2', 0, -1, 1, 255))", "u2", [16, 0, 15, 8]),
        ("leading_zeros(v('u8', 0, 1, 2**63, 2**32))", "u8", [64, 63, 0, 31]),
        ("trailing_zeros(v('i4', 0, -1, 8, -(2**31)))", "u4", [32, 0, 3, 31]),
        ("swap_bytes(v('u4', 0x01020304, 1, 0xFF, 0))", "u4", [0x04030201, 1 << 24, 0xFF000000, 0]),
        ("swap_bytes(v('i2', 1, 0x80))", "i2", [256, -32768, 256, -32768]),
        ("swap_bytes(v('u1', 1, 2, 3, 4))", "u1", [1, 2, 3, 4]),
        ("reverse_bits(v('u1', 1, 2, 0b10110000, 255))", "u1", [128, 64, 0b00001101, 255]),
        ("reverse_bits(v('i8', 1, 2, -1, 0))", "i8", [-(2**63), 2**62, -1, 0]),
        ("rotl(v('u1', 0b10000001, 1, 2, 3), 1)", "u1", [3, 2, 4, 6]),
        ("rotr(v('u1', 0b10000001, 1, 2, 3), 1)", "u1", [0b11000000, 128, 1, 129]),
        ("rotl(v('i4', 1), v('i4', 31, 32, 33, -1))", "i4", [-(2**31), 1, 2, -(2**31)]),
        ("saturating_add(v('i1', 100, -100, 1, 127), v('i1', 100, -100, 2, 1))", "i1", [127, -128, 3, 127]),
        (
            "saturating_add(v('u8', 2**64 - 1, 1, 2, 2**63), v('u8', 1, 1, 1, 2**63))",
            "u8",
            [2**64 - 1, 2, 3, 2**64 - 1],
        ),
        ("saturating_sub(v('u2', 1, 5, 0, 65535), 3)", "u2", [0, 2, 0, 65532]),
        ("saturating_sub(v('i8', -(2**63), 0), v('i8', 1, -(2**63)))", "i8", [-(2**63), 2**63 - 1] * 2),
        ("abs_diff(v('i1', -128, 127, 3, 3), v('i1', 127, -128, 3, 4))", "u1", [255, 255, 0, 1]),
        ("average(v('u1', 255, 254, 0, 1), v('u1', 255, 255, 1, 1))", "u1", [255, 255, 1, 1]),
        ("average(v('i1', -128, -3, -1, 127), v('i1', -128, 0, 0, 127))", "i1", [-128, -1, 0, 127]),
        ("mul_high(v('u8', 2**63, 2**64 - 1), v('u8', 4, 2**64 - 1))", "u8", [2, 2**64 - 2] * 2),
        ("mul_high(v('i2', -32768, 256, -1, 1), v('i2', -32768, 256, 1, 1))", "i2", [2**14, 1, -1, 0]),
        ("mul_wide(v('i1', -128, 100, 2, 3), v('i1', -128, -100, 2, 3))[0]", "i2", [16384, -10000]),
        ("mul_wide(v('u4', 1, 2, 2**32 - 1, 3), v('u4', 1, 2, 2**32 - 1, 3))[1]", "u8", [(2**32 - 1) ** 2, 9]),
    ],
)
def test_known_values(text, dtype, expected):
    found = eval(f"simd.{text}", {"simd": simd, "v": vector})
    assert found.dtype == np.dtype(dtype)
    assert found.to_array().tolist() == expected


@pytest.mark.parametrize("name", [*ONE, *TWO, "mul_wide"])
def test_floats_and_masks_have_no_bits(name):
    count = 1 if name in ONE else 2
    arguments, kinds = ", ".join(["f"] * count), " and ".join(["f32x4"] * count)
    assert_refused(f"simd.{name}({arguments})", f"simd.{name}: expected integer vectors, got {kinds}")
    mixed = " and ".join(["mask of 4 lanes", *["i32x4"] * (count - 1)])
    assert_refused(f"simd.{name}(m{', i' * (count - 1)})", f"simd.{name}: expected integer vectors, got {mixed}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("simd.rotl(i, 1.5)", "simd.rotl: expected an integer beside lanes of int32, got i32x4 and f64"),
        ("simd.saturating_add(i, u)", "simd.saturating_add: {one_type}, got i32x4 and u32x4"),
        ("simd.average(i, q)", "simd.average: {one_type}, got i32x4 and i64x4"),
        ("simd.mul_wide(q, q)", "simd.mul_wide: expected two or more lanes of 8 to 32 bits, got i64x4 and i64x4"),
        ("simd.mul_wide(one, one)", "simd.mul_wide: expected two or more lanes of 8 to 32 bits, got i16x1 and i16x1"),
        ("simd.mul_high(i)", "simd.mul_high: missing a required argument: 'b'"),
    ],
)
def test_what_is_refused(text, sentence):
    assert_refused(text, sentence.format(one_type="expected vectors of one type (simd.cast converts)"))
