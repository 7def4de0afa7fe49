"""From a class body to fields: with annotations that are values, and with those that are text."""

import types

import pytest

import jitkit as jk


class ClassVarious(jk.Record, layout="packed"):
    """A record whose name begins like `ClassVar`."""

    x: jk.u8


@pytest.fixture(params=["", "from __future__ import annotations"], ids=["values", "text"])
def module(request):
    """Run a module's source, with or without the future import; gives its names."""

    def module(source, **names):
        names |= {"jk": jk, "__name__": "example"}
        exec(compile(f"{request.param}\n{source}", "example.py", "exec", dont_inherit=True), names)
        return types.SimpleNamespace(**names)

    return module


@pytest.fixture
def fields(module):
    """Define a record class `T` of the given body; gives what its fields are: names and types as text."""

    def fields(body, **names):
        lines = "\n    ".join(body.strip().splitlines())
        record = module(f"class T(jk.Record, layout='packed'):\n    {lines}\n", **names).T
        return {field.name: repr(field.type) for field in record._layout.fields}

    return fields


@pytest.fixture
def refused(fields):
    """The LayoutError's message that a body of `T` gives."""

    def refused(body, **names):
        with pytest.raises(jk.LayoutError) as caught:
            fields(body, **names)
        return str(caught.value)

    return refused


class TestOrder:
    def test_fields_stand_in_the_order_of_their_annotations(self, fields):
        found = fields("c: jk.u8\na: int = jk.bits(8)\nb: jk.u16\n_pad: None = jk.pad(1)")
        assert list(found.items()) == [("c", "u8"), ("a", "bits(8)"), ("b", "u16"), ("_pad", "pad(1)")]

    def test_and_not_in_that_of_their_values(self, fields):
        assert list(fields("b = jk.bits(8)\na: int = jk.bits(3)\nb: int\nc: int = jk.bits(5)")) == ["a", "b", "c"]


class TestWhatAnAnnotationMayBe:
    def test_a_field_type(self, fields):
        assert fields("x: jk.f32\ny: jk.boolean") == {"x": "f32", "y": "boolean"}

    def test_one_that_the_module_imported(self, module):
        source = "from jitkit import Record, u8, bits\nclass T(Record, layout='packed'):\n    u8: u8\n    x: u8"
        assert [field.name for field in module(source).T._layout.fields] == ["u8", "x"]

    def test_a_call_that_makes_one(self, fields):
        assert fields("x: jk.bits(8, signed=True)\ny: jk.array(jk.u8, (2, 3))") == {
            "x": "bits(8, signed=True)",
            "y": "array(u8, (2, 3))",
        }

    def test_one_with_a_byte_order_or_a_place(self, fields):
        assert fields("x: jk.u16.big.at(2)\ny: jk.u16.at(0)") == {"x": "u16", "y": "u16"}

    def test_text_within_quotes(self, fields):
        assert fields("x: 'jk.u8'\ny: 'ClassVarious'", ClassVarious=ClassVarious) == {"x": "u8", "y": "ClassVarious"}

    def test_another_record(self, fields):
        assert fields("inner: ClassVarious", ClassVarious=ClassVarious) == {"inner": "ClassVarious"}

    def test_any_type_beside_a_value(self, fields):
        assert fields("x: float = jk.u8\ny: 'no such thing' = jk.u8\nz: ClassVarious = ClassVarious", **globals()) == {
            "x": "u8", "y": "u8", "z": "ClassVarious"
        }  # fmt: skip

    def test_the_same_type_with_more_to_it(self, fields):
        assert fields("x: jk.u16 = jk.u16.big\ny: jk.u8 = jk.u8.within(0, 3).at(2)") == {"x": "u16", "y": "u8"}


class TestWhereNamesAreLookedUp:
    def test_in_the_module(self, module):
        module("class Inner(jk.Record): x: jk.u8\nclass T(jk.Record): inner: Inner")

    def test_in_the_function_around_the_class(self, module):
        source = """
def make():
    import jitkit as local
    class Inner(local.Record):
        x: local.u8
    class T(local.Record):
        inner: Inner
        many: list = local.array(Inner, 3)
    return T
T = make()
"""
        assert module(source).T.itemsize == 4

    def test_in_the_class_around_the_class(self, module):
        source = """
class Outer(jk.Record, layout="packed"):
    class Inner(jk.Record, layout="packed"):
        status: jk.u8
        level: jk.i16
    first: Inner
    second: Inner
"""
        outer = module(source).Outer
        assert outer.itemsize == 6
        record = outer.from_bytes(bytes([1, 2, 0, 3, 4, 0]))
        assert record == outer(first=outer.Inner(status=1, level=2), second=outer.Inner(status=3, level=4))

    def test_what_is_nowhere_is_named(self):
        with pytest.raises(jk.LayoutError) as caught:

            class T(jk.Record):
                x: "jk.u9"

        assert str(caught.value) == (
            "T.x: expected a jitkit field type or a Record class, got 'jk.u9', which is not defined here: "
            "write for example `x: jk.i32` or `x: int = jk.bits(3)`"
        )

    def test_a_record_cannot_hold_itself(self):
        with pytest.raises(jk.LayoutError) as caught:

            class Node(jk.Record):
                next: "Node"

        assert str(caught.value).startswith(
            "Node.next: expected a jitkit field type or a Record class, got 'Node', which is not defined here: "
        )


class TestWhatElseABodyMayHave:
    @pytest.mark.parametrize(
        ("imported", "annotation"),
        [
            ("from typing import ClassVar", "ClassVar"),
            ("from typing import ClassVar", "ClassVar[int]"),
            ("import typing", "typing.ClassVar[int]"),
            ("import typing as t", "t.ClassVar[int]"),
            ("from typing import ClassVar as Shared", "Shared[int]"),
        ],
    )
    def test_class_variables(self, module, imported, annotation):
        record = module(f"{imported}\nclass T(jk.Record):\n    x: jk.u8\n    limit: {annotation} = 3").T
        assert record.itemsize == 1
        assert record.limit == record(x=1).limit == 3

    def test_class_variables_without_a_value(self, module):
        record = module("from typing import ClassVar\nclass T(jk.Record):\n    x: jk.u8\n    limit: ClassVar[int]").T
        assert record.itemsize == 1
        assert not hasattr(record, "limit")

    @pytest.mark.parametrize("annotation", ["ClassVar[Missing]", "typing.ClassVar['Missing']"])
    def test_class_variables_of_a_type_for_type_checkers_only(self, annotation):
        names = {"jk": jk, "typing": types.SimpleNamespace()}
        source = f"from __future__ import annotations\nclass T(jk.Record):\n    x: jk.u8\n    limit: {annotation} = 3"
        exec(source, names)
        assert (names["T"].itemsize, names["T"].limit) == (1, 3)

    def test_a_record_is_no_class_variable_for_its_name(self, fields):
        assert fields("v: ClassVarious", ClassVarious=ClassVarious) == {"v": "ClassVarious"}

    def test_plain_attributes_methods_and_properties(self, module):
        record = module("""
class T(jk.Record, layout="packed"):
    '''What it is for.'''
    LIMIT = 3
    x: jk.u8
    def twice(self):
        return 2 * self.x
    y: jk.u8
    @property
    def total(self):
        return self.x + self.y
    @classmethod
    def origin(cls):
        return cls(x=0, y=0)
    @staticmethod
    def unit():
        return "m"
""").T
        one = record(x=1, y=2)
        assert (record.LIMIT, one.twice(), one.total, record.unit()) == (3, 2, 3, "m")
        assert bytes(record.origin()) == b"\0\0"
        assert record.__doc__ == "What it is for."

    def test_only_record_classes_that_are_made_there(self, refused):
        """`inner = Telemetry` looks like a field, and is none."""
        assert refused("x: jk.u8\ninner = ClassVarious", ClassVarious=ClassVarious) == (
            "T.inner: expected an annotation, which gives the field its place, got `inner = ...`: "
            "write `inner: ClassVarious`"
        )


class TestWhatIsNoField:
    @pytest.mark.parametrize(
        ("annotation", "shown"),
        [
            ("int", "int"),
            ("float | None", "float | None"),
            ("None", "None"),
            ("3", "3"),
            ("jk.Record", "Record"),
            ("jk.Columns", "Columns"),
            ("jk.bits", "bits"),
        ],
    )
    def test_an_annotation_alone_must_be_one(self, refused, annotation, shown):
        message = refused(f"x: {annotation}")
        assert message.startswith("T.x: expected a jitkit field type or a Record class, got ")
        assert message.endswith(": write for example `x: jk.i32` or `x: int = jk.bits(3)`")
        assert shown in message

    @pytest.mark.parametrize("value", ["5", "None", "'text'", "()", "int", "jk.Record", "jk.bits"])
    @pytest.mark.parametrize("annotation", ["jk.u8", "int"])
    def test_a_value_must_be_one_as_there_are_no_defaults(self, refused, annotation, value):
        message = refused(f"x: {annotation} = {value}")
        assert message == f"T.x: expected a field type, got {eval(value)!r}: fields have no defaults"

    def test_an_annotation_and_a_value_that_contradict_each_other(self, refused):
        assert refused("x: jk.u8 = jk.u16") == "T.x: expected one type, got the annotation u8 and the value u16"

    @pytest.mark.parametrize(
        ("value", "advice"),
        [
            ("jk.bits(3)", "x: int = ..."),
            ("jk.pad(3)", "x: None = jk.pad(3)"),
            ("jk.bytes_(3)", "x: bytes = jk.bytes_(3)"),
            ("jk.u8", "x: jk.u8"),
            ("jk.f32", "x: jk.f32"),
            ("jk.boolean", "x: jk.boolean"),
            ("jk.u16.big", "x: jk.u16"),
            ("jk.scaled(jk.u8, 0.5)", "x: float = ..."),
            ("jk.array(jk.u8, 3)", "x: np.ndarray = ..."),
            ("jk.enum_(jk.u8, {0: 'x'})", "x: int = ..."),
        ],
    )
    def test_a_value_without_an_annotation_has_no_place(self, refused, value, advice):
        message = refused(f"a: jk.u8\nx = {value}")
        assert message == (
            f"T.x: expected an annotation, which gives the field its place, got `x = ...`: write `{advice}`"
        )

    def test_a_body_must_have_fields(self, refused):
        assert refused("pass") == "T: expected at least one field"
        assert refused("def f(self): pass") == "T: expected at least one field"

    @pytest.mark.parametrize(
        "body",
        [
            "a: jk.u8\n_pad: None = jk.pad(3)\nb: jk.u32\n_pad: None = jk.pad(1)",
            "a: jk.u8\nb: jk.u8\na: jk.u16",
            "a: int = jk.bits(8)\nb: jk.u8\na: int = jk.bits(8)",
            "a: jk.u8\na: jk.u8",
            "a: int = jk.bits(8)\na = jk.u8",
            "a: int = jk.bits(8)\ndef a(self): pass",
        ],
        ids=["two pads", "two scalars", "two values", "neighbours", "a second value", "a method"],
    )
    def test_a_name_stands_for_one_field(self, refused, body):
        """Python itself would keep the first place and the last type, without a word."""
        name = "_pad" if "_pad" in body else "a"
        assert refused(body) == (
            f"T.{name}: expected each field once, got {name!r} twice: pads, too, need names of their own"
        )


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "view", "columns", "iter_batches", "pack", "compile", "source", "load", "reader", "from_bytes", "dtype",
            "itemsize", "_schema", "__bytes__", "__doc__",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("field", ["jk.u8", "int = jk.bits(8)"])
    def test_are_not_those_of_the_class_itself(self, refused, name, field):
        message = refused(f"{name}: {field}")
        assert message == f"T.{name}: expected another name: Record has an attribute {name!r} of its own"

    @pytest.mark.parametrize("name", ["_layout", "_leaves", "_schemas"])
    def test_nor_its_private_ones(self, refused, name):
        message = refused(f"{name}: jk.u8")
        assert message == f"T.{name}: expected another name: Record has an attribute {name!r} of its own"

    def test_do_not_begin_with_two_underscores(self, refused):
        assert refused("__x__: jk.u8").startswith("T.__x__: expected another name")

    @pytest.mark.parametrize("name", ["_x", "x_", "type", "count", "index", "name", "bytes", "größe", "mro"])
    def test_may_be_any_other(self, module, name):
        record = module(f"class T(jk.Record, layout='packed'):\n    first: jk.u8\n    {name}: jk.u8").T
        one = record(first=1, **{name: 2})
        assert getattr(one, name) == 2
        assert bytes(one) == b"\1\2"
        assert record.from_bytes(b"\1\2") == one

    def test_may_be_those_that_annotations_use(self, fields):
        assert fields("int: int = jk.bits(8)\njk: jk.u8\nx: jk.u16") == {"int": "bits(8)", "jk": "u8", "x": "u16"}
        assert fields("x: jk.u16\njk: int = jk.bits(8)") == {"x": "u16", "jk": "bits(8)"}

    def test_are_no_attributes_of_the_class(self, module):
        record = module("class T(jk.Record):\n    x: jk.u8\n    _y: int = jk.bits(8)").T
        assert not hasattr(record, "x")
        assert not hasattr(record, "_y")


class TestTheClassStatement:
    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ({"layout": "C"}, "T: expected layout to be 'c' or 'packed', got 'C'"),
            ({"layout": None}, "T: expected layout to be 'c' or 'packed', got None"),
            ({"byteorder": "<"}, "T: expected byteorder to be 'little' or 'big', got '<'"),
            ({"byteorder": "native"}, "T: expected byteorder to be 'little' or 'big', got 'native'"),
        ],
    )
    def test_refuses_other_options(self, option, message):
        with pytest.raises(jk.LayoutError) as caught:

            class T(jk.Record, **option):
                x: jk.u8

        assert str(caught.value) == message

    def test_names_an_option_that_there_is_not(self):
        with pytest.raises(TypeError, match="bytorder"):

            class T(jk.Record, bytorder="big"):
                x: jk.u8

    def test_defaults_to_the_layout_of_a_little_endian_c_compiler(self):
        class T(jk.Record):
            a: jk.u16
            _pad: None = jk.pad(2)
            b: jk.u32

        assert bytes(T(a=1, b=2)) == b"\1\0\0\0\2\0\0\0"

    def test_a_record_is_not_subclassed(self):
        message = r"^Wider: expected to derive from Record alone: nest the other as a field instead$"
        with pytest.raises(jk.LayoutError, match=message):

            class Wider(ClassVarious):
                y: jk.u8

    @pytest.mark.parametrize("bases", [(jk.Record, dict), (dict, jk.Record), (ClassVarious, jk.Record)])
    def test_nor_mixed_with_other_classes(self, bases):
        with pytest.raises(jk.LayoutError, match=r"^Mixed: expected to derive from Record alone"):
            types.new_class("Mixed", bases, {}, lambda namespace: namespace.update(__annotations__={"x": jk.u8}))

    def test_the_base_itself_has_no_fields(self):
        for use in (jk.Record, lambda: jk.Record.columns(b""), lambda: jk.Record.from_bytes(b"")):
            with pytest.raises(AttributeError, match=r"^Record itself has no fields: derive a class from it$"):
                use()
