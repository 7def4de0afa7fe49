"""`Record.reader` and `Record.load`: one field or one record, from Python and inside kernels."""

import array
import mmap
import struct
import subprocess
import sys

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.errors import TypingError

import jitkit as jk

pytestmark = pytest.mark.kernel


class Point(jk.Record, layout="packed", byteorder="little"):
    x: jk.u8
    y: int = jk.i16.big


class Everything(jk.Record, layout="packed", byteorder="big", size=62):
    flag: int = jk.bits(1)
    wide: int = jk.bits(64, signed=True)  # nine bytes
    rest: int = jk.bits(7)
    counter: jk.u16
    little: int = jk.i32.little
    half: jk.f16
    single: jk.f32
    double: jk.f64
    matrix: np.ndarray = jk.array(jk.i8, (2, 3))
    name: bytes = jk.bytes_(4)
    mode: int = jk.enum_(jk.i8, {-1: "failed", 0: "idle", 1: "armed"})
    on: jk.boolean
    level: float = jk.scaled(jk.bits(12), scale=0.5, offset=-1.0, valid=(0.0, 1.0))
    _spare: int = jk.bits(4)
    ratio: float = jk.scaled(jk.f16, scale=0.1, dtype=np.float32)
    _pad: None = jk.pad(2)
    point: Point
    points: np.ndarray = jk.array(Point, (2, 2))


class Small(jk.Record, layout="packed", byteorder="big"):
    a: jk.u16
    b: jk.u8


def everything(count, seed=0):
    """Records of noise, with values that enumerations and booleans may have."""
    rows = np.frombuffer(np.random.default_rng(seed).bytes(count * Everything.itemsize), np.uint8).copy()
    rows = rows.reshape(count, Everything.itemsize)
    start = {field.name: field.start // 8 for field in Everything._layout.fields}
    rows[:, start["mode"]] = np.resize([255, 0, 1], count)
    rows[:, start["on"]] = np.resize([0, 1], count)
    return rows


NAMES = [leaf.name for leaf in Everything._leaves]
READERS = {name: Everything.reader(name) for name in NAMES}

wide, counter, little, half, matrix, name, mode, on, level, points_y = IN_KERNEL = [
    Everything.reader(field)
    for field in ("wide", "counter", "little", "half", "matrix", "name", "mode", "on", "level", "points.y")
]


@jk.jit
def read_all(buffer, i):
    return (
        (wide(buffer, i), counter(buffer, i), little(buffer, i), half(buffer, i), matrix(buffer, i)),
        (name(buffer, i), mode(buffer, i), on(buffer, i), level(buffer, i), points_y(buffer, i)),
    )


@jk.jit
def load_everything(buffer, i):
    return Everything.load(buffer, i)


small_a = Small.reader("a")


@jk.jit
def sum_by_reader(buffer, n):
    total = 0
    for i in range(n):
        total += small_a(buffer, i)
    return total


@numba.njit
def sum_by_load(buffer, n):
    total = 0
    for i in range(n):
        total += Small.load(buffer, i).a
    return total


@jk.jit
def load_small(buffer, i):
    return Small.load(buffer, i)


def plain(value):
    """Arrays and lists as nested tuples of Python's own numbers."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    return tuple(map(plain, value)) if isinstance(value, list) else value


def item(column, i):
    """One row of a column, as `plain` has it."""
    return plain(column.tolist()[i])


def same(one, other):
    """Whether nested tuples have equal values; NaN equals NaN, and 0.0 not -0.0."""
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other) or (one != one and other != other)
    return type(one) is type(other) and one == other


class TestEveryField:
    @pytest.mark.parametrize("i", [0, 1, 2, 299])
    def test_reads_in_kernels_what_it_reads_from_python(self, i):
        data = everything(300)
        columns = Everything.columns(data)
        for read, value in zip(IN_KERNEL, sum(read_all(data, i), ()), strict=True):
            assert same(value, plain(read(data, i))), read
            assert same(value, item(columns[read._leaf.name], i)), read

    @pytest.mark.parametrize("i", [0, 1, 2, 299])
    def test_loads_in_kernels_a_tuple_with_the_fields_names(self, i):
        data = everything(300, seed=1)
        loaded, record = load_everything(data, i), Everything.load(data, i)
        names = [name for name in NAMES if "." not in name] + ["point", "points"]
        assert list(type(loaded)._fields) == names
        for field in names[:-2]:
            assert same(getattr(loaded, field), plain(getattr(record, field))), field
        assert (loaded.point.x, loaded.point.y) == (record.point.x, record.point.y)
        for row, expected in zip(loaded.points, record.points, strict=True):
            assert [(p.x, p.y) for p in row] == [(p.x, p.y) for p in expected]

    def test_f16_arrives_as_f32(self):
        @jk.jit
        def doubled(buffer):
            return half(buffer, 0) * half(buffer, 0)

        data = everything(1)
        data[0, 15:17] = np.frombuffer(struct.pack(">e", 65504.0), np.uint8)
        assert doubled(data) == 65504.0**2
        assert doubled.nopython_signatures[0].return_type == numba.types.float32

    def test_every_float16(self, model):
        record = model.make_record({"big": jk.f16.big, "little": jk.f16.little}, layout="packed")
        big, little = record.reader("big"), record.reader("little")

        @jk.jit
        def read(buffer, out):
            for i in range(len(out)):
                out[i, 0], out[i, 1] = big(buffer, i), little(buffer, i)

        halves = np.arange(1 << 16, dtype=np.uint16)
        out = np.empty((len(halves), 2), np.float32)
        read(np.stack([halves.astype(">u2").view("<u2"), halves.astype("<u2")], axis=1), out)
        with np.errstate(invalid="ignore"):
            expected = halves.view(np.float16).astype(np.float32)
        np.testing.assert_array_equal(out, np.stack([expected, expected], axis=1))

    @given(random=st.randoms(use_true_random=False))
    @settings(max_examples=100)
    def test_readers_and_load_from_python_agree_with_columns(self, model, random):
        record = model.random_record(random, depth=1)
        data = model.random_bytes(random, record, 3, clean=True)
        columns = record.columns(data)
        for leaf in record._leaves:
            read = record.reader(leaf.name)
            for i in range(3):
                assert same(plain(read(data, i)), item(columns[leaf.name], i))


class TestArrays:
    def test_are_tuples_in_kernels(self):
        @jk.jit
        def corner(buffer, i):
            m = matrix(buffer, i)
            total = 0
            for row in m:
                for value in row:
                    total += value
            return m[1][2], len(m), len(m[0]), total

        data = everything(3)
        m = Everything.columns(data)["matrix"][2]
        assert corner(data, 2) == (m[1, 2], 2, 3, m.sum(dtype=int))

    def test_of_records_are_tuples_of_named_tuples(self):
        @jk.jit
        def corner(buffer, i):
            return Everything.load(buffer, i).points[1][0].y

        data = everything(3)
        assert corner(data, 1) == Everything.columns(data)["points.y"][1, 1, 0]

    def test_from_python_have_the_dtype_of_the_column(self):
        value = READERS["matrix"](everything(1), 0)
        assert (value.dtype, value.shape) == (np.int8, (2, 3))


class TestNames:
    def test_may_begin_with_an_underscore(self, model):
        record = model.make_record({"_1": jk.u8, "_2": jk.u8, "a": jk.u8, "_0": jk.u8}, layout="packed")

        @jk.jit
        def load(buffer):
            loaded = record.load(buffer, 0)
            return loaded, loaded._1, loaded._2, loaded.a, loaded._0

        loaded, *values = load(b"\x05\x06\x07\x08")
        assert values == [5, 6, 7, 8]
        assert [loaded._1, loaded._2, loaded.a, loaded._0] == [5, 6, 7, 8]
        assert loaded._fields == ("_1", "_2", "a", "_0")

    def test_may_be_those_of_a_tuples_methods(self, model):
        record = model.make_record({"count": jk.u8, "index": jk.u8}, layout="packed")

        @jk.jit
        def load(buffer):
            loaded = record.load(buffer, 0)
            return loaded, loaded.count, loaded.index

        loaded, count, index = load(b"\x05\x06")
        assert (count, index, loaded.count, loaded.index) == (5, 6, 5, 6)


BUFFERS = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "writable memoryview": lambda data: memoryview(bytearray(data)),
    "array.array": lambda data: array.array("B", data),
    "read-only array": lambda data: np.frombuffer(data, np.uint8),
    "array": lambda data: np.frombuffer(bytearray(data), np.uint8),
    "i1": lambda data: np.frombuffer(data, np.int8),
    "u2": lambda data: np.frombuffer(data, np.uint16),
    "f8, 2-d": lambda data: np.frombuffer(data, np.float64).reshape(2, -1),
    "c16": lambda data: np.frombuffer(data, np.complex128),
    "M8": lambda data: np.frombuffer(data, "M8[s]"),
    "S6": lambda data: np.frombuffer(data, "S6"),
    "structured": lambda data: np.frombuffer(data, [("x", "u1"), ("y", "<u2")]),
    "misaligned": lambda data: np.frombuffer(b"!" + data, np.uint8)[1:],
    "misaligned f8": lambda data: np.frombuffer(b"!" + data, np.float64, offset=1),
}


def mapped(data):
    memory = mmap.mmap(-1, len(data))
    memory[:] = data
    return memory


class TestBuffers:
    @pytest.mark.parametrize("kind", [*BUFFERS, "mmap"])
    def test_of_every_kind(self, kind):
        data = np.random.default_rng(1).bytes(48)
        expected = [int.from_bytes(data[i : i + 2], "big") for i in range(0, 48, 3)]
        buffer = BUFFERS.get(kind, mapped)(data)
        assert [small_a(buffer, i) for i in range(16)] == expected
        assert [Small.load(buffer, i).a for i in range(16)] == expected
        assert sum_by_reader(buffer, 16) == sum(expected)
        if kind in ("bytes", "mmap", "misaligned f8"):  # each kind is compiled anew
            assert sum_by_load(buffer, 16) == sum(expected)
        with pytest.raises(IndexError):
            sum_by_reader(buffer, 17)

    def test_big_endian_and_f16_arrays_from_python(self):
        """Numba has no such arrays: in kernels they are seen through `view(np.uint8)`."""
        data = np.arange(6, dtype=">u2")
        assert (
            small_a(data, 1) == small_a(data.view(np.float16), 1) == sum_by_reader(data.view(np.uint8)[3:], 1) == 0x0100
        )

    def test_slices_inside_a_kernel(self):
        @jk.jit
        def at_odd_places(buffer):
            return small_a(buffer[1:], 0), small_a(buffer[2:8], 1), Small.load(buffer[1:], 1).b

        assert at_odd_places(np.arange(16, dtype=np.uint8)) == (0x0102, 0x0506, 6)

    @pytest.mark.parametrize("function", [sum_by_reader, sum_by_load])
    @pytest.mark.parametrize(
        "buffer",
        [np.zeros(12, np.uint8)[::2], np.zeros((4, 6), np.uint8, order="F"), np.zeros((4, 6), np.uint8)[:, :3]],
    )
    def test_that_are_not_contiguous_are_refused_while_compiling(self, function, buffer):
        with pytest.raises(TypingError, match="expected a C-contiguous buffer"):
            function(buffer, 1)
        for read in (small_a, Small.load):
            with pytest.raises(jk.DecodeError, match="expected a C-contiguous buffer"):
                read(buffer, 0)

    @pytest.mark.parametrize("buffer", [3, [1, 2, 3], (1, 2, 3)])
    def test_what_is_no_buffer_is_refused(self, buffer):
        with pytest.raises(TypingError, match="expected a buffer"):
            sum_by_reader(buffer, 1)
        for read in (small_a, Small.load):
            with pytest.raises(jk.DecodeError, match="expected a buffer"):
                read(buffer, 0)


class TestIndex:
    @pytest.mark.parametrize(
        "i",
        [
            -1, 3, 4, 2**31, 2**62, -(2**63), np.int8(-1), np.uint8(3), np.uint64(2**64 - 1), np.uint64(2**63),
            np.uint64(2**63 + 1), np.int64(2**63 - 1), np.int32(-(2**31)),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("nbytes", [9, 11])
    def test_outside_the_whole_records_is_an_index_error(self, i, nbytes):
        data = np.zeros(nbytes, np.uint8)
        for read in (small_a, Small.load, load_small):
            with pytest.raises(IndexError):
                read(data, i)

    def test_of_an_empty_buffer_is_an_index_error(self):
        for read in (small_a, Small.load, load_small):
            for size in (0, 2):
                with pytest.raises(IndexError):
                    read(np.zeros(size, np.uint8), 0)

    @pytest.mark.parametrize("i", [np.int8(2), np.uint8(2), np.uint64(2), np.int32(2), 2])
    def test_may_be_any_integer(self, i):
        data = np.arange(9, dtype=np.uint8)
        assert small_a(data, i) == Small.load(data, i).a == load_small(data, i).a == 0x0607

    def test_that_is_no_integer_is_refused(self):
        with pytest.raises(TypingError, match="expected an integer index, got float64"):
            load_small(bytes(9), 1.0)
        for read in (small_a, Small.load):
            with pytest.raises(TypeError, match="expected the index of a record"):
                read(bytes(9), 1.0)

    def test_is_checked_against_the_buffer_of_the_call(self):
        """Compiled once, called with buffers of many sizes."""
        for count in range(5):
            data = np.zeros(3 * count + 2, np.uint8)
            assert sum_by_reader(data, count) == 0
            with pytest.raises(IndexError):
                sum_by_reader(data, count + 1)


class TestValuesThatMayNotBe:
    @pytest.mark.parametrize("field", ["mode", "on"])
    @pytest.mark.parametrize("value", [2, 3, 127, 128, 254])
    def test_are_errors_from_python_and_in_kernels(self, field, value):
        data = everything(3)
        (start,) = (f.start // 8 for f in Everything._layout.fields if f.name == field)
        data[2, start] = value
        for read in (READERS[field], Everything.load, load_everything, read_all):
            read(data, 1)
            with pytest.raises(jk.DecodeError, match="0 or 1" if field == "on" else r"-1 \(failed\), 0 \(idle\) or 1"):
                read(data, 2)
        assert READERS["counter"](data, 2) == int.from_bytes(data[2, 9:11].tobytes(), "big")  # others can be read

    def test_from_python_say_where(self):
        data = everything(3)
        (start,) = (f.start // 8 for f in Everything._layout.fields if f.name == "on")
        data[2, start] = 7
        for read in (READERS["on"], Everything.load):
            with pytest.raises(jk.DecodeError) as raised:
                read(data, 2)
            error = raised.value
            assert (error.kind, error.offset, error.record, error.field) == ("boolean", 2 * 62 + start, 2, "on")

    def test_in_enumerations_of_many_separate_values(self, model):
        values = {value: str(value) for value in (-(2**63), -5, -1, 0, 1, 2, 40, 2**63 - 1)}
        fields = {"wide": jk.enum_(jk.i64, values), "narrow": jk.enum_(jk.bits(3, signed=True), {-4: "a", 3: "b"})}
        record = model.make_record({**fields, "rest": jk.bits(5)}, layout="packed", byteorder="big")

        @jk.jit
        def load(buffer, i):
            return record.load(buffer, i)

        for narrow in range(-4, 4):
            for value in {near for listed in values for near in (listed - 1, listed, listed + 1)}:
                if not -(2**63) <= value < 2**63:
                    continue
                data = struct.pack(">qB", value, (narrow & 7) << 5)
                if value in values and narrow in (-4, 3):
                    assert tuple(load(data, 0)) == (value, narrow, 0)
                else:
                    with pytest.raises(jk.DecodeError):
                        load(data, 0)


class TestClassesInKernels:
    def test_itemsize_is_a_constant(self):
        @jk.jit
        def sizes():
            return Small.itemsize, Everything.itemsize

        assert sizes() == (3, 62)

    def test_a_class_and_a_reader_can_be_arguments(self):
        @jk.jit
        def read(record, reader, buffer, i):
            return record.load(buffer, i).a, reader(buffer, i), record.itemsize

        assert read(Small, small_a, bytes(range(9)), 1) == (0x0304, 0x0304, 3)

    def test_two_classes_of_one_name_are_two(self, model):
        one = model.make_record({"a": jk.u8, "b": jk.u16.big}, layout="packed", name="Twin")
        other = model.make_record({"b": jk.u16.little, "a": jk.u8}, layout="packed", name="Twin")

        @jk.jit
        def sizes_and_values(record, buffer):
            loaded = record.load(buffer, 0)
            return record.itemsize, loaded.a, loaded.b

        @jk.jit
        def both(buffer):
            return one.load(buffer, 0).a, other.load(buffer, 0).a

        data = b"\x01\x02\x03"
        assert sizes_and_values(one, data) == (3, 1, 0x0203)
        assert sizes_and_values(other, data) == (3, 3, 0x0201)
        assert sizes_and_values(one, data) == (3, 1, 0x0203)
        assert both(data) == (1, 3)

    def test_record_itself_has_nothing_to_load(self):
        @jk.jit
        def load(record, buffer):
            return record.load(buffer, 0)

        with pytest.raises((TypingError, AttributeError)):
            load(jk.Record, b"123")

    def test_a_kernel_calls_another_that_loads(self):
        @jk.jit
        def twice(buffer, n):
            return sum_by_reader(buffer, n) + sum_by_load(buffer, n)

        assert twice(bytes(range(9)), 3) == 2 * (0x0001 + 0x0304 + 0x0607)


SCRIPTS = {
    "jitkit and the class first, then numba": """
        import jitkit as jk
        {record}
        get = R.reader("a")
        import numba
        @numba.njit
        def f(buffer): return get(buffer, 1), R.load(buffer, 1).a, R.itemsize
    """,
    "numba first": """
        import numba
        import jitkit as jk
        {record}
        get = R.reader("a")
        @numba.njit
        def f(buffer): return get(buffer, 1), R.load(buffer, 1).a, R.itemsize
    """,
    "numba has compiled before the class is there": """
        import numba
        numba.njit(lambda x: x + 1)(1)
        import jitkit as jk
        jk.jit(lambda x: x + 1)(1)
        {record}
        get = R.reader("a")
        @numba.njit
        def f(buffer): return get(buffer, 1), R.load(buffer, 1).a, R.itemsize
    """,
    "the kernel before the class": """
        import numba
        @numba.njit
        def f(buffer): return get(buffer, 1), R.load(buffer, 1).a, R.itemsize
        import jitkit as jk
        {record}
        get = R.reader("a")
    """,
    "classes before and after": """
        import jitkit as jk
        {record}
        Q = R
        import numba
        numba.njit(lambda x: x + 1)(1)
        {record}
        get = Q.reader("a")
        @jk.jit
        def f(buffer): return get(buffer, 1), R.load(buffer, 1).a, R.itemsize
    """,
}


@pytest.mark.parametrize("order", SCRIPTS)
def test_the_order_of_imports_does_not_matter(order):
    record = "class R(jk.Record, layout='packed'): a: jk.u16"
    lines = map(str.strip, SCRIPTS[order].splitlines())
    script = "\n".join([*lines, r"print(f(b'\x01\x02\x03\x04'))"]).replace("{record}", record)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("(1027, 1027, 2)\n", "")
