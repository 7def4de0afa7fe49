"""One fresh process of the question about starts: works with a ring of each kind, and prints what it saw as JSON.

    python _ring_child.py

The clock is the processor time of this process, from when numba is imported to the last answer.
"""

import json
import os
from hashlib import sha256
from time import process_time
from typing import Any

import numba  # noqa: F401
import numpy as np

COUNT = 100


def main() -> None:
    start = process_time()
    import jitkit as jk

    answers = [*local(), *window(), *between_threads(), *between_processes()]
    seconds = process_time() - start
    digest = sha256(b"".join(np.asarray(answer).tobytes() for answer in answers)).hexdigest()
    print(json.dumps({"seconds": seconds, "compiles": int(jk.cache.stats().compiles), "digest": digest}))


def local() -> list[Any]:
    import _ring_kernels as kernels

    import jitkit as jk

    items, out = np.linspace(0.0, 1.0, COUNT, dtype=np.float32), np.zeros(COUNT, np.float32)
    answers: list[Any] = []
    for policy in ("reject", "overwrite"):
        ring = jk.RingBuffer(np.float32, 64, policy=policy)
        answers += [ring.push(1.5), ring.pop(), ring.pop_or(2.5), ring.extend(items), ring.drain(out), out.copy()]
        kernels.push(ring, items)
        kernels.pairs(ring, items, out)
        kernels.blocks(ring, items[:8].copy(), out, 3)
        answers += [out.copy()]
    return answers


def window() -> list[Any]:
    import _ring_kernels as kernels

    import jitkit as jk

    block = np.linspace(0.0, 1.0, COUNT, dtype=np.float32)
    buffer = jk.WindowBuffer(np.float32, 65536)
    buffer.extend(block)
    return [buffer.window(COUNT).copy(), kernels.append_and_look(buffer, block, COUNT, 3)]


def between_threads() -> list[Any]:
    import jitkit as jk

    return moved(*jk.ring.channel(np.int64, 4096))


def between_processes() -> list[Any]:
    import jitkit as jk

    name = f"jitkit-start-{os.getpid()}"
    tx = jk.ring.create_shared(name, np.int64, 4096)
    rx = jk.ring.attach_shared(name)
    try:
        return moved(tx, rx)
    finally:
        rx.close()
        tx.close()


def moved(tx: Any, rx: Any) -> list[Any]:
    import _ring_kernels as kernels

    items, out = np.arange(COUNT), np.zeros(COUNT, np.int64)
    answers: list[Any] = [tx.push(7), rx.pop_or(-1), tx.extend(items), rx.drain(out), out.copy()]
    kernels.send_items(tx, COUNT)
    answers += [kernels.take_items(rx, COUNT)]
    kernels.send_array(tx, items, 16)
    kernels.take_array(rx, out, 16)
    return [*answers, out]


if __name__ == "__main__":
    main()
