import pickle

import pytest

import jitkit as jk

ATTRIBUTES = ("kind", "offset", "record", "field", "topic")


@pytest.mark.parametrize(
    ("error", "builtin"),
    [(jk.DecodeError, ValueError), (jk.LayoutError, TypeError), (jk.MissingExtraError, ImportError)],
)
def test_every_error_is_a_jitkit_error_and_the_builtin_it_specialises(error, builtin):
    assert issubclass(error, jk.JitkitError)
    assert issubclass(error, builtin)
    assert str(error("expected this, got that")) == "expected this, got that"


def test_a_decode_error_says_where():
    error = jk.DecodeError("bad", kind="enum", offset=42, record=2, field="inner.mode", topic="status")
    assert [getattr(error, name) for name in ATTRIBUTES] == ["enum", 42, 2, "inner.mode", "status"]


def test_what_does_not_apply_is_none():
    assert [getattr(jk.DecodeError("bad"), name) for name in ATTRIBUTES] == [None] * 5


def test_where_is_named_not_counted():
    with pytest.raises(TypeError):
        jk.DecodeError("bad", "enum")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_decode_error_survives_the_way_between_processes(protocol):
    error = jk.DecodeError("bad", kind="length", offset=0, record=7, field="status")
    error.add_note("in flight.bin")
    copy = pickle.loads(pickle.dumps(error, protocol))
    assert type(copy) is jk.DecodeError
    assert copy.args == ("bad",)
    assert [getattr(copy, name) for name in ATTRIBUTES] == ["length", 0, 7, "status", None]
    assert copy.__notes__ == ["in flight.bin"]


@pytest.mark.parametrize("error", [jk.JitkitError("a"), jk.LayoutError("a"), jk.MissingExtraError("a")])
def test_the_other_errors_pickle_too(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert copy.args == ("a",)
