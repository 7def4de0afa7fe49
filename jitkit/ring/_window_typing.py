"""`WindowBuffer` inside kernels."""

from __future__ import annotations

from jitkit._core.intrinsics import (
    NumbaTypeError,
    address_of,
    as_index,
    overload,
    overload_attribute,
    overload_method,
)
from jitkit.ring import _rolling, _sliding
from jitkit.ring._accepts import is_block_of_elements, require_array, require_element
from jitkit.ring._block import MIRRORED, TAIL
from jitkit.ring._intrinsics import borrow, keep, load, require_shape, view
from jitkit.ring._messages import NO_SAMPLES, NO_STATISTICS
from jitkit.ring._types import WindowType


@overload_method(WindowType, "push")
def _push(window, value):
    require_element(window, value)
    return lambda window, value: _sliding.push(borrow(window), value)


@overload_method(WindowType, "extend")
def _extend(window, values):
    require_array(window, values)
    if is_block_of_elements(window, values):

        def extend_by_block(window, values):
            require_shape(window, values)
            stored = _sliding.extend(borrow(window), address_of(values), values.shape[0])
            keep(window, values)
            return stored

        return extend_by_block

    def extend_one_by_one(window, values):
        require_shape(window, values)
        for i in range(values.shape[0]):
            window.push(values[i])
        return values.shape[0]

    return extend_one_by_one


@overload_method(WindowType, "window")
def _window(window, count):
    def last(window, count):
        number = as_index(count)
        return view(window, _sliding.first_of(borrow(window), number), number)

    return last


def _require_statistics(window):
    if not window.rolling:
        raise NumbaTypeError(f"{NO_STATISTICS} ({window})")


@overload_method(WindowType, "mean")
def _mean(window):
    _require_statistics(window)
    return lambda window: _rolling.mean(borrow(window))


@overload_method(WindowType, "var")
def _var(window):
    _require_statistics(window)
    return lambda window: _rolling.variance(borrow(window))


@overload_method(WindowType, "min")
def _min(window):
    _require_statistics(window)

    def least(window):
        if load(window, TAIL) == 0:
            raise ValueError(NO_SAMPLES)
        return _rolling.minimum(borrow(window))

    return least


@overload_method(WindowType, "max")
def _max(window):
    _require_statistics(window)

    def greatest(window):
        if load(window, TAIL) == 0:
            raise ValueError(NO_SAMPLES)
        return _rolling.maximum(borrow(window))

    return greatest


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
