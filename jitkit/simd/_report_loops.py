"""Loops of a compiled function: what each does with vectors, and what keeps it from doing more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jitkit.simd._report_blocks import Block, Cycle, Instruction, blocks_of, cycles_of
from jitkit.simd._report_calls import called, is_call
from jitkit.simd._report_instructions import (
    destination,
    division_of,
    full_register,
    is_chained,
    is_conversion_of_unsigned,
    is_memory,
    is_summed,
    spilling,
    stored_bits,
    work_of,
)


@dataclass(frozen=True)
class Loop:
    """One loop of the machine code, without the loops inside it. Counts are of one turn, if no branch is taken.

    A loop of the source may become several: one that takes many elements a turn, and others for the rest.
    """

    label: str  # of its first block, as in the assembly
    line: int | None  # of the source, where the names of blocks tell it
    depth: int  # 1 for an outermost loop
    innermost: bool
    rest: bool  # does what another loop leaves over: the last elements
    parallel: bool  # stands in the function that numba made of a `prange` loop
    instructions: int
    bits: int  # width of the widest vector register that it computes with; 0 if with single values only
    stored_bits: int  # width of the widest vector that it stores
    scalar_floats: int  # instructions that compute with one float
    divisions: int
    spills: int  # registers saved on the stack because there are too few
    reloads: int  # values fetched from there again
    calls: Mapping[str, int]  # names of the functions, and how many calls of each
    signs: tuple[str, ...]  # what else the code shows, see `_signs`
    exceptions: tuple[str, ...]  # by which it may end


@dataclass(frozen=True)
class Function:
    """A function of the machine code."""

    loops: tuple[Loop, ...]  # innermost first
    calls: Mapping[str, int]  # outside of loops


def measure(
    assembly: str,
    symbol: str,
    *,
    is_arm: bool = False,
    readable: Callable[[str], str] = str,
    line_of: Callable[[int], int | None] = lambda _: None,
    parallel: bool = False,
) -> Function:
    """Take one function of an assembly apart.

    Parameters
    ----------
    assembly : str
        With LLVM's comments; without them there are no spills, lines or rests.
    symbol : str
        Of the function.
    readable : callable
        Gives the name of a symbol.
    line_of : callable
        Gives the source line of a bytecode offset as numba counts it, or None.
    parallel : bool
        What `Loop.parallel` says.
    """
    blocks = blocks_of(assembly, symbol, is_arm=is_arm)
    cycles = cycles_of(blocks)
    rests = _rests(blocks, cycles)
    loops = []
    for cycle in _rests_last(cycles, rests):
        own = [(place, blocks[place]) for place in sorted(cycle.blocks - cycle.inside)]
        instructions = [each for _, block in own for each in block.instructions]
        work = [
            work_of(each)
            for _, block in own
            for position, each in enumerate(block.instructions)
            if not is_conversion_of_unsigned(block, position)
        ]
        loops.append(
            Loop(
                label=blocks[cycle.header].label,
                line=_line(blocks, cycle, [loop for main, loop in rests if main is cycle], line_of),
                depth=cycle.depth,
                innermost=not cycle.inside,
                rest=_named_rest(blocks[cycle.header].name) or any(loop is cycle for _, loop in rests),
                parallel=parallel,
                instructions=len(instructions),
                bits=max((each.bits for each in work if each.kind == "vector"), default=0),
                stored_bits=max(map(stored_bits, instructions), default=0),
                scalar_floats=sum(each.kind == "scalar" for each in work),
                divisions=sum(bool(division_of(each)) for each in instructions),
                spills=sum(spilling(each) == "Spill" for each in instructions),
                reloads=sum(spilling(each) == "Reload" for each in instructions),
                calls=_calls(blocks, cycle.blocks - cycle.inside, readable),
                signs=tuple(_signs(instructions, len(_ways_out(blocks, cycle)))),
                exceptions=tuple(sorted({*_exceptions(assembly, blocks, cycle)})),
            )
        )
    in_loops = frozenset().union(*(cycle.blocks for cycle in cycles))
    return Function(tuple(loops), _calls(blocks, frozenset(range(len(blocks))) - in_loops, readable))


def to_dict(loop: Loop) -> dict[str, Any]:
    """Plain data of a loop."""
    return vars(loop) | {"calls": dict(loop.calls), "signs": list(loop.signs), "exceptions": list(loop.exceptions)}


def _calls(blocks: list[Block], places: frozenset[int], readable: Callable[[str], str]) -> dict[str, int]:
    return dict(
        Counter(
            readable(called(blocks, place, position))
            for place in sorted(places)
            for position, each in enumerate(blocks[place].instructions)
            if is_call(each)
        )
    )


def _signs(instructions: list[Instruction], ways_out: int) -> Iterator[str]:
    """What shows in the code of a loop.

    "integer division", "gather", "atomic"; "chain": each turn waits for a float of the turn before; "sum": and adds to
    it, or multiplies it; "step": an address grows by what only the run tells; "several ways out".
    """
    if any(division_of(each) == "integer" for each in instructions):
        yield "integer division"
    if any(work_of(each).kind == "gather" for each in instructions):
        yield "gather"
    if any(each.prefix == "lock" or each.name.startswith(("ldadd", "ldxr", "ldaxr")) for each in instructions):
        yield "atomic"
    writers: dict[str, list[Instruction]] = {}
    for each in instructions:
        writers.setdefault(destination(each), []).append(each)
    chains = [written for register, written in writers.items() if register and all(map(is_chained, written))]
    if chains:
        yield "sum" if any(all(map(is_summed, written)) for written in chains) else "chain"
    bases = {base for each in instructions for operand in each.operands for base in _bases(operand)}
    if any(_grows_by_register(base, writers) for base in bases):
        yield "step"
    if ways_out > 1:
        yield "several ways out"


def _bases(operand: str) -> list[str]:
    return re.findall(r"\((%\w+)", operand) if is_memory(operand) else []


def _grows_by_register(register: str, writers: Mapping[str, list[Instruction]]) -> bool:
    """Whether all that happens to a register is that another one, which stays the same, is added."""
    written = writers.get(register, ())
    return bool(written) and all(
        each.name == "addq"
        and re.fullmatch(r"%\w+|-?\d*\(%rsp\)", each.operands[0])
        and full_register(each.operands[0]) not in writers
        for each in written
    )


def _ways_out(blocks: list[Block], cycle: Cycle) -> list[tuple[int, int]]:
    """Jumps out of a loop: from which block, to which."""
    return [
        (place, successor)
        for place in sorted(cycle.blocks)
        for successor in blocks[place].successors
        if successor not in cycle.blocks
    ]


def _exceptions(assembly: str, blocks: list[Block], cycle: Cycle) -> Iterator[str]:
    """Names of the exceptions that ways out of a loop raise: numba keeps each as a pickle, whose address it returns."""
    for _, place in _ways_out(blocks, cycle):
        following = [place, *(blocks[place].successors if len(blocks[place].successors) == 1 else ())]
        operands = [operand for each in following for line in blocks[each].instructions for operand in line.operands]
        for key in re.findall(r"\.const\.picklebuf\.(\w+)", " ".join(operands)):
            text = re.search(rf'\.const\.pickledata\.{key}:\s[^"]*"((?:[^"\\]|\\.)*)"', assembly)
            name = re.search(r"[A-Z]\w*(?:Error|Exception|Warning|Iteration|Interrupt)", text[1] if text else "")
            yield name[0] if name else "an exception"


def _named_rest(name: str) -> bool:
    """Whether LLVM names a block as one of a loop for what unrolling or vectorising leaves over."""
    return bool(re.search(r"\.(epil|prol)\d*(\.|$)|^vec\.epilog", name))


def _rests(blocks: list[Block], cycles: list[Cycle]) -> list[tuple[Cycle, Cycle]]:
    """Pairs of a vectorised loop and one for the elements that it leaves over.

    The way out of the vectorised loop branches: to the rest, and to where the rest leads, too.
    """
    found: list[tuple[Cycle, Cycle]] = []
    for main in cycles:
        if not blocks[main.header].name.startswith("vector.body"):
            continue
        outer = min(
            (each for each in cycles if each.blocks > main.blocks), key=lambda each: len(each.blocks), default=None
        )
        region = outer.blocks - {outer.header} if outer else frozenset(range(len(blocks)))
        between: frozenset[int] = frozenset()
        for _, place in _ways_out(blocks, main):
            for _ in range(3):
                if len(blocks[place].successors) == 1:
                    place = blocks[place].successors[0]
            if len(blocks[place].successors) == 2:
                one, other = (_reached(blocks, each, region) for each in blocks[place].successors)
                between |= one - other if other < one else other - one if one < other else frozenset()
        for each in cycles:
            vectorised = blocks[each.header].name.startswith("vector.body")
            taken = any(rest is each for _, rest in found)
            if each.depth == main.depth and each.blocks <= between and not vectorised and not taken:
                found.append((main, each))
    return found


def _rests_last(cycles: list[Cycle], rests: list[tuple[Cycle, Cycle]]) -> list[Cycle]:
    """Order of loops in which each is followed by those for what it leaves over."""
    behind = {id(rest) for _, rest in rests}
    return [
        each
        for cycle in cycles
        if id(cycle) not in behind
        for each in (cycle, *(rest for main, rest in rests if main is cycle))
    ]


def _reached(blocks: list[Block], start: int, region: frozenset[int]) -> frozenset[int]:
    reached: set[int] = set()
    waiting = [start]
    while waiting:
        place = waiting.pop()
        if place in region and place not in reached:
            reached.add(place)
            waiting += blocks[place].successors
    return frozenset(reached)


def _line(blocks: list[Block], cycle: Cycle, rests: list[Cycle], line_of: Callable[[int], int | None]) -> int | None:
    """Source line: blocks that are not inlined from elsewhere are named by their offset in the bytecode, as B46."""
    names = [blocks[each.header].name for each in (cycle, *rests)]
    before, places = [cycle.header], set(cycle.blocks)
    for _ in range(3):  # a vectorised loop has another name, but those that lead to it may tell
        before = [place for place, block in enumerate(blocks) if places & set(block.successors) and place not in places]
        places |= set(before)
        names += [blocks[place].name for place in before if re.search(r"\.(preheader|lr\.ph)", blocks[place].name)]
    for name in names:
        offset = re.match(r"B(\d+)(?=\.|$)", name)
        if offset and not re.search(r"\.i\d*(\.|$)", name):
            return line_of(int(offset[1]))
    return None
