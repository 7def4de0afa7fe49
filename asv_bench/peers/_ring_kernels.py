"""What the questions let jitkit's rings do, as its users write it: the same loops that C++ and Rust have."""

import numpy as np

import jitkit as jk

MISSING = np.float32(np.nan)


@jk.jit
def push(ring, items):
    for i in range(items.size):
        ring.push(items[i])


@jk.jit
def pairs(ring, items, out):
    for i in range(items.size):
        ring.push(items[i])
        out[i] = ring.pop_or(MISSING)


@jk.jit
def blocks(ring, block, out, times):
    for _ in range(times):
        ring.extend(block)
        ring.drain(out)


@jk.jit
def channel_blocks(tx, rx, block, out, times):
    for _ in range(times):
        tx.extend(block)
        rx.drain(out)


@jk.jit
def append_and_look(window, block, n, times):
    """The sum of the oldest items that were seen: one of each window."""
    total = 0.0
    for _ in range(times):
        window.extend(block)
        total += window.window(n)[0]
    return total


@jk.jit
def send_items(tx, count):
    for i in range(count):
        while not tx.push(i):
            pass


@jk.jit
def take_items(rx, count):
    """How many of the numbers 0 to count - 1 were others."""
    wrong = 0
    for i in range(count):
        item = rx.pop_or(-1)
        while item < 0:
            item = rx.pop_or(-1)
        wrong += item != i
    return wrong


@jk.jit
def send_array(tx, items, block):
    sent = 0
    while sent < items.size:
        sent += tx.extend(items[sent : sent + block])


@jk.jit
def take_array(rx, out, block):
    got = 0
    while got < out.size:
        got += rx.drain(out[got : got + block])
