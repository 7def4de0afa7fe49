"""What a tired person hands to a ring: what fits goes in, and else an error says why and the ring stays as it was.

The first push of a ring is converted in Python; for plain numbers the others are by machine code. Both must agree.
"""

import array
import fractions
import warnings
from decimal import Decimal

import numpy as np
import pytest

import jitkit as jk

NUMBERS = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "c8", "c16", "?")
INTEGERS = NUMBERS[:8]
LIMITS = {dtype: (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) for dtype in INTEGERS}
PAIR = np.dtype([("a", "i4"), ("b", "f4")])


class Number:
    """Converts itself, as numbers of other libraries do."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value

    __float__ = __complex__ = __index__

    def __repr__(self):
        return f"Number({self.value})"


def ring_of(dtype, converted_by="Python", capacity=4):
    ring = jk.RingBuffer(dtype, capacity)
    if converted_by == "machine code":
        for _ in range(2):
            ring.push(np.zeros(1, dtype)[0].item())
            ring.pop()
    return ring


@pytest.fixture(params=["Python", "machine code"])
def converted_by(request):
    return request.param


def refuse(dtype, converted_by, value, error, message):
    """Let a ring refuse a value, and look whether it is as it was."""
    ring = ring_of(dtype, converted_by)
    ring.extend(np.ones(3, dtype))
    before = repr(ring)
    with pytest.raises(error, match=message) as caught:
        ring.push(value)
    assert type(caught.value) is error
    assert (repr(ring), ring.dropped) == (before, 0)
    with pytest.raises(ValueError if np.ndim(value) else error):
        ring.extend([value, value])
    assert (repr(ring), ring.dropped) == (before, 0)


class TestOneNumber:
    @pytest.mark.parametrize("dtype", INTEGERS)
    def test_integers_that_fit(self, dtype, converted_by):
        ring = ring_of(dtype, converted_by)
        low, high = LIMITS[dtype]
        for value in (low, high, np.array(low, dtype), np.array(high, dtype)[()], True, np.False_, np.int8(1)):
            assert ring.push(value)
            found = ring.pop()
            assert (found, type(found)) == (int(value), int)

    @pytest.mark.parametrize("dtype", INTEGERS)
    def test_integers_that_do_not(self, dtype, converted_by):
        low, high = LIMITS[dtype]
        for value in (low - 1, high + 1, 2**64, -(2**63) - 1, 10**30):
            wanted = rf"^expected {np.dtype(dtype)} from {low} to {high}, got {value} \(RingBuffer\("
            refuse(dtype, converted_by, value, OverflowError, wanted)
        for value in (np.int64(-(2**63)), np.uint64(2**64 - 1)):
            if not low <= value <= high:
                refuse(dtype, converted_by, value, OverflowError, f"from {low} to {high}, got {value} ")

    @pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
    def test_all_real_numbers_become_floats(self, dtype, converted_by):
        ring = ring_of(dtype, converted_by)
        values = (1.5, -0.0, 3, True, np.float32(0.1), np.float16(2), np.int8(-1), np.uint64(2**63), np.array(4.5))
        for value in values:
            assert ring.push(value)
            expected, found = np.array(value).astype(dtype).item(), ring.pop()
            assert (found, type(found), str(found)) == (expected, type(expected), str(expected))
        ring.push(np.nan)
        found = ring.pop()
        assert found != found

    @pytest.mark.parametrize("dtype", ["c8", "c16"])
    def test_complex_numbers(self, dtype, converted_by):
        ring = ring_of(dtype, converted_by)
        for value in (1 + 2j, -0.5j, np.complex64(1j), np.array(2j), complex("inf")):
            assert ring.push(value)
            assert ring.pop() == value

    def test_truth_values(self, converted_by):
        ring = ring_of("?", converted_by)
        assert [ring.push(value) for value in (True, False, np.True_, np.array(False))] == [True] * 4
        assert list(ring) == [True, False, True, False]

    @pytest.mark.parametrize("dtype", NUMBERS)
    @pytest.mark.parametrize(
        "value", ["1", b"1", [1], (), {}, np.ones(1), np.datetime64(1, "s"), object, np.ones(())[None]]
    )
    def test_what_is_no_number(self, dtype, converted_by, value):
        refuse(dtype, converted_by, value, TypeError, rf"^expected (one )?{np.dtype(dtype)}, got ")

    @pytest.mark.parametrize("dtype", NUMBERS)
    def test_nor_is_none(self, dtype, converted_by):
        refuse(dtype, converted_by, None, TypeError, rf"^expected {np.dtype(dtype)}, got ")

    def test_the_message_says_none(self):
        refuse("f8", "Python", None, TypeError, r"^expected float64, got None \(RingBuffer\(float64, 4")

    @pytest.mark.parametrize(
        ("value", "dtypes"),
        [(1.5, (*INTEGERS, "?")), (1.0, (*INTEGERS, "?")), (1j, (*INTEGERS, "f4", "f8", "?")), (1, ("?",)),
         (np.float32(1), INTEGERS), (np.array(1.0), INTEGERS), (np.array(1j), ("f4", "f8"))],
    )  # fmt: skip
    def test_numbers_of_another_kind(self, converted_by, value, dtypes):
        for dtype in dtypes:
            refuse(
                dtype, converted_by, value, TypeError, rf"^expected {np.dtype(dtype)}, got .*: convert it first \(Ring"
            )


class TestBothWaysAgree:
    """What machine code takes, and what Python takes at the first push."""

    @pytest.mark.parametrize("dtype", ["f4", "i8", "c16", "?"])
    @pytest.mark.parametrize(
        "value",
        [Decimal("1.5"), fractions.Fraction(1, 2), np.complex128(1 + 2j), np.array("1.5"), 2**64, Number(1), 10**400,
         np.ma.masked, np.longdouble(1), np.str_("1"), np.timedelta64(1, "s")],
        ids=repr,
    )  # fmt: skip
    @pytest.mark.filterwarnings("ignore")
    def test_about(self, value, dtype):
        found = []
        for converted_by in ("Python", "machine code"):
            ring = ring_of(dtype, converted_by)
            try:
                found.append((ring.push(value), repr(ring)))
            except (TypeError, OverflowError) as error:
                found.append(repr(error))
        assert found[0] == found[1]

    def test_about_what_a_float32_cannot_hold(self):
        found = []
        for converted_by in ("Python", "machine code"):
            ring = ring_of("f4", converted_by)
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                ring.push(1e300)
            assert ring.pop() == np.inf
            found.append([str(warning.message) for warning in warned])
        assert found == [[], []]

    @pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, ZeroDivisionError], ids=lambda kind: kind.__name__)
    @pytest.mark.parametrize("dtype", ["i8", "f8", "c16"])
    def test_what_an_object_raises(self, dtype, stop):
        """It may be asked to convert itself, or not; but if it is, what it raises is not lost."""
        asked = []

        class Stops:
            def __index__(self):
                asked.append(self)
                raise stop

            __float__ = __complex__ = __index__

        ring = ring_of(dtype, "machine code")
        with pytest.raises((stop, TypeError)) as caught:
            ring.push(Stops())
        assert ring.is_empty
        assert caught.type is (stop if asked else TypeError)


class TestManyNumbers:
    @pytest.mark.parametrize(
        "values",
        [range(3), (n for n in range(3)), map(int, "012"), {0, 1, 2}, {0: 1, 1: 1, 2: 1}.keys(), bytearray([0, 1, 2]),
         array.array("h", [0, 1, 2]), memoryview(array.array("i", [0, 1, 2])), np.arange(3, dtype=">i2"),
         np.repeat([0, 1, 2], 2)[::2], np.arange(2, -1, -1)[::-1], np.arange(3, dtype="u8"), [False, True, 2],
         [np.int8(0), np.array(1), 2], (0, 1, 2)],
    )  # fmt: skip
    def test_whatever_holds_integers(self, values):
        ring = ring_of("i4")
        assert ring.extend(values) == 3
        assert list(ring) == [0, 1, 2]

    @pytest.mark.parametrize("dtype", [*NUMBERS, "S3", "M8[s]", PAIR, "V4", "(2,)i4"])
    def test_nothing_at_all(self, dtype):
        ring = jk.RingBuffer(dtype, 4)
        for values in ([], (), np.zeros(0, dtype)):
            assert ring.extend(values) == 0
        assert ring.is_empty

    @pytest.mark.parametrize(
        ("values", "error", "message"),
        [("123", TypeError, "got '123'"), (b"123", TypeError, "got b'123'"), (None, TypeError, "got None"),
         (5, TypeError, "got 5"), ([1.0], TypeError, "got an array of float64: convert it first"),
         (np.ones(2), TypeError, "got an array of float64: convert it first"),
         ([1, "x"], TypeError, "got an array of <U"),
         ([1, None], TypeError, "got "), (np.array([1], object), TypeError, "got an array of object"),
         ([[1, 2]], ValueError, r"shape \(n,\), got one of shape \(1, 2\)"),
         (np.zeros((2, 2), "i8"), ValueError, r"shape \(n,\), got one of shape \(2, 2\)"),
         (np.array(3), ValueError, r"shape \(n,\), got one of shape \(\)"), ([1, [2]], ValueError, "of one shape"),
         ([1, 2**63], OverflowError, f"got {2**63}"), ([-(2**63) - 1], OverflowError, f"got -{2**63 + 1}"),
         (np.array([2**63], "u8"), OverflowError, f"to {2**63 - 1}, got {2**63}"),
         (np.zeros(2, PAIR), TypeError, "got an array of ")],
        ids=repr,
    )  # fmt: skip
    def test_what_does_not_fit(self, values, error, message):
        ring = ring_of("i8")
        ring.extend([7, 8])
        with pytest.raises(error, match=f"^expected .*{message}") as caught:
            ring.extend(values)
        assert type(caught.value) is error
        assert (list(ring), ring.dropped) == ([7, 8], 0)

    def test_large_integers_beside_small_ones(self):
        ring = ring_of("u8")
        assert ring.extend([1, 2**63]) == 2
        assert list(ring) == [1, 2**63]

    def test_a_memoryview_of_two_dimensions(self):
        with pytest.raises(ValueError, match=r"^expected an array of shape \(n,\), got one of shape \(2, 2\)"):
            ring_of("i8").extend(memoryview(b"1234").cast("B", (2, 2)))

    def test_an_iterator_that_fails(self):
        def values():
            yield 1
            raise ZeroDivisionError

        ring = ring_of("i8")
        with pytest.raises(ZeroDivisionError):
            ring.extend(values())
        assert ring.is_empty


class TestOutOfDrain:
    @pytest.mark.parametrize(
        ("out", "error", "message"),
        [(np.zeros(3), TypeError, r"an array of int64 as out, got one of float64 and shape \(3,\)"),
         (np.zeros(3, ">i8"), TypeError, "an array of int64 as out, got one of >i8"),
         (np.zeros((3, 1), "i8"), TypeError, r"got one of int64 and shape \(3, 1\)"),
         (np.zeros((), "i8"), TypeError, r"got one of int64 and shape \(\)"), ([0, 0], TypeError, "got list"),
         (None, TypeError, "got NoneType"), (bytearray(8), TypeError, "got bytearray"),
         (np.zeros(6, "i8")[::2], ValueError, "a writable C-contiguous array as out, got one with gaps"),
         (np.frombuffer(bytes(24), "i8"), ValueError, "a writable C-contiguous array as out, got a read-only one")],
    )  # fmt: skip
    def test_is_refused(self, out, error, message):
        ring = ring_of("i8")
        ring.extend([7, 8])
        with pytest.raises(error, match=f"^expected .*{message}.* \\(RingBuffer\\(int64, 4, policy='reject'\\)\\)$"):
            ring.drain(out)
        assert list(ring) == [7, 8]

    def test_views_and_subclasses_are_arrays_too(self, tmp_path):
        ring = ring_of("i8")
        ring.extend([7, 8])
        out, mapped = np.zeros(6, "i8"), np.memmap(tmp_path / "out", "i8", "w+", shape=2)
        assert (ring.drain(out[2:3]), ring.drain(mapped)) == (1, 1)
        assert (out.tolist(), mapped.tolist()) == ([0, 0, 7, 0, 0, 0], [8, 0])


class TestOtherKinds:
    @pytest.mark.parametrize(
        ("dtype", "value", "error", "message"),
        [("S3", b"abcd", ValueError, "at most 3 characters, got 4"), ("S3", "abc", TypeError, "S3, got 'abc'"),
         ("U3", "abcd", ValueError, "at most 3 characters, got 4"), ("U3", b"abc", TypeError, "U3, got b'abc'"),
         ("U3", 5, TypeError, "U3, got 5"), ("M8[s]", 5, TypeError, r"datetime64\[s\], got 5"),
         ("M8[s]", np.timedelta64(5, "s"), TypeError, r"datetime64\[s\], got np.timedelta64"),
         ("m8[s]", 1.5, TypeError, r"timedelta64\[s\], got 1.5"), ("m8[s]", None, TypeError, "got None"),
         (PAIR, 5, TypeError, "a record or a tuple of a, b, got 5"), (PAIR, [1, 2], TypeError, r"got \[1, 2\]"),
         (PAIR, (1,), ValueError, r"2 values \(a, b\), got 1"), (PAIR, (1, 2, 3), ValueError, "2 values .*, got 3"),
         (PAIR, np.zeros((), [("a", "i4"), ("c", "f4")])[()], TypeError, r"got a record of \[\('a'"),
         ("(2,)i2", [1, 2, 3], ValueError, r"an array of shape \(2,\), got one of shape \(3,\)"),
         ("(2,)i2", [1.0, 2.0], TypeError, "got an array of float64: convert it first"),
         ("(2,)i2", [1, 40000], OverflowError, "int16 from -32768 to 32767, got 40000"),
         ("(2,)i2", 5, ValueError, r"got one of shape \(\)")],
        ids=repr,
    )  # fmt: skip
    def test_are_refused(self, dtype, value, error, message):
        ring = jk.RingBuffer(dtype, 4)
        ring.extend(np.zeros(2, dtype))
        before = repr(ring)
        with pytest.raises(error, match=f"^expected .*{message}"):
            ring.push(value)
        with pytest.raises(error):
            ring.extend([value])
        assert repr(ring) == before

    @pytest.mark.parametrize(
        ("dtype", "value"),
        [(PAIR, (1.5, 1)), (PAIR, (1, None)), (PAIR, (2**40, 1.0)), (PAIR, ("x", 1.0)), ("M8[s]", "yesterday"),
         ("m8[s]", 2**64), ("M8[s]", np.datetime64(1500, "ms")), ("m8[s]", np.timedelta64(1, "Y")),
         ("(2,)i2", [[1, 2], [3]]), ("f4", np.complex128(1)), ("f8", np.complex64(1j)), ("f8", np.array(1j)),
         ("f8", "1.5"), ("f8", np.str_("1.5")), ("c16", "1j"), ("i8", 10**5000), ([("a", PAIR)], (((1.5, 1),),))],
        ids=lambda value: repr(value)[:40] if not isinstance(value, int) else "int",
    )  # fmt: skip
    def test_that_numpy_would_cut_are_refused(self, dtype, value):
        ring = jk.RingBuffer(dtype, 4)
        with pytest.raises((TypeError, ValueError, OverflowError), match=r"^expected .*, got .*\(RingBuffer\("):
            ring.push(value)

    def test_texts_of_other_lengths(self):
        for dtype, values in (("S8", [b"a", b"bcd"]), ("U8", ["a", "bcd"])):
            ring = jk.RingBuffer(dtype, 4)
            assert ring.extend(values) == 2
            assert list(ring) == values
            with pytest.raises(TypeError, match=r"^expected .[SU]8, got an array of .[SU]3"):
                ring.extend(np.array(values))
