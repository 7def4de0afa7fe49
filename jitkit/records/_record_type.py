"""The class of record classes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from jitkit.records import _bytemap
from jitkit.records._annotations import Body
from jitkit.records._dtype import dtype_of
from jitkit.records._layout import Layout
from jitkit.records._leaves import Leaf
from jitkit.records._types import Pad


class RecordType(type):
    """The class of record classes: what they have beside their methods."""

    _layout: Layout
    _leaves: tuple[Leaf, ...]
    _dtype: np.dtype[Any]  # from the first time that it is asked for

    if not TYPE_CHECKING:  # type checkers would take every attribute and class keyword for possible

        @classmethod
        def __prepare__(cls, name, bases, **options):
            return Body(name)

        def __new__(cls, name, bases, body, **options):
            # From Python 3.14 on annotations are evaluated later: an empty dictionary would say that there are none.
            plain = {key: value for key, value in body.items() if key != "__annotations__"}
            if body.get("__annotations__"):
                plain["__annotations__"] = dict(body["__annotations__"])
            return super().__new__(cls, name, bases, plain, **options)

        def __getattr__(cls, name):
            if name in ("itemsize", "_layout", "_leaves", "_schemas", "_all"):
                raise AttributeError(f"{cls.__name__} itself has no fields: derive a class from it")
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")

    @property
    def __signature__(cls) -> inspect.Signature:
        """One keyword for each field: what `help` and completion show."""
        names = (field.name for field in cls._layout.fields if not isinstance(field.type, Pad))
        return inspect.Signature([inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names])

    @property
    def dtype(cls) -> np.dtype[Any]:
        """NumPy dtype of the same layout, of raw values; pads are gaps.

        Raises
        ------
        LayoutError
            If the record has bit fields, for which NumPy has no dtype.
        """
        if "_dtype" not in vars(cls):
            cls._dtype = dtype_of(cls._layout)
        return cls._dtype

    def __jitkit_fingerprint__(cls) -> Any:
        """What kernels that use the class depend on."""
        return cls.__qualname__, cls._layout.itemsize, cls._leaves

    def __str__(cls) -> str:
        return _bytemap.draw(cls._layout, cls._leaves) if hasattr(cls, "_layout") else super().__str__()
