"""What a function's code says, apart from where and how it is written down.

Line numbers, file names, comments and docstrings do not change it; neither do the places that the compiler gives to
constants, which a docstring moves about.
"""

from __future__ import annotations

import dis
import hashlib
import inspect
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType

GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
ENCLOSED = ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")
ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")
SILENT = ("CACHE", "PUSH_NULL", "PRECALL", "NOP", "RESUME", "EXTENDED_ARG", "COPY_FREE_VARS", "MAKE_CELL", "NOT_TAKEN")

# Of a code's flags, those that its text decides. Numba clears CO_OPTIMIZED while a profiler runs.
MEANT = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR | inspect.CO_COROUTINE

# Functions of the `operator` module that stand behind an instruction, by what `dis` prints of it.
SYMBOLS = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "@": "matmul", "**": "pow",
    "<<": "lshift", ">>": "rshift", "&": "and_", "|": "or_", "^": "xor",
    "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne",
}  # fmt: skip
INSTRUCTIONS = {
    "UNARY_NEGATIVE": "neg", "UNARY_INVERT": "invert", "UNARY_NOT": "not_", "UNARY_POSITIVE": "pos",
    "BINARY_SUBSCR": "getitem", "STORE_SUBSCR": "setitem", "DELETE_SUBSCR": "delitem", "CONTAINS_OP": "contains",
    "BINARY_SLICE": "getitem", "STORE_SLICE": "setitem", "IS_OP": "is_",
}  # fmt: skip


@dataclass(frozen=True)
class Name:
    """A value that code looks up: a global or enclosed variable, and the attributes asked of it at once."""

    enclosed: bool
    path: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """What the code of a function, and of all functions inside it, says."""

    shape: str  # digest of the instructions, without the constants
    constants: tuple[str, ...]  # in the order of their use
    names: tuple[Name, ...]
    attributes: frozenset[str]  # asked of anything
    operators: frozenset[str]  # names of functions of the `operator` module


@lru_cache(maxsize=1 << 14)
def code_of(code: CodeType) -> Code:
    """Read a code object; the result is kept, for codes never change."""
    reader = _Reader()
    reader.read(code)
    return Code(
        reader.shape.hexdigest(),
        tuple(reader.constants),
        tuple(reader.names),
        frozenset(reader.attributes),
        frozenset(reader.operators),
    )


class _Reader:
    def __init__(self) -> None:
        self.shape = hashlib.sha256()
        self.constants: list[str] = []
        self.names: dict[Name, None] = {}
        self.attributes: set[str] = set()
        self.operators: set[str] = set()

    def read(self, code: CodeType) -> None:
        counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & MEANT
        self._note(counts, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_exceptiontable)
        instructions = [found for found in dis.get_instructions(code) if found.opname not in ("CACHE", "EXTENDED_ARG")]
        # Jumps are told by which instruction they lead to, for longer arguments move what comes behind them.
        places = {found.offset: place for place, found in enumerate(instructions)}
        chain: list[str] = []
        enclosed = False
        for found in instructions:
            self._read_instruction(found, places)
            if chain and found.opname in ATTRIBUTE:
                chain.append(found.argval)
                continue
            if found.opname in SILENT:
                continue
            if chain:
                self.names[Name(enclosed, tuple(chain))] = None
                chain = []
            if found.opname in GLOBAL or found.opname in ENCLOSED:
                enclosed = found.opname in ENCLOSED
                chain = [found.argval]
        if chain:
            self.names[Name(enclosed, tuple(chain))] = None

    def _read_instruction(self, found: dis.Instruction, places: dict[int, int]) -> None:
        if isinstance(found.argval, CodeType):
            self._note(found.opname)
            self.read(found.argval)
        elif found.opcode in dis.hasconst:
            self._note(found.opname)
            self.constants.append(f"{type(found.argval).__name__} {constant_text(found.argval)}")
        elif found.opcode in dis.hasjrel or found.opcode in dis.hasjabs:
            self._note(found.opname, places.get(found.argval, found.argval))
        elif found.opcode in dis.hasname or found.opcode in dis.haslocal or found.opcode in dis.hasfree:
            self._note(found.opname, found.argval)
        else:
            self._note(found.opname, found.arg)
        if found.opname in ATTRIBUTE:
            self.attributes.add(found.argval)
        if operator := operator_of(found):
            self.operators.add(operator)

    def _note(self, *parts: object) -> None:
        self.shape.update(repr(parts).encode())


def operator_of(found: dis.Instruction) -> str | None:
    """Name of the function of the `operator` module that an instruction calls; ``"iadd"`` counts as ``"add"``."""
    if found.opname in ("BINARY_OP", "COMPARE_OP"):
        symbol = found.argrepr.removeprefix("bool(").removesuffix(")")
        if found.argrepr == "[]":
            return "getitem"
        return SYMBOLS.get(symbol) or SYMBOLS.get(symbol.removesuffix("="))
    return INSTRUCTIONS.get(found.opname)


def constant_text(value: object) -> str:
    """Text of a constant that is the same in every process: a frozenset's order is not."""
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(constant_text, value))) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(constant_text, value)) + ")"
    return repr(value)
