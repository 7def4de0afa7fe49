"""Masks: what to do where."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.simd._kinds import Kind, MaskKind, ScalarKind, VectorType
from jitkit.simd._operation import Call, operation
from jitkit.simd._rules import fail, letter_of, mask, of_mask, one_type, type_of

Lanes = Any  # arrays, (lanes,): what an emulation gets


def _select(name: str, where: Kind, *kinds: Kind) -> Call:
    if all(isinstance(kind, MaskKind) for kind in kinds):
        lanes = mask(name, where).lanes
        return Call(where, (where, *(mask(name, kind, lanes=lanes) for kind in kinds)))
    kind = one_type(name, "iuf", *kinds)
    return Call(kind, (mask(name, where, lanes=kind.lanes), kind, kind))


@operation(_select)
def select(mask: Lanes, a: Lanes, b: Lanes) -> Lanes:
    """Lanes of `a` where the mask is true, and of `b` elsewhere."""
    return np.where(mask, a, b)


@operation(of_mask(ScalarKind("u", 64)))
def to_bits(mask: Lanes) -> Any:
    """Mask as a number: lane 0 is the lowest bit."""
    return np.uint64(sum(1 << i for i, lane in enumerate(mask) if lane))


def _from_bits(name: str, kind: Kind, bits: Kind) -> Call:
    vector = type_of(name, kind)
    if letter_of(bits) not in ("i", "u"):
        fail(name, "an integer whose bits are the lanes", bits)
    return Call(MaskKind(vector.lanes), (kind, ScalarKind("u", 64)))


@operation(_from_bits)
def from_bits(V: VectorType, bits: int) -> Lanes:  # noqa: N803
    """Mask whose lanes are the lowest bits of a number."""
    return [bool(int(bits) >> i & 1) for i in range(V.lanes)]
