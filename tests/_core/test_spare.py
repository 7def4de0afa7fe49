"""Memory that is used again: only when nobody has it any more."""

import numpy as np
import pytest

from jitkit._core import spare
from jitkit._core.spare import MOST, Spare


def address(array):
    return array.ctypes.data


@pytest.fixture
def memory():
    if not spare.COUNTS:
        pytest.skip("this Python counts references in another way")
    return Spare()


def test_is_used_again_once_it_is_free(memory):
    first = memory.take(1000)
    place = address(first)
    del first
    again = memory.take(900)
    assert (address(again), again.shape, again.dtype) == (place, (900,), np.uint8)


@pytest.mark.parametrize("keep", [lambda a: a, lambda a: a[5:], lambda a: a[:8].view("u8"), lambda a: memoryview(a)])
def test_is_not_used_again_while_somebody_has_it(memory, keep):
    first = memory.take(1000)
    first[:] = 7
    kept = keep(first)
    del first
    memory.take(1000)[:] = 9
    assert set(np.asarray(kept).view(np.uint8).tolist()) == {7}


def test_is_larger_if_it_must_be(memory):
    small = memory.take(10)
    del small
    large = memory.take(100_000)
    large[-1] = 3
    assert large.size == 100_000


def test_is_not_kept_if_it_is_very_large(memory):
    place = address(memory.take(100))
    memory.take(MOST + 1)
    assert address(memory.take(100)) == place


def test_is_new_each_time_where_references_cannot_be_counted(memory, monkeypatch):
    monkeypatch.setattr(spare, "COUNTS", False)
    first, second = memory.take(10), memory.take(10)
    assert address(first) != address(second)
