"""The kernels of a module and what each depends on, before anything is compiled: cargo's build plan, for kernels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from jitkit._core.modules import load_module
from jitkit.cache._environment import environment
from jitkit.cache._explain import notes, state_of

if TYPE_CHECKING:
    from jitkit.cache._fingerprint import Part

BY_TYPING = ("attribute ", "operator ")  # labels of what is called only if the types turn out so


@dataclass(frozen=True)
class Node:
    """One function of a plan."""

    name: str
    kind: str
    file: str
    depends: tuple[str, ...]  # surely
    may_depend: tuple[str, ...]  # if typing finds it
    state: str = ""  # of a kernel of the module: "fresh", "stale", "unknown", or why it cannot be kept
    signatures: tuple[str, ...] = ()  # that are kept


@dataclass(frozen=True)
class Plan:
    """The graph of kernels of a module. Callees stand before their callers, as they would be compiled."""

    module: str
    nodes: Mapping[str, Node]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"module": self.module, "functions": [asdict(node) for node in self.nodes.values()]}

    def to_json(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def to_dot(self) -> str:
        """Return the plan as a graph for Graphviz; what only typing can find is dashed."""
        lines = ["digraph kernels {", "  rankdir=LR;", "  node [shape=box];"]
        for node in self.nodes.values():
            label = json.dumps(f"{node.name.partition(':')[2]}\n{node.kind}{f', {node.state}' if node.state else ''}")
            lines.append(f"  {json.dumps(node.name)} [label={label}];")
            lines += [f"  {json.dumps(node.name)} -> {json.dumps(other)};" for other in node.depends]
            lines += [f"  {json.dumps(node.name)} -> {json.dumps(other)} [style=dashed];" for other in node.may_depend]
        return "\n".join([*lines, "}"])

    def __str__(self) -> str:
        lines = [f"{self.module}: {len(self.nodes)} functions"]
        for node in self.nodes.values():
            uses = [name.partition(":")[2] for name in node.depends]
            uses += [f"perhaps {name.partition(':')[2]}" for name in node.may_depend]
            line = f"  {node.kind:9} {node.name.partition(':')[2]}"
            line += f"  {node.state}" if node.state else ""
            lines.append(line + (f"  uses {', '.join(uses)}" if uses else ""))
        return "\n".join(lines)


def plan(module: ModuleType | str) -> Plan:
    """Make the graph of the kernels of a module and of all that they reach; nothing is compiled.

    Parameters
    ----------
    module : module or str
        The module, its dotted name, or the path of its file.

    Raises
    ------
    ImportError
        If a name or path cannot be imported.
    TypeError
        If `module` is neither a module nor a string.
    """
    if isinstance(module, str):
        module = load_module(module)
    if not isinstance(module, ModuleType):
        raise TypeError(f"expected a module or its name, got {type(module).__name__}")
    from jitkit._core import numba_values  # loads numba: importing this room must not

    numba_values.refresh()
    nodes: dict[str, Node] = {}
    kept = list(notes())
    for value in vars(module).values():
        if numba_values.is_dispatcher(value) and value.py_func.__module__ == module.__name__:
            _add_kernel(value, kept, nodes)
    return Plan(module.__name__, _callees_first(nodes))


def _add_kernel(dispatcher: Any, kept: list[dict[str, Any]], nodes: dict[str, Node]) -> None:
    from jitkit.cache._fingerprint import CannotFingerprintError, fingerprint

    function = dispatcher.py_func
    name = f"{function.__module__}:{function.__qualname__}"
    try:
        parts = fingerprint(dispatcher)
    except CannotFingerprintError as error:
        nodes[name] = Node(name, "kernel", function.__code__.co_filename, (), (), f"cannot be kept: {error}")
        return
    for key, part in parts.parts.items():
        nodes.setdefault(key, _node(key, part))
    mine = [note for note in kept if note["function"] == name]
    now = environment()
    state = "unknown" if not mine else "fresh" if all(state_of(note, parts, now)[0] for note in mine) else "stale"
    signatures = tuple(note["signature"] for note in mine)
    first = next(iter(parts.parts))
    nodes[first] = Node(**asdict(nodes[first]) | {"state": state, "signatures": signatures})


def _node(key: str, part: Part) -> Node:
    surely = {text.partition(" ")[2]: None for label, text in part.calls.items() if not label.startswith(BY_TYPING)}
    perhaps = {text.partition(" ")[2]: None for label, text in part.calls.items() if label.startswith(BY_TYPING)}
    return Node(key, part.kind, part.file, tuple(surely), tuple(name for name in perhaps if name not in surely))


def _callees_first(nodes: Mapping[str, Node]) -> dict[str, Node]:
    ordered: dict[str, Node] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in ordered or name in above or name not in nodes:
            return
        for other in (*nodes[name].depends, *nodes[name].may_depend):
            add(other, (*above, name))
        ordered[name] = nodes[name]

    for name in nodes:
        add(name, ())
    return ordered
