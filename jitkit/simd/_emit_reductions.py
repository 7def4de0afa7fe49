"""Machine code of what makes one number of all lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jitkit._core.ir import ir
from jitkit.simd import _reductions as ops
from jitkit.simd._emit import INT32, Emitter, emits

Combine = Callable[[Emitter, Any, Any], Any]


@emits(ops.reduce_sum)
def reduce_sum(e: Emitter, v: Any) -> Any:
    return _halved(e, plus, v) if e.letter == "f" else _reduced(e, "add", v)


@emits(ops.reduce_prod)
def reduce_prod(e: Emitter, v: Any) -> Any:
    return _halved(e, times, v) if e.letter == "f" else _reduced(e, "mul", v)


@emits(ops.reduce_sum_ordered)
def reduce_sum_ordered(e: Emitter, v: Any) -> Any:
    return _ordered(e, "fadd", -0.0, v) if e.letter == "f" else _reduced(e, "add", v)  # 0.0 would turn -0.0 into 0.0


@emits(ops.reduce_prod_ordered)
def reduce_prod_ordered(e: Emitter, v: Any) -> Any:
    return _ordered(e, "fmul", 1.0, v) if e.letter == "f" else _reduced(e, "mul", v)


@emits(ops.reduce_min)
def reduce_min(e: Emitter, v: Any) -> Any:
    return _halved(e, lesser, v) if e.letter == "f" else _reduced(e, f"{signedness(e)}min", v)


@emits(ops.reduce_max)
def reduce_max(e: Emitter, v: Any) -> Any:
    return _halved(e, greater, v) if e.letter == "f" else _reduced(e, f"{signedness(e)}max", v)


@emits(ops.reduce_and)
def reduce_and(e: Emitter, v: Any) -> Any:
    return _reduced(e, "and", v)


@emits(ops.reduce_or)
def reduce_or(e: Emitter, v: Any) -> Any:
    return _reduced(e, "or", v)


@emits(ops.reduce_xor)
def reduce_xor(e: Emitter, v: Any) -> Any:
    return _reduced(e, "xor", v)


def plus(e: Emitter, a: Any, b: Any) -> Any:
    """Sums."""
    return e.builder.fadd(a, b) if e.letter == "f" else e.builder.add(a, b)


def times(e: Emitter, a: Any, b: Any) -> Any:
    """Products."""
    return e.builder.fmul(a, b) if e.letter == "f" else e.builder.mul(a, b)


def lesser(e: Emitter, a: Any, b: Any) -> Any:
    """Lesser numbers; `llvm.minimumnum` says what becomes of NaN and zeros, which `llvm.minnum` leaves open."""
    return e.intrinsic("minimumnum" if e.letter == "f" else f"{signedness(e)}min", a, b)


def greater(e: Emitter, a: Any, b: Any) -> Any:
    """Greater numbers."""
    return e.intrinsic("maximumnum" if e.letter == "f" else f"{signedness(e)}max", a, b)


def signedness(e: Emitter) -> str:
    """How LLVM's names tell it."""
    return "s" if e.letter == "i" else "u"


def _halved(e: Emitter, combine: Combine, v: Any) -> Any:
    while v.type.count > 1:
        half = v.type.count // 2
        low, high = (e.swizzled(v, e.undefined(v), range(start, start + half)) for start in (0, half))
        v = combine(e, low, high)
    return e.builder.extract_element(v, INT32(0))


def _reduced(e: Emitter, name: str, v: Any) -> Any:
    """By LLVM, which knows the best way of each processor: integers come out the same in any order."""
    return e.intrinsic(f"vector.reduce.{name}", v, result=v.type.element)


def _ordered(e: Emitter, name: str, start: float, v: Any) -> Any:
    """By LLVM too, which keeps the order unless a flag allows it another (Language Reference, `llvm.vector.reduce`)."""
    return e.intrinsic(f"vector.reduce.{name}", ir.Constant(v.type.element, start), v, result=v.type.element, of=v.type)
