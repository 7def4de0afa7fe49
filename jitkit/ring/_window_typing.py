"""`WindowBuffer` inside kernels."""

from __future__ import annotations

import numpy as np

from jitkit._core.intrinsics import NumbaTypeError, as_index, overload, overload_attribute, overload_method, types
from jitkit.ring import _rolling, _sliding
from jitkit.ring._accepts import is_block_of_elements, require_array, require_element
from jitkit.ring._block import MIRRORED, TAIL
from jitkit.ring._buffer_typing import extend_one_by_one
from jitkit.ring._failures import HAS_NO_SAMPLES
from jitkit.ring._intrinsics import borrow, load, require_shape, view
from jitkit.ring._messages import NO_STATISTICS
from jitkit.ring._quiet_intrinsics import on_items, quietly, quietly_with
from jitkit.ring._raising_intrinsics import succeeded
from jitkit.ring._types import WindowType


@overload_method(WindowType, "push", inline="always")
def _push(window, value):
    require_element(window, value)
    return _sliding.push


extend_items = on_items(_sliding.extend)


@overload_method(WindowType, "extend", inline="always")
def _extend(window, values):
    require_array(window, values)
    if is_block_of_elements(window, values):

        def extend_by_block(window, values):
            require_shape(window, values)
            return succeeded(extend_items(window, values))

        return extend_by_block

    return lambda window, values: extend_one_by_one(window, values)


last_samples = quietly_with(types.intp, _sliding.last_samples)


@overload_method(WindowType, "window", inline="always")
def _window(window, count):
    def last(window, count):
        number = max(succeeded(last_samples(window, as_index(count))), 0)
        return view(window, load(window, TAIL) - np.uint64(number), number)

    return last


def _overload_statistic(name, kernel):
    compute = quietly(kernel)

    @overload_method(WindowType, name, inline="always")
    def _statistic(window):
        if not window.rolling:
            raise NumbaTypeError(f"{NO_STATISTICS} ({window})")
        return lambda window: compute(window)


def _overload_extreme(name, kernel):
    compute = quietly(kernel)

    @overload_method(WindowType, name, inline="always")
    def _extreme(window):
        if not window.rolling:
            raise NumbaTypeError(f"{NO_STATISTICS} ({window})")

        def extreme(window):
            succeeded(np.int64(HAS_NO_SAMPLES if load(window, TAIL) == 0 else 0))
            return compute(window)

        return extreme


_overload_statistic("mean", _rolling.mean)
_overload_statistic("var", _rolling.variance)
_overload_extreme("min", _rolling.minimum)
_overload_extreme("max", _rolling.maximum)


@overload_attribute(WindowType, "capacity")
def _capacity(window):
    capacity = window.capacity
    return lambda window: capacity


@overload_attribute(WindowType, "rolling")
def _rolling_length(window):
    rolling = window.rolling
    return lambda window: rolling


@overload_attribute(WindowType, "mirrored")
def _mirrored(window):
    return lambda window: load(window, MIRRORED) != 0


@overload(len)
def _len(window):
    if isinstance(window, WindowType):
        return lambda window: _sliding.length(borrow(window))
    return None
