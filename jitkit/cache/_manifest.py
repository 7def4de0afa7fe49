"""The signatures that a run used, written down so that the next one has them before it needs them."""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jitkit._core.modules import load_module
from jitkit.cache._explain import require_kernel
from jitkit.cache._keeper import keeper
from jitkit.errors import CacheError

VERSION = 1
TITLE = "jitkit kernels"


@contextmanager
def record(path: str | Path) -> Iterator[None]:
    """Note every signature that `jk.jit` functions are compiled or loaded for, and write them to a file.

    Parameters
    ----------
    path : path
        JSON; replaced at the end of the block, also after an error in it.

    Notes
    -----
    Functions inside functions, lambdas and types that cannot be written down are listed under ``"skipped"``, with the
    reason.
    """
    from jitkit._core import numba_values  # loads numba: importing this room must not

    kernels: dict[tuple[str, tuple[str, ...]], None] = {}
    skipped: dict[tuple[str, str], None] = {}

    def listen(dispatcher: Any, args: tuple[Any, ...]) -> None:
        function = dispatcher.py_func
        name = f"{function.__module__}:{function.__qualname__}"
        texts = tuple(map(repr, args))
        if "<" in name:
            skipped[name, "it cannot be found by its name"] = None
        elif (unclear := next((kind for kind in args if not numba_values.can_be_read_back(kind)), None)) is not None:
            skipped[name, f"the type {unclear} cannot be written down"] = None
        else:
            kernels[name, texts] = None

    keeper.listeners.append(listen)
    try:
        yield
    finally:
        keeper.listeners.remove(listen)
        content = {
            "title": TITLE,
            "version": VERSION,
            "kernels": [{"function": name, "types": list(types)} for name, types in kernels],
            "skipped": [{"function": name, "reason": reason} for name, reason in skipped],
        }
        _write(Path(path), json.dumps(content, indent=1) + "\n")


@dataclass
class Preloaded:
    """What `preload` did."""

    loaded: int = 0
    compiled: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)  # function, and why

    def __str__(self) -> str:
        lines = [f"{self.loaded} loaded, {self.compiled} compiled, {len(self.failed)} failed"]
        return "\n".join([*lines, *(f"  {name}: {why}" for name, why in self.failed)])


def preload(path: str | Path, jobs: int = 1, *, progress: bool = False) -> Preloaded:
    """Load or compile all signatures of a manifest before they are needed.

    Parameters
    ----------
    path : path
        What `record` wrote.
    jobs : int
        Processes that compile what is not kept yet; this one then loads it.
    progress : bool
        Whether to show a progress bar on stderr.

    Raises
    ------
    OSError
        If the file cannot be read.
    CacheError
        If it is no manifest.
    ValueError
        If `jobs` is not positive.
    """
    if operator.index(jobs) < 1:
        raise ValueError(f"expected jobs of 1 or more, got {jobs}")
    from jitkit._core import numba_values

    kernels = read(path)
    if jobs > 1:
        _compile_elsewhere(kernels, jobs)
    done = Preloaded()
    for kernel in _with_progress(kernels, progress):
        before = keeper.counts.compiles
        try:
            prepare(kernel)
        except Exception as error:  # one kernel that is gone must not keep the others from being ready
            done.failed.append((kernel["function"], f"{type(error).__name__}: {str(error).splitlines()[0]}"))
            continue
        if keeper.counts.compiles > before:
            done.compiled += 1
        else:
            done.loaded += 1
    numba_values.warm_up()
    return done


def read(path: str | Path) -> list[dict[str, Any]]:
    """Return the kernels of a manifest."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["title"] != TITLE or content["version"] != VERSION:
            raise ValueError
        return [{"function": str(kernel["function"]), "types": list(kernel["types"])} for kernel in content["kernels"]]
    except (ValueError, KeyError, TypeError):
        raise CacheError(
            f"expected a manifest that jitkit.cache.record wrote (version {VERSION}), got something else in {path}"
        ) from None


def prepare(kernel: Mapping[str, Any]) -> None:
    """Load or compile one signature of a manifest."""
    from jitkit._core import numba_values

    module, _, name = kernel["function"].partition(":")
    function = operator.attrgetter(name)(load_module(module))
    require_kernel(function)
    function.compile(tuple(map(numba_values.read_back, kernel["types"])))


def _compile_elsewhere(kernels: Sequence[Mapping[str, Any]], jobs: int) -> None:
    """Let other processes fill the cache; what goes wrong there shows when this process tries the same."""
    from concurrent.futures import ProcessPoolExecutor  # these two take longer to import than a kernel to load
    from multiprocessing import get_context

    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        list(pool.map(_try_to_prepare, kernels))


def _try_to_prepare(kernel: Mapping[str, Any]) -> None:
    with suppress(Exception):  # the process that asked meets the same, and tells
        prepare(kernel)


def _with_progress(kernels: list[dict[str, Any]], show: bool) -> Iterator[dict[str, Any]]:
    if not show:
        yield from kernels
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(kernels, "Preparing kernels", console=Console(stderr=True))


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
