"""`fields=`: which columns are decoded, and what a wrong list of names is told."""

import numpy as np
import pytest

import jitkit as jk


class Inner(jk.Record, layout="packed"):
    status: jk.u8
    level: jk.i16


class Outer(jk.Record, layout="packed"):
    time: jk.u32
    inner: Inner
    _pad: None = jk.pad(1)
    inner_time: jk.u8
    inners: list = jk.array(Inner, 2)


RECORD = bytes([1, 0, 0, 0, 2, 3, 0, 255, 4, 5, 6, 0, 7, 8, 0])
ALL = ["time", "inner.status", "inner.level", "inner_time", "inners.status", "inners.level"]


@pytest.mark.kernel
class TestWhatIsChosen:
    def test_without_fields_it_is_everything(self):
        assert list(Outer.columns(RECORD)) == ALL

    def test_names_come_in_the_order_asked_for(self):
        columns = Outer.columns(RECORD * 2, fields=["inner_time", "time"])
        assert {name: column.tolist() for name, column in columns.items()} == {"inner_time": [4, 4], "time": [1, 1]}
        assert list(columns) == ["inner_time", "time"]

    @pytest.mark.parametrize("make", [tuple, list, dict.fromkeys, iter, np.array])
    def test_names_may_come_in_any_iterable(self, make):
        assert list(Outer.columns(RECORD, fields=make(["time", "inner.level"]))) == ["time", "inner.level"]

    def test_the_name_of_a_record_is_all_that_it_has(self):
        columns = Outer.columns(RECORD, fields=["inner", "inners"])
        assert {name: column.tolist() for name, column in columns.items()} == {
            "inner.status": [2], "inner.level": [3], "inners.status": [[5, 7]], "inners.level": [[6, 8]]
        }  # fmt: skip

    def test_a_field_of_a_record_stands_behind_a_dot(self):
        assert Outer.columns(RECORD, fields=["inners.level"])["inners.level"].tolist() == [[6, 8]]

    def test_records_within_records_are_chosen_too(self):
        class Outermost(jk.Record, layout="packed"):
            outer: Outer
            other: jk.u8

        assert list(Outermost.columns(b"", fields=["outer.inner"])) == ["outer.inner.status", "outer.inner.level"]
        assert list(Outermost.columns(b"", fields=["outer"])) == [f"outer.{name}" for name in ALL]

    def test_no_fields_are_no_columns_but_still_rows(self):
        columns = Outer.columns(RECORD * 3, fields=[])
        assert (list(columns), len(columns)) == ([], 3)

    def test_batches_choose_like_columns(self):
        batches = Outer.iter_batches(RECORD * 3, nbytes=1, fields=["inner"])
        assert [list(batch) for batch in batches] == [["inner.status", "inner.level"]] * 3


@pytest.fixture(params=[Outer.columns, lambda *args, **options: list(Outer.iter_batches(*args, **options))])
def refused(request):
    """The LayoutError's message that a selection gives."""

    def refused(fields):
        with pytest.raises(jk.LayoutError) as caught:
            request.param(RECORD, fields=fields)
        return str(caught.value)

    return refused


class TestWhatIsRefused:
    def test_a_name_that_there_is_not(self, refused):
        assert refused(["time", "speed"]) == f"Outer: expected one of {', '.join(ALL)}, got 'speed'"

    @pytest.mark.parametrize(
        ("name", "meant"), [("tiem", "time"), ("inner.levl", "inner.level"), ("inner_level", "inner.level")]
    )
    def test_with_the_name_that_was_meant(self, refused, name, meant):
        assert refused([name]).endswith(f"got {name!r}: did you mean {meant!r}?")

    @pytest.mark.parametrize("name", ["_pad", "", ".", "inner.", "inne", "inner.status.x", "inners[0]", "TIME "])
    def test_what_only_looks_like_one(self, refused, name):
        assert f"got {name!r}" in refused([name])

    def test_a_string_instead_of_a_list(self, refused):
        assert refused("time") == "expected a sequence of field names, got the string 'time': write ['time']"

    @pytest.mark.parametrize("fields", [3, 1.5, True, object])
    def test_what_is_no_sequence(self, refused, fields):
        assert refused(fields) == f"expected a sequence of field names, got {fields!r}"

    @pytest.mark.parametrize("name", [3, None, ["time"], b"time"])
    def test_names_that_are_not_strings(self, refused, name):
        assert refused(["time", name]) == f"expected field names to be strings, got {name!r}"

    @pytest.mark.parametrize(
        ("fields", "twice"),
        [
            (["time", "inner", "time"], "time"),
            (["inner.level", "inner"], "inner.level"),
            (["inner", "inner"], "inner.status"),
        ],
    )
    def test_a_column_that_is_asked_for_twice(self, refused, fields, twice):
        assert refused(fields) == f"Outer: expected each column once, got {twice!r} twice"

    def test_a_record_where_one_field_is_wanted(self):
        assert Outer.reader("inner.level")(RECORD, 0) == 3
        with pytest.raises(jk.LayoutError, match=r"^Outer: expected one column, got 'inner', a nested record with"):
            Outer.reader("inner")

    def test_is_told_before_anything_is_read(self):
        with pytest.raises(jk.LayoutError):
            Outer.columns("no such file", fields=["speed"])
