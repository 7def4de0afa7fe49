"""What becomes of an end when its process dies, ends or forks: it is free for the next one, and all else stays."""

import os
import signal
import time

import numpy as np
import pytest
from channels import ENVIRONMENT, PATIENCE, every_policy, in_new_process, started

from jitkit.ring import attach_shared, create_shared

pytestmark = pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="looks into Linux's /dev/shm")

ATTACH = "rx = jk.ring.attach_shared(sys.argv[1]); print('ready', flush=True)\n"
CREATE = "tx = jk.ring.create_shared(sys.argv[1], 'i8', 4); tx.extend([1, 2, 3]); print('ready', flush=True)\n"


def killed(process):
    process.kill()
    process.wait(PATIENCE)


class TestAProcessThatDies:
    def test_leaves_what_it_has_published(self, name):
        with started(CREATE + "tx.reserve(1)[0] = 9; time.sleep(60)", name) as process:
            rx = attach_shared(name)
            assert (rx.producer_alive, rx.pop()) == (True, 1)
            killed(process)
        assert (rx.producer_alive, rx.wait(), rx.pop(), rx.pop(), rx.closed) == (False, True, 2, 3, False)
        for wait in (rx.wait, lambda: list(rx), lambda: rx.wait(PATIENCE)):
            with pytest.raises(BrokenPipeError, match=r"^expected a producer that lives, got one that has died"):
                wait()
        with pytest.raises(FileExistsError, match="its producer is gone; attach_shared"):
            create_shared(name, np.int64, 4)
        tx = attach_shared(name, role="producer")
        with pytest.raises(ValueError, match=r"^expected to commit at most"):
            tx.commit(1)  # what the other one had reserved
        assert (tx.position, tx.push(4), rx.wait(), rx.pop()) == (3, True, True, 4)
        tx.close(), rx.close()

    @every_policy
    def test_gets_what_it_has_not_given_up_again(self, name, policy):
        code = ATTACH + "print(rx.pop(), [] if rx.policy == 'overwrite' else rx.peek(9).tolist(), flush=True)\n"
        tx = create_shared(name, np.int64, 4, policy)
        tx.extend(range(4))
        with started(code + "time.sleep(60)", name) as process:
            assert process.stdout.readline() == f"0 {[] if policy == 'overwrite' else [1, 2, 3]}\n"
            assert tx.consumer_alive
            killed(process)
        assert not tx.consumer_alive
        rx = attach_shared(name)
        with pytest.raises(ValueError, match=r"^expected to release at most"):
            rx.release(1)  # what the other one had looked at
        assert (rx.position, [rx.pop() for _ in range(3)], rx.pop_or(None)) == (1, [1, 2, 3], None)
        tx.close(), rx.close()

    def test_in_a_kernel_gives_its_end_back(self, name):
        code = """
@jk.jit
def send(tx):
    while True:
        tx.push(7)
tx = jk.ring.create_shared(sys.argv[1], 'i8', 4, 'block')
print('ready', flush=True)
send(tx)
"""
        with started(code, name) as process:
            rx = attach_shared(name)
            assert [rx.wait() and rx.pop() for _ in range(20)] == [7] * 20
            killed(process)
        tx = attach_shared(name, role="producer")
        assert [rx.pop() for _ in range(len(rx))].count(7) in range(5)
        assert (tx.push(8), rx.pop()) == (True, 8)
        tx.close(), rx.close()

    def test_waits_for_nobody_when_it_is_told_to_end(self, name):
        tx = create_shared(name, np.int64, 4, "block")
        for end in (ATTACH + "list(rx)", ATTACH + "rx.wait(1e6)"):
            with started(end, name) as process:
                start = time.monotonic()
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE) == -signal.SIGTERM
                assert time.monotonic() - start < 1
        tx.unlink()

    def test_says_nothing_at_its_end(self, name):
        """Nor does multiprocessing's resource tracker, which would take the name away."""
        code = "tx = jk.ring.create_shared(sys.argv[1], 'i8', 4); rx = jk.ring.attach_shared(sys.argv[1]); tx.push(1)"
        assert in_new_process(code, name) == ""
        rx = attach_shared(name)
        assert (rx.pop(), rx.producer_alive) == (1, False)
        rx.unlink()


class TestForkedProcesses:
    CODE = """
tx = jk.ring.create_shared(sys.argv[1], 'i8', 4)
rx = jk.ring.attach_shared(sys.argv[1])
tx.push(1), rx.pop(), tx.extend([1]), rx.drain(np.zeros(1, 'i8'))  # by the short way, from now on
@jk.jit
def push(tx):
    return tx.push(3)
push(tx), rx.pop()
calls = {
    "push": lambda: tx.push(1), "extend": lambda: tx.extend([1]), "reserve": lambda: tx.reserve(1),
    "commit": lambda: tx.commit(0), "close": tx.close, "kernel": lambda: push(tx), "pop": rx.pop,
    "pop_or": lambda: rx.pop_or(1), "drain": lambda: rx.drain(np.zeros(1, 'i8')), "peek": lambda: rx.peek(1),
    "release": lambda: rx.release(0), "wait": lambda: rx.wait(0), "close consumer": rx.close,
    "attach": lambda: jk.ring.attach_shared(sys.argv[1]),
}
def refused():
    for call in calls.values():
        try:
            call()
        except JitkitError as error:
            yield str(os.getppid()) in str(error)
child = os.fork()
if child == 0:
    signal.alarm(60)
    found = list(refused())
    print(len(calls), len(found), all(found), len(tx), tx.closed, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(tx.push(5), rx.pop(), tx.closed, rx.closed, tx.consumer_alive)
child = os.fork()
if child == 0:
    sys.exit()  # as a program that ends, with all that it does then
os.waitpid(child, 0)
print(tx.push(6), rx.pop(), os.path.exists("/dev/shm/" + sys.argv[1]))
tx.close(), rx.close()
"""

    def test_do_not_have_the_ends_of_their_parent(self, name):
        assert in_new_process(self.CODE, name) == "14 14 True 0 False\nTrue 5 False False True\nTrue 6 True\n"

    def test_have_channels_within_the_process_for_themselves(self):
        code = """
tx, rx = jk.ring.channel('i8', 4)
tx.push(1)
child = os.fork()
if child == 0:
    print(rx.pop(), tx.push(2), rx.pop(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(rx.pop(), len(rx))
"""
        assert in_new_process(code) == "1 True 2\n1 0\n"


def test_the_environment_of_programs_is_that_of_the_tests():
    assert ENVIRONMENT["JITKIT_CACHE_DIR"] == os.environ["JITKIT_CACHE_DIR"]
