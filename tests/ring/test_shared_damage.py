"""What a process may find under a name: other memory, another layout, damage. An error in words, never a crash."""

import os
import random
import time
from pathlib import Path

import numpy as np
import pytest
from channels import Running, has_name, in_new_process

import jitkit as jk
from jitkit.errors import CapacityError, JitkitError, LayoutError
from jitkit.ring import _shared, attach_shared, create_shared, unlink_shared
from jitkit.ring._block import CAPACITY, FAMILY, HEADER_NBYTES, IDENTITY, ITEMSIZE, MAGIC, POLICY, SLOTS

pytestmark = pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="looks into Linux's /dev/shm")

RECORD = np.dtype([("seq", "u4"), ("x", "f4", (2,)), ("name", "S3")])
NONSENSE = (0, 1, 3, 5, 2**31, 2**63, 2**64 - 1, 2**64 - 512)


class Reading(jk.Record, layout="packed", byteorder="little"):
    time: jk.u32
    level: jk.i16


class Other(jk.Record, layout="packed", byteorder="little"):
    time: jk.u32
    level: jk.i16.within(0, 5)


@pytest.fixture(autouse=True)
def unlinked(name):
    """Take the name away, whatever it leads to."""
    yield
    if has_name(name):
        unlink_shared(name)


def bytes_of(name):
    return np.memmap(Path("/dev/shm") / name, np.uint8, "r+")


def words_of(name):
    return bytes_of(name)[:HEADER_NBYTES].view(np.uint64)


def error_of(attach, name):
    """What is said where an end cannot be had; None if it can, of elements of the right size."""
    try:
        end = attach(name)
    except JitkitError as error:
        return str(error)
    assert end._slots.nbytes == end.capacity * end.dtype.itemsize
    end.close()
    return None


class TestWhatIsExpected:
    def test_may_be_said(self, name):
        create_shared(name, np.float32, 8)
        rx = attach_shared(name, np.float32, 8)
        assert (rx.dtype, rx.capacity, rx.policy) == (np.float32, 8, "reject")

    def test_and_is_compared(self, name):
        create_shared(name, np.float32, 8)
        with pytest.raises(
            LayoutError, match=rf"^expected elements of int32, got float32 in the shared ring '{name}'$"
        ):
            attach_shared(name, np.int32)
        with pytest.raises(CapacityError, match=rf"^expected capacity=16, got 8 in the shared ring '{name}'$"):
            attach_shared(name, np.float32, 16)
        with pytest.raises(CapacityError, match=r"^expected a power of two"):
            attach_shared(name, capacity=7)
        with pytest.raises(ValueError, match=r"^expected role 'consumer' or 'producer', got 'writer'"):
            attach_shared(name, role="writer")
        with pytest.raises(LayoutError, match=r"^expected"):
            attach_shared(name, object)
        assert attach_shared(name).capacity == 8  # none of these has taken it

    def test_records_are_compared_by_their_fields(self, name):
        create_shared(name, Reading, 4)
        with pytest.raises(LayoutError, match=r"^expected records of Other, got such of another layout"):
            attach_shared(name, Other)
        assert str(attach_shared(name, Reading)) == "Consumer(Reading, 4, policy='reject')"

    @pytest.mark.parametrize("dtype", [RECORD, (np.float32, (3,)), "M8[us]", "V6", np.dtype([("a", "u1"), ("b", "f8")],
                                       align=True)])  # fmt: skip
    def test_elements_are_described(self, name, dtype):
        tx = create_shared(name, dtype, 4)
        rx = attach_shared(name)
        assert (rx.dtype, rx._element.raw) == (tx.dtype, tx._element.raw)

    def test_also_those_whose_fields_are_in_no_order(self, name):
        dtype = np.dtype({"names": ["a", "b"], "offsets": [4, 0], "formats": ["i4", "i4"], "itemsize": 12})
        create_shared(name, dtype, 4).push((1, 2))
        rx = attach_shared(name, dtype)
        assert (rx.dtype, rx.pop().tolist()) == (dtype, (1, 2))


class TestOtherMemory:
    @pytest.mark.parametrize("size", [1, 100, 4096, 10_000])
    @pytest.mark.parametrize("fill", [0, 255, None])
    def test_is_no_channel(self, name, size, fill):
        data = random.Random(size).randbytes(size) if fill is None else bytes([fill]) * size
        (Path("/dev/shm") / name).write_bytes(data)
        for role in ("consumer", "producer"):
            with pytest.raises((JitkitError, ValueError), match=rf"^expected .*{name}"):
                attach_shared(name, role=role)
        with pytest.raises(FileExistsError):
            create_shared(name, np.int64, 4)
        assert (Path("/dev/shm") / name).read_bytes() == data

    def test_of_multiprocessing_is_none(self, name):
        from multiprocessing.shared_memory import SharedMemory

        memory = SharedMemory(name, create=True, size=8192)
        with pytest.raises(JitkitError, match=r"^expected a shared ring of layout version 1, got"):
            attach_shared(name)
        memory.close(), memory.unlink()

    def test_of_another_version_is_named(self, name):
        create_shared(name, np.int64, 4)
        bytes_of(name)[7] = 9
        with pytest.raises(
            JitkitError, match=rf"^expected a shared ring of layout version 1, got layout version 9 \('{name}'\)$"
        ):
            attach_shared(name)

    def test_that_is_just_being_made_is_waited_for(self, name):
        tx = create_shared(name, np.int64, 4)
        tx.push(7)
        words = words_of(name)
        words[IDENTITY // 8] = 0
        attaching = Running(attach_shared, name)
        time.sleep(0.03)
        assert attaching.is_alive()
        words[IDENTITY // 8] = MAGIC
        assert attaching.result().pop() == 7

    def test_or_never_was_finished(self, name):
        create_shared(name, np.int64, 4)
        words_of(name)[IDENTITY // 8] = 0
        with pytest.raises(JitkitError, match="got one that nobody has finished making: if its maker has died, unlink"):
            attach_shared(name)


class TestDamage:
    @pytest.mark.parametrize("place", [SLOTS, CAPACITY, ITEMSIZE, POLICY, FAMILY])
    def test_of_what_never_changes(self, name, place):
        create_shared(name, np.int64, 4).push(1)
        words = words_of(name)
        sound = int(words[place // 8])
        harmless = 0
        for value in NONSENSE:
            words[place // 8] = value
            error = error_of(attach_shared, name)
            assert error is None or (error.startswith("expected ") and name in error)
            harmless += error is None
        assert harmless <= {CAPACITY: 1, POLICY: 2, FAMILY: 1}.get(place, 0)  # a smaller capacity, another policy
        words[place // 8] = sound
        assert attach_shared(name).pop() == 1

    @pytest.mark.parametrize("dtype", [np.int64, RECORD, (np.float32, (3,))])
    def test_of_what_elements_are(self, name, dtype):
        tx = create_shared(name, dtype, 4)
        memory = bytes_of(name)
        size = int(memory[_shared.TEXT_NBYTES : _shared.TEXT].view(np.uint64)[0])
        sound = memory[_shared.TEXT : _shared.TEXT + size].copy()
        random_numbers = random.Random(1)
        for _ in range(150):
            text = bytearray(sound)
            for _ in range(random_numbers.choice((1, 1, 2, 5))):
                letters = random_numbers.choice((range(256), b"0123456789<>|(),[]'.uifcOSVbTrueFalse-"))
                text[random_numbers.randrange(size)] = random_numbers.choice(letters)
            memory[_shared.TEXT : _shared.TEXT + size] = np.frombuffer(text, np.uint8)
            error = error_of(attach_shared, name)
            assert error is None or error.startswith("expected the shared ring")
        assert tx.push(np.zeros(1, dtype)[0])

    @pytest.mark.parametrize("size", [0, 1, 10**6, 2**63, 2**64 - 1])
    def test_of_the_size_of_that(self, name, size):
        create_shared(name, np.int64, 4)
        bytes_of(name)[_shared.TEXT_NBYTES : _shared.TEXT].view(np.uint64)[0] = size
        with pytest.raises(JitkitError, match=r"^expected the shared ring .* to say what its elements are"):
            attach_shared(name)

    @pytest.mark.parametrize("policy", ["reject", "overwrite"])
    @pytest.mark.parametrize("role", ["consumer", "producer"])
    def test_of_counters(self, name, policy, role):
        """Each word that changes is nonsense by turns: then no more elements go in or out than there are slots."""
        code = """
from pathlib import Path
from jitkit.ring import _shared
from jitkit.ring._block import HEADER_NBYTES, TAIL
name, policy, role = sys.argv[1:]
many = np.arange(1_000_000)
for place in range(TAIL, HEADER_NBYTES, 8):
    for value in (3, 5, 1 << 20, 1 << 31, 1 << 63, (1 << 64) - 1):
        tx = jk.ring.create_shared(name, "i8", 4, policy)
        tx.extend([7, 8])
        words = np.memmap(Path("/dev/shm") / name, np.uint64, "r+")
        words[_shared.LEASES["producer"] // 8] = 0  # nobody has it
        words[place // 8] = value
        try:
            end = jk.ring.attach_shared(name, role=role)
            count = end.extend(many) if role == "producer" else end.drain(many.copy())
            assert count <= (len(many) if policy == "overwrite" and role == "producer" else 4), (place, value, count)
            if role == "producer":
                end.push(1), end.reserve(10).fill(3)
            else:
                end.pop_or(1), len(end), end.closed
                if policy != "overwrite":
                    end.peek(10).sum()
        except (JitkitError, ValueError) as error:
            assert str(error).startswith("expected "), error
        jk.ring.unlink_shared(name)
print("done")
"""
        assert in_new_process(code, name, policy, role) == "done\n"
