"""What elements can be: every dtype that numba has, from Python and in kernels, and what is refused."""

import copy
import pickle

import numpy as np
import pytest

import jitkit as jk
from jitkit.errors import LayoutError


class Sample(jk.Record):
    time: jk.u64
    x: jk.f32
    y: jk.f32


class Wire(jk.Record, layout="packed", byteorder="big"):
    number: jk.u16
    value: jk.u32


class Bits(jk.Record, layout="packed", byteorder="big"):
    version: int = jk.bits(3)
    length: int = jk.bits(13)


ALIGNED = np.dtype([("flag", "u1"), ("value", "f8")], align=True)
PACKED = np.dtype([("flag", "u1"), ("value", "f8")])
NESTED = np.dtype([("head", ALIGNED), ("tail", "i2")])
WITH_ARRAYS = np.dtype([("k", "i1"), ("m", "f4", (2, 3)), ("n", "u2", (3,))])
GAPS = np.dtype({"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [4, 12], "itemsize": 24})
MIXED = np.dtype([("z", "c8"), ("q", "?"), ("s", "S3"), ("u", "U2"), ("t", "M8[s]"), ("d", "m8[ns]")])

VALUES = {
    "i1": [-128, 0, 127], "u1": [0, 1, 255], "i2": [-32768, 0, 32767], "u2": [0, 1, 65535],
    "i4": [-(2**31), 0, 2**31 - 1], "u4": [0, 1, 2**32 - 1], "i8": [-(2**63), 0, 2**63 - 1], "u8": [0, 1, 2**64 - 1],
    "f4": [1.5, -0.0, np.inf], "f8": [1e300, np.nan, 5e-324], "?": [True, False, True],
    "c8": [1 + 2j, -0.0 - 1j, 1j], "c16": [1e300 - 1j, 0, complex(np.inf, np.nan)],
    "M8[s]": ["2024-02-29T12:00:00", "NaT", "1969-12-31"], "m8[ns]": [1, -(2**62), 0],
    "S3": [b"abc", b"", b"a"], "U3": ["äbc", "", "z"],
    "(2,2)i2": [[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 0], [1, 2]]],
}  # fmt: skip
RECORDS = {
    "aligned": (ALIGNED, [(1, 2.5), (255, -1.0), (0, np.inf)]),
    "packed": (PACKED, [(1, 2.5), (255, -1.0), (0, np.inf)]),
    "nested": (NESTED, [((1, 2.5), -3), ((255, -1.0), 4), ((0, 0.0), 5)]),
    "with arrays": (WITH_ARRAYS, [(i, np.arange(6).reshape(2, 3) + i, [i, 7, 65535]) for i in range(3)]),
    "gaps": (GAPS, [(1, 2), (-3, 4), (2**31 - 1, -(2**15))]),
    "mixed": (MIXED, [(1j, True, b"abc", "äb", 5, 6), (0, False, b"", "", "NaT", -1), (1, True, b"x", "y", 7, 8)]),
    "Sample": (Sample, [(2**64 - 1, 1.5, -2.5), (0, 0, 0), (7, 8, 9)]),
}


def array_of(dtype, values):
    dtype = np.dtype(getattr(dtype, "dtype", dtype))
    return np.array(values, dtype.base).reshape(len(values), *dtype.shape)


def shown(elements):
    """Elements as text: bytes between fields have no meaning, and NaN is NaN."""
    return repr(np.asarray(elements).tolist())


EXAMPLES = {name: (name, array_of(name, values)) for name, values in VALUES.items()}
EXAMPLES |= {name: (dtype, array_of(dtype, values)) for name, (dtype, values) in RECORDS.items()}


@pytest.fixture(params=EXAMPLES)
def example(request):
    """A dtype and three elements of it."""
    return EXAMPLES[request.param]


@jk.jit
def through(ring, values, i):
    """Put a value in; look at the newest, and take the oldest out."""
    ring.push(values[i])
    return ring[-1], ring.pop()


class TestEveryDtype:
    @pytest.mark.parametrize("run", [through.py_func, through], ids=["from_python", "from_a_kernel"])
    def test_elements_come_out_as_they_went_in(self, example, run):
        dtype, values = example
        ring = jk.RingBuffer(dtype, 4)
        assert ring.push(values[2])
        for i, before in ((0, 2), (1, 0), (2, 1)):
            found = run(ring, values, i)
            assert [shown(value) for value in found] == [shown(values[i]), shown(values[before])]
            for value in found:
                assert not isinstance(value, (np.void, np.ndarray)) or value.dtype == values.dtype
        assert shown(ring.pop()) == shown(values[2])
        assert ring.is_empty

    def test_many_at_once(self, example):
        dtype, values = example
        ring, out = jk.RingBuffer(dtype, 4, "overwrite"), np.zeros_like(values)
        assert (ring.extend(values), ring.extend(values[::2]), ring.extend(list(values)[1:2])) == (3, 2, 1)
        assert shown(ring.to_array()) == shown(values[[2, 0, 2, 1]])
        assert [shown(value) for value in ring] == [shown(values[i]) for i in (2, 0, 2, 1)]
        assert ring.drain(out) == 3
        assert shown(out) == shown(values[[2, 0, 2]])
        assert sum(map(len, ring.slices())) == 1

    def test_copies_are_equal(self, example):
        dtype, values = example
        ring = jk.RingBuffer(dtype, 4)
        ring.extend(values[:1])
        for other in (ring.copy(), copy.deepcopy(ring), pickle.loads(pickle.dumps(ring))):
            assert (other == ring) == (other.to_array() == other.to_array()).all()  # not if it is NaN
            assert (repr(other), other.dtype, str(other)) == (repr(ring), ring.dtype, str(ring))

    def test_to_array_has_the_dtype_of_the_ring(self, example):
        dtype, values = example
        ring = jk.RingBuffer(dtype, 4)
        assert ring.to_array().dtype == values.dtype
        ring.extend(values)
        assert shown(ring.to_array()) == shown(values)

    def test_what_comes_out_is_of_its_own(self, example):
        dtype, values = example
        ring = jk.RingBuffer(dtype, 1, "overwrite")
        ring.extend(values[:1])
        seen = [ring.peek(), ring[0], next(iter(ring)), ring.pop()]
        ring.extend(values[1:2])
        assert [shown(value) for value in seen] == [shown(values[0])] * 4

    def test_numbers_come_out_as_those_of_python(self):
        for dtype, kind in (("i1", int), ("u8", int), ("f4", float), ("?", bool), ("c8", complex)):
            ring = jk.RingBuffer(dtype, 4)
            for _ in range(2):  # the second time, machine code converts
                ring.extend([0, 0] if dtype != "?" else [False, False])
                found = [ring.peek(), ring[0], next(iter(ring)), ring.pop(), ring.pop_or(None)]
                assert [type(value) for value in found] == [kind] * 5


@jk.jit
def many(ring, values, out):
    stored = ring.extend(values) + ring.extend(values[::2])
    first, second = ring.slices()
    array = ring.to_array()
    return stored, ring.drain(out), len(first), len(second), array


@pytest.mark.parametrize("name", ["(2,2)i2", "gaps"])
def test_many_at_once_in_a_kernel(name):
    dtype, values = EXAMPLES[name]
    ring, out = jk.RingBuffer(dtype, 4, "overwrite"), np.zeros_like(values)
    stored, drained, first, second, array = many(ring, values, out)
    assert (stored, drained, first, second) == (5, 3, 3, 1)
    assert array.dtype == values.dtype
    assert shown(array) == shown(values[[1, 2, 0, 2]])
    assert shown(out) == shown(values[[1, 2, 0]])


class TestRecordClasses:
    def test_of_native_numbers_are_records(self):
        ring = jk.RingBuffer(Sample, 4)
        for value in (Sample(time=1, x=2, y=3), (4, 5.5, 6), np.array((7, 8, 9), Sample.dtype)[()]):
            assert ring.push(value)
        assert ring.extend([Sample(time=10, x=11, y=12), (13, 14, 15)]) == 1
        assert ring.to_array().tolist() == [(1, 2, 3), (4, 5.5, 6), (7, 8, 9), (10, 11, 12)]
        assert str(ring) == "RingBuffer(Sample, 4, policy='reject')"
        assert ring.pop()["time"] == 1
        assert ring.dtype == Sample.dtype

    @pytest.mark.parametrize("record", [Wire, Bits])
    def test_of_another_order_or_of_bits_are_bytes(self, record):
        ring, size = jk.RingBuffer(record, 4), record.itemsize
        data = bytes(range(1, 1 + 3 * size))
        assert ring.push(record.from_bytes(data[:size]))
        assert ring.push(data[size : 2 * size])
        assert ring.extend(memoryview(data)[2 * size :]) == 1
        assert [bytes(ring[i]) for i in range(3)] == [data[i * size : (i + 1) * size] for i in range(3)]
        assert data[:size] in ring
        assert record.from_bytes(ring.pop()) == record.from_bytes(data[:size])
        assert ring.extend([record.from_bytes(data[:size]), data[:size]]) == 2
        assert ring.copy() == ring
        assert (ring.dtype.base, ring.to_array().shape) == (np.uint8, (4, size))
        with pytest.raises(ValueError, match=rf"^expected {size} bytes \({record.__name__}\), got 1 "):
            ring.push(b"1")
        with pytest.raises(ValueError, match=rf"^expected whole records of {size} bytes, got {size + 1} bytes "):
            ring.extend(bytes(size + 1))
        with pytest.raises(TypeError, match=rf"^expected {size} bytes \({record.__name__}\), got 'text' "):
            ring.push("text")

    def test_bytes_in_a_kernel(self):
        ring = jk.RingBuffer(Bits, 4)
        values = np.arange(6, dtype=np.uint8).reshape(3, 2)
        ring.push(b"ab")
        assert [value.tolist() for value in through(ring, values, 2)] == [[4, 5], [97, 98]]

    def test_bytes_are_equal_to_bytes_of_their_length_only(self):
        ring = jk.RingBuffer("V4", 4)
        ring.push(b"a\0\0\0")
        assert b"a" not in ring

    def test_constructed_in_a_kernel(self):
        @jk.jit
        def made():
            return jk.RingBuffer(Sample, 2), jk.RingBuffer(Bits, 2), jk.RingBuffer("f4", 2), jk.RingBuffer(np.bool_, 2)

        rings = made()
        assert [ring.dtype for ring in rings] == [Sample.dtype, np.dtype((np.uint8, (2,))), np.float32, np.bool_]
        assert rings[0].push((1, 2, 3))
        assert rings[1].push(b"ab")
        assert (rings[0].pop()["y"], rings[1].pop()) == (3, b"ab")


REFUSED = {
    "f2": "expected a dtype that numba compiles (it has no float16) (RingBuffer), got dtype('float16')",
    ">i4": "expected native byte order (RingBuffer), got dtype('>i4')",
    "O": "expected elements without Python objects (RingBuffer), got dtype('O')",
    "g": "expected a dtype that numba compiles (it has no long double) (RingBuffer), got dtype('float128')",
    "G": "expected a dtype that numba compiles (it has no long double) (RingBuffer), got dtype('complex256')",
    "S": "expected elements of at least one byte (RingBuffer), got dtype('S')",
    "S1048577": "expected elements of at most 1,048,576 bytes (RingBuffer), got dtype('S1048577')",
    "nonsense": "expected a dtype or a record class (RingBuffer), got 'nonsense'",
    "i4,f2": "expected a dtype that numba compiles (it has no float16) (RingBuffer), got 'i4,f2'",
    "i4,>f4": "expected native byte order (RingBuffer), got 'i4,>f4'",
}


def in_a_kernel(dtype):
    @jk.jit(cache=False)
    def make():
        return len(jk.RingBuffer(dtype, 8))

    return make()


class TestRefusals:
    @pytest.mark.parametrize("dtype", REFUSED)
    def test_dtypes_that_no_ring_can_have(self, dtype):
        with pytest.raises(LayoutError) as caught:
            jk.RingBuffer(dtype, 8)
        assert str(caught.value) == REFUSED[dtype]

    @pytest.mark.parametrize("dtype", REFUSED)
    def test_and_in_kernels(self, dtype):
        from numba import TypingError

        with pytest.raises(TypingError) as caught:
            in_a_kernel(dtype)
        assert REFUSED[dtype] in str(caught.value)

    @pytest.mark.parametrize(
        "dtype", [np.float16, [("a", "f2")], [("a", [("b", "f2", (2,))])], (np.float16, (2,)), np.dtype([("a", ">i4")])]
    )
    def test_however_deep_inside(self, dtype):
        with pytest.raises(LayoutError, match=r"^expected (a dtype that numba compiles|native byte order)"):
            jk.RingBuffer(dtype, 8)

    @pytest.mark.parametrize("dtype", [None, 5, True, (), type, [], {}, str, "i4 ", np.number, [("a", "i4", (0,))]])
    def test_nonsense(self, dtype):
        with pytest.raises(LayoutError, match=r"^expected "):
            jk.RingBuffer(dtype, 8)

    def test_what_numpy_calls_a_syntax_error(self):
        with pytest.raises(LayoutError, match=r"^expected a dtype or a record class"):
            jk.RingBuffer("f4,,", 8)

    @pytest.mark.parametrize("dtype", [[("a", "V4")], ("V4", (2,)), [("a", "?", (2,))], [("a", "S2", (2,))]])
    def test_what_kernels_cannot_have_is_refused_at_once(self, dtype):
        with pytest.raises(LayoutError, match=r"^expected a dtype that numba compiles"):
            jk.RingBuffer(dtype, 8)
