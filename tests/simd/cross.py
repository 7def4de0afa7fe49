"""Kernels for other processors than this one's: compiled by numba and LLVM, linked by a cross compiler, run by QEMU.

A process of its own compiles them, in which numba knows an x86-64 processor with nothing but what all of them have, and
leaves vectors of its own making to LLVM for the other one. So what it emits holds nothing that only x86-64 has, which
`c_function` makes sure of.
"""

import os
import pickle
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import numba
import numpy as np
from numba import cloudpickle

from jitkit._core import cpu
from jitkit.errors import JitkitError

TRIPLE, PROCESSOR = "aarch64-linux-gnu", "generic"  # ARMv8.0-A with NEON
LINKER = shutil.which("aarch64-linux-gnu-gcc")
EMULATOR = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
PATIENCE = 300  # seconds that a program gets which takes one
NAME = "kernel"

# Why nothing can be compiled for others, or nothing be run; empty if it can.
NO_COMPILER = "" if cpu.runs_here("generic") else "kernels are compiled by way of x86-64, which this host is not"
if numba.config.BOUNDSCHECK:
    NO_COMPILER = "kernels for other processors have no bounds checks: they are tested without"
TOOLS = {"aarch64-linux-gnu-gcc": LINKER, "qemu-aarch64": EMULATOR}
LACKING = " or ".join(tool for tool, found in TOOLS.items() if not found)
MISSING = NO_COMPILER or (LACKING and f"there is no {LACKING}, which .ci/install-tools installs")

# Calls the kernel as often as a file says, with a number that counts up and arrays from the file. Each array ends where
# a page begins that nobody may touch. What is in all of them in the end goes to another file.
PROGRAM = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int32_t kernel(int64_t{parameters});

static char *array[{count}];
static int64_t size[{count}];

static void need(int fine, const char *what) {{
    if (!fine) {{
        perror(what);
        exit(1);
    }}
}}

static void *before_a_forbidden_page(int64_t bytes) {{
    int64_t page = sysconf(_SC_PAGESIZE), inside = (bytes + page - 1) / page * page;
    char *memory = mmap(NULL, inside + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(memory != MAP_FAILED, "mmap");
    need(mprotect(memory + inside, page, PROT_NONE) == 0, "mprotect");
    return memory + inside - bytes;
}}

int main(int argc, char **argv) {{
    FILE *file = fopen(argv[argc - 2], "rb");
    int64_t calls;
    need(file && fread(&calls, sizeof calls, 1, file) == 1, "input");
    for (int k = 0; k < {count}; k++) {{
        need(fread(&size[k], sizeof size[k], 1, file) == 1, "input");
        array[k] = before_a_forbidden_page(size[k]);
        need(fread(array[k], 1, size[k], file) == size[k], "input");
    }}
    for (int64_t i = 0; i < calls; i++) {{
        int status = kernel(i{arguments});
        if (status) {{
            fprintf(stderr, "status %d of call %d\\n", status, (int)i);
            return 1;
        }}
    }}
    file = fopen(argv[argc - 1], "wb");
    for (int k = 0; k < {count}; k++)
        need(fwrite(array[k], 1, size[k], file) == size[k], "output");
    need(fclose(file) == 0, "output");
    return 0;
}}
"""


class Compiler:
    """The process that compiles."""

    def __init__(self):
        environment = os.environ | cpu.level_environment("generic") | {"NUMBA_OPT": "1"}
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.process.stdin, self.process.stdout:
            pass  # which tells it to end
        self.process.wait(PATIENCE)

    def compiled(self, make, arguments, types, triple, processor, assembly=False):
        """A kernel as a C function; what was raised over there is raised here.

        `make` gives the kernel for arguments, in that process: what is made here may be for this processor.
        """
        request = make, arguments, types, triple, processor, assembly
        cloudpickle.register_pickle_by_value(sys.modules[make.__module__])  # which that process cannot import
        self.process.stdin.write(cloudpickle.dumps(request))
        self.process.stdin.flush()
        answer = pickle.load(self.process.stdout)
        if isinstance(answer, Exception):
            raise answer
        return answer


def compile_for_others():
    """What the process does."""
    from jitkit._core.c_interface import c_function
    from jitkit._core.jit import jit

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints
    while True:
        try:
            make, arguments, types, triple, processor, assembly = pickle.load(sys.stdin.buffer)
        except EOFError:
            os._exit(0)  # it takes seconds to free all that was compiled
        try:
            kernel = jit(make(*arguments), cache=False)
            answer = c_function(kernel, types, NAME, processor, triple=triple, assembly=assembly)
        except JitkitError as error:
            answer = error
        except Exception:
            answer = RuntimeError(traceback.format_exc())  # what others raise can not always be pickled
        pickle.dump(answer, answers)
        answers.flush()


def types_of(arrays):
    """Numba types of what a kernel takes: a number that counts its calls, and arrays."""
    return (numba.int64, *map(numba.typeof, arrays))


def run_on_aarch64(compiler, folder, make, arguments, count, arrays):
    """Call a kernel with the numbers below `count` and arrays, which are left with what it made of them."""
    made = compiler.compiled(make, arguments, types_of(arrays), TRIPLE, PROCESSOR)
    program = link(made.code, arrays, folder)
    given, filled = folder / "given", folder / "filled"
    with given.open("wb") as file:
        file.write(np.int64(count).tobytes())
        for array in arrays:
            file.write(np.int64(array.nbytes).tobytes() + array.tobytes())
    command = [EMULATOR, program, given, filled]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"{EMULATOR}: exit code {done.returncode}: {done.stderr}"
    data, start = filled.read_bytes(), 0
    assert len(data) == sum(array.nbytes for array in arrays)
    for array in arrays:
        array.reshape(-1)[:] = np.frombuffer(data[start : start + array.nbytes], array.dtype)
        start += array.nbytes


def link(code, arrays, folder):
    """A program that calls a kernel."""
    objects, source, program = folder / "kernel.o", folder / "main.c", folder / "program"
    objects.write_bytes(code)
    passed = [f", (void *)array[{k}], size[{k}] / {array.itemsize}" for k, array in enumerate(arrays)]
    parameters = ", void *, int64_t" * len(arrays)
    source.write_text(PROGRAM.format(count=len(arrays), parameters=parameters, arguments="".join(passed)))
    command = [LINKER, "-Wall", "-Werror", "-O1", "-static", "-o", program, source, objects, "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return program


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))  # what is pickled may stand beside this file
    compile_for_others()
