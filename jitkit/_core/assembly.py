"""Assembly of compiled kernels, whether they were compiled in this process or loaded from a cache.

Numba gives none for loaded ones, and its text lacks LLVM's comments, which tell spills and the names of blocks. This
touches what numba does not promise to keep: `JITCodeLibrary`, the target machine of its code generator, its mangling.
"""

from __future__ import annotations

import dis
import re
from collections.abc import Iterator
from types import CodeType
from typing import Any, NamedTuple

from llvmlite import binding as llvm
from numba.core import bytecode, sigutils, types
from numba.core.compiler_lock import global_compiler_lock

# Bytecode offsets in numba's names of blocks begin at this number.
FIRST_OFFSET: int = getattr(bytecode, "_FIXED_OFFSET", 0)

PARALLEL_PART = "__gufunc__."  # how the symbols of functions begin that numba makes of `prange` loops


class NativeCode(NamedTuple):
    """One signature of a kernel, as assembly."""

    symbols: tuple[str, ...]  # the kernel's own, then those of its parallel parts; no wrappers
    assembly: str  # of the whole library, with LLVM's comments
    is_arm: bool


def native_code(dispatcher: Any, args: tuple[Any, ...]) -> NativeCode:
    """Return the assembly of a compiled signature."""
    compiled = dispatcher.overloads[args]
    symbol = str(compiled.fndesc.llvm_func_name)
    with global_compiler_lock:  # the target machine belongs to the compiler
        # A copy, as printing assembly changes a module. Also for fresh kernels: those of a cache have no other module.
        module = llvm.parse_bitcode(compiled.library._get_module_for_linking().as_bitcode())
        machine = compiled.library.codegen._tm
        machine.set_asm_verbosity(True)
        try:
            assembly = str(machine.emit_assembly(module))
        finally:
            machine.set_asm_verbosity(False)
    defined = [function.name for function in module.functions if not function.is_declaration]
    parallel = [name for name in defined if name.startswith(PARALLEL_PART)]
    return NativeCode((symbol, *parallel), assembly, str(machine.triple).startswith(("aarch64", "arm64")))


def find_signature(dispatcher: Any, signature: Any) -> tuple[Any, ...]:
    """Return the types of the arguments that a signature means, in whatever way it is written.

    Raises
    ------
    TypeError
        If it is no signature.
    """
    if isinstance(signature, str):
        for args in dispatcher.overloads:
            if signature in (in_words(args), ", ".join(map(str, args)), ", ".join(map(repr, args))):
                return tuple(args)
    try:
        parsed = sigutils._parse_signature_string(signature) if isinstance(signature, str) else signature
        args, _ = sigutils.normalize_signature((parsed,) if isinstance(parsed, types.Type) else parsed)
    except Exception:  # numba evaluates the text, which may do anything
        raise TypeError(f'expected types of arguments, like "float64[::1], int64", got {signature!r}') from None
    return tuple(args)


def in_words(args: tuple[Any, ...]) -> str:
    """Text of the types of arguments, as a signature is written: ``float64[::1], int64``."""
    return ", ".join(map(_type_in_words, args))


def _type_in_words(kind: Any) -> str:
    if type(kind) is not types.Array or not (kind.aligned and kind.mutable) or kind.ndim == 0:
        return str(kind)
    axes = [":"] * kind.ndim
    if kind.layout in "CF":
        axes[-1 if kind.layout == "C" else 0] = "::1"
    return f"{kind.dtype}[{','.join(axes)}]"


def readable(symbol: str) -> str:
    """Name of the function that a symbol stands for: dotted if numba made the symbol, else the symbol."""
    symbol = symbol.removeprefix(PARALLEL_PART).removeprefix("cfunc.")
    mangled = re.match(r"_ZN?(?=\d)", symbol)
    if not mangled:
        return symbol
    rest, parts = symbol[mangled.end() :], []
    while (length := re.match(r"\d+", rest)) and len(rest) >= length.end() + int(length[0]) > length.end():
        end = length.end() + int(length[0])
        parts.append(rest[length.end() : end])
        rest = rest[end:]
        if not mangled[0].endswith("N"):  # one name; what follows are types
            break
    return ".".join(parts).replace("_3c", "<").replace("_3e", ">") or symbol


def line_of(code: CodeType, offset: int) -> int | None:
    """Line of the block that begins at an offset of a function's bytecode, as numba counts it.

    None if no block begins there: numba numbers the blocks anew when it rewrites a function.
    """
    offset -= FIRST_OFFSET
    if offset not in _beginnings(code):
        return None
    lines = [line for start, end, line in code.co_lines() if start <= offset < end]
    return lines[0] if lines else None


def _beginnings(code: CodeType) -> Iterator[int]:
    jumps = {*dis.hasjrel, *dis.hasjabs}
    after_jump = False
    for instruction in dis.get_instructions(code):
        if after_jump or instruction.is_jump_target:
            yield instruction.offset
        after_jump = instruction.opcode in jumps
