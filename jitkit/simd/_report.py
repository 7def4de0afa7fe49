"""Whether a kernel was vectorised, and if not, what its machine code shows of the reasons: in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jitkit.simd._report_loops import Loop, measure, to_dict
from jitkit.simd._report_remarks import counted, remarks

WIDTH = 80  # columns of the text


@dataclass(frozen=True)
class Compiled:
    """The machine code of one signature."""

    signature: str
    loops: tuple[Loop, ...]  # innermost first
    calls: Mapping[str, int]  # outside of loops: names, and how many calls of each

    def to_dict(self, vector_bits: int) -> dict[str, Any]:
        """Plain data, for JSON."""
        loops = [to_dict(loop) | {"remarks": remarks(loop, vector_bits)} for loop in self.loops]
        return {"signature": self.signature, "loops": loops, "calls": dict(self.calls)}


@dataclass(frozen=True)
class Report:
    """What became of the loops of a kernel."""

    function: str
    processor: str  # that it is compiled for, as LLVM calls it
    vector_bits: int  # of the processor's widest vector register
    signatures: tuple[Compiled, ...]

    @property
    def loops(self) -> tuple[Loop, ...]:
        """Loops of all signatures."""
        return tuple(loop for compiled in self.signatures for loop in compiled.loops)

    def __str__(self) -> str:
        lines = [f"{self.function} on {self.processor}, vectors of {self.vector_bits} bits"]
        for compiled in self.signatures:
            lines += _wrapped(f"({compiled.signature})", 2)
            lines += [line for loop in compiled.loops for line in self._lines(loop)]
            if not compiled.loops:
                lines.append("    no loops")
            if compiled.calls:
                lines += _wrapped(f"outside of loops: calls {calls_in_words(compiled.calls)}", 4)
        return "\n".join(lines)

    def _lines(self, loop: Loop) -> Iterator[str]:
        yield from _wrapped(f"{_place(loop)}: {', '.join(_facts(loop))}", 4)
        for remark in remarks(loop, self.vector_bits):
            yield from _wrapped(remark, 8)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "function": self.function,
            "processor": self.processor,
            "vector_bits": self.vector_bits,
            "signatures": [compiled.to_dict(self.vector_bits) for compiled in self.signatures],
        }


def _place(loop: Loop) -> str:
    words = [f"line {loop.line}" if loop.line else "", loop.label, "of the parallel part" if loop.parallel else ""]
    return " ".join(filter(None, words)) or "a loop"


def _facts(loop: Loop) -> Iterator[str]:
    if loop.rest:
        yield "the rest"
    yield f"{loop.bits} bits" if loop.bits else f"stores {loop.stored_bits} bits" if loop.stored_bits else "scalar"
    if loop.depth > 1 or not loop.innermost:
        yield f"depth {loop.depth}"
    yield counted(loop.instructions, "instruction")
    for count, name in (
        (sum(loop.calls.values()), "call"), (loop.spills, "spill"), (loop.reloads, "reload"),
        (loop.divisions, "division"),
    ):  # fmt: skip
        if count:
            yield counted(count, name)


def calls_in_words(calls: Mapping[str, int]) -> str:
    """Names of functions, with how often each is called if that is more than once."""
    return ", ".join(f"{name} {count} times" if count > 1 else name for name, count in calls.items())


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2), break_on_hyphens=False
    )


def report(function: Any, signature: Any = None) -> Report:
    """Tell for each loop of a compiled kernel whether it works on vectors, and what in its code speaks against that.

    Parameters
    ----------
    function : dispatcher
        What `jk.jit` gives, also where it was loaded from the cache.
    signature : numba signature, tuple of types, or str, optional
        Which of the compiled signatures to look at, like ``"float64[::1], int64"``; all of them without.

    Returns
    -------
    Report
        ``print`` it, or take its ``loops``.

    Raises
    ------
    TypeError
        If `function` is not compiled by numba, or `signature` is no signature.
    ValueError
        If `function` is not compiled yet, or not for this signature.

    Notes
    -----
    What is looked at is the assembly that LLVM prints of the kernel's optimised code, for which it makes the machine
    code once more: some loops come out with other instructions than those that run. Functions that are not inlined
    show as calls; ask for a report on each. A loop of the source may have become several loops, or none: LLVM turns
    some into a call of ``memset``, some into a formula, and unrolls short ones.

    Examples
    --------
    >>> print(simd.report(total))
    my_module:total on znver4, vectors of 512 bits
      (float64[::1])
        line 7 .LBB0_5: scalar, 11 instructions
            adds or multiplies floats one after the other, in order: ...
    """
    from jitkit._core import assembly, cpu, numba_values  # loads numba: importing this room must not

    if not numba_values.is_dispatcher(function):
        raise TypeError(f"expected a function made by jk.jit, got {type(function).__name__}")
    name = f"{function.py_func.__module__}:{function.py_func.__qualname__}"
    wanted = list(function.overloads)
    compiled_for = "; ".join(f"({assembly.in_words(args)})" for args in wanted) or "nothing"
    if signature is not None:
        wanted = [assembly.find_signature(function, signature)]
    if not wanted or wanted[0] not in function.overloads:
        asked = f" for ({assembly.in_words(wanted[0])})" if wanted else ""
        raise ValueError(
            f"expected {name} to be compiled{asked}, got it compiled for {compiled_for}: call it with such arguments "
            f"first, or name their types: {function.py_func.__name__}.compile(...)"
        )
    return Report(
        name,
        cpu.target().name,
        8 * max(cpu.vector_bytes("f4"), cpu.vector_bytes("i4")),
        tuple(_compiled(function, args) for args in wanted),
    )


def _compiled(function: Any, args: tuple[Any, ...]) -> Compiled:
    from jitkit._core import assembly

    native = assembly.native_code(function, args)
    own, *parallel = (
        measure(
            native.assembly,
            symbol,
            is_arm=native.is_arm,
            readable=assembly.readable,
            line_of=lambda offset: assembly.line_of(function.py_func.__code__, offset),
            parallel=symbol.startswith(assembly.PARALLEL_PART),
        )
        for symbol in native.symbols
    )
    loops = (*own.loops, *(loop for part in parallel for loop in part.loops))
    return Compiled(assembly.in_words(args), loops, own.calls)
