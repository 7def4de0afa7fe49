import math

import numpy as np
import pytest
from benchmarks import interleaved
from benchmarks.interleaved import Case, as_lists, measure
from benchmarks.speedup import Speedup, ratio


class Clock:
    """Stands still but for the calls that take time on purpose: no test depends on how fast this machine is."""

    def __init__(self):
        self.now = 0

    def taking(self, *durations):
        remaining = list(durations)

        def call(*_):
            self.now += remaining.pop(0) if len(remaining) > 1 else remaining[0]

        return call


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(interleaved, "clock_ns", lambda: clock.now)
    monkeypatch.setattr(interleaved, "SPAN_SECONDS", 0.0)
    return clock


def count(n):
    return (range(n),)


def test_the_best_time_of_every_side_is_kept(clock):
    ms = 1_000_000  # each call is a sample of its own
    sides = {"python": clock.taking(9 * ms), "jitkit": clock.taking(9 * ms, 6 * ms, 4 * ms, 5 * ms)}
    case = Case("count", make=count, prefix=1_000, numpy=clock.taking(3 * ms), **sides)
    assert measure([(case, 1_000)])["count", 1_000] == {"python": 9 * ms, "jitkit": 4 * ms, "numpy": 3 * ms}


def test_a_sample_while_the_clock_stands_still_is_none(clock):
    ms = 1_000_000
    sides = {"python": clock.taking(9 * ms), "jitkit": clock.taking(9 * ms, 6 * ms, 0, 5 * ms)}
    assert measure([(Case("count", make=count, prefix=1_000, **sides), 1_000)])["count", 1_000]["jitkit"] == 5 * ms


def test_pure_python_is_timed_on_a_prefix_and_scaled(clock):
    seen = []

    def python(items):
        seen.append(len(items))
        clock.now += 1_000

    case = Case("count", jitkit=clock.taking(50), python=python, make=count, prefix=10)
    assert measure([(case, 1_000_000)])["count", 1_000_000] == {"python": 100_000 * 1_000, "jitkit": 50}
    assert set(seen) == {10}


def test_pure_python_gets_lists_where_the_others_get_arrays():
    column = np.array([1, 2])
    assert as_lists((column, {"x": column}, b"bytes", 3)) == ([1, 2], {"x": [1, 2]}, b"bytes", 3)


def test_a_kernel_that_the_commit_lacks_has_no_figure(clock):
    lacking = Case("lacking", jitkit="jitkit:not_there_yet", python=clock.taking(100), make=count)
    present = Case("present", jitkit=clock.taking(50), python=clock.taking(100), make=count)
    results = measure([(lacking, 10), (present, 10)])
    assert results["lacking", 10].lacking
    assert "not_there_yet" in results["lacking", 10].reason
    assert math.isnan(ratio(results, "lacking", 10, "python", "jitkit"))
    assert ratio(results, "present", 10, "python", "jitkit") == 2.0


def test_a_kernel_that_fails_is_an_error_and_the_others_keep_their_figures(clock):
    failing = Case("failing", jitkit=lambda _: 1 // 0, python=clock.taking(100), make=count)
    present = Case("present", jitkit=clock.taking(50), python=clock.taking(100), make=count)
    results = measure([(failing, 10), (present, 10)])
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        ratio(results, "failing", 10, "python", "jitkit")
    assert ratio(results, "present", 10, "python", "jitkit") == 2.0


def test_speedup_and_relative_time_are_views_of_one_measurement():
    results = {("records.pack", 1_000): {"python": 600.0, "jitkit": 3.0, "numpy": 6.0}}
    assert Speedup().track_speedup(results, "records.pack", 1_000) == 200.0
    assert Speedup().track_relative_time(results, "records.pack", 1_000) == 1 / 200
    assert Speedup().track_speedup_over_numpy(results, "records.pack", 1_000) == 2.0


def test_a_size_that_a_case_does_not_have_is_no_figure():
    assert math.isnan(Speedup().track_speedup({}, "records.view", 100_000))


@pytest.mark.parametrize(("step", "chosen"), [(1_000, "thread_time_ns"), (10_000_000, "perf_counter_ns")])
def test_a_coarse_clock_gives_way_to_the_wall(monkeypatch, step, chosen):
    readings = iter(range(10**9))
    monkeypatch.setattr(interleaved.time, "thread_time_ns", lambda: next(readings) * 1_000 // step * step)
    interleaved.fine_clock.cache_clear()
    try:
        assert interleaved.fine_clock() is getattr(interleaved.time, chosen)
    finally:
        interleaved.fine_clock.cache_clear()
