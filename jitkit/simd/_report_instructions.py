"""What single instructions do, as far as a report tells: x86-64 in AT&T syntax, and AArch64 with NEON."""

from __future__ import annotations

import re
from typing import NamedTuple

from jitkit.simd._report_blocks import Block, Instruction

WIDTHS = {"x": 128, "y": 256, "z": 512}  # by the letter of the register: xmm, ymm, zmm

# Converting a scalar, or any operation whose name ends in its type: addsd, vfmadd231ss, ucomisd, cvtsi2sdq. Names with
# p are of packed integers, and some end alike: pabsd, vpmaxsd, vpdpbusd.
SCALAR = re.compile(r"cvtt?(ss|sd|sh|si|usi)2\w+|(?!p|mov)\w+(ss|sd|sh)")
MOVE = re.compile(
    r"mov\w*|\w*broadcast\w*|insert\w*|extract\w*|pinsr\w|pextr\w|lddqu|p?maskmov\w*|zero\w+|p?expand\w|psrldq"
)
GATHER = re.compile(r"p?gather\w+")
SCATTER = re.compile(r"p?scatter\w+")
# In 128-bit registers these also serve scalars: a sign is taken off with andps, one value moved with unpckhpd, a half
# converted with vcvtph2ps, and vector registers added up within themselves after a loop.
SHARED = re.compile(
    r"p?(and|andn|or|xor)(ps|pd|d|q)?|pternlog\w|shufp\w|p?unpck\w+|pshufd|permilp\w|palignr|pslldq|p?blend\w+|haddp\w"
    r"|insertps|cvtph2psx?|cvtps2phx?"
)
CLEARING = re.compile(r"xorp[sd]|pxor[dq]?|pcmpeq\w|psub\w|pternlog\w")
FULL_STORE = re.compile(r"mov(u|a|nt|dq)\w*|p?maskmov\w*|p?compress\w")
CHAINED = re.compile(r"v?(add|sub|mul|min|max|fn?m(add|sub)\d+)s[sdh]|f(add|sub|mul|madd|msub|min|max|minnm|maxnm)")
SUMMED = re.compile(r"v?(add|sub|mul|fn?m(add|sub)231)s[sdh]|f(add|sub|mul|madd|msub)")
SPILL = re.compile(r"\d+-byte (?:Folded )?(Spill|Reload)")


class Work(NamedTuple):
    """What an instruction does with floats and vectors."""

    kind: str  # "vector", "scalar" (one float), "move", "gather"; "" for all else
    bits: int = 0  # of the widest register


def work_of(instruction: Instruction) -> Work:
    """Tell arithmetic on vectors from that on one float, and from what only moves values."""
    registers = "".join(instruction.operands)
    if found := re.findall(r"%([xyz])mm\d", registers):
        return _x86(instruction, max(WIDTHS[letter] for letter in found))
    return _arm(instruction)


def _x86(instruction: Instruction, bits: int) -> Work:
    name, operands = instruction.name.removeprefix("v"), instruction.operands
    if GATHER.fullmatch(name) or SCATTER.fullmatch(name):
        return Work("gather", bits)
    if MOVE.fullmatch(name):
        return Work("move", bits)
    if SCALAR.fullmatch(name):
        return Work("scalar")
    registers = [operand for operand in operands if not operand.startswith("$")]
    if CLEARING.fullmatch(name) and len(set(registers)) == 1:  # all zeros or all ones, whatever was there
        return Work("move", bits)
    if bits == 128 and SHARED.fullmatch(name):
        return Work("move", bits)
    return Work("vector", bits)


ARM_MOVE = re.compile(r"mov|movi|mvni|fmov|dup|ins|[us]mov|ld\w+|st\w+|bi[ft]|bsl")


def _arm(instruction: Instruction) -> Work:
    name, operands = instruction.name, instruction.operands
    text = " ".join(operands)
    halves = re.findall(r"\bv\d+\.(16b|8h|4s|2d)|\bv\d+\.(?:8b|4h|2s|1d)", text)
    if halves or re.match(r"q\d", text):
        kind = "move" if ARM_MOVE.fullmatch(name) else "vector"
        return Work(kind, 128 if any(halves) or not halves else 64)
    if re.match(r"f|[su]cvtf", name) and name != "fmov" and any(re.fullmatch(r"[dsh]\d+", each) for each in operands):
        return Work("scalar")
    return Work("")


def stored_bits(instruction: Instruction) -> int:
    """Width of the vector that an instruction stores, but for those on the stack; 0 if it stores none."""
    work = work_of(instruction)
    if work.kind not in ("move", "gather") or spilling(instruction):
        return 0
    if instruction.operands[0].startswith("q"):
        return work.bits if instruction.name.startswith("st") else 0
    full = FULL_STORE.fullmatch(instruction.name.removeprefix("v"))
    to = instruction.operands[-1]
    on_stack = "(%rsp" in to  # what a function that is called returns its result in, for example
    return work.bits if full and is_memory(to) and not on_stack and "%" in instruction.operands[0] else 0


def is_memory(operand: str) -> bool:
    """Whether an operand of x86 is a place in memory."""
    return "(" in operand and not operand.startswith("*")


def spilling(instruction: Instruction) -> str:
    """Whether a register is saved on the stack, "Spill", or fetched again, "Reload", as LLVM says; else ""."""
    found = SPILL.search(instruction.comment)
    return found[1] if found else ""


def division_of(instruction: Instruction) -> str:
    """Kind of a division, "integer" or "float"; "" for all else."""
    if re.fullmatch(r"i?div[bwlq]|[us]div", instruction.name):
        return "integer"
    return "float" if re.fullmatch(r"v?div[sp][sdh]|fdiv", instruction.name) else ""


def is_conversion_of_unsigned(block: Block, place: int) -> bool:
    """Whether a packed subtraction is a part of how SSE2 converts one uint64 to float."""
    if block.instructions[place].name.removeprefix("v") != "subpd":
        return False
    before = block.instructions[max(0, place - 3) : place]
    return any(each.name.removeprefix("v") in ("punpckldq", "unpcklps") for each in before)


def destination(instruction: Instruction) -> str:
    """Register that an instruction writes, without its mask; "" if it is none."""
    if not instruction.operands:
        return ""
    name, last = instruction.name, instruction.operands[-1]
    if "%" in last:
        tested = name.startswith(("cmp", "test", "ucomi", "vucomi", "comi", "vcomi", "vtest", "vptest", "push", "bt"))
        written = "" if tested or "(" in last else last.partition("{")[0].strip()
        return full_register(written)
    return "" if name.startswith(("cmp", "fcmp", "tst", "st", "b", "cb", "tb")) else instruction.operands[0]


def is_chained(instruction: Instruction) -> bool:
    """Whether a scalar operation takes the former value of the register that it writes."""
    if not CHAINED.fullmatch(instruction.name):
        return False
    register, operands = destination(instruction), instruction.operands
    if not register.startswith("%"):
        return bool(re.fullmatch(r"[dsh]\d+", register)) and register in operands[1:]
    in_place = len(operands) == 2 or "231" in instruction.name or "132" in instruction.name or "213" in instruction.name
    return in_place or register in operands[:-1]


def is_summed(instruction: Instruction) -> bool:
    """Whether a chained operation adds to, or multiplies, the former value, so that the order could be another."""
    return is_chained(instruction) and bool(SUMMED.fullmatch(instruction.name))


def full_register(register: str) -> str:
    """64-bit register that another one is a part of."""
    if found := re.fullmatch(r"%r(\d+)[dwb]", register):
        return f"%r{found[1]}"
    if found := re.fullmatch(r"%e?([abcd])[xlh]", register):
        return f"%r{found[1]}x"
    if found := re.fullmatch(r"%e?(si|di|bp|sp)l?", register):
        return f"%r{found[1]}"
    return register
