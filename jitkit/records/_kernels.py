"""The table-driven decoder: one kernel, compiled once, that serves every schema."""

import numpy as np

from jitkit._core.intrinsics import (
    address_in,
    copy_bytes,
    half_to_double,
    load,
    records_at,
    reinterpret,
    stack_array,
    store,
)
from jitkit._core.jit import jit, require_compiler
from jitkit._core.words import copy_words, gather_words, narrow_words, scatter_words
from jitkit.records._plan import BLOCK
from jitkit.records._table import CHECK, HALF, INTEGER, MOVE, REAL, RUN, SIGNED, SINGLE, STEP, UNSIGNED

require_compiler()

LONG = 16  # arrays of at least so many elements are walked along the record, shorter ones across the records


@jit
def decode(source, nrecords, itemsize, block, table, nsteps, anchor, offsets, first):
    """Decode `nrecords` records at the address `source` into the columns, from row `first` on; returns 0.

    What is done says the table of `nsteps` steps at the address `table`, and where columns and masks begin say the
    numbers at `offsets`, in bytes from the address `anchor`. Safe when every step lies inside the record (see `Word`),
    there are ``nrecords * itemsize`` bytes, each column has ``first + nrecords`` rows, and `block` is at most BLOCK.
    """
    steps = records_at(table, nsteps, STEP)
    for start in range(0, nrecords, block):
        count = min(block, nrecords - start)
        for s in range(steps.size):
            step = steps[s]
            at = source + start * itemsize + step.offset
            element = (first + start) * step.pitch + step.element
            target = anchor + load(offsets + 8 * step.column, np.int64) + element * step.size
            if step.op == MOVE and step.pitch == 1:  # the commonest step has the shortest way: no call, no scratch
                copy_words(step.width, step.swapped != 0, at, itemsize, target, count)
                continue
            mask = anchor + load(offsets + 8 * step.mask, np.int64) + element if step.mask >= 0 else 0
            # The longer of the two loops, along the records or along the elements of one, is the inner one.
            rows, row_hop, row_pitch = step.count, step.hop, step.every
            length, hop, pitch = count, itemsize, step.pitch
            if step.count >= LONG:
                rows, row_hop, row_pitch, length, hop, pitch = length, hop, pitch, rows, row_hop, row_pitch
            for i in range(rows):
                j = 0
                while j < length:
                    skipped = i * row_pitch + j * pitch
                    decode_row(
                        step,
                        at + i * row_hop + j * hop,
                        hop,
                        target + skipped * step.size,
                        mask + skipped,
                        pitch,
                        min(BLOCK, length - j),
                    )
                    j += BLOCK
    return 0


@jit
def decode_row(step, source, hop, target, mask, pitch, count):
    """Decode `count` elements that lie `hop` bytes apart, into every `pitch`-th element of column and mask."""
    if step.op == RUN:
        for i in range(count):
            copy_bytes(target + i * pitch * step.size, source + i * hop, step.run)
    elif pitch > 1:
        # Decoded side by side first, because loops over neighbours are vectorised, then spread.
        values, marks = stack_array(np.uint64, BLOCK), stack_array(np.uint8, BLOCK)
        decode_dense(step, source, hop, address_in(values), address_in(marks), count)
        spread(address_in(values), step.size, target, pitch, count)
        if step.mask >= 0:
            spread(address_in(marks), 1, mask, pitch, count)
    else:
        decode_dense(step, source, hop, target, mask, count)


@jit
def decode_dense(step, source, hop, target, mask, count):
    """Decode `count` elements that lie `hop` bytes apart, into neighbours."""
    if step.op == MOVE:
        copy_words(step.width, step.swapped != 0, source, hop, target, count)
        return
    words = stack_array(np.uint64, BLOCK)
    gather_words(step.width, step.swapped != 0, source, hop, words, count)
    if step.width not in (1, 2, 4, 8) or step.spill > 0:
        gather_odd(step, source, hop, words, count)
    trim(step, words, count)
    if step.op == REAL or step.number >= HALF:
        convert_reals(step, words, target, mask, count)
    if step.op == INTEGER:
        narrow_words(words, step.size, target, count)
        if step.mask >= 0 and step.number < HALF:
            # One unsigned comparison: moved down by the low end, modulo 2**64, what lies below it becomes huge.
            low, span = np.uint64(step.low), np.uint64(step.span)
            for i in range(count):
                store(mask + i, np.uint8(words[i] - low <= span))


@jit
def spread(source, size, target, pitch, count):
    words = stack_array(np.uint64, BLOCK)
    gather_words(size, False, source, size, words, count)
    scatter_words(words, size, False, target, pitch * size, count)


@jit
def gather_odd(step, source, hop, words, count):
    """Elements that no single load brings: of nine bytes, or of 3, 5, 6 or 7 in a record too small for more."""
    if step.spill > 0:
        near = np.uint64(step.spill)
        far = np.uint64(8 - step.spill if step.big else 64 - step.spill)
        for i in range(count):
            ninth = np.uint64(load(source + i * hop + 8, np.uint8))
            words[i] = (words[i] << near) | (ninth >> far) if step.big else (words[i] >> near) | (ninth << far)
        return
    for i in range(count):
        word = np.uint64(0)
        for k in range(step.width):
            at = k if step.big else step.width - 1 - k
            word = (word << np.uint64(8)) | np.uint64(load(source + i * hop + at, np.uint8))
        words[i] = word


@jit
def trim(step, words, count):
    """Cut the element out of its word and extend it to 64 bits."""
    left, right = np.uint64(step.left), np.uint64(step.right)
    if left == right == np.uint64(64 - 8 * step.width) and step.number != SIGNED:
        return  # the element is the word
    if step.number == SIGNED:
        for i in range(count):
            words[i] = np.uint64(np.int64(words[i] << left) >> np.int64(right))
    else:
        for i in range(count):
            words[i] = (words[i] << left) >> right


@jit
def convert_reals(step, words, target, mask, count):
    """Scale in float64; round once to the column's type; compare what the column gets with the valid range."""
    reals = stack_array(np.float64, BLOCK)
    if step.number == UNSIGNED:
        for i in range(count):
            reals[i] = np.float64(words[i])
    elif step.number == SIGNED:
        for i in range(count):
            reals[i] = np.float64(np.int64(words[i]))
    elif step.number == HALF:
        for i in range(count):
            reals[i] = half_to_double(words[i])
    elif step.number == SINGLE:
        for i in range(count):
            reals[i] = np.float64(reinterpret(np.uint32(words[i]), np.float32))
    else:
        for i in range(count):
            reals[i] = reinterpret(words[i], np.float64)
    if step.op == REAL:
        factor, shift = step.scale, step.shift
        for i in range(count):
            reals[i] = reals[i] * factor
        if shift != 0.0 or step.number < HALF:  # see `Leaf.added`
            for i in range(count):
                reals[i] = reals[i] + shift
        if step.size == 4:
            for i in range(count):
                rounded = np.float32(reals[i])
                reals[i] = np.float64(rounded)
                store(target + i * 4, rounded)
        else:
            for i in range(count):
                store(target + i * 8, reals[i])
    if step.mask >= 0:
        least, most = step.least, step.most
        for i in range(count):
            store(mask + i, np.uint8((least <= reals[i]) & (reals[i] <= most)))


@jit
def any_unlisted(table, nchecks, lows, spans, anchor, offsets, first, nrecords):
    """Return 1 if a row from `first` on has a value outside its column's intervals, else 0.

    Each of `nchecks` checks at the address `table` names a column and its intervals, of which the lows and spans are
    at the addresses `lows` and `spans`, as words modulo 2**64.
    """
    checks = records_at(table, nchecks, CHECK)
    for c in range(checks.size):
        check = checks[c]
        column = anchor + load(offsets + 8 * check.column, np.int64) + first * check.pitch * check.size
        words = stack_array(np.uint64, BLOCK)
        for start in range(0, nrecords * check.pitch, BLOCK):
            count = min(BLOCK, nrecords * check.pitch - start)
            gather_words(check.size, False, column + start * check.size, check.size, words, count)
            listed = 0
            for i in range(count):
                listed += is_listed(words[i], check, lows, spans)
            if listed < count:
                return 1
    return 0


@jit
def is_listed(word, check, lows, spans):
    inside = False
    for k in range(check.interval, check.interval + check.intervals):
        inside |= word - load(lows + 8 * k, np.uint64) <= load(spans + 8 * k, np.uint64)
    return inside
