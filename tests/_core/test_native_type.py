"""Classes whose methods are machine code: words, arguments, documentation, references, and what is left to Python."""

import gc
import inspect
import os
import pickle
import subprocess
import sys
import weakref

import pytest

from jitkit._core.ir import WORD, constant, ir, pointer
from jitkit._core.native import OBJECT, call
from jitkit._core.native_type import emit_method_call, emit_word, functions, method_code, native_base, replace_methods

WORDS = ("_first", "_second")


def emit_same(builder, _, argument):
    call(builder, "Py_IncRef", ir.VoidType(), argument)
    return argument


def emit_sum(builder, instance, _):
    total = builder.add(emit_word(builder, instance, 0), emit_word(builder, instance, 1))
    return call(builder, "PyLong_FromSsize_t", OBJECT, total)


def emit_text(builder, _, argument):
    return call(builder, "PyObject_Str", OBJECT, argument)


def emit_slowly(builder, instance, argument):
    return emit_method_call(builder, instance, "_slowly", argument)


def emit_nothing(builder, instance, _):
    return emit_method_call(builder, instance, "_nothing")


EMITTERS = {"same": emit_same, "sum": emit_sum, "text": emit_text, "slowly": emit_slowly, "nothing": emit_nothing}


class Example(native_base("tests.Words", WORDS)):
    __slots__ = ("__weakref__", "seen")

    def same(self, thing):
        """Give a thing back.

        Whatever it is.
        """

    def sum(self):
        """Add the words up."""

    def text(self, thing):
        """Text of a thing."""

    def slowly(self, thing):
        """Leave it to Python."""
        if isinstance(thing, BaseException):
            raise thing
        self.seen = thing
        return [thing]

    def nothing(self):
        """Leave that to Python, too."""
        return self._first


CODE = method_code("tests", EMITTERS)
replace_methods(Example, CODE)


@pytest.fixture
def example():
    return Example()


class TestWords:
    def test_are_zeros_at_first(self, example):
        assert (example._first, example._second, example.sum()) == (0, 0, 0)

    def test_hold_integers_of_64_bits(self, example):
        for value in (1, -1, 2**63 - 1, -(2**63)):
            example._second = value
            assert (example._first, example._second, example.sum()) == (0, value, value)
        for wrong in (2**63, -(2**63) - 1):
            with pytest.raises(OverflowError):
                example._first = wrong
        for wrong in (1.5, "1", None):
            with pytest.raises(TypeError):
                example._first = wrong
        with pytest.raises(TypeError):
            del example._first

    def test_lie_behind_the_head_of_an_object(self):
        base = Example.__base__
        assert base.__basicsize__ == object.__basicsize__ + 8 * len(WORDS)
        assert (base.__name__, base.__module__) == ("Words", "tests")
        with pytest.raises(AttributeError):
            base().other = 1

    def test_are_of_each_object(self):
        examples = [Example() for _ in range(100)]
        for i, each in enumerate(examples):
            each._first, each._second = i, 1000 * i
        assert [each.sum() for each in examples] == [1001 * i for i in range(100)]


class TestMethods:
    def test_are_documented_as_they_were_in_python(self):
        assert Example.same.__doc__ == "Give a thing back.\n\nWhatever it is."
        assert Example.sum.__doc__ == "Add the words up."
        assert str(inspect.signature(Example.same)) == "(self, thing, /)"
        assert str(inspect.signature(Example().same)) == "(thing, /)"
        assert str(inspect.signature(Example().sum)) == "()"
        assert (Example.same.__name__, Example.same.__qualname__) == ("same", "Example.same")
        assert repr(Example.same) == "<method 'same' of 'Example' objects>"

    def test_are_built_in(self, example):
        assert inspect.ismethoddescriptor(Example.same)
        assert inspect.isbuiltin(example.same)
        method = example.same
        del example
        gc.collect()
        assert method("x") == "x"  # which keeps its object alive

    def test_take_what_they_were_written_for(self, example):
        for wrong, message in (
            (lambda: example.same(), r"^Example\.same\(\) takes exactly one argument \(0 given\)$"),
            (lambda: example.same(1, 2), r"^Example\.same\(\) takes exactly one argument \(2 given\)$"),
            (lambda: example.same(thing=1), r"^Example\.same\(\) takes no keyword arguments$"),
            (lambda: example.sum(1), r"^Example\.sum\(\) takes no arguments \(1 given\)$"),
            (lambda: example.sum(x=1), r"^Example\.sum\(\) takes no keyword arguments$"),
            (lambda: Example.same(), r"^unbound method Example\.same\(\) needs an argument$"),
            (
                lambda: Example.same(object(), 1),
                r"^descriptor 'same' for 'Example' objects doesn't apply to a 'object'",
            ),
            (lambda: Example.sum(Example.__base__()), "doesn't apply to a 'tests.Words' object"),
        ):
            with pytest.raises(TypeError, match=message):
                wrong()
        assert Example.same(example, 5) == 5

    def test_count_references(self, example):
        thing = object()

        def counts():
            gc.collect()
            return [sys.getrefcount(each) for each in (thing, example, Example, None)]

        def use():
            example.same(thing), example.sum(), example.text(thing), example.slowly(thing), example.nothing()
            Example().same(thing)
            with pytest.raises(ZeroDivisionError):
                example.slowly(ZeroDivisionError())

        use()
        before = counts()
        for _ in range(1000):
            use()
        assert max(abs(now - then) for now, then in zip(counts(), before, strict=True)) < 300  # None has other users

    def test_let_go_of_their_objects(self):
        example = Example()
        example.slowly(3)
        gone = weakref.ref(example)
        del example
        assert gone() is None

    def test_leave_the_rest_to_python(self, example):
        assert example.slowly(3) == [3]
        assert example.seen == 3
        example._first = 7
        assert example.nothing() == 7

    @pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(2)], ids=repr)
    def test_raise_what_python_raises(self, example, error):
        with pytest.raises(type(error)) as caught:
            example.slowly(error)
        assert caught.value is error
        assert [entry.name for entry in caught.traceback][-1] == "slowly"

        class Unprintable:
            def __str__(self):
                raise error

        with pytest.raises(type(error)):
            example.text(Unprintable())

    def test_are_inherited(self):
        class Derived(Example):
            def same(self, thing):
                return [super().same(thing)]

            def _slowly(self, thing):
                return "derived", thing

        derived = Derived()
        derived._first, derived.more = 5, 6
        assert (derived.same(1), derived.sum(), derived.slowly(1), derived.more) == ([1], 5, ("derived", 1), 6)
        assert pickle.loads(pickle.dumps(Example.same)) is Example.same

    def test_of_two_classes_are_two(self):
        class Other(native_base("tests.Others", ("only",))):
            __slots__ = ()

            def same(self, thing):
                """Give a thing back, of another class."""

            def text(self, other):
                """Text of another."""

        replace_methods(Other, {"same": CODE["same"], "text": CODE["same"]})
        assert (Other().same(5), Other().text(5), Example().text(5)) == (5, 5, "5")
        assert str(inspect.signature(Other.text)) == "(self, other, /)"
        with pytest.raises(TypeError, match="doesn't apply to a 'Other' object"):
            Example.same(Other(), 5)


def test_functions_are_found_by_address():
    import ctypes

    def emit(builder, address):
        value = builder.load(pointer(builder, address, WORD))
        builder.ret(builder.add(value, constant(1)))

    kind = ir.FunctionType(WORD, [WORD])
    found = functions("tests", {"next": (kind, emit), "again": (kind, emit)})
    word = ctypes.c_int64(41)
    for address in found.values():
        assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)(ctypes.addressof(word)) == 42


LATE = """
import os, sys
import jitkit as jk

class Late:
    def __init__(self):
        self.ring = jk.RingBuffer("f8", 4)
        self.ring.push(1.0)
        self.ring.pop()
        self.write = os.write

    def __del__(self):
        self.write(1, b"pushed" if self.ring.push(1.0) else b"full")

{keep} = Late()
"""


@pytest.mark.parametrize("keep", ["late", "sys.late", "os.late"])
def test_methods_work_until_the_very_end(keep):
    """Objects that other modules keep are the last to go."""
    done = subprocess.run([sys.executable, "-X", "dev", "-c", LATE.format(keep=keep)], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"pushed", b"")


WITHOUT = """
import sys
from jitkit._core import native_type

def fail(*_):
    raise SystemError("no such classes")

native_type.native_base = fail
from jitkit.ring import RingBuffer, _native
assert _native.Words is _native._PlainWords
assert "machine" not in repr(RingBuffer.push) and type(RingBuffer.push).__name__ == "function"
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-n", "0", *sys.argv[1:]]))
"""


@pytest.mark.parametrize("file", ["test_buffer.py", "test_values.py"])
def test_without_such_classes_rings_do_the_same_in_python(file):
    if not hasattr(os, "register_at_fork"):
        pytest.skip("started as on Linux")
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "ring", file)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-c", WITHOUT, path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert " passed" in done.stdout
