"""Moving lanes about inside registers.

Where a pattern or a number says where to, it is known when a kernel is compiled, and LLVM finds the instructions: one
for most with AVX-512, and one or two with AVX2 for lanes of 32 bits and more. Smaller lanes take up to four there when
they cross the middle of a register, and vectors wider than a register take each of these several times.

Most take masks as well. Only AVX-512 has registers for masks, and it takes two instructions more to get them out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit.simd._kinds import MOST_LANES, Kind, MaskKind, VectorType
from jitkit.simd._operation import Call, operation
from jitkit.simd._rules import BOOL, constant, fail, lane, letter_of, pattern_of, vector_of

Lanes = Any  # arrays, (lanes,): what an emulation gets
TRANSPOSED = (2, 4, 8, 16)


def _many(name: str, *kinds: Kind) -> VectorType | MaskKind:
    """Return the one kind that vectors or masks share."""
    first = kinds[0]
    if not isinstance(first, (VectorType, MaskKind)) or any(kind != first for kind in kinds):
        expected = "a vector or a mask" if len(kinds) == 1 else "vectors of one type, or masks of as many lanes"
        fail(name, expected, *kinds)
    return first


def _with_lanes(name: str, kind: VectorType | MaskKind, lanes: int) -> VectorType | MaskKind:
    if not 1 <= lanes <= MOST_LANES or lanes & (lanes - 1):
        fail(name, f"a result of 1 to {MOST_LANES} lanes, a power of two, not {lanes}", kind)
    return MaskKind(lanes) if isinstance(kind, MaskKind) else kind.with_lanes(lanes)


def _swizzle(name: str, value: Kind, pattern: Kind) -> Call:
    kind = _many(name, value)
    taken = pattern_of(name, pattern, kind)
    return Call(_with_lanes(name, kind, len(taken.indices)), (kind, taken))


@operation(_swizzle)
def swizzle(v: Lanes, P: Any) -> Lanes:  # noqa: N803
    """Lanes ``v[P[0]], v[P[1]], ...`` of a pattern, which has as many as the result.

    Parameters
    ----------
    v : vector or mask
    P : pattern
        From `simd.pattern`, made outside the kernel.
    """
    return v[list(P)]


def _swizzle2(name: str, a: Kind, b: Kind, pattern: Kind) -> Call:
    kind = _many(name, a, b)
    taken = pattern_of(name, pattern, kind, kind)
    return Call(_with_lanes(name, kind, len(taken.indices)), (kind, kind, taken))


@operation(_swizzle2)
def swizzle2(a: Lanes, b: Lanes, P: Any) -> Lanes:  # noqa: N803
    """Lanes of two vectors by a pattern, in which those of `b` are counted on from those of `a`.

    Parameters
    ----------
    a, b : vectors or masks of one type
    P : pattern
        From `simd.pattern`, made outside the kernel.
    """
    return np.concatenate([a, b])[list(P)]


def _same(name: str, *kinds: Kind) -> Call:
    kind = _many(name, *kinds)
    return Call(kind, kinds)


@operation(_same)
def reverse(v: Lanes) -> Lanes:
    """Lanes in the opposite order."""
    return v[::-1]


def _rotate(name: str, value: Kind, n: Kind) -> Call:
    constant(name, n)
    return Call(_many(name, value), (value, n))


@operation(_rotate)
def rotate_elements_left(v: Lanes, n: int) -> Lanes:
    """Lanes moved `n` places to lane 0, and from there to the end; `n` is a constant."""
    return np.roll(v, -n)


@operation(_rotate)
def rotate_elements_right(v: Lanes, n: int) -> Lanes:
    """Lanes moved `n` places from lane 0 on, and from the end to there; `n` is a constant."""
    return np.roll(v, n)


def _filled(name: str, kind: VectorType | MaskKind, fill: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """How what may be given to fill lanes is converted."""
    if isinstance(kind, MaskKind):
        if any(letter_of(one) != "b" for one in fill):
            fail(name, "a bool to fill lanes of a mask", *fill)
        return tuple(BOOL for _ in fill)
    for one in fill:
        if not letter_of(one) or (letter_of(one) == "f" and kind.dtype.kind != "f"):
            fail(name, f"a number that lanes of {kind.dtype} can have", one)
    return tuple(lane(kind) for _ in fill)


def _shift(name: str, value: Kind, n: Kind, *fill: Kind) -> Call:
    kind = _many(name, value)
    if constant(name, n) < 0:
        fail(name, "0 places or more", n)
    return Call(kind, (kind, n, *_filled(name, kind, fill)))


@operation(_shift)
def shift_elements_left(v: Lanes, n: int, fill: Any = 0) -> Lanes:
    """Lanes moved `n` places to lane 0, where they fall out; a number fills the end. `n` is a constant."""
    return np.concatenate([v[n:], np.full(min(n, len(v)), fill, v.dtype)])


@operation(_shift)
def shift_elements_right(v: Lanes, n: int, fill: Any = 0) -> Lanes:
    """Lanes moved `n` places to the end, where they fall out; a number fills the front. `n` is a constant."""
    return np.concatenate([np.full(min(n, len(v)), fill, v.dtype), v[: max(0, len(v) - n)]])


def _pair(name: str, a: Kind, b: Kind) -> Call:
    kind = _many(name, a, b)
    return Call((kind, kind), (kind, kind))


@operation(_pair)
def interleave(a: Lanes, b: Lanes) -> Any:
    """Lanes of two vectors by turns: ``a[0], b[0], a[1], ...``, as two vectors, the first half and the second."""
    lanes = np.stack([a, b], axis=1).reshape(-1)
    return lanes[: len(a)], lanes[len(a) :]


@operation(_pair)
def deinterleave(a: Lanes, b: Lanes) -> Any:
    """Even lanes of two vectors, one after the other, and the odd ones: the opposite of `interleave`."""
    lanes = np.concatenate([a, b])
    return lanes[::2], lanes[1::2]


def _concat(name: str, a: Kind, b: Kind) -> Call:
    kind = _many(name, a, b)
    return Call(_with_lanes(name, kind, 2 * kind.lanes), (kind, kind))


@operation(_concat)
def concat(a: Lanes, b: Lanes) -> Lanes:
    """Vector twice as wide, of the lanes of two."""
    return np.concatenate([a, b])


def _half(name: str, value: Kind) -> Call:
    kind = _many(name, value)
    return Call(_with_lanes(name, kind, kind.lanes // 2), (kind,))


@operation(_half)
def low_half(v: Lanes) -> Lanes:
    """The first half of the lanes. It costs nothing where that is a register or more."""
    return v[: len(v) // 2]


@operation(_half)
def high_half(v: Lanes) -> Lanes:
    """The second half of the lanes."""
    return v[len(v) // 2 :]


def _resize(name: str, value: Kind, lanes: Kind, *fill: Kind) -> Call:
    kind = _many(name, value)
    return Call(_with_lanes(name, kind, constant(name, lanes)), (kind, lanes, *_filled(name, kind, fill)))


@operation(_resize)
def resize(v: Lanes, lanes: int, fill: Any = 0) -> Lanes:
    """Vector of the first `lanes` lanes, a constant; a number fills those that are new."""
    return np.concatenate([v, np.full(max(0, lanes - len(v)), fill, v.dtype)])[:lanes]


def _transpose(name: str, *kinds: Kind) -> Call:
    kind = _many(name, *kinds) if kinds else fail(name, "vectors")
    if len(kinds) not in TRANSPOSED or kind.lanes != len(kinds) or isinstance(kind, MaskKind):
        fail(name, f"as many vectors as one has lanes: {', '.join(map(str, TRANSPOSED))}", *kinds)
    return Call(kinds, kinds)


@operation(_transpose)
def transpose(*vectors: Lanes) -> Any:
    """Columns of a square of `N` vectors with `N` lanes (2, 4, 8 or 16): the first has all the first lanes, and so on.

    It takes ``N * log2(N)`` shuffles, each one instruction where a vector is one register.
    """
    return tuple(np.stack(vectors).T)


def _lookup(name: str, table: Kind, indices: Kind) -> Call:
    vector = vector_of(name, table)
    numbers = vector_of(name, indices, "iu")
    if (numbers.bits, numbers.lanes) != (vector.bits, vector.lanes):
        fail(name, f"a table and {vector.lanes} indices of {vector.bits} bits", table, indices)
    return Call(vector, (vector, numbers))


@operation(_lookup)
def table_lookup(table: Lanes, indices: Lanes) -> Lanes:
    """Lanes ``table[indices[0]], table[indices[1]], ...``, by numbers known only at run time; 0 where there is none.

    That is for negative numbers, and from the number of lanes on. In one register of AVX-512 it takes two instructions;
    lanes of 8 bits need VBMI, but for 16 of them. In one register of AVX2, lanes of 32 bits take four instructions, 16
    lanes of 8 bits two, others 8 to 18, and so does SSSE3 for its narrower registers. Of wider vectors, each part of
    the table is looked into, as long as that is less work than the last resort on every processor: the table is
    stored, and lanes are read one by one.

    Parameters
    ----------
    table : vector
    indices : vector of integers
        As many and of as many bits as the table's lanes.
    """
    inside = (indices >= 0) & (indices < len(table))
    return np.where(inside, table[np.where(inside, indices, 0).astype(np.int64)], table.dtype.type(0))
