"""Kernels of the project that gets built: on points in space, an array for each coordinate."""

import math

import numpy as np
from numba import njit


@njit(cache=True)
def normalized(x, y, z):
    out_x, out_y, out_z = np.empty_like(x), np.empty_like(y), np.empty_like(z)
    for i in range(x.size):
        length = math.sqrt(x[i] * x[i] + y[i] * y[i] + z[i] * z[i])
        if length == 0.0:
            length = 1.0
        out_x[i] = x[i] / length
        out_y[i] = y[i] / length
        out_z[i] = z[i] / length
    return out_x, out_y, out_z


@njit(cache=True)
def turning(x, y, z):
    a, b, c = normalized(x, y, z)
    out = np.empty(x.size - 1)
    for i in range(x.size - 1):
        dot = a[i] * a[i + 1] + b[i] * b[i + 1] + c[i] * c[i + 1]
        if dot > 1.0:
            dot = 1.0
        elif dot < -1.0:
            dot = -1.0
        out[i] = math.acos(dot)
    return out


@njit(cache=True)
def spherical(x, y, z):
    a, b, c = normalized(x, y, z)
    latitude, longitude = np.empty_like(x), np.empty_like(x)
    wraps = 0.0
    for i in range(x.size):
        latitude[i] = math.asin(c[i])
        angle = math.atan2(b[i], a[i])
        if i > 0 and angle + wraps - longitude[i - 1] > math.pi:
            wraps -= 2.0 * math.pi
        elif i > 0 and angle + wraps - longitude[i - 1] < -math.pi:
            wraps += 2.0 * math.pi
        longitude[i] = angle + wraps
    return latitude, longitude


@njit(cache=True)
def path_length(x, y, z):
    out = np.empty_like(x)
    length = 0.0
    lost = 0.0
    for i in range(x.size):
        out[i] = length
        if i + 1 < x.size:
            a, b, c = x[i + 1] - x[i], y[i + 1] - y[i], z[i + 1] - z[i]
            step = math.sqrt(a * a + b * b + c * c) - lost
            total = length + step
            lost = (total - length) - step
            length = total
    return out


@njit(cache=True)
def rotated(x, y, z, rate):
    out_x, out_y, out_z = np.empty_like(x), np.empty_like(y), np.empty_like(z)
    for i in range(x.size):
        angle = rate * i
        sine, cosine = math.sin(angle), math.cos(angle)
        p = cosine * x[i] + sine * y[i]
        q = cosine * y[i] - sine * x[i]
        tilt = 0.1 * sine
        out_x[i] = p
        out_y[i] = math.cos(tilt) * q + math.sin(tilt) * z[i]
        out_z[i] = math.cos(tilt) * z[i] - math.sin(tilt) * q
    return out_x, out_y, out_z
