"""On which processors multiplications without carries are used: on those that have them, and on no others."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jitkit._core import cpu
from jitkit.telemetry.framing import _folding

pytestmark = pytest.mark.kernel

CODE = """
from jitkit.telemetry import framing
from jitkit.telemetry.framing import _folding, _registers, _scan
frames = framing.Frames(b"\\1", framing.Length(1, "u1", 6), framing.Crc("crc-32/iso-hdlc"))
assert len(frames.scan(frames.write([b"123456789", bytes(200)]))) == 2
kernels = _scan.scanners(_registers.best())
assembly = "".join(text for kernel in kernels for text in kernel.inspect_asm().values())
print(_folding.available(), "pclmul" in assembly, len(assembly) > 1000)
"""


@pytest.mark.parametrize("level", cpu.LEVELS)
def test_code_of_a_level_uses_what_the_level_has(level, tmp_path):
    if not cpu.runs_here(level):
        pytest.skip(f"this processor is none of level {level}")
    root = str(Path(__file__).parents[3])
    environment = os.environ | cpu.level_environment(level)
    environment |= {"JITKIT_CACHE_DIR": str(tmp_path), "PYTHONPATH": root}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    available, used, compiled = done.stdout.split()
    assert compiled == "True"
    assert used == available
    if level in ("generic", "nehalem"):  # PCLMULQDQ came with Westmere
        assert used == "False"


def test_what_it_asks_for_is_what_it_needs():
    assert re.fullmatch("pclmul ssse3", " ".join(sorted(_folding.NEEDS)))
    assert _folding.available() == (cpu.target().features >= _folding.NEEDS)
