"""Machine code that Python calls: what goes in and out, what is refused, and when it is gone."""

import gc
import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from jitkit._core import cpu, native
from jitkit._core.ir import BYTE, WORD, constant, for_each, pointer

pytestmark = pytest.mark.kernel


def emit_total(builder, data, count, factor):
    """The sum of `count` bytes, times a factor."""
    total = builder.alloca(WORD)
    builder.store(constant(0), total)
    with for_each(builder, constant(0), count) as i:
        byte = builder.load(pointer(builder, builder.add(data, i), BYTE))
        builder.store(builder.add(builder.load(total), builder.zext(byte, WORD)), total)
    return builder.mul(builder.load(total), factor)


@pytest.fixture(scope="module")
def total():
    return native.python_function("total", ("buffer", "int", "int"), emit_total)


class TestCalls:
    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)])
    def test_take_any_buffer_and_give_an_int(self, total, kind):
        assert total(kind(bytes([1, 2, 250])), 3, 2) == 506

    def test_take_negative_numbers(self, total):
        assert total(b"\1\2", 2, -(2**62) // 3) == -(2**62) // 3 * 3

    def test_show_the_name(self, total):
        assert total.__name__ == "total"
        assert "built-in method total" in repr(total)

    @pytest.mark.parametrize("arguments", [(), (b"",), (b"", 0), (b"", 0, 0, 0)])
    def test_need_all_arguments(self, total, arguments):
        with pytest.raises(TypeError, match="bad argument"):
            total(*arguments)

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (("text", 0, 0), TypeError),
            ((None, 0, 0), TypeError),
            ((b"", "0", 0), TypeError),
            ((b"", 0, 1.5), TypeError),
            ((b"", 2**63, 0), OverflowError),
            ((np.zeros((4, 4), np.uint8)[:, ::2], 0, 0), ValueError),
        ],
    )
    def test_refuse_what_they_cannot_take(self, total, arguments, error):
        with pytest.raises(error):
            total(*arguments)

    def test_give_buffers_back_whatever_happens(self):
        both = native.python_function("both", ("buffer", "buffer"), lambda *_: constant(7))
        data = bytearray(10)
        assert both(data, data) == 7
        with pytest.raises(TypeError):
            both(data, "text")
        with pytest.raises(TypeError):
            both(data)
        data.extend(b"more")  # a BufferError if somebody still held it

    def test_do_not_grow_or_lose_references(self, total):
        data = bytearray(b"\1\2\3")
        before = sys.getrefcount(data)
        for _ in range(1000):
            total(data, 3, 1)
        assert sys.getrefcount(data) == before


def test_objects_come_as_they_are_and_go_as_new_references():
    def emit(builder, item):
        native.call(builder, "Py_IncRef", native.ir.VoidType(), item)
        return item

    same = native.python_function("same", ("object",), emit, returns="object")
    item = object()
    before = sys.getrefcount(item)
    assert all(same(item) is item for _ in range(100))
    assert sys.getrefcount(item) == before


def test_an_error_that_a_body_sets_is_raised():
    def emit(builder):
        native.call(builder, "PyErr_NoMemory", native.OBJECT)
        return native.OBJECT(None)

    with pytest.raises(MemoryError):
        native.python_function("full", (), emit, returns="object")()


def test_other_threads_run_meanwhile():
    """The body waits for a byte that only another thread can write."""

    def emit(builder, flag):
        head, done = builder.append_basic_block("head"), builder.append_basic_block("done")
        builder.branch(head)
        builder.position_at_end(head)
        byte = builder.load_atomic(pointer(builder, flag, BYTE), "acquire", 1)
        builder.cbranch(builder.icmp_unsigned("==", byte, BYTE(0)), head, done)
        builder.position_at_end(done)
        return builder.zext(byte, WORD)

    wait = native.python_function("wait", ("buffer",), emit)
    flag = bytearray(1)
    timer = threading.Timer(0.05, flag.__setitem__, (0, 42))
    timer.start()
    assert wait(flag) == 42
    timer.join()


def test_the_code_lives_as_long_as_the_function():
    function = native.python_function("seven", (), lambda _: constant(7))
    code = weakref.ref(function.__self__)
    assert function() == 7
    del function
    gc.collect()
    assert code() is None


def test_functions_of_one_name_do_not_meet():
    functions = [native.python_function("same", (), lambda _, i=i: constant(i)) for i in range(5)]
    assert [function() for function in functions] == [0, 1, 2, 3, 4]


def test_compiling_loads_no_numba():
    code = """
import sys
from jitkit._core import native
assert native.python_function("one", ("int",), lambda builder, x: x)(5) == 5
print("numba" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=cpu_settings_removed()
    )
    assert done.stdout == "False\n"


def cpu_settings_removed():
    return {name: value for name, value in os.environ.items() if name not in cpu.SETTINGS}


def test_the_processor_is_the_one_that_numba_compiles_for():
    from numba.core.registry import cpu_target

    assert cpu.settled() == cpu_target.target_context.codegen().magic_tuple()[1:]


def test_without_numba_the_processor_is_the_same():
    code = "import sys; from jitkit._core import cpu; print('numba' in sys.modules); print(*cpu.settled(), sep=chr(10))"
    environment = cpu_settings_removed()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    asked = subprocess.run(
        [sys.executable, "-c", "import numba; " + code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.splitlines()[0] == "False"
    assert done.stdout.splitlines()[1:] == asked.stdout.splitlines()[1:]


class TestKeptCode:
    PROGRAM = """
import sys, time
from jitkit._core import native
from jitkit._core.ir import constant
compiled = []
compile_object = native._object
native._object = lambda *arguments: compiled.append(1) or compile_object(*arguments)
for number in map(int, sys.argv[1:]):
    print(native.python_function("number", (), lambda builder: constant(number))(), end=" ")
native.python_function("other", (), lambda builder: constant(0), keep=False)
print(len(compiled), "numba" in sys.modules)
"""

    def run(self, directory, *numbers):
        done = subprocess.run(
            [sys.executable, "-c", self.PROGRAM, *map(str, numbers)], capture_output=True, text=True, check=True,
            env=cpu_settings_removed() | {"JITKIT_CACHE_DIR": str(directory), "XDG_CACHE_HOME": str(directory)},
        )  # fmt: skip
        return done.stdout.split()

    def test_is_found_by_the_next_process(self, tmp_path):
        assert self.run(tmp_path, 5, 6) == ["5", "6", "3", "False"]
        assert self.run(tmp_path, 6, 5) == ["6", "5", "1", "False"]  # what is not to be kept
        assert self.run(tmp_path, 5, 7) == ["5", "7", "2", "False"]

    def test_is_compiled_anew_where_it_is_damaged(self, tmp_path):
        self.run(tmp_path, 5)
        (entry,) = tmp_path.rglob("*.jkc")
        data = bytearray(entry.read_bytes())
        data[len(data) // 2] ^= 1
        entry.write_bytes(data)
        assert self.run(tmp_path, 5) == ["5", "2", "False"]
        assert self.run(tmp_path, 5) == ["5", "1", "False"]

    def test_is_not_needed(self, tmp_path):
        (tmp_path / "file").touch()
        assert self.run(tmp_path / "file" / "below", 5) == ["5", "2", "False"]
