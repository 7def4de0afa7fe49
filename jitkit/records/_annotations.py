"""From the body of a class statement to its fields."""

from __future__ import annotations

import inspect
import typing
from types import FrameType
from typing import Any

from jitkit.errors import LayoutError
from jitkit.records._types import FieldType, as_field_type

MISSING = object()


def collect_fields(cls: type, reserved: frozenset[str], frame: FrameType) -> dict[str, FieldType]:
    """Return the fields of a record class in the order of their annotations, and take them out of its attributes.

    `frame` is the one of the class statement: annotations that are text are looked up there.
    """
    annotations = inspect.get_annotations(cls)
    for name, value in vars(cls).items():
        if isinstance(value, FieldType) and name not in annotations:
            raise LayoutError(
                f"{cls.__name__}.{name}: expected an annotation, which gives the field its place: "
                f"write `{name}: {annotation_for(value)} = jk.{value!r}`"
            )
    fields = {}
    for name, annotation in annotations.items():
        if _is_class_variable(annotation):
            continue
        if name in reserved or name.startswith("__"):
            raise LayoutError(
                f"{cls.__name__}.{name}: expected another name: Record has an attribute {name!r} of its own"
            )
        value = vars(cls).get(name, MISSING)
        if value is MISSING:
            fields[name] = _from_annotation(cls, name, annotation, frame)
            continue
        kind = as_field_type(value)
        if kind is None:
            raise LayoutError(f"{cls.__name__}.{name}: expected a field type, got {value!r}: fields have no defaults")
        fields[name] = kind
        delattr(cls, name)
    return fields


def annotation_for(kind: FieldType) -> str:
    """What a user would write before a field type that stands as a value."""
    return {"Pad": "None", "Scaled": "float", "Bytes": "bytes", "Array": "np.ndarray"}.get(type(kind).__name__, "int")


def _is_class_variable(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return annotation.startswith(("ClassVar", "typing.ClassVar"))
    return annotation is typing.ClassVar or typing.get_origin(annotation) is typing.ClassVar


def _from_annotation(cls: type, name: str, annotation: Any, frame: FrameType) -> FieldType:
    value = annotation
    if isinstance(annotation, str):
        # `from __future__ import annotations`: the text is evaluated where the class statement stands.
        try:
            value = eval(annotation, frame.f_globals, {**frame.f_locals, **vars(cls)})
        except Exception as error:
            raise LayoutError(
                f"{cls.__name__}.{name}: cannot evaluate the annotation {annotation!r}: {error}"
            ) from None
    kind = as_field_type(value)
    if kind is None:
        shown = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", repr(annotation))
        raise LayoutError(
            f"{cls.__name__}.{name}: expected a jitkit field type or a Record class, got {shown}: "
            f"write for example `{name}: jk.i32` or `{name}: int = jk.bits(3)`"
        )
    return kind
