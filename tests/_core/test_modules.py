import sys

import pytest

import jitkit as jk
from jitkit._core.modules import load_module


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """An empty current directory; what gets imported from it is forgotten again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_by_name_from_the_current_directory(folder):
    (folder / "house_one.py").write_text("answer = 42")
    assert load_module("house_one").answer == 42


def test_by_name_in_a_package(folder):
    (folder / "house_package").mkdir()
    (folder / "house_package" / "inner.py").write_text("answer = 43")
    assert load_module("house_package.inner").answer == 43


def test_by_path_with_its_neighbours(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "house_two.py").write_text("from house_neighbour import answer")
    (folder / "sub" / "house_neighbour.py").write_text("answer = 44")
    module = load_module("sub/house_two.py")
    assert module.answer == 44
    assert sys.modules["house_two"] is module


def test_a_file_does_not_take_the_place_of_another_module(folder):
    (folder / "json.py").write_text("answer = 45")
    json = sys.modules["json"]
    assert load_module("json.py").answer == 45
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("source", "text", "message"),
    [
        ("house_missing", None, "cannot import house_missing: No module named 'house_missing'"),
        ("house_missing.py", None, "cannot import house_missing.py: No such file or directory"),
        ("house_bad", "import house_other", "cannot import house_bad: No module named 'house_other'"),
        ("house_bad.py", "\n1 +", r"cannot import house_bad.py: SyntaxError: .* \(.*house_bad.py, line 2\)"),
        ("house_bad.py", "\nx = y", r"cannot import house_bad.py: NameError: .* 'y' .* \(.*house_bad.py, line 2\)"),
    ],
)
def test_what_cannot_be_imported_says_why(folder, source, text, message):
    if text is not None:
        (folder / f"{source.removesuffix('.py')}.py").write_text(text)
    with pytest.raises(ImportError, match=f"^{message}$"):
        load_module(source)
    assert "house_bad" not in sys.modules


def test_a_refusal_by_jitkit_keeps_its_type(folder):
    (folder / "house_refused.py").write_text("import jitkit as jk\nraise jk.LayoutError('overlap')")
    with pytest.raises(jk.LayoutError, match=r"^overlap$"):
        load_module("house_refused.py")
