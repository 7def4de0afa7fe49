import errno
import hashlib
import hmac
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from jitkit.cache import _locks, _store
from jitkit.cache._store import Entry, Store

KEY, OTHER = "ab" + 62 * "0", "ab" + 62 * "1"
HEADER, PAYLOAD = {"name": "f", "sizes": [1, 2]}, b"machine code"
USER = 12345  # not root

on_linux = pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners and locks are those of POSIX")
as_root = pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can play several users")


@pytest.fixture(autouse=True)
def _no_warning_yet(monkeypatch):
    monkeypatch.setattr(_store, "_warned", set())


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "home" / "cache"


@pytest.fixture
def store(directory):
    return Store(directory)


@pytest.fixture
def path(store, directory):
    """The file of an entry."""
    assert store.put(KEY, HEADER, PAYLOAD)
    return directory / "v1" / "ab" / f"{62 * '0'}.jkc"


# What processes start with.
BEGINNING = f"""
import os, sys, time
from pathlib import Path
from jitkit.cache._store import Store
KEY = {KEY!r}
store = Store(Path(sys.argv[1]))
"""


@pytest.fixture
def start():
    """Start a Python process that finds a `store` and KEY; it is killed in the end."""
    started = []

    def start(directory, program):
        command = [sys.executable, "-c", BEGINNING + program, directory]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def files(directory):
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir())


def age(path, seconds):
    past = time.time() - seconds
    os.utime(path, (past, past))


def raising(code):
    return Mock(side_effect=OSError(code, os.strerror(code)))


def sealed(body):
    return b"jkc-sha\x01" + hashlib.sha256(body).digest() + body


# Put and get


def test_what_was_put_is_found(store):
    assert store.get(KEY) is None
    assert store.put(KEY, HEADER, PAYLOAD) is True
    assert store.get(KEY) == Entry(HEADER, PAYLOAD)
    assert store.damaged == 0


def test_another_process_finds_it(store, start):
    process = start(store.directory, f"print(store.put(KEY, {HEADER!r}, {PAYLOAD!r}))")
    assert process.communicate()[0] == "True\n"
    assert store.get(KEY) == (HEADER, PAYLOAD)


@pytest.mark.parametrize("payload", [b"", b"\0", bytes(range(256)) * 5000, memoryview(b"view")])
def test_any_bytes_are_a_payload(store, payload):
    assert store.put(KEY, {}, payload)
    assert store.get(KEY) == ({}, payload)


def test_the_last_put_counts(store, path):
    assert store.put(KEY, {"second": True}, b"new")
    assert store.get(KEY) == ({"second": True}, b"new")
    assert list(store.entries()) == [(KEY, path.stat().st_size)]


def test_an_entry_is_one_file_as_documented(path, directory):
    body = json.dumps({"key": KEY, "header": HEADER}).encode()
    assert path.read_bytes() == sealed(struct.pack("<I", len(body)) + body + PAYLOAD)
    assert files(directory) == [f"v1/ab/{62 * '0'}.jkc"]


@pytest.mark.parametrize("key", ["", "ab", "../../../etc/passwd", "abc/def", "ab\0cd", "abc.d", "abc\n", "a" * 201])
def test_a_key_that_is_no_file_name_is_refused(store, key):
    message = "expected a key of 3 to 200 letters, digits, _ or -, got "
    with pytest.raises(ValueError, match=message):
        store.get(key)
    with pytest.raises(ValueError, match=message):
        store.put(key, {}, b"")
    with pytest.raises(ValueError, match=message), store.lock(key):
        pass


def test_nothing_is_made_before_something_is_stored(store, tmp_path):
    assert store.get(KEY) is None
    assert (store.problem, store.readable, store.directory) == (None, (store.directory,), tmp_path / "home" / "cache")
    assert (list(store.entries()), store.nbytes(), store.prune(), store.clear()) == ([], 0, (0, 0), 0)
    assert list(tmp_path.iterdir()) == []


@on_linux
def test_what_is_made_is_for_the_user_alone(path, tmp_path):
    old = os.umask(0)
    try:
        store = Store(tmp_path / "a" / "b")
        assert store.put(KEY, HEADER, PAYLOAD)
        with store.lock(KEY):
            modes = {stat.S_IMODE(made.stat().st_mode) for made in (tmp_path / "a", *(tmp_path / "a").rglob("*"))}
    finally:
        os.umask(old)
    assert modes == {0o700, 0o600}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_copied_directory_works(store, path, tmp_path):
    copy = tmp_path / "copy" / path.relative_to(store.directory)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(path.read_bytes())
    path.unlink()
    assert Store(tmp_path / "copy").get(KEY) == (HEADER, PAYLOAD)


def test_a_relative_directory_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store(Path("cache"))
    monkeypatch.chdir("/")
    assert store.directory == tmp_path / "cache"


# Damage


def expect_damage(store, path):
    assert store.get(KEY) is None
    assert store.damaged == 1
    assert not os.path.lexists(path)
    assert store.put(KEY, HEADER, PAYLOAD)
    assert store.get(KEY) == (HEADER, PAYLOAD)


def test_every_flipped_byte_is_noticed(store, path):
    sound = path.read_bytes()
    for position in range(len(sound)):
        for flip in (0x01, 0x80, 0xFF):
            path.write_bytes(sound[:position] + bytes([sound[position] ^ flip]) + sound[position + 1 :])
            assert store.get(KEY) is None, (position, flip)
            assert not path.exists(), (position, flip)
    assert store.damaged == 3 * len(sound)


def test_every_cut_is_noticed(store, path):
    sound = path.read_bytes()
    for length in range(len(sound)):
        path.write_bytes(sound[:length])
        assert store.get(KEY) is None, length
        assert not path.exists(), length
    assert store.damaged == len(sound)


def test_bytes_too_many_are_noticed(store, path):
    path.write_bytes(path.read_bytes() + b"\0")
    expect_damage(store, path)


def test_another_entry_in_its_place_is_noticed(store, path):
    assert store.put(OTHER, HEADER, PAYLOAD)
    path.write_bytes(path.with_name(f"{62 * '1'}.jkc").read_bytes())
    expect_damage(store, path)
    assert store.get(OTHER) == (HEADER, PAYLOAD)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (2, ""),
        (None, "{}"),
        (None, "[]"),
        (None, "{},"),
        (None, "[" * 60_000),
        (None, json.dumps({"key": KEY})),
        (None, json.dumps({"key": KEY, "header": [1]})),
        (200, json.dumps({"key": KEY, "header": {}})),
        (None, json.dumps({"header": {}})),
    ],
)
def test_a_wrong_header_is_noticed_below_a_digest_that_is_right(store, path, length, text):
    path.write_bytes(sealed(struct.pack("<I", length or len(text)) + text.encode()))
    expect_damage(store, path)


@pytest.mark.parametrize("body", [b"", b"\1\0\0", b"\4\0\0\0\xff\xfe\0\0"])
def test_a_body_without_a_header_is_noticed(store, path, body):
    path.write_bytes(sealed(body))
    expect_damage(store, path)


def test_another_kind_of_file_is_noticed(store, path):
    path.write_bytes(b"\x7fELF\1\1\1\0" + path.read_bytes()[8:])
    expect_damage(store, path)


def test_a_directory_in_its_place_is_noticed(store, path):
    path.unlink()
    path.mkdir()
    expect_damage(store, path)


def test_a_directory_that_cannot_be_removed_stays(store, path):
    path.unlink()
    (path / "inner").mkdir(parents=True)
    assert store.get(KEY) is None
    assert store.put(KEY, HEADER, PAYLOAD) is False
    assert files(store.directory) == []


@on_linux
def test_a_link_is_not_followed(store, path, tmp_path):
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    expect_damage(store, path)
    assert (tmp_path / "elsewhere").exists()


@on_linux
def test_a_pipe_in_its_place_is_not_waited_for(store, path):
    path.unlink()
    os.mkfifo(path)
    expect_damage(store, path)


@on_linux
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_not_trusted(store, path, mode):
    path.chmod(mode)
    expect_damage(store, path)


@as_root
def test_a_file_of_another_user_is_not_trusted(store, path):
    os.chown(path, USER, -1)
    expect_damage(store, path)


def test_an_unreadable_file_is_removed(store, path, monkeypatch):
    with monkeypatch.context() as patch:  # root may read everything
        patch.setattr(os, "open", raising(errno.EACCES))
        assert store.get(KEY) is None
    assert (store.damaged, path.exists()) == (1, False)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENOMEM, errno.EINTR])
def test_a_trouble_of_the_process_is_no_damage(store, path, monkeypatch, code):
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", raising(code))
        assert store.get(KEY) is None
    assert (store.damaged, path.exists()) == (0, True)
    assert store.get(KEY) == (HEADER, PAYLOAD)


def test_what_may_not_be_looked_at_is_no_damage(store, monkeypatch):
    monkeypatch.setattr(os, "open", raising(errno.EACCES))  # as below a folder that root made for itself
    assert store.get(KEY) is None
    assert store.damaged == 0


def test_what_cannot_be_removed_is_a_miss_all_the_same(store, path, monkeypatch):
    path.write_bytes(b"")
    monkeypatch.setattr(os, "unlink", raising(errno.EROFS))
    assert store.get(KEY) is None
    assert (store.damaged, path.exists()) == (1, True)


# Writing


@pytest.mark.usefixtures("path")
def test_a_full_disk_leaves_nothing(store, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", raising(errno.ENOSPC))
        assert store.put(KEY, {}, b"new") is False
        assert store.put(OTHER, {}, b"new") is False
    assert files(store.directory) == [f"v1/ab/{62 * '0'}.jkc"]
    assert store.get(KEY) == (HEADER, PAYLOAD)


@on_linux
@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("nbytes", [1, 100_000])
def test_a_disk_that_fills_up_while_writing_leaves_nothing(store, nbytes):
    import resource

    # A bound on the size of files fails in the same places as a full disk: in write, or in the flush before close.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        assert store.put(OTHER, {}, bytes(nbytes)) is False
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert files(store.directory) == [f"v1/ab/{62 * '0'}.jkc"]


@pytest.mark.usefixtures("path")
def test_ctrl_c_leaves_nothing(store, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.put(OTHER, {}, b"new")
    assert files(store.directory) == [f"v1/ab/{62 * '0'}.jkc"]


def test_a_read_only_home_stores_nothing(store, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", Mock(return_value=False))  # root may write everywhere
    monkeypatch.setattr(os, "mkdir", raising(errno.EROFS))
    assert store.put(KEY, HEADER, PAYLOAD) is False
    assert store.get(KEY) is None
    with store.lock(KEY) as held:
        assert held is False
    assert store.problem == (
        f"expected a directory that can be written, got one that cannot at {store.directory}; "
        f"set JITKIT_CACHE_DIR to a directory of your own to have compiled code cached"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_above_the_directory_stores_nothing(tmp_path):
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file" / "cache")
    assert store.put(KEY, HEADER, PAYLOAD) is False
    assert store.get(KEY) is None


def test_a_file_in_place_of_a_folder_stores_nothing(store, path):
    path.unlink()
    path.parent.rmdir()
    path.parent.touch()
    assert store.get(KEY) is None
    assert store.put(KEY, HEADER, PAYLOAD) is False


def test_writers_at_the_same_time_leave_one_whole_entry(store, start):
    program = """
for i in range(200):
    assert store.put(KEY, {"writer": sys.argv[0], "i": i}, bytes([i]) * (1000 * i + 1))
    entry = store.get(KEY)
    assert entry is not None
    i = entry.header["i"]
    assert entry.payload == bytes([i]) * (1000 * i + 1)
print(store.damaged)
"""
    processes = [start(store.directory, program) for _ in range(4)]
    assert [process.communicate()[0] for process in processes] == ["0\n"] * 4
    assert store.get(KEY).header["i"] == 199
    assert files(store.directory) == [f"v1/ab/{62 * '0'}.jkc"]


def test_threads_at_the_same_time(store):
    failures = []

    def work(number):
        for i in range(50):
            key = f"key{i % 5}"
            if not store.put(key, {}, bytes(i % 5)) or store.get(key).payload != bytes(i % 5):
                failures.append((number, i))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.damaged == 0
    assert sorted(key for key, _ in store.entries()) == [f"key{i}" for i in range(5)]


# Whose directory


def expect_refused(store, message):
    with pytest.warns(RuntimeWarning) as caught:
        assert store.get(KEY) is None
    message += f" at {store.directory}; set JITKIT_CACHE_DIR to a directory of your own to have compiled code cached"
    assert [str(warning.message) for warning in caught] == [message]
    assert store.problem == message
    assert store.readable == ()
    # Each of these would raise if it warned again.
    assert store.put(KEY, HEADER, PAYLOAD) is False
    with store.lock(KEY) as held:
        assert held is False
    assert Store(store.directory).get(KEY) is None
    assert (list(store.entries()), store.prune(), store.clear(), store.damaged) == ([], (0, 0), 0, 0)


@on_linux
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777, 0o702, 0o720])
def test_a_directory_that_others_can_write_is_refused(store, path, directory, mode):
    directory.chmod(mode)
    expect_refused(store, f"expected a directory that only its owner can write (mode 0700), got mode {mode:04o}")
    assert path.exists()
    directory.chmod(0o755)
    assert store.get(KEY) == (HEADER, PAYLOAD)


@as_root
def test_a_directory_of_another_user_is_refused(store, path, directory):
    os.chown(directory, USER, -1)
    expect_refused(store, f"expected a directory of user 0, got one of user {USER}")
    assert path.exists()


@as_root
@pytest.mark.usefixtures("path")
def test_the_directory_of_a_user_who_is_not_the_own(store, directory, monkeypatch):
    os.chown(directory, USER + 1, -1)
    monkeypatch.setattr(os, "getuid", lambda: USER)
    expect_refused(store, f"expected a directory of user {USER}, got one of user {USER + 1}")


@on_linux
@pytest.mark.usefixtures("path")
def test_a_link_to_a_directory_is_refused(directory, tmp_path):
    (tmp_path / "link").symlink_to(directory)
    expect_refused(Store(tmp_path / "link"), "expected a directory itself, got a symbolic link")


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "file").touch(mode=0o600)
    expect_refused(Store(tmp_path / "file"), "expected a directory itself, got something else")


@as_root
def test_a_directory_that_somebody_else_makes_first_is_refused(store, directory, monkeypatch):
    mkdir = os.mkdir

    def mkdir_too_late(path, mode):
        mkdir(path, mode)
        if Path(path) == directory:
            os.chown(path, USER, -1)
            raise FileExistsError(path)

    monkeypatch.setattr(os, "mkdir", mkdir_too_late)
    with pytest.warns(RuntimeWarning, match=f"got one of user {USER} at "):
        assert store.put(KEY, HEADER, PAYLOAD) is False
    assert list(directory.iterdir()) == []


@pytest.mark.usefixtures("path")
def test_without_owners_all_directories_are_the_users(store, directory, monkeypatch):
    directory.chmod(0o777)
    monkeypatch.delattr(os, "getuid", raising=False)
    assert store.get(KEY) == (HEADER, PAYLOAD)
    assert store.put(OTHER, {}, b"")


@pytest.fixture
def image(path, store, monkeypatch):
    """What root stored, seen by a user."""
    assert path.exists()
    monkeypatch.setattr(os, "getuid", lambda: USER)
    return store.directory


@pytest.fixture
def own(tmp_path):
    """A directory of that user."""
    (tmp_path / "own").mkdir(mode=0o700)
    os.chown(tmp_path / "own", USER, -1)
    return tmp_path / "own"


@as_root
def test_roots_directory_is_read_and_new_entries_go_to_the_fallback(image, own):
    before = files(image)
    store = Store(image, fallback=own)
    assert (store.directory, store.readable, store.problem) == (own, (image, own), None)
    assert store.get(KEY) == (HEADER, PAYLOAD)
    assert store.put(OTHER, {}, b"new")
    assert store.get(OTHER) == ({}, b"new")
    assert [key for key, _ in store.entries()] == [OTHER]
    with store.lock(KEY) as held:
        assert held
        assert (own / "v1" / "locks" / KEY).exists()
    assert store.clear() == 1
    assert files(image) == before
    assert files(own) == []


@as_root
def test_nothing_of_root_is_touched(image, own):
    path = image / "v1" / "ab" / f"{62 * '0'}.jkc"
    age(path, 5000)
    before = path.stat().st_mtime_ns
    store = Store(image, fallback=own)
    assert store.get(KEY) == (HEADER, PAYLOAD)
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"damaged")
    assert store.get(KEY) is None
    assert (store.damaged, path.exists()) == (1, True)


@as_root
def test_roots_directory_without_a_fallback_is_only_read(image):
    store = Store(image)
    assert store.get(KEY) == (HEADER, PAYLOAD)
    assert store.put(OTHER, {}, b"new") is False
    assert (store.directory, store.readable) == (image, (image,))
    assert store.problem.startswith("expected a directory that can be written, got one that cannot at ")
    assert (store.clear(), store.prune(0)) == (0, (0, store.nbytes()))
    assert [key for key, _ in store.entries()] == [KEY]


@as_root
def test_the_fallback_must_be_the_users_too(image, own):
    own.chmod(0o777)
    store = Store(image, fallback=own)
    with pytest.warns(RuntimeWarning, match=r"got mode 0777 at .*own; set JITKIT_CACHE_DIR"):
        assert store.get(KEY) == (HEADER, PAYLOAD)
    assert store.put(OTHER, {}, b"new") is False
    assert (store.directory, store.readable) == (own, (image,))
    assert store.problem.startswith("expected a directory that only its owner can write")


@as_root
def test_roots_directory_that_others_can_write_is_refused(image, own):
    image.chmod(0o777)
    store = Store(image, fallback=own)
    with pytest.warns(RuntimeWarning, match="got mode 0777"):
        assert store.get(KEY) is None
    assert (store.directory, store.readable) == (image, ())
    assert store.put(KEY, {}, b"") is False


@as_root
def test_the_fallback_of_root_is_not_needed(directory, own):
    store = Store(directory, fallback=own)
    assert store.put(KEY, HEADER, PAYLOAD)
    assert (store.directory, store.readable) == (directory, (directory,))


# A secret


def test_entries_are_signed_with_the_secret(directory):
    store = Store(directory, key=b"secret")
    assert store.put(KEY, HEADER, PAYLOAD)
    data = (directory / "v1" / "ab" / f"{62 * '0'}.jkc").read_bytes()
    assert data[:40] == b"jkc-mac\x01" + hmac.new(b"secret", data[40:], "sha256").digest()
    assert store.get(KEY) == Entry(HEADER, PAYLOAD)
    assert Store(directory, key=b"secret").get(KEY) == (HEADER, PAYLOAD)


@pytest.mark.parametrize("written", [None, b"another"])
@pytest.mark.parametrize("read", [None, b"secret"])
def test_entries_of_others_are_neither_read_nor_removed(directory, written, read):
    writer, reader = Store(directory, key=written), Store(directory, key=read)
    assert writer.put(KEY, HEADER, PAYLOAD)
    assert reader.get(KEY) == ((HEADER, PAYLOAD) if written == read else None)
    assert reader.damaged == 0
    assert writer.get(KEY) == (HEADER, PAYLOAD)


def test_a_digest_does_not_pass_as_a_signature(directory, path):
    data = path.read_bytes()
    path.write_bytes(b"jkc-mac\x01" + data[8:])
    assert Store(directory, key=b"secret").get(KEY) is None


def test_every_flipped_byte_of_a_signed_entry_is_a_miss(directory):
    store = Store(directory, key=b"secret")
    assert store.put(KEY, HEADER, PAYLOAD)
    path = directory / "v1" / "ab" / f"{62 * '0'}.jkc"
    sound = path.read_bytes()
    for position in range(len(sound)):
        path.write_bytes(sound[:position] + bytes([sound[position] ^ 1]) + sound[position + 1 :])
        assert store.get(KEY) is None, position
        path.write_bytes(sound[:position])
        assert store.get(KEY) is None, position
    path.write_bytes(sound)
    assert store.get(KEY) == (HEADER, PAYLOAD)


def test_a_signed_entry_under_another_key_is_a_miss(directory):
    store = Store(directory, key=b"secret")
    assert store.put(KEY, HEADER, PAYLOAD)
    path = directory / "v1" / "ab" / f"{62 * '0'}.jkc"
    path.rename(path.with_name(f"{62 * '1'}.jkc"))
    assert store.get(OTHER) is None
    assert store.damaged == 1


def test_an_empty_secret_is_refused(directory):
    with pytest.raises(ValueError, match="expected a secret key of at least one byte, got b''"):
        Store(directory, key=b"")


# How much is kept


def put_aged(store, **ages):
    """Put entries of 1000 bytes of payload with their ages in seconds; gives the size of one."""
    for key, seconds in ages.items():
        assert store.put(key, {}, bytes(1000))
        age(store.directory / "v1" / key[:2] / f"{key[2:]}.jkc", seconds)
    return store.nbytes() // len(ages)


def kept(store):
    return sorted(key for key, _ in store.entries())


def test_prune_removes_what_was_not_used_for_the_longest_time(store):
    size = put_aged(store, key1=3000, key2=5000, key3=1000, key4=4000)
    assert store.prune(2 * size) == (2, 2 * size)
    assert kept(store) == ["key1", "key3"]
    assert store.prune() == (0, 2 * size)


def test_a_hit_counts_as_use(store):
    size = put_aged(store, key1=5000, key2=4000, key3=3000)
    assert store.get("key1").payload == bytes(1000)
    assert store.prune(size) == (2, size)
    assert kept(store) == ["key1"]


def test_a_hit_is_noted_once_a_minute(store, path):
    age(path, 30)
    before = path.stat().st_mtime_ns
    store.get(KEY)
    assert path.stat().st_mtime_ns == before
    age(path, 90)
    store.get(KEY)
    assert abs(path.stat().st_mtime - time.time()) < 20


def test_a_time_in_the_future_is_put_right(store, path):
    age(path, -5000)
    store.get(KEY)
    assert path.stat().st_mtime < time.time() + 20


def test_a_hit_that_cannot_be_noted_is_a_hit(store, path, monkeypatch):
    age(path, 90)
    monkeypatch.setattr(os, "utime", raising(errno.EROFS))
    assert store.get(KEY) == (HEADER, PAYLOAD)


def test_put_keeps_to_the_bound(store, directory):
    size = put_aged(store, key0=9000)
    small = Store(directory, max_bytes=10 * size)
    put_aged(small, **{f"key{i}": 9000 - i for i in range(1, 10)})
    assert len(kept(small)) == 10
    assert small.put("keyA", {}, bytes(1000))  # 11 entries, of which 90 % of the bound stay
    assert kept(small) == [f"key{i}" for i in range(2, 10)] + ["keyA"]
    assert small.nbytes() == 9 * size


def test_an_entry_beyond_the_bound_does_not_drive_out_the_others(directory):
    store = Store(directory, max_bytes=10_000)
    assert store.put(KEY, HEADER, PAYLOAD)
    assert store.put(OTHER, {}, bytes(9_000)) is False
    assert kept(store) == [KEY]


def test_prune_sweeps_what_killed_writers_left(store, path):
    old, new = path.with_name("0123.tmp"), path.with_name("4567.tmp")
    for leftover in (old, new):
        leftover.write_bytes(b"half")
    age(old, 3700)
    assert store.prune() == (1, path.stat().st_size)
    assert (old.exists(), new.exists(), path.exists()) == (False, True, True)


def test_clear_removes_all_entries(store, path):
    assert store.put("another", {}, b"")
    assert path.exists()
    assert store.clear() == 2
    assert (list(store.entries()), store.nbytes(), store.get(KEY)) == ([], 0, None)
    assert store.put(KEY, HEADER, PAYLOAD)
    assert store.get(KEY) == (HEADER, PAYLOAD)


def test_clear_removes_a_file_without_bytes(store, path):
    path.write_bytes(b"")
    assert store.clear() == 1
    assert not path.exists()


def test_entries_have_keys_and_sizes(store, path):
    assert store.put("another", {}, b"")
    other = store.directory / "v1" / "an" / "other.jkc"
    assert sorted(store.entries()) == [(KEY, path.stat().st_size), ("another", other.stat().st_size)]
    assert store.nbytes() == path.stat().st_size + other.stat().st_size


# Single flight

HOLD = "with store.lock(KEY) as held:\n    print(held, flush=True)\n    time.sleep(100)"


@on_linux
def test_one_process_at_a_time(store, start):
    program = """
for _ in range(100):
    with store.lock(KEY) as held:
        assert held
        with open(store.directory / "alone", "x"): pass
        os.unlink(store.directory / "alone")
print("done")
"""
    processes = [start(store.directory, program) for _ in range(4)]
    assert [process.communicate()[0] for process in processes] == ["done\n"] * 4
    assert files(store.directory) == []


@on_linux
def test_who_is_killed_holds_nothing(store, start):
    process = start(store.directory, HOLD)
    assert process.stdout.readline() == "True\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    began = time.monotonic()
    with store.lock(KEY) as held:
        assert held is True
    assert time.monotonic() - began < 30  # and not the 60 seconds of the bound
    assert files(store.directory) == []


@on_linux
def test_waiting_has_an_end(directory, start):
    process = start(directory, HOLD)
    assert process.stdout.readline() == "True\n"
    began = time.monotonic()
    with Store(directory, wait=0.2).lock(KEY) as held:
        assert held is False
    assert time.monotonic() - began >= 0.2
    with Store(directory, wait=0.0).lock(OTHER) as held:
        assert held is True
    assert files(directory) == [f"v1/locks/{KEY}"]  # what it did not hold it did not remove


@on_linux
def test_who_waits_gets_it(store, start):
    with store.lock(KEY) as held:
        assert held
        process = start(store.directory, "print('waits', flush=True)\nwith store.lock(KEY) as held: print(held)")
        assert process.stdout.readline() == "waits\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
    assert process.communicate()[0] == "True\n"


@on_linux
def test_a_process_does_not_wait_for_itself(store, directory, start):
    with store.lock(KEY) as outer, Store(directory).lock(KEY) as inner:
        assert (outer, inner) == (True, True)
    assert files(directory) == []
    with store.lock(KEY):
        with store.lock(KEY):
            pass
        asked = start(directory, "store.wait = 0\nwith store.lock(KEY) as held: print(held)")
        assert asked.communicate()[0] == "False\n"


@on_linux
def test_threads_hold_it_together(store, directory):
    inside, leave, seen = threading.Event(), threading.Event(), []

    def work():
        with store.lock(KEY) as held:
            seen.append(held)
            inside.set()
            leave.wait()

    thread = threading.Thread(target=work)
    with store.lock(KEY):
        thread.start()
        assert inside.wait(30)
    assert files(directory) == [f"v1/locks/{KEY}"]
    leave.set()
    thread.join()
    assert seen == [True]
    assert files(directory) == []


@on_linux
def test_an_error_inside_releases_it(store, directory):
    with pytest.raises(KeyError), store.lock(KEY):
        raise KeyError
    assert files(directory) == []


@on_linux
def test_the_lock_file_of_another_is_left_alone(store, directory):
    path = directory / "v1" / "locks" / KEY
    with store.lock(KEY):
        path.unlink()
        path.touch()
    assert path.exists()


@on_linux
def test_a_lock_file_that_was_removed_between_two_steps_is_not_held(store, directory, monkeypatch):
    import fcntl

    flock, removed = fcntl.flock, []

    def removing(descriptor, operation):
        if not removed:
            removed.append(True)
            os.unlink(directory / "v1" / "locks" / KEY)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", removing)
    with store.lock(KEY) as held:
        assert held
        assert files(directory) == [f"v1/locks/{KEY}"]
    assert removed == [True]


@on_linux
def test_a_child_does_not_keep_the_lock_of_its_killed_parent(store, start):
    program = f"""
with store.lock(KEY):
    child = os.fork()
    if child == 0:
        print(store.put(KEY, {HEADER!r}, {PAYLOAD!r}), os.getpid(), flush=True)
    time.sleep(100)
"""
    process = start(store.directory, program)
    stored, child = process.stdout.readline().split()
    process.kill()
    process.wait()
    try:
        store.wait = 30
        with store.lock(KEY) as held:
            assert held
    finally:
        os.kill(int(child), signal.SIGKILL)
    assert stored == "True"
    assert store.get(KEY) == (HEADER, PAYLOAD)


@on_linux
def test_a_child_waits_for_its_parent(store, start):
    program = """
with store.lock(KEY):
    child = os.fork()
    if child:
        print(os.wait()[1])
    else:
        store.wait = 0.05
        with store.lock(KEY) as held: print(held, flush=True)
if child:
    with store.lock(KEY) as held: print(held)
"""
    assert start(store.directory, program).communicate()[0] == "False\n0\nTrue\n"


@on_linux
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_drive_without_locks(store, monkeypatch, code):
    import fcntl

    monkeypatch.setattr(fcntl, "flock", raising(code))
    with store.lock(KEY) as held:
        assert held is False


def test_a_system_without_locks(store, tmp_path, monkeypatch):
    monkeypatch.setattr(_locks, "THERE_ARE_LOCKS", False)
    with store.lock(KEY) as held:
        assert held is False
    assert list(tmp_path.iterdir()) == []


def test_the_store_loads_no_numba(start, directory):
    program = "print(sorted({'numba', 'llvmlite', 'numpy'} & set(sys.modules)))"
    assert start(directory, program).communicate()[0] == "[]\n"
