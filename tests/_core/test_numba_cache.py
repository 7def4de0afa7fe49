"""Numba's inside is where `numba_cache` and `numba_values` look for it: red here means a new version of numba."""

import gc
import inspect
import itertools
import os
import subprocess
import sys
import warnings

import numba
import numpy as np
import pytest
from numba import types
from numba.core import caching, codegen, dispatcher
from numba.core.bytecode import FunctionIdentity
from numba.core.compiler import CompileResult
from numba.core.environment import Environment
from numba.extending import overload

import jitkit as jk
from jitkit._core import numba_cache, numba_values


class TestTheInsideOfNumba:
    def test_is_of_a_version_that_is_known(self):
        assert numba_cache.is_known()
        assert numba.__version__.rpartition(".")[0] in numba_cache.TESTED

    def test_asks_a_cache_for_overloads(self):
        assert caching._Cache.__abstractmethods__ == {
            "cache_path", "load_overload", "save_overload", "enable", "disable", "flush",
        }  # fmt: skip
        source = inspect.getsource(dispatcher.Dispatcher.compile)
        order = ["self.overloads.get", "self._cache.load_overload(sig, self.targetctx)", "self._compiler.compile(args"]
        order += ["self.add_overload(cres)", "self._cache.save_overload(sig, cres)"]
        places = [source.index(step) for step in order[:3]] + [source.rindex(step) for step in order[3:]]
        assert places == sorted(places)

    def test_takes_compiled_code_apart(self):
        assert set(CompileResult._fields) == {
            *numba_cache.KEPT_FIELDS, "library", "entry_point", "type_annotation", "referenced_envs", "target_context",
            "typing_context", "typing_error", "call_helper", "metadata",
        }  # fmt: skip
        environment = Environment({"__name__": "somewhere"})
        environment.env_name = "name"
        assert environment.__reduce__()[1] == ("somewhere", [], "name")

    def test_puts_libraries_together(self):
        source = inspect.getsource(codegen.CPUCodeLibrary._unserialize)
        steps = ["enable_object_caching()", "_set_compiled_object(object_code)", "_finalize_final_module()"]
        places = [source.rindex(step) for step in steps]
        assert places == sorted(places)
        assert "_load_defined_symbols(self._shared_module)" in source
        linker = codegen.RuntimeLinker()
        assert (linker.PREFIX, linker._defined, dict(linker._unresolved)) == (".numba.unresolved$", set(), {})
        assert inspect.signature(linker.scan_unresolved_symbols).parameters.keys() == {"module", "engine"}

    def test_counts_functions(self):
        before = next(FunctionIdentity._unique_ids)
        assert next(FunctionIdentity._unique_ids) == before + 1
        assert isinstance(FunctionIdentity._unique_ids, itertools.count)


def test_names_of_symbols_begin_anywhere_in_each_process():
    program = """
import os
import jitkit as jk
from numba.core.bytecode import FunctionIdentity
jk.jit(lambda x: x)
child = os.fork()
os.write(1, str(next(FunctionIdentity._unique_ids)).encode() + bytes([10]))
if child:
    os.wait()
"""
    counts = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        counts += map(int, done.stdout.split())
    assert len(counts) == 4
    assert min(abs(one - other) for one, other in itertools.combinations(counts, 2)) > 10**6


def test_an_unknown_version_has_no_cache_and_says_so_once(monkeypatch):
    monkeypatch.setattr(numba_cache, "TESTED", ("0.1", "0.2"))
    for cached in (numba_cache.is_known, numba_cache.warn_of_unknown_version):
        cached.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match=r"expected numba 0\.1 or 0\.2, got 0\.\d+\.\d+: jitkit does not know"):
            first = jk.jit(lambda x: x + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            second = jk.jit(lambda x: x + 2)
        assert (first(1), second(1)) == (2, 3)
        assert first.stats.cache_path is second.stats.cache_path is None
    finally:
        for cached in (numba_cache.is_known, numba_cache.warn_of_unknown_version):
            cached.cache_clear()


@pytest.mark.parametrize(
    ("usual", "meanwhile"),
    [((700, 9, 8), (10_000, 9, 8)), ((0, 9, 8), (0, 9, 8)), ((20_000, 9, 8), (20_000, 9, 8))],
)
def test_the_collector_of_garbage_comes_less_often_while_numba_compiles(usual, meanwhile):
    before, seen = gc.get_threshold(), []

    def watched(x):
        raise NotImplementedError

    @overload(watched)
    def _(x):  # noqa: ARG001
        seen.append(gc.get_threshold())
        return lambda x: x + 1

    kernel = jk.jit(lambda x: watched(x) * usual[0])
    try:
        gc.set_threshold(*usual)
        kernel(2)
        assert (set(seen), gc.get_threshold()) == ({meanwhile}, usual)
    finally:
        gc.set_threshold(*before)


@pytest.mark.parametrize(
    "kind",
    [
        types.float64, types.boolean, types.uint8[::1], types.float32[:, :], types.Array(types.int16, 2, "F"),
        types.Array(types.uint8, 1, "C", readonly=True), types.UniTuple(types.int64, 3),
        types.Tuple((types.int64, types.float32[::1])), types.unicode_type, types.none,
        types.ListType(types.int64), types.DictType(types.int64, types.float64), types.complex128,
    ],
)  # fmt: skip
def test_types_can_be_written_down_and_read_back(kind):
    assert numba_values.can_be_read_back(kind)
    assert numba_values.read_back(repr(kind)) == kind


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')", "().__class__", "int64 + 1", "open('x')", "[x for x in ()]", "np.float64",
        "lambda: 0", "Array.__init__", "", "int64(", "vars", "parse",
    ],
)  # fmt: skip
def test_what_is_no_type_is_not_run(text):
    with pytest.raises((ValueError, SyntaxError)):
        numba_values.read_back(text)


def test_a_record_type_cannot_be_written_down():
    kind = numba.typeof(np.zeros(1, [("a", "u1"), ("b", "f8")]))
    assert not numba_values.can_be_read_back(kind) or numba_values.read_back(repr(kind)) == kind


def test_pickled_kernels_keep_their_cache(tmp_path):
    """Those that a worker process gets are not compiled there again."""
    program = """
import multiprocessing, sys
import jitkit as jk
def make(k):
    @jk.jit
    def scaled(x):
        return x * k
    return scaled
def work(kernel):
    return kernel(5), jk.cache.stats().compiles
if __name__ == "__main__":
    kernel = make(7)
    print(work(kernel))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(*pool.map(work, [kernel]))
"""
    path = tmp_path / "workers.py"
    path.write_text(program)
    environment = os.environ | {"JITKIT_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, env=environment, timeout=120)
    assert (done.stdout, done.stderr) == ("(35, 1)\n(35, 0)\n", "")
