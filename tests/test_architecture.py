"""The rules of the house, read from the source: who imports whom, and what may stand where."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "jitkit"

# A room imports only from rooms of a lower number; rooms of one number do not know each other.
ROOMS = {
    "errors": 1,
    "_core": 2,
    "cache": 3,
    **dict.fromkeys(("simd", "ring", "records", "ffi"), 4),
    **dict.fromkeys(("telemetry", "stream", "csv", "tune"), 5),
    "sinks": 6,
    "demos": 7,
    "cli": 8,  # runs the demos
    "__main__": 9,
}
# What numba documents. All else in numba (numba.core, numba.np, numba.cpython, ...) moves between its releases, as
# does llvmlite's way to build IR: `_core` is the one place to repair.
NUMBA_PUBLIC = {"numba", "numba.types", "numba.extending", "numba.typed"}
COMPILERS = {"jit", "njit", "vectorize", "guvectorize", "cfunc", "stencil", "jit_module"}

FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@pytest.fixture(params=FILES)
def file(request):
    return request.param


def broken_rules(file, source=None):
    """Every rule that a file of the package breaks, one sentence each."""
    source = (PACKAGE / file).read_text(encoding="utf-8") if source is None else source
    tree = ast.parse(source)
    rules = [file_rules(file, source, tree)]
    if file != "__init__.py":  # loads everything lazily, and may know everybody
        rules += [import_rules(file, tree), numba_rules(file, tree)]
    return [sentence for rule in rules for sentence in rule]


def file_rules(file: str, source: str, tree: ast.Module) -> Iterator[str]:
    if (lines := source.count("\n")) > 400:
        yield f"{lines} lines, more than 400"
    room, _, name = file.rpartition("/")
    # `_core` is private as a whole, and the demos are there to be opened.
    if room not in ("", "_core", "demos") and not name.startswith("_"):
        yield f"{name} is a public file in a room"
    if room and name == "__init__.py":
        for node in tree.body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            names = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            # What is made on first use has a name for type checkers alone: so does all of `jitkit/__init__.py`.
            typed = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            imported = all(
                isinstance(part, ast.ImportFrom) for part in ([*node.body, *node.orelse] if typed else [node])
            )
            if not (docstring or names or imported):
                yield f"line {node.lineno}: the __init__.py of a room does more than show its names"


def import_rules(file: str, tree: ast.Module) -> Iterator[str]:
    here = room_of(file)
    for line, module in imports(file, tree):
        package, _, rest = module.partition(".")
        room, _, inner = rest.partition(".")
        if package != "jitkit" or room == here:
            continue
        if room in ROOMS:
            if ROOMS[room] >= ROOMS[here]:
                yield f"line {line}: {here} imports {room}, which stands below it"
            if inner.startswith("_") and room != "_core" and here != "cli":
                yield f"line {line}: {here} imports {module}, a private file of another room"
        elif room != "__version__" and here != "demos":  # demos read like a user's code
            yield f"line {line}: {here} imports jitkit itself instead of a room"


def numba_rules(file: str, tree: ast.Module) -> Iterator[str]:
    mentioned = {name for name in imports(file, tree) if name[1].startswith(("numba", "llvmlite"))}
    mentioned |= {(node.lineno, ast.unparse(node)) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for line, name in sorted(mentioned):
        package, _, rest = name.partition(".")
        part = rest.partition(".")[0]
        if package == "numba" and part in COMPILERS and file != "_core/jit.py":
            yield f"line {line}: {name} compiles without the house options of _core/jit.py"
        submodule = package == "numba" and part in NUMBA_SUBMODULES and f"numba.{part}" not in NUMBA_PUBLIC
        if (submodule or package == "llvmlite") and room_of(file) != "_core":
            yield f"line {line}: {name} is a matter of _core"
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "fastmath" and ast.unparse(node.value) == "True":
            yield f"line {node.value.lineno}: fastmath=True; name the liberties that the kernel takes"


def numba_submodules() -> set[str]:
    import numba

    folder = Path(numba.__file__).parent
    return {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}


NUMBA_SUBMODULES = numba_submodules()


def room_of(file: str) -> str:
    return file.removesuffix(".py").partition("/")[0]


def imports(file: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a file imports, also inside functions, but not for type checkers."""
    folder = ["jitkit", *file.split("/")[:-1]]
    for node in at_run_time(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            yield from ((node.lineno, f"{module}.{name.name}") for name in node.names)


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        children: list[ast.AST] = list(node.orelse)
    else:
        yield node
        children = list(ast.iter_child_nodes(node))
    for child in children:
        yield from at_run_time(child)


def test_the_package_keeps_the_rules(file):
    assert broken_rules(file) == []


def test_every_room_has_its_place_in_the_list():
    assert {room_of(file) for file in FILES} - {"__init__"} <= ROOMS.keys()


@pytest.mark.parametrize(
    ("file", "source", "rule"),
    [
        ("records/_a.py", "from jitkit.demos import run", "records imports demos"),
        ("records/_a.py", "from ..demos import run", "records imports demos"),
        ("records/_a.py", "def f():\n    from jitkit import simd", "line 2: records imports simd"),
        ("records/_a.py", "import jitkit as jk", "imports jitkit itself"),
        ("records/_a.py", "from jitkit import Record", "imports jitkit itself"),
        ("_core/a.py", "import jitkit.cache", "_core imports cache"),
        ("errors.py", "from jitkit import _core", "errors imports _core"),
        ("demos/a.py", "from jitkit.records._types import Pad", "private file of another room"),
        ("records/_a.py", "import llvmlite.binding", "a matter of _core"),
        ("records/_a.py", "from llvmlite import ir", "a matter of _core"),
        ("records/_a.py", "from numba.core import cgutils", "a matter of _core"),
        ("records/_a.py", "from numba import core", "a matter of _core"),
        ("records/_a.py", "import numba\nnumba.np.arrayobj.make_array(0)", "line 2: numba.np.arrayobj"),
        ("records/_a.py", "from numba import njit", "without the house options"),
        ("records/_a.py", "import numba\n@numba.jit\ndef f(): pass", "line 2: numba.jit compiles"),
        ("_core/a.py", "import numba\nf = numba.njit(g)", "line 2: numba.njit compiles"),
        ("_core/jit.py", "f = jit(g, fastmath=True)", "fastmath=True"),
        ("records/_a.py", "#\n" * 401, "401 lines"),
        ("records/a.py", "", "a.py is a public file"),
        ("records/__init__.py", '"""Doc."""\nimport os', "line 2: the __init__.py of a room does more"),
        ("records/__init__.py", "def f(): pass", "does more than show its names"),
        ("records/__init__.py", "if f():\n    from jitkit.records._a import b", "does more than show its names"),
        ("records/__init__.py", "if TYPE_CHECKING:\n    b = 1", "does more than show its names"),
    ],
)
def test_a_broken_rule_is_found(file, source, rule):
    assert any(rule in sentence for sentence in broken_rules(file, source))


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("records/_a.py", "from jitkit.errors import LayoutError\nfrom jitkit._core.jit import jit"),
        ("records/_a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from jitkit.demos import run"),
        ("records/_a.py", "import numba\nfrom numba import types\nfrom numba.extending import overload"),
        ("records/_a.py", "from jitkit.records._b import c\nfrom . import _d"),
        ("records/__init__.py", '"""Doc."""\nfrom jitkit.records._a import b\n__all__ = ["b"]'),
        (
            "records/__init__.py",
            "if TYPE_CHECKING:\n    from jitkit.records._a import b\nelse:\n    from jitkit.records._a import b",
        ),
        ("_core/jit.py", "import numba\nf = numba.njit(g, fastmath={'nsz'})"),
        ("_core/a.py", "from numba.core import cgutils\nimport llvmlite.binding"),
        ("demos/a.py", "import jitkit as jk"),
        ("cli.py", "from jitkit import __version__\nfrom jitkit.records._command import decode"),
        ("__init__.py", "from jitkit.demos import run"),
    ],
)
def test_what_the_rules_allow(file, source):
    assert broken_rules(file, source) == []
