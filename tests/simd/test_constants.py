"""Vector types, patterns and constant vectors in kernels, also in those that another process compiled."""

import numpy as np
import pytest
from numba.core.errors import NumbaTypeError, TypingError
from values_suite import HALF, A, V, same

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel


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
