"""Kernels that never raise, called from code that is put into a user's.

Numba looks for an error after each call, and counts the ring's references around it. Where it need not, LLVM takes the
counting out: that took 4 ns for each element.
"""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import intrinsic, types
from jitkit._core.ir import WORD
from jitkit.ring._intrinsics import borrowed_in
from jitkit.ring._types import borrowed_type


def quietly(kernel: Any) -> Any:
    """Intrinsic that calls ``kernel(ring)``, which never raises."""

    @intrinsic
    def call(typing_context: Any, ring: Any) -> Any:
        # safe: the ring is the caller's, which keeps it until the kernel returns.
        compiled = _compiled(kernel, borrowed_type(ring))

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _emit_call(context, builder, compiled, [borrowed_in(context, builder, ring, args[0])])

        return compiled.signature.return_type(ring), codegen

    return call


def quietly_with(number: Any, kernel: Any) -> Any:
    """Intrinsic that calls ``kernel(ring, number)``, which never raises, with a number of that type."""

    @intrinsic
    def call(typing_context: Any, ring: Any, value: Any) -> Any:
        # safe: as `quietly`.
        compiled = _compiled(kernel, borrowed_type(ring), number)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _emit_call(context, builder, compiled, [borrowed_in(context, builder, ring, args[0]), args[1]])

        return compiled.signature.return_type(ring, number), codegen

    return call


def on_items(kernel: Any) -> Any:
    """Intrinsic that calls ``kernel(ring, address, count)`` for the items of an array; it never raises.

    Ring and array are in use until it returns: numba gives up a variable after its last use, and knows nothing of
    addresses.
    """

    @intrinsic
    def call(typing_context: Any, ring: Any, array: Any) -> Any:
        # safe: the array is contiguous, and of the ring's elements: whoever calls has checked its type.
        compiled = _compiled(kernel, borrowed_type(ring), types.intp, types.intp)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            header = context.make_array(array)(context, builder, args[1])
            address = builder.ptrtoint(header.data, WORD)
            count = builder.extract_value(header.shape, 0)
            given = [borrowed_in(context, builder, ring, args[0]), address, count]
            return _emit_call(context, builder, compiled, given)

        return compiled.signature.return_type(ring, array), codegen

    return call


def _compiled(kernel: Any, *kinds: Any) -> Any:
    kernel.compile(kinds)
    return kernel.overloads[kinds]


def _emit_call(context: Any, builder: Any, compiled: Any, args: list[Any]) -> Any:
    context.active_code_library.add_linking_library(compiled.library)
    _, result = context.call_internal_no_propagate(builder, compiled.fndesc, compiled.signature, args)
    return result
