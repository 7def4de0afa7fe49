"""The gate on jitkit itself: a kernel that is slowed down on purpose fails it, and nothing else does."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNEL = "records.reader n=1000"

SLOWED_DOWN = """

def _slow_reader(cls, field, _reader=Record.reader.__func__):
    from jitkit._core.jit import jit

    read = _reader(cls, field)

    @jit
    def slow(buffer, i):
        value = read(buffer, i)
        for j in range(200):  # the compiler keeps the loop: 0 times a float is not always 0
            value += 0.0 * read(buffer, (i + j) // 2)
        return value

    return slow


Record.reader = classmethod(_slow_reader)
"""

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("asv") is None, reason="asv is not installed: pip install '.[dev]'"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]


def git(checkout, *args):
    identity = ["-c", "user.name=jitkit", "-c", "user.email=jitkit@example.invalid"]
    return subprocess.run(["git", "-C", checkout, *identity, *args], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A repository of three commits: without a suite, this working tree, and that with a slow ``Record.reader``."""
    root = tmp_path_factory.mktemp("checkout")
    git(root, "init", "--quiet")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "before the suite")
    for part in ("jitkit", "asv_bench"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__", ".asv", "results"))
    (root / ".gitignore").write_text("__pycache__/\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "as it is")
    with (root / "jitkit" / "records" / "__init__.py").open("a") as room:
        room.write(SLOWED_DOWN)
    git(root, "commit", "--quiet", "--all", "-m", "slower")
    return root


def compare(checkout, base, head="HEAD"):
    command = [sys.executable, checkout / "asv_bench" / "compare.py", base, head, "--only", KERNEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_kernel_slowed_down_on_purpose_fails_after_a_second_measurement(checkout):
    status, output = compare(checkout, "HEAD~1")
    assert status == 1, output
    assert "measured a second time" in output
    assert f"regression, confirmed: {KERNEL}" in output


def test_a_commit_against_itself_passes_and_leaves_nothing_behind(checkout):
    status, output = compare(checkout, "HEAD~1", "HEAD~1")
    assert status == 0, output
    assert KERNEL.split(" n=")[0] in output
    assert "no regression" in output
    assert git(checkout, "status", "--short") == ""
    assert len(git(checkout, "worktree", "list").splitlines()) == 1


def test_a_baseline_from_before_the_suite_is_skipped(checkout):
    status, output = compare(checkout, "HEAD~2")
    assert status == 0, output
    assert "has no benchmark suite" in output
