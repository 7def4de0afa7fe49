"""A compiled function for programs without Python: a shared library and its C header."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitkit import __version__
from jitkit.errors import JitkitError

if TYPE_CHECKING:
    from jitkit._core.c_interface import CFunction

# `F_OK` and its like are macros of <unistd.h>.
TAKEN = frozenset({"F", "R", "W", "X"})
COMPILERS = ("cc", "gcc", "clang")
HEADER = """\
/* {header}: C interface of {library}, compiled for {processor}.
 * Written by {versions}.
 */
#pragma once

#include <stdint.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {{
#endif

/* What {name} returns. */
enum {name}_status {{
{statuses}
}};

/* {signature}
 *
{meanings} */
int32_t {name}({parameters});

#ifdef __cplusplus
}}
#endif
"""


def export(
    function: Callable[..., Any],
    signature: str | tuple[Any, ...],
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    cpu: str | None = None,
) -> Path:
    """Write a compiled function as a shared library with a plain C interface, and a header beside it.

    Neither Python nor numba is needed to use it: the library depends on the C library alone. A C compiler is needed to
    write it, for its linker.

    Parameters
    ----------
    function : numba Dispatcher
        What `jk.jit` or `numba.njit` made. It is compiled afresh, with the options that it was made with.
    signature : str or tuple of numba types
        Types of its parameters: ``"float64(float64[::1])"`` or ``(types.float64[::1],)``. A result that is given is
        what numba converts to.
    path : path-like
        The library, ``"build/libf.so"``; the header is ``"build/libf.h"``. Files that are there are replaced.
    name : str, optional
        What the C function is called; the name of `function` if not given.
    cpu : str, optional
        The processor to compile for, as LLVM spells it: ``"x86-64-v3"``. Nothing is used that it does not have. The
        default is what numba compiles for in this process: this host, with all that it has.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    TypeError
        If `function` is not compiled by numba, or a parameter or its result cannot be had in C.
    ValueError
        If `name` is no identifier of C or one of the C library's, `cpu` is unknown, or `path` cannot be a library's.
    FileNotFoundError
        If the folder of `path` does not exist.
    JitkitError
        If `function` needs Python or numba when it runs: it allocates memory, prints, draws random numbers, runs in
        numba's threads, or raises exceptions with arguments that are not constant. Or if there is no C compiler.

    Notes
    -----
    The C function returns an ``int32_t``: 0, or a status that stands for an exception. The header lists them; classes
    and arguments tell exceptions apart, and equal ones raised in several places share a status. The result is stored
    through the pointer ``out``, each element of a tuple through one of its own (``out_0``, ``out_1``), and only if the
    status is 0.

    Numbers are passed as they are: bool, integers and floats of 1 to 8 bytes. An array is a pointer to its first
    element and the length of each axis: ``a, a_n`` or ``a, a_n0, a_n1``; elements lie in C order without gaps. A
    pointer is ``const`` where LLVM proves that nothing is stored through it, or the type of the array is read-only.

    Global variables and what closures enclose are constants in the library. Loops of functions that `function` calls
    may have been cut for the vectors of this host before `cpu` is looked at: results stay the same, speed may not.
    """
    path = Path(path)
    _check_path(path)
    name = _c_name(function, name)
    linker = _linker()
    # Here and not above: whoever only asks for the other tools of the cache does not wait for numba.
    from jitkit._core.c_interface import c_function

    compiled = c_function(function, signature, name, cpu)
    # In the same folder: a file is only replaced in one step within one file system.
    with tempfile.TemporaryDirectory(prefix=".jitkit-", dir=path.parent) as folder:
        library, header = Path(folder, path.name), Path(folder, "header")
        _link(linker, compiled.code, library)
        header.write_text(_header(compiled, path.name), encoding="utf-8")
        os.replace(library, path)
        os.replace(header, path.with_suffix(".h"))
    return path


def _check_path(path: Path) -> None:
    if path.suffix == ".h":
        raise ValueError(f"expected the path of a library, such as {path.with_suffix('.so')}, got that of its header")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"expected a folder that exists, got {path.parent} (folder of {path.name})")
    for file in (path, path.with_suffix(".h")):
        if file.is_dir():
            raise IsADirectoryError(f"expected the path of a file, got that of a folder: {file}")


def _c_name(function: Any, name: str | None) -> str:
    given = getattr(function, "__name__", repr(function)) if name is None else name
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", given):
        raise ValueError(
            f"expected a name that C can have, got {given!r}: give {'one' if name is None else 'another'} with name="
        )
    return given


def _linker() -> list[str]:
    """The command of a C compiler, which knows where the linker finds the C library."""
    if chosen := shlex.split(os.environ.get("CC", "")):
        if shutil.which(chosen[0]) is None:
            raise JitkitError(
                f"expected a C compiler in the environment variable CC, got {chosen[0]!r}: no such command"
            )
        return chosen
    for command in COMPILERS:
        if found := shutil.which(command):
            return [found]
    raise JitkitError(
        f"expected a C compiler, got none: there is no {' or '.join(COMPILERS)} on PATH. It links the library; "
        "install one (Debian and Ubuntu: apt install gcc; Fedora: dnf install gcc; conda: conda install gcc), "
        "or name one in the environment variable CC"
    )


def _link(linker: list[str], code: bytes, library: Path) -> None:
    source = library.with_name("code.o")
    source.write_bytes(code)
    # -z defs: a symbol that no library has is an error here, not in the program that uses this one.
    options = ["-shared", "-s", "-static-libgcc", f"-Wl,-soname,{library.name}", "-Wl,-z,defs", "-Wl,--as-needed"]
    command = [*linker, *options, "-o", str(library), str(source), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise JitkitError(f"expected {linker[0]} to link {library.name}, got: {said}")


def _header(function: "CFunction", library: str) -> str:
    import numba

    name = function.name
    prefix = (f"{name}_status" if name.upper() in TAKEN else name).upper()
    statuses = [f"{prefix}_OK = 0,"]
    for status, meaning in function.errors.items():
        word = f"ERROR_{status}" if status > 0 else "ERROR_OTHER"
        statuses.append(f"{prefix}_{word} = {status}, /* {_in_comment(meaning)} */")
    width = max((len(parameter.name) for parameter in function.parameters), default=0)
    meanings = [f"{parameter.name:{width}}  {parameter.meaning}" for parameter in function.parameters]
    declared = ", ".join(parameter.kind + parameter.name for parameter in function.parameters)
    return HEADER.format(
        library=_in_comment(library),
        header=_in_comment(Path(library).with_suffix(".h").name),
        versions=f"jitkit {__version__}, numba {numba.__version__}",
        processor=function.processor,
        name=name,
        statuses="\n".join(f"    {line}" for line in statuses),
        signature=_in_comment(function.signature),
        meanings="".join(f" *   {_in_comment(meaning)}\n" for meaning in meanings),
        parameters=declared or "void",
    )


def _in_comment(text: str) -> str:
    """Text that neither ends a comment of C, nor begins one in it."""
    return text.encode("ascii", "backslashreplace").decode().replace("*/", "* /").replace("/*", "/ *")
