"""What a person can do about a loop, as far as its machine code shows the cause."""

from __future__ import annotations

import re

from jitkit.simd._report_calls import UNKNOWN
from jitkit.simd._report_loops import Loop

# Of the C library's mathematics, what numba calls for math and NumPy functions; a name may end in f, for float.
MATHEMATICS = re.compile(
    r"(a?(sin|cos|tan)h?|atan2|cbrt|ceil|copysign|erfc?|exp2?|expm1|floor|fmod|frexp|hypot|ldexp|l?gamma|log|log10|log1p"
    r"|log2|nearbyint|nextafter|pow|remainder|rint|round|sqrt|tgamma|trunc)f?"
)
FAST = frozenset({"memset", "memcpy", "memmove"})  # loops that LLVM has found to be one of these
ALLOCATES = "NRT_MemInfo_alloc"


def counted(count: int, name: str) -> str:
    """A number and what there are so many of."""
    return f"{count} {name}{'s' if count != 1 else ''}"


def remarks(loop: Loop, vector_bits: int) -> list[str]:
    """What to know and do about a loop; nothing about one for the elements that another one leaves over.

    Parameters
    ----------
    loop : Loop
    vector_bits : int
        Of the processor's widest vector register.
    """
    if loop.rest:
        return []
    said = [*_about_calls(loop), *_about_exceptions(loop)]
    scalar = loop.innermost and not loop.bits and not loop.stored_bits
    if scalar and "sum" in loop.signs:
        said.append(
            "adds or multiplies floats one after the other, in order: fastmath={'reassoc'} or vectors of simd let a "
            "sum be split"
        )
    if scalar and "chain" in loop.signs:
        said.append("each turn waits for a float that the turn before computed")
    if scalar and "step" in loop.signs:
        said.append(
            "the step from one element to the next is known only when it runs: arrays that are contiguous "
            "(float64[::1]) can be taken as vectors"
        )
    if loop.innermost and not loop.bits and "integer division" in loop.signs:
        said.append("divides integers: processors have no vector instruction for that")
    if scalar and "several ways out" in loop.signs and not said:
        said.append("can be left at several places (as by break or return): LLVM vectorises loops with one way out")
    if scalar and not said:
        said.append("works on one value at a time; the machine code does not show why")
    return said + _about_registers(loop, vector_bits)


def _about_calls(loop: Loop) -> list[str]:
    said = []
    for name, count in loop.calls.items():
        often = f" {count} times" if count > 1 else ""
        if MATHEMATICS.fullmatch(name):
            said.append(
                f"calls {name}{often} in every turn, for one value each: numba has no vector version of it here"
            )
        elif name.startswith("__svml_"):
            said.append(f"calls {name}{often}, which takes a vector (Intel SVML)")
        elif name == UNKNOWN:
            said.append(f"calls {name}{often}: it cannot be inlined")
        elif name.startswith(ALLOCATES):
            said.append("allocates memory in every turn: make arrays before the loop, or keep to single values")
        elif name.startswith(("numba.", "_", "NRT_", "numba_")):
            if not name.startswith(("NRT_incref", "NRT_decref")):
                said.append(f"calls {name}{often}: not inlined, and a part of numba")
        elif "." in name:
            said.append(
                f"calls {name}{often}: not inlined; forceinline=True in its jk.jit takes it into this loop, and it has "
                f"a report of its own"
            )
        elif name not in FAST:
            said.append(f"calls {name}{often}")
    if loop.calls.keys() & {"NRT_incref", "NRT_decref"}:
        said.append("counts references (NRT) in every turn: slice, make and pass arrays outside of the loop")
    elif "atomic" in loop.signs:
        said.append("has atomic instructions, as reference counts (NRT) and locks are: none of them is vectorised")
    return said


def _about_exceptions(loop: Loop) -> list[str]:
    if not loop.exceptions:
        return []
    said = f"may raise {' or '.join(loop.exceptions)}"
    if "ZeroDivisionError" in loop.exceptions:
        said += ": error_model='numpy', the default of jk.jit, leaves out the check of divisors"
    elif "IndexError" in loop.exceptions:
        said += ": boundscheck=False leaves out the check of indices"
    return [f"{said}; a loop that may end so is not vectorised" if loop.innermost and not loop.bits else said]


def _about_registers(loop: Loop, vector_bits: int) -> list[str]:
    said = []
    if loop.innermost and 0 < loop.bits < vector_bits:
        said.append(f"uses {loop.bits} of {vector_bits} bits")
    if loop.bits and loop.scalar_floats:
        said.append(f"{counted(loop.scalar_floats, 'instruction')} for one float each")
    if "gather" in loop.signs:
        said.append(
            "gathers or scatters elements that are not neighbours, which is slower than a load of a whole vector"
        )
    if loop.spills and loop.calls:
        said.append(f"spills {counted(loop.spills, 'register')} around its calls")
    elif loop.spills:
        said.append(f"spills {counted(loop.spills, 'register')} to the stack: keep fewer values alive at a time")
    return said
