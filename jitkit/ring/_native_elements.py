"""What a call of `push`, `pop` or `pop_or` from Python does where the element is a plain number: machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jitkit._core.ir import WORD, constant, ir, pointer
from jitkit._core.native import OBJECT, call
from jitkit._core.native_type import HEAD, emit_kernel_call, emit_method_call, emit_object, emit_reference, emit_word
from jitkit.ring._native_words import BLOCK, PLAIN_TYPE, POP_KERNEL, PUSH_KERNEL, PUTTER, TAKER, go_on_if, is_set

# (object, address of the element's bytes) -> 1 if it was converted; or one of these, the latter with an error set.
PUT = ir.FunctionType(WORD, [OBJECT, WORD])
NO_NUMBER, RAISED = 0, 2
TAKE = ir.FunctionType(OBJECT, [WORD])  # (address of the element's bytes) -> a new reference
LARGEST = 16  # bytes of a plain number


def emit_push(builder: Any, instance: Any, value: Any) -> Any:
    """Emit the body of `push`."""
    with builder.goto_entry_block():
        element = builder.ptrtoint(builder.alloca(WORD, LARGEST // 8), WORD)
    slowly, converted = builder.append_basic_block("slowly"), builder.append_basic_block("converted")
    # safe: reads the type of an object, and the bytes behind a float's head, which `_numbers` has found to be there.
    head = builder.ptrtoint(value, WORD)
    kind = builder.load(pointer(builder, builder.add(head, constant(HEAD - 8)), WORD))
    with builder.if_then(builder.icmp_unsigned("==", kind, emit_word(builder, instance, PLAIN_TYPE))):
        plain = builder.load(pointer(builder, builder.add(head, constant(HEAD)), WORD))
        builder.store(plain, pointer(builder, element, WORD))
        builder.branch(converted)
    putter, kernel = emit_word(builder, instance, PUTTER), emit_word(builder, instance, PUSH_KERNEL)
    go_on_if(builder, builder.and_(is_set(builder, putter), is_set(builder, kernel)), slowly)
    put = builder.call(builder.inttoptr(putter, PUT.as_pointer()), [value, element])
    go_on_if(builder, is_set(builder, put), slowly)
    with builder.if_then(builder.icmp_unsigned("==", put, constant(RAISED)), likely=False):
        builder.ret(OBJECT(None))
    builder.branch(converted)
    builder.position_at_end(converted)
    kernel = emit_word(builder, instance, PUSH_KERNEL)  # again: while an object converts itself, all may have changed
    go_on_if(builder, is_set(builder, kernel), slowly)
    stored = emit_kernel_call(builder, kernel, emit_word(builder, instance, BLOCK), element)
    go_on_if(builder, builder.icmp_signed(">=", stored, constant(0)), slowly)
    yes, no = emit_object(builder, "True"), emit_object(builder, "False")
    builder.ret(emit_reference(builder, builder.select(is_set(builder, stored), yes, no)))
    builder.position_at_end(slowly)
    return emit_method_call(builder, instance, "_push", value)


def _emit_take(builder: Any, instance: Any, missing: Callable[[], Any], slow: Callable[[], Any]) -> Any:
    with builder.goto_entry_block():
        element = builder.ptrtoint(builder.alloca(WORD, LARGEST // 8), WORD)
    taker, kernel = emit_word(builder, instance, TAKER), emit_word(builder, instance, POP_KERNEL)
    slowly, empty = builder.append_basic_block("slowly"), builder.append_basic_block("empty")
    go_on_if(builder, builder.and_(is_set(builder, taker), is_set(builder, kernel)), slowly)
    found = emit_kernel_call(builder, kernel, emit_word(builder, instance, BLOCK), element)
    go_on_if(builder, builder.icmp_signed(">=", found, constant(0)), slowly)
    go_on_if(builder, is_set(builder, found), empty)
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
