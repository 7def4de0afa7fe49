"""How refused calls are tested: Python and a kernel must say the same sentence."""

import re

import numpy as np
import pytest
from numba.core.errors import TypingError

import jitkit as jk
from jitkit import simd

VECTORS = {
    "f": simd.Vector(np.ones(4, np.float32)),
    "d": simd.Vector(np.ones(4)),
    "i": simd.Vector(np.ones(4, np.int32)),
    "u": simd.Vector(np.ones(4, np.uint32)),
    "q": simd.Vector(np.ones(4, np.int64)),
    "one": simd.Vector(np.ones(1, np.int16)),
    "m": simd.Mask([True, False, True, False]),
}
TYPES = {name: simd.vector(name[0] + str(int(name[1:].split("x")[0]) // 8), int(name.split("x")[1]))
         for name in ("f32x4", "i32x4", "i32x8", "u8x4", "i16x8", "f64x2")}  # fmt: skip


def assert_refused(text, sentence):
    """An expression of the names above is a TypeError with a sentence, and in a kernel a TypingError with it."""
    known = {"simd": simd, **TYPES}
    with pytest.raises(TypeError, match=f"^{re.escape(sentence)}$"):
        eval(text, known | VECTORS)
    kernel = jk.jit(eval(f"lambda {', '.join(VECTORS)}: {text}", known), cache=False)
    with pytest.raises(TypingError, match=re.escape(sentence) + "\n"):
        kernel(*VECTORS.values())
