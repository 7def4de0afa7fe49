"""Assembly, as LLVM prints it, taken apart: instructions, basic blocks, and the loops that jumps between them make."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import NamedTuple

PREFIXES = frozenset(
    {"lock", "rep", "repe", "repz", "repne", "repnz", "notrack", "data16", "addr32", "xacquire", "xrelease"}
)
NO_WAY_ON = frozenset({"ud2", "hlt", "int3", "udf", "brk"})

LABEL = re.compile(r'("(?:[^"\\]|\\.)*"|[^\s:"(]+):(?:\s|$)')
END = re.compile(r"\.?Lfunc_end\d+$")
TABLE = re.compile(r"\.?L?JTI\d+_\d+")
BLOCK = re.compile(r"\.?L?BB\d+_\d+")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?')
COMMENT = {False: re.compile(r"#"), True: re.compile(r"//|;|##")}  # by whether it is ARM's, where # begins a number


class Instruction(NamedTuple):
    """One instruction; AT&T syntax, which has the destination last, or ARM's, which has it first."""

    name: str
    operands: tuple[str, ...] = ()
    comment: str = ""  # LLVM's: "8-byte Spill"
    prefix: str = ""


@dataclass
class Block:
    """Instructions that run one after the other, whatever happens."""

    label: str
    name: str  # LLVM's, "vector.body"; "" where it is lost
    instructions: list[Instruction] = field(default_factory=list)
    successors: list[int] = field(default_factory=list)  # positions of the blocks that may follow


class Cycle(NamedTuple):
    """A loop, as a set of blocks."""

    header: int
    depth: int  # 1 for the outermost
    blocks: frozenset[int]
    inside: frozenset[int]  # those of them that belong to loops inside it


def blocks_of(assembly: str, symbol: str, *, is_arm: bool = False) -> list[Block]:
    """Return the basic blocks of a function, in their order; none if it is not in the assembly."""
    tables = _jump_tables(assembly)
    blocks: list[Block] = []
    ended = False  # whether the last instruction was the last of its block
    for line in _body(assembly, symbol):
        code, comment = split_comment(line, is_arm=is_arm)
        name = comment.strip()
        if label := LABEL.match(code):
            blocks.append(Block(label[1].strip('"'), _block_name(name)))
            code, ended = code[label.end() :].strip(), False
        elif not code and (unlabelled := re.match(r"%bb\.\d+:\s*(?:\S\s*(.*))?$", name)):
            blocks.append(Block("", _block_name(unlabelled[1] or "")))
            ended = False
        if not code or code.startswith("."):
            continue
        if ended or not blocks:
            blocks.append(Block("", ""))
        instruction = instruction_of(code, comment.strip())
        blocks[-1].instructions.append(instruction)
        ended = instruction.name in NO_WAY_ON or is_return(instruction) or jump_of(instruction) is not None
    _connect(blocks, tables)
    return blocks


def _body(assembly: str, symbol: str) -> Iterator[str]:
    inside = False
    for line in assembly.splitlines():
        label = None if line.startswith((" ", "\t")) else LABEL.match(line)
        if label:
            name = label[1].strip('"')
            if not inside and name in (symbol, f"_{symbol}"):  # macOS puts one before
                inside = True
            elif inside and END.match(name):
                return
        elif inside and "-- End function" in line:
            return
        if inside:
            yield line


def split_comment(line: str, *, is_arm: bool = False) -> tuple[str, str]:
    """Return the code of a line and its comment."""
    hidden = QUOTED.sub(lambda quoted: "_" * len(quoted[0]), line)  # of the same length
    comment = COMMENT[is_arm].search(hidden)
    if not comment:
        return line.strip(), ""
    return line[: comment.start()].strip(), line[comment.end() :]


def _block_name(comment: str) -> str:
    return comment[1:].strip('"') if comment.startswith("%") else ""


def instruction_of(code: str, comment: str = "") -> Instruction:
    """Return the instruction of a line without its comment."""
    prefix, rest = "", code
    while True:
        name, _, rest = rest.replace("\t", " ").strip().partition(" ")
        if name not in PREFIXES or not rest:
            return Instruction(name, operands_of(rest), comment, prefix)
        prefix = name


def operands_of(text: str) -> tuple[str, ...]:
    """Split at the commas that are not inside of brackets or quotes."""
    operands, depth, begin = [], 0, 0
    hidden = QUOTED.sub(lambda quoted: "_" * len(quoted[0]), text)
    for place, sign in enumerate(hidden):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth <= 0:
            operands.append(text[begin:place].strip())
            begin = place + 1
    return (*operands, text[begin:].strip()) if text.strip() else ()


def jump_of(instruction: Instruction) -> str | None:
    """Target of a jump, "" if it is computed; None for what is no jump."""
    name, operands = instruction.name, instruction.operands
    if name == "br":
        return ""
    if (
        name.startswith("j")
        or name in ("b", "cbz", "cbnz", "tbz", "tbnz", "loop", "loope", "loopne")
        or name[:2] == "b."
    ):
        target = operands[-1].strip('"') if operands else ""
        return "" if target.startswith("*") else target
    return None


def is_conditional(jump: Instruction) -> bool:
    """Whether a jump may also not be taken."""
    return jump.name not in ("jmp", "jmpq", "b", "br")


def is_return(instruction: Instruction) -> bool:
    """Whether an instruction returns to the caller."""
    return instruction.name in ("ret", "retq", "retl", "retaa", "retab")


def _jump_tables(assembly: str) -> dict[str, list[str]]:
    """Labels that stand in each jump table; tables lie outside of their functions."""
    tables: dict[str, list[str]] = {}
    current = None
    for line in assembly.splitlines():
        if label := LABEL.match(line):
            current = tables.setdefault(label[1], []) if TABLE.fullmatch(label[1]) else None
        elif current is not None and (target := BLOCK.search(line)):
            current.append(target[0])
    return tables


def _connect(blocks: list[Block], tables: dict[str, list[str]]) -> None:
    places = {block.label: place for place, block in enumerate(blocks) if block.label}
    named = {table for block in blocks for table in _tables_in(block)}
    for place, block in enumerate(blocks):
        last = block.instructions[-1] if block.instructions else Instruction("")
        target = jump_of(last)
        goes_on = target is None and last.name not in NO_WAY_ON and not is_return(last)
        targets = [target] if target else []
        if target == "":
            # The table's address may have been taken before: then each of the function's tables is possible.
            near = _tables_in(block)[-1:] or sorted(named)
            targets = [label for table in near for label in tables.get(table, ())]
        found = [places[label] for label in targets if label in places]
        if (goes_on or (target is not None and is_conditional(last))) and place + 1 < len(blocks):
            found.append(place + 1)
        block.successors = list(dict.fromkeys(found))


def _tables_in(block: Block) -> list[str]:
    return [table for each in block.instructions for operand in each.operands for table in TABLE.findall(operand)]


def cycles_of(blocks: list[Block]) -> list[Cycle]:
    """Return the loops, innermost first, else in the order of their headers.

    A loop is a strongly connected set of blocks; the loops inside it are those that stay when its header is taken out.
    So a loop with several entries, as LLVM makes of state machines, is found, too; all of them are taken out.
    """
    entered: list[list[int]] = [[] for _ in blocks]
    for place, block in enumerate(blocks):
        for successor in block.successors:
            entered[successor].append(place)
    found: list[Cycle] = []
    waiting = [(frozenset(range(len(blocks))), 1)]
    while waiting:
        among, depth = waiting.pop()
        for component in _components(blocks, among):
            first = min(component)
            if len(component) == 1 and first not in blocks[first].successors:
                continue
            entries = {place for place in component if place == 0 or not component.issuperset(entered[place])}
            found.append(Cycle(min(entries, default=first), depth, component, frozenset()))
            waiting.append((component - (entries or {first}), depth + 1))
    inside = [
        loop._replace(inside=frozenset().union(*(each.blocks for each in found if each.blocks < loop.blocks)))
        for loop in found
    ]
    return sorted(inside, key=lambda loop: (max(loop.blocks), -loop.depth, loop.header))


def _components(blocks: list[Block], among: Set[int]) -> list[frozenset[int]]:
    """Strongly connected components (Tarjan, 1972), without recursion: a function may have thousands of blocks."""
    numbers: dict[int, int] = {}
    lowest: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[frozenset[int]] = []
    for root in sorted(among):
        path = [] if root in numbers else [(root, iter(blocks[root].successors))]
        while path:
            node, successors = path[-1]
            if node not in numbers:
                numbers[node] = lowest[node] = len(numbers)
                stack.append(node)
                on_stack.add(node)
            for successor in successors:
                if successor in among and successor not in numbers:
                    path.append((successor, iter(blocks[successor].successors)))
                    break
                if successor in on_stack:
                    lowest[node] = min(lowest[node], numbers[successor])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
                if lowest[node] == numbers[node]:
                    component = stack[stack.index(node) :]
                    del stack[stack.index(node) :]
                    on_stack.difference_update(component)
                    found.append(frozenset(component))
    return found
