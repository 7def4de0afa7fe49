"""The loops of ufuncs: one vector function, applied to all items of NumPy's operands.

Kernels here are closures because the vector type and the function are compile-time constants; a factory makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jitkit._core.jit import jit
from jitkit.simd._intrinsics import (
    load_at,
    load_few_at,
    load_one_at,
    load_steps_at,
    store_at,
    store_few_at,
    store_few_steps_at,
    store_steps_at,
    word_at,
)
from jitkit.simd._kinds import VectorType

BESIDE, ALONE = "beside", "alone"  # how items of an operand lie: side by side; or one serves for all


def make_loop(function: Any, vector: VectorType, inputs: int, out_bytes: int, fast: Any = None) -> Any:
    """Return the jitted loop ``(arguments, dimensions, steps, data) -> 0`` of a ufunc.

    Parameters
    ----------
    function : dispatcher
        Takes `inputs` vectors, gives one.
    vector : VectorType
        Of all inputs.
    inputs : int
        1 to 3.
    out_bytes : int
        Of an item of the output.
    fast : dispatcher, optional
        Instead of `function`, where all items lie side by side: ``(addresses, out, count, data)``.
    """
    size = vector.dtype.itemsize
    make = _LOOPS[inputs]
    return make(function, vector, size, out_bytes, fast)


def side_by_side(function: Any, vector: VectorType, layout: Sequence[str], out_bytes: int) -> Any:
    """Return the jitted ``(addresses, out, count, data)`` for an output whose items lie side by side.

    The first turn is a short one, if that brings the output to addresses where vectors do not cross cache lines.
    """
    lanes = vector.lanes
    apply, apply_few = _applied(function, vector, layout)

    @jit
    def run(addresses: Any, out: Any, count: Any, data: Any) -> Any:
        i = 0
        if count >= lanes and out % out_bytes == 0:
            i = -(out // out_bytes) % lanes
            if i:
                store_few_at(out, apply_few(addresses, 0, i), i)
        while i + 2 * lanes <= count:
            one, other = apply(addresses, i), apply(addresses, i + lanes)
            store_at(out + i * out_bytes, one)
            store_at(out + (i + lanes) * out_bytes, other)
            i += 2 * lanes
        while i < count:
            few = min(count - i, lanes)
            store_few_at(out + i * out_bytes, apply_few(addresses, i, few), few)
            i += few

    return run


def _fetcher(vector: VectorType, how: str) -> tuple[Any, Any]:
    """Functions ``(address, i)`` and ``(address, i, count)`` that load all lanes from item `i` on, or a few."""
    size = vector.dtype.itemsize
    if how == ALONE:

        @jit
        def alone(address: Any, i: Any) -> Any:
            return load_one_at(vector, address)

        @jit
        def alone_few(address: Any, i: Any, count: Any) -> Any:
            return load_one_at(vector, address)

        return alone, alone_few

    @jit
    def beside(address: Any, i: Any) -> Any:
        return load_at(vector, address + i * size)

    @jit
    def beside_few(address: Any, i: Any, count: Any) -> Any:
        return load_few_at(vector, address + i * size, count)

    return beside, beside_few


def _applied(function: Any, vector: VectorType, layout: Sequence[str]) -> tuple[Any, Any]:
    """Functions ``(addresses, i)`` and ``(addresses, i, count)`` that give a vector of results."""
    fetchers = [_fetcher(vector, how) for how in layout]
    (a, a_few), (b, b_few), (c, c_few) = (fetchers * 3)[:3]
    if len(layout) == 1:

        @jit
        def apply_1(addresses: Any, i: Any) -> Any:
            return function(a(addresses[0], i))

        @jit
        def apply_few_1(addresses: Any, i: Any, count: Any) -> Any:
            return function(a_few(addresses[0], i, count))

        return apply_1, apply_few_1
    if len(layout) == 2:

        @jit
        def apply_2(addresses: Any, i: Any) -> Any:
            return function(a(addresses[0], i), b(addresses[1], i))

        @jit
        def apply_few_2(addresses: Any, i: Any, count: Any) -> Any:
            return function(a_few(addresses[0], i, count), b_few(addresses[1], i, count))

        return apply_2, apply_few_2

    @jit
    def apply_3(addresses: Any, i: Any) -> Any:
        return function(a(addresses[0], i), b(addresses[1], i), c(addresses[2], i))

    @jit
    def apply_few_3(addresses: Any, i: Any, count: Any) -> Any:
        return function(a_few(addresses[0], i, count), b_few(addresses[1], i, count), c_few(addresses[2], i, count))

    return apply_3, apply_few_3


def _apart(function: Any, vector: VectorType, inputs: int) -> Any:
    """Return the jitted ``(addresses, steps, out, out_step, count)`` for items that lie anyhow."""
    lanes = vector.lanes
    apply = _apply_apart(function, vector, inputs)

    @jit
    def run(addresses: Any, steps: Any, out: Any, out_step: Any, count: Any) -> Any:
        i = 0
        while i + lanes <= count:
            store_steps_at(out + i * out_step, apply(addresses, steps, i, lanes), out_step)
            i += lanes
        if i < count:
            store_few_steps_at(out + i * out_step, apply(addresses, steps, i, count - i), out_step, count - i)

    return run


def _apply_apart(function: Any, vector: VectorType, inputs: int) -> Any:
    if inputs == 1:

        @jit
        def apply_1(addresses: Any, steps: Any, i: Any, count: Any) -> Any:
            return function(load_steps_at(vector, addresses[0] + i * steps[0], steps[0], count))

        return apply_1
    if inputs == 2:

        @jit
        def apply_2(addresses: Any, steps: Any, i: Any, count: Any) -> Any:
            return function(
                load_steps_at(vector, addresses[0] + i * steps[0], steps[0], count),
                load_steps_at(vector, addresses[1] + i * steps[1], steps[1], count),
            )

        return apply_2

    @jit
    def apply_3(addresses: Any, steps: Any, i: Any, count: Any) -> Any:
        return function(
            load_steps_at(vector, addresses[0] + i * steps[0], steps[0], count),
            load_steps_at(vector, addresses[1] + i * steps[1], steps[1], count),
            load_steps_at(vector, addresses[2] + i * steps[2], steps[2], count),
        )

    return apply_3


def _in_order(function: Any, vector: VectorType) -> Any:
    """Return the jitted ``(addresses, steps, out, out_step, count)`` in which each item needs the result before it."""

    @jit
    def run(addresses: Any, steps: Any, out: Any, out_step: Any, count: Any) -> Any:
        for i in range(count):
            a = load_one_at(vector, addresses[0] + i * steps[0])
            b = load_one_at(vector, addresses[1] + i * steps[1])
            store_few_at(out + i * out_step, function(a, b), 1)

    return run


def _unary(function: Any, vector: VectorType, size: int, out_bytes: int, fast: Any) -> Any:
    run = fast or side_by_side(function, vector, [BESIDE], out_bytes)
    run_apart = _apart(function, vector, 1)

    @jit
    def loop(arguments: Any, dimensions: Any, steps: Any, data: Any) -> Any:
        count = word_at(dimensions, 0)
        addresses, out = (word_at(arguments, 0),), word_at(arguments, 1)
        step, out_step = word_at(steps, 0), word_at(steps, 1)
        if step == size and out_step == out_bytes:
            run(addresses, out, count, data)
        else:
            run_apart(addresses, (step,), out, out_step, count)
        return 0

    return loop


def _binary(function: Any, vector: VectorType, size: int, out_bytes: int, fast: Any) -> Any:
    run = fast or side_by_side(function, vector, [BESIDE, BESIDE], out_bytes)
    run_first_alone = side_by_side(function, vector, [ALONE, BESIDE], out_bytes)
    run_second_alone = side_by_side(function, vector, [BESIDE, ALONE], out_bytes)
    run_apart = _apart(function, vector, 2)
    run_in_order = _in_order(function, vector)

    @jit
    def loop(arguments: Any, dimensions: Any, steps: Any, data: Any) -> Any:
        count = word_at(dimensions, 0)
        addresses, out = (word_at(arguments, 0), word_at(arguments, 1)), word_at(arguments, 2)
        a, b, out_step = word_at(steps, 0), word_at(steps, 1), word_at(steps, 2)
        if a == out_step and out == addresses[0] + a:  # `accumulate`, and `reduce`, whose steps are 0
            run_in_order(addresses, (a, b), out, out_step, count)
        elif out_step == out_bytes and a == size and b == size:
            run(addresses, out, count, data)
        elif out_step == out_bytes and a == 0 and b == size:
            run_first_alone(addresses, out, count, data)
        elif out_step == out_bytes and a == size and b == 0:
            run_second_alone(addresses, out, count, data)
        else:
            run_apart(addresses, (a, b), out, out_step, count)
        return 0

    return loop


def _ternary(function: Any, vector: VectorType, size: int, out_bytes: int, fast: Any) -> Any:
    run = fast or side_by_side(function, vector, [BESIDE, BESIDE, BESIDE], out_bytes)
    run_first = side_by_side(function, vector, [BESIDE, ALONE, ALONE], out_bytes)  # as of limits: clip(x, 0, 1)
    run_apart = _apart(function, vector, 3)

    @jit
    def loop(arguments: Any, dimensions: Any, steps: Any, data: Any) -> Any:
        count = word_at(dimensions, 0)
        addresses = word_at(arguments, 0), word_at(arguments, 1), word_at(arguments, 2)
        out = word_at(arguments, 3)
        a, b, c, out_step = word_at(steps, 0), word_at(steps, 1), word_at(steps, 2), word_at(steps, 3)
        if out_step == out_bytes and a == size and b == size and c == size:
            run(addresses, out, count, data)
        elif out_step == out_bytes and a == size and b == 0 and c == 0:
            run_first(addresses, out, count, data)
        else:
            run_apart(addresses, (a, b, c), out, out_step, count)
        return 0

    return loop


_LOOPS: dict[int, Callable[..., Any]] = {1: _unary, 2: _binary, 3: _ternary}
