"""A log's memory is free as soon as nobody has the log: it does not wait for Python's collector of cycles."""

import gc
import weakref

import numpy as np
import pytest
from ulogs import data, format_, header, subscribe

import jitkit as jk

SOUND = header() + format_("a:uint64_t timestamp;float x;") + subscribe(0, "a") + data(0, b"\1" * 12) * 50
FILES = {
    "sound": SOUND,
    "with a hole": SOUND[:120] + b"\xff" * 30 + SOUND[120:],
    "cut": SOUND[:-5],
    "formats that are not there": SOUND + subscribe(1, "b") + format_("c:d x;") + subscribe(2, "c") + SOUND[16:],
    "formats that contradict": SOUND[:60] + format_("a:b x;") + format_("a:uint8_t x;") + SOUND[60:] + b"\0\0",
}


@pytest.fixture
def no_collector():
    for file in FILES.values():  # what loads kernels and numba leaves cycles of its own
        jk.telemetry.read(file, errors="recover")
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("errors", ["strict", "recover"])
@pytest.mark.parametrize("name", FILES)
def test_memory_is_free_with_the_log(name, errors):
    source = np.frombuffer(bytearray(FILES[name]), np.uint8).copy()
    is_free = weakref.ref(source)
    try:
        log = jk.telemetry.read(source, errors=errors)
    except jk.DecodeError:
        assert (name, errors) != ("sound", "strict")
    else:
        assert log["a"]["x"].size >= 30
        _ = log.info, log.messages, log.parameters, log.dropouts, repr(log)
        del log
    del source
    assert is_free() is None


@pytest.mark.usefixtures("no_collector")
def test_memory_of_columns_is_free_with_them():
    log = jk.telemetry.read(SOUND)
    column = log["a"]["x"]
    is_free = weakref.ref(column.base)
    del log
    assert (column.size, is_free() is None) == (50, False)
    del column
    assert is_free() is None
