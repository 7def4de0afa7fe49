"""The machine code of channels: what one side publishes is a release store, what it asks of the other an acquire load.

Processors of the x86 kind forgive most mistakes here, so no run of threads finds them; nor does a search of the orders
of steps (`models/`). So LLVM's own text is read, and what it makes of it for AArch64.
"""

import itertools
import re
import sys
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import channels
import numpy as np
import pytest
from channels import every_policy

import jitkit as jk
from jitkit.ring._block import ANNOUNCED, CLOSED, CONSUMER_BUSY, GONE, HEAD, HEADER_NBYTES, TAIL

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simd"))
import cross

pytestmark = pytest.mark.kernel

NAMES = {TAIL: "TAIL", CLOSED: "CLOSED", HEAD: "HEAD", GONE: "GONE", CONSUMER_BUSY: "CONSUMER_BUSY"}
PUBLISHED = (TAIL, CLOSED, HEAD, GONE)
PRODUCERS, CONSUMERS = range(TAIL, HEAD), range(HEAD, HEADER_NBYTES)  # the words of each side

VALUE = r"%[\w.\"$-]+"
DEFINED = re.compile(r"^define .*@\"?([\w.$]+)")
STEP = re.compile(rf"^\s*({VALUE}) = getelementptr .*?i8, ptr ({VALUE}), i64 (-?\d+)")
ACCESS = re.compile(rf"(load|store)( atomic)? .*?ptr ({VALUE})(?: (monotonic|acquire|release|seq_cst))?, align")
NUMBAS_OWN = ("NRT_", "cfunc.", "_ZN7cpython", "numba_")
CALL = re.compile(r"\bcall .*?@\"?([\w.$]+)\"?\(")
COPY = re.compile(rf"call void @llvm\.memcpy.*?\(ptr [^%]*({VALUE}), ptr [^%]*({VALUE})")


class Access(NamedTuple):
    """What an instruction does: ("load", "acquire", HEAD); the place of what is no word of the header is None."""

    what: str
    order: str
    place: int | None


@pytest.fixture
def code_of():
    """The accesses of a kernel to memory, in the order of LLVM's text: of each function with those that it calls."""

    def find(kernel, *arguments):
        compiled = jk.jit(kernel.py_func, cache=False)
        compiled(*arguments)
        (text,) = compiled.inspect_llvm().values()
        functions = [part for part in re.split(r"^}$", text, flags=re.MULTILINE) if "\ndefine " in part]
        bodies = {DEFINED.match(part)[1]: part for part in (part[part.index("\ndefine ") + 1 :] for part in functions)}
        bodies = {name: body for name, body in bodies.items() if not name.startswith(NUMBAS_OWN)}
        called = {name for body in bodies.values() for name in CALL.findall(body)}
        found = [accesses(body, bodies) for name, body in bodies.items() if name not in called]
        return [code for code in found if code]

    return find


def accesses(function, others=MappingProxyType({})):
    """Accesses of one function, and in the place of its calls those of others."""
    lines = function.splitlines()
    steps = {step[1]: (step[2], int(step[3])) for line in lines if (step := STEP.match(line))}

    def where(value):
        offset = 0
        while value in steps:
            value, more = steps[value]
            offset += more
        return value, offset

    # Only words of headers are accessed by atomic instructions: so the pointers that those are counted from are blocks.
    atomics = [found for line in lines if (found := ACCESS.search(line)) and found[2]]
    blocks = {where(found[3])[0] for found in atomics}
    result = []
    for line in lines:
        if line.strip().startswith("fence "):
            result.append(Access("fence", line.split()[1], None))
        elif COPY.search(line):
            result += [Access("load", "plain", None), Access("store", "plain", None)]
        elif (found := ACCESS.search(line)) is not None:
            base, offset = where(found[3])
            place = offset if base in blocks and 0 <= offset < HEADER_NBYTES else None
            result.append(Access(found[1], found[4] or "plain", place))
        elif (found := CALL.search(line)) is not None and found[1] in others:
            result += accesses(others[found[1]], others)
    return result


def wrong(code, others):
    """Accesses that another thread could see, or be seen by, in the wrong order."""

    def is_wrong(access):
        what, order, place = access
        if place in PUBLISHED and what == "store":
            return order != "release"
        if place in others:  # what the other side keeps for itself may be asked for, but not written
            needed = ("acquire",) if place in (TAIL, HEAD, CLOSED) else ("acquire", "monotonic")
            return what == "store" or order not in needed
        return False

    return [(what, order, NAMES.get(place, place)) for what, order, place in filter(is_wrong, code)]


def flat(functions):
    return [access for code in functions for access in code]


def of(policy):
    tx, rx = jk.ring.channel(np.int64, 4, policy)
    tx.extend(range(4))
    rx.pop()
    return tx, rx


ARRAY = np.zeros(2, np.int64)
PRODUCER_CALLS = {
    "push": (channels.push, 1), "extend": (channels.extend, ARRAY[:1]), "reserve": (channels.reserve, 1),
    "commit": (channels.commit, 0), "close": (channels.close,), "dropped": (channels.dropped,),
    "is_full": (channels.is_full,),
}  # fmt: skip
CONSUMER_CALLS = {
    "pop": (channels.pop,), "pop_or": (channels.pop_or, 1), "drain": (channels.drain, ARRAY),
    "peek": (channels.peek, 1), "release": (channels.release, 0), "wait": (channels.wait,),
    "closed": (channels.closed,), "close": (channels.close,),
}  # fmt: skip
PUBLISHES = {
    "push": TAIL, "extend": TAIL, "commit": TAIL, "pop": HEAD, "pop_or": HEAD, "drain": HEAD, "release": HEAD,
}  # fmt: skip


@pytest.mark.parametrize(
    ("call", "policy"),
    [*itertools.product(PRODUCER_CALLS, ["reject", "overwrite"]), *itertools.product(["push", "extend"], ["block"])],
)
def test_a_producer_orders_what_the_consumer_sees(call, policy, code_of):
    kernel, *arguments = PRODUCER_CALLS[call]
    found = flat(code_of(kernel, of(policy)[0], *arguments))
    assert wrong(found, CONSUMERS) == []
    assert any(place == PUBLISHES.get(call, place) and order in ("release", "acquire") for _, order, place in found)


@pytest.mark.parametrize(
    ("call", "policy"),
    [case for case in itertools.product(CONSUMER_CALLS, ["reject", "overwrite"]) if case != ("peek", "overwrite")],
)
def test_a_consumer_orders_what_the_producer_sees(call, policy, code_of):
    kernel, *arguments = CONSUMER_CALLS[call]
    found = flat(code_of(kernel, of(policy)[1], *arguments))
    assert wrong(found, PRODUCERS) == []
    assert any(place == PUBLISHES.get(call, place) and order in ("release", "acquire") for _, order, place in found)


@every_policy
def test_an_element_is_written_before_it_is_published(policy, code_of):
    found = flat(code_of(channels.push, of(policy)[0], 1))
    published = found.index(Access("store", "release", TAIL))
    element = max(i for i, access in enumerate(found[:published]) if access == ("store", "plain", None))
    assert Access("load", "acquire", HEAD) not in found[element:published]
    assert found.count(Access("store", "release", TAIL)) == 1
    if policy == "overwrite":
        announced = found.index(Access("store", "monotonic", ANNOUNCED))
        fence = found.index(Access("fence", "release", None))
        assert announced < fence < element < published


def test_many_are_announced_before_they_are_written(code_of):
    codes = code_of(channels.extend, of("overwrite")[0], ARRAY)
    (code,) = [code for code in codes if Access("store", "release", TAIL) in code]
    announced, fence = Access("store", "monotonic", ANNOUNCED), Access("fence", "release", None)
    assert code.index(announced) < code.index(fence) < code.index(Access("store", "release", TAIL))


@pytest.mark.parametrize("policy", ["reject", "overwrite"])
@pytest.mark.parametrize("call", ["pop", "pop_or"])
def test_an_element_is_read_before_its_slot_is_given_up(call, policy, code_of):
    kernel, *arguments = CONSUMER_CALLS[call]
    codes = code_of(kernel, of(policy)[1], *arguments)
    (code,) = [code for code in codes if Access("load", "acquire", TAIL) in code and ("load", "plain", None) in code]
    element = code.index(Access("load", "plain", None))
    assert Access("load", "acquire", TAIL) in code[:element]
    assert Access("store", "release", HEAD) in code[element:]
    if policy == "overwrite":  # what was copied is looked after only then
        fence = code.index(Access("fence", "acquire", None))
        assert element < fence < code.index(Access("load", "monotonic", ANNOUNCED))
    else:
        assert code.count(Access("store", "release", HEAD)) == 1


def test_what_is_copied_is_looked_after(code_of):
    codes = code_of(channels.drain, of("overwrite")[1], ARRAY)
    (code,) = [code for code in codes if Access("load", "acquire", TAIL) in code]
    fence = code.index(Access("fence", "acquire", None))
    assert code.index(Access("load", "acquire", TAIL)) < fence < code.index(Access("load", "monotonic", ANNOUNCED))


@pytest.mark.parametrize("call", ["push", "pop", "pop_or"])
def test_a_queue_hands_slots_on(call, code_of):
    """By their sequence numbers, which stand behind the slots."""
    kernel, *arguments = PRODUCER_CALLS.get(call) or CONSUMER_CALLS[call]
    queue = jk.ring.mpmc(np.int64, 4)
    queue.push(1)
    behind = queue.capacity * queue.dtype.itemsize
    (code,) = [code for code in code_of(kernel, queue, *arguments) if Access("store", "release", behind) in code]
    assert {access for access in code if access.place == behind} == {
        ("load", "acquire", behind), ("store", "release", behind)
    }  # fmt: skip
    given = code.index(Access("store", "release", behind))
    element = [i for i, access in enumerate(code[:given]) if access.order == "plain" and access.place in (None, 0)]
    assert [code[i].what for i in element] == ["store" if call == "push" else "load"]
    assert code.index(Access("load", "acquire", behind)) < element[0]
    assert not [access for access in code if access.order == "plain" and access.place in (TAIL, HEAD)]


def test_a_check_finds_what_is_wrong():
    """Each of these was an instruction of a kernel that had been broken on purpose."""
    sound = f"""define i32 @kernel(ptr %block, ptr %slots) {{
  %tail = getelementptr inbounds nuw i8, ptr %block, i64 {TAIL}
  %head = getelementptr inbounds nuw i8, ptr %block, i64 {HEAD}
  %1 = load i64, ptr %tail, align 8, !tbaa !0
  %2 = load atomic i64, ptr %head acquire, align 8
  store i64 7, ptr %slots, align 8
  store atomic i64 %1, ptr %tail release, align 8
"""
    assert accesses(sound) == [
        ("load", "plain", TAIL), ("load", "acquire", HEAD), ("store", "plain", None), ("store", "release", TAIL),
    ]  # fmt: skip
    assert wrong(accesses(sound), CONSUMERS) == []
    for old, new, found in (
        ("store atomic i64 %1, ptr %tail release", "store i64 %1, ptr %tail", ("store", "plain", "TAIL")),
        ("%tail release", "%tail monotonic", ("store", "monotonic", "TAIL")),
        ("%head acquire", "%head monotonic", ("load", "monotonic", "HEAD")),
        ("load i64, ptr %tail, align 8", "load i64, ptr %head, align 8", ("load", "plain", "HEAD")),
    ):
        assert wrong(accesses(sound.replace(old, new)), CONSUMERS) == [found]
    busy = sound.replace(f"i64 {TAIL}", f"i64 {CONSUMER_BUSY}")
    assert ("store", "release", "CONSUMER_BUSY") in wrong(accesses(busy), CONSUMERS)


# The same in the code of AArch64, where a plain store may be seen before one that stands before it.

ORDERED = re.compile(r"^\s*(stlr|ldar|ldapr|dmb)\s+(.*)$", re.MULTILINE)


def call_of_python(name):
    from jitkit.ring import _channel_calls

    return getattr(_channel_calls, name).py_func


@pytest.fixture(scope="module")
def assembly_of():
    if cross.NO_COMPILER:
        pytest.skip(cross.NO_COMPILER)
    with cross.Compiler() as compiler:

        def assembly(name, count):
            kinds = f"({'intp, ' * count})"
            return compiler.compiled(call_of_python, (name,), kinds, cross.TRIPLE, cross.PROCESSOR, True).code.decode()

        yield assembly


def test_a_push_on_aarch64(assembly_of):
    code = assembly_of("send_8", 2)
    assert [name for name, _ in ORDERED.findall(code)].count("stlr") == 2  # of two policies
    for published in re.finditer(r"^\s*stlr\s", code, re.MULTILINE):
        before = re.findall(r"^\s*(?:st|ld)\w+\s.*$", code[: published.start()], re.MULTILINE)[-1]
        assert re.match(r"\s*str\s+x\d+, \[x\d+, x\d+, lsl #3\]$", before)
    assert re.search(rf"str\s+x\d+, \[x1, #{ANNOUNCED}\]\n.*\n\s*dmb\s+ish\n", code)  # and then the element
    assert re.search(rf"add\s+(x\d+), x1, #{HEAD}\n\s*ldap?r\s+x\d+, \[\1\]", code)


def test_a_pop_on_aarch64(assembly_of):
    code = assembly_of("receive_8", 2)
    orders = [name for name, _ in ORDERED.findall(code)]
    assert (orders.count("dmb"), orders.count("stlr") >= 2) == (1, True)
    assert re.search(rf"str\s+x\d+, \[x2\]\n\s*dmb\s+ishld\n(?:.*\n)?\s*ldr\s+x\d+, \[x1, #{ANNOUNCED}\]", code)
    assert re.search(rf"add\s+(x\d+), x1, #{TAIL}\n\s*ldap?r\s+x\d+, \[\1\]", code)
    assert not re.search(rf"ldr\s+x\d+, \[x1, #{TAIL}\]", code)
    element = r"\s*ldr\s+(x\d+), \[x\d+, x\d+, lsl #3\]\n(?:.*\n){0,2}\s*str\s+\1, \[x2\]\n"
    assert re.search(rf"{element}\s*stlr\s+x\d+, \[x\d+\]", code)
