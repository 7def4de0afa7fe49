"""Kernels of the project that gets built: spectra and what is left when they are taken away."""

import math

import numpy as np
from _cache_series import smooth
from _cache_statistics import moments
from numba import njit


@njit(cache=True)
def tapered(x, share):
    out = x.copy()
    width = int(share * x.size)
    energy = 0.0
    for i in range(x.size):
        from_edge = min(i, x.size - 1 - i)
        weight = 1.0
        if from_edge < width:
            weight = 0.5 * (1.0 - math.cos(math.pi * (from_edge + 0.5) / width))
        out[i] *= weight
        energy += weight * weight
    for i in range(x.size):
        out[i] *= math.sqrt(x.size / energy)
    return out


@njit(cache=True)
def goertzel(x, frequency, share):
    cut = tapered(x, share)
    factor = 2.0 * math.cos(2.0 * math.pi * frequency)
    one, two = 0.0, 0.0
    for value in cut:
        zero = value + factor * one - two
        two = one
        one = zero
    power = one * one + two * two - factor * one * two
    if power < 0.0:
        power = 0.0
    return math.sqrt(power) * 2.0 / x.size


@njit(cache=True)
def periodogram(x, share, lines):
    cut = tapered(x, share)
    out = np.empty(lines)
    for k in range(lines):
        turn = 2.0 * math.pi * k / x.size
        step_re, step_im = math.cos(turn), -math.sin(turn)
        re, im = 0.0, 0.0
        at_re, at_im = 1.0, 0.0
        for value in cut:
            re += value * at_re
            im += value * at_im
            at_re, at_im = at_re * step_re - at_im * step_im, at_re * step_im + at_im * step_re
        out[k] = (re * re + im * im) / x.size
    return out


@njit(cache=True)
def whitened(x, y):
    mean, deviation, _ = moments(x)
    slope = 0.0
    square = 0.0
    for i in range(x.size):
        a = (x[i] - mean) / deviation
        slope += a * y[i]
        square += a * a
    slope /= square
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = (x[i] - mean) / deviation - y[i] / (1.0 + slope * slope)
    return out


@njit(cache=True)
def bands(x, weight, edges):
    rest = x.copy()
    out = np.zeros(edges)
    for band in range(edges):
        level = smooth(rest, weight / (band + 1.0))
        power = 0.0
        for i in range(x.size):
            away = rest[i] - level[i]
            power += away * away
            rest[i] = level[i]
        out[band] = math.log(1.0 + power / x.size)
    return out
