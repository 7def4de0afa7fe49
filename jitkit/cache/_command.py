"""`jitkit cache`: what the cache has, why kernels are compiled, and making it larger or smaller."""

from __future__ import annotations

import argparse
import json
import operator
from typing import Any

from jitkit._core.modules import load_module
from jitkit.cache._control import clear, prune, stats
from jitkit.cache._explain import explain
from jitkit.cache._keeper import keeper
from jitkit.cache._manifest import preload
from jitkit.cache._place import MAX_BYTES
from jitkit.cache._plan import plan


def info(options: argparse.Namespace) -> int:
    """`jitkit cache info`."""
    found = stats()
    facts: dict[str, Any] = {
        "directory": str(keeper.directory),
        "entries": found.entries,
        "nbytes": found.nbytes,
        "max_bytes": MAX_BYTES,
        "problem": keeper.store.problem,
    }
    if options.json:
        print(json.dumps(facts, indent=2))
        return 0
    print(f"{facts['directory']}: {found.entries:,} kernels, {found.nbytes:,} bytes of at most {MAX_BYTES:,}")
    if keeper.store.problem:
        print(f"switched off: {keeper.store.problem}")
    return 0


def explain_function(options: argparse.Namespace) -> int:
    """`jitkit cache explain MODULE:FUNCTION`."""
    module, name = options.function
    try:
        function = operator.attrgetter(name)(load_module(module))
    except AttributeError:
        raise ImportError(f"expected a function of {module}, got {name!r}, which it has not") from None
    try:
        explanation = explain(function)
    except TypeError as error:
        raise ImportError(f"{module}:{name}: {error}") from None
    print(json.dumps(explanation.to_dict(), indent=2) if options.json else explanation)
    return 0


def plan_module(options: argparse.Namespace) -> int:
    """`jitkit cache plan MODULE`."""
    made = plan(options.module)
    texts = {"text": made.__str__, "json": made.to_json, "dot": made.to_dot}
    print(texts[options.to]())
    return 0


def preload_file(options: argparse.Namespace) -> int:
    """`jitkit cache preload FILE`."""
    done = preload(options.file, options.jobs, progress=True)
    print(done)
    return 1 if done.failed else 0


def prune_cache(options: argparse.Namespace) -> int:
    """`jitkit cache prune`."""
    removed, left = prune(options.max_bytes)
    print(f"{removed:,} files removed, {left:,} bytes left")
    return 0


def clear_cache(_: argparse.Namespace) -> int:
    """`jitkit cache clear`."""
    print(f"{clear():,} files removed")
    return 0


RUN = {
    "info": info,
    "explain": explain_function,
    "plan": plan_module,
    "preload": preload_file,
    "prune": prune_cache,
    "clear": clear_cache,
}
