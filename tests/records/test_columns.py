"""What decoding gives: a mapping of arrays, with masks, units and labels, and its ways out to other libraries."""

import copy
import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import jitkit as jk
from jitkit._core import extras

pytestmark = pytest.mark.kernel


class Inner(jk.Record, layout="packed"):
    status: jk.u8
    level: float = jk.scaled(jk.i16, scale=0.5, unit="V", valid=(-1.0, 1.0))


class Sample(jk.Record, layout="packed", byteorder="big"):
    time: jk.u64
    half: jk.f16
    ready: jk.boolean
    mode: int = jk.enum_(jk.i8, {1: "armed", 0: "idle", -1: "lost"})
    gears: np.ndarray = jk.array(jk.enum_(jk.bits(2), {0: "P", 1: "R", 2: "N", 3: "D"}), 4)
    tag: bytes = jk.bytes_(4)
    tags: np.ndarray = jk.array(jk.bytes_(2), 2)
    matrix: np.ndarray = jk.array(jk.f32, (2, 3))
    _pad: None = jk.pad(2)
    inner: Inner
    inners: list = jk.array(Inner, 2)


NAMES = [
    "time", "half", "ready", "mode", "gears", "tag", "tags", "matrix", "inner.status", "inner.level", "inners.status",
    "inners.level",
]  # fmt: skip
DTYPES = ["u8", "f2", "?", "i1", "u1", "S4", "S2", "f4", "u1", "f8", "u1", "f8"]
SHAPES = [(), (), (), (), (4,), (), (2,), (2, 3), (), (), (2,), (2,)]


def sample(i):
    return Sample(
        time=2**63 + i,
        half=i / 4,
        ready=i % 2,
        mode=i % 3 - 1,
        gears=[0, i % 4, 2, 3],
        tag=b"ab\0\1"[: i % 5],
        tags=[b"x", b"yz"],
        matrix=[[i, 1, 2], [3, 4, 5 + i]],
        inner=Inner(status=i, level=i - 2.0),
        inners=[Inner(status=i, level=0.5), Inner(status=i + 1, level=1.5)],
    )


def data(n):
    return b"".join(bytes(sample(i)) for i in range(n))


@pytest.fixture
def columns():
    """Six rows of every kind of column."""
    return Sample.columns(data(6))


def refused(name):
    """What an unknown name raises."""
    return pytest.raises(KeyError, match=f"expected one of time, half, .*inners.level, got {name!r}")


class TestMapping:
    def test_has_names_and_arrays(self, columns):
        assert list(columns) == list(columns.keys()) == NAMES
        assert [array.dtype for array in columns.values()] == list(map(np.dtype, DTYPES))
        assert [array.shape for array in columns.values()] == [(6, *shape) for shape in SHAPES]
        assert [(name, array.shape[0]) for name, array in columns.items()] == [(name, 6) for name in NAMES]

    def test_has_the_values(self, columns):
        assert columns["time"].tolist() == [2**63 + i for i in range(6)]
        assert columns["half"].tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25]
        assert columns["ready"].tolist() == [False, True] * 3
        assert columns["mode"].tolist() == [-1, 0, 1] * 2
        assert columns["gears"].tolist() == [[0, i % 4, 2, 3] for i in range(6)]
        assert columns["tag"].tolist() == [b"", b"a", b"ab", b"ab", b"ab\0\1", b""]
        assert columns["tags"].tolist() == [[b"x", b"yz"]] * 6
        assert columns["matrix"].tolist() == [[[i, 1, 2], [3, 4, 5 + i]] for i in range(6)]
        assert columns["inner.level"].tolist() == [-2, -1, 0, 1, 2, 3]
        assert columns["inners.status"].tolist() == [[i, i + 1] for i in range(6)]

    def test_has_as_many_rows_as_records(self, columns):
        assert len(columns) == 6
        assert len(list(columns)) == len(NAMES)
        assert len(Sample.columns(b"")) == 0

    def test_its_views_have_as_many_items_as_there_are_names(self, columns):
        assert len(columns.keys()) == len(columns.values()) == len(columns.items()) == len(NAMES)
        assert "time" in columns.keys()  # noqa: SIM118 (the view is what is tested)

    def test_gives_the_same_array_each_time(self, columns):
        assert columns["time"] is columns["time"]
        assert all(array is columns[name] for name, array in columns.items())

    def test_is_unpacked_like_a_dict(self, columns):
        assert list(dict(columns)) == list({**columns}) == NAMES
        assert dict(columns)["time"] is columns["time"]

    def test_knows_its_names(self, columns):
        assert "inner.level" in columns
        for name in ("inner", "_pad", "tim", 0, None):
            assert name not in columns

    def test_get_has_a_default(self, columns):
        assert columns.get("time") is columns["time"]
        assert columns.get("tim") is None
        assert columns.get("tim", 5) == 5

    @pytest.mark.parametrize("name", ["tim", "_pad", "", 0, None])
    def test_refuses_names_that_are_not_there(self, columns, name):
        with refused(name):
            columns[name]

    def test_names_the_columns_of_a_nested_record(self, columns):
        with pytest.raises(
            KeyError, match=r"expected one column, got 'inner', a nested record with the columns inner\."
        ):
            columns["inner"]

    @pytest.mark.parametrize(("typed", "meant"), [("status", "inner.status"), ("mat", "matrix"), ("haf", "half")])
    def test_suggests_what_ends_or_begins_or_looks_like_it(self, columns, typed, meant):
        with pytest.raises(KeyError, match=f"got '{typed}': did you mean '{meant}'"):
            columns[typed]

    def test_suggests_the_name_that_was_meant(self, columns):
        with pytest.raises(KeyError, match=r"got 'inner.levl': did you mean 'inner.level'\?"):
            columns["inner.levl"]

    def test_cannot_be_changed_as_a_mapping(self, columns):
        with pytest.raises(TypeError):
            columns["time"] = np.zeros(6)
        with pytest.raises(TypeError):
            del columns["time"]
        with pytest.raises(AttributeError):
            columns.time = 3

    def test_its_arrays_can_be_changed(self, columns):
        columns["time"][:] = 7
        assert columns["time"].tolist() == [7] * 6

    def test_is_equal_to_itself_only(self, columns):
        assert columns == columns
        assert columns != Sample.columns(data(6))
        assert len({columns, columns}) == 1

    def test_lies_in_one_piece_of_memory(self, columns):
        starts = [array.__array_interface__["data"][0] for array in columns.values()]
        assert all((start - starts[0]) % 64 == 0 for start in starts)
        assert all(array.base is columns["time"].base for array in columns.values())

    def test_knows_its_size(self, columns):
        """Of all arrays and of the masks of the two fields with a range."""
        assert columns.nbytes == sum(array.nbytes for array in columns.values()) + 6 * (1 + 2)

    @pytest.mark.parametrize("again", [copy.deepcopy, lambda columns: pickle.loads(pickle.dumps(columns))])
    def test_can_be_copied_and_sent_to_another_process(self, columns, again):
        twin = again(columns)
        columns["time"][:] = 0
        assert twin["time"].tolist() == [2**63 + i for i in range(6)]
        assert list(twin) == NAMES
        assert twin.valid("inner.level").tolist() == [False, True, True, True, False, False]


class TestValid:
    def test_masks_a_closed_range(self, columns):
        assert columns.valid("inner.level").tolist() == [False, True, True, True, False, False]
        assert columns["inner.level"].tolist() == [-2, -1, 0, 1, 2, 3]

    def test_has_the_shape_of_the_column(self, columns):
        assert columns.valid("inners.level").tolist() == [[True, False]] * 6
        assert columns.valid("inners.level").dtype == np.bool_

    def test_is_true_without_a_range(self, columns):
        assert columns.valid("matrix").all()
        assert columns.valid("matrix").shape == (6, 2, 3)

    def test_is_false_for_nan(self):
        class T(jk.Record, layout="packed"):
            x: float = jk.f32.within(None, None)

        assert T.columns(np.array([np.nan, np.inf, 0.0], "<f4")).valid("x").tolist() == [False, True, True]

    def test_refuses_names_that_are_not_there(self, columns):
        with refused("tim"):
            columns.valid("tim")


class TestUnitsAndLabels:
    def test_a_unit_is_that_of_the_field(self, columns):
        assert columns.unit("inner.level") == columns.unit("inners.level") == "V"
        assert columns.unit("time") is None
        with refused("tim"):
            columns.unit("tim")

    def test_labels_are_the_texts_of_the_rows(self, columns):
        assert columns.labels("mode").tolist() == ["lost", "idle", "armed"] * 2

    def test_labels_have_the_shape_of_the_column(self, columns):
        assert columns.labels("gears").tolist() == [["P", "PRND"[i % 4], "N", "D"] for i in range(6)]

    def test_labels_of_no_rows_are_none(self):
        assert Sample.columns(b"").labels("gears").shape == (0, 4)

    def test_labels_of_any_integer(self):
        class T(jk.Record, layout="packed"):
            big: int = jk.enum_(jk.u64, {2**64 - 1: "last", 0: "first"})
            low: int = jk.enum_(jk.i64, {-(2**63): "lowest", 2**63 - 1: "highest"})

        columns = T.columns(bytes(T(big=2**64 - 1, low=-(2**63))) + bytes(T(big=0, low=2**63 - 1)))
        assert columns.labels("big").tolist() == ["last", "first"]
        assert columns.labels("low").tolist() == ["lowest", "highest"]

    def test_a_field_without_labels_says_what_it_is(self, columns):
        with pytest.raises(KeyError, match=r"expected a column with an enumeration, got 'time' \(u64 big-endian\)"):
            columns.labels("time")
        with refused("tim"):
            columns.labels("tim")


class TestRepr:
    def test_shows_rows_types_units_and_values(self):
        columns = Sample.columns(data(4), fields=["ready", "half", "gears", "tag", "inner.level", "inners.level"])
        assert repr(columns) == (
            "Columns of Sample: 4 rows, 152 bytes\n"
            "  ready         bool           False True False True\n"
            "  half          float16        0 0.25 0.5 0.75\n"
            "  gears         uint8[4]       [0 0 2 3] [0 1 2 3] [0 2 2 3] [0 3 2 3]\n"
            "  tag           S4             b'' b'a' b'ab' b'ab'\n"
            "  inner.level   float64     V  -2 -1 0 1\n"
            "  inners.level  float64[2]  V  [0.5 1.5] [0.5 1.5] [0.5 1.5] [0.5 1.5]"
        )

    def test_shows_whole_values_only(self, columns):
        """Half of a number is another number."""
        lines = repr(columns).splitlines()[1:]
        shown = next(line for line in lines if "time" in line).split()[2:]
        assert shown[-1] == "..."
        assert shown[:2] == ["9223372036854775808", "9223372036854775809"]
        assert {*shown[:-1]} <= {str(2**63 + i) for i in range(6)}

    def test_of_many_rows_shows_the_first_and_the_last(self):
        class T(jk.Record, layout="packed"):
            x: jk.u16
            y: float = jk.scaled(jk.u16, 0.1, unit="m/s")

        raw = np.arange(4000, dtype="<u2")
        assert repr(T.columns(raw)) == (
            "Columns of T: 2,000 rows, 20,000 bytes\n"
            "  x  uint16        0 2 4 6 ... 3998\n"
            "  y  float64  m/s  0.1 0.3 0.5 0.7 ... 399.9"
        )

    def test_of_no_rows_shows_the_types(self):
        assert repr(Sample.columns(b"", fields=["time", "matrix"])) == (
            "Columns of Sample: 0 rows, 0 bytes\n  time    uint64\n  matrix  float32[2, 3]"
        )

    def test_of_no_columns_is_its_first_line(self):
        assert repr(Sample.columns(data(2), fields=[])) == "Columns of Sample: 2 rows, 0 bytes"

    def test_has_lines_of_80_characters_at_most(self):
        class A_record_with_a_name_that_is_longer_than_anybody_would_like_to_type_or_to_read_on_a_screen(jk.Record):
            a_field_with_a_name_of_which_the_same_can_be_said: np.ndarray = jk.array(jk.u64, (3, 40))

        record = A_record_with_a_name_that_is_longer_than_anybody_would_like_to_type_or_to_read_on_a_screen
        assert max(map(len, repr(record.columns(bytes(10 * record.itemsize))).splitlines())) <= 80


class TestNumpy:
    def test_is_one_structured_array(self, columns):
        rows = columns.to_numpy()
        assert rows.dtype == np.dtype(list(zip(NAMES, DTYPES, SHAPES, strict=True)))
        assert rows.shape == (6,)
        for name, column in columns.items():
            assert np.array_equal(rows[name], column)

    def test_is_a_copy(self, columns):
        rows = columns.to_numpy()
        rows["time"] = 0
        assert columns["time"][1] == 2**63 + 1


class TestArrow:
    def test_has_the_types_of_the_columns(self, columns):
        pair = pa.list_(pa.float64(), 2)
        assert columns.to_arrow().schema.types == [
            pa.uint64(), pa.float16(), pa.bool_(), pa.int8(), pa.list_(pa.uint8(), 4), pa.binary(),
            pa.list_(pa.binary(), 2), pa.list_(pa.list_(pa.float32(), 3), 2), pa.uint8(), pa.float64(),
            pa.list_(pa.uint8(), 2), pair,
        ]  # fmt: skip
        assert columns.to_arrow().column_names == NAMES

    def test_has_the_values_of_the_columns(self, columns):
        table = columns.to_arrow().to_pydict()
        for name, column in columns.items():
            assert table[name] == column.tolist()

    def test_shares_the_memory_of_numbers(self, columns):
        table = columns.to_arrow()
        columns["time"][:] = 7
        columns["matrix"][:] = 8
        assert table["time"].to_pylist() == [7] * 6
        assert table["matrix"].to_pylist() == [[[8] * 3] * 2] * 6

    def test_keeps_memory_that_nobody_else_holds(self):
        table = Sample.columns(data(6)).to_arrow()
        assert table["time"].to_pylist() == [2**63 + i for i in range(6)]

    def test_keeps_units_and_labels(self, columns):
        schema = columns.to_arrow().schema
        assert schema.field("inner.level").metadata == {b"unit": b"V"}
        assert json.loads(schema.field("mode").metadata[b"labels"]) == {"-1": "lost", "0": "idle", "1": "armed"}
        assert schema.field("time").metadata is None
        assert not any(field.nullable for field in schema)

    def test_of_no_rows_has_the_types(self, columns):
        table = Sample.columns(b"").to_arrow()
        assert table.num_rows == 0
        assert table.schema == columns.to_arrow().schema

    def test_of_no_columns_is_an_empty_table(self):
        assert Sample.columns(data(2), fields=[]).to_arrow().num_columns == 0

    def test_stream_is_read_by_arrow_and_polars(self, columns):
        table = pa.table(columns)
        assert table.equals(columns.to_arrow())
        assert table.schema.field("inner.level").metadata == {b"unit": b"V"}
        assert pa.RecordBatchReader.from_stream(columns).read_all().equals(table)
        assert pl.DataFrame(columns).equals(columns.to_polars())

    def test_stream_takes_a_schema_that_is_asked_for(self, columns):
        assert columns.__arrow_c_stream__() is not None
        same = columns.to_arrow().schema
        assert pa.RecordBatchReader.from_stream(columns, schema=same).schema == same


class TestPolars:
    def test_has_the_types_and_values_of_the_columns(self, columns):
        frame = columns.to_polars()
        assert frame.columns == NAMES
        assert frame.shape == (6, len(NAMES))
        assert frame.schema["time"] == pl.UInt64
        assert frame.schema["tag"] == pl.Binary
        assert frame.schema["inners.level"] == pl.Array(pl.Float64, 2)
        for name, column in columns.items():
            assert frame[name].to_list() == column.tolist()


class TestPandas:
    def test_has_the_types_and_values_of_the_columns(self, columns):
        frame = columns.to_pandas()
        assert isinstance(frame, pd.DataFrame)
        assert list(frame.columns) == NAMES
        assert frame["time"].dtype == np.uint64
        assert frame["inner.level"].dtype == np.float64
        for name, column in columns.items():
            assert [np.asarray(value).tolist() for value in frame[name]] == column.tolist()

    def test_of_no_rows_has_the_columns(self):
        assert Sample.columns(b"").to_pandas().shape == (0, len(NAMES))


class TestMissingExtras:
    @pytest.mark.parametrize(
        ("use", "absent", "message"),
        [
            ("to_arrow", "pyarrow", "Columns.to_arrow needs pyarrow: pip install 'jitkit[arrow]'"),
            ("__arrow_c_stream__", "pyarrow", "Columns.to_arrow needs pyarrow: pip install 'jitkit[arrow]'"),
            ("to_polars", "polars", "Columns.to_polars needs polars: pip install 'jitkit[polars]'"),
            ("to_pandas", "pandas", "Columns.to_pandas needs pandas: pip install pandas"),
        ],
    )
    def test_say_how_to_get_them(self, columns, monkeypatch, use, absent, message):
        installed = extras.installed_version
        monkeypatch.setattr(extras, "installed_version", lambda name: None if name == absent else installed(name))
        with pytest.raises(jk.MissingExtraError) as caught:
            getattr(columns, use)()
        assert str(caught.value) == message
        assert isinstance(caught.value, ImportError)
        assert caught.value.name == absent

    def test_numpy_needs_none(self, columns, monkeypatch):
        monkeypatch.setattr(extras, "installed_version", lambda _: None)
        assert columns.to_numpy().shape == (6,)


def test_arrays_are_views_of_one_piece_of_memory_however_often_a_size_comes():
    class Pair(jk.Record, layout="packed"):
        left: jk.u16
        right: list = jk.array(jk.f32, 3)
        name: bytes = jk.bytes_(4)

    data = Pair.pack({"left": np.arange(10), "right": np.ones((10, 3)), "name": [b"a"] * 10})
    for _ in range(3):  # from the second time on, arrays are made in another way
        columns = Pair.columns(data)
        memory = columns["left"].base
        while memory.base is not None:
            memory = memory.base
        for name in columns:
            assert np.shares_memory(columns[name], memory), name
            assert columns[name] is columns[name]
        again = Pair.columns(data, out=columns)
        assert again["right"] is columns["right"]
        columns["left"][3] = 77
        assert Pair.pack(again)[18 * 3] == 77
