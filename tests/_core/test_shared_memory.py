"""Shared memory with a name: made, found, left by the killed, and refused while that can still be said."""

import ctypes
import errno
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jitkit._core import mapping, shared_memory
from jitkit._core.mapping import PAGE, _allocate, mirrored, reserve
from jitkit._core.shared_memory import LONGEST_NAME, attach, create, created, exists, opened, unlink

SHM = Path("/dev/shm")
pytestmark = pytest.mark.skipif(not SHM.is_dir(), reason="looks into Linux's /dev/shm")

BEGIN = """
import errno, os, resource, signal, sys, traceback
import numpy as np
from jitkit._core import mapping, shared_memory
from jitkit._core.mapping import PAGE
from jitkit._core.shared_memory import attach, create, created, exists, opened, unlink
name = sys.argv[1]

def start(function):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        code = 99
        try:
            code = function()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid

def end_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def in_new_process(code, name, *, before=()):
    """What a script prints. It must end well, and leave stderr empty."""
    command = [*before, sys.executable, "-X", "dev", "-W", "error", "-c", BEGIN + code, name]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # os.fork warns of other threads since Python 3.12
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


numbers = itertools.count()


@pytest.fixture
def name():
    name = f"jitkit-test-{os.getpid()}-{next(numbers)}"
    yield name
    (SHM / name).unlink(missing_ok=True)


class TestCreateAndAttach:
    def test_show_the_same_memory(self, name):
        memory = create(name, 100)
        array, other = memory.array(), attach(name).array()
        assert (memory.nbytes, other.size, other.any()) == (100, 100, False)
        array[3] = 5
        other[99] = 6
        assert (other[3], array[99]) == (5, 6)
        assert array.ctypes.data != other.ctypes.data

    def test_show_it_to_other_processes_which_end_in_peace(self, name):
        """`multiprocessing` would unlink it now, and say that it leaked."""
        array = create(name, 8).array()
        array[:] = range(8)
        code = """
array = attach(name, 8).array()
print(array.tolist())
array[0] = 100
"""
        assert in_new_process(code, name) == "[0, 1, 2, 3, 4, 5, 6, 7]\n"
        assert (array[0], exists(name)) == (100, True)

    def test_share_it_with_forked_processes(self, name):
        code = """
array = create(name, 8).array()
def child():
    array[1] = 4
    return 0
print(end_of(start(child)), array[1])
"""
        assert in_new_process(code, name) == "0 4\n"

    def test_are_for_this_user_only(self, name):
        umask = os.umask(0)
        try:
            create(name, 1)
        finally:
            os.umask(umask)
        assert (SHM / name).stat().st_mode & 0o777 == 0o600

    def test_reserve_all_of_it(self, name):
        create(name, (3 << 20) + 5)
        status = (SHM / name).stat()
        assert status.st_size == (3 << 20) + 5
        assert 512 * status.st_blocks >= status.st_size

    def test_reserve_it_in_spite_of_signals(self, name, monkeypatch):
        """On Linux before 6.11, where a call that takes long is undone by every signal."""
        calls = []

        class Interrupted:
            mmap, munmap = mapping._library().mmap, mapping._library().munmap

            @staticmethod
            def fallocate(file, mode, start, nbytes):
                calls.append(start)
                assert len(calls) < 100
                if len(calls) % 2 or nbytes > 2 << 20:
                    ctypes.set_errno(errno.EINTR)
                    return -1
                return library.fallocate(file, mode, start, nbytes)

        library = mapping._library()
        monkeypatch.setattr(mapping, "_library", Interrupted)
        create(name, 16 << 20)
        assert 512 * (SHM / name).stat().st_blocks == 16 << 20

    def test_reserve_it_where_there_is_only_what_posix_has(self, name, monkeypatch):
        class Plain:
            mmap, munmap = mapping._library().mmap, mapping._library().munmap

        monkeypatch.setattr(mapping, "_library", Plain)
        create(name, 3 << 20).array()[-1] = 1
        assert 512 * (SHM / name).stat().st_blocks == 3 << 20

    def test_size_it_where_nothing_reserves(self, name, monkeypatch):
        """As on macOS."""
        monkeypatch.delattr(os, "posix_fallocate")
        create(name, 3 << 20).array()[-1] = 1
        assert create(name, 1, exist_ok=True).array()[-1] == 1
        assert (SHM / name).stat().st_size == 3 << 20

    def test_can_be_mirrored(self, name):
        with created(name, 3 * PAGE) as file:
            one = mirrored(PAGE, 2 * PAGE, file).array()
            assert not os.get_inheritable(file)
        with opened(name, 3 * PAGE) as file:
            assert not os.get_inheritable(file)
            other = mirrored(PAGE, 2 * PAGE, file).array()
        one[-1] = 3
        assert (other[3 * PAGE - 1], other[-1], attach(name).array()[-1]) == (3, 3, 3)

    def test_leave_nothing_behind_a_thousand_times(self, name):
        code = """
def used():
    with open("/proc/self/maps") as maps:
        return len(maps.readlines()), len(os.listdir("/proc/self/fd"))

def make():
    array = create(name, PAGE).array()
    attach(name).array()[1] = 3
    unlink(name)
    assert array[1] == 3

make()
before = used()
for _ in range(1000):
    make()
print(before == used())
"""
        assert in_new_process(code, name) == "True\n"


class TestNames:
    @pytest.mark.parametrize("start", ["", "a b.c", "é" * 99, "...", "-", "x" * LONGEST_NAME])
    def test_can_be_anything_else(self, start, name):
        given = start[: LONGEST_NAME - len(name)] + name
        create(given, 1)
        try:
            assert exists(given)
            assert (SHM / given).stat().st_size == 1
        finally:
            unlink(given)
        assert not exists(given)

    @pytest.mark.parametrize(
        ("given", "got"),
        [
            ("", "''"),
            (".", r"'\.'"),
            ("..", r"'\.\.'"),
            ("/telemetry", "'/telemetry'"),
            ("a/b", "'a/b'"),
            ("a\0b", r"'a\\x00b'"),
            ("\udc80", r"'\\udc80'"),
            ("x" * (LONGEST_NAME + 1), f"{LONGEST_NAME + 1} bytes"),
            ("é" * LONGEST_NAME, f"{2 * LONGEST_NAME} bytes"),
        ],
    )
    @pytest.mark.parametrize("call", [lambda name: create(name, 1), attach, unlink, exists])
    def test_are_refused_where_no_memory_can_have_them(self, call, given, got):
        wanted = f"expected a name for shared memory of 1 to {LONGEST_NAME} bytes without slash or NUL"
        with pytest.raises(ValueError, match=f"^{wanted}, got {got}$"):
            call(given)

    @pytest.mark.parametrize("given", [None, 3, b"telemetry", Path("telemetry")])
    def test_are_text(self, given):
        with pytest.raises(TypeError, match=r"^expected a name for shared memory"):
            create(given, 1)

    def test_last_until_they_are_unlinked(self, name):
        assert not exists(name)
        array = create(name, 8).array()
        array[0] = 1
        assert exists(name)
        unlink(name)
        assert not exists(name)
        other = create(name, 8).array()  # another memory of the same name
        assert (array[0], other[0]) == (1, 0)

    @pytest.mark.parametrize("call", [attach, unlink])
    def test_are_missed(self, call, name):
        with pytest.raises(FileNotFoundError, match=f"expected shared memory '{name}', got none of that name$"):
            call(name)

    def test_are_taken_once(self, name):
        array = create(name, 8).array()
        array[0] = 1
        with pytest.raises(FileExistsError, match=f"expected no shared memory '{name}' yet, got one: attach to it"):
            create(name, 8)
        assert attach(name).array()[0] == 1

    def test_of_another_user_are_there(self, name):
        if os.getuid() != 0:
            pytest.skip("needs root, to be somebody else")
        create(name, 8)
        code = """
def child():
    os.setuid(65534)
    for open_it in (lambda: attach(name), lambda: create(name, 8, exist_ok=True)):
        try:
            open_it()
        except PermissionError as error:
            assert error.strerror == f"cannot open shared memory {name!r}: Permission denied", error
        else:
            return 1
    return 7 if exists(name) else 2
print(end_of(start(child)))
"""
        assert in_new_process(code, name) == "7\n"


class TestExistOk:
    def test_takes_what_is_there(self, name):
        array = create(name, 2 * PAGE, exist_ok=True).array()
        array[:] = 3
        for nbytes in (2 * PAGE, 10):
            other = create(name, nbytes, exist_ok=True).array()
            assert (other.size, (other == 3).all()) == (2 * PAGE, True)

    def test_makes_it_larger(self, name):
        array = create(name, PAGE).array()
        array[:] = 3
        other = create(name, 3 * PAGE, exist_ok=True).array()
        array[0] = 4
        assert (other[0], other[PAGE - 1], other[PAGE:].any(), other.size) == (4, 3, False, 3 * PAGE)
        status = (SHM / name).stat()
        assert 512 * status.st_blocks == status.st_size == 3 * PAGE

    def test_leaves_it_there_when_it_cannot_be_larger(self, name):
        create(name, PAGE).array()[0] = 3
        with pytest.raises(OSError, match=f"cannot reserve 17,592,186,044,416 bytes for shared memory '{name}': "):
            create(name, 1 << 44, exist_ok=True)
        assert attach(name).array()[0] == 3

    def test_of_many_at_once_gives_one_memory(self, name):
        code = """
def child(i):
    for round in range(50):
        array = create(f"{name}-{round}", 3 << (10 + i), exist_ok=True).array()
        assert array.size >= 3 << (10 + i)
        array[i] = i + 1
        array[-1] |= 1  # is there to be touched
    return i

pids = [start(lambda: child(i)) for i in range(4)]
assert [end_of(pid) for pid in pids] == [0, 1, 2, 3]
for round in range(50):
    array = attach(f"{name}-{round}").array()
    assert (array.size, array[:5].tolist()) == (3 << 13, [1, 2, 3, 4, 0]), array[:5]
    unlink(f"{name}-{round}")
print("done")
"""
        assert in_new_process(code, name) == "done\n"

    def test_is_not_the_default_one_process_wins(self, name):
        code = """
def child(round):
    try:
        create(f"{name}-{round}", 64)
    except FileExistsError:
        return 1
    return 0

for round in range(30):
    pids = [start(lambda: child(round)) for _ in range(4)]
    assert sorted(end_of(pid) for pid in pids) == [0, 1, 1, 1]
    unlink(f"{name}-{round}")
print("done")
"""
        assert in_new_process(code, name) == "done\n"

    def test_gives_up_where_the_name_comes_and_goes(self, name, monkeypatch):
        def come_and_go(_path, flags, **_):
            raise FileExistsError(errno.EEXIST, "") if flags & os.O_CREAT else FileNotFoundError(errno.ENOENT, "")

        class Restless:
            shm_open = staticmethod(come_and_go)

        monkeypatch.setattr(shared_memory, "_posixshmem", Restless)
        with pytest.raises(OSError, match=f"cannot create shared memory '{name}'"):
            create(name, 8, exist_ok=True)


class TestUnfinishedMemory:
    """Whoever makes memory can be killed meanwhile, or watched."""

    def test_of_a_killed_process(self, name):
        code = """
def kill_at(call):
    calls, allocate = [], mapping._allocate
    def step(*arguments):
        calls.append(arguments)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        allocate(*arguments)
    mapping._allocate = step
    create(name, 3 << 20)
    return 0

for call in (1, 3):
    assert end_of(start(lambda: kill_at(call))) == -signal.SIGKILL
    try:
        attach(name)
    except ValueError as error:
        print(str(error).replace(name, "NAME"))
    try:
        create(name, 3 << 20)
    except FileExistsError:
        print("is there")
    array = create(name, 3 << 20, exist_ok=True).array()
    array[:] = 1
    print(array.size)
    unlink(name)
"""
        refusal = "expected shared memory 'NAME' of at least 1 bytes, got 0: whoever made it has died or only begun"
        assert in_new_process(code, name).splitlines() == 2 * [f"{refusal}; it can be unlinked", "is there", "3145728"]

    def test_is_waited_for_while_it_is_reserved(self, name, monkeypatch):
        with created(name, 1) as file:
            os.ftruncate(file, 0)

            class Clock:
                now = steps = 0

                def monotonic(self):
                    return self.now

                def sleep(self, _):
                    self.now += 0.9 * shared_memory.PATIENCE
                    if self.steps < 4:
                        _allocate(file, self.steps * PAGE, PAGE)
                    else:
                        reserve(file, 5 * PAGE)
                    self.steps += 1

            monkeypatch.setattr(shared_memory, "time", Clock())
            assert attach(name).nbytes == 5 * PAGE

    def test_has_no_size_before_it_is_all_there(self, name, monkeypatch):
        sizes = []

        def look(file, start, nbytes):
            sizes.append(os.fstat(file).st_size)
            _allocate(file, start, nbytes)

        monkeypatch.setattr(mapping, "_allocate", look)
        create(name, (2 << 20) + 1)
        assert sizes == [0, 0, 0]
        create(name, 3 << 20, exist_ok=True)
        assert sizes == [0] * 3 + [(2 << 20) + 1] * 3

    @pytest.mark.parametrize("at_least", [1, 100])
    def test_is_never_mapped_while_it_has_no_size(self, name, at_least):
        with created(name, 1) as file:
            os.ftruncate(file, 0)
            with pytest.raises(ValueError, match=f"of at least {at_least} bytes, got 0: whoever made it has died or"):
                attach(name, at_least)

    def test_is_refused_where_it_is_too_small(self, name):
        create(name, 99)
        with pytest.raises(ValueError, match=f"^expected shared memory '{name}' of at least 100 bytes, got 99$"):
            attach(name, 100)


class TestRefusals:
    """After each, there is no memory of that name, and no file is open."""

    @pytest.fixture(autouse=True)
    def nothing_is_left(self, name):
        yield
        assert not exists(name)
        links = [os.path.join("/proc/self/fd", number) for number in os.listdir("/proc/self/fd")]
        assert not any(name in os.readlink(link) for link in links if os.path.lexists(link))

    @pytest.mark.parametrize("nbytes", [0, -1])
    def test_of_sizes(self, name, nbytes):
        with pytest.raises(ValueError, match=f"^expected shared memory '{name}' of at least 1 byte, got {nbytes}$"):
            create(name, nbytes)

    def test_of_more_than_there_is(self, name):
        with pytest.raises(OSError, match=f"cannot reserve 17,592,186,044,416 bytes for shared memory '{name}'"):
            create(name, 1 << 44)

    def test_of_more_than_a_small_device_has(self, name):
        """Said at once, where `ftruncate` alone would have the process killed when it touches the memory."""
        inside = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec "$@"', "sh"]
        if os.getuid() != 0 or subprocess.run([*inside, "true"], capture_output=True).returncode:
            pytest.skip("needs root, to mount a small /dev/shm")
        code = """
kept = create(name, 40 << 10).array()
taken, allocate = [], mapping._allocate
def take(*arguments):
    taken.append(arguments)
    allocate(*arguments)
mapping._allocate = take
for ask_first in (True, False):  # what is free, or it is found out
    if not ask_first:
        os.fstatvfs = lambda file: os.statvfs_result([0] * 11)
    try:
        create(name + "-more", 40 << 10)
    except OSError as error:
        print(errno.errorcode[error.errno], error.strerror.endswith("-more': No space left on device"), len(taken))
    assert os.listdir("/dev/shm") == [name]
with created(name + "-more", 1) as file:
    os.ftruncate(file, 40 << 10)  # a promise
    array = mapping.mapped(file, 40 << 10).array()
def touch():
    import faulthandler
    faulthandler.disable()
    array[:] = 1
    return 0
print(end_of(start(touch)) == -signal.SIGBUS)
kept[:] = 1
"""
        assert in_new_process(code, name, before=inside) == "ENOSPC True 0\nENOSPC True 1\nTrue\n"

    def test_by_a_limit_of_the_process(self, name):
        code = """
def limit(which, soft):
    resource.setrlimit(which, (soft, resource.getrlimit(which)[1]))
limit(resource.RLIMIT_FSIZE, 2 << 20)
for _ in range(2):
    try:
        create(name, 5 << 20)
    except OSError as error:
        print(errno.errorcode[error.errno])
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * PAGE
limit(resource.RLIMIT_AS, used + (1 << 20))
try:
    create(name, 2 << 20)
except OSError as error:
    print(errno.errorcode[error.errno], exists(name))
"""
        assert in_new_process(code, name) == "EFBIG\nEFBIG\nENOMEM False\n"

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_by_whoever_made_it(self, name, error):
        def fail():
            with created(name, 8):
                assert exists(name)
                raise error

        with pytest.raises(error):
            fail()

    def test_of_a_system_without_it(self, name, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(shared_memory, "_posixshmem", None)
            for call in (lambda name: create(name, 1), attach, unlink, exists):
                with pytest.raises(OSError, match=f"expected a system with shm_open .*, got {sys.platform}") as caught:
                    call(name)
                assert caught.value.errno == errno.ENOSYS


def test_nameless_files_have_no_name():
    before = set(os.listdir(SHM))
    file = shared_memory.nameless_file()
    try:
        reserve(file, 8)
        os.pwrite(file, np.int64(7).tobytes(), 0)
        assert os.pread(file, 8, 0) == np.int64(7).tobytes()
        assert not any(found.startswith("jitkit-") and len(found) == 23 for found in set(os.listdir(SHM)) - before)
        assert "(deleted)" in os.readlink(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
