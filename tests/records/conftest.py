"""What the tests of records share: random record classes, what they must decode to, and memory with guard pages."""

import ctypes
import itertools
import math
import mmap
import struct
import types
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import jitkit as jk
from jitkit.records import _reference, _schema
from jitkit.records._layout import width_of
from jitkit.records._types import as_field_type

settings.register_profile(
    "steady",  # the same examples in every run: a red test is red again
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("steady")

# Without this, small inputs of the first record classes would get machine code of their own: see `TableCost`.
_schema.table_cost.pay()

NUMBERS = ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f16", "f32", "f64")
ORDERS = ("little", "big")
COUNTS = (0, 1, 2, 255, 256, 257, 600)  # of records: around one block of 256, and more than two
SHORT = (1, 2, 3, 7, (2, 3), (1, 4), (2, 1, 3))
LONG = (16, 17, 40, 257, 300, (2, 18), (17, 2), (2, 3, 16))
MOST_ELEMENTS = 5000  # in one example: the plain-Python twin takes about 3 us for each


# Random record classes. `random` is a `random.Random`, or one of hypothesis that shrinks.


def make_record(fields, *, name="Random", **options):
    """A record class from a mapping of names to field types."""
    body = {"__annotations__": dict.fromkeys(fields, object), **fields}
    return types.new_class(name, (jk.Record,), options, lambda namespace: namespace.update(body))


def copy_of(record):
    """The same record class with no machine code of its own yet."""
    layout = record._layout
    fields = {field.name: field.type for field in layout.fields}
    return make_record(fields, layout=layout.name, byteorder=layout.byteorder, allow_padding=True)


def random_record(random, depth=2):
    """A record class in which every part of a definition can occur."""
    layout = random.choice(("packed", "packed", "c"))
    chunks = [_chunk(random, layout, depth) for _ in range(random.randint(1, 5))]
    if layout == "packed" and random.random() < 0.5:
        _scatter(random, chunks)
    fields = {f"f{i}": kind for i, kind in enumerate(itertools.chain(*chunks))}
    return make_record(fields, layout=layout, byteorder=random.choice(ORDERS), allow_padding=True)


def _chunk(random, layout, depth):
    """Fields that start and end at a whole byte: one of whole bytes, or a run of bit fields."""
    what = random.choice(("number", "number", "bits", "bits", "bytes", "array", "nested", "boolean", "pad"))
    if what == "bits":
        return _bit_run(random, layout)
    if what == "bytes":
        return [jk.bytes_(random.randint(1, 20))]
    if what == "pad":
        return [jk.pad(random.randint(1, 5)), jk.u8]
    if what == "boolean":
        return [random.choice((jk.boolean, jk.array(jk.boolean, _shape(random, depth))))]
    if what == "nested" and depth:
        record = random_record(random, depth - 1)
        return [random.choice((record, jk.array(record, _shape(random, 0)), jk.array(record, random.choice((2, 17)))))]
    kind = _ordered(random, _number(random))
    if what == "array":
        kind = random.choice((kind, kind, jk.bytes_(3), jk.array(kind, 2)))
        kind = jk.array(kind, _shape(random, depth))
    return [kind]


def _bit_run(random, layout):
    order = random.choice((None, *ORDERS))
    widths = _partition(random, 8) if layout == "c" else [_width(random) for _ in range(random.randint(1, 5))]
    run = []
    for width in widths:
        kind = _modified(random, jk.bits(width, signed=random.random() < 0.5))
        if layout == "packed" and random.random() < 0.2:
            kind = jk.array(kind, _shape(random, 0))
        run.append(kind)
    open_bits = -sum(map(width_of, run)) % 8
    run += [jk.bits(open_bits)] if open_bits else []
    return [kind if order is None else getattr(kind, order) for kind in run]


def _width(random):
    return random.choice((random.randint(1, 8), random.randint(9, 33), random.randint(34, 64), 64))


def _partition(random, total):
    widths = []
    while total:
        widths.append(random.randint(1, total))
        total -= widths[-1]
    return widths


def _number(random):
    return _modified(random, getattr(jk, random.choice(NUMBERS)))


def _modified(random, base):
    """A number as it is, with a range, in physical units, or an enumeration."""
    what = random.choice(("plain", "plain", "within", "scaled", "enum"))
    if what == "within":
        return base.within(*_range(random, base))
    if what == "scaled":
        scale = random.choice((1.0, 0.01, -2.5, 1 / 3, 1e-310, 1e300))
        offset = random.choice((0.0, -0.0, -40.0, 1e17))
        limits = random.choice((None, (None, None), (-40.0, 125.0), (offset, None), (None, offset)))
        dtype = random.choice((np.float64, np.float32))
        return jk.scaled(base, scale=scale, offset=offset, valid=limits, dtype=dtype)
    if what == "enum" and base.kind in "ui":
        low, high = base.limits
        start = random.randint(low, high)
        values = {low, high, start, *range(start, min(high, start + random.choice((0, 3, 200))) + 1)}
        labels = {value: f"value {value}" for value in values}
        return jk.enum_(base.within(start, None) if random.random() < 0.3 else base, labels)
    return base


def _range(random, base):
    """Two ends in order, of which the range always holds a value of the type."""
    if base.kind == "f":
        middle = random.choice((0.0, 1.5, -1e5, 65504.0, 0.1))
        return random.choice(((middle, math.inf), (None, middle), (middle, middle), (middle - 1e4, middle + 0.3)))
    low, high = base.limits
    inside = random.choice((low, high, random.randint(low, high)))
    below = random.choice((0, 1, random.randint(0, 2**40), 2**66))
    above = random.choice((0, 1, random.randint(0, 2**40), 2**66))
    return random.choice((None, inside - below, inside - below)), random.choice((None, inside + above, inside + above))


def _ordered(random, kind):
    order = random.choice((None, None, *ORDERS))
    return kind if order is None else getattr(kind, order)


def _shape(random, depth):
    return random.choice(SHORT + LONG if depth else SHORT)


def _scatter(random, chunks):
    """Give the chunks places of their own, in another order than that of the fields, and with gaps."""
    position = 0
    for i in random.sample(range(len(chunks)), len(chunks)):
        first, *others = map(as_field_type, chunks[i])
        position += random.choice((0, 0, 1, 3))
        chunks[i] = [first.at(position), *others]
        position += sum(map(width_of, chunks[i])) // 8


# Random bytes for them.


def random_count(random, record):
    """A number of records for which the twin does not take too long."""
    elements = sum(leaf.size for leaf in record._leaves)
    return random.choice([count for count in COUNTS if count * elements <= MOST_ELEMENTS or count < 3])


def random_bytes(random, record, count, clean=None):
    """`count` records of noise; when `clean`, with values that enumerations and booleans may have."""
    noise = np.random.default_rng(random.getrandbits(32))
    nbytes = count * record.itemsize
    kind = random.choice(("noise", "noise", "noise", "zeros", "ones", "few bits"))
    data = bytearray({"zeros": bytes, "ones": lambda n: b"\xff" * n}.get(kind, noise.bytes)(nbytes))
    if kind == "few bits":
        data = bytearray(a & b & c for a, b, c in zip(data, noise.bytes(nbytes), noise.bytes(nbytes), strict=True))
    if clean or (clean is None and random.random() < 0.85):
        for leaf in filter(allowed, record._leaves):
            values = sorted(allowed(leaf))
            for i in range(count):
                for start in leaf.element_starts():
                    put_bits(leaf, data, 8 * i * record.itemsize + start, values[int(noise.integers(len(values)))])
    return bytes(data)


def allowed(leaf):
    """The raw values that a leaf may have, if not all."""
    return {0, 1} if leaf.kind == "?" else set(leaf.labels or ())


def put_bits(leaf, data, start, value):
    """Replace an integer of a record's bytes."""
    stop = start + leaf.bits
    covering = slice(start // 8, -(-stop // 8))
    after = -stop % 8 if leaf.byteorder == "big" else start % 8
    mask = ((1 << leaf.bits) - 1) << after
    word = int.from_bytes(data[covering], leaf.byteorder) & ~mask | (value << after) & mask
    data[covering] = word.to_bytes(covering.stop - covering.start, leaf.byteorder)


# What they must decode to.


def first_unlisted(record, data):
    """Attributes of the DecodeError that the records deserve, if any."""
    checked = [(leaf, allowed(leaf)) for leaf in record._leaves if allowed(leaf)]
    for i in range(len(data) // record.itemsize):
        for leaf, values in checked:
            for start in leaf.element_starts():
                if int(_reference.read_raw(leaf, data, 8 * i * record.itemsize + start)) not in values:
                    kind = "boolean" if leaf.kind == "?" else "enum"
                    return {"kind": kind, "offset": i * record.itemsize + start // 8, "record": i, "field": leaf.name}
    return None


def attributes(error):
    """Those of a DecodeError that say where."""
    return {name: getattr(error, name) for name in ("kind", "offset", "record", "field")}


def assert_columns(columns, record, data):
    """Compare all columns and masks with the plain-Python twin, bit by bit.

    Floats that are not scaled must have the very bits of the record, payloads of NaNs included. Where arithmetic makes
    a NaN its payload is the processor's business: any NaN equals any other. -0.0 and 0.0 always differ.
    """
    expected = _reference.decode(record, data)
    assert list(columns) == list(expected)
    assert len(columns) == len(data) // record.itemsize
    for leaf in record._leaves:
        column, values = columns[leaf.name], expected[leaf.name]
        assert (column.dtype, column.shape) == (leaf.dtype, (len(columns), *leaf.shape)), leaf
        assert column.dtype.isnative
        if leaf.kind == "f" and not leaf.scaled:
            words = _reference.decode(types.SimpleNamespace(_leaves=[as_word(leaf)], itemsize=record.itemsize), data)
            assert column.view(f"u{column.dtype.itemsize}").tolist() == words[leaf.name], leaf
        elif leaf.scaled:
            assert nested_bits(column.tolist()) == nested_bits(values), leaf
        else:
            assert column.tolist() == values, leaf
        assert columns.valid(leaf.name).tolist() == _reference.validity(leaf, values), leaf


def as_word(leaf):
    """The leaf of the same bits that holds them as an unsigned integer."""
    return replace(leaf, kind="u", dtype=np.dtype(f"u{leaf.dtype.itemsize}"), valid=None)


def nested_bits(values):
    """The bits of floats in nested lists; one text for all NaNs."""
    if isinstance(values, list):
        return [nested_bits(value) for value in values]
    return "nan" if math.isnan(values) else struct.pack("<d", values)


class Guarded:
    """Memory between two pages that nobody may touch: one byte too far ends the process."""

    def __init__(self, nbytes):
        page = mmap.PAGESIZE
        inside = max(1, -(-nbytes // page)) * page
        self._map = mmap.mmap(-1, inside + 2 * page)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        forbidden = getattr(mmap, "PROT_NONE", mmap.PROT_READ & ~mmap.PROT_READ)
        for place in (address, address + page + inside):
            if protect(place, page, forbidden):
                raise OSError(ctypes.get_errno(), "mprotect")
        pages = np.frombuffer(self._map, np.uint8)[page:-page]
        self.at_start = pages[:nbytes]  # behind the first forbidden page
        self.at_end = pages[pages.size - nbytes :]  # before the second

    def array(self, place, shape, dtype):
        """All of the memory as an array; `place` is "at_start" or "at_end"."""
        return getattr(self, place).view(dtype).reshape(shape)


def guarded(place, shape, dtype=np.float64):
    """An array like that of `np.empty`, with a forbidden page at one side."""
    dtype, shape = np.dtype(dtype), shape if isinstance(shape, tuple) else (shape,)
    nbytes = math.prod(shape) * dtype.itemsize
    return Guarded(nbytes).array(place, shape, dtype)


@pytest.fixture(scope="session")
def model():
    """The functions of this file."""
    return types.SimpleNamespace(**globals())
