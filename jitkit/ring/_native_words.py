"""Words that every object of this room has for the machine code of its methods."""

from __future__ import annotations

from typing import Any

from jitkit._core.ir import constant

# Addresses, or 0: of the block, of the code that converts single elements, of the kernels, and of what arrays are
# recognised by and made with; and of the type whose objects have an element's bytes right behind their head. Where one
# is missing, a method written in Python does the work.
WORDS = (
    "_block",
    "_putter",
    "_taker",
    "_push_kernel",
    "_pop_kernel",
    "_extend_kernel",
    "_array_type",
    "_descr",
    "_owner",
    "_new_array",
    "_set_base",
    "_plain_type",
)
(
    BLOCK,
    PUTTER,
    TAKER,
    PUSH_KERNEL,
    POP_KERNEL,
    EXTEND_KERNEL,
    ARRAY_TYPE,
    ELEMENT_DESCR,
    OWNER,
    NEW_ARRAY,
    SET_BASE,
    PLAIN_TYPE,
) = range(len(WORDS))


def go_on_if(builder: Any, condition: Any, otherwise: Any) -> None:
    """Leave for another block unless a condition holds."""
    ahead = builder.append_basic_block("ahead")
    builder.cbranch(condition, ahead, otherwise)
    builder.position_at_end(ahead)


def is_set(builder: Any, value: Any) -> Any:
    """Whether a word is not 0."""
    return builder.icmp_unsigned("!=", value, constant(0))
