"""What a report says of machine code that is known: kernels compiled for a CPU level, and pieces of assembly."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitkit._core import cpu
from jitkit.simd._report import Compiled, Report, report
from jitkit.simd._report_blocks import blocks_of, cycles_of, instruction_of, operands_of, split_comment
from jitkit.simd._report_calls import UNKNOWN, called
from jitkit.simd._report_instructions import destination, division_of, is_chained, stored_bits, work_of
from jitkit.simd._report_loops import Loop, measure
from jitkit.simd._report_remarks import remarks

KERNELS = """
import math
import numpy as np
import jitkit as jk
from jitkit.simd._report import report

@jk.jit
def integers(x):
    s = 0
    for i in range(x.size):
        s += x[i]
    return s

@jk.jit
def floats(x):
    s = 0.0
    for i in range(x.size):
        s += x[i]
    return s

@jk.jit(fastmath={"reassoc"})
def any_order(x):
    s = 0.0
    for i in range(x.size):
        s += x[i]
    return s

@jk.jit
def exponentials(x):
    s = 0.0
    for i in range(x.size):
        s += math.exp(x[i])
    return s

@jk.jit
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

@jk.jit
def calling(x, out):
    for i in range(x.size):
        out[i] = fibonacci(x[i])

@jk.jit
def nested(x, out):
    for i in range(x.shape[0]):
        s = 0.0
        for j in range(x.shape[1]):
            s += x[i, j]
        out[i] = math.exp(s)

@jk.jit
def no_loop(a, b):
    return a + b

@jk.jit
def crowded(x, n):
    a = b = c = d = e = f = g = h = k = l = m = o = p = q = r = s = t = u = 1
    for i in range(n):
        v = x[i]
        a ^= v; b += a; c ^= b; d += c * v; e ^= d; f += e; g ^= f; h += g * 3; k ^= h; l += k
        m ^= l; o += m; p ^= o; q += p * v; r ^= q; s += r; t ^= s; u += t * 3
    return a + b + c + d + e + f + g + h + k + l + m + o + p + q + r + s + t + u

@jk.jit(error_model="python")
def checked(x, y, out):
    for i in range(x.size):
        out[i] = x[i] // y[i]

@jk.jit
def copied(x, out):
    for i in range(x.size):
        out[i] = x[i]

@jk.jit
def roots(x, out):
    for i in range(x.size):
        out[i] = math.sqrt(x[i]) * 2

@jk.jit
def allocating(n):
    s = 0
    for i in range(n):
        s += np.arange(i).size
        s ^= np.ones(i)[0] > 0
    return s

@jk.jit
def first(x, v):
    for i in range(x.size):
        if x[i] == v:
            return i
    return -1

@jk.jit(parallel=True, cache=False)
def in_parallel(x, out):
    for i in range(x.size):
        out[i] = x[i]
    out += x * 2
"""
SCRIPT = """
import json, sys
from kernels import *
x, n, m = np.ones(8), np.arange(8), np.ones((3, 3))
for f, *arguments in [
    (integers, n), (floats, x), (floats, x[::2]), (any_order, x), (exponentials, x), (fibonacci, 3),
    (calling, n, n.copy()), (nested, m, x), (no_loop, 1, 2), (crowded, n, 3), (checked, n, n + 1, n.copy()),
    (copied, x, x.copy()), (roots, x, x.copy()), (allocating, 3), (first, x, 2.0), (in_parallel, x, x.copy()),
]:
    f(*arguments)
kernels = {name: k for name, k in globals().items() if name != "f" and getattr(k, "signatures", ())}
compiled = [name for name, f in kernels.items() if f.stats.cache_misses or not f.stats.cache_hits]
told = {name: report(f).to_dict() for name, f in kernels.items()}
texts = {name: str(report(f)) for name, f in kernels.items()}
json.dump({"told": told, "texts": texts, "compiled": compiled}, sys.stdout)
"""
FOLDED = {"NUMBA_DISABLE_INTEL_SVML": "1"}  # or exp is a vector function wherever that library is


class Reports:
    """What the reports of a process say."""

    def __init__(self, printed):
        self.compiled, self.told, self.texts = (json.loads(printed)[key] for key in ("compiled", "told", "texts"))

    def loops(self, kernel, signature=0):
        return self.told[kernel]["signatures"][signature]["loops"]

    def main(self, kernel, signature=0):
        """The one innermost loop that is no rest of another."""
        (loop,) = (loop for loop in self.loops(kernel, signature) if loop["innermost"] and not loop["rest"])
        return loop

    def says(self, kernel, text, signature=0):
        return any(text in remark for loop in self.loops(kernel, signature) for remark in loop["remarks"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "kernels.py").write_text(KERNELS)
    return folder


def reports_of(folder, settings):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")} | FOLDED
    environment |= {"JITKIT_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment | settings, capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return Reports(done.stdout)


@pytest.fixture(scope="module")
def made(folder):
    """Make the reports of a CPU level, once."""
    known = {}

    def make(level):
        if not cpu.runs_here(level):
            pytest.skip(f"{cpu.host().name} has not got all that {level} needs")
        if level not in known:
            known[level] = reports_of(folder, cpu.level_environment(level))
        return known[level]

    return make


@pytest.fixture(params=["nehalem", "haswell"])
def level(request):
    return request.param


@pytest.fixture
def reports(made, level):
    return made(level)


@pytest.fixture
def bits(level):
    return {"nehalem": 128, "haswell": 256}[level]


def line_of(text):
    """Line of KERNELS in which a text begins."""
    return KERNELS[: KERNELS.index(text)].count("\n") + 1


class TestKernels:
    def test_processor(self, reports, level, bits):
        assert reports.told["integers"]["function"] == "kernels:integers"
        assert reports.told["integers"]["processor"] == level
        assert reports.told["integers"]["vector_bits"] == bits
        assert reports.told["integers"]["signatures"][0]["signature"] == "int64[::1]"

    def test_a_sum_of_integers_is_vectorised(self, reports, bits):
        loop = reports.main("integers")
        assert (loop["bits"], loop["scalar_floats"], loop["spills"], loop["calls"]) == (bits, 0, 0, {})
        assert loop["remarks"] == []
        assert loop["line"] == line_of("    for i in range(x.size):\n        s += x[i]")
        rest = reports.loops("integers")[-1]
        assert (rest["rest"], rest["bits"], rest["remarks"]) == (True, 0, [])

    def test_a_sum_of_floats_in_order_is_not(self, reports):
        loop = reports.main("floats")
        assert (loop["bits"], loop["stored_bits"], loop["signs"]) == (0, 0, ["sum"])
        assert loop["scalar_floats"] >= 1
        (remark,) = loop["remarks"]
        assert remark == (
            "adds or multiplies floats one after the other, in order: fastmath={'reassoc'} or vectors of simd let a "
            "sum be split"
        )

    def test_a_sum_of_floats_in_any_order_is(self, reports, bits):
        assert reports.main("any_order")["bits"] == bits
        assert reports.main("any_order")["remarks"] == []

    def test_a_step_that_only_the_run_tells(self, reports):
        assert reports.told["floats"]["signatures"][1]["signature"] == "float64[:]"
        assert reports.says("floats", "arrays that are contiguous", 1)
        assert not reports.says("floats", "arrays that are contiguous", 0)

    def test_calls_of_the_c_library(self, reports):
        loop = reports.main("exponentials")
        assert set(loop["calls"]) == {"exp"}
        assert loop["bits"] == 0
        assert any(
            remark.startswith("calls exp") and remark.endswith("numba has no vector version of it here")
            for remark in loop["remarks"]
        )

    def test_calls_of_functions_that_are_not_inlined(self, reports):
        assert {name for loop in reports.loops("calling") for name in loop["calls"]} == {"kernels.fibonacci"}
        assert reports.says("calling", "not inlined; forceinline=True in its jk.jit takes it into this loop")

    def test_nested_loops_come_before_the_loop_that_they_are_in(self, reports):
        depths = [loop["depth"] for loop in reports.loops("nested")]
        assert depths[0] == 2
        (outer,) = (loop for loop in reports.loops("nested") if not loop["innermost"])
        assert outer["depth"] == 1
        assert outer["calls"].keys() == {"exp"}
        assert [loop["calls"] for loop in reports.loops("nested") if loop["depth"] == 2] == [{}] * depths.count(2)
        assert outer["line"] == line_of("    for i in range(x.shape[0])")
        assert reports.loops("nested")[0]["line"] == line_of("        for j in range(x.shape[1])")

    def test_no_loop(self, reports):
        assert reports.loops("no_loop") == []
        assert reports.texts["no_loop"].splitlines()[1:] == ["  (int64, int64)", "    no loops"]

    def test_spills(self, reports):
        loop = reports.main("crowded")
        assert loop["spills"] >= 5
        assert loop["reloads"] >= 5
        assert f"spills {loop['spills']} registers to the stack: keep fewer values alive at a time" in loop["remarks"]

    def test_exceptions_and_divisions(self, reports):
        loop = reports.main("checked")
        assert loop["exceptions"] == ["ZeroDivisionError"]
        assert loop["divisions"] >= 1
        assert reports.says("checked", "may raise ZeroDivisionError: error_model='numpy', the default of jk.jit")
        assert reports.says("checked", "divides integers")

    def test_stores(self, reports, bits):
        loop = reports.main("copied")
        assert (loop["bits"], loop["stored_bits"], loop["remarks"]) == (0, bits, [])
        assert f"stores {bits} bits" in reports.texts["copied"]

    def test_roots_are_vectors(self, reports, bits):
        loop = reports.main("roots")
        assert (loop["bits"], loop["stored_bits"], loop["calls"]) == (bits, bits, {})

    def test_memory_and_reference_counts(self, reports):
        assert reports.says("allocating", "allocates memory in every turn")
        assert reports.says("allocating", "counts references (NRT) in every turn")

    def test_several_ways_out(self, reports):
        assert reports.says("first", "can be left at several places")

    def test_loops_of_the_parallel_part(self, reports, bits):
        parallel = [loop for loop in reports.loops("in_parallel") if loop["parallel"]]
        assert max(loop["bits"] for loop in parallel) == bits
        assert reports.told["in_parallel"]["signatures"][0]["calls"]["numba_parallel_for"] == 1

    def test_texts_are_80_columns_wide(self, reports):
        for text in reports.texts.values():
            assert all(len(line) <= 80 for line in text.splitlines() if " " in line.strip()), text

    def test_a_kernel_that_was_loaded_has_the_same_loops(self, reports, folder, level):
        again = reports_of(folder, cpu.level_environment(level))
        assert {"exponentials", "nested", "crowded", "roots", "calling"}.isdisjoint(again.compiled)
        assert again.told == reports.told


FLOATS = """
import jitkit as jk
import numpy as np
from jitkit.simd._report import report
import numba

@jk.jit
def total(x, k):
    s = 0.0
    for value in x:
        s += value * k
    return s

def message(*arguments):
    try:
        return str(report(*arguments))
    except Exception as error:
        return f"{type(error).__name__}: {error}"

told = [message(total)]
total(np.ones(3), 2.0)
total(np.ones(3, "f4"), 2)
told += map(str.__len__, [message(total), message(total, "float64[::1], float64")])
array = numba.types.Array(numba.float32, 1, "C")
for signature in ["float64[::1], float64", "array(float32, 1d, C), int64", (array, numba.int64),
                  numba.float64(array, numba.int64), "float64(float32[::1], int64)"]:
    told.append([loops.signature for loops in report(total, signature).signatures])
told += [message(total, signature) for signature in ["int64, int64", "int64", "nonsense", 3]]
import json
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run([sys.executable, "-c", FLOATS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestSignatures:
    def test_what_is_not_compiled_yet(self, told):
        assert told[0] == (
            "ValueError: expected __main__:total to be compiled, got it compiled for nothing: call it with such "
            "arguments first, or name their types: total.compile(...)"
        )

    def test_all_signatures_or_one(self, told):
        assert told[1] > told[2]

    def test_each_way_to_write_a_signature(self, told):
        assert told[3:8] == [["float64[::1], float64"], *[["float32[::1], int64"]] * 4]

    def test_a_signature_that_is_not_compiled(self, told):
        for asked, said in zip(("int64, int64", "int64"), told[8:10], strict=True):
            assert said == (
                f"ValueError: expected __main__:total to be compiled for ({asked}), got it compiled for "
                "(float64[::1], float64); (float32[::1], int64): call it with such arguments first, or name their "
                "types: total.compile(...)"
            )

    def test_what_is_no_signature(self, told):
        expected = 'TypeError: expected types of arguments, like "float64[::1], int64", got '
        assert told[10:] == [f"{expected}'nonsense'", f"{expected}3"]

    @pytest.mark.parametrize("value", [len, 3, None, lambda x: x])
    def test_what_numba_did_not_compile(self, value):
        with pytest.raises(TypeError, match=f"^expected a function made by jk.jit, got {type(value).__name__}$"):
            report(value)


def test_importing_it_loads_no_numba():
    code = "import sys, jitkit.simd._report; print(sorted({'numba', 'llvmlite'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("_ZN1k4fsumB19v748159775277021709B56c8tJTIeE5ArrayIdLi1E1C7mutable7alignedE", "k.fsum"),
        ("_ZN5numba2np8arrayobj4make12_3clocals_3e4implB19vE", "numba.np.arrayobj.make.<locals>.impl"),
        ("__gufunc__._ZN13_3cdynamic_3e4partB1vE", "<dynamic>.part"),
        ("_Z4name5ArrayIdE", "name"),
        ("exp", "exp"),
        ("NRT_decref", "NRT_decref"),
        ("_ZN99short", "_ZN99short"),
        ("_ZN0E", "_ZN0E"),
        ("_Z", "_Z"),
        ("", ""),
    ],
)  # fmt: skip
def test_names_of_symbols(symbol, name):
    from jitkit._core.assembly import readable

    assert readable(symbol) == name


class TestInstructions:
    @pytest.mark.parametrize(
        ("code", "kind", "bits"),
        [
            ("vaddpd (%rax,%rcx,8), %zmm0, %zmm1", "vector", 512),
            ("vfmadd231ps %ymm0, %ymm1, %ymm2", "vector", 256),
            ("pmulld %xmm0, %xmm1", "vector", 128),
            ("vpabsd %ymm0, %ymm1", "vector", 256),
            ("vpmaxsd %xmm0, %xmm1, %xmm1", "vector", 128),
            ("vcmpltps %zmm0, %zmm1, %k1 {%k2}", "vector", 512),
            ("vcvtdq2pd %xmm0, %ymm0", "vector", 256),
            ("vpermpd $27, %ymm0, %ymm1", "vector", 256),
            ("vandps %ymm0, %ymm1, %ymm1", "vector", 256),
            ("vsqrtpd (%rax), %zmm0", "vector", 512),
            ("addsd %xmm0, %xmm1", "scalar", 0),
            ("vfmadd213ss (%rax), %xmm0, %xmm1", "scalar", 0),
            ("cvtsi2sdq %rax, %xmm0", "scalar", 0),
            ("vcvttsd2si %xmm0, %rax", "scalar", 0),
            ("vcvtusi2sd %rax, %xmm0, %xmm0", "scalar", 0),
            ("vsqrtsd %xmm0, %xmm0, %xmm0", "scalar", 0),
            ("ucomisd %xmm0, %xmm1", "scalar", 0),
            ("vxorps %xmm0, %xmm0, %xmm0", "move", 128),
            ("vpternlogd $255, %zmm0, %zmm0, %zmm0", "move", 512),
            ("andpd %xmm1, %xmm0", "move", 128),
            ("vmovsd (%rax), %xmm0", "move", 128),
            ("vmovups (%rax), %zmm0", "move", 512),
            ("vpbroadcastq %rax, %ymm0", "move", 256),
            ("vextracti128 $1, %ymm0, %xmm1", "move", 256),
            ("vgatherqpd (%rax,%zmm0,8), %zmm1 {%k1}", "gather", 512),
            ("addq %rax, %rcx", "", 0),
            ("jmp .LBB0_1", "", 0),
            ("fadd d0, d0, d1", "scalar", 0),
            ("scvtf d0, x1", "scalar", 0),
            ("fadd v0.2d, v0.2d, v1.2d", "vector", 128),
            ("add v0.2s, v0.2s, v1.2s", "vector", 64),
            ("ldp q0, q1, [x11, #-16]", "move", 128),
            ("fmov d0, x1", "", 0),
            ("add x0, x0, #1", "", 0),
        ],
    )
    def test_kinds(self, code, kind, bits):
        assert work_of(instruction_of(code)) == (kind, bits)

    @pytest.mark.parametrize(
        ("code", "bits"),
        [
            ("vmovups %zmm0, (%rax,%rcx,8)", 512),
            ("movdqu %xmm0, 16(%rax)", 128),
            ("vmovups (%rax), %zmm0", 0),
            ("vmovsd %xmm0, (%rax)", 0),
            ("vmovups %ymm0, 32(%rsp)", 0),
            ("vmovaps %xmm0, %xmm1", 0),
            ("stp q0, q1, [x10]", 128),
            ("ldr q0, [x10]", 0),
        ],
    )
    def test_stores(self, code, bits):
        assert stored_bits(instruction_of(code)) == bits

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("idivq %rcx", "integer"), ("divl %ecx", "integer"), ("udiv x0, x1, x2", "integer"),
            ("vdivsd %xmm0, %xmm1, %xmm1", "float"), ("divps %xmm0, %xmm1", "float"), ("fdiv d0, d1, d2", "float"),
            ("imulq %rax", ""),
        ],
    )  # fmt: skip
    def test_divisions(self, code, kind):
        assert division_of(instruction_of(code)) == kind

    @pytest.mark.parametrize(
        ("code", "chained"),
        [
            ("addsd (%rax), %xmm0", True), ("vaddsd (%rax), %xmm0, %xmm0", True), ("vaddsd %xmm1, %xmm2, %xmm0", False),
            ("vfmadd231sd (%rax), %xmm1, %xmm0", True), ("vaddpd (%rax), %xmm0, %xmm0", False),
            ("fadd d0, d0, d1", True), ("fadd d0, d1, d2", False), ("fmul v0.2d, v0.2d, v0.2d", False),
        ],
    )  # fmt: skip
    def test_chains(self, code, chained):
        assert is_chained(instruction_of(code)) is chained

    @pytest.mark.parametrize(
        ("code", "register"),
        [
            ("movl $1, %eax", "%rax"), ("movq %rax, (%rcx)", ""), ("cmpq %rax, %rcx", ""), ("setb %cl", "%rcx"),
            ("movb $1, %r8b", "%r8"), ("vaddps %zmm0, %zmm1, %zmm2 {%k1} {z}", "%zmm2"), ("xorl %esi, %esi", "%rsi"),
            ("ldr x0, [x1]", "x0"), ("str x0, [x1]", ""), ("retq", ""),
        ],
    )  # fmt: skip
    def test_destinations(self, code, register):
        assert destination(instruction_of(code)) == register

    def test_operands(self):
        assert operands_of('$".const.a, b (", %rsi') == ('$".const.a, b ("', "%rsi")
        assert operands_of("(%rax,%rcx,8), %zmm0 {%k1} {z}") == ("(%rax,%rcx,8)", "%zmm0 {%k1} {z}")
        assert operands_of("q0, [x1, #16], #32") == ("q0", "[x1, #16]", "#32")
        assert operands_of("") == ()

    def test_prefixes(self):
        assert instruction_of("lock\t\tdecq\t(%rdi)") == ("decq", ("(%rdi)",), "", "lock")
        assert instruction_of("rep") == ("rep", (), "", "")

    def test_comments(self):
        assert split_comment('\tmovabsq\t$"a # b", %rax  # c # d') == ('movabsq\t$"a # b", %rax', " c # d")
        assert split_comment("\tadd x0, x0, #1 // c", is_arm=True) == ("add x0, x0, #1", " c")


def function(*lines):
    return "\n".join(["f:", *(line if line.endswith(":") else f"\t{line}" for line in lines), ".Lfunc_end0:", "\tnop"])


def shape(assembly):
    """Labels of the headers of loops, with their depths."""
    blocks = blocks_of(assembly, "f")
    return [(blocks[cycle.header].label, cycle.depth) for cycle in cycles_of(blocks)]


class TestBlocks:
    def test_another_function_is_not_looked_at(self):
        assert blocks_of("g:\n.LBB0_1:\n\tjmp .LBB0_1\n", "f") == []

    def test_symbols_may_stand_in_quotes_or_have_an_underscore(self):
        for label in ('"a b"', '"_a b"'):
            assert len(blocks_of(f"{label}:\n\tretq\n", "a b")) == 1

    def test_a_loop(self):
        assert shape(function("nop", ".LBB0_1:", "decq %rax", "jne .LBB0_1", "retq")) == [(".LBB0_1", 1)]

    def test_the_whole_function_may_be_one(self):
        assert shape(function("jmp f")) == [("f", 1)]

    def test_nested_loops_innermost_first(self):
        assert shape(
            function(".LBB0_1:", "nop", ".LBB0_2:", "jne .LBB0_2", "jne .LBB0_1", ".LBB0_3:", "jne .LBB0_3", "retq")
        ) == [(".LBB0_2", 2), (".LBB0_1", 1), (".LBB0_3", 1)]

    def test_code_after_a_jump_is_a_block_of_its_own(self):
        blocks = blocks_of(function("jmp .LBB0_1", "nop", ".LBB0_1:", "je .LBB0_1", "ud2", "nop"), "f")
        assert [block.successors for block in blocks] == [[2], [2], [2, 3], [], []]

    def test_jumps_out_of_the_function_go_nowhere(self):
        assert [block.successors for block in blocks_of(function("je other", "jmpq *%rax"), "f")] == [[1], []]

    def test_jump_tables(self):
        table = "\n.LJTI0_0:\n\t.quad\t.LBB0_1\n\t.long\t.LBB0_2-.LJTI0_0\n.Lother:\n\t.quad .LBB0_3\n"
        blocks = blocks_of(
            function("jmpq *.LJTI0_0(,%rax,8)", ".LBB0_1:", "retq", ".LBB0_2:", "jmp f", ".LBB0_3:") + table, "f"
        )
        assert [block.successors for block in blocks] == [[1, 2], [], [0], []]

    def test_a_table_whose_address_was_taken_before(self):
        lines = "movabsq $.LJTI0_0, %rcx", ".LBB0_1:", "jmpq *(%rcx,%rax,8)", ".LBB0_2:", "jmp .LBB0_1"
        assert shape(function(*lines) + "\n.LJTI0_0:\n\t.quad .LBB0_2\n") == [(".LBB0_1", 1)]

    def test_a_loop_with_two_entries_is_one_loop(self):
        assert shape(
            function("je .LBB0_2", ".LBB0_1:", "nop", ".LBB0_2:", "je .LBB0_1", "retq"),
        ) == [(".LBB0_1", 1)]

    def test_many_blocks(self):
        lines = [line for number in range(3000) for line in (f".LBB0_{number}:", "nop")]
        assert shape(function(*lines, "jmp .LBB0_0")) == [(".LBB0_0", 1)]


class TestCalls:
    @pytest.mark.parametrize(
        ("lines", "name"),
        [
            (["callq exp"], "exp"),
            (["callq exp@PLT"], "exp"),
            (["movabsq $exp, %rax", "callq *%rax"], "exp"),
            (['movabsq $"a b", %rax', "callq *%rax"], "a b"),
            (["leaq exp(%rip), %rax", "callq *%rax"], "exp"),
            (["movabsq $exp, %rax", "movq %rax, 8(%rsp)", "xorl %eax, %eax", "callq *8(%rsp)"], "exp"),
            (["movabsq $exp, %rbx", "movq %rbx, 8(%rsp)", "movq 8(%rsp), %r14", "callq *%r14"], "exp"),
            (["movabsq $exp, %rbx", "callq sin", "callq *%rbx"], "exp"),
            (["movabsq $exp, %rax", "callq sin", "callq *%rax"], UNKNOWN),  # what sin returned
            (["movabsq $exp, %rax", "movq (%rax), %rax", "callq *%rax"], UNKNOWN),
            (["movabsq $exp, %rbx", "movq %rbx, 8(%rsp)", "pushq %rax", "callq *8(%rsp)"], UNKNOWN),
            (["movabsq $140703, %rax", "callq *%rax"], UNKNOWN),
            (["callq *%rdi"], UNKNOWN),
            (["callq *(%rax,%rcx,8)"], UNKNOWN),
            (["callq"], UNKNOWN),
            (["bl exp"], "exp"),
            (["movz x8, #:abs_g3:exp", "movk x8, #:abs_g0_nc:exp", "blr x8"], "exp"),
            (["adrp x8, :got:exp", "ldr x8, [x8, :got_lo12:exp]", "blr x8"], "exp"),
            (["blr x0"], UNKNOWN),
        ],
    )
    def test_names(self, lines, name):
        blocks = blocks_of(function(*lines), "f", is_arm="bl" in lines[-1])
        assert called(blocks, 0, len(blocks[0].instructions) - 1) == name

    def test_an_address_from_before_the_loop(self):
        lines = "movabsq $exp, %rbx", ".LBB0_1:", "callq *%rbx", "jne .LBB0_1", "retq"
        (loop,) = measure(function(*lines), "f").loops
        assert loop.calls == {"exp": 1}

    def test_one_of_two(self):
        lines = "movabsq $exp, %rbx", "je .LBB0_1", "movabsq $sin, %rbx", ".LBB0_1:", "callq *%rbx"
        assert measure(function(*lines), "f").calls == {UNKNOWN: 1}


SOUP = (
    ["", "\t", ".LBB0_1:", "f:", "\tlock ", ".LJTI0_0:"],
    [
        "jmp", "jne .LBB0_1", "jmpq *", "callq *%rax", "vaddpd", "movq", "addq %rax, ", "ret", ".quad .LBB0_1", '"',
        "b.", "blr",
    ],
    [
        "", " ", " .LBB0_1", " %xmm0", " $f, %rax", " (%rax", ",,", " # %bb.1: # %B0", " x0", " # 8-byte Spill", " q0",
        "({[",
    ],
)  # fmt: skip


class TestMeasure:
    def test_what_a_loop_contains(self):
        (loop,) = measure(
            function(
                ".LBB0_1:", "vmovups (%rdi), %ymm0", "vaddps %ymm0, %ymm1, %ymm1", "movq %rax, 8(%rsp) # 8-byte Spill",
                "addq 8(%rsp), %rcx # 8-byte Folded Reload", "lock incq (%rsi)", "vaddss %xmm4, %xmm2, %xmm3",
                "divq %rcx", "jne .LBB0_1", "retq",
            ),
            "f",
        ).loops  # fmt: skip
        assert loop == Loop(
            label=".LBB0_1", line=None, depth=1, innermost=True, rest=False, parallel=False, instructions=8, bits=256,
            stored_bits=0, scalar_floats=1, divisions=1, spills=1, reloads=1, calls={},
            signs=("integer division", "atomic"), exceptions=(),
        )  # fmt: skip
        assert remarks(loop, 512) == [
            "has atomic instructions, as reference counts (NRT) and locks are: none of them is vectorised",
            "uses 256 of 512 bits",
            "1 instruction for one float each",
            "spills 1 register to the stack: keep fewer values alive at a time",
        ]

    def test_an_outer_loop_is_counted_without_the_inner_one(self):
        lines = ".LBB0_1:", "callq g", ".LBB0_2:", "addps %xmm0, %xmm1", "jne .LBB0_2", "jne .LBB0_1", "retq"
        inner, outer = measure(function(*lines), "f").loops
        assert (inner.instructions, inner.bits, inner.calls) == (2, 128, {})
        assert (outer.instructions, outer.bits, outer.calls, outer.innermost) == (2, 0, {"g": 1}, False)

    def test_converting_one_unsigned_number_is_no_vector_work(self):
        lines = ".LBB0_1:", "punpckldq (%rax), %xmm1", "subpd (%rcx), %xmm1", "addsd %xmm1, %xmm0", "jne .LBB0_1"
        (loop,) = measure(function(*lines), "f").loops
        assert (loop.bits, loop.scalar_floats) == (0, 1)

    @pytest.mark.parametrize(
        ("name", "rest"),
        [
            ("B4.epil", True), ("B4.prol.1", True), ("vec.epilog.vector.body", True), ("B4", False),
            ("epilogue", False),
        ],
    )  # fmt: skip
    def test_rests_by_name(self, name, rest):
        (loop,) = measure(f"f:\n.LBB0_1:  # %{name}\n\tjne .LBB0_1\n", "f").loops
        assert loop.rest is rest

    def test_the_rest_of_a_vectorised_loop(self):
        lines = (
            "f:\n.LBB0_1: # %vector.body\n\tjne .LBB0_1\n\tje .LBB0_3\n.LBB0_2: # %B8\n\tjne .LBB0_2\n.LBB0_3: # %B9\n"
        )
        after = ".LBB0_4: # %B10\n\tjne .LBB0_4\n\tretq\n"
        found = measure(lines + after, "f", line_of=lambda offset: 100 + offset).loops
        assert [(loop.label, loop.rest, loop.line) for loop in found] == [
            (".LBB0_1", False, 108),
            (".LBB0_2", True, 108),
            (".LBB0_4", False, 110),
        ]

    def test_blocks_that_are_inlined_have_no_line(self):
        assembly = "f:\n.LBB0_1:  # %B4.i\n\tjne .LBB0_1\n"
        assert measure(assembly, "f", line_of=lambda offset: offset).loops[0].line is None

    def test_exceptions(self):
        lines = (
            ".LBB0_1:",
            "je .LBB0_2",
            "jne .LBB0_1",
            "retq",
            ".LBB0_2:",
            "movabsq $.const.picklebuf.1f, %rax",
            "retq",
        )
        pickle = '\n.const.pickledata.1f:\n\t.ascii\t"\\214\\bbuiltins\\224\\214\\nValueError\\"\\224"\n'
        assert measure(function(*lines) + pickle, "f").loops[0].exceptions == ("ValueError",)
        assert measure(function(*lines), "f").loops[0].exceptions == ("an exception",)

    def test_arm(self):
        assembly = """
f:                                      // @f
	str	x30, [sp, #-48]!                // 8-byte Folded Spill
.LBB0_1:                                // %vector.body
	ldp	q0, q1, [x11, #-16]
	fmul	v1.2d, v1.2d, v1.2d
	stp	q0, q1, [x10, #-16]
	b.ne	.LBB0_1
	b.eq	.LBB0_3
.LBB0_2:                                // %B10
	ldr	d1, [x0, x8, lsl #3]
	fadd	d0, d0, d1
	bl	exp
	cbnz	x9, .LBB0_2
.LBB0_3:                                // %end
	ret
.Lfunc_end0:
"""
        vectorised, rest = measure(assembly, "f", is_arm=True).loops
        assert (vectorised.bits, vectorised.stored_bits, vectorised.rest, vectorised.signs) == (128, 128, False, ())
        assert (rest.bits, rest.scalar_floats, rest.rest, rest.calls) == (0, 1, True, {"exp": 1})
        assert "sum" in rest.signs

    @given(st.lists(st.text(max_size=30) | st.tuples(*map(st.sampled_from, SOUP)).map("".join)), st.booleans())
    def test_no_text_is_too_strange(self, lines, is_arm):
        found = measure("\n".join(["f:", *lines]), "f", is_arm=is_arm, line_of=lambda offset: offset)
        for loop in found.loops:
            assert loop.depth >= 1
            assert all(isinstance(remark, str) for remark in remarks(loop, 256))
        told = Report("m:f", "some", 256, (Compiled("int64", found.loops, found.calls),))
        assert str(told).startswith("m:f on some, vectors of 256 bits\n  (int64)\n")
        assert json.loads(json.dumps(told.to_dict())) == told.to_dict()


def test_a_text():
    loops = measure(function(".LBB0_1:", "callq exp", "jne .LBB0_1"), "f").loops
    assert str(Report("m:f", "some", 256, (Compiled("float64", loops, {"sin": 2}),))) == (
        "m:f on some, vectors of 256 bits\n"
        "  (float64)\n"
        "    .LBB0_1: scalar, 2 instructions, 1 call\n"
        "        calls exp in every turn, for one value each: numba has no vector version\n"
        "          of it here\n"
        "    outside of loops: calls sin 2 times"
    )
