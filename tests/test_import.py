"""`import jitkit` costs next to nothing; what is used first is what gets loaded."""

import json
import subprocess
import sys

import pytest

import jitkit as jk

HEAVY = {"numba", "llvmlite", "numpy", "rich", "dataclasses", "importlib.metadata"}


def in_new_process(code, *options):
    """What a piece of Python prints in an interpreter of its own, as JSON."""
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def modules_after(statement):
    # Without `site` no .pth file (an editable install, a coverage hook) imports modules of its own.
    path = f"import sys; sys.path[:0] = {[entry for entry in sys.path if entry]!r}"
    return set(in_new_process(f"{path}; {statement}; import json; print(json.dumps(list(sys.modules)))", "-I", "-S"))


def test_importing_jitkit_loads_nothing_heavy():
    loaded = modules_after("import jitkit")
    assert "jitkit" in loaded
    assert loaded & HEAVY == set()


def test_importing_jitkit_loads_nothing_of_its_own():
    assert {name for name in modules_after("import jitkit") if name.startswith("jitkit")} == {"jitkit"}


def test_errors_load_no_numba():
    assert modules_after("import jitkit; jitkit.DecodeError") & HEAVY == set()


def test_the_command_line_loads_nothing_heavy_before_it_knows_the_command():
    assert modules_after("import jitkit.cli; jitkit.cli.make_parser()") & HEAVY <= {"dataclasses"}


def test_every_public_name_is_there():
    for name in jk.__all__:
        assert getattr(jk, name) is not None
    assert set(jk.__all__) <= set(dir(jk))


def test_star_import_gives_the_public_names():
    namespace = {}
    exec("from jitkit import *", namespace)
    assert set(jk.__all__) <= namespace.keys()


@pytest.mark.parametrize("name", ["nonsense", "_private", "u128"])
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"module 'jitkit' has no attribute '{name}'"):
        getattr(jk, name)


def test_threads_that_race_for_the_first_use_get_one_object():
    found = in_new_process("""
import json, sys, threading
import jitkit
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(8)
found, problems = [], []
def use(name):
    barrier.wait()
    try:
        found.append((name, id(getattr(jitkit, name))))
    except BaseException as error:
        problems.append(repr(error))
threads = [threading.Thread(target=use, args=[name]) for name in ["Record", "jit", "u8", "records"] * 2]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps({"found": len(found), "objects": len(set(found)), "problems": problems}))
""")
    assert found == {"found": 8, "objects": 4, "problems": []}
