"""Channels between processes: who has an end, what its name leads to, and what happens to both when a process ends."""

import errno
import os

import channels
import numpy as np
import pytest
from channels import Running, every_policy, has_name, in_new_process

import jitkit as jk
from jitkit.errors import JitkitError
from jitkit.ring import attach_shared, create_shared, unlink_shared

pytestmark = pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="looks into Linux's /dev/shm")


class TestTwoProcesses:
    @every_policy
    def test_what_goes_in_comes_out_over_there(self, name, policy):
        with create_shared(name, np.int64, 4, policy) as tx:
            sent = 4 if policy == "block" else 6  # which would wait for room
            assert tx.extend(range(sent)) == (4 if policy == "reject" else sent)
        expected = [2, 3, 4, 5] if policy == "overwrite" else [0, 1, 2, 3]
        code = "rx = jk.ring.attach_shared(sys.argv[1]); print(list(rx), rx.closed, rx.policy, rx.dropped); rx.close()"
        assert in_new_process(code, name) == f"{expected} True {policy} {0 if policy == 'block' else 2}\n"

    def test_either_waits_for_the_other(self, name):
        code = """
rx = jk.ring.attach_shared(sys.argv[1])
print(rx.wait(), sum(1 for i, value in enumerate(rx) if value == i), flush=True)
rx.close()
"""
        tx = create_shared(name, np.int64, 4, "block")
        receiving = Running(in_new_process, code, name)
        for start in range(0, 5000, 50):
            tx.extend(range(start, start + 50))
        for i in range(5000, 5010):
            tx.push(i)
        tx.close()
        assert receiving.result() == "True 5010\n"

    def test_a_kernel_in_each(self, name):
        code = """
sys.path.insert(0, sys.argv[2])
import channels
rx = jk.ring.attach_shared(sys.argv[1], np.int64, 1024)
print(channels.receive_bulk(rx))
rx.close()
"""
        tx = create_shared(name, np.int64, 1024, "block")
        sending = Running(channels.send_each, tx, 300_000)
        assert in_new_process(code, name, os.path.dirname(channels.__file__)) == "(300000, 0)\n"
        sending.result()

    def test_of_records(self, name):
        class Reading(jk.Record, layout="packed", byteorder="little"):
            time: jk.u32
            level: jk.i16

        with create_shared(name, Reading, 4) as tx:
            tx.push(Reading(time=7, level=-2))
        code = "rx = jk.ring.attach_shared(sys.argv[1]); print(rx.pop().tolist(), rx.dtype.names); rx.close()"
        assert in_new_process(code, name) == "(7, -2) ('time', 'level')\n"

    @pytest.mark.parametrize("method", ["spawn", "fork"])
    def test_of_multiprocessing(self, name, method, tmp_path):
        program = tmp_path / "program.py"
        program.write_text("""
import multiprocessing, sys
import jitkit as jk

def receive(name, results):
    with jk.ring.attach_shared(name) as rx:
        results.put((sum(rx), rx.dropped))

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    results = context.SimpleQueue()
    tx = jk.ring.create_shared(sys.argv[1], "i8", 8, policy="block")
    tx.push(5)
    process = context.Process(target=receive, args=(sys.argv[1], results))
    process.start()
    tx.extend(range(100)), tx.close()
    process.join(60)
    print(results.get(), process.exitcode)
""")
        code = "import runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
        assert in_new_process(code, program, name, method) == "(4955, 0) 0\n"

    def test_an_end_cannot_be_sent(self, name):
        import pickle

        tx = create_shared(name, np.int64, 4)
        with pytest.raises(TypeError, match=r"^expected one producer for each channel"):
            pickle.dumps(tx)
        tx.unlink()


class TestNames:
    def test_a_name_goes_when_both_ends_are_closed(self, name):
        for order in (0, 1):
            ends = create_shared(name, np.int64, 4), attach_shared(name)
            ends[order].close()
            assert has_name(name)
            ends[1 - order].close()
            assert not has_name(name)
            ends[1].close(), ends[0].close()  # more often does nothing

    def test_or_earlier_and_the_ends_go_on(self, name):
        tx = create_shared(name, np.int64, 4)
        rx = attach_shared(name)
        unlink_shared(name)
        assert not has_name(name)
        with pytest.raises(FileNotFoundError, match=f"^.*expected shared memory '{name}', got none of that name"):
            unlink_shared(name)
        tx.unlink()
        assert (tx.push(1), rx.pop()) == (True, 1)
        with pytest.raises(FileNotFoundError, match="got none of that name"):
            attach_shared(name)

    def test_which_another_channel_got_meanwhile_stays(self, name):
        for old in (
            lambda tx, rx: (tx.close(), rx.close()),
            lambda tx, _: tx.unlink(),
            lambda _, rx: rx.unlink(),
            lambda tx, rx: (rx.close(), tx.close(), rx.close()),
        ):
            first = create_shared(name, np.int64, 4), attach_shared(name)
            unlink_shared(name)
            second = create_shared(name, np.int64, 4)
            old(*first)
            assert has_name(name)
            second.unlink()

    def test_leads_to_what_is_finished_at_once(self, name):
        """Whoever attaches waits for moments only: so code is compiled before anybody finds the name."""
        code = """
from jitkit._core import native, shared_memory
create, known = shared_memory.create, []
def create_and_look(*arguments):
    known.extend(native._kernels)
    return create(*arguments)
shared_memory.create = create_and_look
tx = jk.ring.create_shared(sys.argv[1], "i8", 4)
print(sorted(set(native._kernels) - set(known)))
tx.unlink()
"""
        assert in_new_process(code, name) == "[]\n"

    def test_that_is_taken_is_refused(self, name):
        tx = create_shared(name, np.int64, 4)
        with pytest.raises(FileExistsError, match=r"its producer lives$"):
            create_shared(name, np.int64, 4)
        assert tx.push(1)
        tx.unlink()

    @pytest.mark.parametrize("bad", ["", "a/b", "x" * 300, "a\0b", ".."])
    def test_no_memory_can_have(self, bad):
        for use in (lambda: create_shared(bad, np.int64, 4), lambda: attach_shared(bad), lambda: unlink_shared(bad)):
            with pytest.raises(ValueError, match=r"^expected a name for shared memory"):
                use()

    def test_is_not_taken_by_what_cannot_be(self, name):
        for wrong in ((object, 4), (np.int64, 3), (np.int64, 4, "drop")):
            with pytest.raises((ValueError, JitkitError), match=r"^expected"):
                create_shared(name, *wrong)
            assert not has_name(name)


class TestMemoryThatIsNotThere:
    def test_more_than_the_system_has(self, name):
        with pytest.raises(OSError, match="cannot reserve") as caught:
            create_shared(name, np.int64, 2**50)
        assert (caught.value.errno, has_name(name)) == (errno.ENOSPC, False)

    def test_more_than_this_process_may_have(self, name):
        code = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
tx = jk.ring.create_shared(sys.argv[1], "i8", 1024)
tx.unlink()
try:
    jk.ring.create_shared(sys.argv[1], "i8", 1 << 20)
except OSError as error:
    print(error.errno, os.path.exists("/dev/shm/" + sys.argv[1]))
"""
        assert in_new_process(code, name) == f"{errno.EFBIG} False\n"


class TestOwners:
    def test_there_is_one_producer_and_one_consumer(self, name):
        tx = create_shared(name, np.int64, 4)
        rx = attach_shared(name)
        here = rf"lives: this process \({os.getpid()}\)$"
        for role in ("producer", "consumer"):
            with pytest.raises(JitkitError, match=f"^expected no other {role} of '{name}', got one that {here}"):
                attach_shared(name, role=role)
            code = f"""
try:
    jk.ring.attach_shared(sys.argv[1], role={role!r})
except JitkitError as error:
    print(error)
"""
            expected = f"expected no other {role} of '{name}', got one that lives: process {os.getpid()}\n"
            assert in_new_process(code, name) == expected
        assert (tx.push(1), rx.pop(), tx.consumer_alive, rx.producer_alive) == (True, 1, True, True)
        tx.unlink()

    def test_an_end_that_was_closed_is_free(self, name):
        tx = create_shared(name, np.int64, 4)
        assert not tx.consumer_alive
        for i in range(3):
            tx.push(i)
            rx = attach_shared(name)
            assert (tx.consumer_alive, rx.pop()) == (True, i)
            rx.close()
            assert not tx.consumer_alive
        rx = attach_shared(name)
        tx.close()
        with pytest.raises(ValueError, match=r"^expected an open channel, got .* whose producer has closed it"):
            attach_shared(name, role="producer")
        rx.close()

    def test_and_belongs_to_the_next_one(self, name):
        tx = create_shared(name, np.int64, 4)
        first = attach_shared(name)
        tx.extend(range(3))
        first.close()
        second = attach_shared(name)
        for use in (first.pop, lambda: first.pop_or(None), lambda: first.drain(np.zeros(1, np.int64)), first.wait):
            with pytest.raises((ValueError, JitkitError), match=r"^expected"):
                use()
        first.close()
        assert (list(second.peek(9)), tx.consumer_alive) == ([0, 1, 2], True)
        tx.unlink()

    def test_a_producer_that_waits_learns_of_a_new_consumer(self, name):
        tx = create_shared(name, np.int64, 4, "block")
        attach_shared(name).close()
        tx.extend(range(4))
        with pytest.raises(BrokenPipeError):
            tx.push(4)
        rx = attach_shared(name)
        assert (rx.pop(), tx.push(4), rx.drain(np.zeros(9, np.int64))) == (0, True, 4)
        tx.unlink()
