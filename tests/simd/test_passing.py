"""Vectors and masks go wherever numba's values go: through calls, loops, containers, closures, generators."""

from collections import namedtuple

import numpy as np
import pytest
from numba import prange, typed
from numba.core.errors import TypingError
from values_suite import HALF, RNG, VALUES, A, B, K, M, V, maybe, same, some

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel

Pair = namedtuple("Pair", "first second")


@jk.jit
def swapped(a, b):
    return b, a


def calls(v):
    return swapped(v, (v, Pair(1, v)))


def loop(v):
    w = u = v
    for i in range(5):
        if i == 2:
            w = u
        else:
            w, u = u, w
    while i > 0:
        i, w = i - 1, v
    return w, u


@jk.jit
def down(v, n):
    if n == 0:
        return v
    return down(v, n - 1)


@jk.jit
def even(v, n):
    if n == 0:
        return v
    return odd(v, n - 1)


@jk.jit
def odd(v, n):
    if n == 0:
        return v
    return even(v, n - 1)


def recursion(v):
    return down(v, 3), even(v, 4)


def lists(v):
    """Of several hundred items, whose memory is not aligned as registers are, and moves."""
    items = [v]
    for _ in range(300):
        items.append(v)  # noqa: PERF401 (what is tested)
    items[7] = items[9]
    others = [item for item in items]  # noqa: C416
    others.extend(items)
    others.insert(3, v)
    part = others[5:20]
    part.reverse()
    return others.pop(), others[301], part[3], len(others)


def typed_lists(v):
    items = typed.List()
    for _ in range(300):
        items.append(v)
    items[7] = items[9]
    last = items.pop()
    return last, items[7], items[298], len(items)


def dicts(v):
    items = typed.Dict()
    for i in range(300):
        items[i] = v
    last = items.pop(299)
    plain = {1: v, 2: v}
    return last, items[7], plain[2], len(items)


def optional(v):
    found = None
    for i in range(3):
        if i == 1:
            found = v
    nothing = maybe(v, 1)
    return maybe(v, 3), found, nothing, nothing is None, found is not None


@jk.jit
def repeated(v, n):
    w = v
    for _ in range(n):
        yield w
        w = v


def generators(v):
    last = v
    for w in repeated(v, 3):
        last = w
    return last


# Of typed containers numba compiles a lot, which is the same for all that they hold: two of the values do.
FEW = [(kernel, value) for kernel in (typed_lists, dicts) for value in ("f64x8", "mask64")]
MANY = [(kernel, value) for kernel in (calls, loop, recursion, lists, optional, generators) for value in VALUES]


@pytest.mark.parametrize(("kernel", "value"), MANY + FEW)
def test_values_of_every_kind_pass_through(kernel, value):
    v = VALUES[value]
    expected = kernel(v)
    assert same(jk.jit(kernel, cache=kernel is not recursion)(v), expected)
    first = expected[::-1] if kernel is calls else expected if isinstance(expected, tuple) else (expected,)
    assert same(first[0], v)


def test_accumulators_change_in_loops():
    @jk.jit
    def horner(x, factors):
        total, powers = simd.splat(V, 0), simd.splat(V, 1)
        for factor in factors:
            total += powers * np.float32(factor)
            powers *= x
        return total, powers

    got, expected = (function(A, np.arange(5.0)) for function in (horner, horner.py_func))
    assert same(got, expected)
    assert np.allclose(got[0], np.polyval(np.arange(5.0)[::-1], A.to_array()))


def test_an_optional_vector_is_a_vector_where_it_is_one():
    @jk.jit
    def kernel(v, n):
        w = maybe(v, n)
        if w is not None:
            return simd.select(w > 1, w + v, -w), w[1]
        return v, v[2]

    assert all(same(kernel(A, n), kernel.py_func(A, n)) for n in (1, 3))

    @jk.jit
    def careless(v, n):
        return maybe(v, n) + v

    assert same(careless(A, 3), A + A)
    with pytest.raises(TypeError, match="expected f32x8, got None"):
        careless(A, 1)


def test_constants_are_globals_and_closures():
    inner, where = B, simd.Mask([True] * 8)
    pair = (A, HALF)

    @jk.jit
    def kernel(v):
        def nested(w):
            return w + v

        return simd.select(where, inner, v) + A, M, nested(A), pair[0] + simd.select(pair[1], v, inner)

    assert same(kernel(B), kernel.py_func(B))


def test_iterations_of_a_prange_have_vectors_of_their_own():
    @jk.jit(parallel=True)
    def kernel(x, out, sums):
        for i in prange(x.size // V.lanes):
            v = simd.load(V, x, V.lanes * i)
            m = v > 0.5
            total = A
            for _ in range(3):
                total = total + simd.select(m, v, B)
            simd.store(out, V.lanes * i, total)
            sums[i] = simd.reduce_sum(v)

    x = RNG.random(4096).astype(np.float32)
    results = []
    for function in (kernel, kernel.py_func):
        out, sums = np.zeros_like(x), np.zeros(512, np.float32)
        function(x, out, sums)
        results.append((out, sums))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPendingDeprecationWarning")  # of plain lists
@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaTypeSafetyWarning")  # before it refuses
def test_lists_of_vectors_come_from_python():
    @jk.jit
    def kernel(items):
        return items[3], len(items)

    items = typed.List([A] * 50)
    assert same(kernel(items), (A, 50))
    assert same(items[7], A)
    assert same(kernel([A, A, B, B]), (B, 4))
    assert same(kernel((A, M, 3, K)), (K, 4))
    with pytest.raises(TypeError, match="can't unbox heterogeneous list: f32x8 != u8x64"):
        kernel([A, K])
    with pytest.raises(TypingError, match="Cannot cast int64 to f32x8"):
        items.append(3)


@pytest.mark.parametrize("dtype", simd._kinds.DTYPES)
def test_vectors_of_every_width_come_from_python_and_go_back(dtype):
    @jk.jit
    def kernel(*vectors):
        return vectors

    vectors = tuple(some(simd.vector(dtype, 2**i)) for i in range(7))
    masks = tuple(simd.Mask(RNG.random(2**i) < 0.5) for i in range(7))
    assert same(kernel(*vectors, *masks), vectors + masks)
    assert same(kernel(*masks, *vectors), masks + vectors)
