"""What vectors refuse in kernels, they refuse in words."""

import numpy as np
import pytest
from numba import prange, typeof, types
from numba.core.errors import NumbaError, NumbaTypeError, TypingError
from numba.experimental import jitclass, structref
from values_suite import HALF, A, K, M, V, maybe, some

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel


def test_what_is_refused_is_refused_in_words():
    truth = "a truth value of many lanes is neither true nor false: use simd.any or simd.all\n"
    refused = {
        lambda v: 1 if v > 0 else 0: truth,
        lambda v: not v: truth,
        lambda v: bool(v == v): truth,
        lambda v: v and v: truth,
        lambda v: 0 < v < 1: truth,
        lambda v: 1 if maybe(v, 3) else 0: truth,
        lambda v: v in (v, v): truth,
        lambda v: v is v: "vectors and masks are values, which `is` cannot tell apart: use simd.all",
        lambda v: v + K: r"\+: expected vectors of one type \(simd.cast converts\), got f32x8 and u8x64\n",
        lambda v: v & v: "&: expected integer vectors, got f32x8 and f32x8\n",
        lambda v: v < HALF: "<: expected vectors, got f32x8 and mask of 8 lanes\n",
        lambda _: ~M & HALF: "&: expected masks of as many lanes, got mask of 64 lanes and mask of 8 lanes\n",
        lambda _: K / K: r"/: expected float vectors \(// and % divide integers\), got u8x64 and u8x64\n",
        lambda _: K + 1.5: r"\+: expected an integer beside lanes of uint8, got u8x64 and f64\n",
        lambda v: simd.any(v): "simd.any: expected a mask, got f32x8\n",
        lambda v: simd.select(v > 0, v, K): "simd.select: expected vectors of one type .*, got f32x8 and u8x64\n",
        lambda v: simd.select(v > 0, v): "simd.select: missing a required argument: 'b'\n",
        lambda v: simd.splat(3, v): r"simd.splat: expected a vector type \(such as simd.f32x8\) first, got 3\n",
        lambda v: v.sum(): "Unknown attribute 'sum' of type f32x8\n",
        lambda v: v**2: r"pow\(f32x8, ",
        lambda v: np.sqrt(v): r"can't resolve ufunc sqrt for types \[f32x8\]\n",
    }
    for function, words in refused.items():
        with pytest.raises((TypingError, NumbaTypeError), match=words):
            jk.jit(function, cache=False)(A)


def test_values_of_two_types_do_not_meet_in_one_variable():
    @jk.jit(cache=False)
    def kernel(v, n):
        if n:  # noqa: SIM108 (read more easily)
            w = v
        else:
            w = simd.splat(simd.f64x8, 0)
        return w

    with pytest.raises(TypingError, match="Cannot unify f32x8 and f64x8 for 'w"):
        kernel(A, 1)


def test_the_operation_that_refuses_is_named_with_its_place():
    with pytest.raises(TypingError) as caught:
        jk.jit(lambda v: simd.any(v), cache=False)(A)
    text = str(caught.value)
    assert "Operation in function 'simd.any': File: " in text
    assert "jitkit/simd/_masks.py" in text


def test_a_prange_refuses_vectors_from_outside_and_sums_of_them():
    @jk.jit(parallel=True, cache=False)
    def outer(x):
        v, m = simd.splat(V, 2), simd.splat(V, 2) > 1
        for i in prange(x.size // V.lanes):
            simd.store(x, V.lanes * i, simd.select(m, simd.load(V, x, V.lanes * i), v))

    @jk.jit(parallel=True, cache=False)
    def total(x):
        v = simd.splat(V, 0)
        for i in prange(x.size // V.lanes):
            v += simd.load(V, x, V.lanes * i)
        return v

    with pytest.raises(NumbaTypeError, match=r"the body of a prange cannot take .* from outside: make it inside"):
        outer(np.zeros(64, np.float32))
    with pytest.raises(NumbaTypeError, match="a prange cannot sum up vectors: reduce each to a number inside"):
        total(np.zeros(64, np.float32))


def test_what_python_hands_in_must_be_what_was_compiled_for():
    from numba import njit

    kernel = njit(typeof(A)(typeof(A)))(lambda v: v)  # with a signature: for this type only
    with pytest.raises(TypeError, match="No matching definition for argument type"):
        kernel(some(simd.f32x4))
    convert = simd._numba_types._bytes_of
    for expected, value in ((V, some(simd.f32x4)), (V, 3), (M.kind, A), (HALF.kind, M)):
        with pytest.raises(TypeError, match=f"^expected {expected.name}, got {simd._operation.kind_of(value).name}$"):
            convert(expected, value)


@jitclass([("flag", types.int8), ("v", typeof(A))])
class State:
    def __init__(self, v):
        self.v, self.flag = v, 1


@structref.register
class BoxType(types.StructRef):
    pass


class Box(structref.StructRefProxy):
    def __new__(cls, m):
        return structref.StructRefProxy.__new__(cls, m)


structref.define_proxy(Box, BoxType, ["m"])


def test_members_of_numbas_classes_cannot_be_vectors():
    """Numba would keep them at addresses that vectors cannot have: now and then, that crashed."""
    words = r"got the vector {} of {}: keep an array, and load the vector from it"
    with pytest.raises(NumbaError, match=words.format(r"v \(f32x8\)", "State")):
        State(A)
    with pytest.raises(NumbaError, match=words.format(r"m \(mask64\)", "a structref")):
        jk.jit(lambda m: Box(m).m, cache=False)(M)
