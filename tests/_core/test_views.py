"""Many arrays over one piece of memory."""

import gc
import sys
import weakref

import numpy as np
import pytest

from jitkit._core.views import Views

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def views():
    names, dtypes = ["time", "pair", "name"], [np.dtype(np.uint64), np.dtype(np.int16), np.dtype("S3")]
    return Views(names, dtypes, [(), (2, 3), ()])


@pytest.fixture
def memory():
    return np.arange(256, dtype=np.uint8)


def test_are_what_numpy_would_make(views, memory):
    arrays = views.over(memory, views.table(4, [0, 64, 128]))
    assert list(arrays) == ["time", "pair", "name"]
    expected = {
        "time": np.ndarray((4,), np.uint64, memory, 0),
        "pair": np.ndarray((4, 2, 3), np.int16, memory, 64),
        "name": np.ndarray((4,), "S3", memory, 128),
    }
    for name, array in arrays.items():
        assert (array.dtype, array.shape, array.strides) == (
            expected[name].dtype, expected[name].shape, expected[name].strides,
        )  # fmt: skip
        assert array.tobytes() == expected[name].tobytes()
        assert array.flags.c_contiguous
        assert array.flags.aligned
        assert array.flags.writeable
        assert not array.flags.owndata


def test_share_the_memory(views, memory):
    arrays = views.over(memory, views.table(4, [0, 64, 128]))
    arrays["pair"][0, 1, 2] = -2
    assert memory[64 + 10 : 64 + 12].view(np.int16) == -2
    memory[:8] = 0
    assert arrays["time"][0] == 0


@pytest.mark.parametrize("count", [0, 1, 7])
def test_have_as_many_items_as_the_table_says(views, memory, count):
    arrays = views.over(memory, views.table(count, [0, 64, 200]))
    assert [array.shape for array in arrays.values()] == [(count,), (count, 2, 3), (count,)]


def test_keep_the_memory_alive_and_nothing_longer():
    class Memory(np.ndarray):
        pass

    views = Views(["a", "b"], [np.dtype(np.uint8)] * 2, [(), ()])
    memory = Memory((100,), np.uint8)
    alive = weakref.ref(memory)
    arrays = views.over(memory, views.table(10, [0, 50]))
    del memory
    one = arrays.pop("a")
    del arrays
    gc.collect()
    assert alive() is not None
    assert one.base is alive()
    del one
    gc.collect()
    assert alive() is None


def test_no_reference_is_lost_or_left(views, memory):
    dtype = np.dtype([("x", "u1")])  # its own object: numbers' dtypes live forever
    views = Views(["a"], [dtype], [()])
    table = views.table(10, [3])
    before = sys.getrefcount(dtype), sys.getrefcount(memory), sys.getrefcount("a")
    for _ in range(1000):
        arrays = views.over(memory, table)
    held = sys.getrefcount(dtype), sys.getrefcount(memory), sys.getrefcount("a")
    assert [now - then for now, then in zip(held[:2], before[:2], strict=True)] == [1, 1]
    del arrays
    assert (sys.getrefcount(dtype), sys.getrefcount(memory)) == before[:2]


def test_there_may_be_none(memory):
    views = Views([], [], [])
    assert views.over(memory, views.table(5, [])) == {}


def test_tables_do_not_change_each_other(views, memory):
    one, other = views.table(2, [0, 64, 128]), views.table(3, [8, 72, 136])
    assert views.over(memory, one)["time"].shape == (2,)
    assert views.over(memory, other)["time"].tolist() == memory[8:32].view(np.uint64).tolist()
