"""Errors that are raised in the user's own function, in which others are inlined.

A `raise` that is inlined passes every `try`. A kernel that raises, if it is called instead, has numba count references
to the ring's memory at each call: that took 4 ns.
"""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import intrinsic, types
from jitkit._core.ir import constant, ir
from jitkit.ring._failures import FAILURES

USER_ERROR = ir.IntType(32)(1)  # what numba's functions return where they have raised: RETCODE_USEREXC


def _emit_raise(context: Any, builder: Any, error: type[Exception], message: str) -> None:
    """Raise an error; go on where a `try` is around, which looks for errors after all that is inlined."""
    convention = context.call_conv
    convention.set_static_user_exc(builder, error, (message,))
    with builder.if_then(builder.not_(convention.check_try_status(builder).in_try)):
        builder.ret(USER_ERROR)


@intrinsic(prefer_literal=True)
def raise_index_error(typing_context: Any, message: Any) -> Any:
    """Raise an IndexError; return where a `try` is around."""
    # safe: touches no memory but that of numba's own error.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _emit_raise(context, builder, IndexError, message.literal_value)
        return context.get_dummy_value()

    return types.void(message), codegen


@intrinsic
def succeeded(typing_context: Any, count: Any) -> Any:
    """Return a kernel's count, or raise the error that a negative one stands for; return it where a `try` is around."""
    # safe: touches no memory but that of numba's own error.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        with builder.if_then(builder.icmp_signed("<", args[0], constant(0)), likely=False):
            for code, (error, message) in FAILURES.items():
                with builder.if_then(builder.icmp_signed("==", args[0], constant(code))):
                    _emit_raise(context, builder, error, message)
        return args[0]

    return types.int64(types.int64), codegen


@intrinsic
def from_the_oldest(typing_context: Any, i: Any, count: Any) -> Any:
    """Distance of element `i` from the oldest of `count`: that many or more, as numbers wrap around, if it is none."""
    # safe: touches no memory.

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        negative = builder.icmp_signed("<", args[0], constant(0))
        return builder.select(negative, builder.add(args[0], args[1]), args[0])

    return types.uint64(types.intp, types.uint64), codegen
