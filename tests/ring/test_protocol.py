"""The protocols of rings hold in every order that their steps can be taken in, and every fault put into them is found.

`models/` has them in Promela, which spin searches. Each says in its header what it promises, and which faults (mutants)
it can be given as macros, with the promise that each breaks. Only orders of steps are searched: see there for the rest.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODELS = Path(__file__).parent / "models"
# What is searched in seconds: with 4 slots, takeover.pml has 2.8 million states, and the 4 items of mpmc.pml no lap.
CAPACITIES = {"spsc": (1, 2, 4), "spsc_overwrite": (1, 2, 4), "mpmc": (1, 2), "takeover": (1, 2)}

LACKING = " and no ".join(tool for tool in ("spin", "gcc") if not shutil.which(tool))  # spin starts gcc -E itself
needs_spin = pytest.mark.skipif(bool(LACKING), reason=f"there is no {LACKING}: apt-get install spin gcc")

PROMISE = re.compile(r"^ \*   ([a-z_]+) +\S", re.MULTILINE)
MUTANT = re.compile(r"^ \*   ([A-Z_]+) +([a-z_]+)(?: +([A-Z]+=\d+))?$", re.MULTILINE)
CONDITION = re.compile(r"^ *# *(?:if|ifdef|ifndef|elif) (.*)$", re.MULTILINE)
SIZES = {"N", "ITEMS"}  # macros that are no mutants

# All states are searched depth first; mutants breadth first, to the shortest way into an error. Most of the time goes
# into the compiler: 0.25 s for each mutant, and for the largest search 0.5 s of 2.2 s (with -O2 0.9 s of 2.2 s).
DEPTH_FIRST = ["-O1"], ["-m1000000", "-w22"]
BREADTH_FIRST = ["-O0", "-DBFS"], ["-w18"]
COMPILE = ["gcc", "-w", "-DSAFETY", "-DMEMLIM=1024", "-o", "pan", "pan.c"]


def source(model):
    return (MODELS / f"{model}.pml").read_text(encoding="utf-8")


def mutants(model):
    """The table of a model's header: name, the promise that it breaks, and what else has to be defined for that."""
    return MUTANT.findall(source(model))


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
    return done.stdout


def search(folder, model, definitions, order):
    shutil.copy(MODELS / f"{model}.pml", folder)
    run(folder, "spin", "-a", *definitions, f"{model}.pml")
    flags, limits = order
    run(folder, *COMPILE, *flags)
    return run(folder, "./pan", *limits)


def way_to_error(folder, model, definitions):
    report = search(folder, model, definitions, BREADTH_FIRST)
    return report + run(folder, "spin", "-t", "-p", "-g", "-l", *definitions, f"{model}.pml")


def test_every_model_is_searched():
    assert {path.stem for path in MODELS.glob("*.pml")} == CAPACITIES.keys()


@pytest.mark.parametrize("model", CAPACITIES)
def test_a_model_says_what_it_promises_and_what_breaks_it(model):
    header, _, code = source(model).partition("*/")
    promises = set(PROMISE.findall(header))
    names = [name for name, _, _ in mutants(model)]
    assert set(re.findall(r"promise\((\w+), ", code)) - {"name"} == promises
    assert {promise for _, promise, _ in mutants(model)} == promises
    assert set(re.findall(r"[A-Z][A-Z_]*", " ".join(CONDITION.findall(code)))) - SIZES == set(names)
    assert len(names) == len(set(names))


@needs_spin
@pytest.mark.parametrize(("model", "capacity"), [(model, size) for model in CAPACITIES for size in CAPACITIES[model]])
def test_a_protocol_keeps_its_promises(model, capacity, tmp_path):
    definitions = [f"-DN={capacity}"]
    report = search(tmp_path, model, definitions, DEPTH_FIRST)
    assert "errors: 0" in report, way_to_error(tmp_path, model, definitions)
    assert "Full statespace search" in report
    for limit in ("Search not completed", "max search depth too small", "out of memory", "MEMLIM"):
        assert limit not in report


@needs_spin
@pytest.mark.parametrize(
    ("model", "mutant", "promise", "size"), [(model, *mutant) for model in CAPACITIES for mutant in mutants(model)]
)
def test_a_fault_is_found(model, mutant, promise, size, tmp_path):
    report = search(tmp_path, model, [f"-D{mutant}", f"-D{size or 'N=2'}"], BREADTH_FIRST)
    assert f"assertion violated {promise} " in report, report
