"""What the slots of a ring hold: any dtype of fixed size in native byte order."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from jitkit.errors import LayoutError

LARGEST = 1 << 20  # bytes of an element


class Element:
    """The type of an element.

    Attributes
    ----------
    dtype : np.dtype
        With a shape if elements are arrays.
    record : type or None
        The record class that was asked for.
    raw : bool
        Whether elements are the bytes of records which no native dtype describes: of bit fields, or of another byte
        order. The dtype then is a sub-array of bytes.
    """

    def __init__(self, dtype: np.dtype[Any], record: Any = None, raw: bool = False) -> None:
        self.dtype, self.record, self.raw = dtype, record, raw

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Element) and (self.dtype, self.raw) == (other.dtype, other.raw)

    def __hash__(self) -> int:
        return hash((self.dtype, self.raw))

    @property
    def is_array(self) -> bool:
        """Whether an element is an array."""
        return self.dtype.subdtype is not None

    @cached_property
    def fields(self) -> list[Element]:
        """What the fields of a record are."""
        return [Element(self.dtype.fields[name][0]) for name in self.dtype.names or ()]  # type: ignore[index]

    @property
    def code(self) -> str:
        """Letter and size of a plain number ("f4"), which Python can hand over without NumPy; "" for the others."""
        return self.dtype.str[1:] if self.dtype.kind in "biufc" and self.dtype.itemsize <= 16 else ""

    def __str__(self) -> str:
        if self.record is not None:
            return str(self.record.__name__)
        return self.dtype.name if self.code or self.dtype.kind in "mM" else str(self.dtype)


def element_of(dtype: Any, where: str) -> Element:
    """Tell what elements of a dtype, or of a record class, are.

    Raises
    ------
    LayoutError
        If a ring cannot hold such elements; it says why.
    """
    if isinstance(dtype, type) and hasattr(dtype, "from_bytes") and isinstance(getattr(dtype, "itemsize", None), int):
        return _element_of_record(dtype)
    if dtype is None:  # which would mean float64 to NumPy
        raise LayoutError(f"expected a dtype or a record class ({where}), got None")
    try:
        found = np.dtype(dtype)
    except Exception as error:  # NumPy raises a SyntaxError for some texts
        raise LayoutError(f"expected a dtype or a record class ({where}), got {dtype!r}") from error
    if problem := problem_with(found):
        raise LayoutError(f"expected {problem} ({where}), got {found if found.names is None else dtype!r}")
    if found.kind == "V" and found.names is None and found.subdtype is None:
        return Element(np.dtype((np.uint8, (found.itemsize,))), raw=True)
    return Element(found)


def _element_of_record(record: Any) -> Element:
    try:
        dtype = np.dtype(record.dtype)
    except LayoutError:  # bit fields
        return Element(np.dtype((np.uint8, (record.itemsize,))), record, raw=True)
    if problem_with(dtype):
        return Element(np.dtype((np.uint8, (record.itemsize,))), record, raw=True)
    return Element(dtype, record)


def problem_with(dtype: np.dtype[Any]) -> str | None:
    """Say what a ring would need instead of a dtype; None if it can hold it."""
    if dtype.hasobject:
        return "elements without Python objects"
    if dtype.itemsize == 0:
        return "elements of at least one byte"
    if dtype.itemsize > LARGEST:
        return f"elements of at most {LARGEST:,} bytes"
    if inside := [part for part in nested(dtype) if part.subdtype is not None or part.kind == "V"]:
        for part in inside:
            base = part.base
            if base.kind not in "iufc" and base.names is None:
                return f"a dtype that numba compiles (it has no {part} inside others)"
    for part in leaves(dtype):
        if not part.isnative:
            return "native byte order"
        if part == np.float16:
            return "a dtype that numba compiles (it has no float16)"
        if part.kind in "fc" and part.itemsize > (8 if part.kind == "f" else 16):
            return "a dtype that numba compiles (it has no long double)"
    return None


def nested(dtype: np.dtype[Any]) -> list[np.dtype[Any]]:
    """Dtypes of what is inside a dtype: of fields, and of the elements of arrays that are no plain numbers."""
    if dtype.subdtype is not None:
        base = dtype.subdtype[0]
        return [base, *nested(base)]
    if dtype.names is None:
        return []
    fields = [dtype.fields[name][0] for name in dtype.names]  # type: ignore[index]
    return [part for field in fields for part in (field, *nested(field))]


def leaves(dtype: np.dtype[Any]) -> list[np.dtype[Any]]:
    """Dtypes that a dtype is made of, without fields and shapes."""
    if dtype.subdtype is not None:
        return leaves(dtype.subdtype[0])
    if dtype.names is not None:
        return [leaf for name in dtype.names for leaf in leaves(dtype.fields[name][0])]  # type: ignore[index]
    return [dtype]
