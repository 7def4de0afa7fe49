import pytest

import jitkit as jk
from jitkit._core import extras


def test_what_is_installed_is_imported():
    assert extras.require("matplotlib", "drawing").__name__ == "matplotlib"
    assert extras.require("pyarrow.parquet", "writing Parquet").__name__ == "pyarrow.parquet"


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("pyarrow.parquet", "pip install 'jitkit[arrow]'"),
        ("polars", "pip install 'jitkit[polars]'"),
        ("matplotlib", "pip install 'jitkit[plot]'"),
        ("pandas", "pip install pandas"),
    ],
)
def test_what_is_missing_says_how_to_get_it(monkeypatch, name, command):
    monkeypatch.setattr(extras, "installed_version", lambda _: None)
    with pytest.raises(jk.MissingExtraError) as caught:
        extras.require(name, "this work")
    package = name.partition(".")[0]
    assert str(caught.value) == f"this work needs {package}: {command}"
    assert caught.value.name == package


def test_a_version_without_an_import():
    assert extras.installed_version("numba").count(".") >= 2
    assert extras.installed_version("jitkit-no-such-package") is None
