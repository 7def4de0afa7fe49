import struct

import numpy as np
import pytest
from operation_suite import DTYPES, WIDTHS, agree, check, make_rows
from refusals import assert_refused

from jitkit import simd

pytestmark = pytest.mark.kernel


def expressions(dtype, lanes):
    """What a type is converted to, and the names in it: `Tf4` has as many lanes, `Bf4` as many bytes."""
    types = {f"T{other}": simd.vector(other, lanes) for other in DTYPES}
    made = [f"simd.cast({name}, a)" for name in types] + ["simd.cast(Tf4, s + a)"]
    if dtype[0] != "f":
        made += ["simd.to_int(V, m)", *(f"simd.saturating_cast({name}, a)" for name in types if name[1] != "f")]
    if dtype[1] != "8":
        made += ["simd.widen(a)", "simd.widen_low(a)", "simd.widen_high(a)"]
    for other in DTYPES:
        same_bytes = lanes * int(dtype[1]) // int(other[1])
        if 1 <= same_bytes <= 64:
            types[f"B{other}"] = simd.vector(other, same_bytes)
            made.append(f"simd.bitcast(B{other}, a)")
    return made, types


def limits_of_integers():
    """Floats at the limits of all integers, and those that follow and precede them."""
    powers = 2.0 ** np.array([7, 8, 15, 16, 31, 32, 63, 64])
    near = np.concatenate([[power - 1, power - 0.5, power, power + 0.5] for power in powers])
    return np.concatenate([near, -near, np.nextafter(near, 0), np.nextafter(-near, -np.inf)])


@pytest.mark.parametrize("lanes", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_kernels_convert_as_the_emulation_does(dtype, lanes):
    rows = make_rows(dtype, lanes, 24)
    if dtype[0] == "f":
        rows["a"][12:] = np.resize(np.roll(limits_of_integers(), lanes), (12, lanes)).astype(dtype)
    made, types = expressions(dtype, lanes)
    check(dtype, lanes, made, rows, **types)


@pytest.mark.parametrize("target", [dtype for dtype in DTYPES if dtype[0] != "f"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_floats_become_the_nearest_integer_on_the_way_to_zero_that_there_is(dtype, target):
    with np.errstate(over="ignore"):
        numbers = np.concatenate([limits_of_integers(), [0.0, -0.0, 0.99, -0.99, 1e300, 1e-45]]).astype(dtype)
    limits = np.iinfo(target)
    for number in numbers:
        whole = int(number) if np.isfinite(number) else limits.max
        expected = min(max(whole, limits.min), limits.max)
        assert int(simd.cast(simd.vector(target, 1), simd.Vector([number]))[0]) == expected, number
    special = simd.Vector(np.array([np.nan, np.inf, -np.inf, np.nan], dtype))
    found = simd.cast(simd.vector(target, 4), special).to_array().tolist()
    assert found == [0, limits.max, limits.min, 0]


@pytest.mark.parametrize("numbers", [[2**24 + 1, 2**24 + 3], [2**53 + 1, 2**53 + 3], [2**63 - 1, 2**62 + 2**38 + 1]])
@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_integers_become_the_nearest_float(dtype, numbers):
    v = simd.Vector(np.array(numbers, dtype))
    double = simd.cast(simd.vector("f8", 2), v).to_array().tolist()
    assert double == [float(number) for number in numbers]  # Python rounds to nearest, ties to even
    single = simd.cast(simd.vector("f4", 2), v).to_array()
    for number, found in zip(numbers, single, strict=True):
        below, above = np.nextafter(found, np.float32(-np.inf)), np.nextafter(found, np.float32(np.inf))
        assert abs(int(found) - number) <= min(abs(int(below) - number), abs(int(above) - number))


def test_casts_between_integers_wrap_around_and_saturating_casts_do_not():
    v = simd.Vector(np.array([300, -300, 5, -5], np.int32))
    assert simd.cast(simd.vector("i1", 4), v).to_array().tolist() == [44, -44, 5, -5]
    assert simd.cast(simd.vector("u8", 4), v).to_array().tolist() == [300, 2**64 - 300, 5, 2**64 - 5]
    assert simd.saturating_cast(simd.vector("i1", 4), v).to_array().tolist() == [127, -128, 5, -5]
    assert simd.saturating_cast(simd.vector("u1", 4), v).to_array().tolist() == [255, 0, 5, 0]
    assert simd.saturating_cast(simd.vector("u8", 4), v).to_array().tolist() == [300, 0, 5, 0]
    most = simd.Vector(np.array([2**64 - 1, 2**63], np.uint64))
    assert simd.saturating_cast(simd.vector("i8", 2), most).to_array().tolist() == [2**63 - 1] * 2


def test_bitcasts_take_the_bytes_as_they_are_in_memory():
    v = simd.Vector(np.array([1.0, -2.0], np.float32))
    expected = struct.unpack("=2I", struct.pack("=2f", 1.0, -2.0))
    assert tuple(simd.bitcast(simd.vector("u4", 2), v)) == expected
    assert bytes(simd.bitcast(simd.vector("u1", 8), v).to_array()) == struct.pack("=2f", 1.0, -2.0)
    assert agree(simd.bitcast(simd.vector("f4", 2), simd.bitcast(simd.vector("i8", 1), v)), v)


def test_masks_become_all_bits():
    mask = simd.Mask([True, False])
    assert simd.to_int(simd.vector("i2", 2), mask).to_array().tolist() == [-1, 0]
    assert simd.to_int(simd.vector("u4", 2), mask).to_array().tolist() == [2**32 - 1, 0]


def test_halves_are_widened():
    v = simd.Vector(np.array([-1, 2, -3, 4], np.int8))
    assert agree(simd.widen(v), np.array([-1, 2, -3, 4], np.int16))
    assert agree(simd.widen_low(v), np.array([-1, 2], np.int16))
    assert agree(simd.widen_high(v), np.array([-3, 4], np.int16))
    assert agree(simd.widen_high(simd.Vector(np.array([1.5, 2.5], np.float32))), np.array([2.5]))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("simd.cast(i32x8, f)", "simd.cast: expected a vector of 8 lanes for i32x8, got f32x4"),
        ("simd.cast(f, i)", "simd.cast: expected a vector type (such as simd.f32x8) first, got f32x4"),
        ("simd.cast(i32x4, 3)", "simd.cast: expected vectors, got 3"),
        ("simd.cast(i32x4, m)", "simd.cast: expected a vector (simd.to_int takes a mask), got mask of 4 lanes"),
        ("simd.cast(f)", "simd.cast: missing a required argument: 'v'"),
        ("simd.saturating_cast(i16x8, i)", "simd.saturating_cast: expected a vector of 8 lanes for i16x8, got i32x4"),
        ("simd.saturating_cast(i32x4, f)", "simd.saturating_cast: {integers}, got the type i32x4 and f32x4"),
        ("simd.saturating_cast(f32x4, i)", "simd.saturating_cast: {integers}, got the type f32x4 and i32x4"),
        ("simd.bitcast(i32x8, f)", "simd.bitcast: expected a vector of 32 bytes for i32x8, got f32x4"),
        ("simd.bitcast(u8x4, m)", "simd.bitcast: expected a vector (simd.to_bits takes a mask), got mask of 4 lanes"),
        ("simd.bitcast(f64x2, 1.0)", "simd.bitcast: expected vectors, got f64"),
        ("simd.to_int(f32x4, m)", "simd.to_int: expected a type of integer vectors, got the type f32x4"),
        ("simd.to_int(i32x8, m)", "simd.to_int: expected a mask of 8 lanes, got mask of 4 lanes"),
        ("simd.to_int(i32x4, i)", "simd.to_int: expected a mask of 4 lanes, got i32x4"),
        ("simd.widen(d)", "simd.widen: expected lanes of 8 to 32 bits, got f64x4"),
        ("simd.widen_low(q)", "simd.widen_low: expected lanes of 8 to 32 bits, got i64x4"),
        ("simd.widen_high(one)", "simd.widen_high: expected two lanes or more, got i16x1"),
        ("simd.widen_low(m)", "simd.widen_low: expected vectors, got mask of 4 lanes"),
    ],
)
def test_what_is_refused(text, sentence):
    integers = "expected integer vectors (simd.cast converts floats, and saturates too)"
    assert_refused(text, sentence.format(integers=integers))
