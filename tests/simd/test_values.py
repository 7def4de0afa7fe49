"""Vectors, masks, patterns and vector types as Python's values."""

import copy
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

import jitkit as jk
from jitkit import simd

DTYPES = {"i8": "i1", "i16": "i2", "i32": "i4", "i64": "i8", "u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8",
          "f32": "f4", "f64": "f8"}  # fmt: skip
WIDTHS = (2, 4, 8, 16, 32, 64)
V = simd.f32x4
VALUES = [
    simd.Vector(np.array([0.1, -0.0, np.nan, 1e30], np.float32)),
    simd.Vector(np.arange(64, dtype=np.uint8)),
    simd.Vector(np.array([-(2**63)])),
    simd.Mask([True, False, False, True]),
    simd.Mask([False]),
]
CONSTANTS = [simd.f32x8, simd.vector(np.int64, 1), simd.pattern(3, 2, 1, 0), simd.pattern(0)]


def agree(one, other):
    return (
        type(one) is type(other) and one.kind == other.kind and one.to_array().tobytes() == other.to_array().tobytes()
    )


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_copies_of_vectors_and_masks_are_the_same(value):
    for other in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert agree(other, value)
        assert other.to_array() is not value.to_array()


@pytest.mark.parametrize("value", CONSTANTS, ids=repr)
def test_copies_of_types_and_patterns_are_equal_and_keys(value):
    for other in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert other == value
        assert {value: 1}[other] == 1
        assert len({value, other}) == 1
    assert sum(other == value for other in CONSTANTS) == 1
    assert value != 3


def test_values_show_what_they_are():
    assert [repr(value) for value in VALUES if len(value) <= 4] == [
        "simd.f32x4(0.1, -0.0, nan, 1e+30)", "simd.i64x1(-9223372036854775808)", "simd.Mask(1001)", "simd.Mask(0)",
    ]  # fmt: skip
    assert list(map(repr, CONSTANTS)) == ["simd.f32x8", "simd.i64x1", "simd.pattern(3, 2, 1, 0)", "simd.pattern(0,)"]


def test_vectors_are_sequences_that_nobody_changes():
    v, m = VALUES[0], VALUES[3]
    assert (len(v), v.lanes, v.dtype, v.type, v.kind) == (4, 4, np.float32, V, V)
    assert (list(m), m[3], m.lanes) == ([True, False, False, True], True, 4)
    array = v.to_array()
    array[0] = 7
    assert v[0] == np.float32(0.1)
    with pytest.raises(TypeError, match="does not support item assignment"):
        v[0] = 1
    for lane in (-1, 4):
        with pytest.raises(IndexError, match=f"^expected a lane from 0 to 3, got {lane}$"):
            v[lane]
    given = np.ones(4, np.float32)
    made = simd.Vector(given)
    given[:] = 0
    assert simd.all(made == 1)


def test_vectors_have_neither_truth_nor_hash():
    for value in VALUES:
        with pytest.raises(TypeError, match=r"^a truth value of many lanes is neither true nor false: use simd.any or"):
            bool(value)
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)


def test_numpy_scalars_leave_operators_to_vectors():
    v = simd.splat(V, 2)
    assert agree(np.float32(1) + v, v + 1)
    assert agree(np.float64(8) / v, simd.splat(V, 4))
    assert agree(np.float32(2) == v, simd.Mask([True] * 4))
    with pytest.raises(TypeError, match=r"^\+: expected vectors, got array\(float32, 1-d\) and f32x4$"):
        np.ones(4, np.float32) + v


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: simd.Vector([1, 2, 3]), ValueError, "expected a power of two from 1 to 64 lanes, got 3"),
        (lambda: simd.Vector(np.zeros(128, "f4")), ValueError, "expected a power of two from 1 to 64 lanes, got 128"),
        (lambda: simd.Vector([]), ValueError, "expected a power of two from 1 to 64 lanes, got 0"),
        (lambda: simd.Vector(np.zeros((2, 2))), ValueError, "expected lanes in a 1-d array, got 2 dimensions"),
        (lambda: simd.Vector(3), ValueError, "expected lanes in a 1-d array, got 0 dimensions"),
        (lambda: simd.Vector([True, False]), TypeError, "expected an integer dtype, float32 or float64 in native byte"),
        (lambda: simd.Vector(np.zeros(4, ">f4")), TypeError, "in native byte order, got dtype('>f4')"),
        (lambda: simd.Vector(np.zeros(4, "f2")), TypeError, "got dtype('float16')"),
        (lambda: simd.Mask([[True, False]]), ValueError, "expected lanes in a 1-d array, got 2 dimensions"),
        (lambda: simd.Mask([True] * 3), ValueError, "expected a power of two from 1 to 64 lanes, got 3"),
        (lambda: simd.vector("f4", 0), ValueError, "expected a power of two from 1 to 64 lanes, got 0"),
        (lambda: simd.vector("f4", 4.0), TypeError, "expected a number of lanes, got 4.0"),
        (lambda: simd.vector("f4", True), TypeError, "expected a number of lanes, got True"),
        (lambda: simd.vector("M8[s]", 4), TypeError, "expected an integer dtype, float32 or float64"),
        (lambda: simd.native(np.complex64), TypeError, "expected an integer dtype, float32 or float64"),
        (lambda: simd.pattern(0, -1), ValueError, "simd.pattern: expected indices of lanes from 0 on, got -1"),
        (lambda: simd.pattern(0, 1.0), TypeError, "simd.pattern: expected indices of lanes, got 1.0"),
        (lambda: simd.pattern(0, 1, 2), ValueError, "expected a power of two from 1 to 64 lanes, got 3"),
        (lambda: simd.pattern(), ValueError, "expected a power of two from 1 to 64 lanes, got 0"),
    ],
)
def test_what_there_is_not_is_refused_in_words(make, error, words):
    with pytest.raises(error, match=re.escape(words)):
        make()


def test_every_type_has_a_name():
    for name, dtype in DTYPES.items():
        for lanes in WIDTHS:
            kind = getattr(simd, f"{name}x{lanes}")
            assert kind is simd.vector(dtype, lanes)
            assert (kind.name, kind.dtype, kind.lanes) == (f"{name}x{lanes}", dtype, lanes)
            assert (kind.bits, kind.nbytes) == (8 * kind.dtype.itemsize, kind.dtype.itemsize * lanes)
    named = [name for name in simd.__all__ if re.fullmatch(r"[iuf]\d+x\d+", name)]
    assert len(named) == len(DTYPES) * len(WIDTHS)
    assert all(hasattr(simd, name) for name in simd.__all__)


def test_types_are_made_of_others():
    assert simd.f32x8.with_dtype(np.int32) is simd.i32x8
    assert simd.f32x8.with_lanes(16) is simd.f32x16
    native = simd.native(np.float32)
    assert native is simd.native(np.float64).with_dtype("f4").with_lanes(native.lanes)
    assert simd.native(np.float64).nbytes == native.nbytes


@pytest.mark.kernel
def test_a_type_is_a_default_argument():
    def kernel(x, kind=simd.f32x8):
        return simd.reduce_sum(simd.load(kind, x, 0))

    x = np.arange(16, dtype=np.float32)
    for function in (kernel, jk.jit(kernel)):
        assert (function(x), function(x, simd.f32x4)) == (28, 6)


def test_type_checkers_know_the_names(tmp_path):
    lines = {
        "reveal_type(simd.f32x8)": "jitkit.simd._kinds.VectorType",
        "reveal_type(jk.simd.u8x64.lanes)": '"int"',
        "reveal_type(simd.native('f4'))": "jitkit.simd._kinds.VectorType",
        "simd.f32x3": 'Module has no attribute "f32x3"',
    }
    path = tmp_path / "names.py"
    path.write_text("import jitkit as jk\nfrom jitkit import simd\n" + "\n".join(lines))
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path).stdout.splitlines()
    for line, (text, words) in enumerate(lines.items(), 3):
        assert any(f"names.py:{line}: " in one and words in one for one in told), (text, told)
