"""What a kernel is made of: its own code and values, and those of all that it reaches.

A fingerprint is a flat list of functions, each with the values that it uses, by name; so mutual recursion needs no
special case, and two fingerprints can be compared in words.
"""

from __future__ import annotations

import builtins
import dataclasses
import enum
import functools
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MappingProxyType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

import numpy as np

from jitkit._core import numba_values
from jitkit.cache._code import Code, Name, code_of, constant_text

_CACHED = type(functools.cache(len))

LONGEST = 120  # characters of a value's text: beyond that it is told by its digest

# What these bring is known by their version, or digest, which is in every key.
VERSIONED = frozenset({"numba", "llvmlite", "numpy", "jitkit"}) | sys.stdlib_module_names

STDLIB = Path(os.__file__).parent


class CannotFingerprintError(Exception):
    """A kernel uses something whose changes nobody could notice."""


@dataclasses.dataclass(frozen=True)
class Part:
    """One function of a fingerprint."""

    name: str  # "module:qualified name"
    kind: str  # "kernel", "function", "intrinsic", "overload", "class", ...
    file: str  # of no account for the digest
    shape: str
    constants: tuple[str, ...]
    values: Mapping[str, str]  # "global GAIN" -> "int 3"
    calls: Mapping[str, str]  # "global helper" -> "kernel module:helper", kind and key of a part

    def told(self) -> list[Any]:
        """What the digest is made of: not the file."""
        return [
            self.name, self.kind, self.shape, self.constants, sorted(self.values.items()), sorted(self.calls.items()),
        ]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """The parts of a kernel, itself first, by keys that differ for closures of one name."""

    digest: str
    parts: Mapping[str, Part]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {key: dataclasses.asdict(part) for key, part in self.parts.items()}

    @property
    def is_tied(self) -> bool:
        """Whether others that the kernel calls call it back, directly or not."""
        first, *others = self.parts
        called = (text for key in others for text in self.parts[key].calls.values())
        return any(text.partition(" ")[2] == first for text in called)


def fingerprint(dispatcher: Any) -> Fingerprint:
    """Take the fingerprint of a kernel as things stand now.

    Raises
    ------
    CannotFingerprintError
        If it reaches a value of a kind that is not understood; it says which, and where.
    """
    return fingerprint_of(dispatcher, "kernel")


def fingerprint_of(value: Any, what: str) -> Fingerprint:
    """Take the fingerprint of any value that is understood."""
    walk = _Walk()
    text = walk.text(value, what)
    walk.finish()
    digest = hashlib.sha256(text.encode())
    digest.update(json.dumps([part.told() for part in walk.parts.values()]).encode())
    return Fingerprint(digest.hexdigest(), walk.parts)


def signature_text(args: Iterable[Any], result: Any) -> str:
    """Text of the argument types of a kernel, and of its declared result type, if there is one.

    Raises
    ------
    CannotFingerprintError
        If one of them holds Python objects that are not understood.
    """
    walk = _Walk()
    texts = [walk.type_text(kind, f"argument {i + 1}").removeprefix("type ") for i, kind in enumerate(args)]
    told = ", ".join(texts) + ("" if result is None else f" -> {walk.type_text(result, 'the result')}")
    walk.finish()
    if not walk.parts:
        return told
    return f"{told} {hashlib.sha256(json.dumps([part.told() for part in walk.parts.values()]).encode()).hexdigest()}"


_registered = numba_values.Registered()


class _Walk:
    """Goes from function to function, each once."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self._keys: dict[int, str] = {}
        self._kept: list[Any] = []  # so that no `id` is used again
        self._waiting: list[tuple[str, Callable[[], Part]]] = []
        self._counts: dict[str, int] = {}
        _registered.look()

    def finish(self) -> None:
        """Look at every function that is known of, and at those that they know."""
        while self._waiting:
            key, look = self._waiting.pop()
            self.parts[key] = look()

    def text(self, value: Any, where: str) -> str:
        """Text that changes when a value, or anything that it reaches, does."""
        text = self._plain(value, where)
        if text is None:
            text = self._made(value, where)
        if text is None:
            raise CannotFingerprintError(f"{where} is a {type(value).__module__}.{type(value).__qualname__}")
        return text

    def _plain(self, value: Any, where: str) -> str | None:
        """Text of data; None for what has code in it."""
        if isinstance(value, enum.Enum):
            return f"{self.text(type(value), where)}.{value.name}"
        if value is None or value is Ellipsis or type(value) in (bool, int, float, complex, str, bytes):
            return shortened(f"{type(value).__name__} {constant_text(value)}")
        if isinstance(value, (np.ndarray, np.generic)):
            if value.dtype.hasobject:
                raise CannotFingerprintError(f"{where} is an array of Python objects")
            data = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
            told = repr(value.item()) if value.ndim == 0 else data[:24]
            layout = f"{value.flags.c_contiguous:d}{value.flags.f_contiguous:d}{value.flags.writeable:d}"
            return f"array {self._dtype(value.dtype)} {value.shape} {layout} {told}"
        if isinstance(value, np.dtype):
            return f"dtype {self._dtype(value)}"
        if isinstance(value, (tuple, list)):
            names = " ".join(getattr(type(value), "_fields", ()))
            items = ", ".join(self.text(item, f"{where}[{i}]") for i, item in enumerate(value))
            return shortened(f"{type(value).__qualname__}{f' {names}' if names else ''} ({items})")
        if isinstance(value, (set, frozenset)):
            return shortened(f"set {sorted(self.text(item, where) for item in value)}")
        if isinstance(value, (dict, MappingProxyType)):
            items = ", ".join(f"{self.text(k, where)}: {self.text(v, f'{where}[{k!r}]')}" for k, v in value.items())
            return shortened(f"dict {{{items}}}")
        if isinstance(value, (slice, range)):
            return f"{type(value).__name__} {self.text((value.start, value.stop, value.step), where)}"
        if isinstance(value, ModuleType):
            return f"module {value.__name__}"
        return None

    def _dtype(self, dtype: np.dtype[Any]) -> str:
        return f"{dtype.descr} {dtype.itemsize}" if dtype.names else dtype.str

    def _made(self, value: Any, where: str) -> str | None:
        """Text of what has code in it, and of what numba and jitkit make."""
        if hook := getattr(type(value), "__jitkit_fingerprint__", None):
            return f"{type(value).__qualname__} {self.text(hook(value), where)}"
        if (found := numba_values.behind(value)) is not None:
            kind, function, options = found
            if is_versioned(function) and self._keys:  # the kernel itself is always looked into
                return f"{kind} {function.__module__}.{name_of(function)}"
            return self._function(value, function, kind, options)
        if numba_values.is_type(value):
            return self.type_text(value, where)
        if (text := numba_values.llvm_text(value)) is not None:
            return text
        if isinstance(value, _CACHED):
            return self._function(value, value.__wrapped__, "function", {})
        if isinstance(value, MethodType):
            return f"method {value.__func__.__qualname__} of {self.text(value.__self__, where)}"
        if isinstance(value, (BuiltinFunctionType, np.ufunc)) or is_versioned(value):
            # What is bound to an object depends on the object.
            owner = getattr(value, "__self__", None)
            bound = "" if owner is None or isinstance(owner, (ModuleType, type)) else f" of {self.text(owner, where)}"
            return f"{type(value).__name__} {getattr(value, '__module__', '')}.{name_of(value)}{bound}"
        if isinstance(value, FunctionType):
            return self._function(value, value, "function", {})
        if isinstance(value, type):
            return self._class(value)
        if dataclasses.is_dataclass(value):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return f"{self._class(type(value))} {self.text(fields, where)}"
        return None

    def type_text(self, kind: Any, where: str) -> str:
        """Text of a numba type."""
        if (text := numba_values.type_text(kind)) is not None:
            return f"type {text}"
        if hook := getattr(type(kind), "__jitkit_fingerprint__", None):
            return f"type {self.text(hook(kind), where)}"
        if (inside := numba_values.object_in(kind)) is not None:
            return f"type of {self.text(inside[0], where)}"
        raise CannotFingerprintError(f"{where} has the type {kind}, which holds Python objects")

    def _key(self, identity: Any, name: str) -> tuple[str, bool]:
        """Key of a part, and whether it is new."""
        if (key := self._keys.get(id(identity))) is not None:
            return key, False
        count = self._counts[name] = self._counts.get(name, 0) + 1
        key = self._keys[id(identity)] = name if count == 1 else f"{name}#{count}"
        self._kept.append(identity)
        return key, True

    def _function(self, identity: Any, function: Any, kind: str, options: Mapping[str, Any]) -> str:
        key, new = self._key(identity, f"{function.__module__}:{name_of(function)}")
        if new:
            self._waiting.append((key, lambda: self._part(key, identity, function, kind, options)))
        return f"{kind} {key}"

    def _class(self, cls: type) -> str:
        if cls.__module__ == "builtins" or is_versioned(cls):
            return f"class {cls.__module__}.{cls.__qualname__}"
        if issubclass(cls, enum.Enum):
            members = ", ".join(f"{member.name}={self.text(member.value, cls.__qualname__)}" for member in cls)
            return f"enum {cls.__qualname__} ({members})"
        key, new = self._key(cls, f"{cls.__module__}:{cls.__qualname__}")
        if new:
            self._waiting.append((key, lambda: self._class_part(key, cls)))
        return f"class {key}"

    def _class_part(self, key: str, cls: type) -> Part:
        links = _Links(self, key)
        for name, value in vars(cls).items():
            function = getattr(value, "__func__", getattr(value, "fget", value))
            if isinstance(function, FunctionType):
                links.add(name, function)
            elif not name.startswith("__") and type(value) in (bool, int, float, str, bytes, tuple):
                links.add(name, value)
        for base in cls.__bases__:
            links.add(f"base {base.__qualname__}", base)
        return Part(key, "class", file_of(cls), "", (), links.values, links.calls)

    def _part(self, key: str, identity: Any, function: Any, kind: str, options: Mapping[str, Any]) -> Part:
        code: CodeType = function.__code__
        said = code_of(code)
        links = _Links(self, key)
        for label, option in options.items():
            if isinstance(option, str):
                links.values[label] = option
            else:
                links.add(label, option)
        for i, value in enumerate(function.__defaults__ or ()):
            links.add(f"default {i}", value)
        for name, value in (function.__kwdefaults__ or {}).items():
            links.add(f"default {name}", value)
        cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
        for name in said.names:
            self._look_up(name, function, cells, links)
        self._overloads(said, links)
        if identity is not function:
            links.add_all("registered for itself", numba_values.registered(identity))
        return Part(key, kind, code.co_filename, said.shape, said.constants, links.values, links.calls)

    def _look_up(self, name: Name, function: Any, cells: Mapping[str, Any], links: _Links) -> None:
        first, *rest = name.path
        what = "closure value" if name.enclosed else "global"
        if name.enclosed:
            if first not in cells:
                return  # a variable of a function around, which is code itself
            try:
                value = cells[first].cell_contents
            except ValueError:
                links.values[f"{what} {first}"] = "empty"
                return
        elif first in function.__globals__:
            value = function.__globals__[first]
        elif hasattr(builtins, first):
            value = getattr(builtins, first)
            links.add_all(f"overload of {first}", numba_values.registered(value))
            links.values[f"builtin {first}"] = "builtin"
            return
        else:
            links.values[f"{what} {first}"] = "missing"
            return
        for attribute in rest:
            if not isinstance(value, ModuleType) or not hasattr(value, attribute):
                break
            value, first = getattr(value, attribute), f"{first}.{attribute}"
        links.add(f"{what} {first}", value)
        links.add_all(f"overload of {first}", numba_values.registered(value))

    def _overloads(self, said: Code, links: _Links) -> None:
        """What numba may find by itself, whatever the types turn out to be."""
        for name in sorted(said.attributes):
            links.add_all(f"attribute {name}", _registered.attributes(name))
        for name in sorted(said.operators):
            links.add_all(f"operator {name}", _registered.operators(name))


class _Links:
    """The values and calls of one part."""

    def __init__(self, walk: _Walk, key: str) -> None:
        self.walk = walk
        self.key = key
        self.values: dict[str, str] = {}
        self.calls: dict[str, str] = {}

    def add(self, label: str, value: Any) -> None:
        """Note a value by its label; one that is a part of its own as a call."""
        text = self.walk.text(value, f"{label} of {self.key}")
        _, _, key = text.partition(" ")
        (self.calls if key in self.walk._counts or "#" in key else self.values)[label] = text

    def add_all(self, label: str, values: Iterable[Any]) -> None:
        """Note functions that numba has registered under one label; jitkit's own are known by its digest, in every key.

        They also come and go: numba takes in what is registered when it first compiles.
        """
        for i, value in enumerate(value for value in values if not is_versioned(value)):
            self.add(label if i == 0 else f"{label} ({i + 1})", value)


def shortened(text: str) -> str:
    """A text, or if it is long its beginning and its digest."""
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]}... {hashlib.sha256(text.encode()).hexdigest()[:24]}"


def is_versioned(value: Any) -> bool:
    """Whether a function or class comes with Python, or with a package whose version is in every key."""
    if not isinstance(value, (FunctionType, type, MethodDescriptorType)) and not is_numpys_function(value):
        return False
    module = getattr(value, "__module__", None)
    if not isinstance(module, str) or module == "__main__" or not comes_versioned(module.partition(".")[0]):
        return False
    return not getattr(value, "__closure__", None)  # what a function encloses may come from anywhere


@functools.cache
def comes_versioned(package: str) -> bool:
    """Whether a module is of `VERSIONED`, and no file of the user's that has the name of one of Python's own."""
    file = getattr(sys.modules.get(package), "__file__", None)
    if package not in sys.stdlib_module_names or file is None:  # of no file: it is built into Python
        return package in VERSIONED
    path = Path(file)
    return path.is_relative_to(STDLIB) and path.relative_to(STDLIB).parts[0] not in ("site-packages", "dist-packages")


def is_numpys_function(value: Any) -> bool:
    """Whether a value is one of NumPy's functions that other array types can take over, such as `np.sum`."""
    return type(value).__module__.partition(".")[0] == "numpy" and callable(value) and hasattr(value, "__name__")


def name_of(value: Any) -> str:
    """Qualified name of a function or class, or its plain one."""
    return str(getattr(value, "__qualname__", None) or getattr(value, "__name__", type(value).__qualname__))


def file_of(cls: type) -> str:
    """File that a class was defined in, as far as its module tells."""
    return str(getattr(sys.modules.get(cls.__module__), "__file__", "") or "")
