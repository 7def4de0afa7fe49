"""Kernels of every kind come back from the cache and do what they did, in whatever order processes come and go."""

import os
import shutil
from collections import Counter

import pytest

IMPORTS = "import math\nimport numba\nimport numpy as np\nimport jitkit as jk\n"


def twice(program, script):
    """Results of two processes, of which the second compiles nothing and refuses nothing."""
    first, second = program.run(script), program.run(script)
    assert first.stats["compiles"] > 0
    assert first.stats["refusals"] == 0
    assert second.stats["hits"] > 0
    assert (second.stats["misses"], second.stats["compiles"], second.stats["refusals"]) == (0, 0, 0)
    assert first.warned == second.warned == []
    return first.values, second.values


# What every case is: a module, an expression, and its value.
CASES = {
    "parallel": (
        """
@jk.jit(parallel=True)
def kernel(x):
    total = 0.0
    for i in numba.prange(x.size):
        total += x[i] * i
    return total
""",
        "kernel(np.ones(1000))", 499500.0,
    ),
    "parallel_with_several_loops": (
        """
@jk.jit
def inner(x):
    return x + 1
@jk.jit(parallel=True)
def kernel(n):
    out = np.empty(n)
    for i in numba.prange(n):
        out[i] = inner(i)
    out *= 2
    return out.sum()
""",
        "kernel(100)", 10100.0,
    ),
    "array_made_inside": (
        """
@jk.jit
def kernel(n):
    return [np.arange(i) for i in range(n)]
""",
        "[array.tolist() for array in kernel(3)]", [[], [0], [0, 1]],
    ),
    "generator": (
        """
@jk.jit
def kernel(n):
    for i in range(n):
        yield i * i
@jk.jit
def total(n):
    s = 0
    for value in kernel(n):
        s += value
    return s
""",
        "[list(kernel(4)), total(4)]", [[0, 1, 4, 9], 14],
    ),
    "typed_list": (
        """
@jk.jit
def kernel(values):
    values.append(7.0)
    return len(values), values[0]
""",
        "kernel(numba.typed.List([1.5, 2.5]))", [3, 1.5],
    ),
    "typed_dictionary": (
        """
@jk.jit
def kernel(n):
    found = {}
    for i in range(n):
        found[i] = i * 2.5
    return found
""",
        "sorted(kernel(3).items())", [[0, 0.0], [1, 2.5], [2, 5.0]],
    ),
    "records": (
        """
@jk.jit
def kernel(table):
    table[0].a = 9
    return table[1].a + table[1].b
""",
        "kernel(np.array([(1, 2.0), (3, 4.5)], [('a', 'i4'), ('b', 'f8')]))", 7.5,
    ),
    "tuple_of_arrays": (
        """
@jk.jit
def kernel(arrays, scale):
    return arrays[0].sum() * scale[0] + arrays[1][0] * scale[1]
""",
        "kernel((np.ones(3), np.array([4], np.int8)), (2, 0.5))", 8.0,
    ),
    "optional": (
        """
@jk.jit
def kernel(x):
    if x > 0:
        return x
    return None
@jk.jit
def caller(x):
    found = kernel(x)
    return -1 if found is None else found
""",
        "[kernel(3), kernel(-3), caller(3), caller(-3)]", [3, None, 3, -1],
    ),
    "none_and_defaults": (
        """
@jk.jit
def kernel(x, scale=None):
    if scale is None:
        return x
    return x * scale
""",
        "[kernel(3), kernel(3, None), kernel(3, 2)]", [3, 3, 6],
    ),
    "bool": (
        """
@jk.jit
def kernel(flag, other):
    return not flag, flag + other
""",
        "repr(kernel(True, np.bool_(True)))", "(False, 2)",
    ),
    "text": (
        """
@jk.jit
def kernel(text):
    return text.upper() + "!", len(text), text == "né"
""",
        "kernel('né')", ["NÉ!", 2, True],
    ),
    "bytes": (
        """
@jk.jit
def kernel(data):
    return data[0] + data[-1]
""",
        "kernel(b'\\x01\\x02\\xff')", 256,
    ),
    "complex": (
        """
@jk.jit
def kernel(z):
    return (z * z).real, abs(z)
""",
        "kernel(3 + 4j)", [-7.0, 5.0],
    ),
    "several_arguments": (
        """
@jk.jit
def kernel(*values):
    return len(values), values[0]
""",
        "kernel(1.5, 2, 3)", [3, 1.5],
    ),
    "set_in_a_constant": (
        """
@jk.jit
def kernel(word):
    return word in ("idle", "armed", "off")
""",
        "[kernel('armed'), kernel('fired')]", [True, False],
    ),
    "self_recursion": (
        """
@jk.jit
def kernel(n):
    return n if n < 2 else kernel(n - 1) + kernel(n - 2)
@jk.jit
def caller(n):
    return kernel(n) * 10
""",
        "[caller(10), kernel(11)]", [550, 89],
    ),
    "lambda": ("kernel = jk.jit(lambda x: x * 3)\n", "kernel(2)", 6),
    "lambdas_of_one_line": (
        "one, other = jk.jit(lambda x: x * 3), jk.jit(lambda x: x * 4)\n", "[one(2), other(2)]", [6, 8],
    ),
    "function_of_a_string": (
        """
names = {"__name__": __name__, "jk": jk, "GAIN": 5}
exec("@jk.jit\\ndef kernel(x):\\n    return x * GAIN", names)
kernel = names["kernel"]
""",
        "kernel(2)", 10,
    ),
    "function_of_no_module": (
        """
names = {"jk": jk, "GAIN": 5}
exec("@jk.jit\\ndef kernel(x):\\n    return x * GAIN", names)
kernel = names["kernel"]
""",
        "kernel(2)", 10,
    ),
    "function_of_a_module_that_does_not_exist": (
        """
names = {"__name__": "nowhere.at.all", "jk": jk, "GAIN": 5}
exec("@jk.jit(parallel=True)\\ndef kernel(x):\\n    return (x * GAIN).sum()", names)
kernel = names["kernel"]
""",
        "kernel(np.ones(3))", 15.0,
    ),
    "closures_of_one_factory": (
        """
def make(gain):
    @jk.jit
    def kernel(x):
        return x * gain
    return kernel
double, triple = make(2), make(3)
@jk.jit
def caller(x):
    return double(x), triple(x)
""",
        "[double(5), triple(5), caller(5)]", [10, 15, [10, 15]],
    ),
    "closure_over_an_array": (
        """
def make(table):
    @jk.jit
    def kernel(i):
        return table[i]
    return kernel
one, other = make(np.array([1.5, 2.5])), make(np.array([3.5, 4.5]))
""",
        "[one(1), other(1)]", [2.5, 4.5],
    ),
    "function_that_makes_a_function": (
        """
@jk.jit
def kernel(x):
    def inner(y):
        return y * x
    return inner(2) + inner(3)
""",
        "kernel(4)", 20,
    ),
    "printing": (
        """
@jk.jit
def kernel(x):
    print("x is", x)
    return x
""",
        "kernel(4)", 4,
    ),
    "mathematics": (
        """
@jk.jit(fastmath={"reassoc", "nsz", "contract"})
def kernel(x):
    s = 0.0
    for value in x:
        s += math.sqrt(value) + math.floor(value)
    return s, np.median(x), np.sort(x)[0]
""",
        "kernel(np.array([16.0, 9.0]))", [32.0, 12.5, 9.0],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def runs_of_cases(make_shared_program):
    """Values of all cases, and what the cache did, in two processes."""
    program = make_shared_program({f"case_{name}": IMPORTS + source for name, (source, *_) in CASES.items()})
    calls = {name: call for name, (_, call, _) in CASES.items()}
    script = f"""
import numba
for name, call in {calls!r}.items():
    print(name, flush=True)  # the last one, should the process die
    before = events()
    try:
        result = eval(call, vars(import_module("case_" + name)) | {{"np": np, "numba": numba}})
    except Exception as error:  # the other cases need not suffer
        result = repr(error)
    values[name] = [result, [[event["outcome"], event["reason"]] for event in since(before)]]
"""
    return program.run(script).values, program.run(script).values


@pytest.mark.parametrize("name", CASES)
def test_kernels_of_every_kind_are_loaded_and_right(runs_of_cases, name):
    first, second = (run[name] for run in runs_of_cases)
    assert first[0] == second[0] == CASES[name][2]
    assert {outcome for outcome, _ in first[1]} == {"compiled"}, first[1]
    assert {outcome for outcome, _ in second[1]} == {"hit"}, second[1]


class TestMain:
    SCRIPT = """
import numba
GAIN = 3
@jk.jit
def kernel(x):
    return x * GAIN
@jk.jit(parallel=True)
def total(x):
    s = 0
    for i in numba.prange(x.size):
        s += kernel(x[i])
    return s
values["found"] = kernel(2), total(np.arange(4))
"""

    def test_functions_of_the_program_itself_are_loaded(self, make_program):
        first, second = twice(make_program(), self.SCRIPT)
        assert first["found"] == second["found"] == [6, 18]

    def test_they_are_compiled_again_when_they_change(self, make_program):
        program = make_program()
        program.run(self.SCRIPT)
        edited = program.run(self.SCRIPT.replace("GAIN = 3", "GAIN = 4"))
        assert edited.values["found"] == [8, 24]
        assert edited.compiled == {"kernel", "total"}

    def test_two_programs_with_functions_of_one_name(self, make_program):
        program = make_program()
        one = "@jk.jit\ndef kernel(x):\n    return x + 1\nvalues['found'] = kernel(1)\n"
        other = one.replace("x + 1", "x + 2")
        found = [program.run(script) for script in (one, other, one, other)]
        assert [run.values["found"] for run in found] == [2, 3, 2, 3]
        assert [run.counts for run in found] == [(0, 1, 1), (0, 1, 1), (1, 0, 0), (1, 0, 0)]


FACTORY = {"factory": IMPORTS + """
def make(n):
    @jk.jit
    def kernel(x):
        if x < 0:
            return kernel(x + 1) + n  # calls itself, or it would be inlined and leave no symbol
        return x * n
    return kernel

def make_caller(one, other):
    @jk.jit
    def caller(x):
        return one(x), other(x)
    return caller
"""}  # fmt: skip


class TestSymbols:
    """Closures of one factory have one name; numba would link one of them for both (numba issue 10486)."""

    USE_BOTH = """
from factory import make, make_caller
one, two = make(1), make(2)
values["found"] = one(5), two(5), make_caller(one, two)(5), make_caller(two, one)(5), one(-1), two(-1)
"""
    RIGHT = [5, 10, [5, 10], [10, 5], 1, 2]  # noqa: RUF012 (it is no default of anything)

    def test_of_different_processes(self, make_program):
        program = make_program(FACTORY)
        for n in (1, 2):
            alone = program.run(f"from factory import make\nvalues['found'] = make({n})(5)")
            assert (alone.values["found"], alone.counts) == (5 * n, (0, 1, 1))
        both = program.run(self.USE_BOTH)
        assert both.values["found"] == self.RIGHT
        assert both.functions("hit") >= {"make.<locals>.kernel"}
        assert both.compiled == {"make_caller.<locals>.caller"}
        again = program.run(self.USE_BOTH)
        assert again.values["found"] == self.RIGHT
        assert again.stats["compiles"] == 0

    def test_of_callers_from_different_processes(self, make_program):
        program = make_program(FACTORY)
        for n in (1, 2):
            program.run(f"from factory import make, make_caller\nmake_caller(make({n}), make({n}))(5)")
        both = program.run(f"""{self.USE_BOTH}
values["alone"] = make_caller(one, one)(5), make_caller(two, two)(5)
""")
        assert both.values["found"] == self.RIGHT
        assert both.values["alone"] == [[5, 5], [10, 10]]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
    def test_of_a_parent_and_its_child(self, make_program):
        program = make_program(FACTORY)
        forked = program.run("""
from factory import make
make(7)(5)  # so that numba is ready before the fork
child = os.fork()
found = make(2 if child else 1)(5)
if not child:
    os._exit(found)
values["found"] = found, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
""")
        assert forked.values["found"] == [10, 5]
        both = program.run(self.USE_BOTH)
        assert both.values["found"] == self.RIGHT
        assert both.compiled == {"make_caller.<locals>.caller"}


TEN = {"ten": IMPORTS + "".join(f"""
@jk.jit
def kernel{i}(x):
    s = 0.0
    for j in range(x.size):
        s += x[j] * {i}
    return s
""" for i in range(10))}  # fmt: skip
CALL_TEN = """
import ten
values["found"] = [getattr(ten, f"kernel{i}")(np.ones(3)) for i in range(10)]
"""
RIGHT_TEN = [3.0 * i for i in range(10)]


class TestManyProcesses:
    def test_compile_each_kernel_once_between_them(self, make_program):
        program = make_program(TEN)
        results = [running.result() for running in [program.start(CALL_TEN) for _ in range(8)]]
        assert [result.values["found"] for result in results] == [RIGHT_TEN] * 8
        compiled = Counter(
            event["function"] for result in results for event in result.events if event["outcome"] == "compiled"
        )
        assert compiled == {f"ten:kernel{i}": 1 for i in range(10)}
        assert sum(result.stats["compiles"] for result in results) == 10
        assert sum(result.stats["hits"] for result in results) == 70
        assert [result.warned for result in results] == [[]] * 8

    def test_threads_of_one_process(self, make_program):
        program = make_program(TEN)
        script = f"""
from concurrent.futures import ThreadPoolExecutor
import ten
def work(_):
{CALL_TEN.replace(chr(10), chr(10) + "    ")}
    return values["found"]
with ThreadPoolExecutor(8) as pool:
    values["all"] = list(pool.map(work, range(8)))
"""
        for _ in range(2):
            result = program.run(script)
            assert result.values["all"] == [RIGHT_TEN] * 8
        assert result.stats["compiles"] == 0


class TestTheDirectory:
    @pytest.mark.parametrize("place", ["begin", "middle", "end"])
    def test_damaged_entries_are_compiled_anew(self, make_program, place):
        program = make_program(TEN)
        program.run(CALL_TEN)
        files = list(program.cache.rglob("*.jkc"))
        assert len(files) >= 10
        for path in files:
            data = bytearray(path.read_bytes())
            data[{"begin": 60, "middle": len(data) // 2, "end": -1}[place]] ^= 0x10
            path.write_bytes(data)
        damaged = program.run(CALL_TEN)
        assert (damaged.values["found"], damaged.counts, damaged.warned) == (RIGHT_TEN, (0, 10, 10), [])
        assert program.run(CALL_TEN).counts == (10, 0, 0)

    def test_entries_with_a_payload_that_is_none_are_compiled_anew(self, make_program):
        program = make_program(TEN)
        program.run(CALL_TEN)
        program.run("""
from jitkit.cache._place import store
for key, _ in list(store().entries()):
    store().put(key, store().get(key).header, b"no pickle at all")
""")
        damaged = program.run(CALL_TEN)
        assert (damaged.values["found"], damaged.counts, damaged.warned) == (RIGHT_TEN, (0, 10, 10), [])
        assert program.run(CALL_TEN).counts == (10, 0, 0)

    def test_works_wherever_it_is_copied(self, make_program, tmp_path):
        program = make_program(TEN)
        program.run(CALL_TEN)
        copied = tmp_path / "copied" / "cache"
        shutil.copytree(program.cache, copied)
        shutil.rmtree(program.cache)
        found = program.run(CALL_TEN, cache=copied)
        assert (found.values["found"], found.counts) == (RIGHT_TEN, (10, 0, 0))

    def test_and_the_program_may_move_as_well(self, make_program):
        here, there = make_program(TEN), make_program(TEN)
        here.run(CALL_TEN)
        assert there.run(CALL_TEN, cache=here.cache).counts == (10, 0, 0)

    def test_that_cannot_be_made_costs_the_cache_only(self, make_program, tmp_path):
        program = make_program(TEN)
        file = tmp_path / "file"
        file.touch()
        for _ in range(2):
            found = program.run(CALL_TEN, cache=file / "below", XDG_CACHE_HOME=str(file / "other"))
            assert (found.values["found"], found.counts) == (RIGHT_TEN, (0, 10, 10))
            assert found.stats["stores"] == found.stats["entries"] == 0

    @pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no modes")
    def test_that_others_can_write_is_refused_with_one_warning(self, make_program):
        program = make_program(TEN)
        program.run(CALL_TEN)
        program.cache.chmod(0o777)
        found = program.run(CALL_TEN)
        assert (found.values["found"], found.counts, found.stats["stores"]) == (RIGHT_TEN, (0, 10, 10), 0)
        assert len(found.warned) == 1
        assert found.warned[0][0] == "RuntimeWarning"
        assert "expected a directory that only its owner can write (mode 0700), got mode 0777" in found.warned[0][1]


def refused(program, script):
    """Results of two processes, each of which compiles, keeps nothing and warns."""
    runs = program.run(script), program.run(script)
    for run in runs:
        assert run.stats["hits"] == run.stats["stores"] == run.stats["entries"] == 0
        assert run.stats["refusals"] > 0
    assert runs[0].values == runs[1].values
    assert sorted(runs[0].warned) == sorted(runs[1].warned)
    return runs[0]


class TestRefusals:
    def test_of_ctypes_functions_say_why_once(self, make_program):
        program = make_program({"outside": IMPORTS + """
import ctypes
labs = ctypes.CDLL(None).labs
labs.argtypes, labs.restype = [ctypes.c_long], ctypes.c_long
@jk.jit
def kernel(x):
    return labs(x) + 1
"""})  # fmt: skip
        run = refused(program, "from outside import kernel\nvalues['found'] = kernel(-3), kernel(True)")
        assert run.values["found"] == [4, 2]
        assert len(run.warned) == 1
        kind, message = run.warned[0]
        assert kind == "RuntimeWarning"
        assert message.startswith("outside:kernel is compiled anew by each process: ")
        assert "labs" in message
        assert "ctypes" in message or "CDLL" in message

    def test_or_none_of_functions_as_values(self, make_program):
        program = make_program({"values_of_functions": IMPORTS + """
@numba.njit("int64(int64)")
def plus(x):
    return x + 1
@numba.njit("int64(int64)")
def minus(x):
    return x - 1
@jk.jit
def kernel(functions, x):
    s = 0
    for function in functions:
        s += function(x)
    return s
"""})  # fmt: skip
        found = program.run("from values_of_functions import *\nvalues['found'] = kernel((plus, minus), 5)")
        assert found.values["found"] == 10
        again = program.run("from values_of_functions import *\nvalues['found'] = kernel((plus, minus), 5)")
        assert again.values["found"] == 10

    def test_of_objects_that_nobody_understands(self, make_program):
        program = make_program({"strange": IMPORTS + """
from numba.extending import overload
class Strange:
    factor = 3
STRANGE = Strange()
def scaled(x):
    raise NotImplementedError
@overload(scaled)
def _scaled(x):
    k = STRANGE.factor
    return lambda x: x * k
@jk.jit
def kernel(x):
    return scaled(x)
"""})  # fmt: skip
        run = refused(program, "from strange import kernel\nvalues['found'] = kernel(2), kernel(2.0)")
        assert run.values["found"] == [6, 6.0]
        (message,) = run.runtime_warnings
        assert message == (
            "strange:kernel is compiled anew by each process: global STRANGE of strange:_scaled is a strange.Strange, "
            "whose changes nobody could notice"
        )

    def test_of_python_inside(self, make_program):
        program = make_program({"inside": IMPORTS + """
def describe(x):
    return len(str(x))
@jk.jit
def kernel(x):
    with numba.objmode(n="int64"):
        n = describe(x)
    return n + 1
"""})  # fmt: skip
        run = refused(program, "from inside import kernel\nvalues['found'] = kernel(12345)")
        assert run.values["found"] == 6
        assert "inside:kernel is compiled anew by each process: " in run.runtime_warnings[0]
        program.edit("inside", "len(str(x))", "len(str(x)) * 100")
        assert program.run("from inside import kernel\nvalues['found'] = kernel(12345)").values["found"] == 501

    def test_of_recursion_with_another_type(self, make_program):
        program = make_program({"recursion": IMPORTS + """
@jk.jit
def find(forest, i):
    if forest[i] != i:
        forest[i] = find(forest, forest[i])
    return forest[i]
@jk.jit
def caller(i):
    return find(np.zeros(3, np.uint64), i)
"""})  # fmt: skip
        script = "from recursion import caller\nvalues['found'] = int(caller(np.uint32(0)))"
        assert program.run(script).values["found"] == program.run(script).values["found"] == 0

    def test_follow_a_switch_that_is_off(self, make_program):
        program = make_program(TEN)
        script = f"""
from jitkit._core import numba_cache
numba_cache.TESTED = ("0.1",)
{CALL_TEN}
"""
        for _ in range(2):
            found = program.run(script)
            assert found.values["found"] == RIGHT_TEN
            assert found.counts == (0, 0, 0)
            assert found.stats["stores"] == found.stats["entries"] == 0
            assert len(found.warned) == 1
            assert found.warned[0][0] == "RuntimeWarning"
            assert "expected numba 0.1, got " in found.warned[0][1]
            assert "compiles without a disk cache" in found.warned[0][1]


class TestErrors:
    def test_a_kernel_that_does_not_compile_does_not_block_others(self, make_program):
        program = make_program({"broken": IMPORTS + """
@jk.jit
def kernel(x):
    return x.no_such_thing
"""})  # fmt: skip
        script = """
import numba
from broken import kernel
try:
    values["found"] = kernel(3)
except numba.core.errors.TypingError as error:
    values["found"] = "no_such_thing" in str(error)
values["locks"] = [str(path) for path in jk.cache.directory().rglob("locks/*")]
"""
        broken = [running.result() for running in [program.start(script) for _ in range(3)]]  # one waits for another
        assert [run.values["found"] for run in broken] == [True] * 3
        assert program.run(script).values == {"found": True, "locks": []}
        program.edit("broken", "x.no_such_thing", "x + 1")
        mended = program.run(script)
        assert (mended.values, mended.counts) == ({"found": 4, "locks": []}, (0, 1, 1))
        assert program.run(script).counts == (1, 0, 0)

    def test_other_types_compile_in_the_same_process(self, make_program):
        program = make_program({"choosy": IMPORTS + """
@jk.jit
def kernel(x):
    return x * 2.5
"""})  # fmt: skip
        script = """
from choosy import kernel
try:
    kernel("text")
except Exception as error:
    values["error"] = type(error).__name__
values["found"] = kernel(2)
"""
        found = program.run(script)
        assert (found.values, found.stats["compiles"]) == ({"error": "TypingError", "found": 5.0}, 1)
        again = program.run(script)
        assert (again.values, again.stats["hits"], again.stats["compiles"]) == (found.values, 1, 0)

    def test_exceptions_come_back_as_they_were(self, make_program):
        program = make_program({"raising": IMPORTS + """
class OutOfRangeError(ValueError):
    pass
@jk.jit
def check(x):
    if x < 0:
        raise ValueError("expected a positive number, got a negative one")
    if x == 0:
        raise OutOfRangeError("expected more", 3, 2.5)
    if x == 1:
        raise IndexError
    if x == 2:
        raise KeyError(x, "is missing")
    if x == 3:
        assert x == 4, "no"
    return x
@jk.jit
def caller(x):
    return check(x) + 1
@jk.jit(error_model="python")
def divide(x):
    return 1 // x
"""})  # fmt: skip
        script = """
import raising
def tried(function, x):
    try:
        return function(x)
    except Exception as error:
        return [type(error).__module__, type(error).__name__, *error.args]
values["check"] = [tried(raising.check, x) for x in range(-1, 5)]
values["caller"] = [tried(raising.caller, x) for x in range(-1, 5)]
values["divide"] = tried(raising.divide, 0)
"""
        right = [
            ["builtins", "ValueError", "expected a positive number, got a negative one"],
            ["raising", "OutOfRangeError", "expected more", 3, 2.5],
            ["builtins", "IndexError"],
            ["builtins", "KeyError", 2, "is missing"],
            ["builtins", "AssertionError", "no"],
        ]
        for found in twice(program, script):
            assert found["check"] == [*right, 4]
            assert found["caller"] == [*right, 5]
            assert found["divide"][:2] == ["builtins", "ZeroDivisionError"]


class TestFunctionsAsArguments:
    MODULE = {"functions": IMPORTS + """
STEP = 1
@jk.jit
def plus(x):
    return x + STEP
@jk.jit
def minus(x):
    return x - 1
@jk.jit
def kernel(function, x):
    return function(x) * 10
@jk.jit
def caller(x):
    return kernel(plus, x)
"""}  # fmt: skip # noqa: RUF012 (it is no default of anything)
    SCRIPT = "from functions import *\nvalues['found'] = kernel(plus, 5), kernel(minus, 5), caller(5)"

    def test_are_told_from_each_other(self, make_program):
        first, second = twice(make_program(self.MODULE), self.SCRIPT)
        assert first["found"] == second["found"] == [60, 40, 60]

    def test_compile_anew_when_their_code_changes(self, make_program):
        program = make_program(self.MODULE)
        program.run(self.SCRIPT)
        program.edit("functions", "x + STEP", "x + 2 * STEP")
        edited = program.run(self.SCRIPT)
        assert edited.values["found"] == [70, 40, 70]
        assert edited.compiled == {"plus", "kernel", "caller"}
        program.edit("functions", "STEP = 1", "STEP = 3")
        assert program.run(self.SCRIPT).values["found"] == [110, 40, 110]

    def test_closures_of_one_factory_are_told_from_each_other(self, make_program):
        program = make_program(FACTORY | {"applied": IMPORTS + """
@jk.jit
def kernel(function, x):
    return function(x) * 10
"""})  # fmt: skip
        script = """
from factory import make
from applied import kernel
values["found"] = kernel(make(1), 5), kernel(make(2), 5), kernel(make(3), 5)
"""
        first, second = twice(program, script)
        assert first["found"] == second["found"] == [50, 100, 150]
