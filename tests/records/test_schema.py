"""Which way a schema is decoded, and that it is the one with the least to load."""

import json
import os
import subprocess
import sys

import pytest

import jitkit as jk
from jitkit._core import cpu
from jitkit.records import _schema
from jitkit.records._schema import TableCost


def in_new_process(code, **settings):
    environment = {name: value for name, value in os.environ.items() if name not in cpu.SETTINGS} | settings
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout)


RECORDS = """
import json, sys
import jitkit as jk

class Sample(jk.Record, layout="packed", byteorder="big"):
    apid: int = jk.bits(11)
    mode: int = jk.enum_(jk.bits(5), {0: "idle", 3: "armed"})
    level: float = jk.scaled(jk.i16, scale=0.5, valid=(0, 10))
    axes: object = jk.array(jk.f32, 3)
    ok: jk.boolean

data = bytes([0xFF, 0xE3, 0, 9, *bytes(12), 1]) * 5
"""


class TestTheFirstRecordsOfAProcess:
    def test_need_no_numba(self):
        found = in_new_process(f"""{RECORDS}
columns = Sample.columns(data)
values = [columns[name].tolist() for name in ("apid", "mode", "level", "ok")]
print(json.dumps([values, columns.valid("level").tolist(), "numba" in sys.modules]))
""")
        assert found == [[[2047] * 5, [3] * 5, [4.5] * 5, [True] * 5], [True] * 5, False]

    def test_need_no_numba_to_be_refused(self):
        found = in_new_process(f"""{RECORDS}
try:
    Sample.columns(data + bytes([0, 1, *bytes(15)]))
except jk.DecodeError as error:
    print(json.dumps([str(error), "numba" in sys.modules]))
""")
        assert found == ["expected 0 (idle) or 3 (armed), got 1 at offset 86 (field mode, record 5)", False]

    def test_are_decoded_where_numba_may_not_compile(self):
        environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
        done = subprocess.run(
            [sys.executable, "-c", f"{RECORDS}\nprint(Sample.columns(data)['level'].tolist())"],
            capture_output=True, text=True, check=True, env=environment,
        )  # fmt: skip
        assert done.stdout == "[4.5, 4.5, 4.5, 4.5, 4.5]\n"


def test_tables_and_pack_need_numba_once(tmp_path):
    """The kernels are kept as object files: the next process loads them without it."""
    program = f"""{RECORDS}
from jitkit.records._schema import table_cost
table_cost.pay()
columns = Sample.columns(data)
assert Sample._all._specialised is None
again = Sample.pack(columns)
try:
    Sample.columns(data + bytes([0, 1, *bytes(15)]))
except jk.DecodeError as error:
    print(json.dumps([columns["level"].tolist(), again == data, str(error), "numba" in sys.modules]))
"""
    expected = [[4.5] * 5, True, "expected 0 (idle) or 3 (armed), got 1 at offset 86 (field mode, record 5)"]
    assert in_new_process(program, JITKIT_CACHE_DIR=str(tmp_path)) == [*expected, True]
    assert in_new_process(program, JITKIT_CACHE_DIR=str(tmp_path)) == [*expected, False]
    assert in_new_process(program, JITKIT_CACHE_DIR=str(tmp_path), NUMBA_OPT="1") == [
        *expected,
        True,
    ]  # another setting


def test_an_empty_input_compiles_nothing(model, tmp_path):
    record = model.make_record({"a": jk.u8}, layout="packed")
    (tmp_path / "empty").touch()
    for source in (b"", tmp_path / "empty"):
        assert record.columns(source)["a"].tolist() == []
    assert list(record.iter_batches(b"")) == []
    assert record._all._specialised is None
    assert "_table_driven" not in vars(record._all)


@pytest.mark.parametrize("name", ["a\nb", 'a"b', "\N{GREEK SMALL LETTER ALPHA}"])
def test_a_record_may_have_any_name(model, name):
    record = model.make_record({"a": jk.u8}, layout="packed", name=name)
    record.compile()
    assert record.columns(b"\7")["a"].tolist() == [7]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_is_forked_while_a_thread_compiles_can_decode():
    found = in_new_process("""
import json, os, threading, time
import jitkit as jk
def record(n):
    import types
    fields = {f"f{i}": jk.u16.big for i in range(n)}
    return types.new_class("R", (jk.Record,), {}, lambda body: body.update({"__annotations__": fields, **fields}))
outcomes = []
for attempt in range(6):
    first, other = record(70), record(5)
    data = bytes(140)
    thread = threading.Thread(target=lambda: first.columns(data))
    thread.start()
    time.sleep(0.05 * attempt)
    child = os.fork()
    if child == 0:
        import faulthandler
        faulthandler.dump_traceback_later(20, exit=True)
        ok = first.columns(data)["f3"].tolist() == [0] and other.columns(bytes(10))["f4"].tolist() == [0]
        os._exit(0 if ok else 1)
    outcomes.append(os.waitpid(child, 0)[1])
    thread.join()
print(json.dumps(outcomes))
""")
    assert found == [0] * 6


class TestTheCostOfTheTable:
    def test_is_avoided_until_it_would_have_been_less(self):
        cost = TableCost()
        taken = 0
        while cost.is_avoided_by(30):
            taken += 30
        assert 0 < taken <= 500 < taken + 30
        assert not cost.is_avoided_by(30)
        assert cost.is_avoided_by(500 - taken)

    def test_is_paid_once(self):
        cost = TableCost()
        cost.pay()
        assert not cost.is_avoided_by(1)

    def test_ends_machine_code_for_small_inputs(self, model, monkeypatch):
        monkeypatch.setattr(_schema, "table_cost", TableCost())
        first, second, third = (model.make_record({"a": jk.u8, "b": jk.u16}, layout="packed") for _ in range(3))
        first.columns(bytes(3))
        assert first._all._specialised is not None
        monkeypatch.setattr(_schema, "SPECIALISE_STEPS", 1)  # a record of more steps needs the table ...
        second.columns(bytes(3))
        assert second._all._specialised is None
        monkeypatch.undo()
        third.columns(bytes(3))  # ... which then serves the others
        assert third._all._specialised is None
        assert first.columns(b"\1\2\3")["b"].tolist() == second.columns(b"\1\2\3")["b"].tolist() == [0x302]


def test_what_decodes_much_gets_machine_code_in_the_end(model, monkeypatch):
    record = model.make_record({"a": jk.u8, "b": jk.u16}, layout="packed")
    monkeypatch.setattr(_schema, "SPECIALISE_AFTER", 300)
    for i in range(100):
        assert record.columns(bytes([i, 1, 2]))["a"].tolist() == [i]
        assert (record._all._specialised is not None) == (3 * (i + 1) >= 300)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_arenas_of_one_size_are_one(model, count):
    schema = model.make_record({"a": jk.u8, "b": jk.u16.within(0, 5)}, layout="packed")._all
    arena = schema.arena(count)
    assert schema.arena(count) is arena
    assert schema.arena(count + 1) is not arena
    assert arena.offsets.tolist() == ([0, 0, 0] if count == 0 else [0, 64, 128])
    assert arena.size == (0 if count == 0 else 192)
