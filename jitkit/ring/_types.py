"""Rings as numba's types: element, capacity and policy are part of the type, so what depends on them is constant."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from jitkit._core.intrinsics import models, numba_type, register_model, types
from jitkit.ring._elements import Element
from jitkit.ring._record_value import RecordValue


class BlockType(types.Type):
    """Numba type of what works on a block: one type for each element, capacity and policy."""

    mutable = True
    family = ""

    def __init__(self, element: Element, capacity: int, policy: str) -> None:
        self.element, self.capacity, self.policy = element, capacity, policy
        super().__init__(f"{self.family}({element.dtype!r}{' raw' * element.raw}, {capacity}, {policy!r})")

    def __jitkit_fingerprint__(self) -> str:
        return str(self)

    @cached_property
    def stored(self) -> Any:
        """Numba type of an element in its slot."""
        return numba_type(self.element.dtype)

    @cached_property
    def value(self) -> Any:
        """Numba type of an element that has been read: it shares no memory with the ring."""
        if self.element.is_array:
            base, shape = self.element.dtype.subdtype  # type: ignore[misc]
            return types.Array(numba_type(base), len(shape), "C")
        return RecordValue(self.stored) if isinstance(self.stored, types.Record) else self.stored

    @cached_property
    def view(self) -> Any:
        """Numba type of several elements in their slots."""
        if self.element.is_array:
            base, shape = self.element.dtype.subdtype  # type: ignore[misc]
            return types.Array(numba_type(base), 1 + len(shape), "C")
        return types.Array(self.stored, 1, "C")


class RingBufferType(BlockType):
    """Type of a `RingBuffer`."""

    family = "RingBuffer"


class ProducerType(BlockType):
    """Type of a channel's `Producer`."""

    family = "Producer"


class ConsumerType(BlockType):
    """Type of a channel's `Consumer`."""

    family = "Consumer"


class QueueType(BlockType):
    """Type of a `Queue`."""

    family = "Queue"


class WindowType(BlockType):
    """Type of a `WindowBuffer`."""

    family = "WindowBuffer"

    def __init__(self, element: Element, capacity: int, rolling: int) -> None:
        self.rolling = rolling
        super().__init__(element, capacity, f"rolling={rolling}")

    @property
    def sample(self) -> Any:
        """Numba type of a sample, where samples are numbers."""
        return self.stored


class Borrowed(BlockType):
    """Type of a ring that somebody else keeps alive: the same, but no references to its memory are counted.

    Counting is two atomic instructions for each call of a kernel; copying 64 bytes takes less time.
    """

    def __init__(self, owner: BlockType) -> None:
        self.element, self.capacity, self.policy = owner.element, owner.capacity, owner.policy
        if isinstance(owner, WindowType):
            self.rolling, self.sample = owner.rolling, owner.sample if owner.rolling else None
        types.Type.__init__(self, f"borrowed {owner}")


def borrowed_type(kind: Any) -> Any:
    """Type of what `borrow` makes of a ring: the same of what owns nothing."""
    return Borrowed(kind) if isinstance(kind, BlockType) and not isinstance(kind, Borrowed) else kind


class AnyBlock(types.Type):
    """Type of a block whose header is asked when code runs: what Python calls works on these.

    An element is the address of its bytes: of `itemsize`, or of as many as the header says if that is 0.
    """

    def __init__(self, itemsize: int) -> None:
        self.itemsize = itemsize
        super().__init__(f"block of {itemsize or 'any'} bytes")

    value = stored = types.intp

    def __jitkit_fingerprint__(self) -> str:
        return str(self)


class AnySamples(AnyBlock):
    """Type of the block of a window whose samples are numbers of a dtype."""

    def __init__(self, code: str) -> None:
        super().__init__(int(code[1:]))
        self.sample = numba_type(np.dtype(code))
        self.name = f"samples of {code}"

    @property
    def key(self) -> str:
        """What makes two types equal."""
        return self.name


class _BlockModel(models.StructModel):
    """A reference to the memory, the address of the block, and that of its slots, which never change."""

    def __init__(self, manager: Any, kind: Any) -> None:
        members = [
            ("meminfo", types.MemInfoPointer(types.voidptr)),
            ("block", types.voidptr),
            ("slots", types.voidptr),
        ]
        super().__init__(manager, kind, members)


for _kind in (RingBufferType, ProducerType, ConsumerType, QueueType, WindowType):
    register_model(_kind)(_BlockModel)


@register_model(Borrowed)
class _BorrowedModel(models.StructModel):
    """The addresses alone."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, [("block", types.voidptr), ("slots", types.voidptr)])


@register_model(AnyBlock)
@register_model(AnySamples)
class _AnyBlockModel(models.StructModel):
    """Addresses of the block, its slots, and where elements that are taken out are put."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, [("block", types.voidptr), ("slots", types.voidptr), ("taken", types.intp)])
