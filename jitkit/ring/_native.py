"""What a call of `push`, `pop` or `pop_or` from Python does: machine code, where the element is a plain number.

An object has addresses: of its block, of the code that converts elements, and of the kernels. Where one is missing, the
method of the same name with an underscore does the work, in Python; it may put the address in for the next time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from jitkit._core.ir import WORD, constant, ir
from jitkit._core.native import OBJECT, call
from jitkit._core.native_type import emit_kernel_call, emit_method_call, emit_word, native_base, replace_methods

WORDS = ("_block", "_putter", "_taker", "_push_kernel", "_pop_kernel")
BLOCK, PUTTER, TAKER, PUSH_KERNEL, POP_KERNEL = range(5)

PUT = ir.FunctionType(WORD, [OBJECT, WORD])  # (object, address of the element's bytes) -> 1 if it could be converted
TAKE = ir.FunctionType(OBJECT, [WORD])  # (address of the element's bytes) -> a new reference
LARGEST = 16  # bytes of a plain number


def emit_push(builder: Any, instance: Any, value: Any) -> Any:
    """Emit the body of `push`."""
    with builder.goto_entry_block():
        element = builder.ptrtoint(builder.alloca(WORD, LARGEST // 8), WORD)
    putter, kernel = emit_word(builder, instance, PUTTER), emit_word(builder, instance, PUSH_KERNEL)
    slowly = builder.append_basic_block("slowly")
    _go_on_if(builder, _both(builder, putter, kernel), slowly)
    put = builder.call(builder.inttoptr(putter, PUT.as_pointer()), [value, element])
    _go_on_if(builder, _is_set(builder, put), slowly)
    stored = emit_kernel_call(builder, kernel, emit_word(builder, instance, BLOCK), element)
    _go_on_if(builder, builder.icmp_signed(">=", stored, constant(0)), slowly)
    result = call(builder, "PyBool_FromLong", OBJECT, stored)
    builder.ret(result)
    builder.position_at_end(slowly)
    return emit_method_call(builder, instance, "_push", value)


def _emit_take(builder: Any, instance: Any, missing: Callable[[], Any], slow: Callable[[], Any]) -> Any:
    with builder.goto_entry_block():
        element = builder.ptrtoint(builder.alloca(WORD, LARGEST // 8), WORD)
    taker, kernel = emit_word(builder, instance, TAKER), emit_word(builder, instance, POP_KERNEL)
    slowly, empty = builder.append_basic_block("slowly"), builder.append_basic_block("empty")
    _go_on_if(builder, _both(builder, taker, kernel), slowly)
    found = emit_kernel_call(builder, kernel, emit_word(builder, instance, BLOCK), element)
    _go_on_if(builder, builder.icmp_signed(">=", found, constant(0)), slowly)
    _go_on_if(builder, _is_set(builder, found), empty)
    builder.ret(builder.call(builder.inttoptr(taker, TAKE.as_pointer()), [element]))
    builder.position_at_end(empty)
    builder.ret(missing())
    builder.position_at_end(slowly)
    return slow()


def emit_pop(builder: Any, instance: Any, _: Any) -> Any:
    """Emit the body of `pop`."""

    def slow() -> Any:
        return emit_method_call(builder, instance, "_pop")

    return _emit_take(builder, instance, slow, slow)


def emit_pop_or(builder: Any, instance: Any, default: Any) -> Any:
    """Emit the body of `pop_or`."""

    def missing() -> Any:
        call(builder, "Py_IncRef", ir.VoidType(), default)
        return default

    return _emit_take(builder, instance, missing, lambda: emit_method_call(builder, instance, "_pop_or", default))


def _go_on_if(builder: Any, condition: Any, otherwise: Any) -> None:
    """Leave for another block unless a condition holds."""
    ahead = builder.append_basic_block("ahead")
    builder.cbranch(condition, ahead, otherwise)
    builder.position_at_end(ahead)


def _is_set(builder: Any, value: Any) -> Any:
    return builder.icmp_unsigned("!=", value, constant(0))


def _both(builder: Any, one: Any, other: Any) -> Any:
    return builder.and_(_is_set(builder, one), _is_set(builder, other))


EMITTERS = {"push": emit_push, "pop": emit_pop, "pop_or": emit_pop_or}

T = TypeVar("T", bound=type)


def in_machine_code(cls: T) -> T:
    """Put machine code in the place of the methods of a class that there is such for, if this Python has a way to."""
    if not TYPE_CHECKING and Words is not _PlainWords:
        replace_methods(cls, {name: emit for name, emit in EMITTERS.items() if name in vars(cls)})
    return cls


class _PlainWords:
    """Words that code cannot find: every call then works in Python."""

    __slots__ = ("_block", "_pop_kernel", "_push_kernel", "_putter", "_taker")
    _block: int
    _putter: int
    _taker: int
    _push_kernel: int
    _pop_kernel: int


class _Trial:
    """Methods that tell what they were called with."""

    def push(self, value: Any) -> Any:
        return "push", value

    def pop(self) -> Any:
        return "pop"

    def pop_or(self, default: Any) -> Any:
        return "pop_or", default


def _words() -> Any:
    """Return the class that objects have their words from, after a try of all that it rests on."""
    try:
        made = native_base("jitkit.ring.Words", WORDS)
        trial: Any = type("Trial", (made,), {"__slots__": (), **{name: vars(_Trial)[name] for name in EMITTERS}})
        replace_methods(trial, EMITTERS)
        instance = trial()
        instance._block = -1
        answers = instance.push(1), instance.pop(), instance.pop_or(2)
        if (instance._block, instance._pop_kernel, *answers) == (-1, 0, ("push", 1), "pop", ("pop_or", 2)):
            return made
    except Exception:  # a Python that makes classes in another way
        pass
    return _PlainWords


if TYPE_CHECKING:
    Words = _PlainWords
else:
    Words = _words()
