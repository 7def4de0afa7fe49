"""What operations take, and what comes out: checked before anything is computed or compiled."""

from __future__ import annotations

from typing import NoReturn

from jitkit.simd._kinds import (
    ArrayKind,
    ConstantKind,
    Kind,
    MaskKind,
    PatternKind,
    ScalarKind,
    TypeKind,
    VectorType,
)
from jitkit.simd._operation import Call, Rule

INDEX = ScalarKind("i", 64)  # how positions in arrays and numbers of lanes are told
BOOL = ScalarKind("b", 8)
WORDS = {
    "f": "float vectors", "i": "vectors of signed integers", "u": "vectors of unsigned integers",
    "iu": "integer vectors", "if": "vectors of signed numbers", "iuf": "vectors",
}  # fmt: skip


def fail(name: str, expected: str, *got: Kind) -> NoReturn:
    """Raise the TypeError of an operation."""
    raise TypeError(f"{name}: expected {expected}, got {' and '.join(kind.name for kind in got) or 'nothing'}")


def letter_of(kind: Kind) -> str:
    """NumPy's letter of a number's kind; "" for what is no number."""
    if isinstance(kind, ConstantKind):
        return "i"
    return kind.letter if isinstance(kind, ScalarKind) else ""


def one_type(name: str, letters: str, *kinds: Kind) -> VectorType:
    """Return the type that vectors share; numbers among them are converted to its lanes."""
    vectors = [kind for kind in kinds if isinstance(kind, VectorType)]
    if not vectors or any(not isinstance(kind, VectorType) and not letter_of(kind) for kind in kinds):
        fail(name, WORDS[letters], *kinds)
    first = vectors[0]
    if any(kind != first for kind in vectors):
        fail(name, "vectors of one type (simd.cast converts)", *kinds)
    if first.dtype.kind not in letters:
        hint = " (// and % divide integers)" if name.endswith("/") else ""
        fail(name, WORDS[letters] + hint, *kinds)
    if first.dtype.kind != "f" and any(letter_of(kind) == "f" for kind in kinds):
        fail(name, f"an integer beside lanes of {first.dtype}", *kinds)
    return first


def same(letters: str = "iuf") -> Rule:
    """Take vectors of one type, or numbers beside one; gives another of it."""

    def rule(name: str, *kinds: Kind) -> Call:
        kind = one_type(name, letters, *kinds)
        return Call(kind, (kind,) * len(kinds))

    return rule


def comparison(letters: str = "iuf") -> Rule:
    """Take vectors of one type, or a number beside one; gives a mask."""

    def rule(name: str, *kinds: Kind) -> Call:
        kind = one_type(name, letters, *kinds)
        return Call(MaskKind(kind.lanes), (kind,) * len(kinds))

    return rule


def bitwise(name: str, *kinds: Kind) -> Call:
    """Take integer vectors of one type, or masks of as many lanes."""
    if isinstance(kinds[0], MaskKind) or isinstance(kinds[-1], MaskKind):
        if any(kind != kinds[0] for kind in kinds):
            fail(name, "masks of as many lanes", *kinds)
        return Call(kinds[0], kinds)
    return same("iu")(name, *kinds)


def equality(name: str, *kinds: Kind) -> Call:
    """Take vectors of one type, or masks of as many lanes; gives a mask."""
    return bitwise(name, *kinds) if isinstance(kinds[0], MaskKind) else comparison()(name, *kinds)


def reduction(letters: str = "iuf") -> Rule:
    """Take a vector; gives a number of its dtype."""

    def rule(name: str, *kinds: Kind) -> Call:
        kind = one_type(name, letters, *kinds)
        return Call(lane(kind), (kind,))

    return rule


def of_mask(result: Kind) -> Rule:
    """Take a mask; gives a number."""

    def rule(name: str, *kinds: Kind) -> Call:
        return Call(result, (mask(name, *kinds),))

    return rule


def lane(kind: VectorType) -> ScalarKind:
    """Kind of one lane."""
    return ScalarKind(kind.dtype.kind, kind.bits)


def mask(name: str, *kinds: Kind, lanes: int | None = None) -> MaskKind:
    """Return the one kind, which must be a mask, of so many lanes if that is told."""
    (kind,) = kinds
    if not isinstance(kind, MaskKind) or lanes not in (None, kind.lanes):
        fail(name, "a mask" if lanes is None else f"a mask of {lanes} lanes", kind)
    return kind


def vector_of(name: str, kind: Kind, letters: str = "iuf") -> VectorType:
    """Return a kind, which must be a vector."""
    return one_type(name, letters, kind)


def type_of(name: str, kind: Kind) -> VectorType:
    """Return the vector type that is given as one."""
    if not isinstance(kind, TypeKind):
        fail(name, "a vector type (such as simd.f32x8) first", kind)
    return kind.type


def index(name: str, kind: Kind) -> ScalarKind:
    """Return how a position is told, from a kind that must be an integer."""
    if letter_of(kind) not in ("i", "u"):
        fail(name, "an integer for a position", kind)
    return INDEX


def constant(name: str, kind: Kind) -> int:
    """Return the value of a kind, which must be a constant."""
    if not isinstance(kind, ConstantKind):
        fail(name, "a number that is known when the kernel is compiled", kind)
    return kind.value


def pattern_of(name: str, kind: Kind, *sources: VectorType | MaskKind) -> PatternKind:
    """Return a kind, which must be a pattern of lanes of some vectors or masks."""
    if not isinstance(kind, PatternKind):
        fail(name, "a pattern (simd.pattern, made outside the kernel)", kind)
    lanes = sum(source.lanes for source in sources)
    if max(kind.indices) >= lanes:
        owners = " and ".join(source.name for source in sources)
        fail(name, f"indices of lanes from 0 to {lanes - 1}, those of {owners}", kind)
    return kind


def array_of(name: str, kind: Kind, vector: VectorType, *, writable: bool = False, gaps: bool = False) -> ArrayKind:
    """Return a kind, which must be a 1-d array of a vector type's dtype."""
    if not isinstance(kind, ArrayKind) or kind.ndim != 1 or kind.dtype != vector.dtype:
        fail(name, f"a 1-d array of {vector.dtype}", kind)
    if not kind.contiguous and not gaps:
        fail(name, "a contiguous array (simd.load_strided and simd.store_strided take others)", kind)
    if writable and not kind.writable:
        fail(name, "an array that can be written", kind)
    return kind


def count(name: str, least: int, most: int, kinds: tuple[Kind, ...]) -> None:
    """Check the number of arguments."""
    if not least <= len(kinds) <= most:
        expected = str(least) if least == most else f"{least} to {most}"
        raise TypeError(f"{name}: expected {expected} arguments, got {len(kinds)}")


def optional_mask(name: str, kinds: tuple[Kind, ...], lanes: int) -> tuple[Kind, ...]:
    """Return the kinds of what may be a mask or nothing."""
    return tuple(mask(name, kind, lanes=lanes) for kind in kinds)
