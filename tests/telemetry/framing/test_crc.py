"""CRCs by name: the catalogue's own check values, what Python's standard library computes, and the twin bit by bit."""

import binascii
import zlib
from array import array

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jitkit.errors import DecodeError
from jitkit.telemetry import framing
from jitkit.telemetry.framing import _folding, _reference, _registers
from jitkit.telemetry.framing._catalogue import ALIASES, CATALOGUE
from jitkit.telemetry.framing._constants import FINAL, INITIAL, POWERS, SHIFT, TABLES, constants
from jitkit.telemetry.framing._scan import scanners

pytestmark = pytest.mark.kernel

STEADY = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
NAMES = sorted(CATALOGUE)
CHECKED = b"123456789"


def crc_by(kernels, name, data, offset=0):
    words = constants(CATALOGUE[name])
    view = np.frombuffer(bytes(offset) + data, np.uint8)[offset:]
    register = int(scanners(kernels).register(view, words[INITIAL], words))
    return register >> int(words[SHIFT]) ^ int(words[FINAL])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("way")
def test_the_check_value_of_the_catalogue(name):
    assert framing.crc(name, CHECKED) == framing.Crc(name).of(CHECKED) == CATALOGUE[name].check
    assert _reference.crc(CATALOGUE[name], CHECKED) == CATALOGUE[name].check


@pytest.mark.parametrize("name", NAMES)
def test_kernels_rely_on_what_the_catalogue_says(name):
    parameters = CATALOGUE[name]
    assert 8 <= parameters.width <= 32
    assert parameters.refin == parameters.refout
    assert parameters.poly & 1  # so that x can be divided by


@pytest.mark.usefixtures("way")
def test_as_the_standard_library_computes_it():
    for size in (0, 1, 15, 16, 63, 64, 65, 1000, 100_003):
        data = np.random.default_rng(size).bytes(size)
        assert framing.crc("crc-32/iso-hdlc", data) == zlib.crc32(data)
        assert framing.crc("crc-16/xmodem", data) == binascii.crc_hqx(data, 0)
        assert framing.crc("crc-16/ibm-3740", data) == binascii.crc_hqx(data, 0xFFFF)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("way")
def test_goes_on_from_what_came_before(name):
    data = np.random.default_rng(1).bytes(300)
    for cut in (0, 1, 3, 16, 299, 300):
        assert framing.crc(name, data[cut:], framing.crc(name, data[:cut])) == framing.crc(name, data)


@pytest.mark.usefixtures("way")
def test_any_buffer_will_do():
    for buffer in (CHECKED, bytearray(CHECKED), memoryview(CHECKED), array("B", CHECKED), np.frombuffer(CHECKED, "u1")):
        assert framing.crc("crc-32/iso-hdlc", buffer) == 0xCBF43926
    numbers = np.arange(12, dtype=">i4").reshape(3, 4)
    assert framing.crc("crc-32/iso-hdlc", numbers) == zlib.crc32(numbers)
    assert framing.crc("crc-32/iso-hdlc", np.zeros((0, 3))) == 0
    days = np.array(["2026-01-01"], "M8[D]")
    assert framing.crc("crc-32/iso-hdlc", days) == zlib.crc32(days.view(np.uint8))


@pytest.mark.parametrize("name", NAMES)
def test_every_length_and_every_offset(name, kernels):
    data = np.random.default_rng(2).bytes(200)
    for size in range(len(data) + 1):
        assert crc_by(kernels, name, data[:size], size % 17) == _reference.crc(CATALOGUE[name], data[:size])


@pytest.mark.parametrize("name", NAMES)
def test_both_ways_agree_with_the_twin(name):
    ways = [_registers.slicing(), *([_registers.folding()] if _folding.available() else [])]

    @settings(STEADY, max_examples=25)
    @given(st.binary(max_size=600), st.integers(0, 70))
    def agree(data, offset):
        expected = _reference.crc(CATALOGUE[name], data)
        assert [crc_by(kernels, name, data, offset) for kernels in ways] == [expected] * len(ways)

    agree()


@pytest.mark.parametrize("name", NAMES)
def test_zeros_are_skipped_as_if_they_had_been_read(name, kernels):
    words = constants(CATALOGUE[name])
    address = words.ctypes.data
    start = scanners(kernels).register(np.frombuffer(b"anything", "u1"), words[INITIAL], words)
    for size in (0, 1, 2, 3, 4, 5, 255, 256, 257, 65_535, 65_536, 100_000, 1 << 24, (1 << 24) + 3):
        skipped = kernels.skip(np.uint64(start), size, address)
        assert skipped == scanners(kernels).register(np.zeros(size, "u1"), np.uint64(start), words), size


def test_zeros_are_skipped_in_steps(kernels):
    words = constants(CATALOGUE["crc-24/openpgp"])

    @settings(STEADY, max_examples=100)
    @given(st.integers(0, 2**24 - 1), st.integers(0, 2**31), st.integers(0, 2**31 - 1))
    def together(register, one, other):
        start, address = np.uint64(register << 8), words.ctypes.data
        apart = kernels.skip(np.uint64(kernels.skip(start, one, address)), other, address)
        assert apart == kernels.skip(start, one + other, address)

    together()


def test_products_of_both_ways_agree():
    assert int(_registers.multiply_by_bits(np.uint64(0b101), np.uint64(0b111))) == 0b11011


def test_tables_are_what_a_byte_leaves():
    words = constants(CATALOGUE["crc-32/iso-hdlc"])
    tables = words[TABLES:POWERS].view(np.uint32).reshape(8, 256)
    assert tables[7, 1] == 0x77073096  # the first entry of every table of this CRC, as in zlib
    assert not tables[:, 0].any()
    assert not words.flags.writeable


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("crc-32", "'crc-32/iso-hdlc'"),
        ("CRC-16/CCITT-FALSE", "'crc-16/ibm-3740'"),
        ("crc-32/iso_hdlc", "'crc-32/iso-hdlc'"),
        ("x25", "'crc-16/ibm-sdlc'"),
        ("crc-32/iscsy", "'crc-32/iscsi'"),
    ],
)
def test_an_unknown_name_comes_with_the_nearest(name, near):
    with pytest.raises(ValueError, match=r"expected one of the CRCs .*, got .*: did you mean") as caught:
        framing.crc(name, b"")
    assert near in str(caught.value)


def test_aliases_lead_somewhere():
    assert set(ALIASES.values()) <= set(CATALOGUE)
    with pytest.raises(ValueError, match=r"got 'qqq'$"):
        framing.crc("qqq", b"")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((32, b""), TypeError, "expected the name of a CRC, got int"),
        (("crc-16/arc", b"", -1), ValueError, r"expected initial to be a CRC of 16 bits, got -0x1"),
        (("crc-16/arc", b"", 0x10000), ValueError, "expected initial to be a CRC of 16 bits, got 0x10000"),
        (("crc-16/arc", b"", 1.5), TypeError, "expected initial to be an int, got 1.5"),
        (("crc-16/arc", "text"), DecodeError, r"expected a buffer \(bytes, .*\), got str"),
        (("crc-16/arc", None), DecodeError, "expected a buffer .*, got NoneType"),
        (("crc-16/arc", np.zeros(4)[::2]), DecodeError, "expected a C-contiguous buffer, got shape"),
        (("crc-16/arc", memoryview(bytes(4))[::2]), DecodeError, "expected a C-contiguous buffer, got shape"),
        (("crc-16/arc", np.array([None])), DecodeError, "expected plain bytes, got an array of Python objects"),
    ],
)
def test_what_it_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        framing.crc(*arguments)


def test_a_released_buffer_is_named():
    view = memoryview(b"abc")
    view.release()
    with pytest.raises(DecodeError, match="expected an open buffer, got memoryview") as caught:
        framing.crc("crc-16/arc", view)
    assert caught.value.kind == "buffer"
