"""Kernels of the project that gets built: statistics."""

import math

import numpy as np
from numba import njit


@njit(cache=True)
def huber(x, centre):
    limit = 1.345
    total = 0.0
    weights = 0.0
    for value in x:
        distance = abs(value - centre)
        weight = 1.0
        if distance > limit:
            weight = limit / distance
        total += weight * value
        weights += weight
    return total / weights


@njit(cache=True)
def location(x, tolerance):
    centre = 0.0
    for value in x:
        centre += value
    centre /= x.size
    for _ in range(50):
        new = huber(x, centre)
        change = abs(new - centre)
        centre = new
        if change < tolerance:
            break
    return centre


@njit(cache=True)
def moments(x):
    ddof = 1.0
    mean = 0.0
    for value in x:
        mean += value
    mean /= x.size
    square = 0.0
    cube = 0.0
    for value in x:
        away = value - mean
        square += away * away
        cube += away * away * away
    deviation = math.sqrt(square / (x.size - ddof))
    return mean, deviation, cube / (x.size * deviation**3)


@njit(cache=True)
def histogram(x, low, high, bins):
    counts = np.zeros(bins)
    outside = 0
    scale = bins / (high - low)
    for value in x:
        place = (value - low) * scale
        if 0.0 <= place < bins:
            counts[int(place)] += 1.0
        elif place == bins:
            counts[bins - 1] += 1.0
        else:
            outside += 1
    return counts, outside


@njit(cache=True)
def autocorrelation(x, lags):
    mean = 0.0
    for value in x:
        mean += value
    mean /= x.size
    out = np.empty(lags)
    for lag in range(lags):
        total = 0.0
        for i in range(x.size - lag):
            total += (x[i] - mean) * (x[i + lag] - mean)
        out[lag] = total
    for lag in range(lags - 1, -1, -1):
        out[lag] /= out[0]
    return out
