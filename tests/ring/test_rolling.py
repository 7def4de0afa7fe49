"""Running statistics of a window: those of its last samples, to the bit as the plain-Python twin has them."""

import math
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.errors import TypingError

import jitkit as jk
from jitkit._core.mapping import PAGE
from jitkit.ring import _reference as reference
from jitkit.ring import _window
from jitkit.ring._block import BLOCK_START, TAKEN_IN

pytestmark = pytest.mark.kernel

DTYPES = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
EPSILON = float(np.finfo(float).eps)


@jk.jit
def told_in_kernel(window):
    return window.mean(), window.var(), window.min(), window.max()


@jk.jit
def told_after_each_in_kernel(window, samples, moments, extremes):
    for i in range(samples.size):
        window.push(samples[i])
        moments[i, 0], moments[i, 1], extremes[i, 0], extremes[i, 1] = told_in_kernel(window)


def told(window):
    return window.mean(), window.var(), window.min(), window.max()


def bits(statistics):
    """Any NaN is a NaN; integers are what they are."""
    return [
        "nan" if number != number else struct.pack("d", number) if isinstance(number, float) else int(number)
        for number in statistics
    ]


def of_numpy(samples):
    """The same by NumPy, which warns of infinities and of sums that overflow."""
    samples = np.asarray(samples)
    wide = samples.astype(float) if samples.dtype.kind == "f" else samples
    with np.errstate(all="ignore"):
        return float(wide.mean()), float(wide.var()), samples.min().item(), samples.max().item()


def assert_near(found, samples):
    """Mean and variance as exact as a pass over the samples makes them, smallest and greatest exactly."""
    samples = np.asarray(samples)
    assert found[2:] == (samples.min().item(), samples.max().item())
    exact = samples.astype(np.longdouble)
    spread, largest = float(exact.std()), float(np.abs(exact).max())
    assert abs(found[0] - float(exact.mean())) <= 4 * EPSILON * largest
    assert abs(found[1] - float(exact.var())) <= 4 * EPSILON * samples.size * (spread**2 + largest * spread)


def numbers(dtype, count, seed=0):
    """Numbers of all magnitudes that integers have; floats as instruments send them."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(5, 100, count).astype(dtype)
    some = rng.integers(0, 256, count * np.dtype(dtype).itemsize, dtype=np.uint8).view(dtype)
    limits = np.iinfo(dtype)
    return np.where(rng.random(count) < 0.2, rng.choice(np.array([limits.min, limits.max, 0], dtype), count), some)


def test_are_those_of_the_last_samples():
    window = jk.WindowBuffer(np.float64, 16, rolling=4)
    window.extend([100, 1, 2, 3])
    assert (window.mean(), window.min(), window.max()) == (26.5, 1.0, 100.0)
    window.push(4)
    assert told(window) == (2.5, 1.25, 1.0, 4.0)
    assert told_in_kernel(window) == (2.5, 1.25, 1.0, 4.0)
    assert window.window(5).tolist() == [100.0, 1.0, 2.0, 3.0, 4.0]


class TestTheTwin:
    @given(st.data())
    @settings(max_examples=100, deadline=None)
    def test_has_the_same_bits_whatever_is_put_in_and_asked(self, data):
        capacity = data.draw(st.sampled_from([1, 2, 8, 32]), label="capacity")
        rolling = data.draw(st.integers(1, capacity), label="rolling")
        odd = data.draw(st.lists(st.floats(), max_size=3), label="odd numbers among the samples")
        sizes = st.integers(0, 4) | st.integers(0, 3 * capacity)
        rng = np.random.default_rng(data.draw(st.integers(0, 99), label="seed"))
        window, twin = jk.WindowBuffer(np.float64, capacity, rolling=rolling), reference.Rolling(capacity, rolling)
        for size, asked in data.draw(st.lists(st.tuples(sizes, st.booleans()), max_size=15), label="sizes"):
            chunk = rng.choice([*rng.normal(1e3, 1, 9), 0.1, *odd], size)
            window.extend(chunk)
            twin.extend(chunk.tolist())
            if twin.tail and asked:
                assert bits(told(window)) == bits(told(twin))

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_has_the_same_bits_for_every_dtype(self, dtype):
        samples = numbers(dtype, 300)
        for rolling in (1, 13, 16):
            window, twin = jk.WindowBuffer(dtype, 16, rolling=rolling), reference.Rolling(16, rolling)
            for start, stop in ((0, 1), (1, 5), (5, 6), (6, 14), (14, 15), (15, 40), (40, 41), (41, 260), (260, 300)):
                window.extend(samples[start:stop])
                twin.extend(samples[start:stop].tolist())
                assert bits(told(window)) == bits(told(twin))
                assert_near(told(window), samples[max(0, stop - rolling) : stop])
                kind = float if dtype[0] == "f" else int
                assert [type(number) for number in told(window)] == [float, float, kind, kind]

    @pytest.mark.parametrize(("dtype", "capacity", "rolling"), [("f8", 16, 4), ("f4", PAGE, 100), ("i8", 8, 8)])
    def test_has_the_same_bits_as_kernels(self, dtype, capacity, rolling):
        samples = numbers(dtype, 3 * rolling + 7)
        window, twin = jk.WindowBuffer(dtype, capacity, rolling=rolling), reference.Rolling(capacity, rolling)
        moments, extremes = np.zeros((samples.size, 2)), np.zeros((samples.size, 2), dtype)
        told_after_each_in_kernel(window, samples, moments, extremes)
        for sample, moment, extreme in zip(samples.tolist(), moments.tolist(), extremes.tolist(), strict=True):
            twin.push(sample)
            assert bits([*moment, *extreme]) == bits(told(twin))
        assert bits(told(window)) == bits(told(twin))  # Python goes on where the kernel was
        window.extend(samples)
        twin.extend(samples.tolist())
        assert bits(told_in_kernel(window)) == bits(told(twin))

    def test_has_the_same_bits_as_memory_that_is_written_twice(self, monkeypatch):
        samples = numbers("f8", 3 * PAGE)
        found = []
        for refusal in (None, "the test wants it so"):
            monkeypatch.setattr(_window, "mirror_refusal", lambda refusal=refusal: refusal)
            window = jk.WindowBuffer(np.float64, PAGE, rolling=PAGE - 3)
            for chunk in np.split(samples, [7, 5000, 5001, 9000]):
                window.extend(chunk)
                found.append(bits(told(window)))
        assert found[: len(found) // 2] == found[len(found) // 2 :]

    def test_looks_at_each_sample_twice_at_most(self):
        """That is what O(1) for each sample means, however often somebody asks."""

        class Counting(reference.Rolling):
            looks = 0

            def sample(self, index):
                self.looks += 1
                return super().sample(index)

        for asked_after in (1, 3, 50, 99, 100, 101, 250, 5000):
            twin = Counting(128, 100)
            for i in range(10_000):
                twin.push(float(i))
                if (i + 1) % asked_after == 0:
                    twin.mean()
                    twin.var()
            blocks = 10_000 // 100
            assert twin.looks <= 2 * 10_000 + 3 * blocks  # the first of each part is looked at once more

    def test_says_which_samples_are_not_looked_at_again(self):
        """The kernels count as the twin does: its counters are words of the memory."""
        window, twin = jk.WindowBuffer(np.float64, 128, rolling=100), reference.Rolling(128, 100)
        words = window._memory.view(np.uint64)
        for start in range(0, 1000, 70):
            for each in (window, twin):
                each.extend([float(i) for i in range(start, start + 70)])
                each.var()
            assert (words[BLOCK_START // 8], words[TAKEN_IN // 8]) == (twin.block_start, twin.taken_in)


class TestQuestions:
    def test_change_nothing(self):
        """Blocks begin at the same samples whenever somebody asks, so numbers are added in one order."""
        samples = numbers("f8", 1000)
        often, seldom = (jk.WindowBuffer(np.float64, 64, rolling=37) for _ in range(2))
        for i, sample in enumerate(samples):
            often.push(sample)
            now = bits(told(often))
            seldom.push(sample)
            if i % 101 == 100:
                assert bits(told(seldom)) == now

    @pytest.mark.parametrize("rolling", [1, 7, 64])
    @pytest.mark.parametrize("jump", [1, 63, 64, 65, 130, 200, 1000])
    def test_may_be_far_apart(self, rolling, jump):
        samples = numbers("f8", 5 * jump + 3)
        window = jk.WindowBuffer(np.float64, 64, rolling=rolling)
        window.extend(samples[:3])
        told(window)
        for stop in range(3 + jump, samples.size + 1, jump):
            window.extend(samples[stop - jump : stop])
            assert_near(told(window), samples[max(0, stop - rolling) : stop])

    def test_about_fewer_samples_than_rolling_are_about_those(self):
        window = jk.WindowBuffer(np.float64, 16, rolling=16)
        for count, sample in enumerate(numbers("f8", 20), start=1):
            window.push(sample)
            assert_near(told(window), window.window(min(count, 16)))

    def test_about_one_sample_are_about_the_last(self):
        window = jk.WindowBuffer(np.float32, 8, rolling=1)
        for sample in (3.5, -1.0, math.inf, 2.0):
            window.push(sample)
            assert bits(told(window)) == bits((sample, 0.0 if math.isfinite(sample) else math.nan, sample, sample))

    def test_about_no_sample(self):
        window = jk.WindowBuffer(np.float64, 16, rolling=4)

        @jk.jit
        def mean_and_variance(window):
            return window.mean(), window.var()

        assert bits(mean_and_variance(window)) == bits((window.mean(), window.var())) == ["nan", "nan"]
        for ask in (window.min, window.max, lambda: told_in_kernel(window)):
            with pytest.raises(ValueError, match=r"^expected at least one sample, got none"):
                ask()
        window.push(2.0)
        assert told(window) == (2.0, 0.0, 2.0, 2.0)

    def test_need_a_length(self):
        window = jk.WindowBuffer(np.float64, 8)
        message = "expected a window with running statistics, got one without: give it rolling="
        for ask in (window.mean, window.var, window.min, window.max):
            with pytest.raises(TypeError, match=rf"^{message} \(WindowBuffer\(float64, 8\)\)$"):
                ask()
        with pytest.raises(TypingError, match=message):
            told_in_kernel(window)


class TestNumbers:
    def test_beyond_53_bits_stay_exact(self):
        window = jk.WindowBuffer(np.int64, 8, rolling=3)
        window.extend([2**53 + 1, 2**63 - 1, 2**53, 2**53 + 3, 2**53 + 1])
        assert (window.min(), window.max()) == (2**53, 2**53 + 3)
        window.extend([-(2**63), 2**63 - 1])
        assert (window.min(), window.max()) == (-(2**63), 2**63 - 1)
        unsigned = jk.WindowBuffer(np.uint64, 8, rolling=3)
        unsigned.extend(np.array([2**64 - 1, 2**64 - 2, 2**63 + 1], np.uint64))
        assert (unsigned.min(), unsigned.max()) == (2**63 + 1, 2**64 - 1)

    @pytest.mark.parametrize("dtype", ["f4", "f8"])
    def test_that_are_none_or_infinite_leave_no_trace(self, dtype):
        nan, inf = math.nan, math.inf
        samples = [1, inf, 2, -inf, 3, 4, 5, 6, nan, 1, 2, 3, 4, inf, nan, -inf, 5, 6, 7, 8, inf, inf, inf, inf, inf, 1]
        samples = np.array([*samples, 2, 3, 4, nan, nan, nan, nan, 0, 0, 0, 0], dtype)
        window = jk.WindowBuffer(dtype, 8, rolling=4)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for stop in range(1, samples.size + 1):
                window.push(samples[stop - 1].item())
                assert bits(told(window)) == bits(of_numpy(samples[max(0, stop - 4) : stop])), stop

    @pytest.mark.parametrize("samples", [[1e308, -1e308], [1.7e308, -1.7e308, 0.0], [-1e308, -1e308, 1e308, 1e308]])
    def test_near_the_largest_have_a_mean_between_them(self, samples):
        """NumPy's may be infinite, as their sum is. The variance of all is."""
        samples = np.array(4 * samples)
        window = jk.WindowBuffer(np.float64, 16, rolling=5)
        for stop in range(1, samples.size + 1):
            window.push(samples[stop - 1])
            last = samples[max(0, stop - 5) : stop]
            assert window.mean() == pytest.approx(float(last.astype(np.longdouble).mean()), rel=1e-12, abs=1e294)
            assert window.var() == (0.0 if (last == last[0]).all() else math.inf)

    def test_whose_squares_are_too_large_have_an_infinite_variance(self):
        window = jk.WindowBuffer(np.float64, 16, rolling=4)
        for sample in [1e200, -1e200, 1e200, 1e200, 1.0, 2.0, 3.0]:
            window.push(sample)
            last = window.window(min(len(window), 4))
            assert bits(told(window)[1:]) == bits(of_numpy(last)[1:])
        window.push(4.0)
        assert told(window) == (2.5, 1.25, 1.0, 4.0)

    @pytest.mark.parametrize("value", [0.1, -1e9 - 0.1, 1 / 3, 1e300, 5e-324, 0.0])
    def test_that_are_all_the_same_have_no_variance(self, value):
        window = jk.WindowBuffer(np.float64, 64, rolling=37)
        window.extend(numbers("f8", 50))
        for _ in range(100):
            window.push(value)
        for _ in range(100):
            window.push(value)
            assert told(window) == (value, 0.0, value, value)

    def test_far_from_zero_keep_their_variance(self):
        """The mean of squares, less the square of the mean, would be wrong by more than it is."""
        samples = 1e9 + np.random.default_rng(3).normal(0, 1, 20_000)
        window = jk.WindowBuffer(np.float64, 1024, rolling=1000)
        for stop in range(500, 20_001, 500):
            window.extend(samples[stop - 500 : stop])
            last = samples[max(0, stop - 1000) : stop] - 1e9
            assert abs(window.var() / last.var() - 1) < 1e-6
            assert abs(window.mean() - 1e9 - last.mean()) < 1e-5

    def test_do_not_drift(self):
        """What has left the window has no part: also after a million samples, of which some were very large."""
        samples = np.random.default_rng(5).normal(0, 1, 1_000_000)
        samples[100::1000] *= 1e12
        window, fresh = jk.WindowBuffer(np.float64, 512, rolling=300), jk.WindowBuffer(np.float64, 512, rolling=300)
        for start in range(0, 1_000_000, 250):
            window.extend(samples[start : start + 250])
            window.mean()
        assert_near(told(window), samples[-300:])
        fresh.extend(samples[-(1_000_000 % 300) - 300 :])  # blocks begin at the same samples
        assert bits(told(window)) == bits(told(fresh))
