"""Kernels on the items of an array, called from code that is put into a user's."""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import cgutils, intrinsic, typed, types
from jitkit._core.ir import WORD
from jitkit.ring._intrinsics import members_of
from jitkit.ring._types import Borrowed


def on_items(kernel: Any) -> Any:
    """Intrinsic that calls ``kernel(ring, address, count)``, which returns a number and never raises.

    Ring and array are in use until it returns: numba gives up a variable after its last use, and knows nothing of
    addresses. No error has to be looked for, so the counting of their references cancels out, which takes as long as
    to copy some hundred bytes.
    """

    @intrinsic
    def call(typing_context: Any, ring: Any, array: Any) -> Any:
        # safe: the array is contiguous, and of the ring's elements: whoever calls has checked its type.
        kind = Borrowed(ring)
        signature = typed(types.int64, kind, types.intp, types.intp)
        kernel.compile(signature.args)

        def codegen(context: Any, builder: Any, _: Any, args: Any) -> Any:
            compiled = kernel.overloads[signature.args]
            owned = members_of(context, builder, ring, args[0])
            borrowed = cgutils.create_struct_proxy(kind)(context, builder)
            borrowed.block, borrowed.slots = owned.block, owned.slots
            header = context.make_array(array)(context, builder, args[1])
            address = builder.ptrtoint(header.data, WORD)
            count = builder.extract_value(header.shape, 0)
            context.active_code_library.add_linking_library(compiled.library)
            given = [borrowed._getvalue(), address, count]
            _, number = context.call_internal_no_propagate(builder, compiled.fndesc, signature, given)
            return number

        return types.int64(ring, array), codegen

    return call
