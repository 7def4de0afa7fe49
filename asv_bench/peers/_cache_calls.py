"""The calls of all kernels of the project that gets built, by file."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

CALLS: dict[str, dict[str, tuple[object, ...]]] = {  # a text stands for one of the arrays
    "series": {
        "smooth": ("x", 0.3),
        "envelope": ("x", 0.2, 8),
        "despike": ("y", 0.5),
        "crossings": ("x", 0.1, 0.05),
        "resample": ("z", 0.7),
    },
    "statistics": {
        "huber": ("y", 0.25),
        "location": ("y", 1e-9),
        "moments": ("x",),
        "histogram": ("x", -1.0, 1.0, 16),
        "autocorrelation": ("y", 12),
    },
    "geometry": {
        "normalized": ("x", "y", "z"),
        "turning": ("x", "y", "z"),
        "spherical": ("x", "y", "z"),
        "path_length": ("x", "y", "z"),
        "rotated": ("x", "y", "z", 0.01),
    },
    "spectrum": {
        "tapered": ("x", 0.1),
        "goertzel": ("x", 0.05, 0.1),
        "periodogram": ("y", 0.1, 20),
        "whitened": ("x", "y"),
        "bands": ("z", 0.5, 4),
    },
}
FILES = tuple(CALLS)
KERNELS = tuple(f"{file}.{name}" for file, calls in CALLS.items() for name in calls)


def arrays(count: int = 200) -> dict[str, np.ndarray]:
    """Smooth curves with noise, always the same."""
    noise = np.random.default_rng(7).normal(0.0, 0.2, (3, count))
    time = np.linspace(0.0, 12.0, count)
    return {
        "x": np.sin(time) + noise[0],
        "y": 1.5 * np.cos(0.7 * time) + 2.0 * noise[1],
        "z": 0.1 * time + noise[2],
    }


def calls(package: str, kernels: tuple[str, ...] = KERNELS) -> Iterator[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Yield kernels with their arguments; each is imported when its turn comes."""
    inputs = arrays()
    for kernel in kernels:
        file, _, name = kernel.partition(".")
        arguments = [inputs[given] if isinstance(given, str) else given for given in CALLS[file][name]]
        yield getattr(import_module(f"{package}.{file}"), name), tuple(arguments)
