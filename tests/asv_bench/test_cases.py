import os
import pkgutil
import subprocess
import sys
from collections.abc import Mapping

import benchmarks
import numpy as np
import pytest
from benchmarks.cases import CASES
from benchmarks.interleaved import as_lists


def called(side, args):
    function = pkgutil.resolve_name(side) if isinstance(side, str) else side
    return plain(function(*args))


def plain(result):
    """Columns, a structured array and a number are the same to a test when their values are."""
    if isinstance(result, np.ndarray) and result.dtype.names:
        return {name: result[name].tolist() for name in result.dtype.names}
    return as_lists(dict(result) if isinstance(result, Mapping) else result)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_all_sides_compute_the_same(case):
    args = case.make(40)
    expected = called(case.python, as_lists(args))
    if is_of_floats(expected):
        # NumPy adds in pairs, and Python's floats have more digits than float32.
        single = any(getattr(argument, "dtype", None) == np.float32 for argument in args)
        expected = pytest.approx(expected, rel=1e-6 if single else 1e-12)
    assert called(case.jitkit, args) == expected
    if case.numpy is not None:
        assert called(case.numpy, args) == expected


def is_of_floats(value):
    return isinstance(value, float) or (isinstance(value, list | tuple) and all(map(is_of_floats, value)))


def test_names_are_unique():
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)


def test_an_installed_jitkit_cannot_stand_in_for_the_commit_to_be_measured(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import benchmarks"],
        cwd=os.path.dirname(benchmarks.__path__[0]),
        env=os.environ | {"ASV_PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"ImportError: expected jitkit from ASV_PYTHONPATH={tmp_path}, got " in done.stderr
