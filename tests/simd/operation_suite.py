"""How operations are tested: an emulation and a compiled kernel evaluate expressions, and must agree in all bits.

    check("f4", 8, ["a + b", "simd.fma(a, b, c)", "simd.interleave(a, b)"], rows)

All expressions of a dtype and width are one kernel, which loads its vectors from arrays, row by row, and stores what
comes out: compiling is most of what such tests cost.
"""

import os

import numpy as np

import jitkit as jk
from jitkit import simd

DTYPES = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
# Compiling takes all the time: in other modes than that of the host, a narrow and a wide type stand for all.
WIDTHS = (4, 32) if {"NUMBA_CPU_NAME", "NUMBA_BOUNDSCHECK"} & os.environ.keys() else (2, 4, 8, 16, 32, 64)
EDGES = {
    "f": [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, 1e-40, -1e-40, 1e30, -1e30, np.inf, -np.inf, np.nan,
          127.5, -128.5, 255.0, 256.0, 2.0**31, 2.0**32, 2.0**63, 2.0**64, -(2.0**63), 0.49999997, 8388609.0],
}  # fmt: skip
NAMES = ("a", "b", "c")  # vectors of the type under test; `m` and `k` are masks, `s` is a number of the dtype


def numbers(dtype, count, seed=0):
    """Random numbers of all magnitudes, and those at the edges of what a dtype has, in random order."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        wide = rng.normal(0, 1, count) * 10.0 ** rng.integers(-4, 5, count)
        some = np.where(rng.random(count) < 0.4, rng.choice(EDGES["f"], count), wide)
        with np.errstate(over="ignore"):
            return some.astype(kind)
    limits = np.iinfo(kind)
    edges = [limits.min, limits.min + 1, limits.max, limits.max - 1, 0, 1, 2, 3, 5, 7, kind.itemsize * 8 - 1]
    near = np.array(edges, kind)
    bits = rng.integers(0, 256, count * kind.itemsize, dtype=np.uint8).view(kind)
    return np.where(rng.random(count) < 0.4, rng.choice(near, count), bits)


def make_rows(dtype, lanes, count=12, seed=0):
    """Inputs of `count` evaluations: arrays, (count, lanes), by name."""
    rng = np.random.default_rng(seed + lanes)
    rows = {name: numbers(dtype, count * lanes, seed + i).reshape(count, lanes) for i, name in enumerate(NAMES)}
    rows |= {name: rng.random((count, lanes)) < share for name, share in (("m", 0.5), ("k", 0.8))}
    rows["m"][0], rows["m"][1] = False, True
    return rows | {"s": numbers(dtype, count, seed + 9)}


def check(dtype, lanes, expressions, rows=None, places=None, **constants):
    """Hold a kernel to the emulation; `places` are units in the last place that floats may be off (0)."""
    rows = make_rows(dtype, lanes) if rows is None else rows
    known = {"simd": simd, "np": np, "V": simd.vector(dtype, lanes), **constants}
    expected = [[emulated(text, row, known) for text in expressions] for row in each(rows)]
    found = compiled(expressions, rows, known, expected[0])
    for i, row in enumerate(each(rows)):
        for text, right, got in zip(expressions, expected[i], found[i], strict=True):
            message = f"{text} of {dtype}x{lanes}, row {i}: {row}: expected {right}, got {got}"
            for one, other in zip(right, got, strict=True):
                assert agree(one, other, (places or {}).get(text, 0)), message


def each(rows):
    """Inputs, row by row, as Python values."""
    for i in range(len(rows["a"])):
        yield {name: wrapped(values[i]) for name, values in rows.items()}


def wrapped(values):
    if np.ndim(values) == 0:
        return values
    return simd.Mask(values) if values.dtype == bool else simd.Vector(values)


def emulated(text, row, known):
    """All that comes out of an expression, in a tuple."""
    result = eval(text, known | row)
    return result if isinstance(result, tuple) else (result,)


def compiled(expressions, rows, known, sample):
    """What a kernel makes of the expressions for each row."""
    lines = [
        f"    {name} = simd.load({name}_type, {name}_in, {name}_type.lanes * i)" for name in NAMES
    ]  # fmt: skip
    lines += [f"    {name} = simd.from_bits(V, {name}_in[i])" for name in "mk"] + ["    s = s_in[i]"]
    outs, names = [], {f"{name}_type": simd.vector(rows[name].dtype, rows[name].shape[1]) for name in NAMES}
    count = len(rows["a"])
    for j, (text, parts) in enumerate(zip(expressions, sample, strict=True)):
        lines.append(f"    r{j} = {text}")
        for k, part in enumerate(parts):
            item, out = f"r{j}[{k}]" if len(parts) > 1 else f"r{j}", f"out{len(outs)}"
            if isinstance(part, simd.Vector):
                outs.append(np.zeros(count * part.lanes, part.dtype))
                lines.append(f"    simd.store({out}, {part.lanes} * i, {item})")
            elif isinstance(part, simd.Mask):
                outs.append(np.zeros(count, np.uint64))
                lines.append(f"    {out}[i] = simd.to_bits({item})")
            else:
                outs.append(np.zeros(count, np.asarray(part).dtype))
                lines.append(f"    {out}[i] = {item}")
    inputs = [*(f"{name}_in" for name in (*NAMES, "m", "k", "s")), *(f"out{i}" for i in range(len(outs)))]
    source = "\n".join([f"def kernel(i, {', '.join(inputs)}):", *lines])
    arrays = [rows[name].reshape(-1) for name in NAMES]
    arrays += [np.array([as_bits(mask) for mask in rows[name]], np.uint64) for name in "mk"]
    run(source, names | known, count, [*arrays, rows["s"], *outs])
    return [list(results(i, sample, outs)) for i in range(count)]


def made_function(source, names):
    """The function `kernel` of a source."""
    names = dict(names)
    exec(source, names)
    return names["kernel"]


def run_here(source, names, count, arrays):
    """Call the kernel for each row."""
    kernel = jk.jit(made_function(source, names))
    for i in range(count):
        kernel(i, *arrays)


run = run_here  # or how it runs on another processor, which fills the outputs among the arrays as well


def as_bits(mask):
    return sum(1 << i for i, lane in enumerate(mask) if lane)


def results(i, sample, outs):
    """What is in the output arrays for a row, shaped like the sample."""
    place = iter(outs)
    for parts in sample:
        got = []
        for part in parts:
            out = next(place)
            if isinstance(part, simd.Vector):
                got.append(simd.Vector(out[i * part.lanes : (i + 1) * part.lanes]))
            elif isinstance(part, simd.Mask):
                got.append(simd.from_bits(simd.vector("u1", part.lanes), int(out[i])))
            else:
                got.append(out[i])
        yield tuple(got)


def agree(one, other, places=0):
    """Whether two results are the same: in all bits, but any NaN is a NaN."""
    one, other = (np.asarray(each.to_array() if hasattr(each, "to_array") else each) for each in (one, other))
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.kind != "f":
        return np.array_equal(one, other)
    equal = (one == other) & (np.signbit(one) == np.signbit(other)) | (np.isnan(one) & np.isnan(other))
    if places:
        with np.errstate(all="ignore"):
            equal |= np.abs(one - other) <= places * np.spacing(np.maximum(np.abs(one), np.abs(other)))
    return bool(np.all(equal))
