"""`Record.source`: what the specialised decoder does, as Python. Here it is run as Python."""

import random
import re

import numpy as np
import pytest

import jitkit as jk

pytestmark = pytest.mark.kernel


class Sample(jk.Record, layout="packed", byteorder="big"):
    counter: jk.u16
    kind: int = jk.bits(3)
    level: int = jk.bits(13, signed=True)
    volts: float = jk.scaled(jk.i16.little, scale=0.01, offset=-40.0, unit="V", valid=(-40.0, 125.0))


def test_reads_like_python():
    assert Sample.source() == re.sub(
        "BLOCK",
        re.search(r"nrecords, (\d+)\)", Sample.source()).group(1),
        '''\
def decode_Sample(source, nrecords, columns, masks, first):
    """Sample: 6 bytes, 4 columns; as the specialised decoder computes them.

    `u16(a)` is the unsigned word of 16 bits at address a, `u16_swapped(a)` the same with its bytes reversed, `i16(w)`
    and `f32(w)` are the bits w as another type; `inf` is infinity.
    """
    for start in range(0, nrecords, BLOCK):
        stop = min(start + BLOCK, nrecords)
        for i in range(start, stop):  # counter: u16 big-endian
            columns['counter'][first + i] = u16_swapped(source + 6 * i)
        for i in range(start, stop):  # kind: 3 bits
            columns['kind'][first + i] = (u8(source + 6 * i + 2) >> 5)
        for i in range(start, stop):  # level: signed 13 bits
            columns['level'][first + i] = sign_extended(u16_swapped(source + 6 * i + 2) & 0x1fff, 13)
        for i in range(start, stop):  # volts: i16 little-endian, V
            columns['volts'][first + i] = value = float(i16(u16(source + 6 * i + 4))) * 0.01 + -40.0
            masks['volts'][first + i] = -40.0 <= value <= 125.0
''',
    )


class Address(int):
    """A place in the buffer: it stays one when something is added."""

    def __add__(self, other):
        return Address(int(self) + other)


class Column:
    """An array that takes values as the decoder stores them: bytes as they are."""

    def __init__(self, array):
        self.array = array
        self.flat = array.reshape(-1)

    def __setitem__(self, place, value):
        if isinstance(value, bytes):
            value = np.frombuffer(value, self.flat.dtype)
            value = value if isinstance(place, slice) else value[0]
        self.flat[place] = value


def names_in(data):
    """What the text calls: words at addresses, and other readings of their bits."""

    def word(nbytes, swapped):
        def load(at):
            if not isinstance(at, Address):  # `u64` of a number: the low 64 bits of it
                return at & (1 << 8 * nbytes) - 1
            return int.from_bytes(data[at : at + nbytes], "big" if swapped else "little")

        return load

    def as_type(name, nbytes):
        return lambda bits: np.array(bits, f"u{nbytes}").view(name)[()]

    names = {f"u{8 * n}{'_swapped' * swapped}": word(n, swapped) for n in (1, 2, 4, 8) for swapped in (False, True)}
    names |= {
        f"{kind}{8 * n}": as_type(f"{kind}{n}", n) for kind in "if" for n in (1, 2, 4, 8) if (kind, n) != ("f", 1)
    }
    names |= {"float32": np.float32, "inf": np.inf}
    names["sign_extended"] = lambda bits, width: bits - (1 << width) if bits >> width - 1 else bits
    names["bytes_at"] = lambda at, nbytes: data[at : at + nbytes]
    return names


def assert_text_decodes(model, record, data, first=2):
    """Run the text, with rows from `first` on, and compare with the decoder."""
    expected = record.columns(data)
    rows = len(expected) + first
    columns = {name: Column(np.zeros((rows, *c.shape[1:]), c.dtype)) for name, c in expected.items()}
    masks = {name: Column(np.zeros((rows, *c.shape[1:]), bool)) for name, c in expected.items()}
    namespace = names_in(data)
    with np.errstate(all="ignore"):
        exec(record.source(), namespace)
        namespace[f"decode_{record.__name__}"](Address(0), len(expected), columns, masks, first)
    for leaf in record._leaves:
        column, given = columns[leaf.name].array, expected[leaf.name]
        assert not column[:first].any()
        if leaf.scaled:
            assert model.nested_bits(column[first:].tolist()) == model.nested_bits(given.tolist()), leaf
        else:
            assert column[first:].tobytes() == given.tobytes(), leaf
        if leaf.valid is not None:
            assert masks[leaf.name].array[first:].tolist() == expected.valid(leaf.name).tolist(), leaf


def test_computes_what_the_decoder_computes(model):
    assert_text_decodes(model, Sample, np.random.default_rng(0).bytes(300 * Sample.itemsize))


@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_of_signed_bits_that_fill_whole_words(model, byteorder):
    fields = {f"b{width}": jk.bits(width, signed=True) for width in (8, 16, 32, 64)}
    fields["scaled"] = jk.scaled(jk.bits(16, signed=True), scale=0.5)
    record = model.make_record(fields, layout="packed", byteorder=byteorder)
    assert_text_decodes(model, record, b"\xff" * record.itemsize + np.random.default_rng(1).bytes(9 * record.itemsize))


@pytest.mark.parametrize("seed", range(12))
def test_of_random_records_computes_what_the_decoder_computes(model, seed):
    source = random.Random(seed)
    record = model.random_record(source)
    assert_text_decodes(model, record, model.random_bytes(source, record, 3, clean=True))
