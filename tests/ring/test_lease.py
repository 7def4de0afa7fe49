"""Who has an end of a shared ring: one process that lives, whoever was killed before."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from jitkit._core.mapping import PAGE
from jitkit._core.shared_memory import create
from jitkit.errors import JitkitError
from jitkit.ring import _lease
from jitkit.ring._lease import EPOCH, OWNER, WORDS, give_back, is_alive, take

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into Linux's /proc"),
]

BEGIN = """
import mmap, os, signal, sys, time, traceback
import numpy as np
from jitkit._core import shared_memory
from jitkit.errors import JitkitError
from jitkit.ring import _lease
from jitkit.ring._lease import WORDS, give_back, is_alive, take

def shared():
    return np.frombuffer(mmap.mmap(-1, mmap.PAGESIZE), np.uint64)  # shared with forked processes

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


def command(code, *arguments):
    return [sys.executable, "-W", "error", "-c", BEGIN + code, *arguments]


def in_new_process(code, *arguments):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # os.fork warns of other threads since Python 3.12
    done = subprocess.run(command(code, *arguments), capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def owner_of(process, *, later=0, namespace=None):
    """What the word of a process must be; ``later`` by so many ticks."""
    start = int(Path(f"/proc/{process}/stat").read_text().split(")")[-1].split()[19]) + later
    namespace = os.stat("/proc/self/ns/pid").st_ino if namespace is None else namespace
    return (process << 42) + (namespace % 2**20 << 22) + start % 2**22


def lease_of(owner, epoch=1):
    return np.array([owner, epoch], np.uint64)


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def words():
    return np.zeros(WORDS, np.uint64)


@pytest.fixture
def sleeper(tmp_path):
    """Start a program that sleeps, under any name."""
    started = []

    def start(name="sleeper"):
        program = tmp_path / name
        program.symlink_to("/bin/sleep")
        started.append(subprocess.Popen([program, "60"]))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


class TestALease:
    def test_is_taken_once_and_given_back(self, words):
        assert not is_alive(words)
        assert take(words, "producer", "telemetry") == 1
        assert words.tolist() == [owner_of(os.getpid()), 1]
        assert is_alive(words)
        assert give_back(words, 1)
        assert words.tolist() == [0, 1]
        assert not is_alive(words)
        assert take(words, "producer", "telemetry") == 2

    def test_is_refused_to_this_process_too(self, words):
        take(words, "consumer", "telemetry")
        expected = rf"^expected no other consumer of 'telemetry', got one that lives: this process \({os.getpid()}\)$"
        with pytest.raises(JitkitError, match=expected):
            take(words, "consumer", "telemetry")
        assert words[EPOCH] == 1

    def test_is_refused_while_its_owner_lives(self, sleeper):
        process = sleeper().pid
        words = lease_of(owner_of(process), 7)
        assert is_alive(words)
        expected = f"^expected no other producer of 'telemetry', got one that lives: process {process}$"
        with pytest.raises(JitkitError, match=expected):
            take(words, "producer", "telemetry")
        assert words.tolist() == [owner_of(process), 7]

    def test_is_given_back_by_its_owner_alone(self, words, sleeper):
        other = lease_of(owner_of(sleeper().pid), 7)
        assert not give_back(other, 7)
        assert is_alive(other)
        first = take(words, "producer", "telemetry")
        give_back(words, first)
        second = take(words, "producer", "telemetry")
        assert not give_back(words, first)  # by who had it before, in this process
        assert is_alive(words)
        assert give_back(words, second)
        assert not give_back(words, second)

    def test_can_lie_among_other_words(self):
        block = np.full(8, 9, np.uint64)
        block[2:4] = 0
        assert take(block[2:], "producer", "telemetry") == 1
        assert block.tolist() == [9, 9, owner_of(os.getpid()), 1, 9, 9, 9, 9]


class TestADeadOwner:
    def test_loses_it_at_once(self):
        """Killed while it had the lease: before its parent has asked how it ended, and after."""
        name = f"jitkit-test-{os.getpid()}-lease"
        words = create(name, PAGE).array().view(np.uint64)
        code = """
words = shared_memory.attach(sys.argv[1]).array().view(np.uint64)
print(take(words, "producer", "telemetry"), flush=True)
time.sleep(60)
"""
        try:
            process = subprocess.Popen(command(code, name), stdout=subprocess.PIPE)
            with process:
                assert process.stdout.readline() == b"1\n"
                assert is_alive(words)
                assert words[OWNER] == owner_of(process.pid)
                with pytest.raises(JitkitError, match=f"got one that lives: process {process.pid}$"):
                    take(words, "producer", "telemetry")
                process.kill()
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # from now on a zombie
                zombie = words.copy()
                assert Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "Z"
                assert not is_alive(zombie)
                assert take(words, "producer", "telemetry") == 2
                assert is_alive(words)
            assert not is_alive(zombie)  # by now, there is no such process
            assert take(zombie, "producer", "telemetry") == 2
        finally:
            (Path("/dev/shm") / name).unlink()

    @pytest.mark.parametrize("later", [-1, 1, 2**21])
    def test_is_not_taken_for_a_later_process_of_its_id(self, sleeper, later):
        words = lease_of(owner_of(sleeper().pid, later=later), 4)
        assert not is_alive(words)
        assert take(words, "producer", "telemetry") == 5
        assert words[OWNER] == owner_of(os.getpid())

    def test_may_have_had_the_id_of_this_process(self):
        words = lease_of(owner_of(os.getpid(), later=-1), 4)
        assert not give_back(words, 4)
        assert take(words, "producer", "telemetry") == 5

    @pytest.mark.parametrize("name", ["a b", "a) Z 1 (b", "(", ")", ") Z", "Z Z Z"])
    def test_is_not_who_only_has_a_strange_name(self, sleeper, name):
        process = sleeper(name)
        until(lambda: f"({name})" in Path(f"/proc/{process.pid}/stat").read_text())
        assert is_alive(lease_of(owner_of(process.pid)))
        assert not is_alive(lease_of(owner_of(process.pid, later=1)))

    def test_is_not_who_only_lost_its_first_thread(self):
        """Such a process has the state of a zombie, and other threads that write."""
        code = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).pthread_exit(0)
"""
        with subprocess.Popen([sys.executable, "-c", code]) as process:
            until(lambda: Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "Z")
            words = lease_of(owner_of(process.pid))
            assert is_alive(words)
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            assert not is_alive(words)


class TestOtherPlaces:
    def test_in_another_pid_namespace_nobody_can_tell(self, sleeper):
        process = sleeper()
        words = lease_of(owner_of(process.pid, namespace=os.stat("/proc/self/ns/pid").st_ino + 1))
        process.kill()
        process.wait()
        assert is_alive(words)
        with pytest.raises(JitkitError) as caught:
            take(words, "producer", "telemetry")
        assert str(caught.value) == (
            "expected no other producer of 'telemetry', got one that may live: "
            f"process {process.pid} of another pid namespace, which cannot be seen from this one"
        )

    def test_a_real_namespace_is_another_one(self):
        """In it, ids begin at 1 again, and `/proc` may be still the outer one."""
        if os.getuid() != 0 or subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True).returncode:
            pytest.skip("needs root, to make a pid namespace")
        code = "from jitkit.ring import _lease; import os; print(os.getpid(), _lease._self(), _lease._state(1))"
        given = [["unshare", "--pid", "--fork", *how, sys.executable, "-c", code] for how in ([], ["--mount-proc"])]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in given]
        for process, has_proc in zip(running, (False, True), strict=True):
            number, owner, state = process.communicate(timeout=60)[0].split(maxsplit=2)
            parts = _lease._parts(int(owner))
            assert number == "1"
            assert parts[0] == 1
            assert parts[1] not in (0, os.stat("/proc/self/ns/pid").st_ino % 2**20)
            assert (parts[2] != 0) == has_proc
            assert (state.strip() != "None") == has_proc
            assert is_alive(lease_of(int(owner)))

    def test_without_proc_only_the_id_counts(self, words, sleeper, monkeypatch):
        """As on macOS."""
        process = sleeper()
        later = owner_of(process.pid, later=1, namespace=0)

        def missing(path, **_):
            raise FileNotFoundError(path)

        _lease.replace(words, 0, 0)  # numba looks at files when it compiles
        with monkeypatch.context() as patch:
            for function in ("stat", "readlink"):
                patch.setattr(os, function, missing)
            assert take(words, "producer", "telemetry") == 1
            assert words[OWNER] == os.getpid() << 42
            assert is_alive(words)
            assert is_alive(lease_of(process.pid << 42))
            assert is_alive(lease_of(later))  # may be another one of that id
            process.kill()
            process.wait()
            assert not is_alive(lease_of(process.pid << 42))
            assert give_back(words, 1)

    def test_processes_of_others_live(self, monkeypatch):
        def forbid(process, number):
            assert (process, number) == (2**22 - 1, 0)
            raise PermissionError

        namespace = os.stat("/proc/self/ns/pid").st_ino % 2**20
        with monkeypatch.context() as patch:
            patch.setattr(os, "kill", forbid)
            assert is_alive(lease_of((2**22 - 1 << 42) + (namespace << 22) + 5))


class TestAtTheSameTime:
    def test_one_of_many_processes_gets_it(self):
        code = """
words = shared()
give_back(words, take(words, "producer", "warm-up"))
def child():
    while not words[10]:
        os.sched_yield()
    try:
        epoch = take(words, "producer", "telemetry")
    except JitkitError:
        return 0
    while not words[11]:  # alive until all have tried
        os.sched_yield()
    return epoch

assert end_of(start(lambda: take(words, "producer", "telemetry"))) == 2
for round in range(25):
    words[10:12] = 0
    pids = [start(child) for _ in range(3)]
    words[10] = 1
    codes = []
    for _ in range(2):  # those that were refused end first
        pid, status = os.wait()
        codes.append(os.waitstatus_to_exitcode(status))
        pids.remove(pid)
    words[11] = 1
    codes.append(end_of(pids[0]))
    assert codes == [0, 0, round + 3], codes
print("done")
"""
        assert in_new_process(code) == "done\n"

    def test_whoever_comes_first_has_it(self, sleeper, monkeypatch):
        """Another process takes a dead one's lease while this one still looks at it."""
        process, dead = sleeper(), owner_of(os.getpid(), later=-1)
        words, replace = lease_of(dead), _lease.replace

        def too_late(words, old, new):
            assert old == dead
            words[OWNER] = owner_of(process.pid)
            return replace(words, old, new)

        with monkeypatch.context() as patch:
            patch.setattr(_lease, "replace", too_late)
            with pytest.raises(JitkitError, match=f"got one that lives: process {process.pid}$"):
                take(words, "producer", "telemetry")
        assert words.tolist() == [owner_of(process.pid), 1]

    def test_nobody_writes_over_what_another_has_written(self):
        code = """
words = shared()
assert _lease.replace(words, 0, 0) and not _lease.replace(words, 1, 2)
def child():
    while not words[10]:
        os.sched_yield()
    for _ in range(10_000):
        while not _lease.replace(words, old := int(words[0]), old + 1):
            pass
    return 0
pids = [start(child) for _ in range(3)]
words[10] = 1
print([end_of(pid) for pid in pids], words[0])
"""
        assert in_new_process(code) == "[0, 0, 0] 30000\n"

    def test_one_of_many_threads_gets_it(self, words):
        epochs, refusals = [], []
        ready = threading.Barrier(8)

        def run():
            ready.wait()
            try:
                epochs.append(take(words, "producer", "telemetry"))
            except JitkitError as error:
                refusals.append(str(error))

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (epochs, len(refusals)) == ([1], 7)

    def test_forked_processes_do_not_have_what_their_parent_has(self):
        code = """
words = shared()
epoch = take(words, "producer", "telemetry")
def child():
    assert not give_back(words, epoch)
    try:
        take(words, "producer", "telemetry")
    except JitkitError as error:
        assert str(error).endswith(f"lives: process {os.getppid()}"), error
        return 5
    return 6
print(end_of(start(child)), is_alive(words), give_back(words, epoch))
"""
        assert in_new_process(code) == "5 True True\n"

    def test_killed_at_any_line_it_can_be_taken_again(self):
        code = """
words = shared()
epoch = take(words, "producer", "warm-up")
give_back(words, epoch)

def child(killed_at):
    lines = 0
    def at_line(frame, event, argument):
        nonlocal lines
        if frame.f_code.co_filename != _lease.__file__:
            return None
        lines += 1
        if lines == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return at_line
    sys.settrace(at_line)
    given_back = give_back(words, take(words, "producer", "telemetry"))
    sys.settrace(None)
    return 0 if given_back else 1

left = []
while True:
    code = end_of(start(lambda: child(len(left) + 1)))
    if code == 0:
        break
    assert code == -signal.SIGKILL
    left.append(int(words[0]))
    assert not is_alive(words)
    before, epoch = epoch, take(words, "producer", "telemetry")
    assert epoch in (before + 1, before + 2)
    assert give_back(words, epoch)
print(len(left) > 20, left[0] == 0, any(left))
"""
        assert in_new_process(code) == "True True True\n"


def test_signals_are_left_alone(sleeper):
    """Looking whether a process lives sends it nothing."""
    process = sleeper()
    for _ in range(3):
        assert is_alive(lease_of(owner_of(process.pid)))
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM
