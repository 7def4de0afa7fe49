"""What channels hold: numbers, records, arrays, and bytes that no dtype describes; from Python and in kernels."""

import numpy as np
import pytest
from channels import InKernels

import jitkit as jk
from jitkit.errors import CapacityError, LayoutError

RECORD = np.dtype([("seq", "u4"), ("x", "f4", (2,)), ("name", "S3")])


class Reading(jk.Record, layout="packed", byteorder="little"):
    time: jk.u32
    level: jk.i16


class Flags(jk.Record, layout="packed", byteorder="big"):
    kind: int = jk.bits(3)
    count: int = jk.bits(13)


def test_of_several_fields():
    tx, rx = jk.ring.channel(RECORD, 2)
    rows = np.array([(i, (i, i / 2), b"abc"[:i]) for i in range(3)], RECORD)
    assert (tx.push((0, (1, 2), b"a")), tx.extend(rows[1:2])) == (True, 1)
    first, second = rx.pop(), rx.pop_or(None)
    assert (first["seq"], first["x"].tolist(), first["name"], second) == (0, [1, 2], b"a", rows[1])
    assert rx.pop_or(None) is None
    in_kernels = tuple(map(InKernels, (tx, rx)))
    assert in_kernels[0].extend(rows[2:]) == 1
    assert in_kernels[0].extend(rows[:1]) == 1
    assert in_kernels[1].pop() == rows[2]
    out = np.zeros(2, RECORD)
    assert (in_kernels[1].drain(out), out[0]) == (1, rows[0])
    tx.reserve(1)[0] = rows[1]
    tx.commit(1)
    assert rx.pop() == rows[1]
    with pytest.raises(TypeError, match=r"^expected a record or a tuple of seq, x, name, got 3"):
        tx.push(3)


def test_of_record_classes():
    tx, rx = jk.ring.channel(Reading, 4)
    assert tx.push(Reading(time=7, level=-2))
    assert tx.extend([Reading(time=8, level=3), Reading(time=9, level=4)]) == 2
    assert [(value["time"], value["level"]) for value in (rx.pop(), rx.pop())] == [(7, -2), (8, 3)]
    assert (rx.peek(1)["time"].tolist(), str(tx)) == ([9], "Producer(Reading, 4, policy='reject')")


def test_of_bit_fields():
    """Their bytes: no dtype describes them."""
    tx, rx = jk.ring.channel(Flags, 4)
    flags = Flags(kind=5, count=1234)
    assert tx.push(flags)
    assert tx.extend(bytes(flags) * 2) == 2
    assert (rx.pop(), Flags.from_bytes(rx.pop()).count, rx.peek(2).tobytes()) == (bytes(flags), 1234, bytes(flags))
    with pytest.raises(ValueError, match=r"^expected 2 bytes"):
        tx.push(b"abc")


def test_of_arrays():
    tx, rx = jk.ring.channel((np.float32, (3,)), 2, "overwrite")
    assert (tx.push([1, 2, 3]), tx.extend(np.full((1, 3), 7, np.float32))) == (True, 1)
    assert (InKernels(rx).pop().tolist(), rx.pop().tolist()) == ([1, 2, 3], [7, 7, 7])
    with pytest.raises(ValueError, match="shape"):
        InKernels(tx).push(np.zeros(2, np.float32))
    assert (InKernels(tx).push(np.arange(3, dtype=np.float32)), len(rx)) == (True, 1)
    assert (rx.pop().tolist(), rx.dropped) == ([0, 1, 2], 0)


def test_nothing_is_lost_for_an_array_of_another_shape():
    tx, rx = jk.ring.channel((np.float32, (3,)), 2, "overwrite")
    tx.extend(np.arange(6, dtype=np.float32).reshape(2, 3))
    with pytest.raises(ValueError, match="shape"):
        InKernels(tx).push(np.zeros(2, np.float32))
    assert (rx.pop().tolist(), rx.pop().tolist()) == ([0, 1, 2], [3, 4, 5])


@pytest.mark.parametrize(
    ("value", "error"), [(1.5, TypeError), ("1", TypeError), (2**63, OverflowError), ([1], TypeError)]
)
def test_what_is_none_is_refused(value, error):
    for policy in ("reject", "block", "overwrite"):
        tx, rx = jk.ring.channel(np.int64, 4, policy)
        with pytest.raises(error, match=r"^expected"):
            tx.push(value)
        with pytest.raises((error, ValueError), match=r"^expected"):
            tx.extend([value])
        assert (len(rx), tx.dropped) == (0, 0)


def test_a_channel_says_what_it_cannot_be():
    for capacity in (0, 3, -4, 6):
        with pytest.raises(CapacityError, match=f"^expected a power of two, got capacity={capacity}"):
            jk.ring.channel(np.int64, capacity)
    with pytest.raises(TypeError, match=r"^expected the capacity"):
        jk.ring.channel(np.int64, 4.0)
    with pytest.raises(LayoutError, match=r"^expected elements without Python objects"):
        jk.ring.channel(object, 4)
    with pytest.raises(LayoutError, match=r"^expected native byte order"):
        jk.ring.channel(">i8", 4)
    with pytest.raises(ValueError, match=r"^expected policy 'reject', 'block', 'overwrite'"):
        jk.ring.channel(np.int64, 4, policy="drop")
