"""Kernels of the project that gets built: on evenly spaced series."""

import numpy as np
from numba import njit


@njit(cache=True)
def smooth(x, weight):
    out = np.empty_like(x)
    state = x[0]
    for i in range(x.size):
        state += weight * (x[i] - state)
        out[i] = state
    for i in range(x.size - 1, -1, -1):
        state += weight * (out[i] - state)
        out[i] = state
    return out


@njit(cache=True)
def envelope(x, weight, width):
    level = smooth(x, weight)
    low, high = np.empty_like(x), np.empty_like(x)
    for i in range(x.size):
        total = 0.0
        count = 0
        for j in range(max(0, i - width), min(x.size, i + width + 1)):
            total += (x[j] - level[j]) ** 2
            count += 1
        spread = (total / count) ** 0.5
        low[i] = level[i] - spread
        high[i] = level[i] + spread
    return low, high


@njit(cache=True)
def despike(x, limit):
    out = x.copy()
    replaced = 0
    for i in range(1, x.size - 1):
        a, b, c = out[i - 1], x[i], x[i + 1]
        middle = max(min(a, b), min(max(a, b), c))
        if abs(b - middle) > limit:
            out[i] = middle
            replaced += 1
    return out, replaced


@njit(cache=True)
def crossings(x, level, hysteresis):
    above = x[0] > level
    times = np.empty(x.size)
    count = 0
    for i in range(1, x.size):
        if above and x[i] < level - hysteresis:
            above = False
        elif not above and x[i] > level + hysteresis:
            above = True
            times[count] = i - (x[i] - level) / (x[i] - x[i - 1])
            count += 1
    return times[:count].copy()


@njit(cache=True)
def resample(x, step):
    count = int((x.size - 1) / step) + 1
    out = np.empty(count)
    for i in range(count):
        place = i * step
        j = min(max(int(place), 1), x.size - 3)
        t = place - j
        slope_0 = 0.5 * (x[j + 1] - x[j - 1])
        slope_1 = 0.5 * (x[j + 2] - x[j])
        rise = x[j + 1] - x[j]
        square = 3.0 * rise - 2.0 * slope_0 - slope_1
        cube = slope_0 + slope_1 - 2.0 * rise
        out[i] = x[j] + t * (slope_0 + t * (square + t * cube))
    return out
