"""The registry: one line per kernel of jitkit, with its plain-Python twin and what NumPy users would write.

Nothing here imports jitkit while the suite is loaded. A commit that lacks a kernel fails in the case's own call, and
that case has no figure there.
"""

import struct
from functools import cache

import numpy as np

from benchmarks import inputs, rings, vectors
from benchmarks import telemetry as telemetry_files
from benchmarks.interleaved import Case


def telemetry(layout):
    return lambda n: (inputs.telemetry(layout), inputs.telemetry_records(n, layout).tobytes())


def telemetry_columns(n):
    records = inputs.telemetry_records(n, "c")
    return inputs.telemetry("c"), {name: records[name].copy() for name in records.dtype.names}


def packets(specialised):
    return lambda n: (inputs.packet(specialised), inputs.packets(n).tobytes())


def view(record, data):
    return record.view(data)


def columns(record, data):
    return record.columns(data)


def pack(record, columns):
    return record.pack(columns)


def numpy_view(_, data):
    return np.frombuffer(data, inputs.DTYPES["c"])


def numpy_columns(layout):
    def copy_fields(_, data):
        records = np.frombuffer(data, inputs.DTYPES[layout])
        return {name: records[name].copy() for name in records.dtype.names}

    return copy_fields


def numpy_pack(_, columns):
    records = np.zeros(columns["timestamp"].size, inputs.DTYPES["c"])
    for name, column in columns.items():
        records[name] = column
    return records.tobytes()


def numpy_packets(_, data):
    records = np.frombuffer(data, inputs.PACKET)
    identification, sequence = records["identification"].astype("u2"), records["sequence"].astype("u2")
    decoded = {
        "version": (identification >> 13).astype("u1"),
        "type": (identification >> 12 & 1).astype("u1"),
        "secondary_header": (identification >> 11 & 1).astype("u1"),
        "apid": identification & 0x7FF,
        "sequence_flags": (sequence >> 14).astype("u1"),
        "sequence_count": sequence & 0x3FFF,
    }
    return decoded | {
        name: records[name].astype(records.dtype[name].newbyteorder("="))
        for name in records.dtype.names
        if name not in ("identification", "sequence")
    }


@cache
def reader_loop(record):
    import jitkit as jk

    accel_z = record.reader("accel_z")

    @jk.jit
    def total(data, n):
        result = 0.0
        for i in range(n):
            result += accel_z(data, i)
        return result

    return total


@cache
def load_loop(record):
    import jitkit as jk

    @jk.jit
    def latest(data, n):
        timestamp, accel_z = 0, 0.0
        for i in range(n):
            sample = record.load(data, i)
            if sample.timestamp >= timestamp:
                timestamp, accel_z = sample.timestamp, sample.accel_z
        return accel_z

    return latest


def sum_in_kernel(record, data):
    return reader_loop(record)(data, len(data) // 21)


def sum_with_struct(_, data):
    accel_z = struct.Struct("<f").unpack_from
    result = 0.0
    for offset in range(16, len(data), 21):
        result += accel_z(data, offset)[0]
    return result


def sum_with_numpy(_, data):
    return np.frombuffer(data, inputs.DTYPES["packed"])["accel_z"].sum(dtype=float)


def latest_in_kernel(record, data):
    return load_loop(record)(data, len(data) // 21)


def latest_with_struct(_, data):
    timestamp, accel_z = 0, 0.0
    for sample in struct.iter_unpack("<QfffB", data):
        if sample[0] >= timestamp:
            timestamp, accel_z = sample[0], sample[3]
    return accel_z


def simd(name, jitkit, python, make, numpy):
    """A case of vectors: as many items as the first cache holds, or nearly."""
    return Case(name, jitkit, python, make, numpy=numpy, sizes=(16_384,), prefix=2_000)


def ring(name, jitkit, python, make, numpy=None):
    """A case of rings: samples that come one after another, and stay in the first cache."""
    return Case(name, jitkit, python, make, numpy=numpy, sizes=(16_384,), prefix=2_000)


DECODE = "jitkit.records._reference:decode"
ENCODE = "jitkit.records._reference:encode"
TWIN = "jitkit.simd._reference:"

CASES = [
    # A view costs the same for any number of records: with more of them its gain only looks larger.
    Case("records.view", view, DECODE, telemetry("c"), numpy=numpy_view, sizes=(1_000,)),
    Case("records.columns, C layout", columns, DECODE, telemetry("c"), numpy=numpy_columns("c")),
    Case("records.columns, packed", columns, DECODE, telemetry("packed"), numpy=numpy_columns("packed")),
    Case("records.columns, bit fields", columns, DECODE, packets(specialised=False), numpy=numpy_packets),
    Case("records.columns, bit fields, compiled", columns, DECODE, packets(specialised=True), numpy=numpy_packets),
    Case("records.pack", pack, ENCODE, telemetry_columns, numpy=numpy_pack),
    Case("records.reader", sum_in_kernel, sum_with_struct, telemetry("packed"), numpy=sum_with_numpy),
    Case("records.load", latest_in_kernel, latest_with_struct, telemetry("packed")),
    Case(
        "telemetry.read, ULog",
        telemetry_files.columns,
        "jitkit.demos._ulog_twin:read",
        telemetry_files.log,
        sizes=(20_000,),
        prefix=2_000,
    ),
    Case(
        "telemetry.framing",
        telemetry_files.starts,
        telemetry_files.starts_in_python,
        telemetry_files.stream,
        sizes=(10_000,),
        prefix=1_000,
    ),
    simd("sqrt, float32", "jitkit:sqrt", vectors.roots_with_python, vectors.numbers("f4"), np.sqrt),
    simd("sqrt, float64", "jitkit:sqrt", vectors.roots_with_python, vectors.numbers("f8"), np.sqrt),
    simd(
        "simd.rsqrt",
        "jitkit.simd:rsqrt",
        vectors.rsqrt_with_python,
        vectors.numbers("f4"),
        vectors.rsqrt_with_numpy,
    ),
    simd("simd.hypot", "jitkit.simd:hypot", vectors.hypot_with_python, vectors.pairs("f8"), np.hypot),
    simd("simd.clip", "jitkit.simd:clip", vectors.clip_with_python, vectors.limited("f4"), np.clip),
    simd("simd.dot", "jitkit.simd:dot", TWIN + "dot", vectors.pairs("f8"), np.dot),
    simd("simd.sum", "jitkit.simd:sum", TWIN + "sum", vectors.numbers("f8"), np.sum),
    simd("simd.minmax", "jitkit.simd:minmax", TWIN + "minmax", vectors.numbers("f8"), vectors.minmax_with_numpy),
    simd(
        "simd.count_equal",
        "jitkit.simd:count_equal",
        TWIN + "count_equal",
        vectors.statuses,
        vectors.count_with_numpy,
    ),
    simd(
        "simd, a search by hand",
        vectors.search_in_kernel,
        vectors.search_with_python,
        vectors.text,
        vectors.search_with_numpy,
    ),
    ring(
        "ring.push and pop",
        rings.push_and_pop_in_kernel,
        rings.push_and_pop_with_deque,
        rings.ring("reject"),
    ),
    ring(
        "ring.push and pop, from Python",
        rings.push_and_pop_from_python,
        rings.push_and_pop_with_deque,
        rings.ring("reject"),
    ),
    ring("ring.push, overwrite", rings.overwrite_in_kernel, rings.overwrite_with_deque, rings.ring("overwrite")),
    ring(
        "ring.extend and drain, from Python",
        rings.blocks_through_ring,
        rings.blocks_through_deque,
        rings.ring("reject"),
    ),
    ring("window.push and window", rings.append_and_look_in_kernel, rings.append_and_look_with_deque, rings.window),
    ring("window.mean", rings.means_in_kernel, rings.means_with_running_sum, rings.window, rings.means_with_numpy),
    ring(
        "window.var, min and max",
        rings.statistics_in_kernel,
        rings.statistics_with_python,
        rings.window,
        rings.statistics_with_numpy,
    ),
    ring(
        "channel, in one thread",
        rings.send_and_receive_in_kernel,
        rings.send_and_receive_with_queue,
        rings.channel,
    ),
]
