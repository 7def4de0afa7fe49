"""What `simd.vectorize` compiles is kept for the next process, and compiled anew when what it is made from changes."""

import json
import os
import shutil
import subprocess
import sys

import pytest

MODULE = """
import numpy as np
import jitkit as jk
from jitkit import simd

GAIN = 2.0
UNUSED = 1

@jk.jit
def helper(v):
    return v * GAIN

@simd.vectorize(np.float64)
def scaled(v):
    '''A multiple.'''
    return helper(v) + 1.0

def shifted_by(offset):
    return simd.vectorize(np.float64)(lambda v: v + offset)

ten, twenty = shifted_by(10.0), shifted_by(20.0)
"""
SCRIPT = """
import json, sys
from jitkit.simd import _vectorize
compiled = []
compile_loop = _vectorize._compiled
_vectorize._compiled = lambda kernel, *rest: compiled.append(kernel.py_func.__name__) or compile_loop(kernel, *rest)
import module
x = module.np.array([1.0, 2.0])
print(json.dumps([compiled, [function(x).tolist() for function in (module.scaled, module.ten, module.twenty)]]))
"""
ALL = ["scaled", "<lambda>", "<lambda>"]
ANSWERS = [[3.0, 5.0], [11.0, 12.0], [21.0, 22.0]]


class Module:
    """A file with ufuncs, and processes that import it."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "module.py"

    def run(self, cache=None):
        environment = os.environ | {
            "JITKIT_CACHE_DIR": str(cache or self.folder / "cache"),
            "XDG_CACHE_HOME": str(cache or self.folder / "cache"),  # which is tried next
            "PYTHONPATH": os.pathsep.join([str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "PYTHONDONTWRITEBYTECODE": "1",  # or an edit within the same second would go unseen
        }
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, cwd=self.folder
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def edit(self, old, new):
        source = self.file.read_text()
        assert source.count(old) == 1
        self.file.write_text(source.replace(old, new))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with a cache that one process has filled."""
    module = Module(tmp_path_factory.mktemp("vectorize") / "filled")
    module.folder.mkdir()
    module.file.write_text(MODULE)
    assert module.run() == [ALL, ANSWERS]
    return module.folder


@pytest.fixture
def module(filled, tmp_path):
    return Module(shutil.copytree(filled, tmp_path / "copy"))


def test_the_next_process_compiles_nothing(module):
    assert module.run() == [[], ANSWERS]


@pytest.mark.parametrize(("old", "new", "answer"), [
    ("+ 1.0", "+ 3.0", [5.0, 7.0]),  # the function
    ("return v * GAIN", "return v * GAIN * 2.0", [5.0, 9.0]),  # what it calls
    ("GAIN = 2.0", "GAIN = 4.0", [5.0, 9.0]),  # what that uses
])  # fmt: skip
def test_an_edit_compiles_what_it_concerns(module, old, new, answer):
    module.edit(old, new)
    assert module.run() == [["scaled"], [answer, *ANSWERS[1:]]]
    assert module.run()[0] == []


def test_an_edit_of_anything_else_compiles_nothing(module):
    module.edit("UNUSED = 1", "UNUSED = 2  # and a comment\n\n\ndef another():\n    pass\n")
    module.edit("A multiple.", "Another docstring.")
    assert module.run() == [[], ANSWERS]


def test_what_closures_enclose_counts(module):
    module.edit("shifted_by(20.0)", "shifted_by(30.0)")
    assert module.run() == [["<lambda>"], [*ANSWERS[:2], [31.0, 32.0]]]


def test_a_cache_is_not_needed(module):
    (module.folder / "file").touch()
    assert module.run(module.folder / "file" / "below")[0] == ALL


def test_damage_is_made_good(module):
    for entry in (module.folder / "cache").rglob("*.jkc"):
        data = bytearray(entry.read_bytes())
        data[len(data) // 2] ^= 1
        entry.write_bytes(data)
    assert module.run() == [ALL, ANSWERS]
    assert module.run() == [[], ANSWERS]
