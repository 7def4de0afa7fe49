"""Processes are killed while they have an end: nothing is torn, lost or out of order, and the next one goes on.

`asv_bench/proofs` does the same more often. Here its programs are run for some seconds.
"""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from channels import ENVIRONMENT, PATIENCE

PROOFS = Path(__file__).resolve().parents[2] / "asv_bench" / "proofs"

pytestmark = pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="looks into Linux's /dev/shm")


@pytest.fixture(scope="module")
def kill():
    return runpy.run_path(str(PROOFS / "ring_kill.py"), run_name="proof")["kill"]


def left_by(process):
    """Names that a process has left: others may run at the same time."""
    return [path.name for path in Path("/dev/shm").glob(f"jitkit-proof-{process}*")]


@pytest.mark.parametrize("role", ["producer", "consumer"])
def test_twenty_that_are_killed(kill, role):
    found = kill(role, 20)
    assert (found.kills, found.torn, found.disordered, left_by(os.getpid())) == (20, 0, 0, [])
    assert found.records > 1000
    assert found.again == 0 if role == "producer" else found.again < 20 * 24


ROWS = {
    "ring_kill.py": r"^\| (producer|consumer) +\| +3 \| +[\d,]+ \| +0 \| +0 \| +\d+ \| +[\d.]+ \|$",
    "ring_order.py": r"^\| (threads|processes) +\| .* \| +100,000 \| +0 \| +[\d.]+ \| +[\d.]+ \|$",
}


@pytest.mark.parametrize(
    ("program", "arguments"), [("ring_kill.py", ["3"]), ("ring_order.py", ["100000", "--markdown"])]
)
def test_proofs_print_what_they_find(program, arguments):
    command = [sys.executable, PROOFS / program, *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        try:
            printed, errors = process.communicate(timeout=2 * PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, errors, left_by(process.pid)) == (0, "", [])
    assert len(re.findall(ROWS[program], printed, re.MULTILINE)) == (2 if program == "ring_kill.py" else 6)
    assert ("# The order of a channel" in printed) == ("--markdown" in arguments)
