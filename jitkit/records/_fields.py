"""How users write fields: the names `u8` to `f64` and the functions that make the types with arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from jitkit.errors import LayoutError
from jitkit.records._types import (
    Array,
    BitField,
    Bytes,
    Enumerated,
    Number,
    Pad,
    Scalar,
    Scaled,
    as_field_type,
    closed_range,
    finite,
    refuse_position,
    whole_number,
)


def bits(n: int, *, signed: bool = False) -> Any:
    """Integer field of `n` bits that starts where the field before ended, at any bit.

    In a big-endian record bits are counted from the most significant one of each byte (as CCSDS does), in a
    little-endian record from the least significant one (as C compilers for such machines do).

    Parameters
    ----------
    n : int, 1 to 64
    signed : bool
        Two's complement.

    Raises
    ------
    LayoutError
        If `n` is not in 1 to 64.
    """
    return BitField(kind="i" if signed else "u", bits=whole_number("number of bits", n, at_least=1, at_most=64))


def pad(n: int, *, init: Literal[False] = False) -> Any:  # noqa: ARG001 (PEP 681: no argument of the constructor)
    """`n` bytes that mean nothing: skipped when decoding, written as zeros.

    Raises
    ------
    LayoutError
        If `n` is below 1.
    """
    return Pad(size=whole_number("number of bytes", n, at_least=1))


def bytes_(n: int) -> Any:
    """Field of `n` raw bytes; its column has dtype ``S{n}``, which drops trailing zero bytes when an item is read.

    Raises
    ------
    LayoutError
        If `n` is below 1.
    """
    return Bytes(size=whole_number("number of bytes", n, at_least=1))


def array(item: Any, shape: int | Sequence[int]) -> Any:
    """Field of a fixed number of items; its column has the shape ``(n, *shape)``.

    Parameters
    ----------
    item : field type or Record class
        Any but `pad`; an array of records gives one column per field of the record.
    shape : int or sequence of int

    Raises
    ------
    LayoutError
        If `item` is no field type, or a length is below 1.
    """
    lengths = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    if not lengths:
        raise LayoutError("expected at least one array length, got ()")
    kind = as_field_type(item)
    if kind is None or isinstance(kind, Pad):
        raise LayoutError(f"expected the array's items to be of a field type or a Record class, got {item!r}")
    refuse_position("array", kind)
    return Array(item=kind, shape=tuple(whole_number("array length", n, at_least=1) for n in lengths))


def scaled(
    base: Any,
    scale: float = 1.0,
    offset: float = 0.0,
    unit: str | None = None,
    valid: tuple[float | None, float | None] | None = None,
    dtype: Any = np.float64,
) -> Any:
    """Field in physical units: ``raw * scale + offset``, computed in float64 and rounded once to `dtype`.

    On floats an offset of 0 is not added, so that -0.0 stays what it is.

    Parameters
    ----------
    base : number field type
        What the record holds: an integer, float or `bits`.
    scale : float, finite, not zero
    offset : float, finite
    unit : str, optional
        For people: shown by `Columns` and kept in Arrow metadata.
    valid : (low, high), optional
        Closed range of plausible values, in units; None leaves a side open. `Columns.valid` has the mask.
    dtype : float64 or float32

    Raises
    ------
    LayoutError
        If one of these does not hold.
    """
    if not isinstance(base, Number) or base.kind == "?":
        raise LayoutError(f"expected the base of a scaled field to be an integer, float or bits type, got {base!r}")
    refuse_position("scaled field", base)
    if base.valid is not None:
        raise LayoutError(
            "expected the valid range of a scaled field in its units, as valid=(low, high), got .within()"
        )
    if unit is not None and not isinstance(unit, str):
        raise LayoutError(f"expected the unit to be a string, got {unit!r}")
    scale, offset = finite("scale", scale), finite("offset", offset)
    if scale == 0.0:
        raise LayoutError("expected a scale other than 0: every value would be the offset")
    if dtype not in (np.float64, np.float32, float, "float64", "float32", "f8", "f4"):
        raise LayoutError(f"expected the dtype of a scaled field to be float64 or float32, got {dtype!r}")
    dtype = np.dtype(dtype)
    limits = None if valid is None else closed_range(valid)
    return Scaled(base=base, scale=scale, offset=offset, unit=unit, valid=limits, dtype=dtype)


def enum_(base: Any, labels: Mapping[int, str] | type[IntEnum]) -> Any:
    """Integer field of which only listed values may occur.

    Parameters
    ----------
    base : integer field type
        ``u8`` to ``i64``, or `bits`.
    labels : mapping of int to str, or an IntEnum class
        The allowed values and their texts (`Columns.labels`).

    Raises
    ------
    LayoutError
        If `base` is no integer type, or a value does not fit it.
    """
    if not isinstance(base, Number) or base.kind not in "ui":
        raise LayoutError(f"expected the base of an enumeration to be an integer or bits type, got {base!r}")
    refuse_position("enumeration", base)
    if isinstance(labels, type) and issubclass(labels, IntEnum):
        labels = {int(member): member.name for member in labels}
    if not isinstance(labels, Mapping) or not labels:
        raise LayoutError(f"expected a mapping of values to texts, such as {{0: 'idle'}}, got {labels!r}")
    low, high = base.limits
    for value, text in labels.items():
        if not isinstance(value, int) or isinstance(value, bool) or not isinstance(text, str):
            raise LayoutError(f"expected a mapping of int to str, got {value!r}: {text!r}")
        if not low <= value <= high:
            raise LayoutError(f"expected enumeration values in {low}..{high} ({base!r}), got {value} ({text!r})")
    return Enumerated(base=base, labels=dict(sorted(labels.items())))


if TYPE_CHECKING:
    # A type checker sees descriptors: a field annotated `jk.u16` reads and takes an int, while `jk.u16` is still a
    # value that has `.little` and can stand in `jk.array(jk.u16, 3)`.
    class _FieldValue:
        little: Any
        big: Any

        @staticmethod
        def at(offset: int) -> Any: ...
        @staticmethod
        def within(low: float | None, high: float | None) -> Any: ...

    class _IntField(_FieldValue):
        def __get__(self, record: object, owner: Any = None) -> int: ...
        def __set__(self, record: object, value: int) -> None: ...

    class _FloatField(_FieldValue):
        def __get__(self, record: object, owner: Any = None) -> float: ...
        def __set__(self, record: object, value: float) -> None: ...

    class _BoolField(_FieldValue):
        def __get__(self, record: object, owner: Any = None) -> bool: ...
        def __set__(self, record: object, value: bool) -> None: ...

    class u8(_IntField): ...

    class u16(_IntField): ...

    class u32(_IntField): ...

    class u64(_IntField): ...

    class i8(_IntField): ...

    class i16(_IntField): ...

    class i32(_IntField): ...

    class i64(_IntField): ...

    class f16(_FloatField): ...

    class f32(_FloatField): ...

    class f64(_FloatField): ...

    class boolean(_BoolField): ...
else:
    u8, u16, u32, u64 = (Scalar(kind="u", bits=n) for n in (8, 16, 32, 64))
    i8, i16, i32, i64 = (Scalar(kind="i", bits=n) for n in (8, 16, 32, 64))
    f16, f32, f64 = (Scalar(kind="f", bits=n) for n in (16, 32, 64))
    boolean = Scalar(kind="?", bits=8)
