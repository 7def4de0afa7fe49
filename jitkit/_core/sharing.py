"""Kernels that share the items of a ufunc's loop out among threads. `threads` loads them as machine code.

One block of memory has all that threads share: a job, which whoever has the lock writes, and a slot for each thread. A
helper waits at the state of its slot. It takes up a posted job, or the owner takes that back: so nobody waits for a
helper that has not begun. Parts are taken one by one, by whoever is free, until none is left.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitkit._core.intrinsics import load, store
from jitkit._core.jit import jit
from jitkit._core.thread_words import (
    add_atomic,
    call_loop,
    exchange,
    give_way,
    load_acquire,
    lower_flags,
    own_word,
    pause,
    raise_flags,
    raised_flags,
    replace,
    save_rounding,
    sleep_while,
    store_release,
    take_rounding,
    wake,
)

ALL_FLAGS = 0x3F  # every bit that FE_ALL_EXCEPT of fenv.h has on any processor

# Places in the block, in bytes. Those that several threads write have a cache line of their own.
RUN, KEY, HELPERS = 0, 8, 16  # address of `share_out`; of `pthread_key_create`; how many helpers wait
LOCK = 64
LOOP, OPERANDS, ARGUMENTS, STEPS, DATA, COUNT, PART, ENVIRONMENT = 128, 136, 144, 152, 160, 168, 176, 192
NEXT = 256  # first item that nobody has taken
SLOTS, SLOT_BYTES = 320, 128  # the first is of whoever has the lock
FLAGS, OWN_COUNT, OWN_ARGUMENTS, PARTS_DONE = 8, 16, 24, 64  # places in a slot, behind its state

IDLE, ASLEEP, POSTED, RUNNING, STOPPED = range(5)  # states: only the helper itself leaves RUNNING, and goes to sleep
PARTS = 4  # for each thread: who is kept from its work leaves more of it to the others
LEAST_PART, PART_MULTIPLE = 2048, 512  # items: parts of a cache line's multiple, also of items of one byte
# Turns of waiting, 20 to 50 ns each. A helper that sleeps takes 5 to 50 us to come.
HELPER_TURNS, HELPER_PATIENCE, OWNER_TURNS = 3000, 64, 200


@jit
def word(address: Any) -> Any:
    """Word of 64 bits."""
    return load(address, np.int64)


@jit
def take_parts(block: Any, slot: Any) -> Any:
    """Work on parts of the job until none is left."""
    loop, operands, arguments = word(block + LOOP), word(block + OPERANDS), word(block + ARGUMENTS)
    steps, data = word(block + STEPS), word(block + DATA)
    count, part = word(block + COUNT), word(block + PART)
    start = add_atomic(block + NEXT, part)
    while start < count:
        for k in range(operands):
            store(slot + OWN_ARGUMENTS + 8 * k, word(arguments + 8 * k) + start * word(steps + 8 * k))
        store(slot + OWN_COUNT, min(part, count - start))
        call_loop(loop, slot + OWN_ARGUMENTS, slot + OWN_COUNT, steps, data)
        store(slot + PARTS_DONE, word(slot + PARTS_DONE) + 1)
        start = add_atomic(block + NEXT, part)


@jit
def help_out(block: Any, slot: Any) -> Any:
    """Wait for jobs and work on them until it is stopped."""
    while True:
        turns = 0
        while load_acquire(slot) != POSTED or not replace(slot, POSTED, RUNNING):
            if load_acquire(slot) == STOPPED:
                return 0
            pause()
            turns += 1
            if turns % HELPER_PATIENCE == 0:
                give_way()  # perhaps to the owner, on the same core
            if turns >= HELPER_TURNS:
                turns = 0
                if replace(slot, IDLE, ASLEEP):
                    while load_acquire(slot) == ASLEEP:
                        sleep_while(slot, ASLEEP)
        take_rounding(block + ENVIRONMENT)
        lower_flags(ALL_FLAGS)
        take_parts(block, slot)
        store(slot + FLAGS, raised_flags(ALL_FLAGS))
        store_release(slot, IDLE)


@jit
def are_apart(arguments: Any, steps: Any, operands: Any, count: Any) -> Any:
    """Whether no item is read that another one's result is written to: `reduce` and `accumulate` have such."""
    out, out_step = word(arguments + 8 * (operands - 1)), word(steps + 8 * (operands - 1))
    reach = (count - 1) * out_step
    first, last = min(out, out + reach), max(out, out + reach)
    if out_step == 0:
        return False
    for k in range(operands - 1):
        start, step = word(arguments + 8 * k), word(steps + 8 * k)
        reach = (count - 1) * step
        overlaps = min(start, start + reach) <= last + 8 and first <= max(start, start + reach) + 8
        if overlaps and (start != out or step != out_step):
            return False
    return True


@jit
def share_out(block: Any, loop: Any, operands: Any, arguments: Any, dimensions: Any, steps: Any, data: Any) -> Any:
    """Do what a loop does, with as many threads as this one has been allowed."""
    count = word(dimensions)
    threads = own_word(word(block + KEY))
    helpers = min(threads - 1, word(block + HELPERS))
    if helpers < 1 or not are_apart(arguments, steps, operands, count) or not replace(block + LOCK, 0, 1):
        call_loop(loop, arguments, dimensions, steps, data)
        return 0
    part = -(-count // (PARTS * (helpers + 1)))
    part = max(LEAST_PART, -(-part // PART_MULTIPLE) * PART_MULTIPLE)
    store(block + LOOP, loop)
    store(block + OPERANDS, operands)
    store(block + ARGUMENTS, arguments)
    store(block + STEPS, steps)
    store(block + DATA, data)
    store(block + COUNT, count)
    store(block + PART, part)
    store(block + NEXT, 0)
    save_rounding(block + ENVIRONMENT)
    first = block + SLOTS
    for k in range(1, helpers + 1):
        slot = first + k * SLOT_BYTES
        if exchange(slot, POSTED) == ASLEEP:
            wake(slot, 1)
    take_parts(block, first)
    flags = 0
    for k in range(1, helpers + 1):
        slot = first + k * SLOT_BYTES
        if not replace(slot, POSTED, IDLE):
            turns = 0
            while load_acquire(slot) == RUNNING:
                turns += 1
                if turns < OWNER_TURNS:
                    pause()
                else:
                    give_way()  # perhaps to the helper
            flags |= word(slot + FLAGS)
    store_release(block + LOCK, 0)
    missing = flags & ~raised_flags(ALL_FLAGS)
    if missing:
        raise_flags(missing)  # NumPy asks this thread what to warn of
    return 0
