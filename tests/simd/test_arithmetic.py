import math
from fractions import Fraction

import numpy as np
import pytest
from operation_suite import DTYPES, WIDTHS, agree, check, make_rows
from refusals import assert_refused

import jitkit as jk
from jitkit import simd
from jitkit._core import cpu

pytestmark = pytest.mark.kernel

ALL = ["simd.min(a, b)", "simd.max(a, b)", "simd.minimum(a, b)", "simd.maximum(a, b)", "simd.min_fast(a, b)",
       "simd.max_fast(a, b)", "simd.clamp(a, b, c)", "simd.min(a, s)", "simd.max(1, a)",
       "simd.clamp(a, 1, s)"]  # fmt: skip
SIGNED = ["simd.abs(a)", "simd.signum(a)"]
FLOATS = ["simd.fma(a, b, c)", "simd.fma(a, b, 1.5)", "simd.fma(-1, a, s)", "simd.mul_add(a, b, c)", "simd.sqrt(a)",
          "simd.recip(a)", "simd.floor(a)", "simd.ceil(a)", "simd.trunc(a)", "simd.round(a)",
          "simd.round_ties_even(a)", "simd.fract(a)", "simd.copysign(a, b)", "simd.copysign(1, a)", "simd.is_nan(a)",
          "simd.is_infinite(a)", "simd.is_finite(a)", "simd.is_sign_negative(a)"]  # fmt: skip
INF, NAN = math.inf, math.nan
ONE_TYPE = "expected vectors of one type (simd.cast converts)"


def expressions(dtype):
    return ALL + {"f": SIGNED + FLOATS, "i": SIGNED, "u": []}[dtype[0]]


@pytest.mark.parametrize("lanes", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_kernels_compute_what_the_emulation_does(dtype, lanes):
    check(dtype, lanes, expressions(dtype), make_rows(dtype, lanes))


def hard_rows(dtype, lanes, count=64):
    """Floats of all exponents, sums that nearly cancel out, and products halfway between two floats, plus a little."""
    rng = np.random.default_rng(lanes)
    word, shape = np.dtype(f"u{dtype[1]}"), (count, lanes)
    half = np.finfo(dtype).nmant + 1  # bits of 1.0 down to half a unit in the last place

    def some_of_all():
        return rng.integers(0, np.iinfo(word).max, shape, word, endpoint=True).view(dtype)

    def near_one():
        return (1 + rng.random(shape)).astype(dtype)

    a, b, c = (np.where(rng.random(shape) < 0.5, some_of_all(), near_one()) for _ in "abc")
    kind = rng.integers(0, 4, shape)
    a = np.where(kind == 1, 1 + 2.0 ** -(half // 2), a).astype(dtype)
    b = np.where(kind == 1, 1 + 2.0 ** -(half - half // 2), b).astype(dtype)
    with np.errstate(all="ignore"):
        little = rng.choice(np.array([2.0**-40, -(2.0**-40), 2.0**-120, -(2.0**-120), 0.0, -0.0], dtype), shape)
        c = np.select([kind == 1, kind == 2], [little, -(a * b)], c).astype(dtype)
    return make_rows(dtype, lanes, count) | {"a": a, "b": b, "c": c}


@pytest.mark.parametrize("lanes", [4, 16])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_fused_products_are_exact_where_it_is_hard(dtype, lanes):
    rows = hard_rows(dtype, lanes)
    check(dtype, lanes, FLOATS, rows)
    with np.errstate(all="ignore"):
        twice = rows["a"] * rows["b"] + rows["c"]
    once = simd_lanes(simd.fma, rows["a"], rows["b"], rows["c"])
    assert np.count_nonzero(twice != once) > count_of_nan(once) + 50  # else the rows would not be hard


def simd_lanes(function, *arrays):
    """A function of vectors of 4 lanes, of arrays that have many."""
    shape = arrays[0].shape
    quads = zip(*(array.reshape(-1, 4) for array in arrays), strict=True)
    return np.concatenate([function(*map(simd.Vector, quad)).to_array() for quad in quads]).reshape(shape)


def count_of_nan(array):
    return np.count_nonzero(np.isnan(array))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_emulation_of_fma_gives_the_float_next_to_the_exact_sum(dtype):
    rows = hard_rows(dtype, 16)
    a, b, c = (rows[name].reshape(-1) for name in "abc")
    found = simd_lanes(simd.fma, a, b, c)
    checked = 0
    for i in np.flatnonzero(np.isfinite(a) & np.isfinite(b) & np.isfinite(c)):
        exact = Fraction(float(a[i])) * Fraction(float(b[i])) + Fraction(float(c[i]))
        assert found[i] == nearest(exact, np.dtype(dtype).type), (a[i], b[i], c[i])
        checked += 1
    assert checked > 500


def nearest(exact, kind):
    """Float next to a fraction, ties to even, by counting in units of the last place."""
    if exact == 0:
        return kind(0)
    info = np.finfo(kind)
    magnitude = abs(exact)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    exponent -= magnitude < Fraction(2) ** exponent  # so 2**exponent is the greatest power of two that is not greater
    unit = Fraction(2) ** (max(exponent, int(info.minexp)) - int(info.nmant))
    rounded = round(magnitude / unit) * unit  # Python rounds fractions to even
    most = Fraction(float(info.max))
    return kind((INF if rounded > most else float(rounded)) * (1 if exact > 0 else -1))


@pytest.mark.parametrize(
    ("a", "b", "c", "expected"),
    [
        (1 + 2.0**-12, 1 + 2.0**-12, -(1 + 2.0**-11), 2.0**-24),  # rounded twice it would be 0
        (1 + 2.0**-23, 1 - 2.0**-23, -1.0, -(2.0**-46)),
        (2.0**127, 2.0, -(2.0**127), 2.0**127),  # the product alone would overflow
        (2.0**127, 2.0, 0.0, INF),
        (-(2.0**127), 2.0, INF, INF),
        (2.0**-100, 2.0**-100, 2.0**-149, 2.0**-149),
        (2.0**-75, 2.0**-75, 2.0**-149, 2.0**-148),  # halfway between two subnormal numbers: the even one
        (2.0**-75, 2.0**-75, 0.0, 0.0),
        (-(2.0**-75), 2.0**-75, 0.0, -0.0),
        (1 + 2.0**-12, 1 + 2.0**-12, 0.0, 1 + 2.0**-11),  # halfway between two numbers: the even one
        (1 + 2.0**-12, 1 + 2.0**-12, 2.0**-100, 1 + 2.0**-11 + 2.0**-23),  # above by less than a float64 would show
        (1 + 2.0**-12, -1 - 2.0**-12, -(2.0**-100), -(1 + 2.0**-11 + 2.0**-23)),
        (1 + 2.0**-12, 1 + 2.0**-12, -(2.0**-100), 1 + 2.0**-11),
        (1.0, 1.0, -1.0, 0.0),
        (-1.0, 0.0, -0.0, -0.0),
        (-1.0, 0.0, 0.0, 0.0),
        (INF, 0.0, 1.0, NAN),
        (INF, 1.0, -INF, NAN),
        (INF, -1.0, 5.0, -INF),
        (NAN, 1.0, 1.0, NAN),
        (1.0, 1.0, NAN, NAN),
    ],
)
def test_known_fused_products_of_float32(a, b, c, expected):
    vectors = [simd.Vector(np.full(4, number, np.float32)) for number in (a, b, c)]
    assert agree(simd.fma(*vectors), np.full(4, expected, np.float32))


def test_mul_add_is_fused_where_the_processor_is():
    a, c = np.full(4, 1 + 2.0**-12, np.float32), np.full(4, -(1 + 2.0**-11), np.float32)
    fused = "fma" in cpu.target().features
    expected = 2.0**-24 if fused else 0.0

    @jk.jit(cache=False)
    def kernel(a, c):
        return simd.mul_add(a, a, c)

    for function in (kernel, kernel.py_func):
        assert function(simd.Vector(a), simd.Vector(c)).to_array().tolist() == [expected] * 4


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("min", [(1, 2, 1), (2, 1, 1), (NAN, 1, 1), (1, NAN, 1), (NAN, NAN, NAN), (0.0, -0.0, -0.0), (-0.0, 0.0, 0.0)]),
        ("max", [(1, 2, 2), (2, 1, 2), (NAN, 1, 1), (1, NAN, 1), (NAN, NAN, NAN), (0.0, -0.0, -0.0), (-0.0, 0.0, 0.0)]),
        ("minimum", [(1, 2, 1), (2, 1, 1), (NAN, 1, NAN), (1, NAN, NAN), (0.0, -0.0, -0.0), (-0.0, 0.0, -0.0)]),
        ("maximum", [(1, 2, 2), (2, 1, 2), (NAN, 1, NAN), (1, NAN, NAN), (0.0, -0.0, 0.0), (-0.0, 0.0, 0.0)]),
        ("min_fast", [(1, 2, 1), (NAN, 1, 1), (1, NAN, NAN), (0.0, -0.0, -0.0), (-0.0, 0.0, 0.0), (-INF, 1, -INF)]),
        ("max_fast", [(1, 2, 2), (NAN, 1, 1), (1, NAN, NAN), (0.0, -0.0, -0.0), (-0.0, 0.0, 0.0), (-INF, 1, 1)]),
        ("copysign", [(1, -0.0, -1), (-2, 3, 2), (0.0, -1, -0.0), (INF, -NAN, -INF)]),
    ],
)
def test_known_values_of_pairs(name, pairs):
    a, b, expected = (np.resize(np.array(column, np.float64), 8) for column in zip(*pairs, strict=True))
    function = getattr(simd, name)
    kernel = jk.jit(lambda a, b: function(a, b), cache=False)
    for found in (function(simd.Vector(a), simd.Vector(b)), kernel(simd.Vector(a), simd.Vector(b))):
        assert agree(found, expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("abs", [0.5, 1.5, 2.5, 2.5, 0.0, INF, NAN, 0.49999999999999994]),
        ("floor", [0, 1, 2, -3, -0.0, -INF, NAN, 0]),
        ("ceil", [1, 2, 3, -2, -0.0, -INF, NAN, 1]),
        ("trunc", [0, 1, 2, -2, -0.0, -INF, NAN, 0]),
        ("round", [1, 2, 3, -3, -0.0, -INF, NAN, 0]),
        ("round_ties_even", [0, 2, 2, -2, -0.0, -INF, NAN, 0]),
        ("fract", [0.5, 0.5, 0.5, -0.5, 0.0, NAN, NAN, 0.49999999999999994]),
        ("signum", [1, 1, 1, -1, -1, -1, NAN, 1]),
        ("recip", [2, 1 / 1.5, 0.4, -0.4, -INF, -0.0, NAN, 2.0000000000000004]),
        ("is_nan", [False] * 6 + [True, False]),
        ("is_infinite", [False] * 5 + [True, False, False]),
        ("is_finite", [True] * 5 + [False, False, True]),
        ("is_sign_negative", [False] * 3 + [True] * 3 + [False] * 2),
    ],
)
def test_known_values(name, expected):
    v = simd.Vector(np.array([0.5, 1.5, 2.5, -2.5, -0.0, -INF, NAN, 0.49999999999999994]))
    assert agree(getattr(simd, name)(v), np.array(expected, bool if name.startswith("is_") else float))


def test_clamping():
    v = simd.Vector(np.array([-5.0, 0.5, 7.0, NAN]))
    assert agree(simd.clamp(v, 0.0, 1.0), np.array([0.0, 0.5, 1.0, NAN]))
    assert agree(simd.clamp(v, NAN, 1.0), np.array([-5.0, 0.5, 1.0, NAN]))
    assert agree(simd.clamp(v, 0.0, NAN), np.array([0.0, 0.5, 7.0, NAN]))
    assert agree(simd.clamp(v, 2.0, 1.0), np.array([1.0, 1.0, 1.0, NAN]))
    integers = simd.Vector(np.array([-128, -1, 0, 127], np.int8))
    assert simd.clamp(integers, -1, 100).to_array().tolist() == [-1, -1, 0, 100]


def test_signs_of_integers():
    v = simd.Vector(np.array([-128, -1, 0, 127], np.int8))
    assert simd.signum(v).to_array().tolist() == [-1, -1, 0, 1]
    assert simd.abs(v).to_array().tolist() == [-128, 1, 0, 127]


@pytest.mark.parametrize("lanes", [1, *WIDTHS])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_estimates_of_roots_are_as_near_as_promised(dtype, lanes):
    V = simd.vector(dtype, lanes)  # noqa: N806

    @jk.jit
    def kernel(x, out):
        for i in range(0, x.size, V.lanes):
            simd.store(out, i, simd.rsqrt_estimate(simd.load(V, x, i)))

    info = np.finfo(dtype)
    x = (2.0 ** np.random.default_rng(lanes).uniform(info.minexp, info.maxexp, 1 << 13)).astype(dtype)
    x[:2] = info.tiny, info.max
    out = np.zeros_like(x)
    kernel(x, out)
    avx512 = "avx512f" in cpu.target().features
    error = np.abs(out * np.sqrt(x.astype(np.longdouble)) - 1)
    assert np.max(error) <= (2.0**-14 if avx512 else 1.5 * 2.0**-12)
    special = np.resize(np.array([0.0, -0.0, INF, -1.0, NAN, -INF, 0.0, INF], dtype), max(8, lanes))
    out = np.zeros_like(special)
    kernel(special, out)
    assert agree(out, np.resize(np.array([INF, -INF, 0.0, NAN, NAN, NAN, INF, 0.0], dtype), max(8, lanes)))
    with np.errstate(all="ignore"):
        assert agree(simd.rsqrt_estimate(simd.Vector(x[:lanes])), 1 / np.sqrt(x[:lanes]))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("simd.fma(i, i, i)", "simd.fma: expected float vectors, got i32x4 and i32x4 and i32x4"),
        ("simd.fma(f, f, d)", f"simd.fma: {ONE_TYPE}, got f32x4 and f32x4 and f64x4"),
        ("simd.mul_add(1.0, 2.0, 3.0)", "simd.mul_add: expected float vectors, got f64 and f64 and f64"),
        ("simd.fma(f, f)", "simd.fma: missing a required argument: 'c'"),
        ("simd.abs(u)", "simd.abs: expected vectors of signed numbers, got u32x4"),
        ("simd.signum(u)", "simd.signum: expected vectors of signed numbers, got u32x4"),
        ("simd.min(i, u)", f"simd.min: {ONE_TYPE}, got i32x4 and u32x4"),
        ("simd.max(i, 1.5)", "simd.max: expected an integer beside lanes of int32, got i32x4 and f64"),
        ("simd.clamp(f, m, 1.0)", "simd.clamp: expected vectors, got f32x4 and mask of 4 lanes and f64"),
        ("simd.sqrt(i)", "simd.sqrt: expected float vectors, got i32x4"),
        ("simd.round(i)", "simd.round: expected float vectors, got i32x4"),
        ("simd.rsqrt_estimate(q)", "simd.rsqrt_estimate: expected float vectors, got i64x4"),
        ("simd.copysign(f, d)", f"simd.copysign: {ONE_TYPE}, got f32x4 and f64x4"),
        ("simd.is_nan(i)", "simd.is_nan: expected float vectors, got i32x4"),
        ("simd.is_finite(m)", "simd.is_finite: expected float vectors, got mask of 4 lanes"),
    ],
)  # fmt: skip
def test_what_is_refused(text, sentence):
    assert_refused(text, sentence)
