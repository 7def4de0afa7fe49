"""Processes that use `jk.sqrt`: what they load and compile, and what is kept for the next."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from jitkit._core import cpu

PROGRAM = """
import json, sys
import numpy as np
from jitkit._core import native
from jitkit.simd import _sqrt_choice
compiled, measured = [], []
compile_object = native._object
native._object = lambda *arguments: compiled.append("ufunc") or compile_object(*arguments)
hard_numbers = _sqrt_choice.trial_numbers
_sqrt_choice.trial_numbers = lambda dtype: measured.append(dtype.char) or hard_numbers(dtype)
import jitkit as jk
x = np.array([0.0, 2.0, 3.0, np.inf])
right = all(jk.sqrt(x.astype(letter)).tobytes() == np.sqrt(x.astype(letter)).tobytes() for letter in "efd")
long = np.random.default_rng(1).random(100_000)
right &= jk.sqrt(long).tobytes() == np.sqrt(long).tobytes()
numba = "numba" in sys.modules
print(json.dumps({
    "right": bool(right), "numba": numba, "compiled": len(compiled), "measured": measured,
    "choices": _sqrt_choice.choices(),
}))
"""


def run(directory, program=PROGRAM, **settings):
    environment = {name: value for name, value in os.environ.items() if name not in cpu.SETTINGS}
    environment |= {"JITKIT_CACHE_DIR": str(directory), "XDG_CACHE_HOME": str(directory), **settings}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A cache directory, and what the process said that filled it."""
    directory = tmp_path_factory.mktemp("cache") / "kept"
    return directory, run(directory)


@pytest.fixture
def copied(first, tmp_path):
    """A cache directory of one's own that is filled already."""
    return shutil.copytree(first[0], tmp_path / "copy")


def test_the_first_process_compiles_and_measures_once(first):
    _, told = first
    assert told["right"]
    assert told["numba"]
    assert told["measured"] == ["f", "d"]
    assert told["compiled"] == 1


def test_the_next_does_nothing_of_that(copied, first):
    told = run(copied)
    assert told == {"right": True, "numba": False, "compiled": 0, "measured": [], "choices": first[1]["choices"]}


def test_another_processor_has_code_and_choices_of_its_own(copied):
    told = run(copied, **cpu.level_environment("generic"))
    assert told["right"]
    assert told["measured"] == []  # there is nothing to choose from
    assert told["choices"] == {"f": [1, 0], "d": [1, 0]}
    assert run(copied)["measured"] == []


@pytest.mark.parametrize("name", ["_sqrt", "_sqrt_loops", "_ufunc_typing"])
@pytest.mark.parametrize("numba", ["", "import numba; "])
def test_any_module_may_be_the_first(copied, name, numba):
    assert run(copied, f"{numba}import jitkit.simd.{name}; import jitkit as jk; print(int(jk.sqrt(9.0)))") == 3


def test_numba_may_be_loaded_before_or_after(copied):
    check = """
import jitkit as jk, numpy as np
print(int(jk.jit(lambda x: jk.sqrt(x))(np.full(3, 4.0)).sum()))
"""
    assert run(copied, "import numba\n" + check) == 6
    assert run(copied, "import jitkit as jk; jk.sqrt(1.0); import numba\n" + check) == 6
    assert run(copied, "import jitkit as jk; f = jk.jit(lambda x: x + 1); f(1); jk.sqrt(1.0)\n" + check) == 6


class TestDamage:
    def entries(self, directory):
        found = sorted(directory.rglob("*.jkc"))
        assert len(found) >= 5  # three loops, the way to them, and the choices
        return found

    def test_is_made_good(self, copied):
        for entry in self.entries(copied):
            data = bytearray(entry.read_bytes())
            data[len(data) // 2] ^= 1
            entry.write_bytes(data)
        told = run(copied)
        assert told["right"]
        assert told["measured"] == ["f", "d"]
        assert run(copied)["numba"] is False

    def test_of_entries_that_were_cut_off(self, copied):
        for entry in self.entries(copied):
            entry.write_bytes(entry.read_bytes()[:-1])
        assert run(copied)["right"]

    def test_of_the_choices_alone(self, copied):
        for entry in self.entries(copied):
            if b"choices of jitkit.sqrt" in entry.read_bytes():
                entry.unlink()
        told = run(copied)
        assert told["right"]
        assert told["measured"] == ["f", "d"]


def test_a_cache_is_not_needed(tmp_path):
    (tmp_path / "file").touch()
    told = run(tmp_path / "file" / "below")
    assert told["right"]
    assert told["measured"] == ["f", "d"]
