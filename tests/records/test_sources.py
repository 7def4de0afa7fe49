"""Where bytes come from: buffers of every kind, files, and both in batches."""

import array
import ctypes
import mmap
import os
import threading
from itertools import chain

import numpy as np
import pytest

import jitkit as jk
from jitkit.records import _decode, _sources

pytestmark = pytest.mark.kernel


class Sample(jk.Record, layout="packed", byteorder="big", size=3):
    counter: jk.u16
    level: jk.i8


def encoded(count):
    """Records of which each is different, and their columns."""
    counters, levels = np.arange(count) * 7 % 65536, np.arange(count) % 256 - 128
    rows = np.zeros(count, Sample.dtype)
    rows["counter"], rows["level"] = counters, levels
    return rows.tobytes(), (counters.tolist(), levels.tolist())


def decoded(columns):
    return columns["counter"].tolist(), columns["level"].tolist()


def joined(batches):
    """The columns of all batches, of which each still has its own."""
    return tuple(list(chain.from_iterable(parts)) for parts in zip(*map(decoded, list(batches)), strict=True))


def mapped(data):
    memory = mmap.mmap(-1, len(data))
    memory[:] = data
    return memory


BUFFERS = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "2-d memoryview": lambda data: memoryview(data).cast("B", (6, len(data) // 6)),
    "mmap": mapped,
    "array.array": lambda data: array.array("H", data),
    "ctypes": lambda data: (ctypes.c_uint64 * (len(data) // 8)).from_buffer_copy(data),
    "u1": lambda data: np.frombuffer(data, np.uint8),
    "read-only": lambda data: np.frombuffer(bytearray(data), np.uint8),
    "big-endian": lambda data: np.frombuffer(data, ">u4"),
    "f2": lambda data: np.frombuffer(data, np.float16),
    "c16": lambda data: np.frombuffer(data, np.complex128),
    "bool": lambda data: np.frombuffer(data, np.bool_),
    "S3": lambda data: np.frombuffer(data, "S3"),
    "U1": lambda data: np.frombuffer(data, "U1"),
    "V6": lambda data: np.frombuffer(data, "V6"),
    "datetime64": lambda data: np.frombuffer(data, "M8[ns]"),
    "timedelta64": lambda data: np.frombuffer(data, "m8[s]"),
    "structured": lambda data: np.frombuffer(data, Sample.dtype),
    "structured with an O in a name": lambda data: np.frombuffer(data, [("Offset", "u1"), ("O", ">u2")]),
    "record array": lambda data: np.frombuffer(data, Sample.dtype).view(np.recarray),
    "3-d": lambda data: np.frombuffer(data, np.uint16).reshape(2, 3, -1),
    "misaligned": lambda data: np.frombuffer(b"!" + data, np.float64, offset=1),
    "slice": lambda data: np.frombuffer(b"!!" + data + b"!", np.uint8)[2:-1],
    "0-d": lambda data: np.frombuffer(data, f"V{len(data)}")[0:1].reshape(()),
}


class TestBuffers:
    @pytest.mark.parametrize("kind", BUFFERS)
    @pytest.mark.parametrize("count", [16, 272])
    def test_of_every_kind_give_the_same_columns(self, kind, count):
        data, expected = encoded(count)
        buffer = BUFFERS[kind](data)
        assert decoded(Sample.columns(buffer)) == expected
        assert joined(Sample.iter_batches(buffer, nbytes=100)) == expected
        assert memoryview(data) == data  # nothing was written

    @pytest.mark.parametrize(
        "buffer",
        [b"", bytearray(), memoryview(b""), np.empty(0), np.empty((0, 3)), np.empty((3, 0))[::2], np.empty(0, "M8[s]")],
    )
    def test_that_are_empty_give_no_rows(self, buffer):
        columns = Sample.columns(buffer)
        assert (len(columns), decoded(columns), columns.tail) == (0, ([], []), b"")
        assert list(Sample.iter_batches(buffer)) == []

    @pytest.mark.parametrize(
        "buffer",
        [
            np.zeros(12, np.uint8)[::2],
            np.zeros(12, np.uint8)[::-1],
            np.zeros((4, 6), np.uint8, order="F"),
            np.zeros((4, 6), np.uint8)[:, :3],
            np.broadcast_to(np.uint8(0), (3,)),
            np.zeros(6, "M8[s]")[::2],
            memoryview(bytes(12))[::2],
            memoryview(np.zeros((4, 6), np.uint8, order="F")),
        ],
    )
    def test_that_are_not_contiguous_are_refused(self, buffer):
        for call in (Sample.columns, Sample.view, lambda buffer: list(Sample.iter_batches(buffer))):
            with pytest.raises(jk.DecodeError, match="expected a C-contiguous buffer, got shape") as raised:
                call(buffer)
            assert raised.value.kind == "buffer"

    @pytest.mark.parametrize(
        "buffer",
        [
            np.array([object()] * 3),
            np.zeros(3, [("a", "u1"), ("b", "O")]),
            memoryview(np.array([object()] * 3)),
            np.array(["a"], np.dtypes.StringDType()),
            np.empty(0, object),
        ],
    )
    def test_of_python_objects_are_refused(self, buffer):
        """Their bytes are addresses."""
        for call in (Sample.columns, Sample.view, Sample.reader("level"), Sample.load):
            with pytest.raises(jk.DecodeError, match="expected plain bytes, got an array of Python objects") as raised:
                call(buffer, 0) if call not in (Sample.columns, Sample.view) else call(buffer)
            assert raised.value.kind == "buffer"

    @pytest.mark.parametrize("source", [None, 3, [1, 2, 3], {"a": b"123"}, object()])
    def test_what_is_none_is_refused(self, source):
        with pytest.raises(jk.DecodeError, match=rf"expected a buffer .*, got {type(source).__name__}") as raised:
            Sample.columns(source)
        assert raised.value.kind == "buffer"

    def test_that_are_closed_are_refused(self):
        memory, view = mapped(b"123"), memoryview(b"123")
        memory.close()
        view.release()
        for buffer in (memory, view):
            with pytest.raises(jk.DecodeError, match="expected an open buffer, got"):
                Sample.columns(buffer)

    def test_larger_than_a_piece_are_decoded_in_several(self, monkeypatch):
        data, expected = encoded(1000)
        for nbytes in (1, 3, 100, 2999, 3000):
            monkeypatch.setattr(_sources, "BUFFER_PIECE", nbytes)
            monkeypatch.setattr(_decode, "BUFFER_PIECE", nbytes)
            columns = Sample.columns(data + b"!", tail="keep")
            assert (decoded(columns), columns.tail) == (expected, b"!")

    def test_can_be_written_to_afterwards(self):
        """No view of the buffer is left behind, which would hold a bytearray at its size."""
        buffer = bytearray(encoded(5)[0])
        columns = Sample.columns(buffer)
        for _batch in Sample.iter_batches(buffer):
            pass
        Sample.load(buffer, 0)
        Sample.reader("level")(buffer, 0)
        buffer.extend(b"more")
        assert decoded(columns) == encoded(5)[1]


class TestView:
    def test_shares_memory(self):
        buffer = bytearray(encoded(4)[0])
        rows = Sample.view(buffer)
        buffer[3:6] = b"\x01\x02\xff"
        assert (rows["counter"][1], rows["level"][1]) == (0x0102, -1)
        rows["level"] = 5
        assert buffer[2::3] == bytes([5] * 4)
        assert rows.dtype == Sample.dtype

    @pytest.mark.parametrize("kind", [kind for kind in BUFFERS if kind != "0-d"])
    def test_of_every_kind_of_buffer(self, kind):
        data, expected = encoded(16)
        rows = Sample.view(BUFFERS[kind](data))
        assert (rows.shape, rows["counter"].tolist(), rows["level"].tolist()) == ((16,), *expected)

    def test_is_read_only_where_the_buffer_is(self):
        fixed = np.zeros(6, np.uint8)
        fixed.setflags(write=False)
        for buffer in (bytearray(6), np.zeros(6, np.uint8), memoryview(bytearray(6)), mapped(b"123456")):
            assert Sample.view(buffer).flags.writeable
        for buffer in (b"123456", fixed, memoryview(bytearray(6)).toreadonly()):
            assert not Sample.view(buffer).flags.writeable

    def test_refuses_a_remainder(self):
        with pytest.raises(jk.DecodeError, match=r"expected a multiple of 3 bytes \(Sample\), got 8: 2 left at offset 6"
                           ) as raised:  # fmt: skip
            Sample.view(bytes(8))
        assert (raised.value.kind, raised.value.offset) == ("length", 6)

    def test_of_nothing_has_no_rows(self):
        for buffer in (b"", np.empty(0), memoryview(b"")):
            assert (Sample.view(buffer).shape, Sample.view(buffer).dtype) == ((0,), Sample.dtype)

    def test_of_bit_fields_there_is_none(self, model):
        record = model.make_record({"a": jk.bits(8)}, layout="packed")
        with pytest.raises(jk.LayoutError, match="NumPy has no dtype for bit fields"):
            record.view(b"1")


@pytest.fixture
def file(tmp_path):
    """A file of 1000 records."""
    path = tmp_path / "samples.bin"
    path.write_bytes(encoded(1000)[0])
    return path


def entry_of(path):
    with os.scandir(path.parent) as entries:
        return next(entry for entry in entries if entry.name == path.name)


class TestFiles:
    @pytest.mark.parametrize("as_path", [str, lambda path: path, entry_of])
    def test_are_named_by_str_or_path(self, file, as_path):
        assert decoded(Sample.columns(as_path(file))) == encoded(1000)[1]
        assert sum(map(len, Sample.iter_batches(as_path(file), nbytes=99))) == 1000

    @pytest.mark.parametrize("piece", [1, 3, 100, 2999, 3000, 3001])
    def test_are_read_in_pieces(self, file, monkeypatch, piece):
        monkeypatch.setattr(_sources, "FILE_PIECE", piece)
        assert decoded(Sample.columns(file)) == encoded(1000)[1]

    def test_as_memory_maps(self, file):
        expected = encoded(1000)[1]
        for mode in ("r", "r+", "c"):
            assert decoded(Sample.columns(np.memmap(file, mode=mode))) == expected
            assert decoded(Sample.columns(np.memmap(file, dtype=Sample.dtype, mode=mode)[5:])) == tuple(
                column[5:] for column in expected
            )
        with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
            assert decoded(Sample.columns(mapping)) == expected

    def test_that_are_empty_give_no_rows(self, tmp_path):
        path = tmp_path / "empty"
        path.touch()
        assert len(Sample.columns(path)) == 0
        assert list(Sample.iter_batches(path)) == []

    def test_that_cannot_be_read_are_an_os_error(self, tmp_path):
        for call in (Sample.columns, lambda path: list(Sample.iter_batches(path))):
            with pytest.raises(FileNotFoundError):
                call(tmp_path / "missing")
            with pytest.raises(IsADirectoryError):
                call(tmp_path)
            with pytest.raises(FileNotFoundError):
                call("")
            (tmp_path / "file").touch()
            with pytest.raises(NotADirectoryError):
                call(str(tmp_path / "file" / "inside"))

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    @pytest.mark.parametrize("batches", [False, True])
    def test_that_are_pipes_are_read_to_their_end(self, tmp_path, batches):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        data, expected = encoded(50_000)  # more than a pipe holds at a time
        writer = threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True)
        writer.start()
        got = joined(Sample.iter_batches(pipe, nbytes=9999)) if batches else decoded(Sample.columns(pipe))
        writer.join()
        assert got == expected

    @pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="needs Linux")
    def test_whose_size_the_system_does_not_tell_are_read_to_their_end(self):
        with open("/proc/self/environ", "rb") as opened:
            data = opened.read()
        assert os.stat("/proc/self/environ").st_size == 0
        assert decoded(Sample.columns("/proc/self/environ", tail="drop")) == decoded(Sample.columns(data, tail="drop"))

    def test_that_grow_are_read_to_the_size_they_had(self, file):
        batches = Sample.iter_batches(file, nbytes=1500, tail="keep")
        first = next(batches)
        with open(file, "ab") as opened:
            opened.write(b"more than there was")
        (second,) = batches
        assert joined([first, second]) == encoded(1000)[1]
        assert second.tail == b""

    def test_that_shrink_while_they_are_read_are_an_error(self, file):
        batches = Sample.iter_batches(file, nbytes=1500)
        assert len(next(batches)) == 500
        os.truncate(file, 2000)
        with pytest.raises(jk.DecodeError, match=r"expected 3000 bytes in .*samples.bin, got 2000: it became shorter"
                           ) as raised:  # fmt: skip
            next(batches)
        assert (raised.value.kind, raised.value.offset) == ("length", 2000)

    def test_that_shrink_before_their_tail_is_read_are_an_error(self, file):
        os.truncate(file, 2999)
        batches = Sample.iter_batches(file, nbytes=1500, tail="keep")
        assert len(next(batches)) == 500
        os.truncate(file, 2997)
        with pytest.raises(jk.DecodeError) as raised:
            next(batches)
        assert (raised.value.kind, raised.value.offset) == ("length", 2997)


SOURCES = {
    "buffer": lambda path: path.read_bytes(),
    "file": lambda path: path,
    "mapping": lambda path: np.memmap(path, mode="r"),
}


@pytest.mark.parametrize("source", SOURCES)
class TestTail:
    def test_is_an_error_at_first(self, file, source):
        os.truncate(file, 2999)
        for decode in (Sample.columns, lambda source: list(Sample.iter_batches(source, nbytes=30))):
            with pytest.raises(jk.DecodeError) as raised:
                decode(SOURCES[source](file))
            error = raised.value
            assert (error.kind, error.offset, error.record, error.field) == ("length", 2997, 999, None)
            assert str(error) == (
                "expected a multiple of 3 bytes (Sample), got 2999: 2 left at offset 2997, after 999 records; "
                'tail="drop" ignores them, tail="keep" returns them'
            )

    @pytest.mark.parametrize("rest", [0, 1, 2])
    def test_can_be_dropped_or_kept(self, file, source, rest):
        data, expected = encoded(1000)
        file.write_bytes(data + b"?!"[:rest])
        dropped = Sample.columns(SOURCES[source](file), tail="drop")
        kept = Sample.columns(SOURCES[source](file), tail="keep")
        assert (decoded(dropped), dropped.tail) == (expected, b"")
        assert (decoded(kept), kept.tail) == (expected, b"?!"[:rest])

    @pytest.mark.parametrize("rest", [0, 1, 2])
    @pytest.mark.parametrize("nbytes", [30, 2997, 3000, 3001, 1 << 20])
    def test_of_batches_comes_with_the_last(self, file, source, rest, nbytes):
        data, expected = encoded(1000)
        file.write_bytes(data + b"?!"[:rest])
        for tail in ("drop", "keep"):
            batches = list(Sample.iter_batches(SOURCES[source](file), nbytes=nbytes, tail=tail))
            assert joined(batches) == expected
            assert [batch.tail for batch in batches] == [b""] * (len(batches) - 1) + [b"?!"[: rest * (tail == "keep")]]

    def test_can_be_all_there_is(self, file, source):
        os.truncate(file, 2)
        kept = Sample.columns(SOURCES[source](file), tail="keep")
        assert (len(kept), kept.tail) == (0, encoded(1)[0][:2])
        assert len(Sample.columns(SOURCES[source](file), tail="drop")) == 0
        (batch,) = Sample.iter_batches(SOURCES[source](file), tail="keep")
        assert (len(batch), batch.tail) == (0, encoded(1)[0][:2])
        assert list(Sample.iter_batches(SOURCES[source](file), tail="drop")) == []

    @pytest.mark.parametrize("tail", ["ignore", None, "", b"drop"])
    def test_has_three_settings(self, file, source, tail):
        for decode in (Sample.columns, lambda source, tail: list(Sample.iter_batches(source, tail=tail))):
            with pytest.raises(ValueError, match='expected tail="error", "drop" or "keep", got'):
                decode(SOURCES[source](file), tail=tail)


class TestBatches:
    @pytest.mark.parametrize("nbytes", [1, 2, 3, 5, 6, 100, 2999, 3000, 3001, np.int64(600)])
    @pytest.mark.parametrize("source", SOURCES)
    def test_are_in_order_and_as_large_as_asked(self, file, source, nbytes):
        expected = encoded(1000)[1]
        batches = list(Sample.iter_batches(SOURCES[source](file), nbytes=nbytes))
        rows = max(1, int(nbytes) // 3)
        assert [len(batch) for batch in batches[:-1]] == [rows] * ((1000 - 1) // rows)
        assert len(batches[-1]) == 1000 - rows * (len(batches) - 1)
        assert joined(batches) == expected  # each has memory of its own

    def test_larger_than_a_piece_are_read_in_several(self, file, monkeypatch):
        monkeypatch.setattr(_sources, "FILE_PIECE", 100)
        batches = list(Sample.iter_batches(file, nbytes=1000))
        assert [len(batch) for batch in batches] == [333, 333, 333, 1]
        assert joined(batches) == encoded(1000)[1]

    def test_can_have_some_of_the_fields(self, file):
        batches = list(Sample.iter_batches(file, nbytes=1500, fields=["level"]))
        assert [list(batch) for batch in batches] == [["level"], ["level"]]
        assert np.concatenate([batch["level"] for batch in batches]).tolist() == encoded(1000)[1][1]

    @pytest.mark.parametrize("nbytes", [0, -1, 1.5, "1", None])
    def test_of_no_size_are_refused_at_the_call(self, file, nbytes):
        with pytest.raises(ValueError, match="expected nbytes to be a positive integer, got"):
            Sample.iter_batches(file, nbytes=nbytes)

    def test_of_unknown_fields_are_refused_at_the_call(self, file):
        with pytest.raises(jk.LayoutError, match="did you mean 'level'"):
            Sample.iter_batches(file, fields=["levle"])

    @pytest.fixture
    def opened(self, monkeypatch):
        """The files that were opened."""
        opened = []

        def spy(*arguments, **options):
            opened.append(open(*arguments, **options))  # noqa: SIM115
            return opened[-1]

        monkeypatch.setattr(_sources, "open", spy, raising=False)
        return opened

    def test_the_file_is_closed_at_the_end(self, file, opened):
        assert len(list(Sample.iter_batches(file))) == 1
        Sample.columns(file)
        assert [file.closed for file in opened] == [True, True]

    def test_the_file_is_closed_when_the_loop_is_left_early(self, file, opened):
        kept = []
        for batch in Sample.iter_batches(file, nbytes=30):
            assert not opened[0].closed
            kept.append(batch)
            break
        assert opened[0].closed
        assert joined(kept) == encoded(10)[1]  # and the batch lives on

    def test_the_file_is_closed_after_an_error(self, file, opened, model):
        record = model.make_record({"on": jk.boolean}, layout="packed")
        for decode in (record.columns, lambda path: list(record.iter_batches(path, nbytes=10))):
            with pytest.raises(jk.DecodeError):
                decode(file)
        assert [file.closed for file in opened] == [True, True]

    def test_two_iterators_read_one_file_independently(self, file):
        for one, other in zip(
            Sample.iter_batches(file, nbytes=300), Sample.iter_batches(file, nbytes=300), strict=True
        ):
            assert decoded(one) == decoded(other)
