import time

import pytest

from jitkit._core.clocks import fine
from jitkit.demos import _timing
from jitkit.demos._timing import Kernel, Timing


def work(seconds):
    def call():
        clock = fine(time.thread_time)
        stop = clock() + seconds
        while clock() < stop:
            pass

    return call


def test_the_shortest_call_counts_and_a_part_is_scaled(monkeypatch):
    lengths = {"jitkit": iter([3.0, 2.0, 4.0]), "numpy": iter([5.0, 6.0, 7.0]), "python": iter([9.0, 8.0, 7.5])}
    monkeypatch.setattr(_timing, "calls", lambda call: iter([next(lengths[call()])]))
    kernel = Kernel(
        name="", nbytes=0, jitkit=lambda: "jitkit", numpy=lambda: "numpy", python=lambda: "python", python_part=0.1
    )
    timing = Timing(kernel)
    for _ in range(3):
        timing.measure()
    assert timing.seconds == {"jitkit": 2.0, "numpy": 5.0, "python": 75.0}
    assert (timing.speedup("numpy"), timing.speedup("python")) == (2.5, 37.5)


def test_a_kernel_may_have_no_numpy_side():
    timing = Timing(Kernel(name="", nbytes=0, jitkit=work(1e-4), numpy=None, python=work(1e-4)))
    timing.measure()
    assert timing.seconds.keys() == {"jitkit", "python"}
    assert timing.speedup("numpy") is None


def test_a_block_has_calls_for_its_time_and_at_least_one():
    assert len(list(_timing.calls(work(2 * _timing.BLOCK)))) == 1
    assert all(seconds >= 1e-3 for seconds in _timing.calls(work(1e-3)))


def test_a_call_while_the_clock_stands_still_was_not_measured(monkeypatch):
    times = iter([0.001, 0.001, 0.001, 0.004, 0.9, 0.9, 1.0, 1.996])  # it also leaps between two calls
    monkeypatch.setattr(_timing, "fine", lambda _: lambda: next(times))
    assert list(_timing.calls(lambda: None)) == [0.003, 0.996]


@pytest.mark.parametrize(
    ("speedup", "text"), [(1234.5, "1,234x"), (10.0, "10x"), (2.94, "2.9x"), (1.0, "1.0x"), (0.826, "0.83x")]
)
def test_speedups_in_words(speedup, text):
    assert _timing.times(speedup) == text
