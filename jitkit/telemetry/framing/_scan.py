"""The kernels that find frames, and those that complete them.

Time is linear in the input, whatever it is. That takes care, for a false frame can be as long as the input, and another
one can begin a byte later. So the bytes of checksums that came out wrong are counted, and while there are more than
twice as many of them as bytes behind us, checksums are computed in another way: the register of the input from its
first byte on is kept for every 256th place, and what the bytes between two places make of a register is told by the
registers at both, in a number of steps that does not depend on how far they lie apart.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from jitkit._core.intrinsics import address_of, load, store
from jitkit._core.jit import jit
from jitkit.telemetry.framing._constants import FINAL, INITIAL, SHIFT
from jitkit.telemetry.framing._inlined import inlined
from jitkit.telemetry.framing._measure import IS_CUT_OFF, IS_WRONG_CHECKSUM, IS_WRONG_LENGTH, find, measure, number_at
from jitkit.telemetry.framing._plan import (
    AT,
    CRC_BIG,
    CRC_SIZE,
    DECODED,
    END,
    FIRSTS,
    FRAMES,
    GAP,
    GAP_CODE,
    GAPS,
    KEPT,
    PLACES,
    SPENT,
    START,
    STOP,
    STRIDE,
    SYNC_SIZE,
    WORK,
)
from jitkit.telemetry.framing._registers import Kernels
from jitkit.telemetry.framing._search import ask_for

# Where a frame begins is told by the one before it, so the processor cannot look ahead, and waits for memory at each.
# It is asked for the bytes AHEAD of a frame instead: measured three times faster, on Zen 4 with frames of 260 bytes
# without checksum in a file larger than the caches.
LINE, AHEAD, MOST_ASKED = 64, 2048, 512  # bytes


class Scanners(NamedTuple):
    """Kernels over one way to compute CRCs."""

    scan: Any
    seal: Any
    register: Any


@cache
def scanners(kernels: Kernels) -> Scanners:
    """Return the kernels that use a way to compute CRCs."""
    advance, skip = kernels

    @jit
    def scan(
        buffer: Any, plan: Any, sync: Any, crc: Any, prefix: Any, state: Any, starts: Any, stops: Any, gaps: Any
    ) -> Any:
        """Look for frames until the buffer ends, `starts` or `gaps` is full, or END is reached; see `_plan`."""
        base, size, at, gap = address_of(buffer), buffer.size, state[AT], state[GAP]
        layout, word, constants = address_of(plan), address_of(sync), address_of(crc)
        checked = plan[CRC_SIZE] > 0
        count, closed, decoded, end = 0, 0, state[DECODED], state[END]
        while at < end and count < starts.size and closed < len(gaps):
            stop = measure(base, size, at, layout, word)
            if stop >= 0 and checked:
                # safe: the frame lies in the buffer, and has the least size in which there is room for all of this.
                first, place = at_either_end(plan[START], at, stop), at_either_end(plan[STOP], at, stop)
                stored = number_at(base + place, plan[CRC_SIZE], plan[CRC_BIG])
                register = (stored ^ crc[FINAL]) << crc[SHIFT]
                nbytes = place - first
                if state[SPENT] + nbytes <= 2 * at:
                    state[WORK] += nbytes
                    if advance(base + first, nbytes, crc[INITIAL], constants) != register:
                        state[SPENT] += nbytes
                        stop = IS_WRONG_CHECKSUM
                else:
                    after = register_at(base, place, PLACES, address_of(prefix), address_of(state), constants)
                    before = register_at(base, first, FIRSTS, address_of(prefix), address_of(state), constants)
                    # What the bytes between make of a register of zeros, and of the initial one what zeros make of it.
                    if after ^ skip(before ^ crc[INITIAL], nbytes, constants) != register:
                        stop = IS_WRONG_CHECKSUM
            if stop >= 0:
                if gap >= 0:
                    close(gaps, closed, gap, at, state[GAP_CODE], False)
                    closed, gap = closed + 1, -1
                for line in range(at, min(stop, at + MOST_ASKED), LINE):
                    ask_for(base + line + AHEAD)
                starts[count], stops[count] = at, stop
                count, decoded, at = count + 1, decoded + stop - at, stop
                continue
            if gap < 0:
                gap, state[GAP_CODE] = at, -1 - stop
            following = find(base, size, at + 1, end, word, plan[SYNC_SIZE])
            state[WORK] += following - at
            at = following
        if at >= size and gap >= 0 and closed < len(gaps):
            close(gaps, closed, gap, size, state[GAP_CODE], True)
            closed, gap = closed + 1, -1
        state[AT], state[GAP], state[FRAMES], state[GAPS] = at, gap, count, closed
        state[DECODED] = decoded
        return 0

    @inlined
    def register_at(base: Any, place: Any, slot: Any, prefix: Any, state: Any, crc: Any) -> Any:
        """Register that begins with zero after all bytes before a place.

        It goes on from the nearest kept register, or from that of the last place that was asked for with this slot:
        false frames often lie side by side, and so do their ends.
        """
        # safe: `place` is in the buffer or its end, so `prefix` has room, and all bytes before it may be read.
        wanted, kept = place // STRIDE, load(state + 8 * KEPT, np.int64)
        looked_at = STRIDE * (wanted - kept) if wanted > kept else 0
        while kept < wanted:
            before = np.uint64(load(prefix + 4 * kept, np.uint32))
            kept += 1
            register = advance(base + STRIDE * (kept - 1), STRIDE, before, crc)
            store(prefix + 4 * kept, np.uint32(register))
            store(state + 8 * KEPT, kept)
        start, register = STRIDE * wanted, np.uint64(load(prefix + 4 * wanted, np.uint32))
        last = load(state + 8 * slot, np.int64)
        if start < last <= place:
            start, register = last, load(state + 8 * (slot + 1), np.uint64)
        register = advance(base + start, place - start, register, crc)
        store(state + 8 * slot, place)
        store(state + 8 * (slot + 1), register)
        store(state + 8 * WORK, load(state + 8 * WORK, np.int64) + looked_at + place - start)
        return register

    @jit
    def seal(buffer: Any, stops: Any, plan: Any, crc: Any) -> Any:
        """Store the checksum of each frame in it; the first frame begins at 0, each other where the last stops."""
        # safe: whoever made the frames gave each the least size in which there is room for all of this.
        base, at = address_of(buffer), 0
        for i in range(stops.size):
            first, place = at_either_end(plan[START], at, stops[i]), at_either_end(plan[STOP], at, stops[i])
            register = advance(base + first, place - first, crc[INITIAL], address_of(crc))
            value, size = (register >> crc[SHIFT]) ^ crc[FINAL], plan[CRC_SIZE]
            for k in range(size):
                byte = size - 1 - k if plan[CRC_BIG] else k
                store(base + place + k, np.uint8(value >> np.uint64(8 * byte)))
            at = stops[i]
        return 0

    @jit
    def register(buffer: Any, before: Any, crc: Any) -> Any:
        """Register after all bytes of a buffer."""
        return advance(address_of(buffer), buffer.size, before, address_of(crc))

    return Scanners(scan, seal, register)


@inlined
def at_either_end(place: Any, start: Any, stop: Any) -> Any:
    """Place in the buffer of one that counts from a frame's start, or if it is negative from its stop."""
    return place + (start if place >= 0 else stop)


@inlined
def close(gaps: Any, i: Any, start: Any, stop: Any, code: Any, at_end: Any) -> None:
    """Note what was skipped. What is followed by a sound frame was not cut off: its length is wrong."""
    if code == -1 - IS_CUT_OFF and not at_end:
        code = -1 - IS_WRONG_LENGTH
    gaps[i, 0], gaps[i, 1], gaps[i, 2] = start, stop, code
