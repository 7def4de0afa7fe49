"""The square root that jitkit ships, as a ufunc: loading this file makes it."""

from jitkit.simd._introduction import Shipped, introduce
from jitkit.simd._sqrt_choice import choices, make_sqrt

DOCUMENTATION = """Square root, correctly rounded: the bits and warnings of `numpy.sqrt`, in less time.

    For float16, float32 and float64; other integers and bool are cast to one of them as NumPy does. Complex numbers,
    longdouble and objects are refused with a TypeError. Masked arrays keep their mask; `numpy.ma.sqrt` also masks
    negative numbers. Inside kernels it takes numbers, vectors and arrays.

    Where the processor multiplies faster than it divides, most roots of contiguous arrays are computed by
    multiplications (see `jitkit.simd`); whether that pays, and from how many items on, is measured once on each host
    and kept with the compile cache. `jitkit info` shows it.
"""

sqrt = make_sqrt(choices(), DOCUMENTATION)
introduce(Shipped(sqrt, "jitkit.simd._sqrt_loops", "root", "fd"))
