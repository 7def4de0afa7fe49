"""The LLVM module of a kernel that is to run without Python: exceptions become numbers, references are not counted.

All that is done to it besides optimising is linking: a definition takes the place of another one by its name.
"""

import ctypes
import subprocess
import sys
from collections import defaultdict
from functools import cache
from typing import Any

import llvmlite.binding as llvm
from numba.core import serialize

from jitkit.errors import JitkitError

OTHER_ERROR = (
    -1
)  # the status of a failure without an exception: numba has codes for some, and none that is known to get here
CODE_OF = "jitkit.code_of"  # from the address of an exception's description to its status
DESCRIPTION = ".const.picklebuf."  # how the names begin of what numba describes exceptions with
UNWRAP = "__excinfo_unwrap_args"  # and of what makes Python objects of the values in one

# What a symbol is for, by a part of its name; the first that fits counts.
RUNTIME = {
    "NRT_": "allocates memory",
    "Py": "uses Python objects",
    "numba_gil": "uses Python objects",
    "numba_unpickle": "uses Python objects",
    "numba_runtime": "uses Python objects",
    "sched": "runs in threads of numba",
    "parallel": "runs in threads of numba",
    "num_threads": "runs in threads of numba",
    "random": "draws random numbers",
    "_rnd_": "draws random numbers",
    ".numba.unresolved": "calls itself by way of another function",
    "llvm.": "has instructions that not every processor has",
    "": "calls what is not in the C library",
}


def without_counting(module: Any) -> None:
    """Let references be counted nowhere.

    Nobody owns the memory of an argument or of a constant, which the counting finds out at run time. Owned memory comes
    from NRT functions alone, and code that still calls one of these in the end is refused.
    """
    _override(
        module, {name: f"define void @{name}(ptr %memory) {{ ret void }}" for name in ("NRT_incref", "NRT_decref")}
    )


def _override(module: Any, definitions: dict[str, str]) -> None:
    """Put definitions in the place of those of the same names, if there are any."""
    for value in [*module.functions, *module.global_variables]:
        if value.name in definitions and not value.is_declaration:
            value.linkage = "weak_any"  # LLVM's linker takes the other one
    module.link_in(llvm.parse_assembly("\n".join(definitions.values())))


def hide(module: Any, but: str) -> None:
    """Make all that is defined in a module its own business, but one function."""
    for value in [*module.functions, *module.global_variables]:
        if not value.is_declaration and value.name != but:
            value.linkage = "internal"


def machine_for(target: str, flags: str, triple: str | None = None) -> Any:
    """LLVM's code generator for object files of a shared library, here or on the system of a triple."""
    return _target(triple).create_target_machine(cpu=target, features=flags, opt=3, reloc="pic", codemodel="default")


def _target(triple: str | None = None) -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if triple is not None:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(triple or llvm.get_process_triple())


def retarget(module: Any, machine: Any) -> None:
    """Make a module one for another machine, of which none of its code has known yet."""
    module.triple, module.data_layout = machine.triple, str(machine.target_data)


def optimise(module: Any, machine: Any, level: int) -> None:
    """Run LLVM's passes of -O1 or -O3, with vectors in -O3 only; what is not used goes, at each level."""
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = options.slp_vectorization = level == 3
    builder = llvm.create_pass_builder(machine, options)
    passes = builder.getModulePassManager()
    passes.add_post_order_function_attributes_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_strip_dead_prototype_pass()
    passes.run(module, builder)


def assign_codes(module: Any, name: str) -> dict[int, str]:
    """Replace each description of an exception by its status, and return what the statuses mean.

    What numba describes them with also tells the places of source files: nothing of it remains.
    """
    if any(function.name.startswith(UNWRAP) for function in module.functions):
        raise JitkitError(
            f"expected exceptions whose arguments are constants, got one with values that come when it is raised "
            f"(in {name}): it would allocate memory and make Python objects. Numba's own assignment of slices raises "
            "such for shapes that do not fit; a loop in its place does not"
        )
    constants: dict[tuple[str, str], list[str]] = defaultdict(list)
    lines: dict[tuple[str, str], int] = {}
    for constant, (kind, arguments, location) in _descriptions(module).items():
        exception = _class_name(kind), ascii(arguments)
        constants[exception].append(constant)
        lines[exception] = min(lines.get(exception, sys.maxsize), location[2] if location else 0)
    errors = dict(enumerate(sorted(constants, key=lambda exception: (lines[exception], exception)), 1))
    codes = {constant: code for code, exception in errors.items() for constant in constants[exception]}
    definitions = {constant: f'@"{constant}" = constant i32 {code}' for constant, code in codes.items()}
    definitions[CODE_OF] = f'define i32 @"{CODE_OF}"(ptr %which) {{ %code = load i32, ptr %which ret i32 %code }}'
    _override(module, definitions)
    hide(module, but=name)
    texts = {code: name + arguments.replace(",)", ")") for code, (name, arguments) in errors.items()}
    return {**texts, OTHER_ERROR: "a failure without an exception"}


def _class_name(kind: type[BaseException] | None) -> str:
    if kind is None:
        return "raise"  # of what was caught before
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


class _Description(ctypes.Structure):
    """How numba describes an exception (`excinfo_t` of `numba.core.callconv`): class, arguments and place, pickled."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_int32))


def _descriptions(module: Any) -> dict[str, tuple[Any, Any, Any]]:
    """Exceptions by the constant that describes them, read from memory as numba itself does."""
    data = module.clone()
    here = _target().create_target_machine(codemodel="jitdefault", jit=True)
    retarget(data, here)
    hide(data, but="")
    constants = [value for value in data.global_variables if value.name.startswith(DESCRIPTION)]
    for constant in constants:
        constant.linkage = "external"
    names = [constant.name for constant in constants]
    optimise(data, here, level=0)  # only the constants remain: nothing else would find what it needs
    engine = llvm.create_mcjit_compiler(data, here)
    engine.finalize_object()
    found = {}
    for name in names:
        description = _Description.from_address(engine.get_global_value_address(name))
        found[name] = serialize.loads(ctypes.string_at(description.data, description.size))
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, tuple) and len(value) == 3 and (value[0] is None or isinstance(value[0], type))
    }


def needed_symbols(module: Any, name: str, foreign: bool) -> tuple[str, ...]:
    """Symbols that the C library must have; a JitkitError if others are needed too."""
    unknown = [value.name for value in [*module.functions, *module.global_variables] if value.is_declaration]
    needs = {symbol for symbol in unknown if not symbol.startswith("llvm.") and in_c_library(symbol)}
    # What only one processor has would stop the code generator for another, and this process with it.
    own = ("llvm.x86.", "llvm.aarch64.", "llvm.arm.") if foreign else ()
    reasons: dict[str, list[str]] = defaultdict(list)
    for symbol in sorted(set(unknown) - needs):
        if not symbol.startswith("llvm.") or symbol.startswith(own):
            reasons[next(why for part, why in RUNTIME.items() if part in symbol)].append(symbol)
    if reasons:
        listed = "; ".join(f"{why}: {', '.join(symbols)}" for why, symbols in reasons.items())
        raise JitkitError(f"expected code that runs without Python and numba, got {name}, which {listed}")
    return tuple(sorted(needs))


@cache
def in_c_library(symbol: str) -> bool:
    return any(hasattr(ctypes.CDLL(library), symbol) for library in ("libc.so.6", "libm.so.6"))


# LLVM says on stderr that it does not know a processor, and ends the process if it is one of another architecture.
PROBE = """
import sys, llvmlite.binding as llvm
llvm.initialize_all_targets(); llvm.initialize_all_asmprinters()
target = llvm.Target.from_triple(sys.argv[2])
target.create_target_machine(cpu=sys.argv[1]).emit_object(llvm.parse_assembly("define void @f() { ret void }"))
"""


@cache
def known_processor(processor: str, triple: str | None = None) -> str:
    triple = triple or llvm.get_process_triple()
    command = [sys.executable, "-c", PROBE, processor, triple]
    probe = subprocess.run(command, capture_output=True, text=True, check=False)
    if not processor or processor == "help" or probe.returncode or probe.stderr:
        examples = ' ("x86-64-v3", "haswell")' if triple.startswith("x86_64") else ""
        raise ValueError(f"expected a processor that LLVM knows for {triple}{examples}, got {processor!r}")
    return processor
