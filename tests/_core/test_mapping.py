"""Mapped memory: a part of it twice in a row, given back when nobody uses it, copied when the process is forked."""

import copy
import ctypes
import errno
import gc
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jitkit._core import mapping
from jitkit._core.mapping import PAGE, Mapping, mapped, mirror_refusal, mirrored

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="looks into Linux's /proc")

# One thread of OpenBLAS: os.fork warns of others since Python 3.12.
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
BEGIN = """
import gc, os, resource, signal, sys, threading, traceback
import numpy as np
from jitkit._core import mapping
from jitkit._core.mapping import PAGE, mapped, mirrored

def used():
    gc.collect()
    with open("/proc/self/maps") as maps:
        return len(maps.readlines()), len(os.listdir("/proc/self/fd"))

def in_child(function):
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
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def in_new_process(code, *, options=("-W", "error"), begin=BEGIN):
    """What a script prints. It must end well, and leave stderr empty."""
    command = [sys.executable, "-X", "dev", *options, "-c", begin + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def own_mappings():
    """Places in this process's memory where files of ours are mapped."""
    return [line for line in Path("/proc/self/maps").read_text().splitlines() if "memfd:jitkit" in line]


def own_files():
    """Open descriptors of files of ours."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # that of the listing itself
            continue
        if "memfd:jitkit" in target:
            found.append(number)
    return found


@pytest.fixture
def no_leaks():
    gc.collect()
    before = own_mappings(), own_files()
    yield
    gc.collect()
    assert (own_mappings(), own_files()) == before


@pytest.fixture
def file():
    file = os.memfd_create("test")
    os.ftruncate(file, 3 * PAGE)
    yield file
    os.close(file)


class TestMirrored:
    def test_has_a_head_and_its_data_twice(self):
        memory = mirrored(PAGE, 2 * PAGE).array()
        assert (memory.shape, memory.dtype, memory.any()) == ((5 * PAGE,), np.uint8, False)
        memory[:] = 7  # the last write to a place is seen at both its addresses
        memory[:PAGE] = 1
        memory[PAGE : 3 * PAGE] = 2
        assert (memory[:PAGE] == 1).all()
        assert (memory[3 * PAGE :] == 2).all()
        memory[3 * PAGE] = 3
        memory[3 * PAGE - 1] = 4
        assert memory[PAGE] == 3
        assert memory[-1] == 4

    def test_lets_a_window_reach_across_the_end(self):
        data = mirrored(0, PAGE).array().view(np.int64)
        n = PAGE // 8
        data[:n] = np.arange(n)
        assert data[n - 3 : n + 3].tolist() == [n - 3, n - 2, n - 1, 0, 1, 2]

    def test_is_where_it_says(self):
        memory = mirrored(PAGE, PAGE)
        assert (memory.address % PAGE, memory.nbytes) == (0, 3 * PAGE)
        assert memory.array().ctypes.data == memory.address
        memory.array()[5] = 66
        assert ctypes.string_at(memory.address + 5, 1) == b"B"

    def test_has_its_memory_from_the_start(self):
        """Of memory that is only promised, touching what is not to be had ends the process."""
        files = []

        def look(address, head, data, file):
            files.append(os.fstat(file))
            lay_out(address, head, data, file)

        lay_out = mapping._lay_out
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mapping, "_lay_out", look)
            mirrored(PAGE, 1 << 20)
        assert files[0].st_size == 512 * files[0].st_blocks == PAGE + (1 << 20)

    @pytest.mark.parametrize(("head", "data"), [(1, PAGE), (PAGE - 1, PAGE), (-PAGE, PAGE)])
    def test_refuses_heads_that_are_no_pages(self, head, data):
        with pytest.raises(ValueError, match=rf"^expected a multiple of {PAGE} bytes for the head, got {head}$"):
            mirrored(head, data)

    @pytest.mark.parametrize("data", [0, 1, PAGE + 1, -PAGE])
    def test_refuses_data_that_are_no_pages(self, data):
        with pytest.raises(ValueError, match=rf"^expected a multiple of {PAGE} bytes for the data, got {data}$"):
            mirrored(PAGE, data)


class TestFiles:
    def test_are_shared_with_whoever_has_them(self, file):
        memory = mirrored(PAGE, 2 * PAGE, file).array()
        other = mapped(file, 3 * PAGE).array()
        memory[3 * PAGE] = 1  # the data's first byte, at its second address
        other[0] = 2
        assert os.pread(file, 1, PAGE) == b"\1"
        assert (memory[0], other[PAGE]) == (2, 1)

    def test_can_be_closed_once_mapped(self, file):
        second = os.dup(file)
        memory, other = mirrored(0, PAGE, second).array(), mapped(second, 10).array()
        os.close(second)
        memory[PAGE + 1] = 5
        assert other.tolist() == [0, 5] + [0] * 8

    @pytest.mark.usefixtures("no_leaks")
    def test_must_be_large_enough(self, file):
        for map_it in (lambda: mapped(file, 4 * PAGE), lambda: mirrored(2 * PAGE, 2 * PAGE, file)):
            with pytest.raises(ValueError, match=rf"^expected a file of at least {4 * PAGE} bytes, got {3 * PAGE}$"):
                map_it()
        os.fstat(file)  # is still open

    def test_must_be_open(self):
        with pytest.raises(OSError, match="Bad file descriptor"):
            mirrored(PAGE, PAGE, 10**6)


class TestLifetime:
    def test_lasts_as_long_as_a_view(self):
        memory = mirrored(0, PAGE)
        address = f"{memory.address:x}-"
        part = memory.array()[8:16].view(np.uint64)
        del memory
        gc.collect()
        assert any(line.startswith(address) for line in own_mappings())
        part[0] = 2**40
        assert part[0] == 2**40
        del part
        assert not any(line.startswith(address) for line in own_mappings())

    def test_leaves_nothing_behind_a_thousand_times(self):
        code = """
def make():
    memory = mirrored(PAGE, PAGE).array()
    memory[PAGE] = 1
    assert memory[2 * PAGE] == 1

make()
before = used()
for _ in range(1000):
    make()
print(before == used())
"""
        assert in_new_process(code) == "True\n"

    def test_makes_no_noise_when_python_ends(self):
        code = """
memory = mirrored(PAGE, PAGE)
array = memory.array()
class Cycle: pass
cycle = Cycle()
cycle.itself, cycle.array = cycle, mirrored(PAGE, PAGE).array()
sys.modules["kept"] = mirrored(PAGE, PAGE)
kept_in_a_default = lambda memory=mirrored(PAGE, PAGE): memory
class AtTheEnd:
    def __del__(self, array=array):
        array[PAGE] = 3
        assert array[2 * PAGE] == 3
at_the_end = AtTheEnd()
def write(array):
    while True:
        array[:] = 1
threading.Thread(target=write, args=(mirrored(PAGE, PAGE).array(),), daemon=True).start()
"""
        assert in_new_process(code) == ""

    @pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
    def test_is_not_copied(self, duplicate):
        memory = mirrored(0, PAGE)
        words = "^expected something that can be copied or pickled, got mapped memory"
        with pytest.raises(TypeError, match=words):
            duplicate(memory)
        assert duplicate(memory.array()) is not None


class TestRefusals:
    @pytest.mark.parametrize("nbytes", [1 << 46, 1 << 62, 1 << 63, 1 << 64, (1 << 64) + PAGE])
    @pytest.mark.usefixtures("no_leaks")
    def test_of_more_than_there_is(self, nbytes):
        with pytest.raises(OSError, match=r"cannot (map|reserve) [\d,]+ bytes: Cannot allocate memory") as caught:
            mirrored(0, nbytes)
        assert caught.value.errno == errno.ENOMEM

    @pytest.mark.parametrize(
        ("limit", "name"),
        [
            ("resource.RLIMIT_AS, used_now + (12 << 20)", "ENOMEM"),
            ("resource.RLIMIT_NOFILE, len(os.listdir('/proc/self/fd')) - 1", "EMFILE"),
            ("resource.RLIMIT_FSIZE, 1 << 20", "EFBIG"),
        ],
    )
    def test_by_a_limit_of_the_process(self, limit, name):
        code = f"""
import errno
mirrored(PAGE, PAGE)
with open("/proc/self/statm") as file:
    used_now = int(file.read().split()[0]) * PAGE
before = used()
which, soft = {limit}
_, hard = resource.getrlimit(which)
resource.setrlimit(which, (soft, hard))
for _ in range(3):
    try:
        mirrored(PAGE, 8 << 20)
    except OSError as error:
        print(errno.errorcode[error.errno], str(error.strerror).startswith("cannot "))
resource.setrlimit(which, (hard, hard))
print(before == used(), mirrored(PAGE, 8 << 20).nbytes)
"""
        assert in_new_process(code) == f"{name} True\n" * 3 + f"True {PAGE + (16 << 20)}\n"

    @pytest.mark.parametrize("call", range(1, 5))
    @pytest.mark.usefixtures("no_leaks")
    def test_of_any_piece(self, call, monkeypatch):
        """What there may be as much of, address space, and the two pieces."""
        calls, reserved = [], []
        map_piece = mapping._map

        def fail_once(address, nbytes, access, *others):
            calls.append(address)
            if len(calls) == call:
                raise mapping.refused("map it", errno.EPERM)
            found = map_piece(address, nbytes, access, *others)
            if not access:
                reserved.append(f"{found:x}-{found + nbytes:x} ---p")
            return found

        monkeypatch.setattr(mapping, "_map", fail_once)
        with pytest.raises(PermissionError, match=r"(map it|reserve 8,192 bytes): Operation not permitted"):
            mirrored(PAGE, PAGE)
        assert len(calls) == call
        assert len(reserved) == (call > 2)
        assert not any(place in Path("/proc/self/maps").read_text() for place in reserved)

    @pytest.mark.usefixtures("no_leaks")
    def test_of_a_system_that_forbids_it(self, monkeypatch):
        class Forbidding:
            mmap, munmap = mapping._library().mmap, mapping._library().munmap

            @staticmethod
            def memfd_create(_name, _flags):
                ctypes.set_errno(errno.EPERM)
                return -1

        monkeypatch.setattr(mapping, "_library", Forbidding)
        with pytest.raises(PermissionError, match="cannot get memory from memfd_create: Operation not permitted"):
            mirrored(PAGE, PAGE)
        mirror_refusal.cache_clear()
        assert mirror_refusal() == "cannot get memory from memfd_create: Operation not permitted"
        monkeypatch.undo()
        assert mirror_refusal() == "cannot get memory from memfd_create: Operation not permitted"  # it was tried once
        mirror_refusal.cache_clear()
        assert mirror_refusal() is None

    @pytest.mark.usefixtures("no_leaks")
    def test_of_the_seal_by_an_old_kernel_is_no_matter(self, monkeypatch):
        given = []

        class Old:
            mmap, munmap = mapping._library().mmap, mapping._library().munmap

            @staticmethod
            def memfd_create(name, flags):
                given.append(flags)
                if flags & ~3:
                    ctypes.set_errno(errno.EINVAL)
                    return -1
                return os.memfd_create(name.decode(), flags)

        monkeypatch.setattr(mapping, "_library", Old)
        assert mirrored(PAGE, PAGE).nbytes == 3 * PAGE
        assert given == [9, 1]

    def test_do_not_come_where_there_is_only_shared_memory(self, monkeypatch):
        class Lacking:
            mmap, munmap = mapping._library().mmap, mapping._library().munmap

        monkeypatch.setattr(mapping, "_library", Lacking)
        before = set(os.listdir("/dev/shm"))
        memory = mirrored(PAGE, PAGE).array()
        memory[PAGE] = 9
        assert memory[2 * PAGE] == 9
        assert not any(name.startswith("jitkit-") and name not in before for name in os.listdir("/dev/shm"))

    def test_of_a_system_without_mappings(self, monkeypatch):
        monkeypatch.delattr("mmap.MAP_SHARED")
        mapping._library.cache_clear()
        try:
            with pytest.raises(OSError, match=f"expected a POSIX system to map memory, got {sys.platform}") as caught:
                mirrored(PAGE, PAGE)
        finally:
            monkeypatch.undo()
            mapping._library.cache_clear()
        assert caught.value.errno == errno.ENOSYS

    def test_of_a_system_that_maps_copies(self, monkeypatch):
        monkeypatch.setattr(mapping, "SHARED", mapping.PRIVATE)
        mirror_refusal.cache_clear()
        assert mirror_refusal() == "the system maps copies where it should map the same memory"
        mirror_refusal.cache_clear()


class TestFork:
    def test_gives_the_child_a_copy_of_its_own(self):
        code = """
memory = mirrored(PAGE, PAGE)
array = memory.array()
window = array[2 * PAGE - 2 : 2 * PAGE + 2]
array[0], window[:] = 50, (1, 2, 3, 4)
go_r, go_w = os.pipe()

def child():
    os.read(go_r, 1)  # the parent has written meanwhile
    assert array[0] == 50 and window.tolist() == [1, 2, 3, 4], window.tolist()
    array[2 * PAGE] = 30
    assert array[PAGE] == 30  # there are still two views of the same
    array[:] = 9
    assert in_child(lambda: int(array[PAGE])) == 9  # and so on
    return 7

pid = os.fork()
if pid == 0:
    signal.alarm(60)
    os._exit(child())
window[:] = 100
array[0] = 100
os.write(go_w, b"x")
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
print(array[0], window.tolist(), mapping._copies)
"""
        assert in_new_process(code) == "100 [100, 100, 100, 100] {}\n"

    def test_copies_what_is_alive_and_leaves_no_files(self):
        code = """
arrays = [mirrored(PAGE, PAGE).array() for _ in range(20)]
for i in range(20):
    arrays[i][:] = i
before = used()

def child():
    assert used() == before, (used(), before)
    total = sum(int(array[-1]) for array in arrays)
    arrays.clear()
    gc.collect()
    with open("/proc/self/maps") as maps:
        assert "memfd" not in maps.read()
    return total

print(in_child(child), before == used())
del arrays[5:]
before = used()
print(in_child(child), len(mapping._mirrors))
"""
        assert in_new_process(code) == "190 True\n10 5\n"

    def test_leaves_files_shared(self):
        code = """
file = os.memfd_create("test")
os.ftruncate(file, 2 * PAGE)
twice, once = mirrored(PAGE, PAGE, file).array(), mapped(file, 2 * PAGE).array()

def child():
    twice[2 * PAGE] = 5
    once[0] = 6
    return 0

print(in_child(child), once[PAGE], twice[0])
"""
        assert in_new_process(code) == "0 5 6\n"

    def test_takes_the_memory_away_where_it_cannot_be_copied(self):
        code = """
array = mirrored(PAGE, PAGE).array()
array[0] = 1
def refuse(*_): raise mapping.refused("get it", 12)
mapping._copy = refuse
os.dup2(1, 2)  # what Python says of the failure goes to stdout
print(in_child(lambda: 0), flush=True)
import faulthandler
faulthandler.disable()
for touch in (lambda: int(array[0]), lambda: int(array[PAGE]), lambda: int(array[3 * PAGE - 1])):
    print(in_child(touch) == -signal.SIGSEGV, flush=True)
print(array[0])
"""
        said = in_new_process(code).splitlines()
        words = "expected a copy of mirrored memory in a forked process, got none: [Errno 12] cannot get it"
        assert sum(words in line for line in said) == 4
        assert [line for line in said if line in ("0", "1", "True", "False")] == ["0", "True", "True", "True", "1"]

    def test_tries_again_in_the_child(self):
        code = """
array = mirrored(PAGE, PAGE).array()
array[0] = 1
make_copy, here = mapping._copy, os.getpid()
def refuse(*arguments):
    if os.getpid() == here:
        raise mapping.refused("get it", 12)
    return make_copy(*arguments)
mapping._copy = refuse
def child():
    array[0] += 1
    return int(array[0])
print(in_child(child), array[0])
"""
        assert in_new_process(code) == "2 1\n"

    def test_goes_well_in_many_threads(self):
        code = """
arrays = [mirrored(PAGE, 16 * PAGE).array() for _ in range(4)]
for array in arrays:
    array[:] = 3
before = used()

def child():
    for array in arrays:
        array[:] = 4
    return int(arrays[0][PAGE])

codes = []
def fork():
    for _ in range(10):
        mirrored(PAGE, PAGE)
        codes.append(in_child(child))

threads = [threading.Thread(target=fork) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(codes == [4] * 60, all((array == 3).all() for array in arrays), mapping._copies, used()[1] == before[1])
"""
        # Python warns of it, but does it.
        assert in_new_process(code, options=("-W", "ignore::DeprecationWarning")) == "True True {} True\n"

    def test_closes_what_other_threads_have_ready(self):
        code = """
file = os.memfd_create("test")
mapping._copies[1] = {mirrored(PAGE, PAGE): file}  # as by a thread that was about to fork

def child():
    try:
        os.fstat(file)
    except OSError:
        return 0 if not mapping._copies else 1

print(in_child(child), mapping._copies[1].popitem()[1] == file, os.fstat(file).st_size)
"""
        assert in_new_process(code) == "0 True 0\n"

    def test_is_not_what_other_programs_start_with(self):
        code = """
import subprocess
array = mirrored(PAGE, PAGE).array()
def refuse(*_): raise AssertionError("nobody needs a copy")
mapping._copy = refuse
done = subprocess.run(["ls", "-l", "/proc/self/fd"], capture_output=True, text=True, close_fds=False)
print("memfd" in done.stdout, done.returncode)
"""
        assert in_new_process(code) == "False 0\n"


def test_mirrors_here():
    assert mirror_refusal() is None


def test_needs_no_numba():
    code = "import sys; import jitkit._core.shared_memory; print({'numba', 'llvmlite'} & sys.modules.keys())"
    assert in_new_process(code, begin="") == "set()\n"


def test_is_what_numpy_takes():
    memory = mirrored(0, PAGE)
    assert np.asarray(memory).base is memory
    assert isinstance(memory.array().base, Mapping)
