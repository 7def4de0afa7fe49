"""What is kept of formats for the next file: nothing that a hostile one could make large."""

from jitkit.telemetry.ulog import _payloads
from jitkit.telemetry.ulog._formats import WIDEST, layout_of, parse_format


def layout(items):
    return layout_of("a", {"a": parse_format(f"a:uint8_t[{items}] x;".encode())})


def test_layouts_are_kept_unless_they_have_very_many_columns():
    assert layout(WIDEST) is layout(WIDEST)
    assert layout(WIDEST + 1) is not layout(WIDEST + 1)
    assert (layout(WIDEST + 1).width, layout(WIDEST + 1).low) == (WIDEST + 1, WIDEST + 1)


def test_long_names_of_subscriptions_are_not_kept():
    before = _payloads._kept_subscription.cache_info().misses
    long = b"\1\2\0" + b"n" * 1000
    assert _payloads.parse_subscription(long) == (2, 1, "n" * 1000)
    assert _payloads._kept_subscription.cache_info().misses == before
