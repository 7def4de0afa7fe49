import ctypes
import math
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

import jitkit as jk

pytestmark = pytest.mark.kernel


def test_the_bare_decorator_compiles():
    @jk.jit
    def total(x):
        result = 0.0
        for value in x:
            result += value
        return result

    assert isinstance(total, Dispatcher)
    assert total(np.array([1.0, 2.5])) == 3.5
    assert total.py_func([1.0, 2.5]) == 3.5
    assert len(total.signatures) == 1


def test_the_decorator_takes_the_options_of_njit():
    @jk.jit(fastmath={"reassoc"}, inline="always")
    def double(x):
        return 2 * x

    assert double(21) == 42
    assert double.targetoptions["fastmath"] == {"reassoc"}
    assert double.targetoptions["inline"] == "always"


def test_the_house_options_are_on():
    @jk.jit
    def quotient(a, b):
        return a / b

    assert quotient.targetoptions["nogil"] is True
    assert quotient.targetoptions["nopython"] is True
    assert quotient(1.0, 0.0) == math.inf
    assert math.isnan(quotient(0.0, 0.0))


def test_an_option_overrides_the_house():
    @jk.jit(error_model="python", nogil=False)
    def quotient(a, b):
        return a / b

    assert quotient.targetoptions["nogil"] is False
    with pytest.raises(ZeroDivisionError):
        quotient(1.0, 0.0)


def test_compiled_code_lets_other_threads_run():
    usleep = ctypes.CDLL(None).usleep
    usleep.argtypes = [ctypes.c_uint]

    @jk.jit(cache=False)
    def wait(flags):
        flags[0] = 1
        turns = 0
        while flags[1] == 0 and turns < 20_000:
            usleep(500)  # a call that LLVM does not know: it must read the flag anew after it
            turns += 1
        return flags[1]

    wait(np.ones(2, np.int64))  # compiles
    flags = np.zeros(2, np.int64)
    result = []
    thread = threading.Thread(target=lambda: result.append(wait(flags)))
    thread.start()
    while not flags[0]:
        time.sleep(0.001)
    flags[1] = 7  # too late if the kernel keeps this thread from running until it gives up
    thread.join()
    assert result == [7]


@pytest.mark.parametrize("options", [{}, {"cache": True}])
def test_there_is_a_disk_cache(options):
    kernel = jk.jit(**options)(lambda x: x + 1)
    assert kernel(1) == 2
    assert str(jk.cache.directory()) == kernel.stats.cache_path


def test_without_a_disk_cache_nothing_is_kept():
    before = jk.cache.stats()
    kernel = jk.jit(cache=False)(lambda x: x + 12345)
    assert kernel(1) == 12346
    assert kernel.stats.cache_path is None
    after = jk.cache.stats()
    assert (after.hits, after.misses, after.stores) == (before.hits, before.misses, before.stores)


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="expected a function, got str"):
        jk.jit("float64(float64)")


def test_what_needs_numba_to_compile_says_so(tmp_path):
    script = """
import jitkit as jk
class Sample(jk.Record, layout="packed"):
    level: jk.u16
try:
    Sample.pack({"level": [1]})
except jk.JitkitError as error:
    print(error)
"""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "JITKIT_CACHE_DIR": str(tmp_path)}  # nothing is kept there
    found = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout == ("expected numba to compile, got NUMBA_DISABLE_JIT=1: jitkit works in compiled code only\n")


def test_without_the_compiler_functions_stay_as_they_are():
    program = """
import jitkit as jk
def double(x):
    return 2 * x
assert jk.jit(double) is double and jk.jit(fastmath=True)(double) is double
print(double(21))
"""
    settings = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=settings)
    assert (done.stdout, done.stderr) == ("42\n", "")
