"""The table-driven encoder: `_kernels.decode` the other way round, for raw columns."""

import numpy as np

from jitkit._core.intrinsics import copy_bytes, load, records_at, stack_array, store
from jitkit._core.jit import jit
from jitkit._core.words import gather_words, scatter_words, spread_words
from jitkit.records._kernels import LONG
from jitkit.records._plan import BLOCK
from jitkit.records._table import MOVE, RUN, STEP


@jit
def encode(target, nrecords, itemsize, block, table, nsteps, columns):
    """Write columns into `nrecords` records of zeros at the address `target`; returns 0.

    What is done says the table of `nsteps` steps at the address `table`, and the addresses of the columns are at the
    address `columns`. Safe when every step lies inside the record (see `Word`), there are ``nrecords * itemsize``
    bytes, each column has `nrecords` rows, and `block` is at most BLOCK.
    """
    steps = records_at(table, nsteps, STEP)
    for start in range(0, nrecords, block):
        count = min(block, nrecords - start)
        for s in range(steps.size):
            step = steps[s]
            at = target + start * itemsize + step.offset
            source = load(columns + 8 * step.column, np.int64) + (start * step.pitch + step.element) * step.size
            if step.op == MOVE and step.pitch == 1:  # the commonest step has the shortest way
                spread_words(step.width, step.swapped != 0, source, at, itemsize, count)
                continue
            # As in `decode`: the longer of the two loops is the inner one.
            rows, row_hop, row_pitch = step.count, step.hop, step.every
            length, hop, pitch = count, itemsize, step.pitch
            if step.count >= LONG:
                rows, row_hop, row_pitch, length, hop, pitch = length, hop, pitch, rows, row_hop, row_pitch
            for i in range(rows):
                for j in range(0, length, BLOCK):
                    skipped = (i * row_pitch + j * pitch) * step.size
                    encode_row(
                        step,
                        source + skipped,
                        pitch * step.size,
                        at + i * row_hop + j * hop,
                        hop,
                        min(BLOCK, length - j),
                    )
    return 0


@jit
def encode_row(step, source, stride, target, hop, count):
    """Write `count` elements that lie `stride` bytes apart to every `hop`-th byte."""
    if step.op == RUN:
        for i in range(count):
            copy_bytes(target + i * hop, source + i * stride, step.run)
        return
    words = stack_array(np.uint64, BLOCK)
    gather_words(step.size, False, source, stride, words, count)
    if step.op == MOVE:
        scatter_words(words, step.width, step.swapped != 0, target, hop, count)
        return
    # Bits are added byte by byte, the lowest first: no byte beside the element is touched.
    bits = 64 - step.right
    below = 64 - step.left - bits  # bits of the word under the element
    if step.spill > 0:
        below = -step.spill if step.big else step.spill
    at = step.width - 1 - (below // 8) if step.big else below // 8
    ahead = -1 if step.big else 1
    for i in range(count):
        word = words[i] << np.uint64(step.right) >> np.uint64(step.right)
        byte = target + i * hop + at
        skipped = below % 8
        done = -skipped
        while done < bits:
            part = word << np.uint64(skipped) if done < 0 else word >> np.uint64(done)
            store(byte, np.uint8(load(byte, np.uint8) | np.uint8(part)))
            byte += ahead
            done += 8
            skipped = 0
