"""Numba's own door for disk caches, through which kernels are found and kept.

This touches what numba does not promise to keep: `Dispatcher._cache` and `._compiler`, the fields of `CompileResult`,
`Environment` and the counter of `FunctionIdentity`. On a version of numba that it was not tested with there is no
cache, and a warning says so.
"""

from __future__ import annotations

import gc
import io
import itertools
import os
import pickle
import secrets
import sys
import warnings
from functools import cache
from typing import Any, Protocol

import numba
from numba.core import serialize, sigutils
from numba.core.bytecode import FunctionIdentity
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.environment import Environment, lookup_environment
from numba.core.registry import CPUDispatcher
from numba.core.runtime import rtsys

from jitkit._core import hooks, numba_library, numba_values

TESTED = ("0.68",)  # numba's versions, without the last number


class Request(Protocol):
    """One signature of a kernel that is looked for."""

    payload: Any  # what was kept for it, or None


class Keeper(Protocol):
    """What finds and keeps compiled kernels, as bytes."""

    def find(self, dispatcher: Any, args: tuple[Any, ...], result: Any) -> Request | None:
        """Look for a signature; None where the kernel cannot be kept. Who finds nothing must `keep` or `give_up`."""

    def loaded(self, request: Request) -> None:
        """What was found is in use."""

    def damaged(self, request: Request) -> None:
        """What was found could not be used."""

    def keep(self, request: Request, payload: bytes) -> None:
        """Keep a kernel for the next process."""

    def give_up(self, request: Request, why: str = "") -> None:
        """Nothing will be kept: the kernel did not compile, or cannot be kept."""

    def pass_over(self, request: Request, why: str) -> None:
        """Nothing will be kept this time, which is no reason to complain."""

    def compiled(self) -> None:
        """Count a compilation."""


def attach(dispatcher: Any) -> None:
    """Give a kernel a disk cache, if this version of numba is one that is known."""
    if is_known():
        dispatcher.__class__ = KeptDispatcher
        dispatcher._cache = KernelCache(dispatcher)
    else:
        warn_of_unknown_version()


@cache
def is_known() -> bool:
    """Whether numba is of a version that this was tested with."""
    return numba.__version__.rpartition(".")[0] in TESTED


@cache
def warn_of_unknown_version() -> None:
    """Say, once, that there is no cache."""
    warnings.warn(
        f"expected numba {' or '.join(TESTED)}, got {numba.__version__}: jitkit does not know the inside of this one, "
        f"and compiles without a disk cache",
        RuntimeWarning,
        stacklevel=2,
    )


class KeptDispatcher(CPUDispatcher):  # type: ignore[misc]
    """A dispatcher that has its cache again after it was pickled, as for a worker process."""

    @classmethod
    def _rebuild(cls, **states: Any) -> Any:
        dispatcher = super()._rebuild(**states)
        if not isinstance(dispatcher._cache, KernelCache):
            attach(dispatcher)
        return dispatcher


class KernelCache(_Cache):  # type: ignore[misc]
    """What numba asks before it compiles a signature, and tells after."""

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher
        self._enabled = True
        self._open: dict[Any, Request] = {}  # looked for, not found, and not kept yet
        self._compile = dispatcher._compiler.compile
        dispatcher._compiler.compile = self._compile_and_count
        make_names_unique()

    @property
    def cache_path(self) -> str:
        """Directory of the cache."""
        return str(hooks.cache().directory)

    def enable(self) -> None:
        """Look for kernels again."""
        self._enabled = True

    def disable(self) -> None:
        """Compile without looking."""
        self._enabled = False

    def flush(self) -> None:
        """Do nothing: what is kept is never stale."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled signature, or None."""
        if not self._enabled:
            return None
        if numba_values.users_overloads_wait():
            target_context.refresh()
        else:  # taking in all of numba's own takes 0.1 s, and loading compiled code needs none of it
            rtsys.initialize(target_context)
        args, result = sigutils.normalize_signature(sig)
        keeper: Keeper = hooks.cache()
        request = keeper.find(self._dispatcher, args, result)
        if request is None:
            return None
        if request.payload is not None:
            try:
                compiled = rebuild(target_context, request.payload)
                # Types of functions are equal only if these are the same objects; that all is equal says the key.
                if list(map(type, compiled.signature.args)) == list(map(type, args)):
                    keeper.loaded(request)
                    return compiled._replace(signature=compiled.signature.replace(args=tuple(args)))
            except Exception:  # whatever a damaged entry does is no concern of the user's
                pass
            keeper.damaged(request)
        self._open[tuple(args)] = request
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a signature that has just been compiled."""
        args, _ = sigutils.normalize_signature(sig)
        request = self._open.pop(tuple(args), None)
        if request is None:
            return
        keeper: Keeper = hooks.cache()
        if why := reason_not_to_keep(data):
            keeper.give_up(request, why)
            return
        try:
            payload = dump(data)
        except numba_library.OpenRecursionError:
            if _compiling.depth:
                keeper.pass_over(request, "as a part of a recursion, and kept with the function that began it")
            else:
                keeper.give_up(request, "its recursion leads through functions that were compiled without jitkit")
            return
        except Exception as error:  # pickling may fail in any way that users' types invent
            keeper.give_up(request, f"it cannot be pickled: {error}")
            return
        keeper.keep(request, payload)

    def _compile_and_count(self, args: Any, return_type: Any) -> Any:
        try:
            with _compiling:
                numba_values.refresh()  # here numba would do it, too
                compiled = self._compile(args, return_type)
        except BaseException:
            if (request := self._open.pop(tuple(args), None)) is not None:
                hooks.cache().give_up(request)
            raise
        hooks.cache().compiled()
        return compiled


class _Compiling:
    """How many kernels are being compiled, one for the sake of the other; numba lets one thread at a time do so.

    A compilation makes objects by the hundred thousand, most of which stay: Python's collector of garbage, which looks
    at all of them again and again, takes a tenth of the time. Meanwhile it comes less often.
    """

    OBJECTS = 10_000  # made before the collector comes; Python's own default is 700

    def __init__(self) -> None:
        self.depth = 0
        self._usual = gc.get_threshold()

    def __enter__(self) -> None:
        self.depth += 1
        if self.depth == 1:
            self._usual = gc.get_threshold()
            if 0 < self._usual[0] < self.OBJECTS:  # 0 means never
                gc.set_threshold(self.OBJECTS, *self._usual[1:])

    def __exit__(self, *_: object) -> None:
        self.depth -= 1
        if self.depth == 0 and gc.get_threshold() == (self.OBJECTS, *self._usual[1:]):  # and nobody has set another
            gc.set_threshold(*self._usual)


_compiling = _Compiling()


def reason_not_to_keep(compiled: Any) -> str:
    """Why a compilation means something in this process only; "" if it means the same in all."""
    if compiled.library.has_dynamic_globals:
        return "its code holds addresses of this process (ctypes, cffi or first-class functions)"
    if any(not lifted.can_cache for lifted in compiled.lifted):
        return "it has lifted loops that cannot be kept"
    return ""


# What of a `CompileResult` is kept as it is; the others are of this process, or come back with the library.
KEPT_FIELDS = ("fndesc", "environment", "signature", "objectmode", "lifted", "reload_init")


def dump(compiled: Any) -> bytes:
    """Return the compiled code and what belongs to it as bytes.

    Raises
    ------
    numba_library.OpenRecursionError
        If its code calls functions that are still being compiled.
    """
    libraries = numba_library.take_apart(compiled.library)
    compiled.fndesc.typemap = compiled.fndesc.calltypes = None  # as numba does: nobody needs them any more
    fields = {name: getattr(compiled, name) for name in KEPT_FIELDS}
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump((libraries, fields, str(compiled.type_annotation)))
    return buffer.getvalue()


def rebuild(target_context: Any, payload: Any) -> Any:
    """Return what `dump` was given, ready to run."""
    libraries, fields, annotation = serialize.loads(payload)
    for initialize in fields["reload_init"] or ():
        initialize()
    library = numba_library.put_together(target_context.codegen(), libraries)
    return CompileResult(
        **fields,
        library=library,
        entry_point=target_context.get_executable(library, fields["fndesc"], fields["environment"]),
        type_annotation=annotation,
        referenced_envs=libraries[-1].environments,
        target_context=target_context,
        typing_context=target_context.typing_context,
        typing_error=None,
        call_helper=None,
        metadata=None,
    )


class _Pickler(serialize.NumbaPickler):  # type: ignore[misc]
    """Numba's pickler, but for environments: numba would import the modules of kernels, where there are any."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Environment):
            return _environment, (obj.globals.get("__name__", ""), obj.consts, obj.env_name)
        return super().reducer_override(obj)


def _environment(module: str, constants: list[Any], name: str) -> Any:
    """Return the environment of a name. Kernels in nopython mode do not look into its globals."""
    environment = lookup_environment(name)
    if environment is None:
        environment = Environment(vars(sys.modules[module]) if module in sys.modules else {})
        environment.consts[:] = constants
        environment.env_name = name
        Environment._memo[name] = environment
    return environment


_unique = False


def make_names_unique() -> None:
    """Count functions, which the names of their symbols tell, from a random number on.

    Numba counts from 1 in every process, so that two closures of one name from different processes get one symbol; the
    linker then takes one of them for both (numba issue 10486).
    """
    global _unique
    if not _unique:
        _unique = True
        _count_from_anywhere()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_count_from_anywhere)


def _count_from_anywhere() -> None:
    FunctionIdentity._unique_ids = itertools.count(secrets.randbits(60))
