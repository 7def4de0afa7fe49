"""Vectors are refused as members of numba's classes, in words: there they would crash.

Numba treats the memory of a jitclass or structref as if it were registers, where a vector is aligned to its size and
takes other room than in lists. It allocates that memory for 16 bytes only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jitkit._core.intrinsics import InstanceDataModel, NumbaTypeError, models, register_model, types
from jitkit.simd._numba_types import SimdMask, SimdVector


def refuse_vectors(name: str, members: Mapping[str, Any]) -> None:
    """Raise a NumbaTypeError if a member is a vector or mask."""
    for member, kind in members.items():
        if isinstance(kind, (SimdVector, SimdMask)):
            raise NumbaTypeError(
                f"expected members that numba's classes can have, got the vector {member} ({kind}) of {name}: "
                "keep an array, and load the vector from it"
            )


@register_model(types.ClassDataType)
class _ClassData(InstanceDataModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        refuse_vectors(kind.class_type.classname, kind.class_type.struct)
        super().__init__(manager, kind)


@register_model(types.StructRefPayload)
class _Payload(models.StructPayloadModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        refuse_vectors("a structref", kind.field_dict)
        super().__init__(manager, kind)
