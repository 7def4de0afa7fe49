"""`jitkit decode`: from a file of records to a summary, or to a file of another format."""

import csv
import itertools
import os
import resource
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jitkit import cli
from jitkit._core import column_files as _export
from jitkit._core import extras
from jitkit.records import _command

FORMATS = ["parquet", "arrow", "csv", "npz"]
DECODE = ("decode", "flight.bin", "--record", "flight_records:Flight")

RECORDS = """
import jitkit as jk

class Inner(jk.Record, layout="packed", byteorder="big"):
    status: jk.u8

class Flight(jk.Record, layout="packed", byteorder="big", size=43):
    time: jk.u64
    angle: jk.f32
    ready: jk.boolean
    mode: int = jk.enum_(jk.u8, {0: "idle", 1: "armed"})
    temperature: float = jk.scaled(jk.i16, scale=0.01, offset=-40.0, unit="degC")
    quaternion: list = jk.array(jk.f32, 4)
    tag: bytes = jk.bytes_(4)
    half: jk.f16
    distance: jk.i32
    inner: Inner

class Wide(jk.Record, layout="packed", byteorder="little"):
    samples_of_a_sensor_with_a_name_that_is_longer_than_the_screen_is_wide: int = jk.array(jk.u16, 30)
    {fields}

PI = 3
""".replace("{fields}", "\n    ".join(f"channel_{i}: jk.u8" for i in range(60)))

RAW = np.dtype([
    ("time", ">u8"), ("angle", ">f4"), ("ready", "?"), ("mode", "u1"), ("temperature", ">i2"), ("quaternion", ">f4", 4),
    ("tag", "S4"), ("half", ">f2"), ("distance", ">i4"), ("inner.status", "u1"),
])  # fmt: skip


def raw_records(n):
    random = np.random.default_rng(1)
    raw = np.zeros(n, RAW)
    raw["time"] = np.uint64(2**63) + np.arange(n, dtype=np.uint64)
    raw["angle"] = random.normal(size=n)
    raw["ready"] = random.integers(0, 2, n)
    raw["mode"] = random.integers(0, 2, n)
    raw["temperature"] = random.integers(-9999, 9999, n)
    raw["quaternion"] = random.normal(size=(n, 4))
    raw["tag"] = np.resize(np.array([b"a,b", b'"x"', b"\xff\xfe", b"line"]), n)
    raw["half"] = random.normal(size=n)
    raw["distance"] = random.integers(-(2**31), 2**31, n)
    raw["inner.status"] = random.integers(0, 256, n)
    return raw


def decoded(raw):
    """The columns of raw records, by NumPy alone."""
    columns = {name: raw[name].astype(raw[name].dtype.newbyteorder("=")) for name in RAW.names}
    return columns | {"temperature": columns["temperature"] * 0.01 - 40.0}


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """A current directory with 1000 records and the module that describes them; nothing stays imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(_command, "BATCH_BYTES", 100 * RAW.itemsize)  # ten batches
    (tmp_path / "flight_records.py").write_text(RECORDS)
    (tmp_path / "flight.bin").write_bytes(raw_records(1000).tobytes())
    yield tmp_path
    sys.modules.pop("flight_records", None)


class TestDecode:
    def test_the_summary_counts_and_shows_the_first_rows(self, folder, run):
        code, out, err = run(*DECODE)
        assert (code, err) == (0, "")
        lines = [line.split() for line in out.splitlines()]
        assert ["records", "1,000", "of", "43", "bytes", "(Flight)"] in lines
        assert ["bytes", "43,000"] in lines
        raw = raw_records(1000)[:2]  # as many as fit
        assert ["time", "uint64", *map(str, raw["time"])] in lines
        assert ["angle", "float32", *(f"{value:.6g}" for value in raw["angle"])] in lines
        assert ["temperature", "float64", "degC", *(f"{t * 0.01 - 40:.6g}" for t in raw["temperature"])] in lines
        assert ["mode", "uint8", *(["idle", "armed"][mode] for mode in raw["mode"])] in lines
        assert ["tag", "S4", "a,b", '"x"'] in lines
        assert next(line for line in lines if line and line[0] == "quaternion")[1] == "float32[4]"
        assert "more fields" not in out
        assert set(os.listdir(folder)) - {"__pycache__"} == {"flight.bin", "flight_records.py"}

    @pytest.mark.parametrize(
        "record", ["flight_records:Flight", "flight_records.py:Flight", "{}/flight_records.py:Flight"]
    )
    def test_the_module_is_a_name_or_a_path(self, folder, run, record):
        code, out, _ = run("decode", "flight.bin", "--record", record.format(folder))
        assert code == 0
        assert "1,000 of 43 bytes" in out

    def test_the_time_is_that_of_all_batches(self, run, monkeypatch):
        monkeypatch.setattr(_command, "time", SimpleNamespace(perf_counter=itertools.count().__next__))
        assert "decoded in  11 s, 3.91e-06 GB/s" in run(*DECODE)[1]  # ten batches, and the look for another one

    def test_many_wide_columns_fit_the_screen(self, folder, run):
        (folder / "wide.bin").write_bytes(bytes(120 * 10))
        code, out, _ = run("decode", "wide.bin", "--record", "flight_records:Wide")
        assert code == 0
        assert max(map(len, out.splitlines())) <= 80
        assert "record 0" in out
        assert "channel_38" in out
        assert "channel_39" not in out
        assert "and 21 more fields" in out

    def test_fields_are_chosen(self, run):
        code, out, _ = run(*DECODE, "--fields", "angle,inner.status", "--out", "out", "--to", "npz")
        assert code == 0
        assert "quaternion" not in out
        with np.load("out/flight.npz") as archive:
            assert archive.files == ["angle", "inner.status"]

    def test_progress_is_shown_on_a_terminal_only(self, run, monkeypatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        code, out, err = run(*DECODE)
        assert code == 0
        assert "decoding" in err
        assert "decoding" not in out

    def test_an_incomplete_last_record_is_an_error_unless_dropped(self, run):
        with open("flight.bin", "ab") as file:
            file.write(bytes(5))
        code, out, err = run(*DECODE)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith("jitkit: ")
        assert "43" in err
        code, out, _ = run(*DECODE, "--tail", "drop")
        assert code == 0
        assert "43,000, 5 left at the end" in out

    def test_bad_bytes_are_an_error_with_their_place(self, run):
        raw = raw_records(1000)
        raw["mode"][777] = 9
        Path("flight.bin").write_bytes(raw.tobytes())
        code, out, err = run(*DECODE, "--out", "out", "--to", "csv")
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "mode" in err
        assert "777" in err
        assert os.listdir("out") == []


class TestExport:
    def read(self, to):
        match to:
            case "parquet":
                table = pq.read_table("out/flight.parquet")
            case "arrow":
                table = pa.ipc.open_file("out/flight.arrow").read_all()
            case "npz":
                with np.load("out/flight.npz", allow_pickle=False) as archive:
                    return dict(archive)
        columns = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            values = column.combine_chunks()
            if pa.types.is_fixed_size_list(values.type):
                columns[name] = values.flatten().to_numpy().reshape(-1, values.type.list_size)
            else:
                columns[name] = values.to_numpy(zero_copy_only=False)
        return columns

    @pytest.mark.parametrize("to", ["parquet", "arrow", "npz"])
    def test_what_is_written_reads_back_the_same(self, run, to):
        code, out, _ = run(*DECODE, "--out", "out", "--to", to)
        assert code == 0
        assert f"out/flight.{to}, {os.path.getsize(f'out/flight.{to}'):,} bytes" in " ".join(out.split())
        assert os.listdir("out") == [f"flight.{to}"]
        expected, found = decoded(raw_records(1000)), self.read(to)
        assert list(found) == list(expected)
        for name, column in expected.items():
            assert np.array_equal(found[name].astype(column.dtype), column), name
            if to == "npz":
                assert found[name].dtype == column.dtype

    def test_csv_reads_back_the_same(self, run):
        assert run(*DECODE, "--out", "out", "--to", "csv")[0] == 0
        with open("out/flight.csv", newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        assert header == [
            "time", "angle", "ready", "mode", "temperature", "quaternion[0]", "quaternion[1]", "quaternion[2]",
            "quaternion[3]", "tag", "half", "distance", "inner.status",
        ]  # fmt: skip
        expected = decoded(raw_records(1000))
        found = dict(zip(header, np.array(rows).T, strict=True))
        for name in ("time", "angle", "mode", "temperature", "half", "distance", "inner.status"):
            dtype = expected[name].dtype
            assert np.array_equal([dtype.type(text) for text in found[name]], expected[name]), name
        for i in range(4):
            assert np.array_equal(found[f"quaternion[{i}]"].astype("f4"), expected["quaternion"][:, i])
        assert found["ready"].tolist() == ["true" if ready else "false" for ready in expected["ready"]]
        assert found["tag"].tolist() == ["a,b", '"x"', "\\xff\\xfe", "line"] * 250
        assert max(len(text) for text in found["angle"]) <= 14  # a float32 in its own digits, not a double's

    def test_parquet_is_the_default_and_has_a_row_group_per_batch(self, run):
        assert run(*DECODE, "--out", "deep/out")[0] == 0
        assert pq.ParquetFile("deep/out/flight.parquet").num_row_groups == 10

    @pytest.mark.parametrize("to", FORMATS)
    def test_an_empty_file_still_has_its_columns(self, run, to):
        Path("flight.bin").write_bytes(b"")
        code, out, _ = run(*DECODE, "--out", "out", "--to", to)
        assert code == 0
        assert "0 of 43 bytes" in out
        if to == "csv":
            assert Path("out/flight.csv").read_text().startswith("time,angle,ready,")
        else:
            assert {name: len(column) for name, column in self.read(to).items()} == dict.fromkeys(RAW.names, 0)

    @pytest.mark.parametrize("to", FORMATS)
    def test_an_interrupted_export_leaves_what_was_there(self, run, monkeypatch, to):
        Path("out").mkdir()
        Path(f"out/flight.{to}").write_text("older")
        next_batch = _command.Work._next

        def interrupted(self, source):
            if self.rows == 500:
                raise KeyboardInterrupt
            return next_batch(self, source)

        monkeypatch.setattr(_command.Work, "_next", interrupted)
        code, out, err = run(*DECODE, "--out", "out", "--to", to)
        assert (code, out, err) == (130, "", "jitkit: interrupted\n")
        assert os.listdir("out") == [f"flight.{to}"]
        assert Path(f"out/flight.{to}").read_text() == "older"

    def test_ctrl_c_ends_with_one_line_and_leaves_nothing(self, start):
        with open("flight.bin", "wb") as file:
            file.write(raw_records(1000).tobytes() * 1000)
        with start(*DECODE, "--out", "out", "--to", "csv") as process:
            while not (os.path.isdir("out") and os.listdir("out")):
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (130, "", "jitkit: interrupted\n")
        assert os.listdir("out") == []

    def test_the_output_is_a_directory(self, run):
        assert run(*DECODE, "--out", "log.parquet") == (
            1, "", "jitkit: expected a directory for the output, got log.parquet: flight.parquet goes into it\n"
        )  # fmt: skip
        assert run(*DECODE, "--out", "flight.bin") == (
            1, "", "jitkit: expected a directory for the output, got the file flight.bin\n"
        )  # fmt: skip
        assert not os.path.exists("log.parquet")

    def test_being_terminated_leaves_nothing(self, start):
        with open("flight.bin", "wb") as file:
            file.write(raw_records(1000).tobytes() * 1000)
        with start(*DECODE, "--out", "out", "--to", "csv") as process:
            while not (os.path.isdir("out") and os.listdir("out")):
                assert process.poll() is None
                time.sleep(0.01)
            process.terminate()
            process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM
        assert os.listdir("out") == []

    def test_a_remainder_names_the_file_and_the_option(self, run):
        with open("flight.bin", "ab") as file:
            file.write(b"123")
        code, out, err = run(*DECODE)
        assert (code, out) == (1, "")
        assert err.startswith("jitkit: flight.bin: expected a multiple of 43 bytes (Flight), got ")
        assert err.endswith("3 left at the end; --tail drop ignores them\n")

    @pytest.mark.parametrize("to", FORMATS)
    def test_a_full_disk_names_the_file_and_leaves_nothing(self, run, to):
        with open("flight.bin", "wb") as file:
            file.write(raw_records(1000).tobytes() * 10)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))  # the disk's end, as far as writing goes
        try:
            found = run(*DECODE, "--out", "out", "--to", to)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert found == (1, "", f"jitkit: out/flight.{to}: File too large\n")
        assert os.listdir("out") == []

    def test_the_input_is_never_replaced(self, run):
        os.rename("flight.bin", "flight.npz")
        before = Path("flight.npz").read_bytes()
        code, _, err = run("decode", "flight.npz", "--record", "flight_records:Flight", "--out", ".", "--to", "npz")
        assert code == 1
        assert err == (
            "jitkit: expected an output directory other than the input's, got .: flight.npz would be replaced\n"
        )
        assert Path("flight.npz").read_bytes() == before

    def test_without_pyarrow_csv_and_npz_still_work(self, run, monkeypatch):
        monkeypatch.setattr(extras, "installed_version", lambda _: None)
        for to, name in (("parquet", "Parquet"), ("arrow", "Arrow")):
            code, _, err = run(*DECODE, "--out", "out", "--to", to)
            assert (code, err) == (1, f"jitkit: writing {name} needs pyarrow: pip install 'jitkit[arrow]'\n")
            assert os.listdir("out") == []
        for to in ("csv", "npz"):
            assert run(*DECODE, "--out", "out", "--to", to)[0] == 0
            assert os.path.exists(f"out/flight.{to}")

    def test_every_format_has_its_writer(self):
        assert list(cli.FORMATS) == list(_export.WRITERS) == FORMATS


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["decode", "missing.bin", "--record", "flight_records:Flight"], "missing.bin: No such file or directory"),
            (["decode", ".", "--record", "flight_records:Flight"], ".: Is a directory"),
            (
                ["decode", "flight.bin", "--record", "missing:Flight"],
                "cannot import missing: No module named 'missing'",
            ),
            (
                ["decode", "flight.bin", "--record", "flight_records:Fligth"],
                "expected a Record class, got no 'Fligth' in flight_records; Record classes there: Flight, Inner, Wide",
            ),
            (
                ["decode", "flight.bin", "--record", "flight_records:PI"],
                "expected a Record class, got PI = 3 in flight_records; Record classes there: Flight, Inner, Wide",
            ),
            (
                ["decode", "flight.bin", "--record", "math:pi"],
                f"expected a Record class, got pi = {np.pi!r} in math; Record classes there: none",
            ),
            ([*DECODE, "--out", "flight.bin"], "expected a directory for the output, got the file flight.bin"),
        ],
    )
    def test_a_mistake_is_one_line_and_exit_code_1(self, run, arguments, message):
        assert run(*arguments) == (1, "", f"jitkit: {message}\n")

    def test_an_unknown_field_is_one_line_too(self, run):
        code, out, err = run(*DECODE, "--fields", "angel")
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "angle" in err
        assert "'angel'" in err

    def test_a_record_that_is_refused_says_why(self, run):
        Path("flight_records.py").write_text(RECORDS.replace("size=43", "size=44"))
        code, out, err = run(*DECODE)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "44" in err
        assert "43" in err
