"""Rings by other compilers: C++ and Rust as shared libraries, called through `ctypes`."""

import ctypes
import weakref
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from _simd_bench import Bench
from _simd_compilers import RUSTC, LackingError, Library
from _timing import Call

CAPACITY = 1024  # of every ring of theirs that one thread uses; that of two threads' has 4096
GPP = ("g++", "-std=c++17", "-O3", "-march=native", "-DNDEBUG", "-pthread", "-shared", "-fPIC")
SOURCES = {"C++": (GPP, "_ring_native.cpp"), "Rust": (RUSTC, "_ring_native.rs")}

POINTER, COUNT = ctypes.c_void_p, ctypes.c_size_t
TWO_CPUS = ctypes.c_int * 2


class Native(Library):
    """The functions of one of the two source files."""

    def __init__(self, language: str, scratch: Path) -> None:
        command, source = SOURCES[language]
        super().__init__(command, Path(__file__).with_name(source).read_text(encoding="utf-8"), scratch / source)

    def function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        """One of them, with its types."""
        if not hasattr(self._functions, name):  # all that may be missing is what needs Boost
            raise LackingError("not measured: Boost is not installed")
        function = self._functions[name]  # an object of its own: the types are not those of other questions
        function.restype, function.argtypes = result, arguments
        return function

    def items(self, name: str) -> Callable[[tuple[int, int], int], float]:
        """What takes so many numbers from a thread on one CPU to a thread on another, and returns the seconds."""
        function = self.function(name, ctypes.c_double, POINTER, ctypes.c_int64)

        def move(cpus: tuple[int, int], count: int) -> float:
            seconds = function(TWO_CPUS(*cpus), count)
            if seconds < 0.0:
                raise SystemExit(f"{name}: expected the numbers 0 to {count - 1} in order, got others")
            return seconds

        return move

    def array(self, name: str) -> Callable[[tuple[int, int], np.ndarray, np.ndarray, int], float]:
        """The same with an array by blocks; the caller looks whether it arrived."""
        function = self.function(name, ctypes.c_double, POINTER, POINTER, POINTER, COUNT, COUNT)

        def move(cpus: tuple[int, int], items: np.ndarray, out: np.ndarray, block: int) -> float:
            return function(TWO_CPUS(*cpus), items.ctypes.data, out.ctypes.data, items.size, block)

        return move


class NativeRing:
    """A ring of float32 of a library; the arrays that its calls are made with must outlive them."""

    def __init__(self, library: Native, kind: str) -> None:
        self._function = lambda name, *arguments: library.function(f"{kind}_{name}", None, POINTER, *arguments)
        self._ring = library.function(f"{kind}_new", POINTER)()
        self._drain = library.function(f"{kind}_drain", COUNT, POINTER, POINTER) if kind != "spsc" else None
        weakref.finalize(self, self._function("delete"), self._ring)

    def push(self, items: np.ndarray) -> Call:
        """What pushes all items one by one; the oldest are overwritten."""
        return partial(self._function("push", POINTER, COUNT), self._ring, items.ctypes.data, items.size)

    def pairs(self, items: np.ndarray, out: np.ndarray) -> Call:
        """What pushes each item and then takes the oldest."""
        function = self._function("pairs", POINTER, POINTER, COUNT)
        return partial(function, self._ring, items.ctypes.data, out.ctypes.data, items.size)

    def blocks(self, block: np.ndarray, out: np.ndarray, times: int) -> Call:
        """What puts a block in and takes it out again, so many times."""
        function = self._function("blocks", POINTER, POINTER, COUNT, COUNT)
        return partial(function, self._ring, block.ctypes.data, out.ctypes.data, block.size, times)

    def drain(self) -> np.ndarray:
        """All items, oldest first; the ring is empty then."""
        out = np.empty(CAPACITY, np.float32)
        return out[: self._drain(self._ring, out.ctypes.data)]


def native(bench: Bench, language: str) -> Native:
    """The library, built once; the notes say by what."""
    library = _built(language, bench.scratch)
    note = f"{library.compiler}."
    if language == "C++" and (boost := _boost(library)):
        note = f"{library.compiler}, Boost {boost}."
    if note not in bench.notes:
        bench.notes.append(note)
    return library


def ring(bench: Bench, language: str, kind: str) -> NativeRing:
    return NativeRing(native(bench, language), kind)


@cache
def _built(language: str, scratch: Path) -> Native:
    return Native(language, scratch)


def _boost(library: Native) -> str:
    try:
        return library.function("boost_version", ctypes.c_char_p)().decode().replace("_", ".")
    except LackingError:
        return ""
