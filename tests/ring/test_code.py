"""What kernels over rings compile to, by the text of it: what is constant, what stays in registers, what is marked.

Machine code is read for x86 only, and where nothing is compiled in that users did not ask for.
"""

import platform
import re
from functools import cache

import numba
import numpy as np
import pytest

import jitkit as jk
from jitkit._core import aliasing
from jitkit.ring._block import HEAD, TAIL

pytestmark = pytest.mark.kernel

machine_code = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or bool(numba.config.BOUNDSCHECK),
    reason=f"reads code for x86 without bounds checks, this is for {platform.machine()}"
    f"{' with them' * bool(numba.config.BOUNDSCHECK)}",
)

CAPACITY_OF_RINGS = 1024
MASKS = {"$1023", "$4092"}  # as it is, and times the size of an element
TAPS = 8
POLICIES = ("reject", "overwrite")


def ring_of(policy="overwrite", capacity=CAPACITY_OF_RINGS):
    ring = jk.RingBuffer(np.float32, capacity, policy)
    ring.extend(np.ones(capacity, np.float32))
    return ring


def fill(ring, samples):
    for i in range(samples.size):
        ring.push(samples[i])


def take(ring, out):
    for i in range(out.size):
        out[i] = ring.pop()


def take_or(ring, out):
    for i in range(out.size):
        out[i] = ring.pop_or(-1.0)


def delay(ring, samples):
    for i in range(samples.size):
        ring.push(samples[i])
        samples[i] = ring.pop_or(-1.0)


def look(ring, out):
    for i in range(out.size):
        out[i] = ring.peek(i)


def use_all(ring, samples):
    ring.extend(samples)
    first, second = ring.slices()
    total = first.size + second.size + len(ring) + ring.dropped + ring.capacity + ring.is_full + ring.is_empty
    ring.drain(samples)
    ring.clear()
    return total + ring.to_array().size


def filter_samples(ring, taps, samples, out):
    """A filter with finite impulse response. It looks at the newest element first: so one check is enough."""
    for i in range(samples.size):
        ring.push(samples[i])
        total = np.float32(0)
        for k in range(TAPS):
            total += taps[TAPS - 1 - k] * ring.peek(TAPS - 1 - k)
        out[i] = total


def compiled(function, *args):
    """A kernel that was called once, and is not from the cache, which keeps no text."""
    kernel = jk.jit(function, cache=False)
    kernel(*args)
    return kernel


@cache
def kernel_of(function, policy="overwrite"):
    return compiled(function, ring_of(policy), np.ones(4, np.float32))


def symbol_of(kernel):
    (overload,) = kernel.overloads.values()
    return overload.fndesc.llvm_func_name


def assembly_of(kernel):
    """Instructions and labels of a kernel's own function, without its wrappers."""
    (text,) = kernel.inspect_asm().values()
    start = text.index(f"\n{symbol_of(kernel)}:")
    lines = [line.strip() for line in text[start : text.index(".Lfunc_end", start)].splitlines()]
    return [line for line in lines if re.match(r"[a-z]|\.LBB\d+_\d+:", line)]


def loops_of(lines):
    """Instructions of each loop that has no other one in it: all that lead from a label to a jump back to it.

    A block that stands behind the function's end and jumps back into it makes no loop.
    """
    places = {line[:-1]: number for number, line in enumerate(lines) if line.endswith(":")}
    targets = [places.get(jump[1]) if (jump := re.fullmatch(r"j\w+\s+(\S+)", line)) else None for line in lines]
    after = [
        {*([] if line.startswith(("jmp", "ret")) else [number + 1]), *([] if target is None else [target])}
        for number, (line, target) in enumerate(zip(lines, targets, strict=True))
    ]
    before = [{other for other, ones in enumerate(after) if number in ones} for number in range(len(lines))]
    loops = {
        frozenset(reached(after, target) & reached(before, number))
        for number, target in enumerate(targets)
        if target is not None and target <= number and number in reached(after, target)
    }
    inner = sorted(sorted(loop) for loop in loops if not any(other < loop for other in loops))
    return [[lines[number] for number in loop if not lines[number].endswith(":")] for loop in inner]


def reached(ways, start):
    """All places that some ways lead to from one, with that one."""
    found, waiting = {start}, [start]
    while waiting:
        new = {place for place in ways[waiting.pop()] if place < len(ways)} - found
        found |= new
        waiting += new
    return found


def starting_with(lines, *mnemonics):
    return [line for line in lines if line.startswith(mnemonics)]


def stores_to(lines, place):
    return [line for line in lines if re.search(rf", {place}\(%\w+\)$", line)]


class TestMachineCode:
    pytestmark = machine_code

    @pytest.mark.parametrize(
        ("function", "policy"),
        [*((each, policy) for each in (fill, take, take_or, look) for policy in POLICIES), (use_all, "overwrite")],
    )
    def test_divides_nothing(self, function, policy):
        (text,) = kernel_of(function, policy).inspect_asm().values()
        assert "retq" in text
        assert re.findall(r"\n\s+i?div[bwlq]\s", text) == []

    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("function", [fill, take, take_or, look])
    def test_has_the_mask_as_a_constant(self, function, policy):
        lines = assembly_of(kernel_of(function, policy))
        masks = {line.split()[1].rstrip(",") for line in starting_with(lines, "and")}
        assert masks & MASKS

    @pytest.mark.parametrize("function", [fill, take, take_or])
    def test_calls_nothing_for_an_element(self, function):
        """Nor does it count references to the ring's memory, which would be two atomic instructions."""
        for policy in POLICIES:
            lines = assembly_of(kernel_of(function, policy))
            assert starting_with(lines, "call", "lock") == []

    def test_compares_no_counters_where_the_oldest_is_overwritten(self):
        loops = loops_of(assembly_of(kernel_of(fill, "overwrite")))
        assert loops
        for loop in loops:
            assert len(starting_with(loop, "cmp", "test")) <= 1  # of the loop's own counter
            assert len(starting_with(loop, "j")) == 1
            assert starting_with(loop, "cmov", "set") == []

    def test_keeps_the_counter_in_a_register_where_the_oldest_is_overwritten(self):
        lines = assembly_of(kernel_of(fill, "overwrite"))
        loops = loops_of(lines)
        assert [stores_to(loop, TAIL) for loop in loops] == [[] for _ in loops]
        assert len(stores_to(lines, TAIL)) == 1  # after them
        elements = [starting_with(loop, "movss", "vmovss", "movl") for loop in loops]
        assert all(elements)

    @pytest.mark.parametrize("policy", POLICIES)
    def test_keeps_both_counters_in_registers_where_elements_pass_through(self, policy):
        lines = assembly_of(kernel_of(delay, policy))
        for place in (TAIL, HEAD):
            assert [line for loop in loops_of(lines) for line in stores_to(loop, place)] == []
            assert stores_to(lines, place)

    def test_compares_counters_once_where_a_full_ring_refuses(self):
        """That is what the tests above would see if the policy were asked for when code runs."""
        loops = loops_of(assembly_of(kernel_of(fill, "reject")))
        assert any(f"${CAPACITY_OF_RINGS}" in line for loop in loops for line in starting_with(loop, "cmp"))

    def test_of_a_filter_looks_once_whether_there_are_enough(self):
        taps, samples = np.arange(TAPS, dtype=np.float32), np.ones(50, np.float32)
        kernel = compiled(filter_samples, ring_of(capacity=TAPS), taps, samples, samples.copy())
        loop = max(loops_of(assembly_of(kernel)), key=len)
        assert len(starting_with(loop, "mulss", "vmulss")) + len(starting_with(loop, "vfmadd")) == TAPS
        assert starting_with(loop, "call", "lock", "div", "idiv") == []
        assert len(starting_with(loop, "j")) == 2  # of the check, and of the loop
        assert stores_to(loop, TAIL) == []


def test_a_loop_is_what_leads_back_to_its_beginning():
    code = """
        testq
        jle .LBB0_4
        .LBB0_1:
        movss
        jne .LBB0_5
        .LBB0_2:
        movq
        jne .LBB0_1
        .LBB0_3:
        addq
        .LBB0_4:
        retq
        .LBB0_5:
        xorl
        jmp .LBB0_2
        .LBB0_6:
        subq
        jmp .LBB0_3
    """
    lines = [line.strip() for line in code.split("\n") if line.strip()]
    assert loops_of(lines) == [["movss", "jne .LBB0_5", "movq", "jne .LBB0_1", "xorl", "jmp .LBB0_2"]]


def test_a_filter_over_a_ring_is_a_convolution():
    rng = np.random.default_rng(2)
    taps, samples = rng.normal(0, 1, TAPS).astype(np.float32), rng.normal(0, 1, 100).astype(np.float32)
    ring, out = ring_of(capacity=TAPS), np.zeros(100, np.float32)
    compiled(filter_samples, ring, taps, samples, out)
    before = np.concatenate([np.ones(TAPS - 1, np.float32), samples])
    assert np.allclose(out, np.convolve(before, taps[::-1], "valid"), rtol=1e-5, atol=1e-5)


class Text:
    """LLVM's IR as text: what its functions do to memory, and the tags of that."""

    ACCESS = re.compile(r"^\s*(?:%\S+ = )?(load|store) (?!atomic)(.*)$", re.MULTILINE)

    def __init__(self, text):
        self.functions = re.findall(r"^define .*?^}", text, re.MULTILINE | re.DOTALL)
        self.nodes = dict(re.findall(r"^(!\d+) = !\{\s*(.*?)\s*\}", text, re.MULTILINE))

    def name(self, tag):
        """What an access is to, by its tag: (type, type, 0), where a type is (name, parent, 0)."""
        kind, accessed, offset = (part.strip() for part in self.nodes[tag].split(","))
        assert (kind, offset) == (accessed, "i64 0")
        return self.nodes[kind].split(",")[0].strip('!" ')

    def parents(self, tag):
        found, kind = [], self.nodes[tag].split(",")[0].strip()
        while kind in self.nodes:
            name, *rest = (part.strip() for part in self.nodes[kind].split(","))
            found.append(name.strip('!" '))
            kind = rest[0] if rest else None
        return found

    def accesses(self, function):
        """Kind, text and tag of every load and store that is not atomic."""
        for kind, rest in self.ACCESS.findall(function):
            tag = re.search(r"!tbaa (!\d+)", rest)
            yield kind, rest, tag and tag[1]


@pytest.fixture
def emitted(monkeypatch):
    """Texts of the modules with counters that numba gives to LLVM while a kernel is compiled."""
    texts = []
    printed = aliasing._ModuleWithCounters.__repr__

    def kept(module):
        texts.append(printed(module))
        return texts[-1]

    monkeypatch.setattr(aliasing._ModuleWithCounters, "__repr__", kept)
    return texts


class TestMarks:
    @pytest.mark.parametrize("function", [fill, take, take_or])
    def test_are_on_every_access_where_there_are_counters(self, function, emitted):
        compiled(function, ring_of(), np.ones(4, np.float32))
        names = set()
        for text in map(Text, emitted):
            for code in text.functions:
                tags = [tag for _, _, tag in text.accesses(code)]
                if aliasing.COUNTER in {tag and text.name(tag) for tag in tags}:
                    assert None not in tags, code
                    names |= set(map(text.name, tags))
        assert names == {aliasing.COUNTER, aliasing.ELEMENT, aliasing.MEMORY}

    def test_say_that_elements_are_memory_and_counters_are_not(self, emitted):
        compiled(fill, ring_of(), np.ones(4, np.float32))
        text = Text(emitted[-1])
        parents = {
            text.name(tag): text.parents(tag) for code in text.functions for *_, tag in text.accesses(code) if tag
        }
        assert parents[aliasing.COUNTER] == [aliasing.COUNTER, aliasing.ROOT]
        assert parents[aliasing.ELEMENT] == [aliasing.ELEMENT, aliasing.MEMORY, aliasing.ROOT]
        assert parents[aliasing.MEMORY] == [aliasing.MEMORY, aliasing.ROOT]

    def test_are_on_the_right_accesses(self):
        """In optimised code: the only words of 64 bits are counters, and the floats in the ring are elements."""
        kernel = kernel_of(fill)
        text = Text(next(iter(kernel.inspect_llvm().values())))
        (code,) = [code for code in text.functions if re.match(rf"define .*@{symbol_of(kernel)}\(", code)]
        found = {(kind, rest.split()[0].rstrip(","), tag and text.name(tag)) for kind, rest, tag in text.accesses(code)}
        assert ("load", "i64", aliasing.COUNTER) in found
        assert ("store", "i64", aliasing.COUNTER) in found
        assert ("store", "float", aliasing.ELEMENT) in found
        assert ("load", "float", aliasing.MEMORY) in found
        assert {name for kind, what, name in found if what == "float"} == {aliasing.ELEMENT, aliasing.MEMORY}

    def test_are_not_on_what_another_thread_writes(self):
        """Atomic accesses order all others: the element is written before the counter is, and read after it."""
        sender, receiver = jk.ring.channel(np.float32, 64)
        sending, taking = compiled(fill, sender, np.ones(4, np.float32)), compiled(take_or, receiver, np.ones(4))
        (sent,), (taken,) = sending.inspect_llvm().values(), taking.inspect_llvm().values()
        assert re.search(r"store float .*\n(?:.*\n)*?.*store atomic i64 .* release, align 8", sent)
        assert re.search(r"load atomic i64, .* acquire, align 8", taken)
        assert re.search(r"load float, .*\n(?:.*\n)*?.*store atomic i64 .* release, align 8", taken)
        assert not re.search(r" atomic .*!tbaa", sent + taken)

    def test_hide_no_element_that_is_changed_in_another_way(self):
        """A view is memory, and so are elements: what is written to the one is read from the other."""

        def change(ring, out):
            first, _ = ring.slices()
            for i in range(out.size):
                first[0] = i
                out[i] = ring.peek(0) + len(ring)
                ring.pop()
                ring.push(0.0)
                first, _ = ring.slices()

        ring, out = jk.RingBuffer(np.float32, 16), np.zeros(9)
        ring.extend([50.0, 60.0])
        compiled(change, ring, out)
        assert out.tolist() == [i + 2.0 for i in range(9)]
        assert len(ring) == 2
