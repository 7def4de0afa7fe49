import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from jitkit._core import cpu

on_x86 = pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="about x86-64 processors")

# What one process compiles for: as `cpu` sees it, and as the machine code of a vectorised loop shows.
REPORT = """
import json, re
import numpy as np
import jitkit as jk
from jitkit._core import cpu

@jk.jit
def scale(x, factor):
    for i in range(x.size):
        x[i] *= factor

x = np.arange(100.0)
scale(x, 3.0)
assembly = "".join(scale.inspect_asm().values())
print(json.dumps({
    "name": cpu.target().name,
    "features": sorted(cpu.target().features),
    "host": [cpu.host().name, sorted(cpu.host().features)],
    "lanes": [cpu.lanes(dtype) for dtype in ("i1", "i2", "i4", "i8", "f2", "f4", "f8")],
    "registers": sorted(set(re.findall(r"\\b[xyz]mm", assembly))),
    "sum": x.sum(),
}))
"""


def report(**settings):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-c", REPORT], env=environment | settings, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["sum"] == 14850.0  # wherever it runs, it runs right
    return found


def test_without_settings_the_target_is_the_host():
    found = report()
    assert [found["name"], found["features"]] == found["host"] == [cpu.host().name, sorted(cpu.host().features)]


@on_x86
@pytest.mark.parametrize(
    ("level", "lanes", "registers", "has", "lacks"),
    [
        ("generic", [16, 8, 4, 2, 8, 4, 2], ["xmm"], {"sse2"}, {"sse3", "popcnt", "avx"}),
        ("nehalem", [16, 8, 4, 2, 8, 4, 2], ["xmm"], {"sse4.2", "popcnt"}, {"avx", "fma", "bmi"}),
        ("haswell", [32, 16, 8, 4, 16, 8, 4], ["xmm", "ymm"], {"avx2", "fma", "bmi2"}, {"avx512f", "adx"}),
    ],
)
def test_a_level_compiles_for_what_it_has_and_no_more(level, lanes, registers, has, lacks):
    if not cpu.runs_here(level):
        pytest.skip(f"{cpu.host().name} has not got all that {level} needs")
    found = report(**cpu.level_environment(level))
    assert found["name"] == level
    assert found["lanes"] == lanes
    assert found["registers"] == registers
    assert has <= set(found["features"])
    assert lacks.isdisjoint(found["features"])


@on_x86
def test_a_name_alone_leaves_the_features_of_the_host_on():
    found = report(NUMBA_CPU_NAME="nehalem")
    assert [found["name"], found["features"]] == ["nehalem", found["host"][1]]


@on_x86
def test_features_alone_keep_the_name_of_the_host():
    found = report(NUMBA_CPU_FEATURES="-avx")
    assert found["name"] == found["host"][0]
    assert "avx" not in found["features"]
    assert found["registers"] == ["xmm"]


@pytest.mark.parametrize("level", cpu.LEVELS)
def test_a_level_sets_both_variables(level):
    environment = cpu.level_environment(level)
    assert environment.keys() == {"NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"}
    assert environment["NUMBA_CPU_NAME"] == level
    assert environment["NUMBA_CPU_FEATURES"]


def test_there_is_no_other_level():
    with pytest.raises(ValueError, match="expected a CPU level of generic, nehalem, haswell, got 'pentium'"):
        cpu.level_environment("pentium")


def test_a_level_runs_where_all_that_it_needs_is_there(monkeypatch):
    def host_with(*features):
        monkeypatch.setattr(cpu, "host", lambda: cpu.Processor("some", frozenset(features)))
        monkeypatch.setattr(cpu.llvm, "get_process_triple", lambda: "x86_64-unknown-linux-gnu")
        return [level for level in cpu.LEVELS if cpu.runs_here(level)]

    assert host_with() == ["generic"]
    assert host_with("popcnt", "sse4.2") == ["generic", "nehalem"]
    assert host_with("popcnt", "sse4.2", "avx2", "fma") == ["generic", "nehalem"]
    assert host_with(*set().union(*(level.needs for level in cpu.LEVELS.values()))) == list(cpu.LEVELS)
    monkeypatch.setattr(cpu.llvm, "get_process_triple", lambda: "aarch64-unknown-linux-gnu")
    assert not cpu.runs_here("generic")


def test_the_probe_finds_what_the_host_reports():
    features = cpu._probe_features(cpu.host().name, cpu._host_flags())
    assert features == cpu.host().features - cpu._NOT_COMPARED


@on_x86
@pytest.mark.parametrize(
    ("name", "flags", "has", "lacks"),
    [
        ("nehalem", "", {"sse4.2", "popcnt"}, {"avx"}),
        ("haswell", "", {"avx2", "fma", "movbe"}, {"avx512f"}),
        ("haswell", "-avx", {"movbe", "sse4.2"}, {"avx", "avx2", "fma"}),  # what builds on avx goes with it
        ("nehalem", "-avx,+fma", {"avx", "fma"}, {"avx2"}),  # and comes back with it
    ],
)
def test_the_probe_knows_what_a_name_and_flags_imply(name, flags, has, lacks):
    features = cpu._probe_features(name, flags)
    assert has <= features
    assert lacks.isdisjoint(features)


def test_lanes_fill_one_register():
    for dtype in (np.bool_, np.uint8, np.int16, np.float16, np.uint32, np.float32, np.int64, np.float64):
        width = cpu.lanes(dtype) * np.dtype(dtype).itemsize
        assert width in (16, 32, 64)
        assert width == cpu.vector_bytes(dtype)


def test_byte_order_and_sign_do_not_change_the_lanes():
    assert cpu.lanes(">f4") == cpu.lanes("<f4")
    assert cpu.lanes(">u2") == cpu.lanes("i2")
    assert cpu.lanes(bool) == cpu.lanes("i1")


@pytest.mark.parametrize("dtype", ["complex64", "O", "longdouble", "S4", "M8[s]", [("a", "f4")]])
def test_other_types_have_no_lanes(dtype):
    with pytest.raises(TypeError, match="expected a boolean, integer or float dtype of 1 to 8 bytes, got "):
        cpu.lanes(dtype)


@pytest.mark.parametrize(
    ("assembly", "width"),
    [
        ("\tvmovdqu64\t(%rdi), %zmm0\n\tvpaddb\t(%rsi), %ymm0, %ymm0\n", 64),
        ("\tvaddps\t(%rsi), %ymm10, %ymm0\n\tmovaps\t%xmm0, (%rdi)\n", 32),
        ("\tpaddb\t%xmm0, %xmm1\n", 16),
        ("\tldp\tq0, q3, [x1, #32]\n\tadd\tv0.16b, v1.16b, v0.16b\n", 16),
        ("\tlb\ta6, 0(a1)\n\tadd\ta2, a2, a3\n", 0),
    ],
)
def test_registers_are_read_off_the_assembly(assembly, width):
    assert cpu.register_bytes(assembly) == width
