from hypothesis import given
from hypothesis import strategies as st

from jitkit.telemetry.framing._polynomials import divided, mirrored, power, product

polynomials = st.integers(0, 2**100)


def test_two_examples():
    assert product(0b11, 0b11) == 0b101  # (x + 1)^2 = x^2 + 1: the two x cancel out
    assert divided(0b101, 0b11) == (0b11, 0)
    assert mirrored(0b0011, 4) == 0b1100


@given(polynomials, polynomials, polynomials)
def test_products_behave(a, b, c):
    assert product(a, b) == product(b, a)
    assert product(a, b ^ c) == product(a, b) ^ product(a, c)


@given(polynomials, st.integers(1, 2**70))
def test_division_is_the_inverse_of_the_product(a, b):
    quotient, rest = divided(a, b)
    assert product(quotient, b) ^ rest == a
    assert rest.bit_length() < b.bit_length()


@given(st.integers(-300, 300), st.integers(-300, 300), st.integers(2**16, 2**33).map(lambda n: n | 1))
def test_powers_add_up(m, n, modulus):
    assert divided(product(power(m, modulus), power(n, modulus)), modulus)[1] == power(m + n, modulus)
    assert power(abs(m), modulus) == divided(1 << abs(m), modulus)[1]
