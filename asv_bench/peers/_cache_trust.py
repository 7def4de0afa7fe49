"""Questions about trust: damaged files, and processes that want the same kernels at the same time."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _cache_calls import KERNELS
from _cache_sides import CHILD, Bench, Side, check, finish
from _table import Row

from jitkit.cache._keeper import SLOT
from jitkit.cache._store import VERSION, Store

VARIANTS = 1000
SAMPLE = 20  # of them are met by real processes
PROCESSES = 8
HOW = {"cut": 45, "flipped": 45, "swapped": 7, "emptied": 3}  # of 100

Files = dict[Path, bytes]


def damaged(bench: Bench) -> Iterator[Row]:
    """Entries that are cut, changed, emptied or in each other's place must not be found; others must."""
    side = bench.sides[1]
    side.restore()
    chance = random.Random(20)
    store = Store(side.cache("jitkit"))
    sound = {_path(store, key): key for key, _ in store.entries()}
    texts = {path: path.read_bytes() for path in sound}
    payloads = {key: store.get(key).payload for key in sound.values()}
    detected = 0
    for _ in range(VARIANTS):
        variant = _damage(texts, chance)
        before = store.damaged
        _write(variant)
        missed = [store.get(sound[path]) is None for path in variant]
        detected += all(missed) and store.damaged == before + len(variant)
        _write({path: texts[path] for path in variant})
        if any(store.get(sound[path]).payload != payloads[sound[path]] for path in variant):
            raise SystemExit("damaged files: expected what was put back to be found again, got something else")
    yield Row(
        against="damaged files",
        work=f"cut, one byte flipped, emptied, swapped: detected of {VARIANTS:,} variants",
        jitkit=detected,
        unit="detected",
        at_least=VARIANTS,
    )
    sample = 3 if bench.quick else SAMPLE
    yield Row(
        against="damaged files",
        work=f"compiled again, with right answers, in {sample} fresh processes",
        jitkit=sum(_meet_damage(bench, side, chance) for _ in range(sample)),
        unit="kernels",
        at_least=sample,
    )


def at_once(bench: Bench) -> Iterator[Row]:
    """Cold processes that start together: each kernel is compiled by one, and found by the others."""
    side = bench.new_side("jitkit")
    with _all_cpus(bench):
        processes = [side.start(CHILD, "calls") for _ in range(PROCESSES)]
        seen = [finish(process) for process in processes]
    for one in seen:
        check("at once", one["answers"], bench.right)
    yield Row(
        against=f"{PROCESSES} processes",
        work=f"cold, all at once: compiled by all of them together, of {len(KERNELS)} kernels",
        jitkit=sum(one["compiles"] for one in seen),
        unit="compiles",
        at_most=len(KERNELS),
    )


def _damage(texts: Files, chance: random.Random) -> Files:
    """One or two files that are not what they were."""
    path, other = chance.sample(sorted(texts), 2)
    text = texts[path]
    match chance.choices(list(HOW), list(HOW.values()))[0]:
        case "cut":
            return {path: text[: chance.randrange(len(text))]}
        case "flipped":
            place = chance.randrange(len(text))
            return {path: text[:place] + bytes([text[place] ^ chance.randrange(1, 256)]) + text[place + 1 :]}
        case "swapped":
            return {path: texts[other], other: text}
        case _:
            return {path: b""}


def _meet_damage(bench: Bench, side: Side, chance: random.Random) -> bool:
    """Whether a process compiles the kernel whose entry is damaged; it must, and give the right answer."""
    side.restore()
    store = Store(side.cache("jitkit"))
    names = {_path(store, key): _function(store, key) for key, _ in store.entries() if not key.startswith(SLOT)}
    variant = _damage({path: path.read_bytes() for path in names}, chance)
    _write(variant)
    kernel = names[next(iter(variant))]
    seen = side.run("calls", kernel)
    check(f"damaged entry of {kernel}", seen["answers"], bench.right)
    return seen["compiles"] == 1


def _function(store: Store, key: str) -> str:
    """Name of the kernel of an entry, as in `KERNELS`."""
    module, _, name = store.get(key).header["function"].partition(":")
    return f"{module.rpartition('.')[2]}.{name}"


def _path(store: Store, key: str) -> Path:
    return store.directory / VERSION / key[:2] / f"{key[2:]}.jkc"


def _write(files: Files) -> None:
    for path, text in files.items():
        path.write_bytes(text)
        path.chmod(0o600)  # a damaged one was removed: this may be a new file


@contextmanager
def _all_cpus(bench: Bench) -> Iterator[None]:
    """Undo for a while that this process, and those that it starts, keep to one CPU."""
    if not bench.cpus:
        yield
        return
    kept = os.sched_getaffinity(0)
    os.sched_setaffinity(0, bench.cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, kept)
