"""What calls of a queue from Python come down to."""

from __future__ import annotations

from typing import Any

from jitkit._core.jit import jit
from jitkit.ring import _many
from jitkit.ring._calls import ANY, NOTHING
from jitkit.ring._intrinsics import block_at


def _push_of(itemsize: int) -> Any:
    @jit
    def push(block: Any, element: Any) -> Any:
        """Put the element at an address in; 1 if it was stored."""
        return int(_many.push(block_at(itemsize, block, NOTHING), element))

    return push


def _pop_of(itemsize: int) -> Any:
    @jit
    def pop(block: Any, target: Any) -> Any:
        """Take the oldest element out, to an address, which is returned; 0 if there is none."""
        return _many.pop_or(block_at(itemsize, block, target), NOTHING)

    return pop


push, push_1, push_2, push_4, push_8, push_16 = map(_push_of, (ANY, 1, 2, 4, 8, 16))
pop, pop_1, pop_2, pop_4, pop_8, pop_16 = map(_pop_of, (ANY, 1, 2, 4, 8, 16))
