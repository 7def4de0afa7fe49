import atexit
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

from jitkit import cli

# Kernels are kept where no other run finds them, but where the workers of this one, and the processes that tests start,
# do.
if "JITKIT_CACHE_DIR" not in os.environ:
    os.environ["JITKIT_CACHE_DIR"] = tempfile.mkdtemp(prefix="jitkit-tests-")
    atexit.register(shutil.rmtree, os.environ["JITKIT_CACHE_DIR"], ignore_errors=True)


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the `jitkit` command in this process, 80 columns wide; gives exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def start():
    """Start the `jitkit` command as its users do, in a process of its own."""

    def start(*arguments, **options):
        return subprocess.Popen(
            [sys.executable, "-m", "jitkit", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        )  # fmt: skip

    return start
