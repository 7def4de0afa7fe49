"""What calls in assembly call: the address lies in a register, which may have been loaded far away."""

from __future__ import annotations

import re

from jitkit.simd._report_blocks import Block, Instruction
from jitkit.simd._report_instructions import destination, full_register

UNKNOWN = "(a function by its address)"
# Registers that a call may change (System V x86-64 ABI, section 3.2.1): what it returned may be what is called next.
CHANGED_BY_CALLS = frozenset({"%rax", "%rcx", "%rdx", "%rsi", "%rdi", "%r8", "%r9", "%r10", "%r11"})

# An address as an operand: $exp or exp(%rip) of x86, and two of ARM's, whose address comes in pieces: #:abs_g0_nc:exp
SYMBOL = re.compile(
    r'^\$?"(?P<quoted>[^"]+)"|^(?:\$(?=[^\d-])|(?=[^$%]+\(%rip\))|.*:(?:abs_g\d(?:_nc)?|(?:got_)?lo12):)(?P<plain>[^\s,@(\]]+)'
)


def is_call(instruction: Instruction) -> bool:
    """Whether an instruction calls a function."""
    return instruction.name in ("call", "callq", "bl", "blr")


def called(blocks: list[Block], place: int, position: int) -> str:
    """Symbol of what is called by an instruction; `UNKNOWN` where the code does not tell, or tells several."""
    instruction = blocks[place].instructions[position]
    operand = instruction.operands[-1] if instruction.operands else ""
    if not operand.startswith("*") and instruction.name != "blr":
        return operand.partition("@PLT")[0].strip('"') or UNKNOWN
    location = operand.removeprefix("*")
    if "(" in location and not re.fullmatch(r"\d*\(%rsp\)", location):
        return UNKNOWN  # from a table
    found = _addresses(blocks, place, position, full_register(location))
    return found.pop() if len(found) == 1 else UNKNOWN


def _addresses(blocks: list[Block], place: int, position: int, location: str) -> set[str]:
    """Symbols whose addresses a register, or a place on the stack, may hold before an instruction."""
    entered: list[list[int]] = [[] for _ in blocks]
    for number, block in enumerate(blocks):
        for successor in block.successors:
            entered[successor].append(number)
    found: set[str] = set()
    seen: set[tuple[int, str]] = set()
    waiting = [(place, position, location)]
    while waiting:
        place, position, location = waiting.pop()
        source = _last_write(blocks[place].instructions[:position], location)
        if source.startswith("="):
            found.add(source[1:])
            continue
        for former in entered[place] or (-1,):
            if former < 0:
                found.add(UNKNOWN)
            elif (former, source) not in seen:
                seen.add((former, source))
                waiting.append((former, len(blocks[former].instructions), source))
    return found


def _last_write(instructions: list[Instruction], location: str) -> str:
    """What a location was last given, "=symbol"; or the location that its value was in at the beginning."""
    for each in reversed(instructions):
        on_stack = location.endswith("(%rsp)")
        if on_stack and _moves_stack(each):
            return f"={UNKNOWN}"  # places on the stack have other names before
        if is_call(each) and location in CHANGED_BY_CALLS:
            return f"={UNKNOWN}"
        if not each.operands or (each.operands[-1] != location if on_stack else destination(each) != location):
            continue
        if on_stack and each.name.startswith(("cmp", "test")):
            continue
        source = each.operands[0 if "%" in location else -1]
        if symbol := SYMBOL.search(source):
            return f"={symbol['quoted'] or symbol['plain']}"
        if not each.name.startswith("mov") or not re.fullmatch(r"%\w+|x\d+|\d*\(%rsp\)", source):
            return f"={UNKNOWN}"
        location = full_register(source)
    return location


def _moves_stack(instruction: Instruction) -> bool:
    return instruction.name.startswith(("push", "pop")) or destination(instruction) == "%rsp"
