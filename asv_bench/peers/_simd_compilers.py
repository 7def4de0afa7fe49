"""The same loop by other compilers: C and Rust as shared libraries, called through `ctypes`."""

import ctypes
import shutil
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
from _timing import Call

C_SOURCE = """
#include <math.h>
#include <stddef.h>
void root_f64(const double *restrict x, double *restrict out, size_t n)
{ for (size_t i = 0; i < n; i++) out[i] = sqrt(x[i]); }
void root_f32(const float *restrict x, float *restrict out, size_t n)
{ for (size_t i = 0; i < n; i++) out[i] = sqrtf(x[i]); }
"""
RUST_FUNCTION = """
#[no_mangle]
pub unsafe extern "C" fn root_KIND(x: *const KIND, out: *mut KIND, n: usize) {
    let (x, out) = (std::slice::from_raw_parts(x, n), std::slice::from_raw_parts_mut(out, n));
    for (root, number) in out.iter_mut().zip(x) { *root = number.sqrt(); }
}
"""
RUST_SOURCE = "".join(RUST_FUNCTION.replace("KIND", kind) for kind in ("f64", "f32"))
# Without -fno-math-errno gcc calls `sqrt` for what is negative, and takes roots one by one.
GCC = ("gcc", "-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC")
RUSTC = ("rustc", "-C", "opt-level=3", "-C", "target-cpu=native", "--crate-type", "cdylib")


class LackingError(Exception):
    """Why a side cannot be measured here."""


class Library:
    """The two functions of a shared library."""

    def __init__(self, command: tuple[str, ...], source: str, file: Path) -> None:
        if shutil.which(command[0]) is None:
            raise LackingError(f"not measured: {command[0]} is not installed")
        file.write_text(source)
        library = file.with_suffix(".so")
        done = subprocess.run([*command, "-o", str(library), str(file)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LackingError(f"not measured: {command[0]} ended with status {done.returncode}")
        self._functions = ctypes.CDLL(str(library))
        told = subprocess.run([command[0], "--version"], capture_output=True, text=True, check=True).stdout
        self.compiler = told.splitlines()[0]

    def call(self, x: np.ndarray, out: np.ndarray) -> Call:
        """What fills `out`; the arrays must outlive it."""
        function = getattr(self._functions, f"root_f{8 * x.itemsize}")
        function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t), None
        return partial(function, x.ctypes.data, out.ctypes.data, x.size)


def by_gcc(scratch: Path) -> Library:
    return Library(GCC, C_SOURCE, scratch / "roots_c.c")


def by_rust(scratch: Path) -> Library:
    return Library(RUSTC, RUST_SOURCE, scratch / "roots_rust.rs")
