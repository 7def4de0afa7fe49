"""Columns that another room fills."""

import pickle

import numpy as np

from jitkit.records import FlatLayout

LAYOUT = FlatLayout("gyro", ["timestamp", "x[0]", "mode"], [np.dtype("<u8"), np.dtype("<f4"), np.dtype("i1")])


def filled(rows, memory=None):
    columns, memory, offsets = LAYOUT.empty(rows, memory)
    for i, (name, dtype) in enumerate(zip(LAYOUT.names, LAYOUT.dtypes, strict=True)):
        values = np.arange(rows).astype(dtype) + i
        memory[offsets[i] : offsets[i] + values.nbytes] = values.view(np.uint8)
        assert np.array_equal(columns[name], values)
    return columns


def test_are_where_they_are_said_to_be():
    for rows in (0, 1, 7, 8, 1000):
        columns = filled(rows)
        assert (len(columns), list(columns), columns.nbytes) == (rows, ["timestamp", "x[0]", "mode"], 13 * rows)
        assert [column.dtype.str for column in columns.values()] == ["<u8", "<f4", "|i1"]


def test_may_be_put_into_given_memory():
    memory = np.zeros(13 * 5 + 8 * 3, np.uint8)
    columns = filled(5, memory)
    assert all(np.shares_memory(column, memory) for column in columns.values())


def test_are_columns_like_others():
    columns = filled(3)
    assert columns.to_numpy().dtype.names == ("timestamp", "x[0]", "mode")
    assert columns.to_numpy()["mode"].tolist() == [2, 3, 4]
    again = pickle.loads(pickle.dumps(columns))
    assert {name: column.tolist() for name, column in again.items()} == {
        name: column.tolist() for name, column in columns.items()
    }
    assert repr(columns).splitlines()[0] == "Columns of gyro: 3 rows, 39 bytes"
