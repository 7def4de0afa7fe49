"""Blocks that kernels make: memory that numba counts references to."""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import cgutils
from jitkit._core.ir import WORD, behind, constant, ir
from jitkit.ring._block import (
    ALIGNMENT,
    CAPACITY,
    FAMILIES,
    FAMILY,
    HEADER_NBYTES,
    ITEMSIZE,
    POLICIES,
    POLICY,
    SLOTS,
    block_nbytes,
)

TOO_LARGE = 1 << 62  # bytes: no memory has so many, and the number fits into a signed word


def emit_new_block(context: Any, builder: Any, kind: Any, family: str) -> Any:
    """Allocate a block, and write its header as `_block.write_header` does."""
    itemsize = kind.element.dtype.itemsize
    nbytes = block_nbytes(kind.capacity, itemsize)
    size, align = constant(min(nbytes, TOO_LARGE)), ir.IntType(32)(ALIGNMENT)
    meminfo = context.nrt.meminfo_alloc_aligned_unchecked(builder, size, align)
    with builder.if_then(cgutils.is_null(builder, meminfo), likely=False):
        context.call_conv.return_user_exc(builder, MemoryError, (f"expected room for {nbytes:,} bytes ({kind})",))
    memory = context.nrt.meminfo_data(builder, meminfo)
    cgutils.memset(builder, memory, constant(HEADER_NBYTES), 0)
    for place, value in (
        (SLOTS, HEADER_NBYTES),
        (CAPACITY, kind.capacity),
        (ITEMSIZE, itemsize),
        (POLICY, POLICIES.index(kind.policy)),
        (FAMILY, FAMILIES.index(family)),
    ):
        builder.store(constant(value), behind(builder, memory, constant(place), WORD))
    members = cgutils.create_struct_proxy(kind)(context, builder)
    members.meminfo, members.block = meminfo, memory
    members.slots = behind(builder, memory, constant(HEADER_NBYTES))
    return members._getvalue()
