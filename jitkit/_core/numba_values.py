"""What the objects are made of that numba compiles with: the functions behind dispatchers, intrinsics and overloads.

A fingerprint follows these. Everything that numba itself brings is known by its version.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from types import FunctionType
from typing import Any

import numba  # as a whole first: threads that load its parts at the same time stop each other
import numpy as np
from llvmlite import ir
from numba.core import imputils, types
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.core.typing import templates
from numba.core.typing.templates import AttributeTemplate
from numba.extending import _Intrinsic
from numba.np.ufunc.dufunc import DUFunc
from numba.np.ufunc.gufunc import GUFunc

# Options that say where or whether something is stored, not what is compiled.
NOT_COMPILED = frozenset({"cache"})


def is_dispatcher(value: Any) -> bool:
    """Whether a value is a function that numba compiles."""
    return isinstance(value, Dispatcher)


def behind(value: Any) -> tuple[str, Any, dict[str, Any]] | None:
    """Return (kind, Python function, options) of what numba makes of functions; None for other values."""
    if isinstance(value, Dispatcher):
        options = options_in_words(value.targetoptions)
        options |= {f"local {name}": str(kind) for name, kind in value.locals.items()}
        return "kernel", value.py_func, options
    if isinstance(value, _Intrinsic):
        return "intrinsic", value._defn, {}
    if isinstance(value, DUFunc):
        # One without declared types takes on those that it is called with.
        declared = list(map(str, value._dispatcher.overloads)) if value._frozen else "any"
        told = {"identity": repr(value.identity), "types": str(declared)}
        return "ufunc", value._dispatcher.py_func, told | options_in_words(value.targetoptions)
    if isinstance(value, GUFunc):
        builder = value.gufunc_builder
        declared = list(map(str, builder._sigs)) if value._frozen else "any"
        told = {"layout": repr(builder.signature), "types": str(declared)}
        return "gufunc", builder.py_func, told | options_in_words(builder.targetoptions)
    return None


def options_in_words(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that a function is compiled with; those that are functions (``inline``) stay what they are."""
    return {f"option {name}": _in_words(option) for name, option in options.items() if name not in NOT_COMPILED}


def _in_words(option: Any) -> Any:
    if isinstance(option, FunctionType):
        return option
    return repr(sorted(option) if isinstance(option, (set, frozenset)) else option)  # whose order no process shares


def type_text(kind: Any) -> str | None:
    """Text of a numba type that says all of it; None where it has Python objects in it that a text cannot tell."""
    if hook := getattr(type(kind), "__jitkit_fingerprint__", None):
        return told if isinstance(told := hook(kind), str) else None  # also of what is inside tuples, lists and more
    if not type(kind).__module__.startswith("numba.") or isinstance(kind, HOLDING_OBJECTS):
        return None
    if isinstance(kind, types.Callable) and not isinstance(kind, types.NumberClass):
        return None
    inside = getattr(kind, "types", None) or [getattr(kind, name, None) for name in INSIDE]
    texts = [type_text(item) for item in inside if isinstance(item, types.Type)]
    names = kind.fields if isinstance(kind, types.BaseNamedTuple) else ()  # which its text does not have
    return None if None in texts else " ".join([str(kind), *names, *map(str, texts)])


# Types that stand for Python objects, and attributes of types under which other types are.
HOLDING_OBJECTS = (types.ClassInstanceType, types.EnumMember, types.EnumClass, types.Omitted)
INSIDE = ("dtype", "type", "key_type", "value_type", "yield_type", "instance_type", "first_type", "second_type")


def llvm_text(value: Any) -> str | None:
    """Text of a type or constant of LLVM's, as intrinsics use them; None for other values."""
    return f"llvm {value}" if isinstance(value, (ir.Type, ir.Constant)) else None


def is_type(value: Any) -> bool:
    """Whether a value is one of numba's types."""
    return isinstance(value, types.Type)


def object_in(kind: Any) -> tuple[Any] | None:
    """Python object that a numba type stands for: a function, an enumeration, a default; None where there is none."""
    if isinstance(kind, types.Dispatcher):
        return (kind.dispatcher,)
    if isinstance(kind, (types.EnumMember, types.EnumClass)):
        return (kind.instance_class,)
    return (kind.value,) if isinstance(kind, types.Omitted) else None


def read_back(text: str) -> Any:
    """Return the numba type of a text, as `repr` gives it.

    Raises
    ------
    ValueError
        If the text is anything but names of numba's types, calls of them, and constants: it comes from a file.
    """

    def value(node: ast.AST) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Tuple() | ast.List():
                return tuple(map(value, node.elts))
            case ast.Name() if _is_type_or_class(found := getattr(types, node.id, None)):
                return found
            case ast.Call():
                named = {str(keyword.arg): value(keyword.value) for keyword in node.keywords}
                return value(node.func)(*map(value, node.args), **named)
        raise ValueError(f"expected the repr of a numba type, got {text!r}")

    return value(ast.parse(text, mode="eval").body)


def _is_type_or_class(value: Any) -> bool:
    return isinstance(value, types.Type) or (isinstance(value, type) and issubclass(value, types.Type))


def can_be_read_back(kind: Any) -> bool:
    """Whether `read_back` makes the type of its `repr`."""
    try:
        return bool(read_back(repr(kind)) == kind)
    except Exception:  # whatever a text that is no expression does
        return False


def warm_up() -> None:
    """Let numba import what it would import at the first call with an array."""
    numba.typeof(np.empty(0))


def refresh() -> None:
    """Let numba take in what has been registered with it since it last looked."""
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    _newcomers().pass_over()


class _Newcomers:
    """Whether anybody but numba and jitkit has registered anything with numba: looks at each item once."""

    def __init__(self) -> None:
        self._found = any(
            not entry.value.startswith("jitkit:") for entry in entry_points(group="numba_extensions")
        )  # which numba calls when it first compiles
        self._seen: dict[int, int] = {}

    def found(self) -> bool:
        """Look at what has been registered since the last time."""
        for number, (items, place) in enumerate(self._registered()):
            new = items[self._seen.get(number, 0) :]
            self._found = self._found or any(_is_newcomer(item if place is None else item[place]) for item in new)
            self._seen[number] = len(items)
        return self._found

    def pass_over(self) -> None:
        """Take what has been registered so far as seen: numba has."""
        self._seen = {number: len(items) for number, (items, _) in enumerate(self._registered())}

    def _registered(self) -> list[tuple[list[Any], int | None]]:
        """What is registered, and where in each item its definer is; None where it is the item."""
        typed, lowered = templates.builtin_registry, imputils.builtin_registry
        return [
            (typed.functions, None), (typed.attributes, None), (typed.globals, 1),
            *((items, 0) for items in (lowered.functions, lowered.getattrs, lowered.setattrs, lowered.casts)),
        ]  # fmt: skip


def _is_newcomer(definer: Any) -> bool:
    """Whether a template, the type of a function, or an implementation is somebody else's."""
    if isinstance(definer, types.Function):
        return any(map(_is_newcomer, definer.templates))
    if is_numbas(definer):
        return any(not is_jitkits(found) for found in definitions(definer))
    return isinstance(definer, (type, FunctionType)) and not is_jitkits(definer)


@cache
def _newcomers() -> _Newcomers:
    return _Newcomers()


def users_overloads_wait() -> bool:
    """Whether somebody has registered overloads, so that numba must `refresh` before it can tell what calls mean."""
    return _newcomers().found()


def registered(value: Any) -> Iterator[Any]:
    """Functions and classes, not of numba's own, by which numba types and compiles calls of a value."""
    kind = cpu_target.typing_context._lookup_global(value)
    for template in getattr(kind, "templates", ()) if isinstance(kind, types.Function) else ():
        yield from definitions(template)
    try:
        selector = cpu_target.target_context._defns.get(value)
    except TypeError:  # not hashable
        return
    for _, implementation in selector.versions if selector is not None else ():
        function = getattr(implementation, "__wrapped__", implementation)
        if not is_numbas(function):
            yield function


def definitions(template: Any) -> Iterator[Any]:
    """What a typing template was made from, if not by numba, and with which options."""
    if not is_numbas(template):
        yield template
        return
    for name in ("_overload_func", "_definition_func", "generic"):
        found = list(users_functions(getattr(template, name, None)))
        yield from found
        if found and (options := options_of(template)):
            yield options


def options_of(template: Any) -> dict[str, Any]:
    """Options of an overload that differ from numba's usual ones."""
    options = dict(getattr(template, "_jit_options", None) or {})
    inline = getattr(template, "_inline", None)
    if inline is not None and not inline.is_never_inline:
        options["inline"] = inline.value
    return options_in_words(options)


def users_functions(function: Any) -> Iterator[Any]:
    """A function that is not numba's own, or those that one of numba's was made around."""
    if not isinstance(function, FunctionType):
        return
    if not is_numbas(function):
        yield function
        return
    for cell in getattr(function, "__closure__", None) or ():
        if isinstance(cell.cell_contents, FunctionType) and not is_numbas(cell.cell_contents):
            yield cell.cell_contents


class Registered:
    """Overloads of methods, attributes and operators, not of numba's own, which only typing finds: by name."""

    def __init__(self) -> None:
        self._attributes: dict[str, list[Any]] = {}
        self._seen: dict[Any, int] = {}  # templates of each type that have been looked at

    def attributes(self, name: str) -> list[Any]:
        """Functions that give an attribute or method of a name to some type."""
        return self._attributes.get(name, [])

    def operators(self, name: str) -> Iterator[Any]:
        """Functions that overload a function of the `operator` module."""
        return registered(getattr(operator, name))

    def look(self) -> None:
        """Take in what has been registered since the last look."""
        for kind, several in cpu_target.typing_context._attributes.items():
            seen = self._seen.get(kind, 0)
            if len(several) > seen:
                self._seen[kind] = len(several)
                for template in several[seen:]:
                    for name, function in attribute_definitions(type(template)):
                        known = self._attributes.setdefault(name, [])
                        if function not in known:
                            known.append(function)


def attribute_definitions(template: type[AttributeTemplate]) -> Iterator[tuple[str, Any]]:
    """Names of attributes, and the functions, not of numba's own, that a template resolves them by; their options."""
    function = getattr(template, "_overload_func", None)
    if function is not None:
        if not is_numbas(function):
            yield template._attr, function
            if options := options_of(template):
                yield template._attr, options
    elif not is_numbas(template):
        for name in dir(template):
            if name.startswith("resolve_"):
                yield name.removeprefix("resolve_"), getattr(template, name)


def is_jitkits(value: Any) -> bool:
    """Whether a function or class is one of jitkit's own, whose sources are in every key."""
    return (getattr(value, "__module__", None) or "").partition(".")[0] == "jitkit"


def is_numbas(value: Any) -> bool:
    """Whether a function or class is one that comes with numba, or is made by it from nothing of a user's."""
    names = getattr(value, "__module__", None), getattr(value, "__globals__", {}).get("__name__")
    # Classes that numba makes at run time say that they come from `abc`.
    return any(str(name).partition(".")[0] in ("numba", "llvmlite", "abc") for name in names)
