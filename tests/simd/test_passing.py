"""Vectors and masks go wherever numba's values go: through calls, loops, containers, closures, generators, classes."""

from collections import namedtuple

import numpy as np
import pytest
from numba import prange, typed, typeof, types
from numba.core.errors import NumbaTypeError, TypingError
from numba.experimental import jitclass, structref

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel

RNG = np.random.default_rng(5)


def some(kind):
    return simd.Vector((RNG.random(kind.lanes) * 100).astype(kind.dtype))


V, BYTES, WORDS = simd.f32x8, simd.u8x64, simd.i64x2
A, B, K = some(V), some(V), some(BYTES)
M, HALF = simd.Mask(RNG.random(64) < 0.5), simd.Mask([True, False] * 4)
VALUES = {"f32x8": A, "f64x8": some(simd.f64x8), "u8x64": K, "i64x2": some(WORDS),
          "mask4": simd.Mask([True, False, False, True]), "mask64": M}  # fmt: skip
Pair = namedtuple("Pair", "first second")


def same(got, expected):
    """Whether values are the same, bit for bit; for kernels give Python's floats for NumPy's."""
    if isinstance(expected, (simd.Vector, simd.Mask)):
        return type(got) is type(expected) and got.kind == expected.kind and np.array_equal(got, expected)
    if isinstance(expected, tuple):
        return len(got) == len(expected) and all(map(same, got, expected))
    return bool(got == expected)


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


@jk.jit(cache=False)
def down(v, n):
    if n == 0:
        return v
    return down(v, n - 1)


@jk.jit(cache=False)
def even(v, n):
    if n == 0:
        return v
    return odd(v, n - 1)


@jk.jit(cache=False)
def odd(v, n):
    if n == 0:
        return v
    return even(v, n - 1)


def recursion(v):
    """Without the cache, which warns where a recursion is compiled on the way to another kernel."""
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


@jk.jit
def maybe(v, n):
    if n > 2:
        return v
    return None


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


@jitclass([("v", typeof(A)), ("flag", types.int8), ("m", typeof(M)), ("k", typeof(K))])
class State:
    def __init__(self, v, m, k):
        self.v, self.m, self.k, self.flag = v, m, k, 1

    def step(self):
        self.v = self.v + self.v
        self.m = ~self.m
        return simd.reduce_sum(self.v)


@structref.register
class BoxType(types.StructRef):
    pass


class Box(structref.StructRefProxy):
    def __new__(cls, v, m):
        return structref.StructRefProxy.__new__(cls, v, m)


structref.define_proxy(Box, BoxType, ["v", "m"])


def test_members_of_classes_and_structs_are_vectors():
    @jk.jit(cache=False)  # of classes that exist in this process only
    def kernel(v, m, k):
        states = [State(v, m, k) for _ in range(20)]
        total = 0.0
        for state in states:
            total += state.step()
        box = Box(v, m)
        box.v = box.v + states[3].v
        return box.v, box.m, states[19].m, states[19].k, total

    *got, total = kernel(A, M, K)
    assert same(tuple(got), (A + (A + A), M, ~M, K))
    assert total == 20 * float(simd.reduce_sum(A + A))


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


def test_what_python_hands_in_must_be_what_was_compiled_for():
    from numba import njit

    kernel = njit(typeof(A)(typeof(A)))(lambda v: v)  # with a signature: for this type only
    with pytest.raises(TypeError, match="No matching definition for argument type"):
        kernel(some(simd.f32x4))
    convert = simd._numba_types._bytes_of
    for expected, value in ((V, some(simd.f32x4)), (V, 3), (M.kind, A), (HALF.kind, M)):
        with pytest.raises(TypeError, match=f"^expected {expected.name}, got {simd._operation.kind_of(value).name}$"):
            convert(expected, value)


def test_a_type_tells_what_arrays_and_loops_need():
    @jk.jit
    def kernel(v):
        total = 0
        for i in range(V.lanes):
            total += i
        x = np.ones((3, V.lanes), V.dtype)
        y = np.empty(V.lanes, V.dtype)
        y[:] = V.lanes
        several = (0, 1, 2, 3, 4, 5, 6, 7, 8.5)
        simd.store(y, 0, v)
        return (
            total,
            x.sum(),
            y[7],
            several[V.lanes],
            V.nbytes,
            V.bits,
            len(v),
            v.lanes,
            np.zeros(v.lanes, v.dtype).size,
        )

    assert same(kernel(A), kernel.py_func(A))
    assert kernel(A)[3:] == (8.5, 32, 32, 8, 8, 8)


@jk.jit
def ones(kind, value=simd.f64x2):
    return simd.splat(kind, 1), simd.splat(value, 2)


WIDE = True


def test_types_are_constants_that_are_handed_about():
    native = simd.native(np.float32)

    @jk.jit
    def kernel(v):
        if WIDE:  # noqa: SIM108 (the branch that is not taken has another type)
            chosen = simd.f32x8
        else:
            chosen = simd.f32x4
        first, second = ones(simd.f32x4)
        equal = simd.f32x8 == chosen, simd.f32x8 != chosen, simd.f32x8 == simd.f64x8, v.type is simd.f32x8
        return simd.splat(chosen, 3), first, second, ones(V, simd.i64x2), equal, native.lanes, native, chosen

    got = kernel(A)
    assert same(got, kernel.py_func(A))
    assert got[-2:] == (native, simd.f32x8)
    assert got[4] == (True, False, False, True)


def test_patterns_are_constants_too():
    reverse, again = simd.pattern(1, 0), simd.pattern(1, 0)

    @jk.jit
    def kernel():
        return reverse, reverse == again, reverse != again

    assert kernel() == (reverse, True, False) == kernel.py_func()


def test_lanes_are_numbers():
    @jk.jit
    def kernel(v, m, i):
        return v[0], v[i], m[1], m[i], +v

    for i in range(8):
        assert same(kernel(A, HALF, i), kernel.py_func(A, HALF, i))

    @jk.jit
    def until(v, n):
        """With an index that is a wrong constant at first."""
        i, total = -1, 0.0
        while i < n:
            if i >= 0:
                total += v[i]
            i += 1
        return total

    assert until(A, 8) == pytest.approx(A.to_array().sum())
    for wrong, words in ((lambda v: v[8], "from 0 to 7, got 8"), (lambda v: v[-1], "from 0 to 7, got -1")):
        with pytest.raises(NumbaTypeError, match=rf"\[\]: expected a lane {words}\n"):
            jk.jit(wrong, cache=False)(A)
        with pytest.raises(IndexError, match=f"expected a lane {words}$"):
            wrong(A)
    with pytest.raises(TypingError, match=r"\[\]: expected an integer for a position, got f64\n"):
        jk.jit(lambda v: v[0.5], cache=False)(A)
    checked = jk.jit(lambda v, i: v[i], boundscheck=True)
    assert checked(A, 7) == A[7]
    with pytest.raises(IndexError):
        checked(A, 8)


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


KERNELS = """
import numpy as np
import jitkit as jk
from jitkit import simd

V, MASK = simd.native(np.float32), simd.from_bits(simd.f32x8, 0b10110001)
A, REVERSE = simd.Vector(np.arange(8, dtype=np.float32)), simd.pattern(7, 6, 5, 4, 3, 2, 1, 0)

@jk.jit
def lanes(v, w):
    return simd.select(MASK, v, A) + w, v > A, (v * 2, w)

@jk.jit
def total(x, W=simd.f32x8):
    sums = simd.splat(W, 0)
    for i in range(0, x.size, W.lanes):
        sums += simd.load(W, x, i)
    return simd.reduce_sum(sums)

@jk.jit
def shuffled(v):
    return simd.swizzle(v, REVERSE)

@jk.jit
def kinds(kind, pattern):
    return simd.iota(kind), pattern, V.lanes, kind.lanes

@jk.jit
def lists(v):
    return [v, v + 1]
"""
SCRIPT = """
from kernels import *
v, w = simd.Vector(np.linspace(0, 9, 8, dtype=np.float32)), simd.splat(simd.f32x8, 0.1)
x = np.linspace(0, 1, 640, dtype=np.float32)
results = [lanes(v, w), total(x), total(x, simd.f32x4), total(x, V), shuffled(v), kinds(simd.u8x16, REVERSE), lists(v)]
values["results"] = [repr(jk_float(r)) for r in results]
"""
SCRIPT = SCRIPT.replace("jk_float(r)", "float(r) if isinstance(r, np.floating) else r")


def test_a_second_process_compiles_nothing_and_python_gives_the_same(make_program):
    program = make_program({"kernels": KERNELS})
    first, second = program.run(SCRIPT), program.run(SCRIPT)
    assert first.compiled == {"lanes", "total", "shuffled", "kinds", "lists"}
    assert second.counts == (first.stats["compiles"], 0, 0)
    assert first.values == second.values
    assert not first.warned
    assert not second.warned
    emulated = program.run(SCRIPT, NUMBA_DISABLE_JIT="1")
    assert emulated.values == first.values
    assert emulated.stats["compiles"] == 0


def test_a_changed_constant_is_compiled_anew(make_program):
    program = make_program({"kernels": KERNELS})
    before = program.run(SCRIPT)
    program.edit("kernels", "0b10110001", "0b10110000")
    program.edit("kernels", "simd.pattern(7, 6,", "simd.pattern(0, 6,")
    after, emulated = program.run(SCRIPT), program.run(SCRIPT, NUMBA_DISABLE_JIT="1")
    assert after.compiled == {"lanes", "shuffled", "kinds"}
    assert after.values == emulated.values != before.values
