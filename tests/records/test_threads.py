"""Many threads at once: one class or several, also while a decoder is being compiled."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import jitkit as jk

pytestmark = pytest.mark.kernel

THREADS = 8


def together(function, count=THREADS):
    """Call `function(0)`, ... from threads that start at the same moment, and return what they return."""
    start = threading.Barrier(count)

    def call(i):
        start.wait()
        return function(i)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


@pytest.fixture
def record(model):
    """A record class that nobody has used yet."""
    fields = {
        "counter": jk.u32,
        "kind": jk.bits(3),
        "level": jk.bits(13, signed=True),
        "volts": jk.scaled(jk.i16, scale=0.5, valid=(-100.0, 100.0)),
        "mode": jk.enum_(jk.u8, {0: "idle", 1: "armed"}),
    }
    return model.make_record(fields, layout="packed", byteorder="big")


def encoded(record, thread, count):
    """Records that tell whose they are, and their columns."""
    columns = {
        "counter": np.arange(count) + 1000 * thread,
        "kind": np.full(count, thread % 8),
        "level": np.arange(count) % 4096 - thread,
        "volts": np.arange(count) % 300 - thread / 2,
        "mode": np.arange(count) % 2,
    }
    return record.pack(columns), {name: column.tolist() for name, column in columns.items()}


def decoded(columns):
    return {name: column.tolist() for name, column in columns.items()}


def test_decode_with_one_class(record):
    """With counts that differ: what a class remembers of its latest call must not mix."""
    inputs = [encoded(record, i, 100 * i + 1) for i in range(THREADS)]

    def decode(i):
        data, expected = inputs[i]
        valid = [-100 <= volts <= 100 for volts in expected["volts"]]
        for _ in range(30):
            columns = record.columns(data)
            assert decoded(columns) == expected
            assert columns.valid("volts").tolist() == valid
        return True

    assert together(decode) == [True] * THREADS


def test_compile_while_others_decode(record):
    inputs = [encoded(record, i, 300) for i in range(THREADS)]

    def decode(i):
        data, expected = inputs[i]
        if i % 2:
            record.compile()
        return all(decoded(record.columns(data)) == expected for _ in range(30))

    assert together(decode) == [True] * THREADS
    assert record._schema(None)._specialised is not None


def test_many_compile_one_decoder_once(record, monkeypatch):
    from jitkit.records import _specialised

    compiled = []
    specialise = _specialised.specialise
    monkeypatch.setattr(_specialised, "specialise", lambda *schema: compiled.append(schema) or specialise(*schema))
    together(lambda _: record.compile())
    assert len(compiled) == 1


def test_two_classes_side_by_side(model):
    records = [
        model.make_record({"a": jk.u16, "b": jk.array(jk.u8, 3)}, layout="packed", byteorder=order)
        for order in model.ORDERS
    ]
    data = np.random.default_rng(0).bytes(5 * 700)
    expected = [record.view(data) for record in records]

    def decode(i):
        record, rows = records[i % 2], expected[i % 2]
        if i >= THREADS // 2:
            record.compile()
        for _ in range(30):
            columns = record.columns(data)
            assert columns["a"].tolist() == rows["a"].tolist()
            assert columns["b"].tolist() == rows["b"].tolist()
        return True

    assert together(decode) == [True] * THREADS


def test_errors_stay_with_their_thread(record):
    inputs = []
    for i in range(THREADS):
        data = bytearray(encoded(record, i, 300)[0])
        data[(i * 37 + 1) * record.itemsize - 1] = 2 + i
        inputs.append(bytes(data))

    def decode(i):
        found = []
        for _ in range(30):
            with pytest.raises(jk.DecodeError, match=f"got {2 + i} at") as raised:
                record.columns(inputs[i])
            found.append(raised.value.record)
        return set(found)

    assert together(decode) == [{i * 37} for i in range(THREADS)]


def test_read_and_pack_at_once(record):
    data, expected = encoded(record, 3, 300)
    read = record.reader("level")

    @jk.jit
    def total(buffer):
        levels = 0
        for i in range(len(buffer) // record.itemsize):
            levels += read(buffer, i)
        return levels

    def work(i):
        if i % 2:
            return record.pack(record.columns(data)) == data
        return total(data) == sum(expected["level"])

    assert together(work) == [True] * THREADS


def test_batches_of_one_file(record, tmp_path):
    data, expected = encoded(record, 1, 1000)
    path = tmp_path / "records.bin"
    path.write_bytes(data)

    def decode(i):
        batches = record.iter_batches(path, nbytes=100 * (i + 1))
        return np.concatenate([batch["counter"] for batch in batches]).tolist()

    assert together(decode) == [expected["counter"]] * THREADS


def test_other_threads_run_while_one_decodes(record):
    """With a switch interval of an hour a thread gets its turn only when another gives up the GIL of its own accord."""
    data = bytes(record.itemsize) * 3_000_000
    record.columns(data)  # compiled
    ready, ran, done = threading.Event(), threading.Event(), threading.Event()
    out = record.columns(data)
    order = []

    def decode():
        ready.set()
        record.columns(data, out=out)
        order.append("decoded")
        done.set()

    interval = sys.getswitchinterval()
    try:
        sys.setswitchinterval(3600)
        for _ in range(20):  # on a busy machine this thread may be late for one decoding
            order.clear(), ready.clear(), done.clear()
            worker = threading.Thread(target=decode)
            worker.start()
            ready.wait()
            order.append("ran")
            worker.join()
            if order == ["ran", "decoded"]:
                ran.set()
                break
    finally:
        sys.setswitchinterval(interval)
    assert ran.is_set()


def test_the_first_use_of_all_may_come_from_many_threads():
    """In a process where nothing is imported or compiled yet."""
    script = """
import threading
import jitkit as jk
class R(jk.Record, layout="packed", byteorder="big"):
    a: jk.u16
    on: jk.boolean
start, found = threading.Barrier(8), []
def work(i):
    start.wait()
    data = bytes([0, i, 1]) * (200 + i)
    columns = R.columns(data)
    found.append((columns["a"].tolist() == [i] * (200 + i), bool(columns["on"].all()), R.pack(columns) == data))
threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print(found == [(True, True, True)] * 8)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("True\n", "")
