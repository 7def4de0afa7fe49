"""Masks: what to do where, and where it is so."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.simd._kinds import Kind, MaskKind, ScalarKind, VectorType
from jitkit.simd._operation import Call, operation
from jitkit.simd._rules import BOOL, INDEX, fail, letter_of, mask, of_mask, one_type, type_of

Lanes = Any  # arrays, (lanes,): what an emulation gets


def _select(name: str, where: Kind, *kinds: Kind) -> Call:
    if {type(kind) for kind in kinds} == {MaskKind}:
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


@operation(of_mask(BOOL))
def any(mask: Lanes) -> bool:  # noqa: A001
    """Whether a lane is true."""
    return bool(mask.any())


@operation(of_mask(BOOL))
def all(mask: Lanes) -> bool:  # noqa: A001
    """Whether every lane is true."""
    return bool(mask.all())


@operation(of_mask(BOOL))
def none(mask: Lanes) -> bool:
    """Whether no lane is true."""
    return not mask.any()


@operation(of_mask(INDEX))
def count(mask: Lanes) -> int:
    """Number of true lanes. Without POPCNT it takes a dozen instructions."""
    return int(mask.sum())


@operation(of_mask(INDEX))
def first_set(mask: Lanes) -> int:
    """Index of the first true lane; the number of lanes if there is none."""
    return int(mask.argmax()) if mask.any() else len(mask)


@operation(of_mask(INDEX))
def last_set(mask: Lanes) -> int:
    """Index of the last true lane; -1 if there is none."""
    return int(mask.nonzero()[0].max(initial=-1))
