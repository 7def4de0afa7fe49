"""The `jitkit` command as a whole; what `decode` does with files is in records and telemetry."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import jitkit as jk
from jitkit import cli
from jitkit._core import cpu, extras, mapping
from jitkit.ring import _native
from jitkit.simd import _sqrt_choice

LOG = ("decode", "flight.ulg")
DECODE = ("decode", "flight.bin", "--record", "flight_records:Flight")


class TestInfo:
    def test_json_is_nothing_but_json(self, run):
        code, out, err = run("info", "--json")
        facts = json.loads(out)
        assert (code, err) == (0, "")
        assert facts["versions"]["jitkit"] == jk.__version__
        assert facts["versions"]["numba"] == version("numba")
        assert facts["versions"]["pyarrow"] == version("pyarrow")
        assert facts["cpu"]["name"] == cpu.target().name
        assert facts["cpu"]["features"] == sorted(cpu.target().features)
        assert facts["lanes"]["float32"] == cpu.lanes("f4")
        assert facts["threads"]["count"] >= 1

    def test_people_get_the_same_in_80_columns(self, run):
        code, out, err = run("info")
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) <= 80
        words = " ".join(out.split())
        assert f"numba {version('numba')}" in words
        assert cpu.target().name in words
        assert f"float64 x {cpu.lanes('f8')}" in words
        assert str(jk.cache.directory()) in out.replace("\n", "").replace(" ", "") or str(jk.cache.directory()) in words

    def test_says_how_square_roots_are_taken(self, run, monkeypatch):
        found = {"f": _sqrt_choice.Choice(1024, 1 << 62), "d": _sqrt_choice.NEVER}
        monkeypatch.setattr(_sqrt_choice, "kept_choices", lambda: found)
        told = {
            "float32": "by multiplications and the divider, from 1,024 items on",
            "float64": "by the divider alone",
        }
        assert json.loads(run("info", "--json")[1])["square_roots"] == told
        assert all(f"{dtype}: {how}" in " ".join(run("info")[1].split()) for dtype, how in told.items())
        monkeypatch.setattr(_sqrt_choice, "kept_choices", lambda: None)
        assert json.loads(run("info", "--json")[1])["square_roots"] is None
        assert "not used here yet: its first call measures" in run("info")[1]

    def test_says_how_rings_work_here(self, run, monkeypatch):
        here = {"mirror_refusal": mapping.mirror_refusal(), "machine_code": _native.Words is not _native._PlainWords}
        assert json.loads(run("info", "--json")[1])["rings"] == here
        monkeypatch.setattr(mapping, "mirror_refusal", lambda: None)
        assert "windows are mapped twice, calls from Python are " in " ".join(run("info")[1].split())
        monkeypatch.setattr(mapping, "mirror_refusal", lambda: "Function not implemented")
        monkeypatch.setattr(_native, "Words", _native._PlainWords)
        found = json.loads(run("info", "--json")[1])["rings"]
        assert found == {"mirror_refusal": "Function not implemented", "machine_code": False}
        told = "windows are written twice (Function not implemented), calls from Python are Python code"
        assert told in " ".join(run("info")[1].split())

    def test_the_cache_is_where_it_is_set_and_has_its_size(self, run, monkeypatch, tmp_path):
        monkeypatch.setenv("JITKIT_CACHE_DIR", str(tmp_path))
        (tmp_path / "entry").write_bytes(bytes(1234))
        facts = json.loads(run("info", "--json")[1])
        assert facts["cache"] == {"directory": str(tmp_path), "nbytes": 1234, "writable": True}
        assert "1,234 bytes" in run("info")[1]

    def test_what_is_not_installed_says_how_to_get_it(self, run, monkeypatch):
        installed = extras.installed_version
        monkeypatch.setattr(extras, "installed_version", lambda name: None if name == "pyarrow" else installed(name))
        facts = json.loads(run("info", "--json")[1])
        assert facts["versions"]["pyarrow"] is None
        assert {
            "what": "Arrow tables, Parquet and Arrow files",
            "why": "pyarrow is not installed",
            "remedy": "pip install 'jitkit[arrow]'",
        } in facts["switched_off"]
        assert "pyarrow is not installed (pip install 'jitkit[arrow]')" in " ".join(run("info")[1].split())

    def test_settings_that_cost_speed_are_named(self, start, tmp_path):
        blocked = tmp_path / "file"
        blocked.touch()
        settings = {
            "NUMBA_DISABLE_JIT": "1",
            "NUMBA_BOUNDSCHECK": "1",
            "NUMBA_OPT": "1",
            "NUMBA_CPU_NAME": "generic",
            "NUMBA_CPU_FEATURES": "-sse3",
            "JITKIT_CACHE_DIR": str(blocked / "below"),
            "XDG_CACHE_HOME": str(blocked / "below"),
        }
        with start("info", "--json", env=os.environ | settings) as process:
            out, err = process.communicate()
        facts = json.loads(out)
        assert err == ""
        assert (facts["cpu"]["name"], facts["cpu"]["host"]) == ("generic", cpu.host().name)
        off = {entry["what"]: entry for entry in facts["switched_off"]}
        assert off["compiler"]["remedy"] == "unset NUMBA_DISABLE_JIT"
        assert off["full speed"]["remedy"] == "unset NUMBA_BOUNDSCHECK"
        assert off["optimisation"]["why"] == "NUMBA_OPT=1"
        assert off["CPU features"]["remedy"] == "unset NUMBA_CPU_NAME NUMBA_CPU_FEATURES"
        assert off["disk cache"]["remedy"] == "set JITKIT_CACHE_DIR"


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "required: COMMAND"),
            (["nonsense"], "invalid choice: 'nonsense'"),
            (["decode"], "required: FILE"),
            (["decode", "flight.bin", "--record", "Flight"], "expected MODULE:CLASS, got 'Flight'"),
            (["decode", "flight.bin", "--record", ":Flight"], "expected MODULE:CLASS, got ':Flight'"),
            ([*DECODE, "--to", "xlsx"], "invalid choice: 'xlsx'"),
            ([*DECODE, "--to", "csv"], "argument --to: expected --out DIR beside it, got no directory"),
            ([*LOG, "--to", "csv"], "argument --to: expected --out DIR beside it, got no directory"),
            ([*LOG, "--list", "--out", "d"], "argument --list: expected no --out beside it, got --out d"),
            ([*LOG, "--errors", "ignore"], "invalid choice: 'ignore'"),
            ([*LOG, "--format", "csv"], "invalid choice: 'csv'"),
            ([*LOG, "--tail", "drop"], "argument --tail: expected --record MODULE:CLASS beside it, got none"),
            ([*LOG, "--fields", "a,b"], "argument --fields: expected --record MODULE:CLASS beside it, got none"),
            ([*DECODE, "--list"], "argument --list: expected a log, got --record flight_records:Flight"),
            ([*DECODE, "--topic", "gyro"], "argument --topic: expected a log, got --record flight_records:Flight"),
            ([*DECODE, "--format", "ulog"], "argument --format: expected a log, got --record flight_records:Flight"),
            ([*DECODE, "--errors", "strict"], "argument --errors: expected a log, got --record flight_records:Flight"),
        ],
    )
    def test_wrong_usage_is_exit_code_2(self, run, arguments, message):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert message in err

    @pytest.mark.parametrize("options", [[], ["--json"]])
    def test_a_reader_that_has_enough_is_no_error(self, start, options):
        buffered = os.environ | {"PYTHONUNBUFFERED": ""}  # what is left in the buffer must not fail at exit
        with start("info", *options, env=buffered) as process:
            process.stdout.close()
            assert process.stderr.read() == ""
        assert process.returncode == 1

    def test_an_error_of_jitkit_itself_is_not_hidden(self, monkeypatch):
        monkeypatch.setattr(cli, "run_info", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cli.main(["info"])


@pytest.mark.parametrize("command", [[sys.executable, "-m", "jitkit"], [str(Path(sys.executable).with_name("jitkit"))]])
def test_the_script_and_the_module_are_one_command(command):
    done = subprocess.run([*command, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"jitkit {jk.__version__}\n", "")


def test_demo_passes_its_arguments_on(monkeypatch):
    import jitkit.demos

    asked = []
    monkeypatch.setattr(jitkit.demos, "run", lambda names, plot: asked.append((names, plot)) or 0, raising=False)
    assert cli.main(["demo"]) == 0
    assert cli.main(["demo", "telemetry", "--plot", "speed.svg"]) == 0
    assert asked == [([], None), (["telemetry"], "speed.svg")]
