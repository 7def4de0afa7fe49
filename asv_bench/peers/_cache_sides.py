"""The same project under numba's cache and under jitkit's: made, kept as built, edited, and run by fresh processes."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from _cache_calls import FILES, KERNELS

HERE = Path(__file__).parent
CHILD = HERE / "_cache_child.py"
PROJECT = "project"
EVERYTHING = "kernels"  # the file of a project that has only one

# What stands in the files is `@njit(cache=True)`. Numba's side gets the options that `jk.jit` has, so that both compile
# the same code; the third side is where the right answers come from.
DECORATORS = {
    "numba": ("from numba import njit", '@njit(cache=True, nogil=True, error_model="numpy")'),
    "jitkit": ("import jitkit as jk", "@jk.jit"),
    "plain": ("", "# plain Python"),
}

Answers = dict[str, list[float]]


@dataclass(frozen=True)
class Edit:
    """A change of a file of the project."""

    file: str
    old: str
    new: str


COMMENT = [Edit(file, '"""Kernels', '# A comment.\n"""Kernels') for file in FILES]
LEAF = [Edit("statistics", "limit = 1.345", "limit = 1.5")]  # `huber`, which `location` in the same file calls
FAR_LEAF = [Edit("statistics", "ddof = 1.0", "ddof = 0.0")]  # `moments`, which `spectrum.whitened` calls


@dataclass(frozen=True)
class Side:
    """A folder with the project, and with both caches of its own."""

    name: str
    folder: Path
    one_file: bool = False  # which has all kernels; the other files then only tell their names

    def __post_init__(self) -> None:
        package = self.folder / PROJECT
        package.mkdir(parents=True)
        texts = {file: self._text(file) for file in FILES}
        if self.one_file:
            inside = re.compile(rf"^from {PROJECT}.*\n", re.MULTILINE)  # names that the file has itself
            texts = dict.fromkeys(FILES, f"from {PROJECT}.{EVERYTHING} import *\n") | {
                EVERYTHING: "\n".join(inside.sub("", text) for text in texts.values())
            }
        for file, text in {"__init__": "", **texts}.items():
            (package / f"{file}.py").write_text(text, encoding="utf-8")

    def _text(self, file: str) -> str:
        header, decorator = DECORATORS[self.name]
        text = (HERE / f"_cache_{file}.py").read_text(encoding="utf-8")
        text = text.replace("from numba import njit", header).replace("@njit(cache=True)", decorator)
        return re.sub(r"from _cache_(\w+) import", rf"from {PROJECT}.\1 import", text)

    def cache(self, whose: str) -> Path:
        return self.folder / f"cache-{whose}"

    @property
    def _built(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-built")

    def keep(self) -> None:
        """Make the state as it is now the one that `restore` brings back: sources, their times, and caches."""
        shutil.copytree(self.folder, self._built)

    def restore(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self._built, self.folder)

    def empty_caches(self) -> None:
        for whose in ("numba", "jitkit"):
            shutil.rmtree(self.cache(whose), ignore_errors=True)

    def edit(self, edits: Iterable[Edit]) -> None:
        for edit in edits:
            path = self.folder / PROJECT / f"{EVERYTHING if self.one_file else edit.file}.py"
            text = path.read_text(encoding="utf-8")
            if text.count(edit.old) != 1:
                raise SystemExit(f"expected {edit.old!r} once in {path.name}, got it {text.count(edit.old)} times")
            path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start a fresh process in the side's folder."""
        return subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder, env=self._environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, work: str, *arguments: object) -> Any:
        """Let a fresh process do one of the works of `_cache_child.py`, and return what it saw."""
        return finish(self.start(CHILD, work, *arguments))

    @cached_property
    def _environment(self) -> dict[str, str]:
        own = {
            "NUMBA_CACHE_DIR": str(self.cache("numba")),
            "JITKIT_CACHE_DIR": str(self.cache("jitkit")),
            "PYTHONDONTWRITEBYTECODE": "1",  # a file that is edited twice within a second would look unchanged
        }
        return {name: value for name, value in os.environ.items() if name != "JITKIT_CACHE_KEY"} | own


def finish(process: subprocess.Popen[str]) -> Any:
    """Wait for a process, and return what it printed."""
    printed, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"expected {' '.join(map(str, process.args))} to succeed, got status {process.returncode}")
    return json.loads(printed)


@dataclass
class Bench:
    """What to measure with and how thoroughly."""

    scratch: Path
    packets: Path
    quick: bool = False
    cpus: frozenset[int] = frozenset()  # all that may be used, where this process is kept on one
    notes: list[str] = field(default_factory=list)

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 5

    @cached_property
    def right(self) -> Answers:
        """What all kernels must give."""
        return self.right_after(())

    def right_after(self, edits: Iterable[Edit]) -> Answers:
        side = self.new_side("plain")
        side.edit(edits)
        return side.run("plain")["answers"]

    @cached_property
    def sides(self) -> tuple[Side, Side]:
        """Numba's and jitkit's, built from nothing, and kept so."""
        return self._built_sides(one_file=False)

    @cached_property
    def one_file_sides(self) -> tuple[Side, Side]:
        """The same with all kernels in one file."""
        return self._built_sides(one_file=True)

    def _built_sides(self, one_file: bool) -> tuple[Side, Side]:
        sides = self.new_side("numba", one_file), self.new_side("jitkit", one_file)
        for side in sides:
            seen = side.run("calls")
            check(side.name, seen["answers"], self.right)
            if seen["compiles"] != len(KERNELS):
                raise SystemExit(f"{side.name}: expected {len(KERNELS)} compiles from nothing, got {seen['compiles']}")
            side.keep()
        return sides

    def new_side(self, name: str, one_file: bool = False) -> Side:
        """A side of its own, with empty caches."""
        count = sum(1 for path in self.scratch.glob(f"{name}-[0-9]*") if path.is_dir())
        return Side(name, self.scratch / f"{name}-{count}", one_file)

    def by_turns(self, *works: Callable[[], Any]) -> list[list[Any]]:
        """What each work saw, round after round."""
        rounds = [[work() for work in works] for _ in range(self.rounds)]
        return [list(seen) for seen in zip(*rounds, strict=True)]


def check(what: str, answers: Answers, right: Answers) -> None:
    """Stop the run where an answer is not the right one."""
    if wrong := wrong_answers(answers, right):
        raise SystemExit(f"{what}: expected the answers of plain Python, got others from {', '.join(wrong)}")


def wrong_answers(answers: Answers, right: Answers) -> list[str]:
    """Kernels whose answers are not those of plain Python; machine code may round sums in another way."""
    return [
        name
        for name, numbers in answers.items()
        if len(numbers) != len(right[name]) or not np.allclose(numbers, right[name], rtol=1e-9, atol=1e-12)
    ]


def best(seen: Iterable[Any], what: str = "seconds") -> float:
    return min(one[what] for one in seen)


def most_compiles(seen: Iterable[Any]) -> int:
    return max(one["compiles"] for one in seen)
