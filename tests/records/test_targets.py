"""`out=`: columns written into arrays that the caller brings."""

import mmap
from types import MappingProxyType

import numpy as np
import pytest

import jitkit as jk

pytestmark = pytest.mark.kernel

N = 300  # more than one block of records


class Sample(jk.Record, layout="packed", byteorder="big", size=12):
    counter: jk.u16
    kind: int = jk.bits(3)
    level: int = jk.bits(5, signed=True)
    volts: float = jk.scaled(jk.u8, scale=0.5, valid=(1.0, 100.0))
    pair: np.ndarray = jk.array(jk.i16.within(0, None), 2)
    name: bytes = jk.bytes_(4)


DATA = np.random.default_rng(0).bytes(N * Sample.itemsize)


def empty(**changes):
    """An array for every column, with no values yet; `changes` replace some, or remove them with None."""
    arrays = {
        "counter": np.full(N, 7, np.uint16),
        "kind": np.full(N, 7, np.uint8),
        "level": np.full(N, 7, np.int8),
        "volts": np.full(N, 7, np.float64),
        "pair": np.full((N, 2), 7, np.int16),
        "name": np.full(N, b"7", "S4"),
    }
    return {name: array for name, array in (arrays | changes).items() if array is not None}


@pytest.fixture(params=["table", "specialised"], scope="module")
def record(request, model):
    """The record class, for each of the schema paths."""
    if request.param == "table":
        return Sample
    record = model.copy_of(Sample)
    record.compile()
    return record


def assert_same(columns, expected):
    for name in expected:
        assert columns[name].tobytes() == expected[name].tobytes(), name
        assert columns.valid(name).tobytes() == expected.valid(name).tobytes(), name


class TestArrays:
    def test_are_written_to_and_are_the_columns(self, record):
        out = empty()
        columns = record.columns(DATA, out=out)
        assert all(columns[name] is array for name, array in out.items())
        assert_same(columns, Sample.columns(DATA))

    @pytest.mark.parametrize("given", [[], ["volts"], ["kind", "name"], ["pair", "counter", "level"]])
    def test_may_be_given_for_some_columns(self, record, given):
        out = {name: empty()[name] for name in given}
        columns = record.columns(DATA, out=out)
        assert all(columns[name] is out[name] for name in given)
        assert list(out) == given  # the mapping is only read
        assert_same(columns, Sample.columns(DATA))

    def test_may_be_in_any_mapping(self, record):
        out = MappingProxyType(empty())
        assert record.columns(DATA, out=out)["volts"] is out["volts"]

    def test_may_lie_anywhere(self, record):
        """Inside other arrays, at odd addresses, in a mapping, in a subclass: and nothing beside them is touched."""
        memory = np.full(8 * N + 16, 99, np.uint8)
        start = 1 + -memory.ctypes.data % 8
        odd = memory[start : start + 8 * N].view(np.float64)
        assert not odd.flags.aligned
        rows = np.full(N + 2, 99, np.uint16)
        mapping = np.frombuffer(mmap.mmap(-1, 4 * N), "S4")
        out = empty(volts=odd, counter=rows[1:-1], name=mapping, kind=np.zeros(N, np.uint8).view(np.recarray))
        assert_same(record.columns(DATA, out=out), Sample.columns(DATA))
        assert [*rows[[0, -1]], *memory[:start], *memory[start + 8 * N :]] == [99] * (2 + 16)

    def test_of_no_rows(self, record):
        out = {name: array[:0] for name, array in empty().items()}
        assert record.columns(b"", out=out)["pair"] is out["pair"]

    def test_with_fields_only_these_are_written(self, record):
        out = {"level": empty()["level"]}
        columns = record.columns(DATA, fields=["level", "kind"], out=out)
        assert columns["level"] is out["level"]
        assert columns["kind"].tolist() == Sample.columns(DATA)["kind"].tolist()
        with pytest.raises(jk.LayoutError, match="out: expected one of level, kind, got 'volts'"):
            record.columns(DATA, fields=["level", "kind"], out={"volts": empty()["volts"]})

    def test_from_a_file(self, record, tmp_path):
        path = tmp_path / "samples.bin"
        path.write_bytes(DATA + b"!")
        out = empty()
        columns = record.columns(path, out=out, tail="keep")
        assert columns["volts"] is out["volts"]
        assert columns.tail == b"!"
        assert_same(columns, Sample.columns(DATA))


class TestEarlierColumns:
    def test_are_written_to_masks_included(self, record):
        first = record.columns(bytes(len(DATA)))
        arrays, masks = dict(first.items()), {name: first.valid(name) for name in ("volts", "pair")}
        assert not masks["volts"].any()
        again = record.columns(DATA, out=first)
        assert all(again[name] is array for name, array in arrays.items())
        assert all(again.valid(name) is mask for name, mask in masks.items())
        assert_same(again, Sample.columns(DATA))

    def test_can_be_used_again_and_again(self, record):
        columns = record.columns(bytes(len(DATA)), out=empty())
        for _ in range(3):
            mask = columns.valid("volts")
            columns = record.columns(DATA, out=columns)
            assert columns.valid("volts") is mask
            assert_same(columns, Sample.columns(DATA))
            columns = record.columns(bytes(len(DATA)), out=columns)
            assert not columns.valid("volts").any()

    def test_take_the_tail_of_the_new_bytes(self, record):
        first = record.columns(DATA + b"old", tail="keep")
        assert record.columns(DATA + b"newer", tail="keep", out=first).tail == b"newer"
        assert record.columns(DATA, out=first).tail == b""
        assert first.tail == b"old"

    def test_of_other_fields_or_another_class_lend_their_arrays(self, record, model):
        some = Sample.columns(DATA, fields=["volts", "counter"])
        columns = record.columns(DATA, out=some)
        assert columns["volts"] is some["volts"]
        other = model.make_record({"a": jk.u8, "counter": jk.u16}, layout="packed").columns(
            bytes(3 * N), fields=["counter"]
        )
        assert record.columns(DATA, out=other)["counter"] is other["counter"]
        assert_same(columns, Sample.columns(DATA))

    def test_of_another_length_are_refused(self, record):
        with pytest.raises(
            jk.DecodeError, match=r"out\['counter'\]: expected shape \(300,\) for 300 records, got \(299,\)"
        ):
            record.columns(DATA, out=record.columns(DATA[:-12]))

    def test_of_batches_lend_their_arrays(self, record):
        batch = next(iter(record.iter_batches(bytes(len(DATA)))))
        assert_same(record.columns(DATA, out=batch), Sample.columns(DATA))


def read_only(array):
    array.setflags(write=False)
    return array


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "array", "message"),
        [
            ("counter", np.zeros(N, np.int16), "expected an array of uint16, got int16"),
            ("counter", np.zeros(N, ">u2"), "expected an array of uint16, got >u2"),
            ("volts", np.zeros(N, np.float32), "expected an array of float64, got float32"),
            ("name", np.zeros(N, "S5"), r"expected an array of \|S4, got \|S5"),
            ("name", np.zeros(N, "V4"), r"expected an array of \|S4, got \|V4"),
            ("counter", [0] * N, "expected an array of uint16, got list"),
            ("counter", bytearray(2 * N), "expected an array of uint16, got bytearray"),
            ("counter", np.zeros(N, object), "expected an array of uint16, got object"),
            ("counter", np.zeros(2 * N, np.uint16)[::2], r"expected a C-contiguous array, got strides \(4,\)"),
            ("counter", np.zeros(N, np.uint16)[::-1], r"expected a C-contiguous array, got strides \(-2,\)"),
            ("counter", np.broadcast_to(np.uint16(0), N), r"expected a C-contiguous array, got strides \(0,\)"),
            ("pair", np.zeros((N, 2), np.int16, order="F"), r"expected a C-contiguous array, got strides \(2, 600\)"),
            ("counter", read_only(np.zeros(N, np.uint16)), "expected a writable array, got a read-only one"),
            ("counter", np.frombuffer(bytes(2 * N), np.uint16), "expected a writable array, got a read-only one"),
        ],
    )
    def test_an_array_of_the_wrong_kind(self, record, name, array, message):
        with pytest.raises(jk.LayoutError, match=rf"^out\['{name}'\]: {message}"):
            record.columns(DATA, out=empty(**{name: array}))

    @pytest.mark.parametrize(
        ("name", "shape"), [("counter", (N - 1,)), ("counter", (N + 1,)), ("counter", (N, 1)), ("counter", ()),
                            ("pair", (2 * N,)), ("pair", (N, 3)), ("pair", (2, N))],
    )  # fmt: skip
    def test_an_array_of_the_wrong_shape(self, record, name, shape):
        with pytest.raises(jk.DecodeError, match=rf"out\['{name}'\]: expected shape .* for 300 records") as raised:
            record.columns(DATA, out=empty(**{name: np.zeros(shape, empty()[name].dtype)}))
        assert (raised.value.kind, raised.value.field) == ("length", name)

    def test_an_array_of_the_wrong_length_for_a_file(self, record, tmp_path):
        path = tmp_path / "samples.bin"
        path.write_bytes(DATA[:-12])
        with pytest.raises(jk.DecodeError, match="for 299 records"):
            record.columns(path, out=empty())

    def test_an_unknown_name(self, record):
        with pytest.raises(jk.LayoutError, match=r"out: expected one of .*, got 'conter': did you mean 'counter'"):
            record.columns(DATA, out=empty(conter=np.zeros(N, np.uint16)))

    @pytest.mark.parametrize("out", [[], (), 3, "volts", np.zeros(N)])
    def test_what_is_no_mapping(self, record, out):
        with pytest.raises(jk.LayoutError, match="expected out to be a mapping of field names to arrays, got"):
            record.columns(DATA, out=out)

    def test_arrays_that_share_memory(self, record):
        memory = np.zeros(2 * N + 2, np.uint8)
        for kind, level in ((memory[:N], memory[N - 1 : 2 * N - 1]), (memory[:N], memory[:N])):
            with pytest.raises(jk.LayoutError, match=r"out: expected arrays of separate memory, got (kind|level) and"):
                record.columns(DATA, out=empty(kind=kind, level=level.view(np.int8)))
        record.columns(DATA, out=empty(kind=memory[:N], level=memory[N : 2 * N].view(np.int8)))  # neighbours may touch

    def test_arrays_that_share_memory_with_the_buffer(self, record):
        """Decoding in place would read what it has just written."""
        buffer = np.frombuffer(bytearray(DATA), np.uint8)
        inside = buffer[5 : 5 + N]
        with pytest.raises(jk.LayoutError, match=r"out: expected arrays of separate memory, got .*the buffer"):
            record.columns(buffer, out=empty(kind=inside))
        for source in (read_only(buffer[:]), memoryview(buffer)):
            with pytest.raises(jk.LayoutError, match="out: expected arrays of separate memory"):
                record.columns(source, out=empty(volts=buffer[: 8 * N].view(np.float64)))
        assert buffer.tobytes() == DATA

    @pytest.mark.parametrize("own", [False, True])
    def test_masks_that_share_memory_with_the_buffer(self, model, own):
        """The masks that earlier columns lend are written to, too."""
        record = model.make_record({"x": jk.array(jk.bits(4).within(3, 9), 8)}, layout="packed")
        first = record.columns(bytes(4 * N), out={"x": np.zeros((N, 8), np.uint8)} if own else None)
        with pytest.raises(jk.LayoutError, match="out: expected arrays of separate memory"):
            record.columns(first.valid("x").reshape(-1)[: 4 * N], out=first)

    def test_columns_that_were_made_read_only(self, record):
        first = record.columns(DATA)
        first["volts"].setflags(write=False)
        with pytest.raises(jk.LayoutError, match="expected a writable array, got a read-only one"):
            record.columns(DATA, out=first)

    def test_nothing_is_written_before_all_are_checked(self, record):
        out = empty(name=np.zeros(N, "S5"))
        with pytest.raises(jk.LayoutError):
            record.columns(DATA, out=out)
        assert (out["counter"] == 7).all()


class TestMasksThatEarlierColumnsLend:
    """They are arrays of their own where the columns are the caller's, and may have been changed."""

    @pytest.fixture
    def earlier(self, record):
        return record.columns(DATA, out=empty())

    def test_may_not_have_shrunk(self, record, earlier):
        earlier.valid("volts").resize(1, refcheck=False)
        with pytest.raises(jk.DecodeError, match=r"the mask of volts'\]: expected shape \(300,\) for 300 records"):
            record.columns(DATA, out=earlier)

    def test_may_not_be_read_only(self, record, earlier):
        earlier.valid("volts").setflags(write=False)
        with pytest.raises(jk.LayoutError, match=r"the mask of volts'.*expected a writable array"):
            record.columns(bytes(len(DATA)), out=earlier)
        assert_same(earlier, Sample.columns(DATA))
