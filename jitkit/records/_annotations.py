"""From the body of a class statement to its fields."""

from __future__ import annotations

import inspect
import re
import typing
from dataclasses import replace
from types import FrameType
from typing import Any

from jitkit.errors import LayoutError
from jitkit.records._types import Array, Bytes, FieldType, Nested, Number, Pad, Scaled, as_field_type

MISSING = object()


class Body(dict[str, Any]):
    """Namespace of a record's class statement, which refuses a field that is written twice.

    A plain class body would keep the first one's place and the second one's type, without a word.
    """

    def __init__(self, record: str) -> None:
        super().__init__()
        self.record = record
        super().__setitem__("__annotations__", _Annotations(record))

    def __setitem__(self, name: str, value: Any) -> None:
        if isinstance(self.get(name), FieldType):
            raise LayoutError(_twice(self.record, name))
        super().__setitem__(name, value)


class _Annotations(dict[str, Any]):
    def __init__(self, record: str) -> None:
        super().__init__()
        self.record = record

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self:
            raise LayoutError(_twice(self.record, name))
        super().__setitem__(name, value)


def collect_fields(cls: type, reserved: frozenset[str], frame: FrameType) -> dict[str, FieldType]:
    """Return the fields of a record class in the order of their annotations, and take them out of its attributes.

    `frame` is the one of the class statement: annotations that are text are looked up there.
    """
    annotations = inspect.get_annotations(cls)
    _refuse_unannotated(cls, annotations)
    fields = {}
    for name, written in annotations.items():
        annotation = _evaluated(cls, written, frame)
        if _is_class_variable(annotation, written):
            continue
        if name in reserved or name.startswith("__"):
            raise LayoutError(
                f"{cls.__name__}.{name}: expected another name: Record has an attribute {name!r} of its own"
            )
        value = vars(cls).get(name, MISSING)
        fields[name] = _from_annotation(cls, name, annotation) if value is MISSING else _from_value(cls, name, value)
        if value is not MISSING:
            _refuse_contradiction(cls, name, annotation, fields[name])
            delattr(cls, name)
    return fields


def _twice(record: str, name: str) -> str:
    return f"{record}.{name}: expected each field once, got {name!r} twice: pads, too, need names of their own"


def _refuse_unannotated(cls: type, annotations: dict[str, Any]) -> None:
    for name, value in vars(cls).items():
        # A record class defined in the body is a class of its own, not a field.
        is_own = isinstance(value, type) and value.__qualname__ == f"{cls.__qualname__}.{name}"
        kind = None if is_own else as_field_type(value)
        if kind is not None and name not in annotations:
            raise LayoutError(
                f"{cls.__name__}.{name}: expected an annotation, which gives the field its place, got `{name} = ...`: "
                f"write `{name}: {_annotation_for(kind)}`"
            )


def _annotation_for(kind: FieldType) -> str:
    """What a user would write after the colon, for a field type that stands as a value without annotation."""
    match kind:
        case Nested():
            return repr(kind)
        case Number() if repr(kind)[0] != "b" or kind.kind == "?":
            return f"jk.{kind!r}"
        case Pad():
            return f"None = jk.{kind!r}"
        case Scaled():
            return "float = ..."
        case Bytes():
            return f"bytes = jk.{kind!r}"
        case Array():
            return "np.ndarray = ..."
    return "int = ..."


def _evaluated(cls: type, annotation: Any, frame: FrameType) -> Any:
    """Value of an annotation; what cannot be evaluated stays text."""
    own = {name: value for name, value in vars(cls).items() if not isinstance(value, FieldType)}  # fields hide nothing
    names = {**frame.f_locals, **own}
    while isinstance(annotation, str):  # quoted within `from __future__ import annotations`: text within text
        try:
            annotation = eval(annotation, frame.f_globals, names)
        except Exception:
            return annotation
    return annotation


def _is_class_variable(annotation: Any, written: Any) -> bool:
    if isinstance(annotation, str):
        return re.match(r"(\w+\.)?ClassVar(\[|$)", str(written)) is not None
    return annotation is typing.ClassVar or typing.get_origin(annotation) is typing.ClassVar


def _from_annotation(cls: type, name: str, annotation: Any) -> FieldType:
    kind = as_field_type(annotation)
    if kind is None:
        shown = (
            f"{annotation!r}, which is not defined here"
            if isinstance(annotation, str)
            else getattr(annotation, "__name__", annotation)
        )
        raise LayoutError(
            f"{cls.__name__}.{name}: expected a jitkit field type or a Record class, got {shown}: "
            f"write for example `{name}: jk.i32` or `{name}: int = jk.bits(3)`"
        )
    return kind


def _from_value(cls: type, name: str, value: Any) -> FieldType:
    kind = as_field_type(value)
    if kind is None:
        raise LayoutError(f"{cls.__name__}.{name}: expected a field type, got {value!r}: fields have no defaults")
    return kind


def _refuse_contradiction(cls: type, name: str, annotation: Any, kind: FieldType) -> None:
    """`x: jk.u8 = jk.u16` says two things; `x: jk.u16 = jk.u16.big` only adds to one."""
    stated = as_field_type(annotation)
    if stated is not None and _bare(stated) != _bare(kind):
        raise LayoutError(
            f"{cls.__name__}.{name}: expected one type, got the annotation {stated!r} and the value {kind!r}"
        )


def _bare(kind: FieldType) -> FieldType:
    kind = replace(kind, byteorder=None, position=None)
    return replace(kind, valid=None) if isinstance(kind, Number) else kind
