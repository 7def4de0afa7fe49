"""Kernels compiled for AArch64 and run by QEMU do what their emulation does, bit for bit; others are only compiled."""

import re

import cross
import numpy as np
import operation_suite
import pytest
import test_arithmetic
import test_bits
import test_conversions
import test_masks
import test_operators
import test_reductions
import test_scans
import test_shuffles

from jitkit import simd
from jitkit._core import cpu
from jitkit._core.c_interface import c_function
from jitkit._core.jit import jit
from jitkit.errors import JitkitError

on_x86 = pytest.mark.skipif(bool(cross.NO_COMPILER), reason=cross.NO_COMPILER)
needs_tools = pytest.mark.skipif(bool(cross.MISSING), reason=cross.MISSING)

# The tests of operations, which evaluate expressions. Here their kernels run on AArch64.
SUITES = {
    "operators": test_operators.test_every_operator_does_what_numpy_does,
    "arithmetic": test_arithmetic.test_kernels_compute_what_the_emulation_does,
    "bits": test_bits.test_kernels_compute_what_the_emulation_does,
    "conversions": test_conversions.test_kernels_convert_as_the_emulation_does,
    "masks": test_masks.test_masks_of_comparisons_are_masks_as_others,
    "shuffles": test_shuffles.test_kernels_move_lanes_as_the_emulation_does,
    "reductions": test_reductions.test_every_reduction_does_what_its_emulation_does,
    "scans": test_scans.test_every_scan_does_what_its_emulation_does,
}
# A register of NEON each, of all sizes, signs and floats; and vectors of several registers.
TYPES = [("i1", 16), ("u2", 8), ("i4", 4), ("u8", 2), ("f4", 4), ("f8", 2), ("u1", 32), ("i8", 8), ("f4", 32)]
CASES = [(suite, *kind) for suite in SUITES for kind in TYPES if suite != "bits" or kind[0][0] != "f"]


@pytest.fixture(scope="module")
def compiler():
    with cross.Compiler() as compiler:
        yield compiler


@pytest.fixture
def on_aarch64(compiler, tmp_path):
    """Make a kernel over there, and call it; arrays are left as it leaves them."""

    def run(make, arguments, count, arrays):
        cross.run_on_aarch64(compiler, tmp_path, make, arguments, count, arrays)

    return run


@needs_tools
@pytest.mark.parametrize(("suite", "dtype", "lanes"), CASES)
def test_operations_do_what_their_emulation_does(suite, dtype, lanes, on_aarch64, monkeypatch):
    def run(source, names, count, arrays):
        on_aarch64(operation_suite.made_function, (source, names), count, arrays)

    monkeypatch.setattr(operation_suite, "run", run)
    monkeypatch.setattr(cpu, "target", lambda: cpu.Processor("generic", frozenset({"neon"})))  # `mul_add` is fused
    SUITES[suite](dtype, lanes)


def moves(V, I):  # noqa: N803, E741
    """All ways between memory and registers, of masks with as many lanes as there were calls before."""

    def kernel(i, x, numbers, out, spread, counts):
        lanes, row, line = V.lanes, 16 * V.lanes * i, 8 * V.lanes * i
        tail, end = simd.first(V, i), x.size - min(i, V.lanes)
        indices = simd.load(I, numbers, 3 * i)
        v = simd.load(V, x, i)
        simd.store(out, row, v)
        simd.store(out, row + lanes, simd.load(V, x, end, tail))  # the others would be on the forbidden page
        simd.store(out, row + 2 * lanes, simd.expand_load(V, x, end, tail))
        simd.store(out, row + 3 * lanes, simd.load_strided(V, x, i, 3))
        simd.store(out, row + 4 * lanes, simd.load_strided(V, x, end, 1, tail))
        simd.store(out, row + 5 * lanes, simd.gather(V, x, indices))
        simd.store(out, row + 6 * lanes, simd.gather(V, x, indices, tail))
        a, b = simd.load_interleaved(V, x, i, 2)
        simd.store(out, row + 7 * lanes, a)
        simd.store(out, row + 8 * lanes, b)
        a, b, c = simd.load_interleaved(V, x, i, 3)
        simd.store_interleaved(out, row + 9 * lanes, c, a, b)
        simd.store_nontemporal(out, row + 12 * lanes, v)
        simd.fence()
        simd.store_strided(spread, line, 2, v)
        simd.store_strided(spread, line + 1, 2, v, tail)
        simd.scatter(spread, indices + line + 2 * lanes, v)
        simd.scatter(spread, indices + line + 5 * lanes, v, tail)
        counts[i] = simd.compress_store(out, row + 13 * lanes, v, tail ^ (v < 0))
        simd.store(out, out.size - min(i, lanes), v, tail)
        simd.store(out, row + 14 * lanes, simd.splat(V, i))

    return kernel


@needs_tools
@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "f8"])
def test_kernels_access_memory_as_the_emulation_does(dtype, on_aarch64):
    lanes = 16 // int(dtype[1])
    V, calls = simd.vector(dtype, lanes), lanes + 3  # noqa: N806
    I = simd.vector("i8", lanes)  # noqa: E741, N806
    rng = np.random.default_rng(5)
    numbers = np.array([rng.permutation(2 * lanes) for _ in range(4)]).reshape(-1)
    arrays = [
        operation_suite.numbers(dtype, 8 * lanes + 3, seed=1),
        np.resize(numbers, 4 * calls + lanes),
        aligned_zeros(16 * lanes * calls + lanes, dtype),
        np.zeros(8 * lanes * calls, dtype),
        np.zeros(calls, np.int64),
    ]
    expected = [array.copy() for array in arrays]
    expected[2] = aligned_zeros(arrays[2].size, dtype)
    for i in range(calls):
        moves(V, I)(i, *expected)
    on_aarch64(moves, (V, I), calls, arrays)
    for right, got in zip(expected, arrays, strict=True):
        assert operation_suite.agree(right, got)
    assert np.any(arrays[3])
    assert np.any(arrays[4])


def aligned_zeros(count, dtype):
    """An array at an address that vectors past the caches need."""
    memory = np.zeros(count * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + count * np.dtype(dtype).itemsize].view(dtype)


def root_calls(name, size):
    """Call the loop of `jk.sqrt` of a dtype with raw addresses, once for each line of a plan."""
    from jitkit.simd import _sqrt_loops  # in the process that knows no more than what all processors have

    loop = getattr(_sqrt_loops, name)

    def kernel(i, x, out, start, target, count, step, out_step, words):
        words[0], words[1] = x.ctypes.data + start[i] * size, out.ctypes.data + target[i] * size
        words[2], words[3], words[4] = count[i], step[i] * size, out_step[i] * size
        loop(words.ctypes.data, words.ctypes.data + 16, words.ctypes.data + 24, 0)

    return kernel


@needs_tools
@pytest.mark.parametrize(("name", "dtype"), [("half", "f2"), ("single", "f4"), ("double", "f8")])
def test_square_roots_are_those_of_numpy(name, dtype, on_aarch64):
    x, plan, size = numbers_to_take_roots_of(dtype), [], 0
    for start, count, step, out_step in [
        *((0, count, 1, 1) for count in (0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 100)),
        (1, x.size - 1, 1, 1), (3, 57, 1, 1), (0, 33, 2, 1), (0, 33, 1, 3), (90, 31, -2, 2), (5, 9, 0, 1),
    ]:  # fmt: skip
        plan.append((start, size + 1, count, step, out_step))
        size += count * out_step + 2
    size += 17
    plan.append((x.size - 17, size - 17, 17, 1, 1))  # up to where both arrays end
    out, expected = np.full(size, 7, dtype), np.full(size, 7, dtype)
    with np.errstate(all="ignore"):
        for start, target, count, step, out_step in plan:
            inputs = x[start + step * np.arange(count)]
            expected[target + out_step * np.arange(count)] = np.sqrt(inputs)
    arrays = [as_words(x), as_words(out), *np.array(plan).T.copy(), np.zeros(5, np.int64)]
    on_aarch64(root_calls, (name, x.itemsize), len(plan), arrays)
    assert operation_suite.agree(out, expected)


def as_words(array):
    """The same memory as integers: C has no float16."""
    return array.view(f"u{array.itemsize}")


def numbers_to_take_roots_of(dtype):
    """All float16 numbers; of others any, and those whose roots are hard to round."""
    if dtype == "f2":
        return np.arange(1 << 16, dtype=np.uint16).view(dtype)
    bits = np.random.default_rng(11).integers(0, 256, 5000 * int(dtype[1]), dtype=np.uint8).view(dtype)
    roots = np.random.default_rng(12).uniform(1, 4, 2000).astype(dtype)
    return np.concatenate([operation_suite.numbers(dtype, 500), bits, roots**2, np.nextafter(roots**2, 0)])


def taste():
    """A kernel whose instructions every set of vector instructions has."""

    def kernel(i, x, out):
        v = simd.load(simd.f32x4, x, i)
        simd.store(out, i, simd.sqrt(v) * v + simd.fma(v, v, v))

    return kernel


INSTRUCTIONS = {
    ("aarch64-linux-gnu", "generic"): (r"fsqrt\s+v\d+\.4s", r"fmla\s+v\d+\.4s"),
    ("riscv64-linux-gnu", "sifive-x280"): (r"vfsqrt\.v\s", r"vfm(add|acc)\.vv\s"),
    ("powerpc64le-linux-gnu", "pwr9"): (r"xvsqrtsp\s", r"xvmadd[am]sp\s"),
    ("s390x-linux-gnu", "z15"): (r"vfsqsb\s", r"vfmasb\s"),
    ("loongarch64-linux-gnu", "la464"): (r"vfsqrt\.s\s", r"vfmadd\.s\s"),
    ("wasm64-unknown-unknown", "bleeding-edge"): (r"f32x4\.sqrt\s", r"f32x4\.mul\s"),  # it has no exact fused product
    ("x86_64-linux-gnu", "x86-64-v3"): (r"vsqrtps\s+.*%xmm", r"vfmadd\d+ps\s+.*%xmm"),
}


@on_x86
@pytest.mark.parametrize(("triple", "processor"), INSTRUCTIONS)
def test_other_processors_get_vector_instructions(triple, processor, compiler):
    arrays = [np.zeros(4, np.float32)] * 2
    made = compiler.compiled(taste, (), cross.types_of(arrays), triple, processor, assembly=True)
    for pattern in INSTRUCTIONS[triple, processor]:
        assert re.search(pattern, made.code.decode()), made.code.decode()


def estimate():
    def kernel(i, x):
        simd.store(x, i, simd.rsqrt_estimate(simd.load(simd.f32x4, x, i)))

    return kernel


@on_x86
def test_what_only_x86_has_is_refused(compiler):
    types = cross.types_of([np.zeros(4, np.float32)])
    with pytest.raises(JitkitError, match=r"instructions that not every processor has: llvm\.x86\.sse\.rsqrt\.ps"):
        compiler.compiled(estimate, (), types, cross.TRIPLE, cross.PROCESSOR)


def test_a_system_comes_with_a_processor_of_its_own():
    kernel = jit(taste(), cache=False)
    types = cross.types_of([np.zeros(4, np.float32)] * 2)
    with pytest.raises(ValueError, match="expected a processor of aarch64-linux-gnu, got none"):
        c_function(kernel, types, "f", triple="aarch64-linux-gnu")
    with pytest.raises(ValueError, match="expected a processor that LLVM knows for aarch64-linux-gnu, got 'haswell'"):
        c_function(kernel, types, "f", "haswell", triple="aarch64-linux-gnu")
    with pytest.raises(ValueError, match="expected a processor that LLVM knows for enigma-m4, got 'generic'"):
        c_function(kernel, types, "f", "generic", triple="enigma-m4")
