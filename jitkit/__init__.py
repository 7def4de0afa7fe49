"""jitkit: the systems-programming standard library that Numba lacks.

Importing it loads nothing else: each public name brings its room along when it is first used.
"""

TYPE_CHECKING = False  # the name is what type checkers look for; `typing` itself would cost the import its budget
if TYPE_CHECKING:
    from jitkit import cache as cache
    from jitkit import errors as errors
    from jitkit import records as records
    from jitkit import ring as ring
    from jitkit import simd as simd
    from jitkit import telemetry as telemetry
    from jitkit._core.jit import jit as jit
    from jitkit._core.threads import threads as threads
    from jitkit.errors import CacheError as CacheError
    from jitkit.errors import CapacityError as CapacityError
    from jitkit.errors import DecodeError as DecodeError
    from jitkit.errors import JitkitError as JitkitError
    from jitkit.errors import LayoutError as LayoutError
    from jitkit.errors import MissingExtraError as MissingExtraError
    from jitkit.records import Columns as Columns
    from jitkit.records import Record as Record
    from jitkit.records import array as array
    from jitkit.records import bits as bits
    from jitkit.records import boolean as boolean
    from jitkit.records import bytes_ as bytes_
    from jitkit.records import enum_ as enum_
    from jitkit.records import f16 as f16
    from jitkit.records import f32 as f32
    from jitkit.records import f64 as f64
    from jitkit.records import i8 as i8
    from jitkit.records import i16 as i16
    from jitkit.records import i32 as i32
    from jitkit.records import i64 as i64
    from jitkit.records import pad as pad
    from jitkit.records import scaled as scaled
    from jitkit.records import u8 as u8
    from jitkit.records import u16 as u16
    from jitkit.records import u32 as u32
    from jitkit.records import u64 as u64
    from jitkit.ring import RingBuffer as RingBuffer
    from jitkit.ring import WindowBuffer as WindowBuffer
    from jitkit.simd._sqrt import sqrt as sqrt

__version__ = "0.1.0"

_ROOM_OF = {
    "jit": "jitkit._core.jit",
    "threads": "jitkit._core.threads",
    "sqrt": "jitkit.simd._sqrt",
    **dict.fromkeys(
        ("JitkitError", "CacheError", "CapacityError", "DecodeError", "LayoutError", "MissingExtraError"),
        "jitkit.errors",
    ),
    **dict.fromkeys(("Record", "Columns", "array", "bits", "boolean", "bytes_", "enum_", "pad"), "jitkit.records"),
    **dict.fromkeys(("RingBuffer", "WindowBuffer"), "jitkit.ring"),
    **dict.fromkeys(
        ("scaled", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f16", "f32", "f64"), "jitkit.records"
    ),
}
_ROOMS = ("cache", "errors", "records", "ring", "simd", "telemetry")
__all__ = ["__version__", *_ROOM_OF, *_ROOMS]


if not TYPE_CHECKING:  # or type checkers would take every name for possible

    def __getattr__(name: str) -> object:
        # The import system's own locks make this safe in threads: at worst two of them store the same value.
        from importlib import import_module

        if name in _ROOMS:
            return import_module(f"jitkit.{name}")
        if name not in _ROOM_OF:
            raise AttributeError(f"module 'jitkit' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_ROOM_OF[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _load_cache() -> object:
    """Return what keeps compiled kernels: the way for `_core`, which stands below the room that has it."""
    from jitkit.cache._keeper import keeper

    return keeper


def _load_objects() -> object:
    """Return what keeps machine code that needs no numba."""
    from jitkit.cache import _objects

    return _objects


def _extend_numba() -> None:
    """Give record classes, rings and vectors types in kernels: numba calls this before its first compilation.

    An entry point in pyproject.toml tells numba so. Of rooms that nobody has used there is nothing to say, and
    nobody else's program pays for it.
    """
    import sys

    if "jitkit.records" in sys.modules:
        from jitkit.records import _typing  # noqa: F401
    if "jitkit.ring" in sys.modules:
        from jitkit.ring import _typing as _  # noqa: F401
    if "jitkit.simd" in sys.modules:
        from jitkit.simd._introduction import introduce_all

        introduce_all()
