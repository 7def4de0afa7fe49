"""Running statistics over the last samples of a window: mean, variance, minimum and maximum at O(1) for each sample.

The stream is cut into blocks as long as the window (van Herk 1992, Gil and Werman 1993). The last samples then are the
end of one block and the beginning of the next: statistics of every end are computed when a block is full, from its last
sample back, and those of the beginning as samples come; two halves are put together when somebody asks. Nothing is ever
subtracted, so nothing drifts, and a NaN that has left the window leaves no trace.

Halves of mean and squared deviations are put together as Chan, Golub and LeVeque do (1983), and grow by one sample as
Welford's do (1962).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jitkit._core.jit import jit
from jitkit.ring._block import BLOCK_START, TAIL, TAKEN_IN
from jitkit.ring._intrinsics import load, store
from jitkit.ring._window_intrinsics import (
    GREATEST,
    LEAST,
    MEAN,
    SQUARES,
    prefix,
    rolling_of,
    sample,
    set_prefix,
    set_suffix,
    suffix,
)

ONE = np.uint64(1)


@jit
def catch_up(window: Any) -> None:
    """Take in the samples that came since somebody last asked."""
    tail, length = load(window, TAIL), np.uint64(rolling_of(window))
    behind = tail - load(window, BLOCK_START)
    if behind >= length:
        start = tail - behind % length
        take_in_ends(window, start, length - behind % length)
        store(window, BLOCK_START, start)
        store(window, TAKEN_IN, start)
    take_in_beginning(window, load(window, TAKEN_IN), tail)
    store(window, TAKEN_IN, tail)


@jit
def take_in_ends(window: Any, start: Any, longest: Any) -> None:
    """Compute the statistics of the 1, 2, ... `longest` samples before a block begins."""
    mean, squares = 0.0, 0.0
    least = greatest = sample(window, start - ONE)
    for i in range(np.int64(longest)):
        x = sample(window, start - ONE - np.uint64(i))
        delta = x - mean
        mean += delta / (i + 1)
        squares += delta * (x - mean)
        least, greatest = lesser(least, x), greater(greatest, x)
        set_suffix(window, MEAN, i, mean)
        set_suffix(window, SQUARES, i, squares)
        set_suffix(window, LEAST, i, least)
        set_suffix(window, GREATEST, i, greatest)


@jit
def take_in_beginning(window: Any, first: Any, tail: Any) -> None:
    """Let the statistics of a block's beginning grow."""
    before = np.int64(first - load(window, BLOCK_START))
    if first == tail:
        return
    mean, squares = prefix(window, MEAN), prefix(window, SQUARES)
    least, greatest = prefix(window, LEAST), prefix(window, GREATEST)
    if before == 0:
        mean, squares = 0.0, 0.0
        least = greatest = sample(window, first)
    for i in range(np.int64(tail - first)):
        x = sample(window, first + np.uint64(i))
        delta = x - mean
        mean += delta / (before + i + 1)
        squares += delta * (x - mean)
        least, greatest = lesser(least, x), greater(greatest, x)
    set_prefix(window, MEAN, mean)
    set_prefix(window, SQUARES, squares)
    set_prefix(window, LEAST, least)
    set_prefix(window, GREATEST, greatest)


@jit
def lesser(a: Any, b: Any) -> Any:
    """Return the smaller of two numbers, or the one that is NaN."""
    return a if a < b or a != a else b


@jit
def greater(a: Any, b: Any) -> Any:
    """Return the larger of two numbers, or the one that is NaN."""
    return a if a > b or a != a else b


@jit
def parts(window: Any) -> Any:
    """How many of the last samples lie before the beginning of a block, and how many after it."""
    tail = load(window, TAIL)
    after = np.int64(tail - load(window, BLOCK_START))
    whole = np.int64(min(tail, np.uint64(rolling_of(window))))
    return whole - after, after


def _extreme_of(what: int, choose: Any) -> Any:
    @jit
    def extreme(window: Any) -> Any:
        """Smallest or largest of the last samples; NaN if one is."""
        catch_up(window)
        before, after = parts(window)
        if before == 0:
            return prefix(window, what)
        end = suffix(window, what, before - 1)
        return end if after == 0 else choose(end, prefix(window, what))

    return extreme


minimum, maximum = _extreme_of(LEAST, lesser), _extreme_of(GREATEST, greater)


@jit
def mean(window: Any) -> Any:
    """Mean of the last samples."""
    catch_up(window)
    before, after = parts(window)
    if before + after == 0:
        return math.nan
    value = prefix(window, MEAN) if after > 0 else 0.0
    if before > 0:
        end = suffix(window, MEAN, before - 1)
        value = end + (value - end) * (after / (before + after))
    return value if math.isfinite(value) else mean_of_extremes(window, float(minimum(window)), float(maximum(window)))


@jit
def mean_of_extremes(window: Any, least: Any, greatest: Any) -> Any:
    """Mean of samples whose differences tell nothing: infinities and NaNs are among them, or numbers that far apart."""
    if math.isfinite(least) and math.isfinite(greatest):
        return min(max(mean_of_shares(window), least), greatest)
    return least + greatest if math.isinf(greatest) else least  # NaN of both infinities, and of a NaN


@jit
def mean_of_shares(window: Any) -> Any:
    """Mean of the last samples as the sum of what each adds to it: that cannot overflow, but takes a pass."""
    tail = load(window, TAIL)
    count = np.int64(min(tail, np.uint64(rolling_of(window))))
    total = 0.0
    for i in range(count):
        total += sample(window, tail - np.uint64(count - i)) / count
    return total


@jit
def variance(window: Any) -> Any:
    """Mean squared deviation of the last samples from their mean."""
    catch_up(window)
    before, after = parts(window)
    if before + after == 0:
        return math.nan
    squares = prefix(window, SQUARES) if after > 0 else 0.0
    if before > 0:
        squares += suffix(window, SQUARES, before - 1)
        if after > 0:
            delta = prefix(window, MEAN) - suffix(window, MEAN, before - 1)
            squares += delta * delta * (before * (after / (before + after)))
    value = squares / (before + after)
    if math.isfinite(value):
        return value
    # Squares may be infinite of finite samples; their differences too, and then the squares' signs mean nothing.
    finite = math.isfinite(float(minimum(window))) and math.isfinite(float(maximum(window)))
    return math.inf if finite else math.nan
