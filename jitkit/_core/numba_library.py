"""Libraries of machine code, as numba makes them: taken apart for the cache, and put together again.

Numba's own way parses the LLVM code of each library that it loads, which only kernels that are compiled later want, and
loses the pointers that tie a recursion of several functions (numba issue 6061): loaded, it would call nothing.

This touches what numba does not promise to keep: `JITCodeLibrary`, `RuntimeLinker` and the inside of its engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from llvmlite import binding as llvm
from numba.core.codegen import JITCodeLibrary, RuntimeLinker
from numba.core.environment import lookup_environment

ENVIRONMENT = "_ZN08NumbaEnv"  # how numba's names of variables for environments begin


class OpenRecursionError(Exception):
    """A library calls functions that are not compiled yet, or were without jitkit."""


class Kept(NamedTuple):
    """All of a library that another process needs."""

    name: str
    object_code: bytes
    llvm_code: bytes  # for kernels that are compiled later, and may take functions of it into their own code
    functions: frozenset[str]  # symbols that it defines
    variables: frozenset[str]
    called_by_pointer: frozenset[str]  # symbols of functions that are looked up when the library is loaded
    environments: tuple[Any, ...]


# Libraries by the symbols of their functions: all that are in use, and for good those with pointers, as numba has it.
_libraries: WeakValueDictionary[frozenset[str], Any] = WeakValueDictionary()
_tied: list[Any] = []


def take_apart(library: Any) -> list[Kept]:
    """Return a library, and before it those that define what it calls by pointer and does not define.

    Raises
    ------
    OpenRecursionError
        If no library is known that does.
    """
    taken: dict[frozenset[str], Kept] = {}
    waiting = [library]
    while waiting:
        kept = kept_of(found := waiting.pop())
        taken[kept.functions] = kept
        _remember(found, kept)
        missing = kept.called_by_pointer.difference(*taken, *map(functions_of, waiting))
        waiting.extend({id(definer): definer for definer in map(_definer, sorted(missing))}.values())
    return list(taken.values())[::-1]


def _remember(library: Any, kept: Kept) -> None:
    _libraries[kept.functions] = library
    if kept.called_by_pointer:
        _tied.append(library)


def _definer(symbol: str) -> Any:
    for functions, library in _libraries.items():
        if symbol in functions:
            return library
    raise OpenRecursionError(symbol)


def kept_of(library: Any) -> Kept:
    """Return what another process needs of a library, whether that was compiled or loaded."""
    if isinstance(library, LoadedLibrary):
        return library.kept
    name, _, (object_code, llvm_code) = library.serialize_using_object_code()
    module = library._final_module
    return Kept(
        name,
        object_code,
        llvm_code,
        functions_of(library),
        frozenset(variable.name for variable in module.global_variables if not variable.is_declaration),
        frozenset(_called_by_pointer(module)),
        tuple(_environments(module)),
    )


def functions_of(library: Any) -> frozenset[str]:
    """Symbols of the functions that a library defines."""
    if isinstance(library, LoadedLibrary):
        return library.kept.functions
    return frozenset(function.name for function in library.get_defined_functions())


def _called_by_pointer(module: Any) -> Iterator[str]:
    for variable in module.global_variables:
        if variable.name.startswith(RuntimeLinker.PREFIX):
            yield variable.name.removeprefix(RuntimeLinker.PREFIX)


def _environments(module: Any) -> Iterator[Any]:
    for variable in module.global_variables:
        if variable.name.startswith(ENVIRONMENT):
            environment = lookup_environment(variable.name)
            if environment is not None and environment.can_cache():
                yield environment


def put_together(codegen: Any, libraries: list[Kept]) -> Any:
    """Return the last of the libraries that `take_apart` gave, ready to run."""
    loaded = [_libraries.get(kept.functions) or LoadedLibrary(codegen, kept) for kept in libraries]
    if len(loaded) > 1:
        _tied.extend(loaded)
    return loaded[-1]


class LoadedLibrary(JITCodeLibrary):  # type: ignore[misc]
    """A library whose machine code is there."""

    _final_module: Any
    _shared_module: Any

    def __init__(self, codegen: Any, kept: Kept) -> None:
        super().__init__(codegen, kept.name)
        self.kept = kept
        self.enable_object_caching()
        self._set_compiled_object(kept.object_code)
        if kept.called_by_pointer:
            pointers = [f'@"{RuntimeLinker.PREFIX}{symbol}" = external global ptr' for symbol in kept.called_by_pointer]
            self._final_module = llvm.parse_assembly("\n".join([str(self._final_module), *pointers]))
        self._finalize_final_module()
        codegen._engine._defined_symbols |= kept.functions | kept.variables
        for environment in kept.environments:
            codegen.set_env(environment.env_name, environment)

    def _finalize_specific(self) -> None:
        engine, linker = self._codegen._engine, self._codegen._rtlinker
        linker.scan_unresolved_symbols(self._final_module, engine)
        engine.finalize_object()
        linker._defined |= self.kept.functions
        linker.resolve(engine)
        _remember(self, self.kept)

    def _get_module_for_linking(self) -> Any:
        if self._shared_module is None:
            self._shared_module = llvm.parse_bitcode(self.kept.llvm_code)
        return self._shared_module
