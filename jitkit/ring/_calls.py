"""What calls from Python come down to: kernels on the address of a block, whatever its capacity and policy are.

They are kept as machine code that needs no numba; `_core.native` calls them. Single elements have kernels for each size
that a plain number has, ``push_8`` for one, and those without a number for all others.
"""

from __future__ import annotations

from typing import Any

from jitkit._core.jit import jit
from jitkit.ring import _local
from jitkit.ring._intrinsics import block_at

NOTHING = 0  # address of nothing: no element is taken out
ANY = 0  # a size that the header says

_push, _pop_or = jit(_local.push), jit(_local.pop_or)


@jit
def extend(block: Any, source: Any, count: Any) -> Any:
    """Put elements in; return how many were stored."""
    return _local.extend(block_at(ANY, block, NOTHING), source, count)


@jit
def drain(block: Any, target: Any, count: Any) -> Any:
    """Take elements out; return how many."""
    return _local.drain(block_at(ANY, block, NOTHING), target, count)


def _push_of(itemsize: int) -> Any:
    @jit
    def push(block: Any, element: Any) -> Any:
        """Put the element at an address in; 1 if it was stored."""
        return int(_push(block_at(itemsize, block, NOTHING), element))

    return push


def _pop_of(itemsize: int) -> Any:
    @jit
    def pop(block: Any, target: Any) -> Any:
        """Take the oldest element out, to an address, which is returned; 0 if there is none."""
        return _pop_or(block_at(itemsize, block, target), NOTHING)

    return pop


push, push_1, push_2, push_4, push_8, push_16 = map(_push_of, (ANY, 1, 2, 4, 8, 16))
pop, pop_1, pop_2, pop_4, pop_8, pop_16 = map(_pop_of, (ANY, 1, 2, 4, 8, 16))
