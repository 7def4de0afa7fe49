"""Our own square root by multiplications, with changes of its source."""

import inspect

import numpy as np

from jitkit import simd
from jitkit._core import cpu
from jitkit._core.jit import jit
from jitkit.simd import _sqrt_kernels


def can_multiply_and_add():
    """Whether the processor has the fused step that the roots are made of."""
    return "fma" in cpu.target().features


def changed_root(kind, wide, *changes, estimate=None):
    """A function of arrays: the root that is multiplied, after changes of its source.

    Parameters
    ----------
    kind : VectorType
    wide : bool
        For estimates off by 2^-14; else by 1.5 * 2^-12.
    *changes : pairs of str
        A piece that is there, and what comes in its place.
    estimate : dispatcher, optional
        ``(x, error)`` to begin with. The function then takes the errors, too.
    """
    source = inspect.getsource(_sqrt_kernels.soft_root.__wrapped__).replace("@cache\n", "")
    if estimate:
        changes = (
            *changes,
            ("def root(x: Any)", "def root(x: Any, error: Any)"),
            ("cast(kind, rsqrt_estimate(cast(single, x)))", "estimate(x, error)"),
            ("rsqrt_estimate(x)", "estimate(x, error)"),
        )
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    # Under a name of its own: the compile cache takes jitkit's modules for what is on the disk.
    known = vars(_sqrt_kernels) | {"__name__": __name__, "estimate": estimate}
    exec(source, known)
    root = known["soft_root"](kind, wide)
    lanes = kind.lanes
    if estimate:

        @jit
        def fill(x, errors, out):
            for i in range(0, x.size, lanes):
                simd.store(out, i, root(simd.load(kind, x, i), simd.load(kind, errors, i)))

    else:

        @jit
        def fill(x, out):
            for i in range(0, x.size, lanes):
                simd.store(out, i, root(simd.load(kind, x, i)))

    def on_arrays(*arrays):
        padded = [np.resize(array, -(-array.size // lanes) * lanes) for array in arrays]
        out = np.empty_like(padded[0])
        fill(*padded, out)
        return out[: arrays[0].size]

    return on_arrays
