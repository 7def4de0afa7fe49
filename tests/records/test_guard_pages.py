"""Nothing is read or written outside what was given: buffers and columns between pages that nobody may touch.

One byte too far ends the process, so each test runs this file in a process of its own and looks how that ended. The
bounds checks of numba do not see this: they know of arrays, and these kernels load from addresses.
"""

import random
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

import jitkit as jk
from jitkit.records import Columns, _decode, _pack, _schema
from jitkit.records._layout import width_of

pytestmark = pytest.mark.kernel

PLACES = ("at_end", "at_start")
MACHINE_COUNTS = (2, 64, 257)  # of records: the last are decoded one by one, as vectors of any length, and as both


def in_a_process(*functions):
    """Run functions of this file; their process must end well. Gives how much each has checked."""
    done = subprocess.run([sys.executable, __file__, *functions], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (
        f"exit code {done.returncode} (-11: touched a forbidden page)\n{done.stdout}{done.stderr}"
    )
    return {name: int(count) for name, count in map(str.split, done.stdout.splitlines())}


@pytest.mark.parametrize("touch", ["read_behind", "read_before", "write_behind"])
def test_the_pages_are_forbidden(touch):
    """The other tests would see a byte too far: here it is."""
    done = subprocess.run([sys.executable, __file__, touch], capture_output=True, timeout=60)
    assert done.returncode in (-signal.SIGSEGV, -signal.SIGBUS)


def test_the_table_path_and_pack_and_readers_stay_inside():
    checked = in_a_process("decode_by_table", "decode_batches", "pack_columns", "read_in_kernels")
    assert checked["decode_by_table"] >= 300
    assert checked["decode_batches"] == 40
    assert checked["pack_columns"] >= 300
    assert checked["read_in_kernels"] == 2 * 2 * 12


def test_the_specialised_path_stays_inside():
    assert in_a_process("decode_by_machine_code")["decode_by_machine_code"] >= 150


def test_the_path_of_large_inputs_stays_inside():
    assert in_a_process("decode_past_the_caches")["decode_past_the_caches"] >= 150


# What the processes do.


def beyond(array, step):
    """The byte behind an array (step 1), or before it (step -1)."""
    return np.lib.stride_tricks.as_strided(array[-1:] if step > 0 else array[:1], (2,), (step,))


def read_behind(model):
    return beyond(model.Guarded(100).at_end, 1)[1]


def read_before(model):
    return beyond(model.Guarded(100).at_start, -1)[1]


def write_behind(model):
    beyond(model.Guarded(100).at_end, 1)[1] = 1


def around(model, data, place):
    """A copy of bytes with a forbidden page at one side."""
    memory = getattr(model.Guarded(len(data)), place)
    memory[:] = np.frombuffer(data, np.uint8)
    return memory


def decode_guarded(model, record, data):
    """Decode with forbidden pages around the input and every column and mask, and compare with the twin."""
    masked = sum(leaf.valid is not None for leaf in record._leaves)
    for place in PLACES:
        made = []

        def guarded_empty(*shape_and_dtype, place=place, made=made):
            made.append(model.guarded(place, *shape_and_dtype))
            return made[-1]

        source = around(model, data, place)
        # Columns and masks that `out` lacks are made by `np.empty`, one by one.
        with mock.patch.object(np, "empty", guarded_empty):
            columns = record.columns(source, out={})
        assert len(made) == len(columns.keys()) + masked
        model.assert_columns(columns, record, data)


def edge_records(model):
    """Small records whose last field ends with the record, and whose first begins with it.

    Every width of bits, signed and not, in both orders, and every number: the words that cover them may not.
    """
    numbers = [jk.u8, jk.i16, jk.u32, jk.i64, jk.f16, jk.f32, jk.f64]
    for byteorder in model.ORDERS:
        for width in range(1, 65):
            field = jk.bits(width, signed=width % 3 == 1)
            middle = jk.bits(-2 * width % 8 or 8)
            yield {"a": field, "b": middle, "c": field}, byteorder
        for number in numbers:
            yield {"a": number, "b": jk.scaled(number, 0.5, valid=(0, 1)), "c": number.within(0, 5)}, byteorder
        for number in (jk.u8, jk.u16, jk.f16, jk.bits(3), jk.bits(12), jk.bits(63), jk.bytes_(3)):
            for length in (2, 8, 16, 300):
                other = jk.bits(-length * width_of(number) % 8 or 8)
                yield {"a": jk.array(number, length), "b": other}, byteorder
                yield {"b": other, "a": jk.array(number, length)}, byteorder
        for lead in (0, 1, 4, 7):
            for words in range(2, 6):  # which are loaded as one vector
                head = {"lead": jk.bytes_(lead)} if lead else {}
                yield head | {f"w{i}": (jk.f32, jk.u32, jk.i32)[i % 3] for i in range(words)}, byteorder
        yield {"a": jk.bytes_(17), "b": jk.boolean, "c": jk.enum_(jk.bits(63), {0: "zero"}), "d": jk.bits(1)}, byteorder


def edge_bytes(record, count):
    """Zeros for what is checked, else noise."""
    checked = any(leaf.labels or leaf.kind == "?" for leaf in record._leaves)
    return bytes(count * record.itemsize) if checked else np.random.default_rng(count).bytes(count * record.itemsize)


def decode_by_table(model):
    done = 0
    for i, (fields, byteorder) in enumerate(edge_records(model)):
        record = model.make_record(fields, layout="packed", byteorder=byteorder)
        for count in (1, 257) if i % 8 == 0 and record.itemsize < 100 else (1, 3):
            decode_guarded(model, record, edge_bytes(record, count))
        done += 1
    for seed in range(60):
        source = random.Random(seed)
        record = model.random_record(source)
        decode_guarded(
            model, record, model.random_bytes(source, record, model.random_count(source, record), clean=True)
        )
        done += 1
    return done


def decode_by_machine_code(model):
    done = 0
    for i, (fields, byteorder) in enumerate(edge_records(model)):
        if i % 2 and "w0" not in fields:
            continue  # the compiler takes some hundredths of a second for each
        record = model.make_record(fields, layout="packed", byteorder=byteorder)
        record.compile()
        for count in MACHINE_COUNTS if record.itemsize < 100 else (1, 3):
            decode_guarded(model, record, edge_bytes(record, count))
        done += 1
    return done


def decode_past_the_caches(model):
    """All columns lie in one arena, which fills whole cache lines: it ends, or starts, at a forbidden page."""
    done = 0
    for i, (fields, byteorder) in enumerate(edge_records(model)):
        if i % 2 == 0 and "w0" not in fields:
            continue
        record = model.make_record(fields, layout="packed", byteorder=byteorder)
        for count in MACHINE_COUNTS if record.itemsize < 100 else (1, 3):
            data = edge_bytes(record, count)
            for place in PLACES:
                source = around(model, data, place)
                arena = record._all.arena(count)
                target = Columns(arena, model.guarded(place, arena.size, np.uint8))
                with (
                    mock.patch.object(_decode, "fresh", lambda *_, target=target: target),
                    mock.patch.object(_schema, "STREAM_FROM", 0),
                ):
                    columns = record.columns(source)
                assert columns is target
                assert record._all._specialised is None  # nothing was misaligned
                model.assert_columns(columns, record, data)
        done += 1
    return done


def decode_batches(model):
    record = model.make_record({"a": jk.bits(7), "b": jk.bits(57), "c": jk.boolean}, layout="packed", byteorder="big")
    done = 0
    for count in (1, 255, 256, 257, 600):
        data = b"".join(i.to_bytes(8, "big") + b"\1" for i in range(count))
        for place in PLACES:
            for rest in (0, 8):
                for nbytes in (9, 9 * 256):
                    source = around(model, data + bytes(rest), place)
                    batches = list(record.iter_batches(source, nbytes=nbytes, tail="keep"))
                    assert np.concatenate([batch["b"] for batch in batches]).tolist() == list(range(count))
                    assert batches[-1].tail == bytes(rest)
                    done += 1
    return done


def pack_columns(model):
    """Both what `pack` writes to and what its kernel reads from end, or start, at a forbidden page."""
    raw_column, zeros = _pack.raw_column, np.zeros
    current = PLACES[0]

    def guarded_column(leaf, values, *more):
        raw = raw_column(leaf, values, *more)
        copy = model.guarded(current, raw.shape, raw.dtype)
        copy[...] = raw
        return copy

    def guarded_zeros(shape, dtype=float):
        is_target = isinstance(shape, int) and dtype is np.uint8
        return model.guarded(current, shape, dtype) if is_target else zeros(shape, dtype)

    records = [model.make_record(fields, layout="packed", byteorder=order) for fields, order in edge_records(model)]
    records += [model.random_record(random.Random(seed)) for seed in range(60)]
    done = 0
    for record in records:
        for count in (1, 257) if record.itemsize < 20 else (2,):
            columns = record.columns(model.random_bytes(random.Random(0), record, count, clean=True))
            try:
                expected = record.pack(columns)
            except jk.DecodeError:  # scaled values that rounding has moved out of the raw type's range
                continue
            for current in PLACES:  # noqa: B007 (the two functions above look at it)
                with (
                    mock.patch.object(_pack, "raw_column", guarded_column),
                    mock.patch.object(np, "zeros", guarded_zeros),
                ):
                    assert record.pack(columns) == expected
            done += 1
    return done


def read_in_kernels(model):
    done = 0
    for byteorder in model.ORDERS:
        fields = {
            "a": jk.bits(1), "b": jk.bits(64), "c": jk.bits(7), "d": jk.array(jk.bits(12), 2), "e": jk.f16, "f": jk.u64,
            "g": jk.array(jk.i16, (2, 2)), "h": jk.bytes_(3), "i": jk.bits(20), "j": jk.bits(3), "k": jk.bits(1),
        }  # fmt: skip
        record = model.make_record(fields, layout="packed", byteorder=byteorder)
        last = record.reader("k"), record.reader("i"), record.reader("b")

        @jk.jit
        def load(buffer, i, record=record):
            return record.load(buffer, i)

        first, second, third = last

        @jk.jit
        def read(buffer, i, first=first, second=second, third=third):
            return first(buffer, i), second(buffer, i), third(buffer, i)

        for place in PLACES:
            for count, rest in ((1, 0), (2, 0), (2, 5), (1, record.itemsize - 1), (0, 0), (0, 7)):
                data = np.random.default_rng(count).bytes(count * record.itemsize + rest)
                source = around(model, data, place)
                for i in range(count):
                    expected = record.load(data, i)
                    assert tuple(load(source, i))[:3] == (expected.a, expected.b, expected.c)
                    assert read(source, i) == (expected.k, expected.i, expected.b)
                for call in (load, read):
                    for i in (count, -1, 2**62, -(2**63)):
                        with pytest.raises(IndexError):
                            call(source, i)
                    done += 1
    return done


if __name__ == "__main__":
    helpers = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("conftest.py"))))
    for function in sys.argv[1:]:
        print(function, globals()[function](helpers), flush=True)
