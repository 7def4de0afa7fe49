"""Damage costs work in proportion to a file's size, whatever its bytes are: counted, not timed.

The kernels are run as plain Python, in which every load from memory is counted and checked. So what they find is
compared with what their machine code finds, too.
"""

import importlib.util
import sys
import types
from contextlib import ExitStack
from unittest import mock

import numpy as np
import pytest
import ulogs
from ulogs import data, format_, header, message, subscribe

import jitkit as jk
from jitkit.telemetry.ulog import _definitions, _recover, _sound

MOST_LOADS = 300  # for a byte of the file: a key has up to 255 letters, and may begin anywhere
MOST_TEXT = 20  # bytes of definitions that are parsed for a byte of the file
REGION = 40  # bits of an address in an array


class Memory:
    """Arrays at made-up addresses, and how often something was loaded from them."""

    def __init__(self):
        self.regions, self.loads = [], 0

    def address(self, array):
        self.regions.append(array.reshape(-1).view(np.uint8))
        return np.int64(len(self.regions) << REGION)

    def place(self, address, nbytes):
        region, start = int(address) >> REGION, int(address) % (1 << REGION)
        array = self.regions[region - 1]
        assert 0 <= start <= array.size - nbytes, (region, start, nbytes)
        return array, start

    def load(self, address, kind):
        self.loads += 1
        dtype = np.dtype(kind)
        array, start = self.place(address, dtype.itemsize)
        return array[start : start + dtype.itemsize].view(dtype)[0]

    def store(self, address, value):
        value = np.asarray(value)
        array, start = self.place(address, value.nbytes)
        array[start : start + value.nbytes] = value.reshape(1).view(np.uint8)


def plain_kernels(memory):
    """What stands for `kernel`: the functions of the same modules, with nothing compiled."""
    fakes = {
        "jitkit._core.jit": types.SimpleNamespace(jit=lambda function: function),
        "jitkit._core.intrinsics": types.SimpleNamespace(load=memory.load, store=memory.store),
    }
    names = "jitkit.telemetry.ulog._walk", "jitkit.telemetry.ulog._search"
    with mock.patch.dict(sys.modules, fakes):
        for name in names:
            spec = importlib.util.find_spec(name)
            fakes[name] = sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(fakes[name])

    def kernel(path, _):
        module, _, name = path.partition(":")
        function = getattr(fakes[module], name)

        def call(*arguments):
            memory.regions.clear()
            arguments = [memory.address(one) if isinstance(one, np.ndarray) else np.int64(one) for one in arguments]
            return int(function(*arguments))

        return call

    return kernel


def counted(contents):
    """The log of a damaged file, loads of its kernels, and bytes of definitions that were parsed."""
    memory, parsed = Memory(), []
    kernel = plain_kernels(memory)
    with ExitStack() as patches:
        for module in (_recover, _sound):
            patches.enter_context(mock.patch.object(module, "kernel", kernel))
        for name in ("parse_format", "parse_subscription"):
            parse = getattr(_definitions, name)

            def counting(payload, parse=parse):
                parsed.append(len(payload))
                return parse(payload)

            patches.enter_context(mock.patch.object(_definitions, name, counting))
        log = jk.telemetry.read(contents, errors="recover")
    return log, memory.loads, sum(parsed)


def flood(unit, size=30_000):
    return header() + (unit * (size // len(unit) + 1))[:size]


FORMAT = format_("t:uint64_t timestamp;"), subscribe(0x2121, "t")
FLOODS = {
    "zeros": b"\0",
    "ones": b"\xff",
    "headers of data": b"\x0a\0D",
    "headers of data that has an id": b"!!D",
    "sync words": bytes([0x2F, 0x73, 0x13, 0x20, 0x25, 0x0C, 0xBB]),
    "texts": b"!\tL6" * 400 + b"\0",
    "tagged texts": b"!\tC6" * 400 + b"\0",
    "keys of parameters": b"!!P\xf0",
    "keys of information": b"!!I\xff",
    "keys of defaults": b"!!Q\xff",
    "keys with brackets": b"!!I\xff[999",
    "dropouts": b"\2\0O",
    "unsubscriptions": b"\2\0R",
    "texts that end in the file": b"~\tL6",
}


@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_of_headers_costs_what_its_bytes_are(what):
    contents = flood(FLOODS[what])
    contents = contents[:16] + b"".join(FORMAT) + contents[16:]
    log, loads, _ = counted(contents)
    assert loads < MOST_LOADS * len(contents)
    ulogs.assert_accounts(log.report, len(contents))


DEFINITIONS = {"formats": b"~~F", "formats with colons": b"~~F:", "formats of fields": b"~~Fa:b c;", "topics": b"~~A"}


@pytest.mark.parametrize("what", DEFINITIONS)
def test_a_flood_of_definitions_costs_what_its_bytes_are(what):
    log, _, parsed = counted(flood(DEFINITIONS[what], 34_000))
    assert log.topics == []
    assert parsed < MOST_TEXT * log.report.size


def test_sound_definitions_are_parsed_once():
    texts = [format_(f"t{i}:uint64_t timestamp;float[{i + 1}] x;") for i in range(30)]
    parts = [*texts, *(subscribe(i, f"t{i}") for i in range(30)), *(data(i, bytes(12 + 4 * i)) for i in range(30))]
    contents = b"".join([header(), *parts, message("\0", b"x")])
    log, _, parsed = counted(contents)
    assert len(log) == 30
    assert parsed == sum(len(part) - 3 for part in parts[:60])


@pytest.mark.parametrize("seed", range(6))
def test_plain_python_finds_what_machine_code_finds(seed):
    sound, _ = ulogs.small_log(seed, records=30)
    broken, _ = ulogs.damaged(sound, seed)
    log, other = counted(broken)[0], jk.telemetry.read(broken, errors="recover")
    assert log.report.skipped == other.report.skipped
    assert log.topics == other.topics
    for name in log:
        ulogs.assert_columns(log[name], dict(other[name].items()))
