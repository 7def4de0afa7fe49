import pytest
from operation_suite import DTYPES, WIDTHS, check, make_rows

pytestmark = pytest.mark.kernel

ALL = ["a + b", "a - b", "a * b", "a // b", "a % b", "a < b", "a <= b", "a > b", "a >= b", "a == b", "a != b",
       "a + s", "s - a", "a * s", "a < s", "s == a", "m & k", "m | k", "m ^ k", "~m", "m == k", "m != k"]  # fmt: skip
INTEGERS = ["a & b", "a | b", "a ^ b", "~a", "a << b", "a >> b", "a << 3", "a >> 1", "a & 15", "s | a"]
SIGNED = ["-a"]


def expressions(dtype):
    if dtype[0] == "f":
        return [*ALL, *SIGNED, "a / b", "1.0 / a", "a * 2"]
    return ALL + INTEGERS + (SIGNED if dtype[0] == "i" else [])


@pytest.mark.parametrize("lanes", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_operator_does_what_numpy_does(dtype, lanes):
    check(dtype, lanes, expressions(dtype), make_rows(dtype, lanes))
