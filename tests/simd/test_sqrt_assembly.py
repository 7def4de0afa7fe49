"""The machine code of `jk.sqrt`'s loops: a processor's widest vectors, all of them in registers, and no calls."""

import json
import os
import subprocess
import sys

import pytest

from jitkit._core import cpu

PROGRAM = """
import json, sys
from numba import types
from jitkit._core.c_interface import c_function
from jitkit.simd import _sqrt_loops
from jitkit.simd._report import report
run = _sqrt_loops.shared_run(sys.argv[1])
run.compile((types.UniTuple(types.intp, 1), types.intp, types.intp, types.intp))
told = report(run)
group = _sqrt_loops.group_of(sys.argv[1])
made = c_function(_sqrt_loops.sqrt_loop(sys.argv[1]), "(intp, intp, intp, intp)", "root")
print(json.dumps({
    "loops": told.to_dict()["signatures"][0]["loops"],
    "group": group and 8 * group.vector.nbytes,
    "bits": told.vector_bits,
    "needs": made.needs,
    "calls": list(told.signatures[0].calls),
    "errors": made.errors,
}))
"""
HOST = "host"


@pytest.fixture(scope="module", params=[*cpu.LEVELS, HOST])
def level(request):
    if request.param != HOST and not cpu.runs_here(request.param):
        pytest.skip(f"this host has less than {request.param}")
    return request.param


@pytest.fixture(scope="module", params=["f4", "f8"])
def told(request, level):
    environment = {name: value for name, value in os.environ.items() if name not in cpu.SETTINGS}
    if level != HOST:
        environment |= cpu.level_environment(level)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, request.param], capture_output=True, text=True, check=True, env=environment
    )
    return json.loads(done.stdout)


def test_calls_nothing_and_raises_nothing(told):
    assert told["needs"] == []
    assert not any(loop["calls"] for loop in told["loops"])
    assert not told["calls"]
    assert not {int(status) for status in told["errors"] if int(status) > 0}


def test_saves_no_register_on_the_stack(told):
    assert not any(loop["spills"] for loop in told["loops"])


def test_works_on_the_widest_vectors_where_roots_are_multiplied(told, level):
    features = cpu.host().features
    expected = {"generic": None, "nehalem": None, "haswell": 256}
    if level == HOST:
        wide = {"avx512f", "avx512dq", "avx512vl"} <= features
        assert told["group"] == (512 if wide and told["bits"] == 512 else 256 if {"avx2", "fma"} <= features else None)
    else:
        assert told["group"] == expected[level]
    if told["group"]:
        (loop,) = [loop for loop in told["loops"] if loop["instructions"] > 100]
        assert loop["bits"] == loop["stored_bits"] == told["group"]
        # With half as many registers, some constants are fetched from the stack in each turn; vectors never.
        assert loop["reloads"] <= (0 if told["group"] == 512 else 10)


def test_leaves_all_else_to_vectors_of_256_bits_at_most(told):
    rest = [loop for loop in told["loops"] if loop["instructions"] <= 100]
    assert rest
    assert {loop["bits"] for loop in rest} == {min(told["bits"], 256)}
