import numpy as np
import pytest
from numba.core.errors import TypingError
from operation_suite import DTYPES, WIDTHS, check, make_rows, numbers

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel

VECTORS = ["simd.swizzle(a, P)", "simd.swizzle2(a, b, Q)", "simd.swizzle(a, FEW)", "simd.swizzle2(a, b, FEW)",
           "simd.reverse(a)", "simd.rotate_elements_left(a, 1)", "simd.rotate_elements_right(a, 3)",
           "simd.rotate_elements_left(a, 70)", "simd.rotate_elements_right(a, -1)", "simd.shift_elements_left(a, 1)",
           "simd.shift_elements_right(a, 1, s)", "simd.shift_elements_left(a, 7, 1)",
           "simd.shift_elements_right(a, 65)", "simd.interleave(a, b)", "simd.deinterleave(a, b)", "simd.low_half(a)",
           "simd.high_half(a)", "simd.resize(a, 2)", "simd.table_lookup(a, c)",
           "simd.table_lookup(simd.low_half(a), simd.low_half(c))"]  # fmt: skip
MASKS = ["simd.swizzle(m, P)", "simd.swizzle2(m, k, Q)", "simd.reverse(m)", "simd.interleave(m, k)",
         "simd.deinterleave(m, k)", "simd.low_half(m)", "simd.high_half(m)", "simd.rotate_elements_left(m, 3)",
         "simd.shift_elements_right(m, 1)", "simd.shift_elements_left(m, 1, True)",
         "simd.resize(m, 64, True)", "simd.resize(a, 64)"]  # fmt: skip
COMPRESSED = ["simd.compress(a, m)", "simd.expand(a, k)", "simd.expand(simd.compress(a, k), k)"]


def expressions(dtype, lanes):
    found = VECTORS + COMPRESSED
    if dtype == "u1":  # what becomes of masks has nothing to do with vectors
        found += MASKS + (["simd.concat(m, k)"] if lanes <= 32 else [])
    if lanes <= 32:
        found += ["simd.concat(a, b)", "simd.swizzle(a, MANY)", f"simd.resize(a, {2 * lanes}, s)"]
    if lanes in (2, 4, 8, 16):
        rows = [f"simd.rotate_elements_left({'abb'[i % 3]}, {i})" for i in range(lanes)]
        found.append(f"simd.transpose({', '.join(rows)})")
    return found


def patterns(lanes):
    random = np.random.default_rng(lanes)
    counts = {"P": (lanes, lanes), "Q": (2 * lanes, lanes), "FEW": (lanes, max(1, lanes // 2))}
    counts["MANY"] = (lanes, min(64, 2 * lanes))
    return {name: simd.pattern(*random.integers(0, below, count)) for name, (below, count) in counts.items()}


def indices(dtype, shape):
    """Numbers of lanes, some just outside, and in the last row anything at all."""
    random = np.random.default_rng(3)
    found = random.integers(-2 if dtype[0] == "i" else 0, shape[1] + 2, shape).astype(dtype)
    found[-1] = numbers(dtype, shape[1])
    return found


@pytest.mark.parametrize("lanes", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_kernels_move_lanes_as_the_emulation_does(dtype, lanes):
    rows = make_rows(dtype, lanes)
    rows["c"] = indices(("u" if dtype[0] in "uf" else "i") + dtype[1], rows["c"].shape)
    check(dtype, lanes, expressions(dtype, lanes), rows, **patterns(lanes))


def test_one_lane_is_a_vector_too():
    one = ["simd.reverse(a)", "simd.interleave(a, b)", "simd.concat(a, b)", "simd.table_lookup(a, c)",
           "simd.shift_elements_left(a, 1, s)", *COMPRESSED]  # fmt: skip
    rows = make_rows("u1", 1)
    rows["c"] = indices("i1", rows["c"].shape)
    check("u1", 1, one, rows)


A, B = simd.Vector(np.array([0, 1, 2, 3], "i2")), simd.Vector(np.array([10, 11, 12, 13], "i2"))
C, D = simd.Vector(np.array([20, 21, 22, 23], "i2")), simd.Vector(np.array([30, 31, 32, 33], "i2"))
M = simd.Mask([False, True, False, True])
NEAR = simd.Vector(np.array([3, -1, 0, 4], "i2"))
EXAMPLES = {
    "simd.swizzle(A, simd.pattern(3, 3, 0, 1))": [3, 3, 0, 1],
    "simd.swizzle(A, simd.pattern(2))": [2],
    "simd.swizzle2(A, B, simd.pattern(0, 4, 3, 7))": [0, 10, 3, 13],
    "simd.reverse(A)": [3, 2, 1, 0],
    "simd.rotate_elements_left(A, 1)": [1, 2, 3, 0],
    "simd.rotate_elements_right(A, 5)": [3, 0, 1, 2],
    "simd.shift_elements_left(A, 1)": [1, 2, 3, 0],
    "simd.shift_elements_left(A, 3, fill=9)": [3, 9, 9, 9],
    "simd.shift_elements_right(A, 1, 9)": [9, 0, 1, 2],
    "simd.shift_elements_right(A, 9, 9)": [9, 9, 9, 9],
    "simd.interleave(A, B)": [[0, 10, 1, 11], [2, 12, 3, 13]],
    "simd.deinterleave(A, B)": [[0, 2, 10, 12], [1, 3, 11, 13]],
    "simd.concat(A, B)": [0, 1, 2, 3, 10, 11, 12, 13],
    "simd.low_half(A)": [0, 1],
    "simd.high_half(A)": [2, 3],
    "simd.resize(A, 8, 9)": [0, 1, 2, 3, 9, 9, 9, 9],
    "simd.resize(A, 2)": [0, 1],
    "simd.transpose(A, B, C, D)": [[0, 10, 20, 30], [1, 11, 21, 31], [2, 12, 22, 32], [3, 13, 23, 33]],
    "simd.table_lookup(B, NEAR)": [13, 0, 10, 0],
    "simd.compress(A, M)": [1, 3, 0, 0],
    "simd.expand(B, M)": [0, 10, 0, 11],
    "simd.reverse(M)": [True, False, True, False],
    "simd.shift_elements_right(M, 1, True)": [True, False, True, False],
}


@pytest.mark.parametrize(("text", "expected"), EXAMPLES.items())
def test_examples(text, expected):
    found = eval(text)
    lanes = [part.to_array().tolist() for part in found] if isinstance(found, tuple) else found.to_array().tolist()
    assert lanes == expected


BAD = simd.pattern(0, 8)
W = simd.Vector(np.zeros(4, "f4"))
WIDE = simd.Vector(np.zeros(64, "u1"))
ERRORS = {
    "simd.swizzle(A, BAD)": "simd.swizzle: expected indices of lanes from 0 to 3, those of i16x4, got pattern(0, 8)",
    "simd.swizzle2(A, B, BAD)": "simd.swizzle2: expected indices of lanes from 0 to 7, those of i16x4 and i16x4, got",
    "simd.swizzle(M, BAD)": "expected indices of lanes from 0 to 3, those of mask of 4 lanes, got pattern(0, 8)",
    "simd.swizzle(A, 3)": "simd.swizzle: expected a pattern (simd.pattern, made outside the kernel), got 3",
    "simd.swizzle(3, BAD)": "simd.swizzle: expected a vector or a mask, got 3",
    "simd.interleave(A, W)": "expected vectors of one type, or masks of as many lanes, got i16x4 and f32x4",
    "simd.interleave(A, M)": "expected vectors of one type, or masks of as many lanes, got i16x4 and mask of 4 lanes",
    "simd.concat(WIDE, WIDE)": "simd.concat: expected a result of 1 to 64 lanes, a power of two, not 128, got u8x64",
    "simd.low_half(simd.swizzle(A, ONE))": "simd.low_half: expected a result of 1 to 64 lanes, a power of two, not 0",
    "simd.resize(A, 3)": "simd.resize: expected a result of 1 to 64 lanes, a power of two, not 3, got i16x4",
    "simd.rotate_elements_left(A, 1.0)": "expected a number that is known when the kernel is compiled, got f64",
    "simd.rotate_elements_left(A, A[0])": "expected a number that is known when the kernel is compiled, got i16",
    "simd.shift_elements_left(A, -1)": "simd.shift_elements_left: expected 0 places or more, got -1",
    "simd.shift_elements_left(A, 1, 0.5)": "expected a number that lanes of int16 can have, got f64",
    "simd.shift_elements_left(M, 1, 1)": "simd.shift_elements_left: expected a bool to fill lanes of a mask, got 1",
    "simd.transpose(A, B)": "simd.transpose: expected as many vectors as one has lanes: 2, 4, 8, 16, got i16x4 and",
    "simd.transpose(A, B, C, W)": "simd.transpose: expected vectors of one type",
    "simd.table_lookup(A, WIDE)": "expected a table and 4 indices of 16 bits, got i16x4 and u8x64",
    "simd.table_lookup(A, W)": "simd.table_lookup: expected integer vectors, got f32x4",
    "simd.compress(A, simd.reverse(A))": "simd.compress: expected a mask of 4 lanes, got i16x4",
    "simd.expand(WIDE, M)": "simd.expand: expected a mask of 64 lanes, got mask of 4 lanes",
    "simd.reverse(A, B)": "simd.reverse: too many positional arguments",
}
ONE = simd.pattern(0)


@pytest.mark.parametrize(("text", "message"), ERRORS.items())
def test_what_is_wrong_is_said_in_words(text, message):
    with pytest.raises(TypeError) as raised:
        eval(text)
    assert message in str(raised.value)
    if "A[0]" in text:
        return  # kernels do not index vectors so
    names = dict(globals())
    exec(f"def kernel():\n    {text}", names)
    with pytest.raises(TypingError) as raised:
        jk.jit(names["kernel"], cache=False)()
    assert message in str(raised.value)


def test_a_pattern_without_sense_is_refused_where_it_is_made():
    with pytest.raises(ValueError, match=r"simd\.pattern: expected indices of lanes from 0 on, got -1"):
        simd.pattern(0, -1)
    with pytest.raises(TypeError, match=r"simd\.pattern: expected indices of lanes, got 1\.0"):
        simd.pattern(0, 1.0)
    with pytest.raises(ValueError, match="expected a power of two from 1 to 64 lanes, got 3"):
        simd.pattern(0, 1, 2)
