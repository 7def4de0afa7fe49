import os
import sys
from pathlib import Path

import pytest

from jitkit._core.paths import cache_directory, directory_size, is_writable


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A home directory on Linux, and none of the variables that change where the cache lies."""
    for name in ("JITKIT_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def no_home(monkeypatch):
    """A process of a user whom the system does not know, as in a container with `--user 12345`."""
    import pwd

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_the_cache_lies_where_linux_has_caches(home):
    assert cache_directory() == home / ".cache" / "jitkit"


def test_asking_for_it_makes_nothing(home):
    cache_directory()
    assert list(home.iterdir()) == []


def test_xdg_moves_it(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert cache_directory() == Path("/var/caches/jitkit")


@pytest.mark.parametrize("value", ["", "caches"])
def test_an_xdg_path_that_is_not_absolute_is_ignored(home, monkeypatch, value):
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_directory() == home / ".cache" / "jitkit"


def test_the_cache_on_macos(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert cache_directory() == home / "Library" / "Caches" / "jitkit"


def test_the_cache_on_windows(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/C/Local")
    assert cache_directory() == Path("/C/Local/jitkit")


def test_jitkit_cache_dir_is_taken_as_it_is(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    monkeypatch.setenv("JITKIT_CACHE_DIR", "/fast/jit")
    assert cache_directory() == Path("/fast/jit")
    monkeypatch.setenv("JITKIT_CACHE_DIR", "~/jit")
    assert cache_directory() == home / "jit"
    monkeypatch.setenv("JITKIT_CACHE_DIR", "jit")
    assert cache_directory() == Path.cwd() / "jit"


def test_an_empty_jitkit_cache_dir_counts_as_unset(home, monkeypatch):
    monkeypatch.setenv("JITKIT_CACHE_DIR", "")
    assert cache_directory() == home / ".cache" / "jitkit"


@pytest.mark.usefixtures("no_home")
def test_without_a_home_it_lies_among_temporary_files(monkeypatch):
    assert cache_directory() == Path(f"/tmp/jitkit-{os.getuid()}")
    monkeypatch.setenv("TMPDIR", "/scratch")
    assert cache_directory() == Path(f"/scratch/jitkit-{os.getuid()}")


@pytest.mark.usefixtures("no_home")
def test_without_a_home_the_variables_still_count(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert cache_directory() == Path("/var/caches/jitkit")
    monkeypatch.setenv("JITKIT_CACHE_DIR", "/fast/jit")
    assert cache_directory() == Path("/fast/jit")


def test_the_size_counts_files_at_any_depth(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "one").write_bytes(bytes(10))
    (tmp_path / "a" / "b" / "two").write_bytes(bytes(300))
    assert directory_size(tmp_path) == 310


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "large").write_bytes(bytes(5000))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "link").symlink_to(tmp_path / "large")
    assert directory_size(tmp_path / "cache") < 5000


def test_nothing_has_size_zero(tmp_path):
    assert directory_size(tmp_path / "missing") == 0


def test_a_file_that_vanishes_meanwhile_counts_zero(tmp_path, monkeypatch):
    (tmp_path / "stays").write_bytes(bytes(10))
    (tmp_path / "goes").write_bytes(bytes(20))
    lstat = os.lstat

    def vanishing(path):
        if os.path.basename(path) == "goes":
            raise FileNotFoundError(path)
        return lstat(path)

    monkeypatch.setattr(os, "lstat", vanishing)
    assert directory_size(tmp_path) == 10


def test_a_directory_can_be_written_if_it_can_be_made(tmp_path):
    assert is_writable(tmp_path)
    assert is_writable(tmp_path / "not" / "yet")


def test_below_a_file_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch(mode=0o777)
    assert not is_writable(tmp_path / "file")
    assert not is_writable(tmp_path / "file" / "jitkit")


def test_a_read_only_home_cannot_be_written(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(os, "access", lambda path, mode: asked.append((path, mode)))  # root may write anywhere
    assert not is_writable(tmp_path / ".cache" / "jitkit")
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]
