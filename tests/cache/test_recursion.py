"""Functions that call each other, which numba's own cache cannot load (numba issue 6061): it ties them by pointers."""

import pytest

BEGINNING = """
import numba
import numpy as np
import jitkit as jk
"""

EVEN_AND_ODD = """
@jk.jit
def even(n):
    if n == 0:
        return 10
    return odd(n - 1)
@jk.jit
def odd(n):
    if n == 0:
        return 20
    return even(n - 1)
@jk.jit
def caller(n):
    return even(n), even(n + 1)
"""

# Three in a ring; the way back may have another type; loops, threads and exceptions that lead into the ring; and a
# function that is compiled twice for one call, of which the first calls the second by pointer, and that itself.
RING = """
@jk.jit
def one(n):
    if n <= 0:
        return 1
    return two(n - 1) + 1
@jk.jit
def two(n):
    if n <= 0:
        return 2
    if n == 77:
        raise ValueError("seventy-seven")
    return three(n - 2) * 2 + one(n - 3)
@jk.jit
def three(n):
    if n <= 0:
        return 3
    return one(n - 1) + 5
@jk.jit
def summed(n):
    total = 0
    for i in range(n):
        total += two(i)
    return total
@jk.jit(parallel=True)
def in_threads(n):
    out = np.zeros(n)
    for i in numba.prange(n):
        out[i] = two(i)
    return out.sum()
@jk.jit
def other(n):
    if n < 0:
        return 0.0
    return other(int(n) - 1) + another(float(n) - 1)
@jk.jit
def another(n):
    if n < 1:
        return 1.0
    return other(np.int32(n - 1)) + another(np.float32(n - 2))
@jk.jit
def down(v, n):
    if n == 0:
        return v
    return down(v, n - 1)
@jk.jit
def deep(n):
    return down(n * 1.0, 3) + two(n) + down(n, 2)
"""
ALL_OF_RING = ["one", "two", "three", "summed", "in_threads", "other", "another", "deep"]
CALL_RING = """
import ring
for name in {names}:
    values[name] = [float(getattr(ring, name)(n)) for n in (0, 1, 5, 11)]
try:
    ring.one(78)
except ValueError as error:
    values["error"] = str(error)
"""


@pytest.fixture
def program(make_program):
    return make_program({"pair": BEGINNING + EVEN_AND_ODD})


def call(program, what, **settings):
    return program.run(f"from pair import *\nvalues['found'] = {what}", **settings)


@pytest.mark.parametrize("first", ["caller(4)", "(even(4), even(5))", "(odd(5), odd(4))"])
def test_is_loaded_by_the_next_process(program, first):
    compiled = call(program, first)
    assert compiled.values["found"] == [10, 20]
    assert compiled.stats["compiles"] == 3 if first == "caller(4)" else 2
    assert (compiled.warned, compiled.stats["refusals"]) == ([], 0)
    loaded = call(program, first)
    assert (loaded.values["found"], loaded.counts, loaded.warned) == ([10, 20], (1, 0, 0), [])


def test_a_partner_that_is_called_later_is_compiled_once_more(program):
    assert call(program, "caller(4)").functions("compiled") == {"caller", "even", "odd"}
    assert call(program, "odd(3)").values["found"] == 10
    again = call(program, "caller(4), even(3), odd(3), odd(2), odd(0)")
    assert again.values["found"] == [[10, 20], 20, 10, 20, 20]
    assert again.counts == (3, 0, 0)


def test_an_edit_of_either_compiles_both(program):
    call(program, "caller(4)")
    program.edit("pair", "return 20", "return 21")
    assert call(program, "caller(4)").values["found"] == [10, 21]
    program.edit("pair", "return 10", "return 11")
    edited = call(program, "caller(4)")
    assert (edited.values["found"], edited.compiled) == ([11, 21], {"caller", "even", "odd"})
    program.edit("pair", "return odd(n - 1)", "return odd(n - 1)  # the other one")
    assert call(program, "caller(4)").counts == (1, 0, 0)


def test_explain_tells_who_keeps_a_partner(program):
    told = call(program, "[caller(4), str(jk.cache.explain(odd))][1]").values["found"]
    assert told == ("pair:odd\n  (int64) compiled: as a part of a recursion, and kept with the function that began it")


def test_a_partner_that_jitkit_does_not_keep_is_named_as_the_reason(make_program):
    # With other options than the partner's, numba itself finds no way back.
    options = 'nogil=True, error_model="numpy"'
    plain = EVEN_AND_ODD.replace("@jk.jit\ndef odd", f"@numba.njit({options})\ndef odd")
    program = make_program({"pair": BEGINNING + plain})
    for _ in range(2):
        run = call(program, "odd(5), odd(4)")  # begun by numba's own: `even` is compiled inside, and never closed
        assert run.values["found"] == [10, 20]
        (message,) = run.runtime_warnings
        assert message == (
            "pair:even is compiled anew by each process: its recursion leads through functions that were compiled "
            "without jitkit"
        )


def test_processes_that_begin_at_different_ends_do_not_wait_for_each_other(program):
    """Each would hold the lock that the other wants, for a minute: so they take none."""
    told = program.run("""
from pair import caller, even, odd
from jitkit.cache._fingerprint import fingerprint
values["tied"] = [fingerprint(kernel).is_tied for kernel in (even, odd, caller)]
""")
    assert told.values["tied"] == [True, True, False]
    running = [program.start(f"from pair import *\nvalues['found'] = {what}") for what in ("even(4)", "odd(4)") * 2]
    assert [one.result().values["found"] for one in running] == [10, 20, 10, 20]


def test_rings_are_right_whatever_was_kept_before(make_program):
    orders = [["one"], ["other", "three"], ["in_threads", "one", "two"], ["another", "summed"], ["deep"]]
    ring = make_program({"ring": BEGINNING + RING})
    plain = ring.run(CALL_RING.format(names=ALL_OF_RING), NUMBA_DISABLE_JIT="1").values
    assert plain["one"] == [1.0, 3.0, 20.0, 116.0]
    assert plain["error"] == "seventy-seven"
    for names in orders:
        found = ring.run(CALL_RING.format(names=names))
        assert found.values == {name: plain[name] for name in [*names, "error"]}
        assert found.runtime_warnings == []
    assert ring.run(CALL_RING.format(names=ALL_OF_RING)).values == plain
    last = ring.run(CALL_RING.format(names=ALL_OF_RING[::-1]))
    assert (last.values, last.stats["compiles"], last.stats["refusals"]) == (plain, 0, 0)
