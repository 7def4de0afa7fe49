"""What a fingerprint covers: for each thing, an edit that compiles exactly what depends on it, and one that does not.

All rows are one program, which runs four times: as it is; edited in ways that mean nothing; edited in ways that mean
something; and as it was at first. Each row has a bystander, which no edit of the row may compile.
"""

import json
import shutil
from dataclasses import dataclass, field
from typing import Any

import pytest

from jitkit._core import cpu

BYSTANDER = """
@jk.jit
def bystander(x):
    return x * 7
"""
IMPORTS = "import numpy as np\nimport jitkit as jk\n"


@dataclass
class Row:
    """One thing that kernels depend on."""

    name: str
    source: str  # of the module `name`, which has what `call` calls
    call: str
    before: Any
    edit: tuple[str, str]  # or with a module first
    after: Any
    compiled: set[str]  # by that edit
    neutral: tuple[str, ...]
    others: dict[str, str] = field(default_factory=dict)  # other modules

    def modules(self):
        own = {self.name: IMPORTS + self.source + BYSTANDER}
        return own | {name: IMPORTS + source for name, source in self.others.items()}

    def apply(self, program, edit):
        program.edit(*(edit if len(edit) == 3 else (self.name, *edit)))


ROWS = [
    Row(
        "own_code",
        """
@jk.jit
def kernel(x):
    return x + 2
@jk.jit
def caller(x):
    return kernel(x) * 10
@jk.jit
def unused(x):
    return kernel(x)
""",
        "caller(3)", 50, ("x + 2", "x - 2"), 10, {"kernel", "caller"}, ("def kernel(x):", "def kernel(x) -> int:"),
    ),
    Row(
        "constant",
        """
@jk.jit
def kernel(x):
    return x * 3
@jk.jit
def caller(x):
    return kernel(x) + 1
""",
        "caller(2)", 7, ("x * 3", "x * 4"), 9, {"kernel", "caller"}, ("x * 3", "x * (2 + 1)"),
    ),
    Row(
        "constant_of_another_type",
        """
@jk.jit
def kernel(x):
    return x == 1, 1
""",
        "repr(kernel(1))", "(True, 1)", ("x == 1, 1", "x == 1, 1.0"), "(True, 1.0)", {"kernel"},
        ("x == 1, 1", "(x == 1, 1)"),
    ),
    Row(
        "sign_of_zero",
        """
import math
ZERO = 0.0
@jk.jit
def kernel(x):
    return math.copysign(x, ZERO)
""",
        "kernel(3.0)", 3.0, ("ZERO = 0.0", "ZERO = -0.0"), -3.0, {"kernel"}, ("ZERO = 0.0", "ZERO = 0.00"),
    ),
    Row(
        "docstring",
        """
@jk.jit
def kernel(x):
    return x + 100
""",
        "kernel(1)", 101, ("+ 100", "- 100"), -99, {"kernel"},
        ("def kernel(x):\n", 'def kernel(x):\n    """Says much, and means nothing."""\n'),
    ),
    Row(
        "another_docstring",
        """
@jk.jit
def kernel(x):
    '''One.'''
    return x + 100
""",
        "kernel(1)", 101, ("+ 100", "- 100"), -99, {"kernel"}, ("One.", "Another one,\n    and a longer one."),
    ),
    Row(
        "comment_and_blank_lines",
        """
@jk.jit
def kernel(x):
    y = x + 100
    return y
""",
        "kernel(1)", 101, ("+ 100", "- 100"), -99, {"kernel"},
        ("    y = x + 100\n", "    # Why.\n\n\n    y = (\n        x\n        + 100\n    )\n"),
    ),
    Row(
        "place_in_the_file",
        """
@jk.jit
def kernel(x):
    return x + 100
""",
        "kernel(1)", 101, ("+ 100", "- 100"), -99, {"kernel"},
        ("@jk.jit\ndef kernel", "def other(x):\n    return x\n\n\n@jk.jit\ndef kernel"),
    ),
    Row(
        "inner_function",
        """
@jk.jit
def kernel(x):
    def inner(y):
        return y + 5
    return inner(x) * 2
""",
        "kernel(1)", 12, ("y + 5", "y + 6"), 14, {"kernel"}, ("    def inner", "    # a comment\n    def inner"),
    ),
    Row(
        "global_in_inner_function",
        """
GAIN = 5
OTHER = 1
@jk.jit
def kernel(x):
    def inner(y):
        return y + GAIN
    return inner(x) * 2
""",
        "kernel(1)", 12, ("GAIN = 5", "GAIN = 6"), 14, {"kernel"}, ("OTHER = 1", "OTHER = 2"),
    ),
    Row(
        "default",
        """
@jk.jit
def kernel(x, k=2):
    return x * k
@jk.jit
def caller(x):
    return kernel(x)
""",
        "caller(5)", 10, ("k=2", "k=3"), 15, {"kernel", "caller"}, ("k=2", "k=1 + 1"),
    ),
    Row(
        "default_of_a_function_that_an_overload_calls",
        """
from numba.extending import overload
def factor(a=1, *, k=2):
    return a + k
def scaled(x):
    raise NotImplementedError
@overload(scaled)
def _scaled(x):
    k = factor()
    return lambda x: x * k
@jk.jit
def kernel(x):
    return scaled(x)
""",
        "kernel(5)", 15, ("k=2", "k=3"), 20, {"kernel"}, ("a=1, *, k=2", "a=1, *, k=1 + 1"),
    ),
    Row(
        "global_int",
        """
GAIN = 3
@jk.jit
def kernel(x):
    return x * GAIN
@jk.jit
def caller(x):
    return kernel(x) + 1
""",
        "caller(2)", 7, ("GAIN = 3", "GAIN = 4"), 9, {"kernel", "caller"}, ("GAIN = 3", "GAIN = 6 // 2"),
    ),
    Row(
        "global_of_another_type",
        """
GAIN = 1
@jk.jit
def kernel(x):
    return x * GAIN
""",
        "repr(kernel(2))", "2", ("GAIN = 1", "GAIN = 1.0"), "2.0", {"kernel"}, ("GAIN = 1", "GAIN = int('1')"),
    ),
    Row(
        "global_float",
        """
RATE = 0.1
@jk.jit
def kernel(x):
    return x * RATE
""",
        "kernel(1.0)", 0.1, ("RATE = 0.1", "RATE = 0.10000000000000002"), 0.10000000000000002, {"kernel"},
        ("RATE = 0.1", "RATE = 1e-1"),
    ),
    Row(
        "global_text",
        """
WORD = "idle"
@jk.jit
def kernel(x):
    return WORD == x
""",
        "kernel('idle')", True, ('"idle"', '"armed"'), False, {"kernel"}, ('"idle"', '"id" + str("le")'),
    ),
    Row(
        "global_tuple",
        """
WEIGHTS = (1, (2.5, 3))
@jk.jit
def kernel(x):
    return x * WEIGHTS[1][0] + WEIGHTS[1][1]
""",
        "kernel(2)", 8.0, ("(2.5, 3)", "(2.5, 4)"), 9.0, {"kernel"}, ("(1, (2.5, 3))", "tuple([1, (2.5, 3)])"),
    ),
    Row(
        "global_array",
        """
TABLE = np.array([1.0, 2.0, 3.0])
@jk.jit
def kernel(i):
    return TABLE[i]
@jk.jit
def caller(i):
    return kernel(i) + 1
""",
        "caller(1)", 3.0, ("2.0, 3.0", "5.0, 3.0"), 6.0, {"kernel", "caller"},
        ("np.array([1.0, 2.0, 3.0])", "np.arange(1.0, 4.0)"),
    ),
    Row(
        "type_of_global_array",
        """
TABLE = np.array([1, 2, 3], np.int64)
@jk.jit
def kernel(i):
    return TABLE[i] // 2 * 2.0, TABLE[i] / 2
""",
        "kernel(2)", [2.0, 1.5], ("np.int64", "np.float32"), [2.0, 1.5], {"kernel"},
        ("[1, 2, 3], np.int64", "[1, 2, 3], 'i8'"),
    ),
    Row(
        "global_record_array",
        """
TABLE = np.array([(1, 2.0), (3, 4.0)], [("a", "i4"), ("b", "f8")])
@jk.jit
def kernel(i):
    return TABLE[i].a
""",
        "kernel(1)", 3, ("(3, 4.0)", "(5, 4.0)"), 5, {"kernel"}, ('"i4"', "np.int32"),
    ),
    Row(
        "offset_in_global_record_array",
        """
OFFSET = 0
TABLE = np.zeros(2, np.dtype({"names": ["a"], "formats": ["u1"], "offsets": [OFFSET], "itemsize": 2}))
TABLE.view(np.uint8)[:] = [1, 2, 3, 4]
@jk.jit
def kernel(i):
    return TABLE[i].a
""",
        "kernel(1)", 3, ("OFFSET = 0", "OFFSET = 1"), 4, {"kernel"}, ("OFFSET = 0", "OFFSET = 1 - 1"),
    ),
    Row(
        "closure_value",
        """
def make(gain, other):
    print(end=str(other)[:0])
    @jk.jit
    def kernel(x):
        return x * gain
    return kernel
kernel = make(3, 0)
@jk.jit
def caller(x):
    return kernel(x) + 1
""",
        "caller(2)", 7, ("make(3", "make(4"), 9, {"make.<locals>.kernel", "caller"}, ("(3, 0)", "(3, 1)"),
    ),
    Row(
        "closure_function",
        """
@jk.jit
def plus(x):
    return x + 1
@jk.jit
def minus(x):
    return x - 1
def make(step):
    @jk.jit
    def kernel(x):
        return step(step(x))
    return kernel
kernel = make(plus)
""",
        "kernel(5)", 7, ("make(plus)", "make(minus)"), 3, {"make.<locals>.kernel", "minus"}, ("x - 1", "x - 2"),
    ),
    Row(
        "closures_of_one_factory",
        """
def make(gain):
    @jk.jit
    def kernel(x):
        return x * gain
    return kernel
double, triple = make(2), make(3)
@jk.jit
def caller(x):
    return double(x), triple(x)
""",
        "caller(5)", [10, 15], ("make(2), make(3)", "make(3), make(2)"), [15, 10], {"caller"},
        ("double, triple = make(2), make(3)", "triple, double = make(3), make(2)"),
    ),
    Row(
        "module_attribute",
        """
import module_attribute_settings as settings
@jk.jit
def kernel(x):
    return x * settings.SCALE
""",
        "kernel(2)", 6, ("module_attribute_settings", "SCALE = 3", "SCALE = 4"), 8, {"kernel"},
        ("module_attribute_settings", "OTHER = 1", "OTHER = 2"),
        {"module_attribute_settings": "SCALE = 3\nOTHER = 1\n"},
    ),
    Row(
        "module_attribute_chain",
        """
import chain.settings.deep
@jk.jit
def kernel(x):
    return x * chain.settings.deep.SCALE
""",
        "kernel(2)", 6, ("chain.settings.deep", "SCALE = 3", "SCALE = 4"), 8, {"kernel"},
        ("chain.settings.deep", "OTHER = 1", "OTHER = 2"),
        {"chain.settings.deep": "SCALE = 3\nOTHER = 1\n"},
    ),
    Row(
        "function_of_a_module",
        """
import function_of_a_module_helpers as helpers
@jk.jit
def kernel(x):
    return helpers.scale(x)
""",
        "kernel(2)", 6, ("function_of_a_module_helpers", "x * 3", "x * 4"), 8, {"kernel", "scale"},
        ("function_of_a_module_helpers", "x + 1", "x + 2"),
        {
            "function_of_a_module_helpers": """
@jk.jit
def scale(x):
    return x * 3
@jk.jit
def unused(x):
    return x + 1
"""
        },
    ),
    Row(
        "two_modules_away",
        """
from two_modules_away_middle import middle
@jk.jit
def kernel(x):
    return middle(x) + 1
""",
        "kernel(2)", 7, ("two_modules_away_far", "x * 3", "x * 4"), 9, {"kernel", "middle", "far"},
        ("two_modules_away_far", "UNUSED = 1", "UNUSED = 2"),
        {
            "two_modules_away_middle": """
from two_modules_away_far import far
@jk.jit
def middle(x):
    return far(x)
""",
            "two_modules_away_far": """
UNUSED = 1
@jk.jit
def far(x):
    return x * 3
""",
        },
    ),
    Row(
        "module_with_a_name_of_pythons_own",
        """
from nntplib import far
@jk.jit
def kernel(x):
    return far(x) + 1
""",
        "kernel(2)", 7, ("nntplib", "x * 3", "x * 4"), 9, {"kernel", "far"}, ("nntplib", "UNUSED = 1", "UNUSED = 2"),
        {
            "nntplib": """
UNUSED = 1
@jk.jit
def far(x):
    return x * 3
"""
        },
    ),
    Row(
        "plain_njit_function",
        """
import numba
@numba.njit
def helper(x):
    return x * 3
@jk.jit
def kernel(x):
    return helper(x) + 1
""",
        "kernel(2)", 7, ("x * 3", "x * 4"), 9, {"kernel"}, ("def helper(x):", "def helper(x):  # a comment"),
    ),
    Row(
        "options_of_plain_njit_function",
        """
import numba
@numba.njit(error_model="numpy")
def helper(x):
    return 1 / x
@jk.jit
def kernel(x):
    return helper(x)
""",
        "tried(kernel, 0.0)", "inf", ('"numpy"', '"python"'), "ZeroDivisionError", {"kernel"},
        ("def helper(x):", "def helper(x):  # a comment"),
    ),
    Row(
        "vectorized_function",
        """
import numba
@numba.vectorize
def helper(x):
    return x * 3
@jk.jit
def kernel(x):
    return helper(x).sum()
""",
        "kernel(np.ones(4))", 12.0, ("x * 3", "x * 4"), 16.0, {"kernel"},
        ("def helper(x):", "def helper(x):  # a comment"),
    ),
    Row(
        "guvectorized_function",
        """
import numba
@numba.guvectorize(["void(float64[:], float64[:])"], "(n)->(n)")
def helper(x, out):
    for i in range(x.size):
        out[i] = x[i] * 3
@jk.jit
def kernel(x):
    out = np.zeros_like(x)
    helper(x, out)
    return out.sum()
""",
        "kernel(np.ones(4))", 12.0, ("x[i] * 3", "x[i] * 4"), 16.0, {"kernel"},
        ("def helper(x, out):", "def helper(x, out):  # a comment"),
    ),
    Row(
        "types_of_vectorized_function",
        """
import numba
@numba.vectorize(["float64(float64)"])
def helper(x):
    return x / 3
@jk.jit
def kernel(x):
    return helper(x)[0]
""",
        "kernel(np.ones(1, np.int8))", 1 / 3, ("float64(float64)", "float32(float32)"), 0.3333333432674408, {"kernel"},
        ('["float64(float64)"]', '("float64(float64)",)'),
    ),
    Row(
        "options_of_vectorized_function",
        """
import numba
@numba.vectorize(fastmath={"nsz", "arcp", "contract"})
def helper(x):
    return x + 1
@jk.jit
def kernel(x):
    return helper(x)[0]
""",
        "kernel(np.ones(1))", 2.0, ('"contract"}', '"contract", "afn"}'), 2.0, {"kernel"},
        ('"nsz", "arcp"', '"arcp", "nsz"'),
    ),
    Row(
        "types_of_guvectorized_function",
        """
import numba
@numba.guvectorize(["void(float64[:], float64[:])"], "(n)->(n)")
def helper(x, out):
    for i in range(x.size):
        out[i] = x[i] * 3
@jk.jit
def kernel(x):
    out = np.zeros_like(x)
    helper(x, out)
    return out.sum()
""",
        "kernel(np.ones(4))", 12.0, ('["void', '["void(float32[:], float32[:])", "void'), 12.0, {"kernel"},
        ("def helper(x, out):", "def helper(x, out):  # a comment"),
    ),
    Row(
        "body_of_an_overload",
        """
from numba.extending import overload
def scaled(x):
    raise NotImplementedError
@overload(scaled)
def _scaled(x):
    return lambda x: x * 3
@jk.jit
def kernel(x):
    return scaled(x) + 1
""",
        "kernel(2)", 7, ("x * 3", "x * 4"), 9, {"kernel"}, ("def _scaled(x):", "def _scaled(x):  # a comment"),
    ),
    Row(
        "function_that_an_overload_calls",
        """
from numba.extending import overload
def factor():
    return 3
def scaled(x):
    raise NotImplementedError
@overload(scaled)
def _scaled(x):
    k = factor()
    return lambda x: x * k
@jk.jit
def kernel(x):
    return scaled(x) + 1
""",
        "kernel(2)", 7, ("return 3", "return 4"), 9, {"kernel"}, ("return 3", "return 2 + 1"),
    ),
    Row(
        "value_that_an_overload_uses",
        """
from numba.extending import overload
TABLES = {"a": [3, 4]}
def scaled(x):
    raise NotImplementedError
@overload(scaled)
def _scaled(x):
    k = TABLES["a"][0]
    return lambda x: x * k
@jk.jit
def kernel(x):
    return scaled(x) + 1
""",
        "kernel(2)", 7, ("[3, 4]", "[4, 4]"), 9, {"kernel"}, ('{"a": [3, 4]}', 'dict(a=[3, 4])'),
    ),
    Row(
        "options_of_an_overload",
        """
from numba.extending import overload
def inverse(x):
    raise NotImplementedError
@overload(inverse, jit_options={"error_model": "numpy"})
def _inverse(x):
    return lambda x: 1 / x
@jk.jit(error_model="python")
def kernel(x):
    return inverse(x)
""",
        "tried(kernel, 0.0)", "inf", ('"numpy"}', '"python"}'), "ZeroDivisionError", {"kernel"},
        ("def _inverse(x):", "def _inverse(x):  # a comment"),
    ),
    Row(
        "what_decides_on_inlining_an_overload",
        """
from numba.extending import overload
def doubled(x):
    raise NotImplementedError
WANTED = False
def decide(expression, caller, callee):
    return WANTED
@overload(doubled, inline=decide)
def _doubled(x):
    return lambda x: x * 2
@jk.jit
def kernel(x):
    return doubled(x)
""",
        "kernel(2)", 4, ("WANTED = False", "WANTED = True"), 4, {"kernel"},
        ("def decide(", "# a comment\ndef decide("),
    ),
    Row(
        "whether_a_method_overload_is_inlined",
        """
from numba import types
from numba.extending import overload_method
@overload_method(types.Array, "doubled_of_tests", inline="never")
def _doubled(x):
    return lambda x: x * 2
@jk.jit
def kernel(x):
    return x.doubled_of_tests()
""",
        "kernel(np.ones(2)).sum()", 4.0, ('"never"', '"always"'), 4.0, {"kernel"},
        ("def _doubled", "# a comment\ndef _doubled"),
    ),
    Row(
        "what_decides_on_inlining_a_kernel",
        """
WANTED = False
def decide(expression, caller, callee):
    return WANTED
@jk.jit(inline=decide)
def helper(x):
    return x * 2
@jk.jit
def kernel(x):
    return helper(x)
""",
        "kernel(2)", 4, ("WANTED = False", "WANTED = True"), 4, {"kernel"},  # `helper` is no longer compiled by itself
        ("def decide(", "# a comment\ndef decide("),
    ),
    Row(
        "jitable_function",
        """
from numba.extending import register_jitable
@register_jitable
def helper(x):
    return x * 3
@jk.jit
def kernel(x):
    return helper(x) + 1
""",
        "kernel(2)", 7, ("x * 3", "x * 4"), 9, {"kernel"}, ("def helper(x):", "def helper(x):  # a comment"),
    ),
    Row(
        "options_of_a_jitable_function",
        """
from numba.extending import register_jitable
@register_jitable(error_model="numpy")
def helper(x):
    return 1 / x
@jk.jit(error_model="python")
def kernel(x):
    return helper(x)
""",
        "tried(kernel, 0.0)", "inf", ('"numpy")', '"python")'), "ZeroDivisionError", {"kernel"},
        ("def helper(x):", "def helper(x):  # a comment"),
    ),
    Row(
        "body_of_a_method_overload",
        """
from numba import types
from numba.extending import overload_method
@overload_method(types.Array, "times_of_tests")
def _times(x, k):
    return lambda x, k: x.sum() * k * 3
@jk.jit
def kernel(x):
    return x.times_of_tests(2)
""",
        "kernel(np.ones(4))", 24.0, ("k * 3", "k * 4"), 32.0, {"kernel"},
        ("def _times(x, k):", "def _times(x, k):  # a comment"),
    ),
    Row(
        "body_of_an_attribute_overload",
        """
from numba import types
from numba.extending import overload_attribute
@overload_attribute(types.Array, "triple_of_tests")
def _triple(x):
    return lambda x: x.sum() * 3
@jk.jit
def kernel(x):
    return x.triple_of_tests
""",
        "kernel(np.ones(4))", 12.0, ("x.sum() * 3", "x.sum() * 4"), 16.0, {"kernel"},
        ("def _triple(x):", "def _triple(x):  # a comment"),
    ),
    Row(
        "body_of_an_intrinsic",
        """
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
@intrinsic
def number(typing_context):
    def codegen(context, builder, signature, args):
        return ir.Constant(ir.IntType(64), 3)
    return types.int64(), codegen
@jk.jit
def kernel(x):
    return number() * x
""",
        "kernel(2)", 6, ("64), 3", "64), 4"), 8, {"kernel"}, ("def codegen", "# a comment\n    def codegen"),
    ),
    Row(
        "helper_of_an_intrinsic",
        """
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
def emit(builder):
    return ir.Constant(ir.IntType(64), 3)
@intrinsic
def number(typing_context):
    def codegen(context, builder, signature, args):
        return emit(builder)
    return types.int64(), codegen
@jk.jit
def kernel(x):
    return number() * x
""",
        "kernel(2)", 6, ("64), 3", "64), 4"), 8, {"kernel"}, ("def emit", "# a comment\ndef emit"),
    ),
    Row(
        "lowered_builtin",
        """
from llvmlite import ir
from numba import types
from numba.extending import lower_builtin, type_callable
def number():
    raise NotImplementedError
@type_callable(number)
def _type(context):
    return lambda: types.int64
@lower_builtin(number)
def _lower(context, builder, signature, args):
    return ir.Constant(ir.IntType(64), 3)
@jk.jit
def kernel(x):
    return number() * x
""",
        "kernel(2)", 6, ("64), 3", "64), 4"), 8, {"kernel"}, ("def _lower(", "# a comment\ndef _lower("),
    ),
    Row(
        "type_of_a_callable",
        """
from llvmlite import ir
from numba import types
from numba.extending import lower_builtin, type_callable
def number():
    raise NotImplementedError
@type_callable(number)
def _type(context):
    return lambda: types.int64
@lower_builtin(number)
def _lower(context, builder, signature, args):
    return ir.Constant(ir.IntType(64), -1)
@jk.jit
def kernel():
    return number()
""",
        "kernel()", -1, ("types.int64", "types.uint64"), 2**64 - 1, {"kernel"}, ("def _type", "# a comment\ndef _type"),
    ),
    Row(
        "self_recursion",
        """
@jk.jit
def kernel(n):
    if n < 2:
        return 1
    return n * kernel(n - 1)
@jk.jit
def caller(n):
    return kernel(n)
""",
        "caller(5)", 120, ("return n * kernel", "return n + kernel"), 15, {"kernel", "caller"},
        ("if n < 2:", "if n < 2:  # a comment"),
    ),
    Row(
        "enumeration",
        """
import enum
class Mode(enum.Enum):
    IDLE = 3
    ARMED = 5
    OTHER = 7
@jk.jit
def kernel(x):
    return x * Mode.ARMED.value
""",
        "kernel(2)", 10, ("ARMED = 5", "ARMED = 6"), 12, {"kernel"}, ("class Mode", "# a comment\nclass Mode"),
    ),
    Row(
        "integer_enumeration",
        """
import enum
class Mode(enum.IntEnum):
    IDLE = 3
    ARMED = 5
@jk.jit
def kernel(x):
    return x * Mode.ARMED
""",
        "kernel(2)", 10, ("ARMED = 5", "ARMED = 6"), 12, {"kernel"}, ("class Mode", "# a comment\nclass Mode"),
    ),
    Row(
        "enumeration_as_argument",
        """
import enum
class Mode(enum.IntEnum):
    IDLE = 3
    ARMED = 5
@jk.jit
def kernel(mode):
    return mode == Mode.ARMED, mode + 1
""",
        "kernel(Mode.ARMED)", [True, 6], ("ARMED = 5", "ARMED = 6"), [True, 7], {"kernel"},
        ("class Mode", "# a comment\nclass Mode"),
    ),
    Row(
        "named_tuple",
        """
from collections import namedtuple
Point = namedtuple("Point", ["x", "y"])
@jk.jit
def kernel(x):
    p = Point(x, 2 * x)
    return p.x
""",
        "kernel(3)", 3, ('["x", "y"]', '["y", "x"]'), 6, {"kernel"}, ('["x", "y"]', '"x y"'),
    ),
    Row(
        "global_named_tuple",
        """
from collections import namedtuple
Point = namedtuple("Point", ["x", "y"])
POINT = Point(3, 4)
@jk.jit
def kernel(x):
    return POINT.x * x
""",
        "kernel(3)", 9, ("Point(3, 4)", "Point(5, 4)"), 15, {"kernel"}, ("Point(3, 4)", "Point(y=4, x=3)"),
    ),
    Row(
        "named_tuple_as_argument",
        """
from collections import namedtuple
Point = namedtuple("Point", ["x", "y"])
@jk.jit
def kernel(p):
    return p.x
""",
        "kernel(Point(3, 4))", 3, ('["x", "y"]', '["y", "x"]'), 4, {"kernel"}, ('["x", "y"]', '"x y"'),
    ),
    Row(
        "fastmath",
        """
@jk.jit(fastmath={"nsz", "arcp", "contract"})
def kernel(x):
    return x + 0.0
""",
        "kernel(2.5)", 2.5, ('"contract"}', '"contract", "afn"}'), 2.5, {"kernel"}, ('"nsz", "arcp"', '"arcp", "nsz"'),
    ),
    Row(
        "parallel",
        """
import numba
@jk.jit(parallel=True)
def kernel(x):
    total = 0.0
    for i in numba.prange(x.size):
        total += x[i]
    return total
""",
        "kernel(np.ones(4))", 4.0, ("parallel=True", "parallel=False"), 4.0, {"kernel"},
        ("parallel=True", "parallel=bool(1)"),
    ),
    Row(
        "error_model",
        """
@jk.jit(error_model="numpy")
def kernel(x):
    return 1 / x
""",
        "tried(kernel, 0.0)", "inf", ('"numpy"', '"python"'), "ZeroDivisionError", {"kernel"},
        ('(error_model="numpy")', "(error_model='numpy', nogil=True)"),
    ),
    Row(
        "types_of_variables",
        """
import numba
@jk.jit(locals={"y": numba.float64})
def kernel(x):
    y = x
    return y / 2
""",
        "kernel(16777217)", 8388608.5, ("numba.float64", "numba.float32"), 8388608.0, {"kernel"},
        ('{"y": numba.float64}', "dict(y=numba.types.double)"),
    ),
    Row(
        "type_in_a_global",
        """
import numba
KIND = numba.int64
@jk.jit
def kernel(x):
    return KIND(x)
""",
        "kernel(2.5)", 2, ("numba.int64", "numba.float64"), 2.5, {"kernel"}, ("numba.int64", "numba.types.int64"),
    ),
    Row(
        "byte_order_of_a_record",
        """
class Sample(jk.Record, layout="packed", byteorder="big"):
    first: jk.u8
    level: jk.u16
@jk.jit
def kernel(data, i):
    return Sample.load(data, i).level
""",
        "kernel(np.frombuffer(bytes([9, 1, 2]), np.uint8), 0)", 258, ('"big"', '"little"'), 513,
        {"kernel", "_reader.<locals>.read_checked"}, ("class Sample", "# a comment\nclass Sample"),
    ),
    Row(
        "offset_in_a_record",
        """
class Sample(jk.Record, layout="packed", byteorder="big"):
    first: jk.u8
    level: jk.u8
    last: jk.u8
level = Sample.reader("level")
@jk.jit
def kernel(data, i):
    return level(data, i)
""",
        "kernel(np.frombuffer(bytes([9, 1, 2]), np.uint8), 0)", 1,
        ("    level: jk.u8\n    last: jk.u8", "    last: jk.u8\n    level: jk.u8"), 2,
        {"kernel", "_reader.<locals>.read_checked"}, ("last: jk.u8", "end: jk.u8"),
    ),
    Row(
        "record_as_argument",
        """
class Sample(jk.Record, layout="packed", byteorder="big"):
    first: jk.u8
    second: jk.u8
    level: jk.u16
@jk.jit
def kernel(record, data, i):
    return record.load(data, i).level
""",
        "kernel(Sample, np.frombuffer(bytes([9, 9, 1, 2]), np.uint8), 0)", 258, ('"big"', '"little"'), 513,
        {"kernel", "_reader.<locals>.read_checked"}, ("class Sample", "# a comment\nclass Sample"),
    ),
]  # fmt: skip

CALL_ALL = """
def tried(function, *arguments):
    try:
        return repr(function(*arguments))
    except Exception as error:
        return type(error).__name__

for name, call in json.loads(open("calls.json").read()):
    print(name, flush=True)  # the last one, should the process die
    before = events()
    try:
        names = vars(import_module(name)) | {"np": np, "tried": tried}
        result, _ = eval(call, names), names["bystander"](1)
    except Exception as error:  # the other rows need not suffer
        result = repr(error)
    values[name] = [result, since(before)]
"""


@pytest.fixture(scope="module")
def runs(make_shared_program):
    """What became of each row in each of the four runs."""
    modules = {}
    for row in ROWS:
        assert not modules.keys() & row.modules().keys()
        modules |= row.modules()
    program = make_shared_program(modules)
    (program.folder / "calls.json").write_text(json.dumps([(row.name, row.call) for row in ROWS]))
    found = {"first": program.run(CALL_ALL)}
    for row in ROWS:
        row.apply(program, row.neutral)
    found["neutral"] = program.run(CALL_ALL)
    program.write(modules)
    for row in ROWS:
        row.apply(program, row.edit)
    found["edited"] = program.run(CALL_ALL)
    program.write(modules)
    found["again"] = program.run(CALL_ALL)
    return {name: run.values for name, run in found.items()}


def names(events, outcome):
    return {event["function"].partition(":")[2] for event in events if event["outcome"] == outcome}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
class TestEach:
    def test_kernel_is_right_at_first(self, runs, row):
        value, events = runs["first"][row.name]
        assert value == row.before
        assert names(events, "refused") == set()
        assert "bystander" in names(events, "compiled")

    def test_neutral_edit_compiles_nothing(self, runs, row):
        value, events = runs["neutral"][row.name]
        assert value == row.before
        assert [event for event in events if event["outcome"] != "hit"] == []

    def test_edit_compiles_what_depends_on_it_and_nothing_else(self, runs, row):
        value, events = runs["edited"][row.name]
        assert value == row.after
        assert names(events, "compiled") == row.compiled
        assert "bystander" in names(events, "hit")

    def test_edit_taken_back_compiles_nothing(self, runs, row):
        value, events = runs["again"][row.name]
        assert value == row.before
        assert [event for event in events if event["outcome"] != "hit"] == []


KERNEL = {"kernels": IMPORTS + """
@jk.jit
def kernel(x):
    total = 0.0
    for value in x:
        total += value
    return total
"""}  # fmt: skip
CALL = """
from kernels import kernel
values["total"] = kernel(np.array([1.0, 2.5]))
"""
# Compile for the host and as usual, whatever these tests are run with.
USUAL = dict.fromkeys({*cpu.SETTINGS, "NUMBA_OPT", "NUMBA_BOUNDSCHECK", "NUMBA_LOOP_VECTORIZE"})


@pytest.fixture(scope="module")
def program_that_ran(make_shared_program):
    program = make_shared_program(KERNEL)
    assert program.run(CALL, **USUAL).counts == (0, 1, 1)
    return program


@pytest.fixture
def run_again(program_that_ran, tmp_path):
    """Run the program once more, with a cache that has what the first run kept."""
    shutil.copytree(program_that_ran.cache, tmp_path / "cache")

    def run_again(script=CALL, **settings):
        return program_that_ran.run(script, cache=tmp_path / "cache", **USUAL | settings)

    return run_again


class TestTheEnvironment:
    @pytest.mark.parametrize(
        ("settings", "changed"),
        [
            ({"NUMBA_OPT": "1"}, ["NUMBA_OPT changed: "]),
            ({"NUMBA_BOUNDSCHECK": "1"}, ["NUMBA_BOUNDSCHECK changed: None -> 1"]),
            ({"NUMBA_LOOP_VECTORIZE": "0"}, ["NUMBA_LOOP_VECTORIZE changed: 1 -> 0"]),
            (cpu.level_environment("generic"), ["CPU changed: ", "CPU features changed: "]),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
    )
    def test_settings_that_change_code_compile_anew(self, run_again, settings, changed):
        other = run_again(**settings)
        assert other.values["total"] == 3.5
        assert other.counts == (0, 1, 1)
        assert len(other.changes) == len(changed)
        assert all(change.startswith(text) for change, text in zip(sorted(other.changes), changed, strict=True))
        assert run_again(**settings).counts == run_again().counts == (1, 0, 0)

    def test_other_settings_compile_nothing(self, run_again, tmp_path):
        other = run_again(NUMBA_NUM_THREADS="1", NUMBA_CACHE_DIR=str(tmp_path), NUMBA_DEBUG_CACHE="0", LANG="C")
        assert (other.values["total"], other.counts) == (3.5, (1, 0, 0))

    @pytest.mark.parametrize("name", ["Python", "numba", "llvmlite", "numpy", "jitkit", "platform"])
    def test_versions_compile_anew(self, run_again, name):
        other = run_again(f"""
import numba
from jitkit.cache import _keeper
environment = _keeper.environment
assert {name!r} in environment()
_keeper.environment = lambda: environment() | {{{name!r}: "9.9"}}
{CALL}
""")
        assert (other.values["total"], other.counts) == (3.5, (0, 1, 1))
        (change,) = other.changes
        assert change.startswith(f"{name} changed: ")
        assert change.endswith(" -> 9.9")


class TestArguments:
    SCRIPT = """
from kernels import kernel
values["total"] = kernel({})
values["signature"] = events()[0]["signature"]
"""

    def test_of_other_types_compile_anew(self, make_program):
        program = make_program(KERNEL)
        told = {}
        arrays = [
            "np.array([1.0, 2.5])",
            "np.array([1.0, 2.5], np.float32)",
            "np.array([1.0, 9.0, 2.5, 9.0])[::2]",
            "(1.0, 2.5)",
            "(1.0, 2.5, 0.0)",
            "np.frombuffer(np.array([1.0, 2.5]).tobytes())",  # cannot be written to
        ]
        for count, array in enumerate(arrays):
            found = program.run(self.SCRIPT.format(array))
            assert (found.values["total"], found.counts, found.stats["entries"]) == (3.5, (0, 1, 1), count + 1)
            assert found.changes == []  # nothing has changed: it was never kept
            told[found.values["signature"]] = array
        assert len(told) == len(arrays)

    def test_of_the_same_types_compile_nothing(self, make_program):
        program = make_program(KERNEL)
        program.run(self.SCRIPT.format("np.array([1.0, 2.5])"))
        found = program.run(self.SCRIPT.format("np.array([5.0])"))
        assert (found.values["total"], found.counts) == (5.0, (1, 0, 0))


OPERATOR = {"metres": IMPORTS + """
import operator
from numba import types
from numba.extending import overload
from numba.experimental import structref

@structref.register
class MetresType(types.StructRef):
    def __jitkit_fingerprint__(self):
        return str(self)

class Metres(structref.StructRefProxy):
    def __new__(cls, value):
        return structref.StructRefProxy.__new__(cls, value)

structref.define_proxy(Metres, MetresType, ["value"])

@overload(operator.add)
def _add(a, b):
    if isinstance(a, MetresType) and isinstance(b, MetresType):
        return lambda a, b: a.value + b.value + 1000

@jk.jit
def kernel(x):
    return Metres(x) + Metres(x)

@jk.jit
def bystander(x):
    return x * 7
"""}  # fmt: skip


def test_an_operator_overload_compiles_what_has_the_operator(make_program):
    program = make_program(OPERATOR)
    call = "from metres import kernel, bystander\nvalues['sum'] = kernel(2), bystander(3)"
    assert program.run(call).values["sum"] == [1004, 21]
    program.edit("metres", "def _add(a, b):", "def _add(a, b):  # a comment")
    again = program.run(call)
    assert (again.values["sum"], again.counts) == ([1004, 21], (2, 0, 0))
    program.edit("metres", "+ 1000", "+ 2000")
    edited = program.run(call)
    assert edited.values["sum"] == [2004, 21]
    assert "kernel" in edited.compiled
    assert "bystander" in edited.functions("hit")
