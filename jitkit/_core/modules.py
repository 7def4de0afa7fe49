"""Modules that the user names on a command line."""

import importlib.util
import os
import sys
import traceback
from importlib import import_module
from types import ModuleType

from jitkit.errors import JitkitError


def load_module(source: str) -> ModuleType:
    """Import a module by its dotted name, seen from the current directory, or by the path of its ``.py`` file.

    Parameters
    ----------
    source : str
        ``"package.module"`` or ``"folder/module.py"``.

    Raises
    ------
    ImportError
        If there is no such module or file, or if running it raises: it then says what and in which line.
    JitkitError
        If running it raises one: a record class that is refused, say.
    """
    is_file = source.endswith(".py")
    folder = os.path.dirname(os.path.abspath(source)) if is_file else os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as `python module.py` and `python -m package.module` do
    try:
        return _load_file(source) if is_file else import_module(source)
    except JitkitError:
        raise
    except Exception as error:
        raise ImportError(f"cannot import {source}: {_in_one_line(error)}") from error


def _load_file(path: str) -> ModuleType:
    name = os.path.splitext(os.path.basename(path))[0]
    if name in sys.modules:
        name = f"{name} ({path})"  # do not take the place of another module
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # every name that ends in .py has a loader
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # annotations given as text are looked up by the name of the class's module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _in_one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, ImportError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})"
