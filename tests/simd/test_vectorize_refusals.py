"""What `simd.vectorize` refuses, in words; and functions of other kinds that it takes."""

import numpy as np
import pytest
from numba.core.errors import TypingError

import jitkit as jk
from jitkit import simd

pytestmark = pytest.mark.kernel


def double(v):
    return v + v


def refusal(make):
    with pytest.raises(TypeError) as caught:
        make()
    return str(caught.value)


class TestTheDecorator:
    def test_needs_dtypes(self):
        expected = "simd.vectorize: expected the dtypes to compile for, as in @simd.vectorize(np.float32)"
        assert refusal(simd.vectorize) == expected

    def test_needs_parentheses(self):
        expected = "simd.vectorize: expected dtypes first, as in @simd.vectorize(np.float32), got a function"
        assert refusal(lambda: simd.vectorize(double)) == expected
        assert refusal(lambda: simd.vectorize(jk.jit(double))) == expected

    @pytest.mark.parametrize("dtype", [np.float16, np.complex64, np.longdouble, "S4", object, "M8[s]", bool])
    def test_takes_what_vectors_have(self, dtype):
        text = refusal(lambda: simd.vectorize(np.float32, dtype))
        expected = "expected an integer dtype, float32 or float64 in native byte order, got "
        assert text in (f"{expected}{np.dtype(dtype)!r}", f"{expected}{np.dtype(dtype)}")

    def test_takes_functions(self):
        expected = "simd.vectorize: expected a function of vectors, got int"
        assert refusal(lambda: simd.vectorize("f4")(5)) == expected


class TestParameters:
    @pytest.mark.parametrize("parameters", ["", "a, b, c, d", "*a", "a, *, b", "a, **b", "a, b, c, d=5"])
    def test_are_one_to_three(self, parameters):
        text = refusal(lambda: simd.vectorize("f4")(eval(f"lambda {parameters}: 1")))
        assert text == f"simd.vectorize: expected a function of 1 to 3 vectors, got ({parameters.replace(', *,', ',')})"


class TestResults:
    @pytest.mark.parametrize("result", [
        "1.0", "None", "simd.low_half(v)", "(v, v)", "simd.reduce_sum(v)", "simd.first_set(v > 0)",
    ])  # fmt: skip
    def test_have_as_many_lanes(self, result):
        lanes = simd.native("f4").lanes
        text = refusal(lambda: simd.vectorize("f4")(eval(f"lambda v: {result}", {"simd": simd})))
        assert text.startswith(f"simd.vectorize: expected a function that gives a vector of {lanes} lanes, got ")

    def test_are_no_errors(self):
        def careful(v):
            if simd.any(v < 0):
                raise ValueError("no roots of negative numbers")
            return simd.sqrt(v)

        text = refusal(lambda: simd.vectorize("f4")(careful))
        assert text.startswith("simd.vectorize: expected a function that raises nothing, got ")
        assert "no roots of negative numbers" in text

    def test_mistakes_in_the_function_are_numbas_to_tell(self):
        with pytest.raises(TypingError, match=r"simd\.sqrt"):
            simd.vectorize("i4")(lambda v: simd.sqrt(v))


class TestOtherFunctions:
    def test_lambdas(self):
        made = simd.vectorize("f8")(lambda v: v + 1.0)
        assert made.__name__ == "<lambda>"
        assert made(np.arange(3.0)).tolist() == [1.0, 2.0, 3.0]

    def test_those_that_are_compiled_already(self):
        compiled = jk.jit(double)
        made = simd.vectorize("f8")(compiled)
        assert made.__name__ == "double"
        assert made(np.arange(3.0)).tolist() == [0.0, 2.0, 4.0]
        assert simd.vectorize("f8")(double)(2.5) == 5.0

    def test_closures_keep_what_they_enclose(self):
        def times(factor):
            return simd.vectorize("f8")(lambda v: v * factor)

        twice, thrice = times(2.0), times(3.0)
        assert (twice(5), thrice(5), twice(5)) == (10.0, 15.0, 10.0)

        @jk.jit
        def both(x):
            return twice(x), thrice(x)

        assert both(1.5) == (3.0, 4.5)
