"""What the cases of `jitkit.ring` work on, and how they are done in kernels, in Python and with NumPy.

Python's side is what its users would write: a `deque`, between threads a `SimpleQueue`. Statistics that are exact have
the twin of the kernel beside them, and a running sum, which is not exact, where one would do.
"""

from collections import deque
from functools import cache
from queue import SimpleQueue

import numpy as np

from benchmarks import vectors

CAPACITY = 1024
BLOCK = 256  # samples that come at once
ROLLING = 64


def ring(policy):
    """Arguments of a case: a ring, and samples."""

    def make(n):
        import jitkit as jk  # here and below: loading the suite must not need what an old commit lacks

        return jk.RingBuffer(np.float64, CAPACITY, policy=policy), *vectors.numbers("f8")(n)

    return make


def window(n):
    import jitkit as jk

    return jk.WindowBuffer(np.float64, CAPACITY, rolling=ROLLING), *vectors.numbers("f8")(n)


def channel(n):
    import jitkit as jk

    return jk.ring.channel(np.float64, CAPACITY), *vectors.numbers("f8")(n)


@cache
def kernel(name):
    import jitkit as jk

    return jk.jit(globals()[name])


def push_and_pop(queue, samples):
    total = 0.0
    for i in range(samples.size):
        queue.push(samples[i])
        total += queue.pop()
    return total


def push_and_pop_in_kernel(queue, samples):
    return kernel("push_and_pop")(queue, samples)


def push_and_pop_with_deque(_, samples):
    queue, total = deque(), 0.0
    for sample in samples:
        queue.append(sample)
        total += queue.popleft()
    return total


def push_and_pop_from_python(queue, samples):
    total = 0.0
    for sample in samples.tolist():
        queue.push(sample)
        total += queue.pop()
    return total


def overwrite(queue, samples):
    for i in range(samples.size):
        queue.push(samples[i])
    return queue.peek(-1)


def overwrite_in_kernel(queue, samples):
    return kernel("overwrite")(queue, samples)


def overwrite_with_deque(_, samples):
    queue = deque(maxlen=CAPACITY)
    for sample in samples:
        queue.append(sample)
    return queue[-1]


def blocks_through_ring(queue, samples):
    out = np.empty_like(samples)
    for start in range(0, samples.size, BLOCK):
        queue.extend(samples[start : start + BLOCK])
        queue.drain(out[start : start + BLOCK])
    return out


def blocks_through_deque(_, samples):
    queue, out = deque(), []
    for start in range(0, len(samples), BLOCK):
        queue.extend(samples[start : start + BLOCK])
        out += [queue.popleft() for _ in range(len(queue))]
    return out


def append_and_look(window, samples):
    total = 0.0
    for i in range(samples.size):
        window.push(samples[i])
        last = window.window(min(i + 1, ROLLING))
        total += last[0] * last[-1]
    return total


def append_and_look_in_kernel(window, samples):
    return kernel("append_and_look")(window, samples)


def append_and_look_with_deque(_, samples):
    last, total = deque(maxlen=ROLLING), 0.0
    for sample in samples:
        last.append(sample)
        total += last[0] * last[-1]
    return total


def rolling_means(window, samples, out):
    for i in range(samples.size):
        window.push(samples[i])
        out[i] = window.mean()


def means_in_kernel(window, samples):
    out = np.empty_like(samples)
    kernel("rolling_means")(window, samples, out)
    return out


def means_with_running_sum(_, samples):
    last, total, out = deque(), 0.0, []
    for sample in samples:
        last.append(sample)
        total += sample
        if len(last) > ROLLING:
            total -= last.popleft()
        out.append(total / len(last))
    return out


def means_with_numpy(_, samples):
    sums = np.cumsum(samples)
    sums[ROLLING:] -= sums[:-ROLLING].copy()
    return sums / np.minimum(np.arange(1, samples.size + 1), ROLLING)


def rolling_statistics(window, samples, out):
    for i in range(samples.size):
        window.push(samples[i])
        out[3 * i], out[3 * i + 1], out[3 * i + 2] = window.var(), window.min(), window.max()


def statistics_in_kernel(window, samples):
    out = np.empty(3 * samples.size)
    kernel("rolling_statistics")(window, samples, out)
    return out


def statistics_with_python(_, samples):
    from jitkit.ring import _reference

    window, out = _reference.Rolling(CAPACITY, ROLLING), []
    for sample in samples:
        window.push(sample)
        out += [window.var(), window.min(), window.max()]
    return out


def statistics_with_numpy(_, samples):
    first = [samples[:stop] for stop in range(1, min(ROLLING, samples.size + 1))]
    out = [(last.var(), last.min(), last.max()) for last in first]
    if samples.size >= ROLLING:
        last = np.lib.stride_tricks.sliding_window_view(samples, ROLLING)
        out += np.stack([last.var(axis=1), last.min(axis=1), last.max(axis=1)], axis=1).tolist()
    return np.array(out).reshape(-1)


def send_and_receive(tx, rx, samples):
    total = 0.0
    for i in range(samples.size):
        tx.push(samples[i])
        total += rx.pop()
    return total


def send_and_receive_in_kernel(ends, samples):
    return kernel("send_and_receive")(*ends, samples)


def send_and_receive_with_queue(_, samples):
    queue, total = SimpleQueue(), 0.0
    for sample in samples:
        queue.put(sample)
        total += queue.get()
    return total
