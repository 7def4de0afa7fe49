"""Programs of real files, run by processes of their own, with a cache that only they use."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# What every script finds, besides `jk`, `np` and `import_module`: `values`, a dict that it fills and the test gets;
# `events()`, what the cache did so far; `since(events)`, what it did since then.
BEGINNING = """
import json, os, sys, warnings
from importlib import import_module
import numpy as np
import jitkit as jk
from jitkit.cache._keeper import keeper
warned = []
warnings.simplefilter("always")
warnings.showwarning = lambda message, kind, *_: warned.append([kind.__name__, str(message)])
values = {}
def events():
    return [
        {"function": event.function, "signature": event.signature, "outcome": event.outcome, "reason": event.reason,
         "changes": [str(change) for change in event.changes]}
        for several in list(keeper.events.values()) for event in several
    ]
def since(before):
    left = list(before)
    return [event for event in events() if not (event in left and (left.remove(event) or True))]
def tell():
    found = {"values": values, "stats": vars(jk.cache.stats()), "events": events(), "warned": warned}
    with open(sys.argv[1], "w") as file:
        json.dump(found, file)
"""


@dataclass
class Result:
    """What a process did."""

    values: dict[str, Any]
    stats: dict[str, int]
    events: list[dict[str, Any]]
    warned: list[list[str]]  # kind and message

    def functions(self, outcome):
        """Plain names of the functions that the cache dealt with in one way."""
        return {event["function"].rpartition(":")[2] for event in self.events if event["outcome"] == outcome}

    @property
    def compiled(self):
        return self.functions("compiled")

    @property
    def counts(self):
        """Hits, misses and compiles."""
        return self.stats["hits"], self.stats["misses"], self.stats["compiles"]

    @property
    def changes(self):
        return [change for event in self.events for change in event["changes"]]

    @property
    def runtime_warnings(self):
        return [message for kind, message in self.warned if kind == "RuntimeWarning"]


class Program:
    """Module files in a folder, and the processes that use them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules = folder / "modules"
        self.cache = folder / "cache"
        self.modules.mkdir(parents=True)
        self._runs = 0

    def write(self, modules: dict[str, str]) -> None:
        """Make modules, by dotted names; packages for those with dots."""
        for name, source in modules.items():
            path = self.modules.joinpath(*name.split(".")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
            for parent in path.relative_to(self.modules).parents[:-1]:
                (self.modules / parent / "__init__.py").touch()

    def edit(self, module: str, old: str, new: str) -> None:
        """Replace a piece of a module's source that is there once."""
        path = self.modules.joinpath(*module.split(".")).with_suffix(".py")
        source = path.read_text()
        assert source.count(old) == 1, f"{old!r} is there {source.count(old)} times"
        path.write_text(source.replace(old, new))

    def start(self, script: str, *, cache: Path | None = None, **settings: str | None) -> "Running":
        """Start a script in a process; settings are environment variables, None removes one."""
        self._runs += 1
        path, out = (self.folder / f"{kind}{self._runs}" for kind in ("script", "out"))
        path.write_text(f"{BEGINNING}{script}\nif __name__ == '__main__':\n    tell()\n")
        environment = os.environ | {
            "JITKIT_CACHE_DIR": str(cache or self.cache),
            "PYTHONPATH": os.pathsep.join([str(self.modules), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "PYTHONDONTWRITEBYTECODE": "1",  # or an edit within the same second would go unseen
            "PYTHONFAULTHANDLER": "1",
            "PYTHONHASHSEED": str(self._runs),  # sets of names have another order in each process
        }
        for name, value in settings.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        process = subprocess.Popen(
            [sys.executable, str(path), str(out)], env=environment, cwd=self.folder, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return Running(process, out)

    def run(self, script: str, *, cache: Path | None = None, **settings: str | None) -> Result:
        """Run a script and wait for what it did."""
        return self.start(script, cache=cache, **settings).result()


class Running:
    """A process that has been started."""

    def __init__(self, process: subprocess.Popen, out: Path) -> None:
        self.process, self.out = process, out

    def result(self) -> Result:
        printed, complaints = self.process.communicate(timeout=300)
        assert self.process.returncode == 0, f"{printed}\n{complaints}"
        return Result(**json.loads(self.out.read_text()))


@pytest.fixture
def make_program(tmp_path):
    """Make a program of modules: ``make_program({"name": "source"})``."""
    made = []

    def make(modules=None):
        program = Program(tmp_path / f"program{len(made)}")
        program.write(modules or {})
        made.append(program)
        return program

    return make


@pytest.fixture(scope="module")
def make_shared_program(tmp_path_factory):
    """The same, for a program that all tests of a file look at."""

    def make(modules):
        program = Program(tmp_path_factory.mktemp("program") / "shared")
        program.write(modules)
        return program

    return make
