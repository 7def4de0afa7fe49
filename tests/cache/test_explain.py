"""What people are told: why a kernel is compiled, what depends on what, and what can be made ready ahead."""

import json
import sys

import numba
import pytest

import jitkit as jk
from jitkit._core import cpu
from jitkit.errors import CacheError

SHOWN = {
    "shown": """
import numpy as np
import jitkit as jk
GAIN = 3
TABLE = np.array([1, 2])
def make(n):
    @jk.jit
    def closed(x):
        return x + n
    return closed
closed = make(4)
@jk.jit
def helper(x):
    return x * 2
@jk.jit
def kernel(x):
    return helper(x) * GAIN + 7
@jk.jit(error_model="numpy")
def divide(x):
    return 1.0 / x
@jk.jit
def look_up(i):
    return TABLE[i]
@jk.jit
def with_default(x, k=2):
    return x * k
"""
}
CALL = """
import shown
shown.kernel(2), shown.closed(2), shown.divide(2.0), shown.look_up(0), shown.with_default(1, 5)
"""
EXPLAIN = """
import shown
for name in ("helper", "kernel", "closed", "divide", "look_up", "with_default"):
    told = jk.cache.explain(getattr(shown, name))
    values[name] = [str(told), told.to_dict()]
"""
HOST = dict.fromkeys(cpu.SETTINGS)  # compile for the host, whatever these tests are run with


@pytest.fixture
def program(make_program):
    """A program that has been run once."""
    program = make_program(SHOWN)
    program.run(CALL)
    return program


class TestExplain:
    def test_what_was_never_kept(self, make_program):
        told = make_program(SHOWN).run(EXPLAIN + CALL + EXPLAIN.replace("values[name]", 'values["called " + name]'))
        assert told.values["kernel"][0] == "shown:kernel: not compiled yet, and nothing is kept for it"
        assert told.values["kernel"][1] == {"function": "shown:kernel", "signatures": []}
        assert told.values["called kernel"] == [
            "shown:kernel\n  (int64) compiled: nothing was kept for it",
            {
                "function": "shown:kernel",
                "signatures": [{"signature": "int64", "outcome": "compiled", "reason": "", "changes": []}],
            },
        ]

    def test_what_was_loaded(self, program):
        told = program.run(CALL + EXPLAIN).values
        assert told["kernel"][0] == "shown:kernel\n  (int64) hit: loaded from the cache"
        assert told["closed"][0] == "shown:make.<locals>.closed\n  (int64) hit: loaded from the cache"
        assert told["kernel"][1]["signatures"][0]["outcome"] == "hit"

    @pytest.mark.parametrize(
        ("function", "edit", "text", "change"),
        [
            ("kernel", ("+ 7", "+ 8"), "'kernel' in shown.py changed: constant 7 -> 8", ("constant", "7", "8", "")),
            (
                "kernel",
                ("GAIN = 3", "GAIN = 4"),
                "'kernel' in shown.py changed: global GAIN: 3 -> 4",
                ("value", "3", "4", "global GAIN"),
            ),
            (
                "kernel",
                ("x * 2", "x * 2 + x"),
                "helper 'helper' in shown.py changed: its code",
                ("code", None, None, ""),
            ),
            ("helper", ("x * 2", "x * 5"), "'helper' in shown.py changed: constant 2 -> 5", ("constant", "2", "5", "")),
            (
                "closed",
                ("make(4)", "make(5)"),
                "'make.<locals>.closed' in shown.py changed: closure value n: 4 -> 5",
                ("value", "4", "5", "closure value n"),
            ),
            (
                "divide",
                ('"numpy"', '"python"'),
                "'divide' in shown.py changed: option error_model: 'numpy' -> 'python'",
                ("value", "'numpy'", "'python'", "option error_model"),
            ),
            (
                "divide",
                ('error_model="numpy"', 'error_model="numpy", boundscheck=True'),
                "'divide' in shown.py changed: option boundscheck: None -> True",
                ("value", "None", "True", "option boundscheck"),
            ),
            ("look_up", ("[1, 2]", "[1, 3]"), None, ("value", None, None, "global TABLE")),
            (
                "with_default",
                ("k=2", "k=3"),
                "'with_default' in shown.py changed: default 0: 2 -> 3",
                ("value", "2", "3", "default 0"),
            ),
        ],
    )
    def test_each_kind_of_change(self, program, function, edit, text, change):
        program.edit("shown", *edit)
        before = program.run(EXPLAIN).values[function]
        after = program.run(CALL + EXPLAIN).values[function]
        for (said, told), outcome, in_words in [
            (before, "stale", "kept, but the next call compiles"),
            (after, "compiled", "compiled"),
        ]:
            (signature,) = told["signatures"]
            assert (signature["signature"].partition(",")[0], signature["outcome"]) == (
                "float64" if function == "divide" else "int64",
                outcome,
            )
            (found,) = signature["changes"]
            what, old, new, label = change
            assert (found["what"], found["label"]) == (what, label)
            assert old is None or (found["before"], found["after"]) == (old, new)
            assert found["file"].endswith("shown.py")
            lines = said.splitlines()
            assert lines[1] == f"  ({signature['signature']}) {in_words}"
            assert lines[2:] == [f"    {found['text']}"]
            assert text is None or found["text"] == text
        again = program.run(EXPLAIN).values[function][1]["signatures"]
        assert [signature["outcome"] for signature in again] == ["fresh"]

    def test_what_is_kept_and_was_not_called(self, program):
        told = program.run(EXPLAIN).values
        assert told["kernel"][0] == "shown:kernel\n  (int64) kept: the next call loads it"
        assert told["kernel"][1]["signatures"] == [
            {"signature": "int64", "outcome": "fresh", "reason": "", "changes": []}
        ]

    def test_an_edit_that_is_taken_back(self, program):
        program.edit("shown", "GAIN = 3", "GAIN = 4")
        program.run(CALL)
        program.edit("shown", "GAIN = 4", "GAIN = 3")
        told = program.run(EXPLAIN).values["kernel"][1]["signatures"]
        assert program.run(CALL).stats["compiles"] == 0
        assert [signature["outcome"] for signature in told] == ["fresh"]

    def test_closures_of_one_factory(self, program):
        program.run("from shown import make\nmake(5)(2)")
        told = program.run("""
from shown import make
values["outcomes"] = [jk.cache.explain(make(n)).to_dict()["signatures"][0]["outcome"] for n in (4, 5, 6)]
""")
        assert told.values["outcomes"] == ["fresh", "fresh", "stale"]

    def test_what_has_been_pruned(self, program):
        told = program.run(f"""
from jitkit.cache._keeper import SLOT
for path in jk.cache.directory().rglob("*.jkc"):
    if not (path.parent.name + path.name).startswith(SLOT):
        path.unlink()
{EXPLAIN}""")
        outcomes = [signature["outcome"] for signature in told.values["kernel"][1]["signatures"]]
        assert "fresh" not in outcomes

    def test_an_argument_that_was_never_kept(self, program):
        told = program.run("import shown\nshown.kernel(2.5)" + EXPLAIN).values["kernel"]
        assert told[0] == (
            "shown:kernel\n"
            "  (float64) compiled: nothing was kept for it\n"
            "  (int64) kept: the next call loads it"
        )  # fmt: skip
        assert [signature["outcome"] for signature in told[1]["signatures"]] == ["compiled", "fresh"]

    def test_another_environment(self, make_program):
        program = make_program(SHOWN)
        program.run(CALL, NUMBA_OPT="3", **HOST)
        told = program.run(CALL + EXPLAIN, NUMBA_OPT="1", **HOST).values["kernel"]
        assert told[0].startswith("shown:kernel\n  (int64) compiled\n    NUMBA_OPT changed: ")
        (change,) = told[1]["signatures"][0]["changes"]
        assert (change["what"], change["name"], change["file"]) == ("environment", "NUMBA_OPT", "")
        other = program.run(EXPLAIN, **HOST | cpu.level_environment("generic")).values["kernel"][1]
        names = [change["name"] for change in other["signatures"][0]["changes"]]
        assert "CPU features" in names

    def test_what_cannot_be_kept(self, make_program):
        program = make_program(
            {
                "strange": """
import ctypes
import jitkit as jk
labs = ctypes.CDLL(None).labs
labs.argtypes, labs.restype = [ctypes.c_long], ctypes.c_long
@jk.jit
def kernel(x):
    return labs(x)
"""
            }
        )
        told = program.run("""
from strange import kernel
values["before"] = str(jk.cache.explain(kernel))
kernel(-2)
values["after"] = str(jk.cache.explain(kernel))
values["dictionary"] = jk.cache.explain(kernel).to_dict()
""").values  # fmt: skip
        assert told["before"].startswith("strange:kernel\n  (any) compiled anew by each process: global labs of ")
        assert told["after"].startswith("strange:kernel\n  (int64) compiled anew by each process: global labs of ")
        assert [signature["outcome"] for signature in told["dictionary"]["signatures"]] == ["refused"]
        assert "labs" in told["dictionary"]["signatures"][0]["reason"]

    @pytest.mark.parametrize(("value", "name"), [(len, "builtin_function_or_method"), (3, "int"), ("shown", "str")])
    def test_what_is_no_kernel(self, value, name):
        with pytest.raises(TypeError, match=f"expected a function made by jk.jit, got {name}"):
            jk.cache.explain(value)

    def test_a_function_of_numbas_own_decorator(self):
        told = jk.cache.explain(numba.njit(lambda x: x))
        assert told.signatures == ()
        assert str(told).endswith("not compiled yet, and nothing is kept for it")


PLANNED = {
    "planned": """
import jitkit as jk
from numba import types
from numba.extending import overload_attribute
from planned_helpers import far
GAIN = 3
@overload_attribute(types.Array, "doubled_of_plan")
def _doubled(x):
    return lambda x: x.sum() * 2
@jk.jit
def top(x):
    return middle(x) + far(x)
@jk.jit
def middle(x):
    return bottom(x) * GAIN
@jk.jit
def bottom(x):
    return x + 1
@jk.jit
def perhaps(x):
    return x.doubled_of_plan
@jk.jit
def even(n):
    return True if n == 0 else odd(n - 1)
@jk.jit
def odd(n):
    return False if n == 0 else even(n - 1)
def no_kernel(x):
    return x
""",
    "planned_helpers": """
import jitkit as jk
@jk.jit
def far(x):
    return x
@jk.jit
def not_planned(x):
    return x
""",
}


class TestPlan:
    @pytest.fixture
    def planned(self, make_program):
        program = make_program(PLANNED)

        def plan(what="'planned'", before="", **settings):
            script = f"""
{before}
made = jk.cache.plan({what})
values.update(text=str(made), json=made.to_json(), dot=made.to_dot(), order=list(made.nodes))
"""
            return program.run(script, **settings).values

        plan.program = program
        return plan

    def test_has_all_kernels_and_what_they_reach(self, planned):
        found = planned()
        nodes = {node["name"]: node for node in json.loads(found["json"])["functions"]}
        assert json.loads(found["json"])["module"] == "planned"
        kernels = {f"planned:{name}" for name in ("top", "middle", "bottom", "perhaps", "even", "odd")}
        assert kernels | {"planned_helpers:far", "planned:_doubled"} == nodes.keys()
        assert nodes["planned:top"]["depends"] == ["planned:middle", "planned_helpers:far"]
        assert nodes["planned:middle"]["depends"] == ["planned:bottom"]
        assert nodes["planned:bottom"]["depends"] == []
        assert nodes["planned:even"]["depends"] == ["planned:odd"]
        assert nodes["planned:odd"]["depends"] == ["planned:even"]
        assert nodes["planned:perhaps"]["depends"] == []
        assert nodes["planned:perhaps"]["may_depend"] == ["planned:_doubled"]
        assert {node["kind"] for name, node in nodes.items() if name in kernels} == {"kernel"}
        assert all(node["file"].endswith(("planned.py", "planned_helpers.py")) for node in nodes.values())

    def test_has_callees_first(self, planned):
        order = planned()["order"]
        assert order.index("planned:bottom") < order.index("planned:middle") < order.index("planned:top")
        assert order.index("planned_helpers:far") < order.index("planned:top")
        assert order.index("planned:_doubled") < order.index("planned:perhaps")

    def test_tells_what_is_kept(self, planned):
        def states(found):
            return {
                node["name"].partition(":")[2]: (node["state"], node["signatures"])
                for node in json.loads(found["json"])["functions"]
                if node["name"].startswith("planned:") and node["kind"] == "kernel"
            }

        assert set(map(str, states(planned()).values())) == {"('unknown', [])"}
        planned.program.run("import planned\nplanned.top(1), planned.perhaps(np.ones(2))")
        kept = states(planned())
        assert kept["top"] == kept["middle"] == kept["bottom"] == ("fresh", ["int64"])
        assert kept["even"] == ("unknown", [])
        assert kept["perhaps"][0] == "fresh"
        planned.program.edit("planned", "GAIN = 3", "GAIN = 4")
        edited = states(planned())
        assert edited["top"] == edited["middle"] == ("stale", ["int64"])
        assert edited["bottom"] == ("fresh", ["int64"])
        planned.program.edit("planned", "GAIN = 4", "GAIN = 3")
        planned.program.edit("planned", "x.sum() * 2", "x.sum() * 3")
        assert states(planned())["perhaps"][0] == "stale"

    def test_compiles_nothing(self, planned):
        planned(before="import atexit\natexit.register(lambda: None)")
        assert planned.program.run("jk.cache.plan('planned')").counts == (0, 0, 0)

    def test_is_a_graph(self, planned):
        dot = planned()["dot"]
        assert dot.startswith("digraph kernels {")
        assert dot.endswith("}")
        assert '  "planned:top" -> "planned:middle";' in dot
        assert '  "planned:middle" -> "planned:bottom";' in dot
        assert '  "planned:perhaps" -> "planned:_doubled" [style=dashed];' in dot
        assert '  "planned:top" [label="top\\nkernel, unknown"];' in dot
        assert dot.count("->") == 6

    def test_is_text_for_people(self, planned):
        lines = planned()["text"].splitlines()
        assert lines[0] == "planned: 8 functions"
        assert "  kernel    top  unknown  uses middle, far" in lines
        assert "  kernel    perhaps  unknown  uses perhaps _doubled" in lines

    def test_takes_a_name_a_path_or_a_module(self, planned):
        by_name = planned()
        path = planned.program.modules / "planned.py"
        by_path = planned(repr(str(path)))
        by_module = planned("planned", before="import planned")
        assert by_name == by_path == by_module

    @pytest.mark.parametrize(
        ("module", "error", "message"),
        [
            ("no_such_module_at_all", ImportError, "cannot import no_such_module_at_all: No module named"),
            ("no_such_file.py", ImportError, "cannot import no_such_file.py: No such file or directory"),
            (3, TypeError, "expected a module or its name, got int"),
        ],
    )
    def test_needs_a_module(self, module, error, message):
        with pytest.raises(error, match=message):
            jk.cache.plan(module)

    def test_of_a_module_without_kernels_is_empty(self):
        assert json.loads(jk.cache.plan("json").to_json()) == {"module": "json", "functions": []}

    def test_says_what_cannot_be_kept(self, make_program):
        program = make_program(
            {
                "strange": """
import jitkit as jk
THING = object()
@jk.jit
def kernel(x):
    return THING
"""
            }
        )
        (node,) = json.loads(program.run("values['json'] = jk.cache.plan('strange').to_json()").values["json"])[
            "functions"
        ]
        assert node["state"] == "cannot be kept: global THING of strange:kernel is a builtins.object"


RECORDED = {
    "recorded": """
import numpy as np
import jitkit as jk
@jk.jit
def kernel(x):
    return x * 2
@jk.jit
def caller(x):
    return kernel(x) + 1
nameless = jk.jit(lambda x: x * 3)
def make(n):
    @jk.jit
    def closed(x):
        return x + n
    return closed
closed = make(4)
class holder:
    @staticmethod
    @jk.jit
    def inside(x):
        return x - 1
"""
}
RECORD = """
import recorded
with jk.cache.record("kernels.json"):
    recorded.caller(2), recorded.kernel(np.ones((2, 2))), recorded.kernel(np.ones(2)[::-1]), recorded.nameless(2)
    recorded.closed(1), recorded.holder.inside((1, 2.5)[0]), recorded.kernel(2), recorded.kernel(2)
recorded.kernel(2.5)
"""
PRELOAD = """
if __name__ == "__main__":  # the processes that `jobs` starts load this file as well
    done = jk.cache.preload("kernels.json"{})
    values["done"] = [done.loaded, done.compiled, [list(pair) for pair in done.failed]]
    values["text"] = str(done)
    before = jk.cache.stats()
    import recorded
    values["found"] = recorded.caller(2), recorded.kernel(np.ones((2, 2))).sum(), recorded.holder.inside(3)
    after = jk.cache.stats()
    values["looked"] = after.hits + after.misses - before.hits - before.misses
    values["compiled"] = after.compiles - before.compiles
"""


class TestManifests:
    @pytest.fixture
    def recorded(self, make_program):
        program = make_program(RECORDED)
        program.run(RECORD)
        program.manifest = program.folder / "kernels.json"
        return program

    def test_have_the_signatures_that_were_used(self, recorded):
        content = json.loads(recorded.manifest.read_text())
        assert (content["title"], content["version"]) == ("jitkit kernels", 1)
        assert {(kernel["function"], *kernel["types"]) for kernel in content["kernels"]} == {
            ("recorded:caller", "int64"),
            ("recorded:kernel", "int64"),
            ("recorded:kernel", "Array(float64, 2, 'C', False, aligned=True)"),
            ("recorded:kernel", "Array(float64, 1, 'A', False, aligned=True)"),
            ("recorded:holder.inside", "int64"),
        }
        assert len(content["kernels"]) == 5
        assert content["skipped"] == [
            {"function": "recorded:<lambda>", "reason": "it cannot be found by its name"},
            {"function": "recorded:make.<locals>.closed", "reason": "it cannot be found by its name"},
        ]

    def test_are_written_after_an_error_too(self, recorded):
        recorded.run("""
import recorded
try:
    with jk.cache.record("half.json"):
        recorded.kernel(2)
        recorded.kernel("text", 3)
except TypeError:
    pass
""")
        content = json.loads((recorded.folder / "half.json").read_text())
        assert [kernel["function"] for kernel in content["kernels"]] == ["recorded:kernel"]
        assert list(recorded.folder.glob(".*")) == []

    @pytest.mark.parametrize("jobs", ["", ", jobs=2"])
    def test_make_kernels_ready(self, recorded, jobs):
        loaded = recorded.run(PRELOAD.format(jobs)).values
        assert loaded["done"] == [5, 0, []]
        assert loaded["text"] == "5 loaded, 0 compiled, 0 failed"
        assert loaded["found"] == [5, 8.0, 2]
        assert (loaded["looked"], loaded["compiled"]) == (0, 0)

    def test_make_kernels_ready_without_a_cache(self, recorded, tmp_path):
        made = recorded.run(PRELOAD.format(""), cache=tmp_path / "empty").values
        assert made["done"] == [1, 4, []]  # `caller` brings `kernel` along
        assert (made["found"], made["looked"], made["compiled"]) == ([5, 8.0, 2], 0, 0)

    def test_let_other_processes_compile(self, recorded, tmp_path):
        made = recorded.run(PRELOAD.format(", jobs=2"), cache=tmp_path / "empty")
        assert made.values["done"] == [5, 0, []]
        assert (made.values["found"], made.values["looked"]) == ([5, 8.0, 2], 0)
        assert made.stats["compiles"] == 0

    def test_may_name_functions_that_are_gone(self, recorded):
        recorded.edit("recorded", "def caller(x):", "def renamed(x):")
        gone = recorded.run(PRELOAD.format("").replace("recorded.caller(2)", "recorded.renamed(2)")).values
        assert gone["done"][:2] == [4, 0]
        (failed,) = gone["done"][2]
        assert failed[0] == "recorded:caller"
        assert failed[1] == "AttributeError: module 'recorded' has no attribute 'caller'"
        assert gone["text"].splitlines() == ["4 loaded, 0 compiled, 1 failed", f"  recorded:caller: {failed[1]}"]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "no JSON",
            "[]",
            "{}",
            "3",
            '{"title": "jitkit kernels", "version": 2, "kernels": []}',
            '{"title": "jitkit kernels", "version": 1}',
            '{"title": "jitkit kernels", "version": 1, "kernels": [{"function": "f"}]}',
            '{"title": "jitkit kernels", "version": 1, "kernels": [3]}',
            '{"title": "jitkit kernels", "version": 1, "kernels": 3}',
        ],
    )
    def test_that_are_none(self, tmp_path, text):
        path = tmp_path / "kernels.json"
        path.write_text(text)
        with pytest.raises(CacheError) as caught:
            jk.cache.preload(path)
        assert str(caught.value) == (
            f"expected a manifest that jitkit.cache.record wrote (version 1), got something else in {path}"
        )

    def test_that_are_no_text(self, tmp_path):
        path = tmp_path / "kernels.json"
        path.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(CacheError, match="expected a manifest"):
            jk.cache.preload(path)

    def test_that_are_not_there(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            jk.cache.preload(tmp_path / "kernels.json")

    @pytest.mark.parametrize("jobs", [0, -1])
    def test_need_a_process(self, tmp_path, jobs):
        with pytest.raises(ValueError, match=f"expected jobs of 1 or more, got {jobs}"):
            jk.cache.preload(tmp_path / "kernels.json", jobs)

    @pytest.mark.parametrize(
        "hostile",
        [
            "__import__('os').mkdir('hacked')",
            "int64.__class__.__base__.__subclasses__()",
            "(lambda: int64)()",
            "[int64 for _ in range(2)]",
            "int64 if open('hacked', 'w') else int64",
            "open('hacked', 'w')",
            "Array(open('hacked', 'w'), 1, 'C')",
            "functools",
            "nothing_like_it",
            "int64(",
            "sys.exit()",
            'f\'{open("hacked", "w")}\'',
            "os",
        ],
    )
    def test_never_run_what_they_say(self, tmp_path, monkeypatch, hostile):
        monkeypatch.chdir(tmp_path)
        kernel = {"function": "jitkit.records._typing:field_reader", "types": [hostile]}
        content = {"title": "jitkit kernels", "version": 1, "kernels": [kernel]}
        (tmp_path / "kernels.json").write_text(json.dumps(content))
        (tmp_path / "hostile_kernels.py").write_text("import jitkit as jk\n@jk.jit\ndef kernel(x):\n    return x\n")
        kernel["function"] = "hostile_kernels:kernel"
        (tmp_path / "kernels.json").write_text(json.dumps(content))
        monkeypatch.syspath_prepend(tmp_path)
        done = jk.cache.preload("kernels.json")
        monkeypatch.delitem(sys.modules, "hostile_kernels")
        assert (done.loaded, done.compiled) == (0, 0)
        assert done.failed[0][0] == "hostile_kernels:kernel"
        assert done.failed[0][1].startswith(("ValueError: expected the repr of a numba type", "SyntaxError: "))
        assert not (tmp_path / "hacked").exists()


class TestTheCommand:
    @pytest.fixture
    def here(self, program, monkeypatch):
        """The folder of a program that has been run once, and its cache."""
        monkeypatch.chdir(program.modules)
        monkeypatch.setenv("JITKIT_CACHE_DIR", str(program.cache))
        monkeypatch.syspath_prepend(program.modules)
        yield program
        sys.modules.pop("shown", None)

    def test_info(self, run, here):
        code, out, err = run("cache", "info", "--json")
        facts = json.loads(out)
        assert (code, err) == (0, "")
        assert facts["directory"] == str(here.cache)
        assert (facts["entries"], facts["problem"]) == (6, None)
        assert facts["nbytes"] > 6 * 1000
        code, out, err = run("cache", "info")
        assert (code, err) == (0, "")
        assert out == (
            f"{here.cache}: 6 kernels, {facts['nbytes']:,} bytes of at most {facts['max_bytes']:,}\n"
        )  # fmt: skip

    def test_info_says_what_is_wrong(self, run, monkeypatch, tmp_path):
        (tmp_path / "file").touch()
        monkeypatch.setenv("JITKIT_CACHE_DIR", str(tmp_path / "file" / "below"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "other"))
        code, out, err = run("cache", "info")
        assert (code, err) == (0, "")
        assert "switched off: expected a directory that can be written, got one that cannot" in out

    def test_explain(self, run, here):
        assert run("cache", "explain", "shown:kernel") == (
            0, "shown:kernel\n  (int64) kept: the next call loads it\n", "",
        )  # fmt: skip
        code, out, err = run("cache", "explain", "shown.py:closed", "--json")
        assert (code, err) == (0, "")
        assert json.loads(out)["function"].endswith(":make.<locals>.closed")
        sys.modules.pop("shown")
        here.edit("shown", "GAIN = 3", "GAIN = 4")
        code, out, err = run("cache", "explain", "shown:kernel")
        assert (code, err) == (0, "")
        assert out.splitlines()[1:] == [
            "  (int64) kept, but the next call compiles",
            "    'kernel' in shown.py changed: global GAIN: 3 -> 4",
        ]

    def test_plan(self, run, here):  # noqa: ARG002 (here is where it runs)
        code, out, err = run("cache", "plan", "shown")
        assert (code, err) == (0, "")
        assert out.splitlines()[0] == "shown: 6 functions"
        assert "  kernel    kernel  fresh  uses helper" in out.splitlines()
        code, out, err = run("cache", "plan", "shown", "--to", "json")
        assert (code, err, json.loads(out)["module"]) == (0, "", "shown")
        code, out, err = run("cache", "plan", "shown", "--to", "dot")
        assert (code, err) == (0, "")
        assert '  "shown:kernel" -> "shown:helper";\n' in out

    def test_preload(self, start, make_program, tmp_path, monkeypatch):
        program = make_program(RECORDED)
        program.run(RECORD)
        monkeypatch.setenv("JITKIT_CACHE_DIR", str(tmp_path / "cache"))
        for jobs, line in [((), "1 loaded, 4 compiled, 0 failed"), (("--jobs", "2"), "5 loaded, 0 compiled, 0 failed")]:
            with start("cache", "preload", program.folder / "kernels.json", *jobs, cwd=program.modules) as process:
                out, err = process.communicate()
            assert (process.returncode, out) == (0, line + "\n"), err
        program.edit("recorded", "def caller(x):", "def renamed(x):")
        with start("cache", "preload", program.folder / "kernels.json", cwd=program.modules) as process:
            out, err = process.communicate()
        assert (process.returncode, out.splitlines()[0]) == (1, "4 loaded, 0 compiled, 1 failed")
        assert "  recorded:caller: AttributeError: " in out

    def test_prune_and_clear(self, run, here):
        nbytes = sum(path.stat().st_size for path in here.cache.rglob("*.jkc"))
        files = len(list(here.cache.rglob("*.jkc")))
        assert run("cache", "prune") == (0, f"0 files removed, {nbytes:,} bytes left\n", "")
        code, out, err = run("cache", "prune", "--max-bytes", nbytes // 2)
        left = sum(path.stat().st_size for path in here.cache.rglob("*.jkc"))
        fewer = len(list(here.cache.rglob("*.jkc")))
        assert (code, out, err) == (0, f"{files - fewer:,} files removed, {left:,} bytes left\n", "")
        assert 0 < left <= nbytes // 2
        assert run("cache", "clear") == (0, f"{fewer:,} files removed\n", "")
        assert list(here.cache.rglob("*.jkc")) == []
        assert run("cache", "clear") == (0, "0 files removed\n", "")

    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            ([], 2, "the following arguments are required: COMMAND"),
            (["nonsense"], 2, "invalid choice: 'nonsense'"),
            (["explain"], 2, "the following arguments are required: MODULE:FUNCTION"),
            (["explain", "shown"], 2, "argument MODULE:FUNCTION: expected MODULE:FUNCTION, got 'shown'"),
            (["explain", "shown:"], 2, "expected MODULE:FUNCTION, got 'shown:'"),
            (["explain", "shown:nope"], 1, "jitkit: expected a function of shown, got 'nope', which it has not"),
            (["explain", "shown:GAIN"], 1, "jitkit: shown:GAIN: expected a function made by jk.jit, got int"),
            (["explain", "no_such_module:f"], 1, "jitkit: cannot import no_such_module: No module named"),
            (["plan"], 2, "the following arguments are required: MODULE"),
            (["plan", "no_such_module"], 1, "jitkit: cannot import no_such_module: No module named 'no_such_module'"),
            (["plan", "no_such_file.py"], 1, "jitkit: cannot import no_such_file.py: No such file or directory"),
            (["plan", "shown", "--to", "svg"], 2, "argument --to: invalid choice: 'svg'"),
            (["preload", "no_such_file"], 1, "jitkit: no_such_file: No such file or directory"),
            (["preload", "shown.py"], 1, "jitkit: expected a manifest that jitkit.cache.record wrote (version 1), got"),
            (["preload", "shown.py", "--jobs", "0"], 2, "argument --jobs: expected a number of 1 or more, got '0'"),
            (["preload", "shown.py", "--jobs", "many"], 2, "expected a number of 1 or more, got 'many'"),
            (["prune", "--max-bytes", "-1"], 2, "argument --max-bytes: expected a number of 1 or more, got '-1'"),
            (["clear", "everything"], 2, "unrecognized arguments: everything"),
        ],
    )
    def test_wrong_arguments(self, run, monkeypatch, tmp_path, arguments, code, message):
        (tmp_path / "shown.py").write_text(SHOWN["shown"])
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("JITKIT_CACHE_DIR", str(tmp_path / "cache"))
        got, out, err = run("cache", *arguments)
        sys.modules.pop("shown", None)
        assert (got, out) == (code, "")
        assert message in err.replace("\n", " ")
        assert code == 2 or err.count("\n") == 1


class TestPruning:
    def test_needs_a_size(self):
        with pytest.raises(ValueError, match="expected max_bytes of 0 or more, got -1"):
            jk.cache.prune(max_bytes=-1)

    def test_makes_room_and_what_is_left_is_loaded(self, program):
        assert program.run("values['pruned'] = jk.cache.prune()").values["pruned"][0] == 0
        pruned = program.run("values['pruned'] = jk.cache.prune(max_bytes=0)")
        assert pruned.values["pruned"][1] == 0
        assert pruned.stats["entries"] == 0
        again = program.run(CALL)
        assert (again.stats["hits"], again.stats["compiles"], again.stats["entries"]) == (0, 6, 6)
