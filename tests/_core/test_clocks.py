import time

import pytest

from jitkit._core import clocks


def ticking(step):
    """A clock that every reading sets on by 1 us, and that shows only whole steps."""
    readings = iter(range(10**9))
    return lambda: next(readings) * 1e-6 // step * step


@pytest.mark.parametrize("step", [1e-6, 1e-5])
def test_a_fine_clock_is_kept(step):
    clock = ticking(step)
    assert clocks.fine(clock) is clock


@pytest.mark.parametrize("step", [1e-3, 1e-2])
def test_a_coarse_clock_gives_way_to_the_wall(step):
    assert clocks.fine(ticking(step)) is time.perf_counter


def test_a_clock_is_looked_at_once():
    clock = ticking(1e-6)
    clocks.fine(clock)
    before = clock()
    clocks.fine(clock)
    assert clock() - before == pytest.approx(1e-6)
