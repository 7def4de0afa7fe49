"""What is kept of definitions for the next file: nothing that a hostile one could make large."""

import numpy as np
import pytest

import jitkit as jk
from jitkit.telemetry.ulog import _formats, _payloads
from jitkit.telemetry.ulog._formats import KEPT, layout_of, parse_format
from jitkit.telemetry.ulog._kept import Kept


def layout(*texts):
    formats = [parse_format(text.encode()) for text in texts]
    return layout_of(formats[0].name, {format_.name: format_ for format_ in formats})


def test_formats_and_layouts_are_made_once():
    assert parse_format(b"a:uint8_t[40] x;") is parse_format(b"a:uint8_t[40] x;")
    assert layout("a:uint8_t[40] x;b y;", "b:float z;") is layout("a:uint8_t[40] x;b y;", "b:float z;")


@pytest.mark.parametrize("texts", [
    ["a:uint8_t[9000] x;"],
    [f"a:uint8_t[100] {'x' * 5000};"],
    ["a:b[2] x;float y;", f"b:uint8_t[20] {'x' * 20_000};"],
    ["a:b[0] x;float y;", "b:c[0] x;float y;", "c:uint8_t[9000] x;"],
])  # fmt: skip
def test_what_takes_much_memory_goes_with_its_log(texts):
    assert layout(*texts) is not layout(*texts)


def test_the_weight_of_layouts_is_about_what_they_take():
    texts = [f"a{i}:uint8_t[200] some_name;" for i in range(50)]
    layouts = [layout(text) for text in texts]
    names = [name for one in layouts for name in one.flat.names]
    taken = sum(map(np.dtype("i8").itemsize.__add__, map(object.__sizeof__, names))) + sum(
        one.steps.nbytes + one.flat.widths.nbytes for one in layouts
    )
    assert 0.5 * taken < sum(one.weight for one in layouts) < 3 * taken


def test_what_is_kept_has_an_upper_bound():
    for number in range(1000):
        layout(f"a{number}:uint8_t[1000] x;")
        assert _formats._layouts._weight <= KEPT
    assert 0 < len(_formats._layouts) < KEPT / (1000 * _formats.COLUMN)


def test_a_log_whose_definitions_are_too_many_to_be_kept_is_read_all_the_same(tmp_path):
    topics = {f"t{i}": np.full(3, i, [("timestamp", "<u8"), ("x", "<u2", (2000,))]) for i in range(40)}
    jk.telemetry.ulog.write(tmp_path / "a.ulg", topics)
    log = jk.telemetry.read(tmp_path / "a.ulg")
    assert [log[name]["x[1999]"].tolist() for name in topics] == [[i] * 3 for i in range(40)]


def test_kept_things_go_all_at_once():
    kept = Kept(160, 10, lambda _, value: value)
    for key in range(16):
        kept.put(key, 10)
    assert (len(kept), kept.get(3)) == (16, 10)
    assert kept.put("large", 11) == 11
    assert (len(kept), kept.get("large")) == (16, None)
    kept.put(16, 10)
    assert (len(kept), kept.get(3), kept.get(16)) == (1, None, 10)


def test_long_names_of_subscriptions_are_not_kept():
    before = _payloads._kept_subscription.cache_info().misses
    long = b"\1\2\0" + b"n" * 1000
    assert _payloads.parse_subscription(long) == (2, 1, "n" * 1000)
    assert _payloads._kept_subscription.cache_info().misses == before
