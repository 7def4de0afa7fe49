"""What LLVM may know of memory that a function works on: accesses to some of it never meet accesses to any other.

LLVM cannot see that storing an element changes no counter, nor that an array does not lie on top of one. Told so, it
keeps counters in registers from one turn of a loop to the next. Every access is marked with what it is to (`tbaa`, in
the LLVM Language Reference): two of different names meet only if one is part of the other.
"""

from __future__ import annotations

from typing import Any

from llvmlite.ir import instructions

from jitkit._core.ir import constant, ir

ROOT = "jitkit"
COUNTER = "counter"  # words that nothing but accesses so marked, atomic ones and calls ever touches
MEMORY = "memory"  # all else
ELEMENT = "element"  # part of it


def mark(builder: Any, access: Any, what: str) -> Any:
    """Say what a load or store is to. In a function that has counters, all other accesses are to other memory."""
    access.set_metadata("tbaa", _tag(builder.module, what))
    if what == COUNTER and type(builder.module) is ir.Module:
        builder.module.__class__ = _ModuleWithCounters
    return access


class _ModuleWithCounters(ir.Module):
    """A module whose functions are complete only when it is printed: only then their other accesses can be marked."""

    def __repr__(self) -> str:
        other, counter = _tag(self, MEMORY), _tag(self, COUNTER)
        for function in self.functions:
            accesses = [access for block in function.blocks for access in block.instructions if _is_plain(access)]
            if any(access.metadata.get("tbaa") is counter for access in accesses):
                for access in accesses:
                    if "tbaa" not in access.metadata:
                        access.set_metadata("tbaa", other)
        return str(super().__repr__())


def _is_plain(instruction: Any) -> bool:
    """Whether an instruction is a load or store that is not atomic: those order all others, and stay as they are."""
    return type(instruction) in (instructions.LoadInstr, instructions.StoreInstr)


def _tag(module: Any, what: str) -> Any:
    """Metadata that says what an access is to; LLVM compares it by its text, also with that of other modules."""
    parent = module.add_metadata([ir.MetaDataString(module, ROOT)])
    for name in (MEMORY, ELEMENT) if what == ELEMENT else (what,):
        parent = module.add_metadata([ir.MetaDataString(module, name), parent, constant(0)])
    return module.add_metadata([parent, parent, constant(0)])
