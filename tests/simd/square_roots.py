"""What the tests of `jk.sqrt` share: the ways it may compute, numbers that are hard, and what NumPy says to them."""

import functools

import numpy as np

import jitkit as jk
from jitkit.simd._sqrt_choice import ALWAYS, make_sqrt
from jitkit.simd._sqrt_numbers import near_halfway

WAYS = ("multiplied", "divided", "chosen")  # all groups shared out, none, and what this host is best at
WORDS = {"e": np.uint16, "f": np.uint32, "d": np.uint64}


@functools.cache
def square_root(way):
    if way == "chosen":
        return jk.sqrt
    return make_sqrt({"f": ALWAYS, "d": ALWAYS} if way == "multiplied" else {})


def bits(array):
    return np.ascontiguousarray(array).view(WORDS[array.dtype.char])


def wrong(function, x):
    """The numbers for which a function does not give the bits of `np.sqrt`."""
    with np.errstate(all="ignore"):
        found, expected = function(x), np.sqrt(x)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    return x[bits(found) != bits(expected)]


def same(one, other):
    """Whether two results are of one type, shape, dtype, and have the same bits."""
    if type(one) is not type(other) or np.shape(one) != np.shape(other):
        return False
    one, other = np.asarray(one), np.asarray(other)
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


def patterns(values, letter):
    return np.array(values, WORDS[letter]).view(letter)


SPECIAL = {
    "e": patterns([0, 0x8000, 0x7C00, 0xFC00, 0x7E00, 0xFE01, 0x7D00, 1, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xBC00], "e"),
    "f": patterns(
        [
            0, 1 << 31, 0x7F80_0000, 0xFF80_0000,  # zeros and infinities
            0x7FC0_0000, 0xFFC0_0001, 0x7FFF_FFFF, 0x7FA0_0000, 0xFF80_0001,  # NaN, the last two signalling
            1, 0x8000_0001, 0x007F_FFFF, 0x0080_0000, 0x0080_0001,  # subnormal, or just not
            0x1880_0000, 0x187F_FFFF, 0x1000_0000,  # 2^-78, from which on roots are multiplied, and below
            0x7F7F_FFFF, 0xFF7F_FFFF, 0xBF80_0000, 0x3F80_0000,  # the greatest, the least, -1 and 1
        ],
        "f",
    ),
    "d": patterns(
        [
            0, 1 << 63, 0x7FF << 52, 0xFFF << 52,
            0x7FF8 << 48, (0xFFF8 << 48) + 1, (1 << 63) - 1, 0x7FF4 << 48, (0xFFF << 52) + 1,
            1, (1 << 63) + 1, (1 << 52) - 1, 1 << 52, (1 << 52) + 1,
            (1023 - 900) << 52, ((1023 - 900) << 52) - 1, (1023 - 120) << 52, ((1023 - 120) << 52) - 1,
            (1023 + 120) << 52, ((1023 + 120) << 52) - 1,
            0x7FEF_FFFF_FFFF_FFFF, 0xFFEF_FFFF_FFFF_FFFF, 0xBFF << 52, 0x3FF << 52,
        ],
        "d",
    ),
}  # fmt: skip


def mixes(x, seed=0):
    """Numbers as they are, and strewn with others that a group of vectors treats in its own ways."""
    rng = np.random.default_rng(seed)
    letter = x.dtype.char
    yield x
    yield rng.permutation(x)
    yield np.insert(x, np.arange(0, x.size, 3), 0)
    yield np.insert(np.insert(x, np.arange(0, x.size, 7), np.nan), np.arange(3, x.size, 11), np.inf)
    strewn = np.insert(x, np.arange(0, x.size, 13), -1)
    yield np.insert(strewn, np.arange(0, x.size, 17), np.finfo(x.dtype).smallest_subnormal)
    places = np.sort(rng.integers(0, x.size, x.size // 5))
    yield np.insert(x, places, rng.choice(SPECIAL[letter], places.size))


@functools.cache
def hard_roots(letter):
    """Near ties: all close ones, and a sample of those that are less so."""
    offsets = np.concatenate([np.arange(-1000, 1001, 2), np.random.default_rng(5).integers(-10000, 10001, 2000) * 2])
    return near_halfway(letter, np.unique(offsets))
