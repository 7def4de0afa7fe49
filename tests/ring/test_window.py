"""`WindowBuffer`: the last samples side by side, from Python and in kernels, in memory that is there once or twice."""

import gc
import re
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.errors import TypingError

import jitkit as jk
from jitkit._core.mapping import PAGE, mirror_refusal
from jitkit.ring import _reference as reference
from jitkit.ring import _window

pytestmark = pytest.mark.kernel

PAGES = 2 * PAGE // 4  # float32 samples
SMALL = 8
AN_ARRAY = np.array(2.5)
REFUSAL = "the test wants it so"


@jk.jit
def push_in_kernel(window, value):
    return window.push(value)


@jk.jit
def extend_in_kernel(window, values):
    return window.extend(values)


@jk.jit
def window_in_kernel(window, count):
    return window.window(count)


@jk.jit
def sum_in_kernel(window, count):
    return window.window(count).sum()


class FromPython:
    push = staticmethod(jk.WindowBuffer.push)
    extend = staticmethod(jk.WindowBuffer.extend)
    window = staticmethod(jk.WindowBuffer.window)


class FromAKernel:
    push, extend, window = map(staticmethod, (push_in_kernel, extend_in_kernel, window_in_kernel))


called_from_python_and_from_a_kernel = pytest.mark.parametrize("call", [FromPython, FromAKernel])
needs_mirrors = pytest.mark.skipif(mirror_refusal() is not None, reason=f"no mirrored memory: {mirror_refusal()}")


@pytest.fixture(params=[pytest.param("mirrored", marks=needs_mirrors), "written twice", "small"])
def make(request, monkeypatch):
    """Make windows of float32: mirrored, written twice although they fill whole pages, or of less than a page."""
    if request.param == "written twice":
        monkeypatch.setattr(_window, "mirror_refusal", lambda: REFUSAL)
    return lambda **options: made(request.param, **options)


def made(way, **options):
    window = jk.WindowBuffer(np.float32, SMALL if way == "small" else PAGES, **options)
    assert window.mirrored == (way == "mirrored")
    return window


def numbered(start, stop):
    return np.arange(start, stop, dtype=np.float32)


def test_keeps_the_last_samples_side_by_side():
    window = jk.WindowBuffer(np.float32, 4)
    assert window.extend([1, 2, 3]) == 3
    assert window.window(2).tolist() == [2.0, 3.0]
    assert window.push(4.5) is True
    assert window.extend([5, 6]) == 2
    assert window.window(4).tolist() == [3.0, 4.5, 5.0, 6.0]
    assert (len(window), window.capacity, window.rolling, window.dtype) == (4, 4, 0, np.float32)
    assert str(window) == repr(window) == "WindowBuffer(float32, 4)"
    assert str(jk.WindowBuffer(np.int8, 4, rolling=3)) == "WindowBuffer(int8, 4, rolling=3)"
    assert jk.WindowBuffer(np.float32, 4)  # also an empty one is something


class TestSamples:
    @called_from_python_and_from_a_kernel
    def test_agree_with_the_twin(self, call, make):
        """Of every number of samples, over the seam many times: at its sides, and where all of them are replaced."""
        window, twin = make(), reference.Sliding(make().capacity)
        capacity, put_in = window.capacity, 0
        for count in (1, 0, 2, capacity - 1, capacity, 3, capacity + 1, 3 * capacity + 5, capacity // 2, 1, capacity):
            values = numbered(put_in, put_in + count)
            put_in += count
            assert call.extend(window, values) == twin.extend(values.tolist()) == count
            for asked in {0, 1, len(twin) // 2, len(twin) - 1, len(twin)}:
                assert call.window(window, asked).tolist() == twin.window(asked)
            assert call.push(window, -1.5 * put_in) is twin.push(-1.5 * put_in) is True
            assert len(window) == len(twin)
            assert call.window(window, min(len(twin), 3)).tolist() == twin.window(min(len(twin), 3))

    @given(st.data())
    @settings(max_examples=60, deadline=None)
    def test_agree_with_the_twin_whatever_is_done(self, data):
        capacity = data.draw(st.sampled_from([1, 2, 8, PAGE // 2]), label="capacity")
        window, twin = jk.WindowBuffer(np.int16, capacity), reference.Sliding(capacity)
        sizes = st.one_of(st.integers(0, 5), st.integers(0, 3 * capacity))
        for size in data.draw(st.lists(sizes, max_size=12), label="sizes"):
            values = [(twin.tail + i) % 30_000 for i in range(size)]
            if size == 1:
                assert window.push(*values)
                twin.push(*values)
            else:
                assert window.extend(values) == twin.extend(values)
            count = data.draw(st.integers(0, len(twin)), label="count")
            assert window.window(count).tolist() == twin.window(count)

    @called_from_python_and_from_a_kernel
    def test_lie_side_by_side_wherever_they_end(self, call, make):
        window = make()
        capacity = window.capacity
        call.extend(window, numbered(0, capacity))
        steps = [capacity - 3] + 6 * [1] if capacity > SMALL else 2 * capacity * [1]
        for put_in in np.cumsum([capacity, *steps]):
            for count in (1, 2, 5, capacity - 1, capacity):
                assert np.array_equal(call.window(window, count), numbered(put_in - count, put_in))
            call.extend(window, numbered(put_in, put_in + (steps.pop(0) if steps else 0)))

    @called_from_python_and_from_a_kernel
    @pytest.mark.parametrize("by", [1, 2, 3])
    def test_come_from_arrays_of_any_layout_and_number(self, call, by):
        window = jk.WindowBuffer(np.float32, SMALL)
        assert call.extend(window, np.arange(20)[::by]) == len(range(0, 20, by))
        assert call.window(window, 3).tolist() == list(range(0, 20, by))[-3:]

    def test_may_come_from_anything_like_an_array(self):
        window = jk.WindowBuffer(np.int16, SMALL)
        for values in ([1, 2], (3,), range(4, 6), (i for i in (6, 7)), np.array([8], ">i8"), [], {9: None}):
            window.extend(values)
        assert window.window(8).tolist() == [2, 3, 4, 5, 6, 7, 8, 9]

    @pytest.mark.parametrize(
        ("values", "error"),
        [([1, 2, 40_000], OverflowError), ([1, 2.5], TypeError), ("12", TypeError), ([[1], [2]], ValueError)],
    )
    def test_that_are_none_leave_all_as_it_is(self, values, error):
        window = jk.WindowBuffer(np.int16, SMALL)
        window.extend([7, 8])
        with pytest.raises(error, match=r"\(WindowBuffer\(int16, 8\)\)$"):
            window.extend(values)
        with pytest.raises((TypeError, OverflowError), match=r"\(WindowBuffer\(int16, 8\)\)$"):
            window.push(values[-1] if isinstance(values, list) else values)
        assert window.window(len(window)).tolist() == [7, 8]

    def test_may_come_from_the_window_itself(self, make):
        """Python copies them first; kernels refuse."""
        window = make()
        capacity = window.capacity
        for count in {1, capacity // 2, capacity // 2 + 1, 3 * capacity // 4, capacity - 1, capacity}:
            window.extend(numbered(0, capacity + capacity // 3))
            expected = np.concatenate([window.window(capacity), window.window(count)])[-capacity:]
            with pytest.raises(ValueError, match=r"^expected an array of other memory than the slots"):
                extend_in_kernel(window, window.window(count))
            window.extend(window.window(count))
            assert np.array_equal(window.window(capacity), expected), count


class TestAView:
    @called_from_python_and_from_a_kernel
    def test_is_the_memory_itself_in_one_piece(self, call, make):
        window = make()
        capacity = window.capacity
        window.extend(numbered(0, capacity + 3))
        view = call.window(window, capacity)
        assert np.shares_memory(view[3:], window.window(4))
        assert (view.flags.c_contiguous, view.flags.aligned) == (True, True)
        assert (view.dtype, view.shape) == (window.dtype, (capacity,))
        window.push(99.0)  # takes the place of the oldest sample
        assert view[1:].tolist() == numbered(4, capacity + 3).tolist()
        assert view[0] == 99.0

    @pytest.mark.parametrize("extended", [False, True])
    def test_is_read_only_from_python(self, extended, make):
        """After `extend`, machine code makes the views; before, Python does."""
        window = make()
        for sample in numbered(0, 5):
            window.push(sample)
        if extended:
            window.extend(numbered(5, 9))
        view = window.window(3)
        assert not view.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1.0

    def test_can_be_written_to_by_a_kernel_and_both_places_are_one(self, make):
        window = make()
        window.extend(numbered(0, 5))
        view = window_in_kernel(window, 3)
        view[0] = -1.0
        assert window.window(4).tolist() == [1.0, -1.0, 3.0, 4.0]

    @called_from_python_and_from_a_kernel
    def test_outlives_the_window(self, call, make):
        window = make()
        window.extend(numbered(0, 2 * window.capacity))
        view, expected = call.window(window, SMALL), window.window(SMALL).tolist()
        del window
        gc.collect()
        others = [make() for _ in range(8)]
        for other in others:
            other.extend(np.full(other.capacity, -1, np.float32))
        assert view.tolist() == expected
        del others

    def test_across_the_seam_is_filtered_and_transformed_as_any_array(self, make):
        window = make()
        rng = np.random.default_rng(4)
        signal = rng.normal(0, 1, 5 * window.capacity // 2).astype(np.float32)
        window.extend(signal[: window.capacity])
        window.extend(signal[window.capacity :])
        last = signal[-window.capacity + 1 :]
        view = window.window(window.capacity - 1)
        assert np.array_equal(view, last)
        assert np.array_equal(np.convolve(view, [0.25, 0.5, 0.25]), np.convolve(last, [0.25, 0.5, 0.25]))
        assert np.array_equal(np.fft.rfft(view), np.fft.rfft(last))

    def test_is_an_array_for_a_kernel(self, make):
        window = make()
        window.extend(numbered(0, 3 * window.capacity))
        assert [sum_in_kernel(window, count) for count in (0, 1, 4)] == [
            numbered(3 * window.capacity - count, 3 * window.capacity).sum() for count in (0, 1, 4)
        ]

    @called_from_python_and_from_a_kernel
    @pytest.mark.parametrize("count", [4, -1, 2**40])
    def test_cannot_have_more_samples_than_there_are(self, call, count, make):
        window = make()
        window.extend([1, 2, 3])
        counted = f", 3, got {count} ({window})" if call is FromPython else ""
        message = f"expected a window of at most as many samples as there are{counted}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            call.window(window, count)
        window.extend(numbered(0, 2 * window.capacity))
        with pytest.raises(ValueError, match="as many samples as there are"):
            call.window(window, window.capacity + 1)

    @pytest.mark.parametrize("count", [2.0, np.float64(2), "2", None, [2], AN_ARRAY])
    def test_has_a_whole_number_of_samples(self, count, make):
        window = make()
        window.extend([1, 2, 3])
        window.window(1)
        with pytest.raises(TypeError, match=rf"^expected .* int.*, got {re.escape(repr(count))} \(WindowBuffer\("):
            window.window(count)

    def test_has_a_whole_number_of_samples_in_kernels(self):
        with pytest.raises(TypingError, match="expected an integer index, got float64"):
            window_in_kernel(jk.WindowBuffer(np.float32, SMALL), 2.0)

    @pytest.mark.parametrize("count", [2, np.int8(2), np.uint64(2)])
    def test_may_be_asked_for_with_integers_of_numpy(self, count, make):
        window = make()
        window.extend([1, 2, 3])
        assert window.window(count).tolist() == window_in_kernel(window, int(count)).tolist() == [2.0, 3.0]


class TestInKernels:
    def test_is_what_it_is_in_python(self, make):
        @jk.jit
        def told(window):
            return len(window), window.capacity, window.rolling, window.mirrored

        @jk.jit
        def returned(window):
            return window

        window = make(rolling=5)
        window.extend([1, 2, 3])
        assert told(window) == (3, window.capacity, 5, window.mirrored)
        assert returned(window) is window

    @pytest.mark.parametrize(
        ("call", "given", "message"),
        [
            (push_in_kernel, "a", "expected float32, got unicode_type"),
            (push_in_kernel, 1j, "expected float32, got complex128"),
            (extend_in_kernel, 1.0, "expected an array of 1 dimension, got float64"),
            (extend_in_kernel, np.zeros((2, 2), np.float32), "expected an array of 1 dimension, got array"),
            (extend_in_kernel, np.zeros(2, np.complex64), "expected float32, got complex64"),
        ],
    )
    def test_refuses_what_is_no_sample(self, call, given, message):
        with pytest.raises(TypingError, match=re.escape(message)):
            call(jk.WindowBuffer(np.float32, SMALL), given)


def test_threads_of_python_may_look_while_another_puts_in(make):
    """Statistics are of samples that came one after another; a view shows what is in the slots when it is looked at."""
    window, wrong, done = make(rolling=5), [], threading.Event()
    window.extend(numbered(0, SMALL))

    def look():
        while not done.is_set():
            distances = np.diff(window.window(4)) - 1.0
            mean = window.mean()
            if (distances % window.capacity).any() or mean != int(mean):
                wrong.append((distances, mean))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for start in range(SMALL, 60_000, 3):
        window.extend(numbered(start, start + 3))
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert window.window(1)[0] == 60_001.0
