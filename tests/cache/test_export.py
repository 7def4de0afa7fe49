"""Libraries are tried the way they are meant for: by programs in C and C++, and by a Python that never loads numba."""

import collections
import ctypes
import math
import os
import re
import shutil
import subprocess
import sys

import numba
import numpy as np
import pytest
from numba import types

import jitkit as jk
from jitkit._core import cpu
from jitkit.cache._export import export
from jitkit.errors import JitkitError

CHECKED = bool(numba.config.BOUNDSCHECK)  # this setting is stronger than any option

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc, which links the libraries"),
]
needs_cpp = pytest.mark.skipif(not shutil.which("g++"), reason="there is no g++")

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
C, CPP = ["gcc", "-std=c11", *WARNINGS], ["g++", "-std=c++17", *WARNINGS]


@jk.jit
def square(x):
    return x * x


@jk.jit
def mean_square(samples):
    if samples.size == 0:
        raise ValueError("no samples")
    total = 0.0
    for value in samples:
        if value < 0.0:
            raise ValueError("a sample is negative")
        total += square(value)
    return total / samples.size


@jk.jit
def accumulate(samples, totals, gain):
    for i in range(samples.size):
        totals[i] += gain * samples[i]


@numba.njit(error_model="python")
def quotient(a, b):
    return a // b


def run(*command, expect=0, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == expect, done.stderr
    return done.stdout


def program(folder, compiler, source, *libraries):
    """Compile a program against the libraries in a folder, and return what it prints."""
    file = folder / ("program.c" if compiler is C else "program.cpp")
    file.write_text(source)
    links = [f"-l{library}" for library in libraries]
    run(*compiler, "-I", folder, file, "-o", folder / "program", "-L", folder, *links, f"-Wl,-rpath,{folder}")
    return run(folder / "program")


def compiles(folder, source, compiler=C):
    file = folder / "snippet.c"
    file.write_text(source)
    command = [*compiler, "-fsyntax-only", "-I", str(folder), str(file)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def load(path, name=None):
    return getattr(ctypes.CDLL(str(path)), name or path.stem.removeprefix("lib"))


def header(path):
    return path.with_suffix(".h").read_text()


def declaration(path):
    (found,) = re.findall(r"^int32_t .*;$", header(path), re.MULTILINE)
    return found


def in_c(array):
    return ctypes.c_void_p(array.ctypes.data), *(ctypes.c_int64(length) for length in array.shape)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export(mean_square, "float64(float64[::1])", folder / "libmean_square.so")
    export(accumulate, "(float32[::1], float64[::1], float64)", folder / "libaccumulate.so")
    export(quotient, (types.int64, types.int64), folder / "libquotient.so")
    return folder


class TestPrograms:
    def test_in_c(self, exported):
        out = program(
            exported,
            C,
            """
            #include "libaccumulate.h"
            #include "libmean_square.h"
            #include <stdio.h>
            #include <unistd.h>
            int main(void) {
                static const double samples[] = {3, 1, 2, -1};
                static const float weights[] = {1, 2, 3};
                double totals[] = {10, 20, 30}, result = -1;
                int32_t status = mean_square(&result, samples, 2);
                printf("%d %g\\n", status, result);
                result = -1;
                status = mean_square(&result, samples, 0);
                printf("%d %g\\n", status, result);
                printf("%d\\n", mean_square(&result, samples, 4) == MEAN_SQUARE_ERROR_2);
                printf("%d", accumulate(weights, 3, totals, 3, 0.5) == ACCUMULATE_OK);
                printf(" %g %g %g\\n", totals[0], totals[1], totals[2]);
                return 0;
            }
            """,
            "accumulate",
            "mean_square",
        )
        assert out.splitlines() == ["0 5", "1 -1", "1", "1 10.5 21 31.5"]

    @needs_cpp
    def test_in_cpp(self, exported):
        out = program(
            exported,
            CPP,
            """
            #include "libmean_square.h"
            #include "libquotient.h"
            #include <iostream>
            #include <vector>
            int main() {
                const std::vector<double> samples{1, 2, 3, 4};
                double result = 0;
                int64_t whole = 0;
                std::cout << mean_square(&result, samples.data(), samples.size()) << ' ' << result << '\\n';
                std::cout << (quotient(&whole, -7, 2) == QUOTIENT_OK) << ' ' << whole << '\\n';
                std::cout << (quotient(&whole, 1, 0) == QUOTIENT_ERROR_1) << ' ' << whole << '\\n';
            }
            """,
            "mean_square",
            "quotient",
        )
        assert out.splitlines() == ["0 7.5", "1 -4", "1 -4"]

    def test_in_a_python_without_numba(self, exported):
        script = f"""if True:
            import ctypes, sys
            mean_square = ctypes.CDLL({str(exported / "libmean_square.so")!r}).mean_square
            result, samples = ctypes.c_double(), (ctypes.c_double * 3)(1, 2, 4)
            print(mean_square(ctypes.byref(result), samples, ctypes.c_int64(3)), result.value)
            print({{"numba", "llvmlite", "numpy"}} & sys.modules.keys())
        """
        assert run(sys.executable, "-c", script).splitlines() == ["0 7.0", "set()"]


class TestLibraries:
    @pytest.mark.parametrize("name", ["mean_square", "accumulate", "quotient"])
    def test_have_one_function_and_need_nothing(self, exported, name):
        library = exported / f"lib{name}.so"
        assert run("nm", "-D", "--defined-only", library).split()[1:] == ["T", name]
        needed = {line.split()[-1].split("@")[0] for line in run("nm", "-D", "--undefined-only", library).splitlines()}
        crt = {"__gmon_start__", "__cxa_finalize", "_ITM_registerTMCloneTable", "_ITM_deregisterTMCloneTable"}
        assert needed <= crt

    def test_need_no_library_but_those_of_c(self, tmp_path):
        @jk.jit
        def curve(x):
            return math.sin(x) + math.erf(x) + x**1.7

        path = export(curve, "(float64,)", tmp_path / "libcurve.so")
        needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", path))
        assert set(needed) <= {"libm.so.6", "libc.so.6"}
        assert "libm.so.6" in needed
        symbols = run("nm", "-D", "--undefined-only", path)
        assert not re.search(r"\b(_?Py|numba_|NRT_)", symbols)
        out = ctypes.c_double()
        assert load(path)(ctypes.byref(out), ctypes.c_double(0.5)) == 0
        assert out.value == pytest.approx(math.sin(0.5) + math.erf(0.5) + 0.5**1.7, rel=1e-15)

    def test_do_not_tell_where_sources_lie(self, exported):
        for path in exported.glob("lib*"):
            data = path.read_bytes()
            assert os.fsencode(__file__) not in data
            assert b"test_export" not in data
            assert os.fsencode(exported) not in data

    def test_are_the_same_each_time(self, tmp_path):
        first, second = (
            export(mean_square, "(float64[::1],)", path / "libm.so").read_bytes() for path in folders(tmp_path, "ab")
        )
        assert first == second

    @pytest.mark.parametrize("processor", ["x86-64", "x86-64-v3", None])
    def test_use_only_what_the_processor_has(self, tmp_path, processor):
        if processor and not cpu.llvm.get_process_triple().startswith("x86_64"):
            pytest.skip("not an x86-64 host")
        path = export(accumulate, "(float32[::1], float32[::1], float32)", tmp_path / "libaccumulate.so", cpu=processor)
        assert f"compiled for {processor or cpu.settled()[0]}." in header(path)
        code = run("objdump", "-d", path)
        assert "zmm" not in code or processor is None
        has_vectors = "avx2" in cpu.target().features and not CHECKED  # a loop that checks indices has none
        assert ("ymm" in code) == has_vectors or processor is not None
        assert processor != "x86-64" or "ymm" not in code
        weights, totals = np.arange(37, dtype=np.float32), np.ones(37, np.float32)
        if processor is None or cpu.runs_here("haswell"):
            assert load(path)(*in_c(weights), *in_c(totals), ctypes.c_float(2)) == 0
            assert totals.tolist() == [1 + 2 * i for i in range(37)]


def folders(path, names):
    for name in names:
        (path / name).mkdir()
        yield path / name


class TestConst:
    def test_stands_where_nothing_is_stored(self, exported):
        assert declaration(exported / "libmean_square.so") == (
            "int32_t mean_square(double *out, const double *samples, int64_t samples_n);"
        )
        assert declaration(exported / "libaccumulate.so") == (
            "int32_t accumulate(const float *samples, int64_t samples_n, double *totals, int64_t totals_n, "
            "double gain);"
        )

    @pytest.mark.parametrize(
        ("first", "second", "passes"), [("const", "", True), ("", "", True), ("const", "const", False)]
    )
    def test_is_checked_by_c(self, exported, first, second, passes):
        source = f"""
            #include "libaccumulate.h"
            int32_t f({first} float *a, {second} double *b) {{ return accumulate(a, 1, b, 1, 2.0); }}
        """
        assert compiles(exported, source) is passes

    def test_sees_through_helpers_and_branches(self, tmp_path):
        @jk.jit
        def fill(target, value):
            for i in range(target.size):
                target[i] = value

        @jk.jit
        def first_of(source):
            return source[0]

        @jk.jit
        def choose(a, b, c, d, which):
            fill(a[1:] if which else b, first_of(c[2:]))
            return d[0] if which else c[0]

        path = export(choose, "(int8[::1], int8[::1], int8[::1], int8[::1], boolean)", tmp_path / "libchoose.so")
        assert declaration(path) == (
            "int32_t choose(int8_t *out, int8_t *a, int64_t a_n, int8_t *b, int64_t b_n, "
            "const int8_t *c, int64_t c_n, const int8_t *d, int64_t d_n, bool which);"
        )
        a, b, c, d = (np.full(4, value, np.int8) for value in (1, 2, 3, 4))
        out = ctypes.c_int8()
        arguments = [argument for array in (a, b, c, d) for argument in in_c(array)]
        assert load(path)(ctypes.byref(out), *arguments, ctypes.c_bool(True)) == 0
        assert (out.value, a.tolist(), b.tolist()) == (4, [1, 3, 3, 3], [2, 2, 2, 2])

    def test_stands_for_a_read_only_array(self, tmp_path):
        @jk.jit
        def nothing(a, b):
            pass

        given = types.Array(types.uint8, 1, "C", readonly=True)
        path = export(nothing, (given, types.uint8[::1]), tmp_path / "libnothing.so")
        assert declaration(path).count("const uint8_t *") == 2  # nothing is stored to the other one either

    def test_does_not_stand_where_something_is_stored_through_a_view(self, tmp_path):
        @jk.jit
        def view(a, b, i):
            (a if i > 2 else b)[1:].view(np.int32)[i] = 1

        path = export(view, "(int64[::1], int64[::1], int64)", tmp_path / "libview.so")
        assert "const" not in declaration(path)


class TestStatuses:
    def test_tell_exceptions_apart(self, exported):
        text = header(exported / "libmean_square.so")
        assert "MEAN_SQUARE_OK = 0," in text
        assert "MEAN_SQUARE_ERROR_1 = 1, /* ValueError('no samples') */" in text
        assert "MEAN_SQUARE_ERROR_2 = 2, /* ValueError('a sample is negative') */" in text
        assert "MEAN_SQUARE_ERROR_OTHER = -1," in text
        assert "ERROR_3" not in text

    def test_know_division_by_zero(self, exported):
        assert "QUOTIENT_ERROR_1 = 1, /* ZeroDivisionError('integer division by zero') */" in header(
            exported / "libquotient.so"
        )
        divide, out = load(exported / "libquotient.so"), ctypes.c_int64(99)
        assert divide(ctypes.byref(out), ctypes.c_int64(5), ctypes.c_int64(0)) == 1
        assert out.value == 99

    def test_keep_the_error_model_of_the_function(self, tmp_path):
        path = export(jk.jit(quotient.py_func), "(float64, float64)", tmp_path / "libquotient.so")
        assert "ZeroDivisionError" not in header(path)
        out = ctypes.c_double()
        assert load(path)(ctypes.byref(out), ctypes.c_double(1), ctypes.c_double(0)) == 0
        assert math.isinf(out.value)

    def test_are_shared_by_equal_exceptions(self, tmp_path):
        class UnhappyError(Exception):
            pass

        @jk.jit
        def inner(n):
            if n == 3:
                raise UnhappyError
            return n

        @jk.jit
        def outer(n):
            if n == 1:
                raise KeyError("a", 1)
            if n == 2:
                raise KeyError("a", 1)
            if n == 4:
                raise KeyError("a", "1")
            if n == 5:
                raise IndexError('*/ "quoted" /* \\ \n ?')
            return inner(n)

        path = export(outer, "(int32,)", tmp_path / "libouter.so")
        outer, out = load(path), ctypes.c_int32()
        statuses = [outer(ctypes.byref(out), ctypes.c_int32(n)) for n in range(7)]
        assert statuses[0] == statuses[6] == 0
        assert statuses[1] == statuses[2]
        assert len(set(statuses)) == 5
        text = header(path)
        meanings = dict(re.findall(r"_ERROR_(\d+) = .*?/\* (.*) \*/", text))
        assert sorted(map(int, meanings)) == [1, 2, 3, 4]
        assert meanings[str(statuses[1])] == "KeyError('a', 1)"
        assert meanings[str(statuses[4])] == "KeyError('a', '1')"
        assert meanings[str(statuses[3])].endswith("UnhappyError()")
        assert meanings[str(statuses[5])] == r"""IndexError('* / "quoted" / * \\ \n ?')"""
        assert compiles(tmp_path, '#include "libouter.h"\nint unused;')

    def test_leave_out_what_cannot_come(self, tmp_path):
        @jk.jit
        def halves(a):
            return a.view(np.int32)[1]  # numba raises where the last axis has gaps

        path = export(halves, "(int64[::1],)", tmp_path / "libhalves.so")
        assert "HALVES_ERROR_OTHER" in header(path)
        assert ("HALVES_ERROR_1" in header(path)) == CHECKED
        a, out = np.array([5 << 32]), ctypes.c_int32()
        assert load(path)(ctypes.byref(out), *in_c(a)) == 0
        assert out.value == 5

    def test_leave_out_what_was_caught(self, tmp_path):
        @jk.jit
        def calm(n):
            try:
                if n > 3:
                    raise ValueError("large")
            except Exception:
                return -1
            return n

        path = export(calm, "(int64,)", tmp_path / "libcalm.so")
        calm, out = load(path), ctypes.c_int64()
        for n, expected in ((3, 3), (4, -1)):
            assert calm(ctypes.byref(out), ctypes.c_int64(n)) == 0
            assert out.value == expected

    def test_have_one_for_the_end_of_an_iterator(self, tmp_path):
        @jk.jit
        def pair(n):
            yield n
            yield n + 1

        @jk.jit
        def third(n):
            steps = pair(n)
            return next(steps) + next(steps) + (next(steps) if n else 0)

        path = export(third, "(int64,)", tmp_path / "libthird.so")
        assert "THIRD_ERROR_1 = 1, /* StopIteration() */" in header(path)
        out = ctypes.c_int64()
        assert load(path)(ctypes.byref(out), ctypes.c_int64(0)) == 0
        assert out.value == 1
        assert load(path)(ctypes.byref(out), ctypes.c_int64(1)) == 1

    @pytest.mark.parametrize("name", ["f", "W", "x"])
    def test_do_not_collide_with_macros(self, tmp_path, name):
        path = export(square, "(int32,)", tmp_path / "lib.so", name=name)
        assert compiles(tmp_path, f'#include <unistd.h>\n#include "lib.h"\nint f_ok = {name.upper()}_STATUS_OK;')
        assert load(path, name)(ctypes.byref(ctypes.c_int32()), ctypes.c_int32(2)) == 0


NUMBERS = {
    **{f"int{n}": (f"int{n}_t", getattr(ctypes, f"c_int{n}"), -(2 ** (n - 1)) + 1) for n in (8, 16, 32, 64)},
    **{f"uint{n}": (f"uint{n}_t", getattr(ctypes, f"c_uint{n}"), 2**n - 2) for n in (8, 16, 32, 64)},
    "float32": ("float", ctypes.c_float, -1.5),
    "float64": ("double", ctypes.c_double, 1e300),
    "boolean": ("bool", ctypes.c_bool, True),
}


class TestTypes:
    @pytest.mark.parametrize("name", NUMBERS)
    def test_every_number_goes_in_and_out(self, tmp_path, name):
        @jk.jit
        def move(number, numbers):
            result = numbers[1]
            numbers[0] = number
            return result

        in_words, ctype, value = NUMBERS[name]
        path = export(move, f"{name}({name}, {name}[::1])", tmp_path / "libmove.so")
        assert declaration(path) == (
            f"int32_t move({in_words} *out, {in_words} number, {in_words} *numbers, int64_t numbers_n);"
        )
        out, numbers = ctype(), (ctype * 2)(0, value)
        assert load(path)(ctypes.byref(out), ctype(value), numbers, ctypes.c_int64(2)) == 0
        assert (out.value, numbers[0]) == (value, value)

    def test_arrays_of_several_axes_have_a_length_for_each(self, tmp_path):
        @jk.jit
        def multiply(a, b, out):
            for i in range(a.shape[0]):
                for j in range(b.shape[1]):
                    out[i, j] = 0
                    for k in range(a.shape[1]):
                        out[i, j] += a[i, k] * b[k, j]

        path = export(multiply, "void(float64[:, ::1], float64[:, ::1], float64[:, ::1])", tmp_path / "libmultiply.so")
        assert declaration(path) == (
            "int32_t multiply(const double *a, int64_t a_n0, int64_t a_n1, const double *b, int64_t b_n0, "
            "int64_t b_n1, double *out, int64_t out_n0, int64_t out_n1);"
        )
        a, b, out = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4), np.empty((2, 4))
        assert load(path)(*in_c(a), *in_c(b), *in_c(out)) == 0
        assert out.tolist() == (a @ b).tolist()

    def test_views_know_their_strides(self, tmp_path):
        @jk.jit
        def pick(a, i, j, k):
            return a[:, j][i, k] + a[i][:, k][j]

        path = export(pick, "(int16[:, :, ::1], int64, int64, int64)", tmp_path / "libpick.so")
        a, out = np.arange(60, dtype=np.int16).reshape(3, 4, 5), ctypes.c_int64()
        assert load(path)(ctypes.byref(out), *in_c(a), *map(ctypes.c_int64, (2, 1, 3))) == 0
        assert out.value == 2 * a[2, 1, 3]

    def test_arrays_may_be_handed_on_and_returned_inside(self, tmp_path):
        @jk.jit
        def without(a, n):
            return a if n == 0 else without(a[1:], n - 1)

        @jk.jit
        def nth(a, n):
            return without(a, n)[0]

        path = export(nth, "(uint16[::1], int64)", tmp_path / "libnth.so")
        a, out = np.arange(7, dtype=np.uint16) ** 2, ctypes.c_uint16()
        assert load(path)(ctypes.byref(out), *in_c(a), ctypes.c_int64(5)) == 0
        assert out.value == 25

    def test_three_axes(self, tmp_path):
        @jk.jit
        def pick(a, i, j, k):
            return a[i, j, k] + a.size

        path = export(pick, "(int16[:, :, ::1], int64, int64, int64)", tmp_path / "libpick.so")
        a, out = np.arange(60, dtype=np.int16).reshape(3, 4, 5), ctypes.c_int64()
        assert load(path)(ctypes.byref(out), *in_c(a), *map(ctypes.c_int64, (2, 1, -1))) == 0
        assert out.value == a[2, 1, -1] + 60

    def test_a_tuple_has_a_pointer_for_each_element(self, tmp_path):
        Extent = collections.namedtuple("Extent", ["low", "high"])

        @jk.jit
        def extent(a):
            low = high = a[0]
            for value in a:
                low, high = min(low, value), max(high, value)
            return Extent(low, high)

        @jk.jit
        def mixed(a):
            return a, a > 1, np.float32(a / 2), 7

        path = export(extent, "(float64[::1],)", tmp_path / "libextent.so")
        assert "extent(double *out_low, double *out_high, const double *a, int64_t a_n);" in declaration(path)
        low, high, a = ctypes.c_double(), ctypes.c_double(), np.array([3.0, -1.0, 2.0])
        assert load(path)(ctypes.byref(low), ctypes.byref(high), *in_c(a)) == 0
        assert (low.value, high.value) == (-1.0, 3.0)
        path = export(mixed, "(int64,)", tmp_path / "libmixed.so")
        assert (
            declaration(path) == "int32_t mixed(int64_t *out_0, bool *out_1, float *out_2, int64_t *out_3, int64_t a);"
        )
        outs = ctypes.c_int64(), ctypes.c_bool(), ctypes.c_float(), ctypes.c_int64()
        assert load(path)(*map(ctypes.byref, outs), ctypes.c_int64(3)) == 0
        assert [out.value for out in outs] == [3, True, 1.5, 7]

    def test_a_constant_is_a_result_like_any_other(self, tmp_path):
        path = export(jk.jit(lambda: 7), "()", tmp_path / "libseven.so", name="seven")
        assert declaration(path) == "int32_t seven(int64_t *out);"
        out = ctypes.c_int64()
        assert load(path)(ctypes.byref(out)) == 0
        assert out.value == 7

    def test_a_function_without_parameters(self, tmp_path):
        table = np.array([2, 3, 5, 7])

        @jk.jit
        def constants():
            return table.sum()

        path = export(constants, "()", tmp_path / "libconstants.so")
        table[:] = 0  # too late
        assert declaration(path) == "int32_t constants(int64_t *out);"
        out = ctypes.c_int64()
        assert load(path)(ctypes.byref(out)) == 0
        assert out.value == 17

    def test_closures_keep_their_values(self, tmp_path):
        def scaled_by(factor):
            @jk.jit
            def scaled(x):
                return square(x) * factor

            return scaled

        for factor in (2, 10):
            path = export(scaled_by(factor), "(int64,)", tmp_path / f"libby{factor}.so")
            out = ctypes.c_int64()
            assert load(path, "scaled")(ctypes.byref(out), ctypes.c_int64(3)) == 0
            assert out.value == 9 * factor

    def test_a_function_may_call_itself(self, tmp_path):
        @jk.jit
        def fibonacci(n):
            if n < 0:
                raise ValueError("negative")
            if n < 2:
                return n
            return fibonacci(n - 1) + fibonacci(n - 2)

        path = export(fibonacci, "int64(int64)", tmp_path / "libfibonacci.so")
        out = ctypes.c_int64()
        assert load(path)(ctypes.byref(out), ctypes.c_int64(20)) == 0
        assert out.value == 6765
        assert load(path)(ctypes.byref(out), ctypes.c_int64(-1)) == 1

    def test_a_declared_result_is_converted_to(self, tmp_path):
        path = export(square, "float32(int32)", tmp_path / "libsquare.so")
        assert declaration(path) == "int32_t square(float *out, int32_t x);"

    def test_parameters_have_names_that_c_can_have(self, tmp_path):
        @jk.jit
        def awkward(register, out, a, a_n, é):
            a[0] = a_n
            return register + out + é

        path = export(awkward, "(int32, int32, int32[::1], int32, int32)", tmp_path / "libawkward.so")
        assert declaration(path) == (
            "int32_t awkward(int64_t *out_, int32_t register_, int32_t out, int32_t *a, int64_t a_n_, int32_t a_n, "
            "int32_t arg4);"
        )
        assert compiles(tmp_path, '#include "libawkward.h"\nint unused;')
        result, a = ctypes.c_int64(), np.zeros(1, np.int32)
        assert load(path)(ctypes.byref(result), 1, 10, *in_c(a), 5, 100) == 0
        assert (result.value, a[0]) == (111, 5)


class TestRefusals:
    @pytest.mark.parametrize(
        ("signature", "shown"),
        [
            ("(float64[:],)", "array(float64, 1d, A)"),
            ("(float64[::1, :],)", "array(float64, 2d, F)"),
            ("(complex128,)", "complex128"),
            ("(complex64[::1],)", "array(complex64, 1d, C)"),
            ("(unicode_type,)", "unicode_type"),
            ("(ListType(int64),)", "ListType[int64]"),
            ("(UniTuple(int64, 2),)", "UniTuple(int64 x 2)"),
            ((types.Record.make_c_struct([("a", types.int32)]),), "Record"),
            ((types.Array(types.float64, 0, "C"),), "array(float64, 0d, C)"),
            ((types.float16,), "float16"),
        ],
    )
    def test_parameters_that_c_cannot_have(self, tmp_path, signature, shown):
        with pytest.raises(TypeError, match=r"expected a number \(bool, int8 .* C-contiguous array") as caught:
            export(square, signature, tmp_path / "lib.so")
        assert f"got {shown}" in str(caught.value)
        assert str(caught.value).endswith("(parameter x of square)")

    @pytest.mark.parametrize(
        ("kernel", "shown"),
        [
            (lambda x: x, "array(int64, 1d, C)"),
            (lambda x: str(x.size), "unicode_type"),
            (lambda x: x[0] + 1j, "complex128"),
            (lambda x: (1, x), "Tuple(Literal[int](1), array(int64, 1d, C))"),
            (lambda x: x[0] if x[0] else None, "OptionalType(int64)"),
        ],
    )
    def test_results_that_c_cannot_have(self, tmp_path, kernel, shown):
        with pytest.raises(TypeError, match=r"expected a result that is None, a number .*passed as") as caught:
            export(jk.jit(kernel), "(int64[::1],)", tmp_path / "lib.so", name="kernel")
        assert f"got {shown} (result of <lambda>)" in str(caught.value)

    def test_code_that_needs_python_or_numba(self, tmp_path):
        def allocates(x):
            return np.sort(np.ones(x))[0]

        def prints(x):
            print(x)

        def draws(x):
            return x * np.random.random()

        def formats(x):
            if x > 3:
                raise ValueError(x)

        def assigns(x):
            target = np.zeros(9)
            target[x:] = target[:-x]

        def in_parallel(x):
            total = 0
            for i in numba.prange(x):
                total += i
            return total

        for kernel, options, message in (
            (allocates, {}, "allocates, which allocates memory: NRT_MemInfo_alloc"),
            (prints, {}, "prints, which uses Python objects: .*numba_gil_ensure"),
            (draws, {}, "draws, which draws random numbers: numba_get_np_random_state"),
            (formats, {}, "exceptions whose arguments are constants, got one with values .*in formats"),
            (assigns, {}, r"one with values .*\(in assigns\).* a loop in its place does not"),
            (in_parallel, {"parallel": True}, "runs in threads of numba: .*numba_parallel_for"),
        ):
            with pytest.raises(JitkitError, match=message):
                export(jk.jit(**options)(kernel), "(int64,)", tmp_path / "lib.so")
        assert list(tmp_path.iterdir()) == []

    def test_addresses_in_this_process(self, tmp_path):
        absolute = ctypes.CDLL("libc.so.6").labs
        absolute.argtypes, absolute.restype = [ctypes.c_long], ctypes.c_long

        @jk.jit
        def foreign(x):
            return absolute(x)

        with pytest.raises(JitkitError, match=r"works in every process, got an address in this one \(in foreign\)"):
            export(foreign, "(int64,)", tmp_path / "lib.so")

    def test_names_that_c_cannot_have(self, tmp_path):
        nameless = jk.jit(lambda x: x)
        with pytest.raises(ValueError, match="expected a name that C can have, got '<lambda>': give one with name="):
            export(nameless, "(int64,)", tmp_path / "lib.so")
        assert export(nameless, "(int64,)", tmp_path / "lib.so", name="same").exists()
        for name in ("", "2nd", "a-b", "naïve", "a b", "_private", "a\n"):
            with pytest.raises(ValueError, match="expected a name that C can have"):
                export(nameless, "(int64,)", tmp_path / "lib.so", name=name)
        for name in ("exp", "index", "malloc", "double", "namespace", "main"):
            with pytest.raises(ValueError, match=f"expected a name that C and its library do not use, got '{name}'"):
                export(nameless, "(int64,)", tmp_path / "lib.so", name=name)

    @pytest.mark.parametrize("function", [len, math.sqrt, square.py_func, np.add])
    def test_what_numba_did_not_compile(self, tmp_path, function):
        with pytest.raises(TypeError, match=r"expected a function made with jk.jit or numba.njit, got"):
            export(function, "(int64,)", tmp_path / "lib.so", name="kernel")

    @pytest.mark.parametrize("signature", ["float64[::1]", "nonsense(int64)", "(int64", 7, (7,), "(int64)"])
    def test_what_is_no_signature(self, tmp_path, signature):
        with pytest.raises(TypeError, match=r'expected a signature such as "float64\(float64\[::1\]\)"'):
            export(square, signature, tmp_path / "lib.so")

    def test_a_signature_of_another_length(self, tmp_path):
        with pytest.raises(TypeError, match=r"expected types for samples, totals, gain, got 1 \(in accumulate\)"):
            export(accumulate, "(int64,)", tmp_path / "lib.so")
        with pytest.raises(TypeError, match=r"expected parameters with names, got \*args"):
            export(jk.jit(lambda *args: args[0]), "(int64,)", tmp_path / "lib.so", name="kernel")

    def test_a_result_that_numba_cannot_convert_to(self, tmp_path):
        with pytest.raises(numba.TypingError, match="No conversion from float64 to array"):
            export(square, "float64[::1](float64)", tmp_path / "lib.so")

    @pytest.mark.parametrize("name", ["nonsense", "", "help", "cortex-a53", "i686"])
    def test_processors_that_are_unknown(self, tmp_path, name, capfd):
        with pytest.raises(ValueError, match=f"expected a processor that LLVM knows for .*, got '{name}'"):
            export(square, "(int64,)", tmp_path / "lib.so", cpu=name)
        assert capfd.readouterr().err == ""


class TestFiles:
    def test_path_and_header(self, tmp_path):
        path = export(square, "(int64,)", str(tmp_path / "libsquare.so"))
        assert path == tmp_path / "libsquare.so"
        assert sorted(file.name for file in tmp_path.iterdir()) == ["libsquare.h", "libsquare.so"]
        text = header(path)
        assert text.startswith("/* libsquare.h: C interface of libsquare.so, compiled for ")
        assert f"jitkit {jk.__version__}, numba {numba.__version__}" in text
        assert "/* square(x: int64) -> int64" in text
        assert re.search(r"\*   out  where a result .*\n \*   x    the argument x", text)

    @pytest.mark.parametrize("compiler", [C, pytest.param(CPP, marks=needs_cpp)], ids=["c", "c++"])
    def test_headers_stand_alone(self, exported, compiler):
        for name in ("mean_square", "accumulate", "quotient"):
            (exported / "alone.c").write_text(f'#include "lib{name}.h"\n#include "lib{name}.h"\nint unused;')
            run(*compiler, "-x", "c" if compiler is C else "c++", "-fsyntax-only", "-I", exported, exported / "alone.c")

    def test_a_second_export_replaces_the_first(self, tmp_path):
        path = export(square, "(int64,)", tmp_path / "lib.so")
        first = path.stat().st_ino
        assert export(quotient, "(int64, int64)", path) == path
        assert path.stat().st_ino != first  # who has mapped the first goes on using it
        assert "quotient" in run("nm", "-D", "--defined-only", path)
        assert "square" not in header(path)

    def test_nothing_changes_when_it_fails(self, tmp_path, monkeypatch):
        path = export(square, "(int64,)", tmp_path / "lib.so")
        before = path.read_bytes(), header(path)
        (tmp_path / "bin").mkdir()
        linker = tmp_path / "bin" / "broken"
        linker.write_text("#!/bin/sh\necho no space left >&2\nexit 3\n")
        linker.chmod(0o755)
        monkeypatch.setenv("CC", str(linker))
        with pytest.raises(JitkitError, match=r"expected .*broken to link lib\.so, got: no space left"):
            export(quotient, "(int64, int64)", path)
        assert (path.read_bytes(), header(path)) == before
        assert sorted(file.name for file in tmp_path.iterdir()) == ["bin", "lib.h", "lib.so"]

    def test_cc_names_the_compiler_and_its_options(self, tmp_path, monkeypatch):
        monkeypatch.setenv("CC", f"{shutil.which('gcc')} -Wl,--version-script={tmp_path / 'missing'}")
        with pytest.raises(JitkitError, match="missing"):
            export(square, "(int64,)", tmp_path / "lib.so")
        monkeypatch.setenv("CC", "gcc -O2")
        assert export(square, "(int64,)", tmp_path / "lib.so").exists()
        monkeypatch.setenv("CC", "no-such-compiler -O2")
        with pytest.raises(JitkitError, match="in the environment variable CC, got 'no-such-compiler'"):
            export(square, "(int64,)", tmp_path / "lib.so")

    def test_without_a_compiler_it_says_what_to_install(self, tmp_path, monkeypatch):
        monkeypatch.delenv("CC", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(JitkitError, match=r"no cc or gcc or clang on PATH.*apt install gcc"):
            export(square, "(int64,)", tmp_path / "lib.so")

    def test_paths_that_cannot_be_written(self, tmp_path):
        with pytest.raises(
            FileNotFoundError, match=r"expected a folder that exists, got .*missing \(folder of lib.so\)"
        ):
            export(square, "(int64,)", tmp_path / "missing" / "lib.so")
        with pytest.raises(
            ValueError, match=r"expected the path of a library, such as .*lib\.so, got that of its header"
        ):
            export(square, "(int64,)", tmp_path / "lib.h")
        (tmp_path / "lib.so").mkdir()
        with pytest.raises(IsADirectoryError, match="expected the path of a file"):
            export(square, "(int64,)", tmp_path / "lib.so")
