"""Memory that is used again: only when nobody has it any more."""

import numpy as np
import pytest

from jitkit._core import spare
from jitkit._core.spare import HUGE_PAGE, LEAST, MOST, Spare

N = LEAST + 1000


def address(array):
    return array.ctypes.data


@pytest.fixture
def memory():
    if not spare.COUNTS:
        pytest.skip("this Python counts references in another way")
    return Spare()


def test_is_used_again_once_it_is_free(memory):
    first = memory.take(N)
    place = address(first)
    del first
    again = memory.take(N - 100)
    assert (address(again), again.shape, again.dtype) == (place, (N - 100,), np.uint8)


@pytest.mark.parametrize("keep", [lambda a: a, lambda a: a[5:], lambda a: a[:8].view("u8"), lambda a: memoryview(a)])
def test_is_not_used_again_while_somebody_has_it(memory, keep):
    first = memory.take(N)
    first[:] = 7
    kept = keep(first)
    del first
    memory.take(N)[:] = 9
    assert set(np.asarray(kept).view(np.uint8).tolist()) == {7}


@pytest.mark.parametrize("nbytes", [LEAST, N, HUGE_PAGE, HUGE_PAGE + 1, MOST])
def test_begins_where_a_huge_page_does_and_has_all_its_bytes(memory, nbytes):
    for _ in range(2):
        array = memory.take(nbytes)
        array[:] = 1
        assert (array.size, address(array) % HUGE_PAGE) == (nbytes, 0)
        assert address(array) + nbytes <= address(array.base) + array.base.size
        del array


def test_is_larger_if_it_must_be(memory):
    small = memory.take(N)
    del small
    large = memory.take(3 * N)
    large[-1] = 3
    assert large.size == 3 * N


def test_is_not_kept_if_it_is_very_large(memory):
    place = address(memory.take(N))
    memory.take(MOST + 1)
    assert address(memory.take(N)) == place


def test_is_new_each_time_where_references_cannot_be_counted(memory, monkeypatch):
    monkeypatch.setattr(spare, "COUNTS", False)
    first, second = memory.take(10), memory.take(N)
    assert address(first) != address(second)


def test_is_not_used_for_a_small_part_that_would_pin_all_of_it(memory):
    memory.take(8 * N)
    small = memory.take(N)
    assert small.base.size == 2 * HUGE_PAGE
    assert memory.take(100).base is None
    assert memory.take(0).base is None
