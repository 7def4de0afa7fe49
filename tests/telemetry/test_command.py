"""`jitkit decode` of a log: from its bytes to a summary, to tables, or to a file for each topic."""

import csv
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import jitkit as jk
from jitkit import cli
from jitkit._core import extras
from jitkit.telemetry import _command, _export
from jitkit.telemetry._read import FORMATS as READ

FORMATS = ["parquet", "arrow", "csv", "npz"]
ROWS = 100
MESSAGE = 3 + 2  # bytes before a record: size, type, id
ATTITUDE = 8 + 4 * 4  # bytes of a record


def made_topics():
    attitude = np.zeros(ROWS, [("timestamp", "u8"), ("q", "f4", 4)])
    attitude["timestamp"] = 1_000_000 + 20_000 * np.arange(ROWS)  # 50 Hz
    attitude["q"] = np.random.default_rng(1).normal(size=(ROWS, 4))
    battery = np.zeros((2, 5), [("timestamp", "u8"), ("voltage_v", "f4"), ("warning", "u1")])
    battery["timestamp"] = 1_000_000 + 400_000 * np.arange(5)  # 2.5 Hz
    battery["voltage_v"] = [[16.5, 16.25, 16, 15.75, 15.5], [12, 12, 12, 12, 11.5]]
    battery["warning"][1] = 1
    return {"vehicle_attitude": attitude, "battery_status": battery[0], "battery_status.1": battery[1]}


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """A current directory with a log."""
    monkeypatch.chdir(tmp_path)
    jk.telemetry.ulog.write(
        tmp_path / "flight.ulg", made_topics(), start=1_000_000,
        info={"sys_name": "PX4", "ver_hw": "TEST_V1", "escape": "\x1b[31mred\a"},
        multi_info={"boot_console_output": [["one ", "two"], ["three"]]},
        parameters={"MC_ROLL_P": 6.5, "SYS_ID": 3},
        messages=[(1_000_000, "INFO", "Takeoff")], dropouts=[(1_500_000, 30), (2_000_000, 1200)],
    )  # fmt: skip
    return tmp_path


def words(text):
    return [line.split() for line in text.splitlines()]


def damage(*places, name="flight.ulg"):
    """Change the type of the attitudes at some places to one that there is not; return where each begins."""
    data = bytearray(Path(name).read_bytes())
    record = made_topics()["vehicle_attitude"]
    starts = [data.index(record["timestamp"][place].tobytes() + record["q"][place].tobytes()) for place in places]
    for start in starts:
        data[start - 3] = ord("z")
    Path(name).write_bytes(data)
    return [start - MESSAGE for start in starts]


class TestSummary:
    def test_a_log_without_options_is_counted_and_its_topics_are_listed(self, folder, run):
        code, out, err = run("decode", "flight.ulg")
        assert (code, err) == (0, "")
        lines = words(out)
        assert ["file", "flight.ulg", "(ULog)"] in lines
        assert ["bytes", f"{os.path.getsize('flight.ulg'):,}"] in lines
        assert ["topics", "3"] in lines
        assert ["records", "110"] in lines
        assert any(line[:2] == ["decoded", "in"] and line[-1] == "GB/s" for line in lines)
        assert ["topic", "(3)", "records", "columns", "Hz"] in lines
        assert lines[-3:] == [
            ["battery_status", "5", "3", "2.50"],
            ["battery_status.1", "5", "3", "2.50"],
            ["vehicle_attitude", "100", "5", "50.00"],
        ]
        assert os.listdir(folder) == ["flight.ulg"]

    def test_a_log_that_is_read_once_has_a_time_too(self, run, monkeypatch):
        monkeypatch.setattr(_command, "READ_TWICE", 0)
        assert ["records", "110"] in words(run("decode", "flight.ulg")[1])

    def test_a_pipe_will_do(self):
        done = subprocess.run(
            [sys.executable, "-m", "jitkit", "decode", "/dev/stdin"],
            input=Path("flight.ulg").read_bytes(), capture_output=True,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        assert ["records", "110"] in words(done.stdout.decode())

    def test_the_first_rows_of_topics_are_shown(self, run):
        code, out, _ = run("decode", "flight.ulg", "--topic", "battery_status.1", "--topic", "vehicle_attitude")
        assert code == 0
        lines = words(out)
        assert ["topics", "2", "of", "3"] in lines
        assert ["records", "105"] in lines
        assert ["battery_status.1:", "5", "records"] in lines
        assert ["voltage_v", "float32", "12", "12", "12", "12", "11.5"] in lines
        assert ["warning", "uint8", "1", "1", "1", "1", "1"] in lines
        q = made_topics()["vehicle_attitude"]["q"]
        (first,) = (line for line in lines if line[:1] == ["q[0]"])
        assert first[2:] == [f"{value:.6g}" for value in q[: len(first) - 2, 0]]
        assert max(map(len, out.splitlines())) <= 80

    def test_a_topic_that_is_asked_for_twice_is_shown_once(self, run):
        out = run("decode", "flight.ulg", "--topic", "battery_status", "--topic", "battery_status")[1]
        assert out.count("battery_status: 5 records") == 1

    def test_of_many_columns_some_are_shown(self, run):
        record = np.zeros(3, [("timestamp", "u8"), ("samples", "f4", 60)])
        jk.telemetry.ulog.write("wide.ulg", {"wide": record})
        out = run("decode", "wide.ulg", "--topic", "wide")[1]
        assert "samples[38]" in out
        assert "samples[39]" not in out
        assert "and 21 more columns: --out DIR writes all" in out
        assert max(map(len, out.splitlines())) <= 80

    def test_an_empty_log_has_no_topics(self, run):
        jk.telemetry.ulog.write("empty.ulg", {})
        code, out, err = run("decode", "empty.ulg", "--out", "out")
        assert (code, err) == (0, "")
        assert "out, 0 files of parquet, 0 bytes" in out
        assert run("decode", "empty.ulg")[0] == run("decode", "empty.ulg", "--list")[0] == 0

    def test_progress_is_shown_on_a_terminal_only(self, run, monkeypatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        code, out, err = run("decode", "flight.ulg", "--out", "out")
        assert code == 0
        assert "writing vehicle_attitude" in err
        assert "writing" not in out


class TestList:
    def test_says_what_the_log_is_about(self, run):
        code, out, err = run("decode", "flight.ulg", "--list")
        assert (code, err) == (0, "")
        lines = words(out)
        for line in (
            ["bytes", f"{os.path.getsize('flight.ulg'):,},", "complete"],
            ["sys_name", "PX4"],
            ["ver_hw", "TEST_V1"],
            ["boot_console_output", "2", "texts", "in", "3", "parts"],
            ["parameters", "2"],
            ["messages", "1"],
            ["dropouts", "2,", "1.230", "s"],
            ["vehicle_attitude", "100", "5", "50.00"],
        ):
            assert line in lines, line
        assert "decoded in" not in out

    def test_what_a_file_says_never_steers_the_terminal(self, run):
        out = run("decode", "flight.ulg", "--list")[1]
        assert r"\x1b[31mred\x07" in out
        assert "\x1b" not in out

    def test_topics_can_be_chosen(self, run):
        out = run("decode", "flight.ulg", "--list", "--topic", "battery_status.1")[1]
        assert "topic (1)" in out
        assert "vehicle_attitude" not in out

    def test_much_information_is_cut_to_the_screen(self, run):
        info = {f"number_{i:02}": i for i in range(30)} | {"text": 200 * "x"}
        long = "topic_" + 90 * "q"
        stamps = np.zeros(2, [("timestamp", "u8"), ("x", "f4")])
        jk.telemetry.ulog.write("much.ulg", {long: stamps}, info=info)
        out = run("decode", "much.ulg", "--list")[1]
        assert max(map(len, out.splitlines())) <= 80
        assert "number_23" in out
        assert "number_24" not in out
        assert "and 7 more" in out
        jk.telemetry.ulog.write("wide.ulg", {}, info={"perf_counter_preflight-00": 200 * "x"})
        (line,) = (line for line in run("decode", "wide.ulg", "--list")[1].splitlines() if "xxx" in line)
        assert line == f"perf_counter_preflight-00  {52 * 'x'}…"
        assert out.count("q") == 90  # the name of a topic is whole: `--topic` wants it so

    def test_topics_without_a_clock_have_no_rate(self, run):
        still = np.zeros(3, [("timestamp", "u8"), ("x", "f4")])
        once = still[:1]
        jk.telemetry.ulog.write("still.ulg", {"still": still, "once": once})
        assert words(run("decode", "still.ulg", "--list")[1])[-2:] == [["once", "1", "2"], ["still", "3", "2"]]


class TestExport:
    def read(self, name, to):
        match to:
            case "parquet":
                table = pq.read_table(f"out/{name}.parquet")
            case "arrow":
                table = pa.ipc.open_file(f"out/{name}.arrow").read_all()
            case "npz":
                with np.load(f"out/{name}.npz", allow_pickle=False) as archive:
                    return dict(archive)
            case "csv":
                with open(f"out/{name}.csv", newline="", encoding="utf-8") as file:
                    header, *rows = csv.reader(file)
                return dict(zip(header, np.array(rows).T, strict=True))
        return {name: table[name].to_numpy() for name in table.column_names}

    @pytest.mark.parametrize("to", FORMATS)
    def test_each_topic_is_a_file_that_reads_back_the_same(self, run, to):
        code, out, err = run("decode", "flight.ulg", "--out", "deep/../out", "--to", to)
        assert (code, err) == (0, "")
        log = jk.telemetry.read("flight.ulg")
        assert sorted(os.listdir("out")) == sorted(f"{name}.{to}" for name in log)
        nbytes = sum(path.stat().st_size for path in Path("out").iterdir())
        assert f"3 files of {to}, {nbytes:,} bytes" in " ".join(out.split())
        for name, columns in log.items():
            found = self.read(name, to)
            assert list(found) == list(columns)
            for column, values in columns.items():
                assert np.array_equal(found[column].astype(values.dtype), values), (name, column)

    def test_topics_are_chosen_and_parquet_is_the_default(self, run):
        code, out, _ = run("decode", "flight.ulg", "--topic", "battery_status.1", "--out", "out")
        assert code == 0
        assert os.listdir("out") == ["battery_status.1.parquet"]
        assert ["topics", "1", "of", "3"] in words(out)
        assert "voltage_v" not in out

    @pytest.mark.parametrize("to", FORMATS)
    def test_an_interrupted_export_leaves_what_was_there(self, run, monkeypatch, to):
        Path("out").mkdir()
        Path(f"out/vehicle_attitude.{to}").write_text("older")
        write = _export.WRITERS[to]

        def interrupted(batches, target):
            def half():
                yield from batches
                raise KeyboardInterrupt

            write(half() if target.stem == "vehicle_attitude" else batches, target)

        monkeypatch.setitem(_export.WRITERS, to, interrupted)
        assert run("decode", "flight.ulg", "--out", "out", "--to", to) == (130, "", "jitkit: interrupted\n")
        assert sorted(os.listdir("out")) == [f"battery_status.1.{to}", f"battery_status.{to}", f"vehicle_attitude.{to}"]
        assert Path(f"out/vehicle_attitude.{to}").read_text() == "older"

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
    def test_ctrl_c_and_kill_leave_no_part_of_a_file(self, start, number, code):
        many = np.zeros(400_000, [("timestamp", "u8"), ("x", "f8", 4)])
        jk.telemetry.ulog.write("large.ulg", {"first": many[:1], "second": many})
        with start("decode", "large.ulg", "--out", "out", "--to", "csv") as process:
            while not (os.path.isdir("out") and any("second" in name for name in os.listdir("out"))):
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (code, "")
        assert err == ("jitkit: interrupted\n" if number == signal.SIGINT else "")
        assert os.listdir("out") == ["first.csv"]

    def test_a_full_disk_names_the_file_and_leaves_nothing(self, run):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            found = run("decode", "flight.ulg", "--topic", "vehicle_attitude", "--out", "out", "--to", "csv")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert found == (1, "", "jitkit: out/vehicle_attitude.csv: File too large\n")
        assert os.listdir("out") == []

    def test_the_input_is_never_replaced(self, run):
        os.rename("flight.ulg", "vehicle_attitude.csv")
        before = Path("vehicle_attitude.csv").read_bytes()
        code, out, err = run("decode", "vehicle_attitude.csv", "--out", ".", "--to", "csv")
        assert (code, out) == (1, "")
        assert err == (
            "jitkit: expected an output directory other than the input's, got .: vehicle_attitude.csv would be "
            "replaced\n"
        )
        assert os.listdir(".") == ["vehicle_attitude.csv"]
        assert Path("vehicle_attitude.csv").read_bytes() == before

    def test_the_output_is_a_directory(self, run):
        assert run("decode", "flight.ulg", "--out", "log.parquet") == (
            1, "", "jitkit: expected a directory for the output, got log.parquet: a file for each topic goes into it\n"
        )  # fmt: skip
        assert run("decode", "flight.ulg", "--out", "flight.ulg") == (
            1, "", "jitkit: expected a directory for the output, got the file flight.ulg\n"
        )  # fmt: skip

    def test_without_pyarrow_csv_and_npz_still_work(self, run, monkeypatch):
        monkeypatch.setattr(extras, "installed_version", lambda _: None)
        code, _, err = run("decode", "flight.ulg", "--out", "out")
        assert (code, err) == (1, "jitkit: writing Parquet needs pyarrow: pip install 'jitkit[arrow]'\n")
        assert os.listdir("out") == []
        assert [run("decode", "flight.ulg", "--out", "out", "--to", to)[0] for to in ("csv", "npz")] == [0, 0]

    def test_names_of_files_stay_in_the_directory_and_differ(self):
        names = ["a/b", "a_b", "A_B", "../../etc/passwd", "...", "höhe", 300 * "ä"]
        found = [path.as_posix() for path in _export.targets_of(names, Path("out"), "csv").values()]
        assert found[:6] == [
            "out/a_b.csv", "out/a_b_2.csv", "out/A_B_3.csv", "out/_.._etc_passwd.csv", "out/_.csv", "out/höhe.csv",
        ]  # fmt: skip
        assert found[6] == f"out/{100 * 'ä'}.csv"

    def test_a_log_writes_its_topics_the_same_way(self):
        log = jk.telemetry.read("flight.ulg")
        assert [str(path) for path in log.to_parquet("out")] == [f"out/{name}.parquet" for name in log]
        with pytest.raises(jk.JitkitError, match=r"expected a directory for the output, got the file flight\.ulg"):
            log.to_parquet("flight.ulg")


class TestDamage:
    def test_strict_is_one_line_that_names_file_place_and_remedy(self, run):
        (place,) = damage(50)
        for options in ([], ["--list"], ["--out", "out"], ["--errors", "strict"]):
            code, out, err = run("decode", "flight.ulg", *options)
            assert (code, out, err.count("\n")) == (1, "", 1)
            assert err.startswith("jitkit: flight.ulg: expected a message, got ")
            assert f"at offset {place}, " in err
            assert err.endswith("; --errors recover skips what is damaged\n")
        assert not os.path.exists("out")

    def test_recover_tells_what_was_skipped_and_fails(self, run):
        first, _, last = damage(61, 62, 90)
        code, out, err = run("decode", "flight.ulg", "--errors", "recover")
        assert (code, err) == (1, "")
        report = jk.telemetry.read("flight.ulg", errors="recover").report
        size = os.path.getsize("flight.ulg")
        whole = MESSAGE + ATTITUDE
        assert (report.skipped_bytes, report.size) == (3 * whole, size)
        lines = words(out)
        assert ["bytes", f"{size:,},", f"{3 * whole}", "skipped"] in lines
        assert ["records", "107"] in lines
        told = f"The file is corrupt: {report.decoded_bytes:,} bytes decoded, {report.container_bytes:,} container, "
        assert told + f"{3 * whole} skipped." in " ".join(out.split())
        assert ["unknown", "message", "type", "2", f"{3 * whole}"] in lines
        assert [f"{first:,}", f"{2 * whole}", "unknown", "message", "type"] in lines
        assert [f"{last:,}", f"{whole}", "unknown", "message", "type"] in lines
        assert "more ranges" not in out
        assert max(map(len, out.splitlines())) <= 80

    def test_of_many_ranges_the_first_are_shown(self, run):
        places = damage(*range(0, 100, 10))
        out = run("decode", "flight.ulg", "--errors", "recover", "--topic", "battery_status")[1]
        assert [f"{place:,}" in out for place in places] == 5 * [True] + 5 * [False]
        assert "and 5 more ranges" in out

    def test_what_is_left_is_written_and_the_code_says_that_it_is_not_all(self, run):
        damage(50)
        code, out, _ = run("decode", "flight.ulg", "--errors", "recover", "--out", "out", "--to", "npz")
        assert code == 1
        assert "The file is corrupt" in out
        with np.load("out/vehicle_attitude.npz") as archive:
            times = np.delete(made_topics()["vehicle_attitude"]["timestamp"], 50)
            assert archive["timestamp"].tolist() == times.tolist()

    def test_a_missing_end_is_called_truncated(self, run):
        data = Path("flight.ulg").read_bytes()
        Path("flight.ulg").write_bytes(data[:-7])
        code, _, err = run("decode", "flight.ulg")
        assert code == 1
        assert "cut off at the end of the file; --errors recover" in err
        code, out, err = run("decode", "flight.ulg", "--errors", "recover", "--list")
        assert (code, err) == (1, "")
        assert "The file is truncated: " in out
        assert ["bytes", f"{len(data) - 7:,},", "truncated"] in words(out)

    def test_a_sound_file_is_no_worse_for_recover(self, run):
        code, out, _ = run("decode", "flight.ulg", "--errors", "recover")
        assert code == 0
        assert "skipped" not in out

    def test_flags_of_a_later_format_have_no_remedy(self, run):
        data = bytearray(Path("flight.ulg").read_bytes())
        data[16 + 3 + 8] = 0x80
        Path("flight.ulg").write_bytes(data)
        for errors in ("strict", "recover"):
            code, out, err = run("decode", "flight.ulg", "--errors", errors)
            assert (code, out, err.count("\n")) == (1, "", 1)
            assert err.startswith("jitkit: flight.ulg: expected no incompatible flag but DATA_APPENDED")
            assert "--errors" not in err


class TestMistakes:
    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("vehicle_atitude", "near to it: vehicle_attitude"),
            ("battery_status.2", "near to it: battery_status.1, battery_status"),
            ("q", "--list shows its 3"),
        ],
    )
    def test_an_unknown_topic_is_told_those_near_to_it(self, run, name, hint):
        for options in ([], ["--list"], ["--out", "out"]):
            assert run("decode", "flight.ulg", "--topic", "battery_status", "--topic", name, *options) == (
                1, "", f"jitkit: flight.ulg: expected a topic of the log, got {name!r}; {hint}\n"
            )  # fmt: skip
        assert not os.path.exists("out")

    @pytest.mark.parametrize("errors", ["strict", "recover"])
    @pytest.mark.parametrize("data", [b"", b"no log", bytes(10_000)])
    def test_a_file_of_another_kind_is_refused(self, run, data, errors):
        Path("other.bin").write_bytes(data)
        message = f"expected a file of a known format (ulog), got one that begins with {data[:8]!r}"
        hint = "--record MODULE:CLASS decodes a file of records"
        assert run("decode", "other.bin", "--errors", errors) == (1, "", f"jitkit: other.bin: {message}; {hint}\n")

    def test_the_format_can_be_told(self, run):
        assert run("decode", "flight.ulg", "--format", "ulog")[0] == 0
        Path("other.bin").write_bytes(b"no log")
        code, out, err = run("decode", "other.bin", "--format", "ulog")
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith("jitkit: other.bin: expected ")

    def test_a_file_that_cannot_be_read_is_named(self, run):
        assert run("decode", "missing.ulg") == (1, "", "jitkit: missing.ulg: No such file or directory\n")
        assert run("decode", ".", "--list") == (1, "", "jitkit: .: Is a directory\n")

    def test_the_command_knows_every_format(self):
        assert list(cli.LOGS) == list(READ)


RECORDED = Path(os.environ.get("JITKIT_TESTDATA", Path(__file__).parents[2] / ".." / "shared" / "data")).absolute()


@pytest.mark.parametrize(
    ("name", "topics", "records"),
    [("sample.ulg", 15, 64_542), ("sample_log_small.ulg", 70, 14_604), ("many_topics.ulg", 95, 4_272)],
)
def test_recorded_logs(run, name, topics, records):
    path = RECORDED / "ulog" / name
    if not path.is_file():
        pytest.skip(f"no ulog/{name} in $JITKIT_TESTDATA or ../shared/data")
    code, out, err = run("decode", path, "--out", "out", "--to", "npz")
    assert (code, err) == (0, "")
    assert ["topics", str(topics)] in words(out)
    assert ["records", f"{records:,}"] in words(out)
    assert len(os.listdir("out")) == topics
    code, out, _ = run("decode", path, "--list")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert ["sys_name", "PX4"] in words(out)
