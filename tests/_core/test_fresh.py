import numpy as np
import pytest

from jitkit._core.fresh import fresh_bytes


def test_what_is_written_to_the_view_is_in_the_bytes():
    data, view = fresh_bytes(1000)
    assert data == bytes(1000)
    view[:] = np.arange(1000) % 256
    assert data == bytes(i % 256 for i in range(1000))


def test_each_object_is_new():
    one, view = fresh_bytes(2)
    other, _ = fresh_bytes(2)
    view[:] = 7
    assert (one, other) == (b"\7\7", b"\0\0")


@pytest.mark.parametrize("size", [0, 1])
def test_objects_that_python_shares_are_left_alone(size):
    data, view = fresh_bytes(size)
    view[:] = 7
    assert data is None
    assert view.tobytes() == b"\7" * size
    assert bytes(1) == b"\0"
