"""What calls of a window from Python come down to."""

from __future__ import annotations

from typing import Any

from jitkit._core.intrinsics import store as store_number
from jitkit._core.jit import jit
from jitkit.ring import _rolling, _sliding
from jitkit.ring._calls import ANY, NOTHING
from jitkit.ring._intrinsics import block_at
from jitkit.ring._window_intrinsics import samples_at

_push = jit(_sliding.push)


@jit
def extend(block: Any, source: Any, count: Any) -> Any:
    """Put samples in; return how many."""
    return _sliding.extend(block_at(ANY, block, NOTHING), source, count)


def _push_of(itemsize: int) -> Any:
    @jit
    def push(block: Any, element: Any) -> Any:
        """Put the sample at an address in."""
        return int(_push(block_at(itemsize, block, NOTHING), element))

    return push


def _statistic_of(statistic: Any, code: str) -> Any:
    @jit
    def measure(block: Any, target: Any) -> Any:
        """Write a statistic of the last samples to an address."""
        store_number(target, statistic(samples_at(code, block)))
        return 0

    return measure


push, push_1, push_2, push_4, push_8, push_16 = map(_push_of, (ANY, 1, 2, 4, 8, 16))

# One kernel for each statistic and dtype, as in ``mean_f4``.
CODES = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
STATISTICS = {"mean": _rolling.mean, "var": _rolling.variance, "min": _rolling.minimum, "max": _rolling.maximum}
globals().update(
    {f"{name}_{code}": _statistic_of(statistic, code) for name, statistic in STATISTICS.items() for code in CODES}
)
