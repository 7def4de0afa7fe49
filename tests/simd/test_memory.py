"""Accesses of arrays that end at a forbidden page, or begin behind one: kernels do what the emulation does."""

from functools import cache

import numpy as np
import pytest
from guard_pages import guarded
from numba.core.errors import TypingError
from operation_suite import WIDTHS, agree, numbers

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel

DTYPES = ("i1", "u2", "f4", "u8")  # of each size; what a lane holds makes no difference
ITEMS = 512  # a multiple of the bytes of any vector
LOADS, STORES = 16, 14


def every_load(V, x, gaps, back, rows, at, tail, mask, indices, near, wild):  # noqa: N803
    """Fill a row for each way to load; `at` are positions."""
    simd.store(rows[0], 0, simd.load(V, x, at[0]))
    simd.store(rows[0], 65, simd.load(V, x, at[5] + 1))  # at no multiple of its size
    simd.store(rows[1], 0, simd.load(V, x, at[1], tail))
    simd.store(rows[2], 0, simd.load_aligned(V, x, at[0]))
    simd.store(rows[3], 0, simd.load_strided(V, x, at[2], at[3]))
    simd.store(rows[4], 0, simd.load_strided(V, gaps, at[2], at[3]))
    simd.store(rows[5], 0, simd.load_strided(V, back, at[2], at[3]))
    simd.store(rows[6], 0, simd.load_strided(V, x, at[2], 0))
    simd.store(rows[7], 0, simd.load_strided(V, x, at[1], 1, tail))
    simd.store(rows[8], 0, simd.load_strided(V, gaps, at[1], 1, tail))
    simd.store(rows[9], 0, simd.gather(V, x, indices))
    simd.store(rows[10], 0, simd.gather(V, x, near))
    simd.store(rows[11], 0, simd.gather(V, x, wild, mask))
    simd.store(rows[12], 0, simd.expand_load(V, x, at[4], mask))
    a, b = simd.load_interleaved(V, x, at[5], 2)
    c, d, e = simd.load_interleaved(V, x, at[6], 3)
    f, g, h, i = simd.load_interleaved(V, x, at[7], 4)
    simd.store(rows[13], 0, a)
    simd.store(rows[13], 64, b)
    a, b = simd.load_interleaved(V, x, at[6] + 1, 2)
    simd.store_interleaved(rows[13], 127, a, b)
    simd.store(rows[14], 0, c)
    simd.store(rows[14], 64, d)
    simd.store(rows[14], 128, e)
    simd.store(rows[15], 0, f)
    simd.store(rows[15], 64, g)
    simd.store(rows[15], 128, h)
    simd.store(rows[15], 192, i)


def every_store(V, x, gaps, targets, at, tail, mask, indices, near, wild):  # noqa: N803
    """Write to a target in each way to store; gives how many lanes a mask has."""
    v, w = simd.load(V, x, 0), simd.load(V, x, 100)
    simd.store(targets[0], at[0], v)
    simd.store(targets[1], at[1], v, tail)
    simd.store_aligned(targets[2], at[0], v)
    simd.store_nontemporal(targets[3], at[0], v)
    simd.fence()
    simd.store_strided(targets[4], at[2], at[3], v)
    simd.store_strided(gaps, at[2], at[3], v)
    simd.store_strided(targets[5], at[2], 0, v)
    simd.store_strided(targets[6], at[1], 1, v, tail)
    simd.store_strided(targets[7], at[2], 0, v, mask)
    simd.scatter(targets[8], indices, v)
    simd.scatter(targets[9], near, v)
    simd.scatter(targets[10], wild, v, mask)
    simd.store_interleaved(targets[11], at[5], v, w)
    simd.store_interleaved(targets[12], at[6], v, w, 1)
    simd.store_interleaved(targets[13], at[7], v, w, w, v)
    return simd.compress_store(targets[14], at[4], v, mask)


load_kernel, store_kernel = jk.jit(every_load), jk.jit(every_store)


@cache
def memory(place, dtype, number, count=ITEMS):  # noqa: ARG001 (arrays of other numbers are other arrays)
    return guarded(place, dtype, count)


def places(place, dtype, lanes):
    """Positions at the very edge of an array, masks that keep accesses inside, and positions for gathers."""
    random = np.random.default_rng(lanes)
    mask = random.random(lanes) < 0.5
    mask[lanes // 2] = True
    count = int(mask.sum())
    few = min(3, lanes - 1)
    if place == "at_end":
        first, masked, start, step = ITEMS - lanes, ITEMS - few, ITEMS - 1, -2
        packed, turns = ITEMS - count, [ITEMS - n * lanes for n in (2, 3, 4)]
        tail = simd.first(simd.vector(dtype, lanes), few)
    else:
        first, masked, start, step = 0, few - lanes, 0, 3
        packed, turns = 0, [0, 0, 0]
        tail = ~simd.first(simd.vector(dtype, lanes), lanes - few)
    at = np.array([first, masked, start, step, packed, *turns], np.int64)
    indices = random.integers(0, ITEMS, lanes)
    indices[: lanes // 2] = random.choice([0, 1, ITEMS - 2, ITEMS - 1], lanes // 2)
    wild = np.where(mask, indices, random.choice([-(2**31), -1, ITEMS, 2**31 - 1], lanes))
    near = random.integers(0, 256, lanes)  # as bytes: numbers above 127 are no negative ones
    vectors = [simd.Vector(indices.astype("u4")), simd.Vector(near.astype("u1")), simd.Vector(wild.astype("i4"))]
    return at, tail, simd.Mask(mask), *vectors


@pytest.mark.parametrize("lanes", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_loads_at_the_edge(dtype, lanes):
    V = simd.vector(dtype, lanes)  # noqa: N806
    for place in ("at_end", "at_start"):
        x, wide = memory(place, dtype, 0), memory(place, dtype, 1, 3 * ITEMS - 2)
        x[:], wide[:] = numbers(dtype, ITEMS), numbers(dtype, len(wide))
        back = memory("at_start" if place == "at_end" else "at_end", dtype, 2)[::-1]
        back[:] = x
        expected, found = np.zeros((2, LOADS, 256), dtype)
        every_load(V, x, wide[::3], back, expected, *places(place, dtype, lanes))
        load_kernel(V, x, wide[::3], back, found, *places(place, dtype, lanes))
        for row, (right, got) in enumerate(zip(expected, found, strict=True)):
            assert agree(right, got), f"row {row}, {place}: expected {right}, got {got}"


@pytest.mark.parametrize("lanes", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_stores_at_the_edge(dtype, lanes):
    V = simd.vector(dtype, lanes)  # noqa: N806
    for place in ("at_end", "at_start"):
        x, wide = numbers(dtype, ITEMS), memory(place, dtype, 1, 3 * ITEMS - 2)
        targets = tuple(memory(place, dtype, 10 + k) for k in range(STORES + 1))
        seen, counts = [], []
        for function in (every_store, store_kernel):
            for array in (*targets, wide):
                array[:] = np.arange(len(array)) % 100
            counts.append(function(V, x, wide[::3], targets, *places(place, dtype, lanes)))
            seen.append([array.copy() for array in (*targets, wide)])
        assert counts[0] == counts[1] > 0
        for row, (right, got) in enumerate(zip(*seen, strict=True)):
            assert agree(right, got), f"target {row}, {place}: expected {right}, got {got}"


def test_no_lane_of_one_touches_nothing():
    @jk.jit
    def kernel(V, x, i, none, v):  # noqa: N803
        far = simd.splat(simd.i32x8, 2**30)
        simd.store(x, i, v, none)
        simd.store_strided(x, i, -7, v, none)
        simd.scatter(x, far, v, none)
        count = simd.compress_store(x, i, v, none)
        loaded = simd.load(V, x, i, none) + simd.load_strided(V, x, i, 9, none) + simd.expand_load(V, x, i, none)
        return count, loaded + simd.gather(V, x, far, none)

    x = memory("at_end", "f4", 0)
    x[:] = 1
    none = simd.Mask(np.zeros(8, bool))
    for i in (ITEMS, -9, 10**6):
        count, loaded = kernel(simd.f32x8, x, i, none, simd.Vector(np.ones(8, "f4")))
        assert count == 0
        assert loaded.to_array().tolist() == [0] * 8
    assert x.tolist() == [1] * ITEMS


def test_examples():
    x = np.arange(10, 30, dtype=np.int32)
    V = simd.i32x4  # noqa: N806
    odd, M = simd.Vector(np.array([9, 0, 9, 1], "u1")), simd.Mask([False, True, True, False])  # noqa: N806
    assert simd.load_strided(V, x, 9, -3).to_array().tolist() == [19, 16, 13, 10]
    assert simd.load_strided(V, x[::5], 0, 1).to_array().tolist() == [10, 15, 20, 25]
    assert simd.gather(V, x, odd).to_array().tolist() == [19, 10, 19, 11]
    assert simd.gather(V, x, odd, M).to_array().tolist() == [0, 10, 19, 0]
    assert [v.to_array().tolist() for v in simd.load_interleaved(simd.i32x2, x, 0, 3)] == [[10, 13], [11, 14], [12, 15]]
    assert simd.expand_load(V, x, 2, M).to_array().tolist() == [0, 12, 13, 0]
    assert simd.from_array(V, x[:4]).to_array().tolist() == [10, 11, 12, 13]
    v = simd.load(V, x, 0)
    y = np.zeros(8, np.int32)
    simd.scatter(y, simd.Vector(np.array([3, 5, 3, 0])), v)
    assert y.tolist() == [13, 0, 0, 12, 0, 11, 0, 0]
    y[:] = 0
    assert simd.compress_store(y, 6, v, M) == 2
    assert y.tolist() == [0] * 6 + [11, 12]
    simd.store_interleaved(y, 0, v, -v)
    assert y.tolist() == [10, -10, 11, -11, 12, -12, 13, -13]


def test_an_array_as_a_vector():
    @jk.jit
    def kernel(V, x):  # noqa: N803
        return simd.from_array(V, x)

    x = memory("at_end", "f8", 0)[-4:]
    x[:] = [1, 2, 3, 4]
    assert kernel(simd.f64x4, x).to_array().tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"^simd\.from_array: expected an array of 8 items, got 4$"):
        simd.from_array(simd.f64x8, x)


@pytest.mark.parametrize("text", ["load_aligned(V, x, 1)", "store_aligned(x, 1, v)", "store_nontemporal(x, 1, v)"])
def test_from_python_addresses_must_be_aligned(text):
    x = memory("at_start", "f4", 0)
    names = {"V": simd.f32x8, "x": x, "v": simd.load(simd.f32x8, x, 0), "simd": simd}
    name = f"simd.{text.partition('(')[0]}"
    message = f"^{name}: expected an address that is a multiple of 32, got 0x[0-9a-f]+04 of x\\[1\\]$"
    with pytest.raises(ValueError, match=message):
        eval(f"simd.{text}", names)


X, D8, LOCKED = np.zeros(64, "f4"), np.zeros(64), np.zeros(64, "f4")
LOCKED.flags.writeable = False
FLAT, GAPS = np.zeros((8, 8), "f4"), np.zeros(64, "f4")[::2]
NAMES = {
    "x": X, "d": D8, "locked": LOCKED, "flat": FLAT, "gaps": GAPS, "v": simd.Vector(np.zeros(8, "f4")),
    "w": simd.Vector(np.zeros(8, "f8")), "m": simd.Mask([True] * 8), "few": simd.Mask([True] * 4),
    "at": simd.Vector(np.zeros(8, "i4")), "at4": simd.Vector(np.zeros(4, "i4")), "n": np.int64(2),
}  # fmt: skip
V = simd.f32x8
ARRAY = "expected a 1-d array of float32, got array"
GAPLESS = "expected a contiguous array (simd.load_strided and simd.store_strided take others)"
LANES = "expected a mask of 8 lanes, got mask of 4 lanes"
INDEX = "expected an integer for a position, got f64"
ERRORS = {
    "load(V, d, 0)": f"{ARRAY}(float64, 1-d)",
    "load(V, flat, 0)": f"{ARRAY}(float32, 2-d)",
    "load(V, gaps, 0)": GAPLESS,
    "load(V, x, 1.5)": INDEX,
    "load(V, x, 0, few)": LANES,
    "load(x, V, 0)": "expected a vector type (such as simd.f32x8) first, got array(float32, 1-d)",
    "load_aligned(V, d, 0)": f"{ARRAY}(float64, 1-d)",
    "load_aligned(V, x, 0, m)": "simd.load_aligned: too many positional arguments",
    "from_array(V, gaps)": GAPLESS,
    "store(locked, 0, v)": "expected an array that can be written, got array(float32, 1-d, read-only)",
    "store(x, 0, w)": "expected a 1-d array of float64, got array(float32, 1-d)",
    "store(x, 0, 1.0)": "simd.store: expected vectors, got f64",
    "store_aligned(locked, 0, v)": "expected an array that can be written",
    "store_nontemporal(gaps, 0, v)": GAPLESS,
    "load_strided(V, d, 0, 1)": f"{ARRAY}(float64, 1-d)",
    "load_strided(V, flat, 0, 1)": f"{ARRAY}(float32, 2-d)",
    "load_strided(V, x, 0, 1.5)": INDEX,
    "load_strided(V, x, 0, 1, few)": LANES,
    "store_strided(locked, 0, 1, v)": "expected an array that can be written",
    "store_strided(x, 0.5, 1, v)": INDEX,
    "gather(V, x, at4)": "simd.gather: expected 8 indices for f32x8, got i32x4",
    "gather(V, x, v)": "simd.gather: expected integer vectors, got f32x8",
    "gather(V, gaps, at)": GAPLESS,
    "gather(V, x, at, few)": LANES,
    "gather(V, x, 3)": "simd.gather: expected integer vectors, got 3",
    "scatter(locked, at, v)": "expected an array that can be written",
    "scatter(x, at4, v)": "simd.scatter: expected 8 indices for f32x8, got i32x4",
    "load_interleaved(V, x, 0, 5)": "simd.load_interleaved: expected 2 to 4 vectors, got 5",
    "load_interleaved(V, x, 0, n)": "expected a number that is known when the kernel is compiled, got i64",
    "load_interleaved(V, gaps, 0, 2)": GAPLESS,
    "store_interleaved(x, 0, v)": "simd.store_interleaved: expected 2 to 4 vectors, got f32x8",
    "store_interleaved(x, 0, v, w)": "expected vectors of one type (simd.cast converts), got f32x8 and f64x8",
    "store_interleaved(locked, 0, v, v)": "expected an array that can be written",
    "compress_store(x, 0, v, few)": LANES,
    "compress_store(locked, 0, v, m)": "expected an array that can be written",
    "expand_load(V, x, 0, few)": LANES,
    "expand_load(V, x, 0)": "simd.expand_load: missing a required argument: 'mask'",
    "fence(1)": "simd.fence: too many positional arguments",
}


@pytest.mark.parametrize(("text", "message"), ERRORS.items())
def test_what_is_wrong_is_said_in_words(text, message):
    message = message if message.startswith("simd.") else f"simd.{text.partition('(')[0]}: {message}"
    with pytest.raises(TypeError) as raised:
        eval(f"simd.{text}", NAMES | {"V": V, "simd": simd})
    assert message in str(raised.value)
    used = [name for name in NAMES if name in text.replace("(", " ").replace(",", "").replace(")", "").split()]
    names = {"simd": simd, "V": V}
    exec(f"def kernel({', '.join(used)}):\n    simd.{text}", names)
    with pytest.raises(TypingError) as raised:
        jk.jit(names["kernel"], cache=False)(*(NAMES[name] for name in used))
    assert message in str(raised.value)


OUTSIDE = ["load(V, x, 57)", "load(V, x, -1)", "store(x, 57, v)", "load_aligned(V, x, 64)", "store_aligned(x, -8, v)",
           "store_nontemporal(x, 64, v)", "load_strided(V, x, 57, 1)", "load_strided(V, gaps, 6, -1)",
           "store_strided(x, 0, 10, v)", "gather(V, x, at - 1)", "scatter(x, at + 64, v)",
           "load_interleaved(V, x, 41, 3)", "store_interleaved(x, 49, v, v)", "from_array(V, x[:7])"]  # fmt: skip


@pytest.mark.parametrize("text", OUTSIDE)
def test_positions_are_checked_where_numba_checks_them(text):
    used = ("x", "gaps", "v", "at")
    names = {"simd": simd, "V": V}
    exec(f"def kernel({', '.join(used)}):\n    simd.{text}", names)
    wrong = (IndexError, ValueError)
    with pytest.raises(wrong, match=r"expected positions from 0 to|expected an array of 8 items"):
        names["kernel"](*(aligned(NAMES[name]) for name in used))
    with pytest.raises(IndexError, match="index is out of bounds"):
        jk.jit(names["kernel"], boundscheck=True, cache=False)(*(NAMES[name] for name in used))


def aligned(value):
    if isinstance(value, simd.Vector) or not value.flags.c_contiguous:
        return value
    return memory("at_start", "f4", 3, 64)
