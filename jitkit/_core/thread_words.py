"""Words that threads share, in numba kernels: atomic accesses, waiting, and what each thread has for itself.

An address is an `intp`. Words are of 32 bits, because the kernel of Linux waits for such.
"""
# Numba calls every code generator with the same arguments, and its decorators have no types.
# ruff: noqa: ARG001
# mypy: allow-untyped-decorators

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm

from jitkit._core.intrinsics import intrinsic, types
from jitkit._core.ir import BYTE, WORD, constant, declared, ir, pointer

NUMBER = ir.IntType(32)
POINTER = BYTE.as_pointer()
FUTEX = {"x86_64": 202, "aarch64": 98}  # number of the system call: Linux, arch/x86/entry/syscalls and unistd.h
WAIT_PRIVATE, WAKE_PRIVATE = 128, 129  # FUTEX_WAIT and FUTEX_WAKE with FUTEX_PRIVATE_FLAG: futex(2)


@intrinsic
def load_acquire(typing_context: Any, address: Any) -> Any:
    """Word, and with it all that was written before it was."""
    # safe: reads 4 bytes at an address that is the caller's, and a multiple of 4.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load_atomic(pointer(builder, args[0], NUMBER), "acquire", 4)
        return builder.sext(value, WORD)

    return types.intp(types.intp), codegen


@intrinsic
def store_release(typing_context: Any, address: Any, value: Any) -> Any:
    """Write a word after all that was written before."""
    # safe: writes 4 bytes at an address that is the caller's, and a multiple of 4.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(builder.trunc(args[1], NUMBER), pointer(builder, args[0], NUMBER), "release", 4)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), codegen


@intrinsic
def exchange(typing_context: Any, address: Any, value: Any) -> Any:
    """Write a word, and return what was there."""
    # safe: as `store_release`.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.trunc(args[1], NUMBER)
        return builder.sext(builder.atomic_rmw("xchg", pointer(builder, args[0], NUMBER), value, "seq_cst"), WORD)

    return types.intp(types.intp, types.intp), codegen


@intrinsic
def add_atomic(typing_context: Any, address: Any, value: Any) -> Any:
    """Add to a word of 64 bits, and return what was there."""
    # safe: reads and writes 8 bytes at an address that is the caller's, and a multiple of 8.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", pointer(builder, args[0], WORD), args[1], "seq_cst")

    return types.intp(types.intp, types.intp), codegen


@intrinsic
def replace(typing_context: Any, address: Any, old: Any, new: Any) -> Any:
    """Write a word if it is still `old`; tell whether it was."""
    # safe: as `store_release`.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        old, new = (builder.trunc(value, NUMBER) for value in args[1:])
        found = builder.cmpxchg(pointer(builder, args[0], NUMBER), old, new, "seq_cst", "seq_cst")
        return builder.extract_value(found, 1)

    return types.boolean(types.intp, types.intp, types.intp), codegen


@intrinsic
def replace_word(typing_context: Any, address: Any, old: Any, new: Any) -> Any:
    """Write a word of 64 bits if it is still `old`; tell whether it was."""
    # safe: as `add_atomic`.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = builder.cmpxchg(pointer(builder, args[0], WORD), args[1], args[2], "seq_cst", "seq_cst")
        return builder.extract_value(found, 1)

    return types.boolean(types.intp, types.intp, types.intp), codegen


@intrinsic
def pause(typing_context: Any) -> Any:
    """Tell the processor that this thread waits for another one."""
    # safe: touches no memory.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # PAUSE of x86; of ARM the hint YIELD (Arm Architecture Reference Manual, C6.2, "HINT").
        names = {"x86_64": ("llvm.x86.sse2.pause", []), "aarch64": ("llvm.aarch64.hint", [NUMBER(1)])}
        name, values = names[_architecture()]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(declared(builder.module, name, kind), values)
        return context.get_dummy_value()

    return types.void(), codegen


def _futex(operation: int) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = declared(builder.module, "syscall", ir.FunctionType(WORD, [WORD], var_arg=True))
        number = constant(FUTEX[_architecture()])
        builder.call(function, [number, args[0], constant(operation), args[1], constant(0)])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), codegen


@intrinsic
def sleep_while(typing_context: Any, address: Any, value: Any) -> Any:
    """Sleep until somebody wakes this thread, if a word has a value; it may also wake for nothing."""
    # safe: reads 4 bytes at an address that is the caller's, and a multiple of 4.
    return _futex(WAIT_PRIVATE)


@intrinsic
def wake(typing_context: Any, address: Any, count: Any) -> Any:
    """Wake threads that sleep at a word."""
    # safe: touches no memory.
    return _futex(WAKE_PRIVATE)


@intrinsic
def give_way(typing_context: Any) -> Any:
    """Let another thread have the processor, if one waits for it."""
    # safe: touches no memory.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.call(declared(builder.module, "sched_yield", ir.FunctionType(NUMBER, [])), [])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def doze(typing_context: Any, microseconds: Any) -> Any:
    """Sleep for a time; nobody wakes this thread."""
    # safe: touches no memory.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = declared(builder.module, "usleep", ir.FunctionType(NUMBER, [NUMBER]))
        builder.call(function, [builder.trunc(args[0], NUMBER)])
        return context.get_dummy_value()

    return types.void(types.intp), codegen


@intrinsic
def own_word(typing_context: Any, key: Any) -> Any:
    """What this thread has under a key of `pthread_key_create`."""
    # safe: touches no memory of ours.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = declared(builder.module, "pthread_getspecific", ir.FunctionType(POINTER, [NUMBER]))
        return builder.ptrtoint(builder.call(function, [builder.trunc(args[0], NUMBER)]), WORD)

    return types.intp(types.intp), codegen


def _environment(name: str) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = declared(builder.module, name, ir.FunctionType(NUMBER, [POINTER]))
        builder.call(function, [pointer(builder, args[0], BYTE)])
        return context.get_dummy_value()

    return types.void(types.intp), codegen


@intrinsic
def save_rounding(typing_context: Any, address: Any) -> Any:
    """Write how this thread rounds, and which floating-point exceptions it has raised."""
    # safe: writes a `fenv_t`, of 32 bytes at most, at an address that is the caller's.
    return _environment("fegetenv")


@intrinsic
def take_rounding(typing_context: Any, address: Any) -> Any:
    """Round as another thread has saved it."""
    # safe: reads what `save_rounding` has written.
    return _environment("fesetenv")


def _flags(name: str) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = declared(builder.module, name, ir.FunctionType(NUMBER, [NUMBER]))
        return builder.sext(builder.call(function, [builder.trunc(args[0], NUMBER)]), WORD)

    return types.intp(types.intp), codegen


@intrinsic
def raised_flags(typing_context: Any, flags: Any) -> Any:
    """Which of these floating-point exceptions this thread has raised."""
    # safe: touches no memory.
    return _flags("fetestexcept")


@intrinsic
def lower_flags(typing_context: Any, flags: Any) -> Any:
    """Forget floating-point exceptions."""
    # safe: touches no memory.
    return _flags("feclearexcept")


@intrinsic
def raise_flags(typing_context: Any, flags: Any) -> Any:
    """Raise floating-point exceptions."""
    # safe: touches no memory.
    return _flags("feraiseexcept")


@intrinsic
def call_loop(typing_context: Any, loop: Any, arguments: Any, dimensions: Any, steps: Any, data: Any) -> Any:
    """Call the machine code of a ufunc's loop, at an address."""
    # safe: the caller hands on what NumPy gave it for a part of the items.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [WORD] * 4)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), codegen


def _architecture() -> str:
    return str(llvm.get_process_triple()).partition("-")[0]
