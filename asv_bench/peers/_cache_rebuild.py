"""Questions about edits: what a fresh process compiles again, how long that takes, and whether it is right."""

from collections.abc import Iterator, Sequence
from typing import Any

from _cache_calls import KERNELS
from _cache_sides import COMMENT, FAR_LEAF, LEAF, Answers, Bench, Edit, Side, best, check, most_compiles, wrong_answers
from _table import Row

NUMBA = "numba cache=True"
ALL = f"{len(KERNELS)} kernels"


def after_a_comment(bench: Bench) -> Iterator[Row]:
    """Rebuild after a comment line was added to all files."""
    theirs, ours = _rebuilds(bench, bench.sides, COMMENT, bench.right)
    yield Row(
        against=NUMBA,
        work=f"rebuild after a comment edit, {ALL}",
        theirs=best(theirs),
        jitkit=best(ours),
        at_least=20.0,
    )
    yield _compiles("compiled after a comment edit", theirs, ours, 0)


def after_a_leaf(bench: Bench) -> Iterator[Row]:
    """Rebuild after a constant has changed in a kernel that one other calls.

    Numba compiles all kernels of the file: it matters how many there are.
    """
    work = "after editing one leaf that has one dependent"
    for sides, where, wanted in ((bench.one_file_sides, "in one file", 8.0), (bench.sides, "in 4 files", None)):
        theirs, ours = _rebuilds(bench, sides, LEAF, bench.right_after(LEAF))
        yield Row(
            against=NUMBA,
            work=f"rebuild {work}, {ALL} {where}",
            theirs=best(theirs),
            jitkit=best(ours),
            at_least=wanted,
        )
        yield _compiles(f"compiled {work}, {where}", theirs, ours, 2)


def stale(bench: Bench) -> Iterator[Row]:
    """Whether a kernel notices that one in another file, which it calls, has changed."""
    right = bench.right_after(FAR_LEAF)
    seen = [_rebuild(side, FAR_LEAF) for side in bench.sides]
    if not wrong_answers(bench.right, right):
        raise SystemExit("stale: expected the edit to change an answer, got the same ones")
    theirs, ours = (len(wrong_answers(one["answers"], right)) for one in seen)
    yield Row(
        against=NUMBA,
        work="stale answer after an edit in another file",
        theirs=theirs,
        jitkit=ours,
        unit="stale",
        at_most=0,
    )


def warm_start(bench: Bench) -> Iterator[Row]:
    """Nothing has changed."""
    theirs, ours = _rebuilds(bench, bench.sides, (), bench.right)
    yield Row(
        against=NUMBA,
        work=f"warm start, {ALL}",
        theirs=best(theirs),
        jitkit=best(ours),
        at_most=1.2 * best(theirs),
    )
    yield _compiles("compiled in a warm start", theirs, ours, 0)


def _rebuilds(bench: Bench, sides: Sequence[Side], edits: Sequence[Edit], right: Answers) -> list[list[Any]]:
    """What processes of both sides saw after the same edits, each from the state that was built before."""
    seen = bench.by_turns(*(lambda side=side: _rebuild(side, edits) for side in sides))
    for side, rounds in zip(sides, seen, strict=True):
        for one in rounds:
            check(side.name, one["answers"], right)
    return seen


def _rebuild(side: Side, edits: Sequence[Edit]) -> Any:
    side.restore()
    side.edit(edits)
    return side.run("calls")


def _compiles(work: str, theirs: Sequence[Any], ours: Sequence[Any], wanted: int) -> Row:
    """A row of counts; too few compiles are as wrong as too many."""
    got = most_compiles(ours)
    if got < wanted:
        raise SystemExit(f"{work}: expected {wanted} compiles, got {got}")
    return Row(against=NUMBA, work=work, theirs=most_compiles(theirs), jitkit=got, unit="kernels", at_most=wanted)
