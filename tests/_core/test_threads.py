"""`jk.threads`: the same bits and warnings as one thread, whatever else goes on."""

import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import jitkit as jk
from jitkit import simd
from jitkit._core.threads import LEAST_BYTES, MOST_HELPERS, pool, supported

MANY = 1 << 17
helped = pytest.mark.skipif(not supported(), reason="helpers need Linux on x86-64 or AArch64")


def in_new_process(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stderr == ""
    return done.stdout.strip()


@simd.vectorize(np.float64)
def plus(a, b):
    return a + b


def by_helpers(function):
    """Return what a function gives, once a helper has taken part; each may come too late."""
    deadline = time.monotonic() + 60  # other programs may keep all cores busy
    while time.monotonic() < deadline:
        parts = pool.parts_of_helpers()
        result = function()
        if pool.parts_of_helpers() != parts:
            return result
    raise AssertionError("no helper took part")


class TestBlocks:
    def test_tell_how_many_threads_are_allowed(self):
        assert pool.allowed() == 1
        with jk.threads(3):
            assert pool.allowed() == 3
            with jk.threads(1):
                assert pool.allowed() == 1
                with jk.threads(np.int64(2)):
                    assert pool.allowed() == 2
                assert pool.allowed() == 1
            assert pool.allowed() == 3
        assert pool.allowed() == 1

    def test_end_with_what_was_before_also_by_an_exception(self):
        with jk.threads(2):
            with pytest.raises(KeyError), jk.threads(3):
                raise KeyError
            assert pool.allowed() == 2

    def test_hold_for_the_thread_that_enters_them(self):
        found = []
        with jk.threads(2):
            other = threading.Thread(target=lambda: found.append(pool.allowed()))
            other.start()
            other.join()
        assert found == [1]

    @pytest.mark.parametrize("n", [True, 2.0, "2", None])
    def test_need_a_number(self, n):
        with pytest.raises(TypeError, match=r"^jk.threads: expected a number of threads, got "):
            jk.threads(n)

    @pytest.mark.parametrize("n", [0, -1])
    def test_need_one_thread_at_least(self, n):
        with pytest.raises(ValueError, match=rf"^jk.threads: expected one thread at least, got {n}$"):
            jk.threads(n)

    @helped
    def test_start_as_many_helpers_as_there_can_be(self):
        code = f"""
import numpy as np, jitkit as jk
from jitkit._core.threads import pool
x = np.arange(1e6)
assert pool.helpers == 0
with jk.threads(1):
    assert pool.helpers == 0
with jk.threads(4):
    assert pool.helpers == 3
    assert np.array_equal(jk.sqrt(x), np.sqrt(x))
with jk.threads(1000):
    assert pool.helpers == {MOST_HELPERS}
    for _ in range(20):
        assert np.array_equal(jk.sqrt(x), np.sqrt(x))
print("done")
"""
        assert in_new_process(code) == "done"


@helped
class TestResults:
    @pytest.mark.parametrize("count", [LEAST_BYTES // 8 - 1, LEAST_BYTES // 8, MANY - 1, MANY, MANY + 513])
    def test_have_the_bits_of_one_thread(self, count):
        x, y = np.random.default_rng(count).uniform(0.1, 100, (2, count))
        expected = jk.sqrt(x), simd.hypot(x, y), simd.rsqrt(x), plus(x, y)
        with jk.threads(2):
            for _ in range(20):
                found = jk.sqrt(x), simd.hypot(x, y), simd.rsqrt(x), plus(x, y)
                assert all(map(np.array_equal, found, expected))

    def test_come_from_helpers_too(self):
        x = np.random.default_rng(1).uniform(0, 100, MANY)
        with jk.threads(2):
            assert np.array_equal(by_helpers(lambda: jk.sqrt(x)), np.sqrt(x))

    @pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
    def test_may_lie_anyhow(self, dtype):
        x = np.random.default_rng(1).uniform(0, 100, (300, 600)).astype(dtype)
        with jk.threads(2):
            assert np.array_equal(jk.sqrt(x), np.sqrt(x))
            assert np.array_equal(jk.sqrt(x[:, ::2]), np.sqrt(x[:, ::2]))
            assert np.array_equal(jk.sqrt(x.ravel()[::-1]), np.sqrt(x.ravel()[::-1]))
            out = np.empty_like(x)
            assert np.array_equal(jk.sqrt(x, out=out[::-1]), np.sqrt(x))
            assert np.array_equal(jk.sqrt(x, out=x), np.sqrt(out[::-1] ** 2, dtype=dtype)) or dtype == "f2"

    def test_of_reductions_come_in_order(self):
        x = np.random.default_rng(1).integers(0, 100, MANY).astype(np.float64)
        with jk.threads(2):
            assert plus.reduce(x) == x.sum()
            assert np.array_equal(plus.accumulate(x), np.add.accumulate(x))
            assert np.array_equal(plus.reduce(x.reshape(2, -1)), x.reshape(2, -1).sum(0))
            assert np.array_equal(plus(x[:-1], x[1:], out=x[1:]), x[1:])

    def test_overlap_as_those_of_numpy(self):
        for shift in (1, 100, 70_000):
            x, y = np.arange(2.0 * MANY), np.arange(2.0 * MANY)
            with jk.threads(2):
                jk.sqrt(x[:-shift], out=x[shift:])
            np.sqrt(y[:-shift], out=y[shift:])
            assert np.array_equal(x, y)


@helped
class TestWarnings:
    def test_come_from_whichever_thread_has_the_item(self):
        for place in range(0, MANY, MANY // 16):
            x = np.ones(MANY)
            x[place] = -1
            with jk.threads(2), pytest.warns(RuntimeWarning, match="invalid value encountered in sqrt"):
                by_helpers(lambda x=x: jk.sqrt(x))
            x[place] = 0
            with jk.threads(2), np.errstate(divide="raise"), pytest.raises(FloatingPointError):
                simd.rsqrt(x)

    def test_do_not_come_from_what_was_before(self):
        x = np.ones(MANY)
        with jk.threads(2), warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(50):
                with np.errstate(all="ignore"):
                    jk.sqrt(-x)
                jk.sqrt(x)


@helped
class TestProcesses:
    def test_that_are_forked_have_helpers_of_their_own(self):
        code = """
import os, sys, numpy as np, jitkit as jk
from jitkit._core.threads import pool
x = np.arange(1e6)
with jk.threads(2):
    jk.sqrt(x)
    child = os.fork()
    right = np.array_equal(jk.sqrt(x), np.sqrt(x))
    if child == 0:
        assert pool.helpers == 0 and pool.allowed() == 2
        with jk.threads(3):
            right = right and pool.helpers == 2 and np.array_equal(jk.sqrt(x), np.sqrt(x))
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
print(right)
"""
        assert in_new_process(code) == "True"

    def test_end_while_helpers_wait_or_spin(self):
        code = "import numpy as np, jitkit as jk\nwith jk.threads(4): print(jk.sqrt(np.ones(1 << 20)).sum())"
        for _ in range(3):
            assert in_new_process(code) == "1048576.0"

    def test_that_are_warm_load_no_numba(self):
        code = """
import sys, numpy as np, jitkit as jk
with jk.threads(2):
    jk.sqrt(np.ones(1 << 20))
print("numba" in sys.modules)
"""
        in_new_process(code)
        assert in_new_process(code) == str("NUMBA_CPU_NAME" in os.environ)  # it must be asked for the target

    def test_importing_jitkit_starts_nothing(self):
        assert in_new_process("import sys, jitkit as jk; print('numpy' in sys.modules, 'ctypes' in sys.modules)") == (
            "False False"
        )


@helped
def test_many_threads_ask_at_once():
    x = np.random.default_rng(1).uniform(0, 100, MANY)
    expected, wrong = np.sqrt(x), []

    def work():
        with jk.threads(2):
            results = [np.array_equal(jk.sqrt(x), expected) for _ in range(100)]
        wrong.append(not all(results))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == [False] * 4
