"""Questions about waiting: how long a schema never seen before takes until its first columns are there."""

import random
import types
from collections.abc import Iterator
from time import process_time

import numpy as np
from _sides import bind_to_tables, check_equal
from _table import Row
from _timing import Bench

import jitkit as jk

KINDS = ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64")
RECORDS = 1000
ATTEMPTS = 5


def compile_time(bench: Bench) -> Iterator[Row]:
    """Definition of the class, its decoder and first columns, in a process that has decoded another schema before."""
    for title, compiled, limit in (("by tables", False, 0.15), ("compiled", True, 0.6)):
        _Schema().seconds_to_columns(compiled)  # the first of a process pays for Numba's own start: not counted
        attempts = [_Schema().seconds_to_columns(compiled) for _ in range(1 if bench.quick else ATTEMPTS)]
        yield Row(
            against="compile time",
            work=f"new schema, 30 fields, to first columns, {title}",
            jitkit=min(attempts),
            at_most=limit,
        )


class _Schema:
    """30 fields of all kinds: three bit fields in one word, nine scaled integers, eighteen plain numbers.

    Kinds, order and factors come from the system's randomness, so that no cache of any run holds the decoder.
    """

    def __init__(self) -> None:
        chance = random.SystemRandom()
        names = [f"field_{number}" for number in range(27)]
        scaled = chance.sample(names, 9)
        self.kinds = {name: chance.choice(("u16", "i16") if name in scaled else KINDS) for name in names}
        self.factors = {name: chance.uniform(0.001, 1.0) for name in scaled}
        self.dtype = np.dtype([("word", ">u2"), *((name, _numpy_kind(kind)) for name, kind in self.kinds.items())])

    def seconds_to_columns(self, compiled: bool) -> float:
        buffer = np.random.default_rng(0).integers(0, 120, RECORDS * self.dtype.itemsize, np.uint8)
        start = process_time()
        record = self.record_class()
        record.compile() if compiled else bind_to_tables(record)
        columns = record.columns(buffer)
        decoded = {name: columns[name] for name in columns}
        seconds = process_time() - start
        check_equal("new schema", self.expected(buffer.view(self.dtype)), decoded)
        return seconds

    def record_class(self) -> type[jk.Record]:
        annotations: dict[str, object] = {"version": int, "flag": int, "counter": int}
        values: dict[str, object] = {"version": jk.bits(3), "flag": jk.bits(1), "counter": jk.bits(12)}
        for name, kind in self.kinds.items():
            field = getattr(jk, kind)
            annotations[name] = float if name in self.factors else field
            if name in self.factors:
                values[name] = jk.scaled(field, scale=self.factors[name])
        body = values | {"__annotations__": annotations}
        options = {"layout": "packed", "byteorder": "big"}
        return types.new_class("NewSchema", (jk.Record,), options, lambda namespace: namespace.update(body))

    def expected(self, records: np.ndarray) -> dict[str, np.ndarray]:
        word = records["word"]
        columns = {"version": word >> 13, "flag": (word >> 12) & 1, "counter": word & 0xFFF}
        for name in self.kinds:
            factor = self.factors.get(name)
            columns[name] = records[name] if factor is None else records[name] * factor
        return columns


def _numpy_kind(kind: str) -> str:
    return f">{kind[0]}{int(kind[1:]) // 8}"
