"""The loops of `jitkit.sqrt`, which `_sqrt` loads as machine code by their names here: `half`, `single`, `double`."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from jitkit._core import cpu
from jitkit._core.jit import jit
from jitkit.simd import _typing  # noqa: F401 (numba must know vectors)
from jitkit.simd._arithmetic import max as greater_of
from jitkit.simd._arithmetic import sqrt as hardware_root
from jitkit.simd._conversions import bitcast, cast
from jitkit.simd._intrinsics import load_at, store_at, word_at
from jitkit.simd._kinds import VectorType, native, vector
from jitkit.simd._loops import BESIDE, make_loop, side_by_side
from jitkit.simd._masks import select
from jitkit.simd._memory import splat
from jitkit.simd._sqrt_choice import Choice, choices
from jitkit.simd._sqrt_kernels import Group, any_root, group_of, range_test, soft_root

PLAIN_BYTES = 32  # of vectors that only the divider works on: none is faster on wider ones


@jit
def root(v: Any) -> Any:
    """By the divider, as kernels call it for numbers and vectors."""
    return hardware_root(v)


def plain_type(dtype: Any) -> VectorType:
    """Vectors for the divider alone."""
    return vector(dtype, min(native(dtype).nbytes, PLAIN_BYTES) // np.dtype(dtype).itemsize)


@cache
def plain_run(dtype: str) -> Any:
    """Return the jitted ``(addresses, out, count, data)`` that leaves all to the divider."""
    return side_by_side(hardware_root, plain_type(dtype), [BESIDE], np.dtype(dtype).itemsize)


@cache
def shared_run(dtype: str, choice: Choice | None = None) -> Any:
    """Return the jitted ``(addresses, out, count, data)`` that shares the work out where that pays.

    For how many items it does is told by a choice, or by the first two words of the data.
    """
    plain, group = plain_run(dtype), group_of(dtype)
    if group is None or (choice is not None and choice.start >= choice.stop):
        return plain
    one_group = group_kernel(group)
    size = group.vector.dtype.itemsize
    items = (group.soft + group.hard) * group.vector.lanes
    told = choice is not None
    known = choice or Choice(0, 0)
    start, stop = known.start, known.stop

    @jit
    def run(addresses: Any, out: Any, count: Any, data: Any) -> Any:
        first, end = (start, stop) if told else (word_at(data, 0), word_at(data, 1))
        i = 0
        if first <= count and count < end:
            while i + items <= count:
                one_group(addresses[0] + i * size, out + i * size)
                i += items
        if i < count:
            plain((addresses[0] + i * size,), out + i * size, count - i, data)

    return run


def fast_run(dtype: str) -> Any:
    """Return what fills contiguous arrays in kernels."""
    return shared_run(dtype, choices()[np.dtype(dtype).char])


def group_kernel(group: Group) -> Any:
    """Return the jitted ``(x, out)`` that takes the roots of one group of vectors."""
    names: dict[str, Any] = {"V": group.vector, "load_at": load_at, "store_at": store_at, "greater_of": greater_of}
    wide = group.vector.nbytes == 64
    names["distances"], names["inside"] = range_test(group.vector, wide)
    names |= {"soft_root": soft_root(group.vector, wide), "any_root": any_root(group.vector, wide)}
    exec(group_source(group), names | {"hardware_root": hardware_root, "__name__": __name__}, names)
    return jit(names["roots"], forceinline=True)  # or it would load its constants for each group


def group_source(group: Group) -> str:
    """Python source of a group's kernel: all loads, the range of all that are multiplied, roots, all stores."""
    soft = [f"x{i}" for i in range(group.soft)]
    every = [*soft, *(f"x{i}" for i in range(group.soft, group.soft + group.hard))]
    farthest = f"distances({soft[0]})"
    for name in soft[1:]:
        farthest = f"greater_of({farthest}, distances({name}))"
    return "\n".join([
        "def roots(x, out):",
        *(f"    {name} = load_at(V, x + {i * group.vector.nbytes})" for i, name in enumerate(every)),
        f"    if inside({farthest}):",
        *(f"        y{i} = soft_root({name})" for i, name in enumerate(soft)),
        "    else:",
        *(f"        y{i} = any_root({name})" for i, name in enumerate(soft)),
        *(f"    y{i} = hardware_root(x{i})" for i in range(group.soft, len(every))),
        *(f"    store_at(out + {i * group.vector.nbytes}, y{i})" for i in range(len(every))),
    ])  # fmt: skip


def sqrt_loop(dtype: str) -> Any:
    """Return the loop of float32 or float64."""
    plain = plain_type(dtype)
    loop, one = make_loop(hardware_root, plain, 1, plain.dtype.itemsize, shared_run(dtype)), plain.with_lanes(1)

    @jit
    def loop_or_number(arguments: Any, dimensions: Any, steps: Any, data: Any) -> Any:
        if word_at(dimensions, 0) == 1:  # for which the masks of the loop's rest cost more than the root
            store_at(word_at(arguments, 1), hardware_root(load_at(one, word_at(arguments, 0))))
            return 0
        return loop(arguments, dimensions, steps, data)

    return loop_or_number


def half_root(lanes: int) -> Any:
    """Return the jitted root of float16 numbers, as 16-bit integers, by way of float32.

    The root is rounded twice, which is as good as once: float32 has more than twice the bits of float16 and two more
    (S. Figueroa, "When is double rounding innocuous?", 1995). All conversions but one are in integers, as not every
    processor has the others, and those of some raise flags for lanes that nobody asked for.
    """
    words, floats = vector("u4", lanes), vector("f4", lanes)
    halves = vector("u2", lanes)

    @jit
    def root(half: Any) -> Any:
        word = cast(words, half)
        sign, exponent, fraction = (word & 0x8000) << 16, (word >> 10) & 31, word & 0x3FF
        normal = ((exponent + (127 - 15)) << 23) | (fraction << 13)
        subnormal = bitcast(words, cast(floats, fraction) * 2.0**-24)
        infinite_or_nan = splat(words, 0x7F80_0000) | (fraction << 13)
        magnitude = select(exponent == 0, subnormal, select(exponent == 31, infinite_or_nan, normal))
        bits = bitcast(words, hardware_root(bitcast(floats, sign | magnitude)))
        # Back: the root of a float16 number is zero, infinite, NaN, or normal in float16.
        sign, magnitude = (bits >> 16) & 0x8000, bits & 0x7FFF_FFFF
        rounded = (magnitude + 0xFFF + ((magnitude >> 13) & 1)) >> 13  # to nearest, ties to even
        normal = rounded - ((127 - 15) << 10)
        infinite_or_nan = splat(words, 0x7C00) | ((magnitude & 0x7F_FFFF) >> 13)
        result = select(magnitude == 0, magnitude, select(magnitude >= 0x7F80_0000, infinite_or_nan, normal))
        return cast(halves, sign | result)

    return root


def half_loop() -> Any:
    """Return the loop of float16."""
    lanes = max(4, cpu.lanes(np.float32))
    return make_loop(half_root(lanes), vector("u2", lanes), 1, 2)


half, single, double = half_loop(), sqrt_loop("f4"), sqrt_loop("f8")
