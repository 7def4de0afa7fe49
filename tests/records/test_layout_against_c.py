"""Where fields lie: as a C compiler says.

One C program answers for all structs of this file. It is compiled once; each test then compares a part of what it
printed: sizes, alignments and offsets, and the bytes of structs that C filled with values.
"""

import functools
import itertools
import os
import random
import shutil
import struct
import subprocess
import types

import pytest

import jitkit as jk

COMPILER = next(filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))), None)
needs_compiler = pytest.mark.skipif(
    COMPILER is None, reason="there is no C compiler: layouts are not compared with C's"
)

HEADER = """\
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#if defined(__FLT16_MANT_DIG__)
typedef _Float16 half;
#define HALF(value, word) (half)value
#else
typedef uint16_t half;
#define HALF(value, word) word
#endif
static void show(const char *name, const void *data, size_t size) {
    printf("%s ", name);
    for (size_t i = 0; i < size; i++) printf("%02x", ((const unsigned char *)data)[i]);
    puts("");
}
"""
C_NAMES = {"f16": "half", "f32": "float", "f64": "double", "boolean": "bool"} | {
    f"{kind}{bits}": f"{c}{bits}_t" for kind, c in (("u", "uint"), ("i", "int")) for bits in (8, 16, 32, 64)
}
FORMATS = {"f16": "e", "f32": "f", "f64": "d"}


class Struct:
    """A C struct and the record class that should agree with it.

    `fields` maps names to field types in a notation of this file: "u16"; ("array", "u16", (2, 3)); ("bits", 3, True);
    ("bytes", 4); ("pad", 4); ("scaled", "u16"); ("enum", "u16"); or another Struct.
    """

    def __init__(self, name, fields, layout="c", byteorder="little", **options):
        self.name, self.fields, self.layout, self.byteorder = name, fields, layout, byteorder
        options.setdefault("allow_padding", True)
        types_of = {field: to_jitkit(kind) for field, kind in fields.items()}
        options |= {"layout": layout, "byteorder": byteorder}
        self.record = types.new_class(name, (jk.Record,), options, lambda body: body.update(__annotations__=types_of))

    @property
    def places(self):
        """Offset in bytes of each field that is no bit field, and of the pads."""
        return {
            field.name: field.start // 8 for field in self.record._layout.fields if not is_bits(self.fields[field.name])
        }

    @property
    def declaration(self):
        """The struct in C."""
        attributes = ["packed"] if self.layout == "packed" else []
        attributes += ['scalar_storage_order("big-endian")'] if self.byteorder == "big" else []
        units = bit_units(self.fields, self.layout)
        members = [declare(name, kind, units.get(name)) for name, kind in self.fields.items()]
        attribute = f"__attribute__(({', '.join(attributes)})) " if attributes else ""
        return f"struct {attribute}{self.name} {{ {' '.join(members)} }};"


def is_bits(kind):
    return isinstance(kind, tuple) and kind[0] == "bits"


def is_pad(kind):
    return isinstance(kind, tuple) and kind[0] == "pad"


def to_jitkit(kind):
    match kind:
        case str():
            return getattr(jk, kind)
        case "array", item, shape:
            return jk.array(to_jitkit(item), shape)
        case "bits", n, signed:
            return jk.bits(n, signed=signed)
        case "bytes", n:
            return jk.bytes_(n)
        case "pad", n:
            return jk.pad(n)
        case "scaled", base:
            return jk.scaled(to_jitkit(base), scale=0.5)
        case "enum", base:
            return jk.enum_(to_jitkit(base), {0: "zero", 1: "one"})
    return kind.record


def declare(name, kind, unit=None):
    """A member in C; `unit` is what a bit field is part of."""
    match kind:
        case "bits", n, signed:
            return f"{'int' if signed else 'uint'}{unit}_t {name} : {n};"
        case str():
            return f"{C_NAMES[kind]} {name};"
        case "array", item, shape:
            return declare(name + "".join(f"[{n}]" for n in shape), item)
        case "bytes" | "pad", n:
            return f"uint8_t {name}[{n}];"
        case "scaled" | "enum", base:
            return declare(name, base)
    return f"struct {kind.name} {name};"


def bit_units(fields, layout):
    """Bits of the C type that each bit field is declared with, by the rule that `jitkit` documents."""
    units, run = {}, []
    for name, kind in [*fields.items(), (None, "u8")]:
        if is_bits(kind):
            run.append((name, kind[1]))
            continue
        starts = [sum(n for _, n in run[:i]) for i in range(len(run) + 1)]
        crossing = any(a // 8 != (b - 1) // 8 for a, b in itertools.pairwise(starts))
        unit = 64 if layout == "packed" else starts[-1] if crossing else 8
        units |= {field: unit for field, _ in run}
        run = []
    return units


# Random structs, the same in every run.


def random_struct(source, name, layout, byteorder, others):
    fields = {}
    for _ in range(source.randint(1, 6)):
        chunk = random_chunk(source, layout, byteorder, others)
        if is_bits(chunk[0]) and layout == "c" and (unit := crossing_unit(chunk)):
            chunk = [f"u{unit}", *chunk]  # such a run must begin at a multiple of its size
        elif is_bits(chunk[0]) and fields and is_bits([*fields.values()][-1]):
            chunk = ["u8", *chunk]  # two runs of bit fields would be one
        fields |= {f"f{len(fields) + i}": kind for i, kind in enumerate(chunk)}
    return Struct(name, fields, layout, byteorder)


def random_chunk(source, layout, byteorder, others):
    scalars = [name for name in C_NAMES if byteorder == "little" or name != "f16"]
    scalar = source.choice(scalars)
    integer = source.choice([name for name in scalars if name[0] in "ui"])
    match source.choice(["scalar"] * 4 + ["array", "array", "bytes", "pad", "bits", "bits", "struct", "base"]):
        case "scalar":
            return [scalar]
        case "array":
            items = [scalar, scalar, *source.sample(others, min(1, len(others)))]
            return [("array", source.choice(items), tuple(source.choices((1, 2, 3), k=source.randint(1, 3))))]
        case "bytes":
            return [("bytes", source.randint(1, 9))]
        case "pad":
            return [("pad", source.randint(1, 9))]
        case "struct" if others:
            return [source.choice(others)]
        case "bits":
            return [("bits", n, source.random() < 0.5) for n in random_run(source, layout)]
    return [source.choice([("scaled", integer), ("enum", integer)])]


def random_run(source, layout):
    """Widths of bit fields that fill whole bytes, as `layout` allows them."""
    if layout == "packed":
        choices = (1, 3, 7, 8, 12, 33, 57, 64, source.randint(1, 64))
        widths = source.choices(choices, k=source.randint(1, 5))
        return widths + ([-sum(widths) % 8] if sum(widths) % 8 else [])
    if source.random() < 0.5:
        return [n for _ in range(source.randint(1, 4)) for n in partition(source, 8)]
    return partition(source, source.choice((16, 32, 64)))


def partition(source, total):
    widths = []
    while total:
        widths.append(source.randint(1, total))
        total -= widths[-1]
    return widths


def crossing_unit(run):
    fields = {str(i): kind for i, kind in enumerate(run)}
    unit = bit_units(fields, "c")["0"]
    return unit if unit > 8 else 0


def random_value(source, kind):
    """A value that the field can hold exactly; of a Struct, a dict."""
    match kind:
        case "boolean":
            return source.random() < 0.5
        case str() if kind[0] == "f":
            value = source.choice((0.0, -0.0, 1.0, -1.5, 0.1, 1e-3, 6e4, source.uniform(-100, 100)))
            return struct.unpack(FORMATS[kind], struct.pack(FORMATS[kind], value))[0]
        case str():
            return random_integer(source, int(kind[1:]), kind[0] == "i")
        case "array", item, shape:
            return nested(source, item, shape)
        case "bits", n, signed:
            return random_integer(source, n, signed)
        case "bytes", n:
            return bytes(source.choices(range(256), k=n - 1)) + b"\1"
        case "scaled", base:
            return random_integer(source, min(40, int(base[1:])), base[0] == "i") * 0.5
        case "enum", _:
            return source.choice((0, 1))
    return {name: random_value(source, inner) for name, inner in kind.fields.items() if not is_pad(inner)}


def nested(source, item, shape):
    if not shape:
        return random_value(source, item)
    return [nested(source, item, shape[1:]) for _ in range(shape[0])]


def random_integer(source, bits, signed):
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return source.choice((low, high, source.randint(low, high), source.randint(low, high)))


def assignments(place, kind, value):
    """The C statements that give a member its value."""
    match kind:
        case "array", item, shape:
            for i, part in enumerate(value):
                yield from assignments(f"{place}[{i}]", ("array", item, shape[1:]) if shape[1:] else item, part)
        case "bytes", n:
            text = "".join(f"\\x{byte:02x}" for byte in value)
            yield f'memcpy({place}, "{text}", {n});'
        case "pad", _:
            return
        case "scaled", base:
            yield from assignments(place, base, int(value / 0.5))
        case "f16":
            word = int.from_bytes(struct.pack("<e", value), "little")
            yield f"{place} = HALF({value.hex()}, {word:#x});"
        case "f32" | "f64":
            yield f"{place} = {value.hex()};"
        case Struct():
            for name, part in value.items():
                yield from assignments(f"{place}.{name}", kind.fields[name], part)
        case _:
            yield f"{place} = {f'({int(value)})' if -(2**63) < value < 2**63 else f'(int64_t){value % 2**64:#x}ull'};"


def family(layout, byteorder, count):
    """Random structs of one kind, and values for each."""
    source = random.Random(f"{layout} {byteorder}")
    structs = []
    for i in range(count):
        structs.append(random_struct(source, f"{layout}_{byteorder}_{i}", layout, byteorder, structs[-3:]))
    return [(one, random_value(source, one)) for one in structs]


def as_record(kind, value):
    """The same value as the record class has it."""
    match kind:
        case "array", item, shape if isinstance(item, Struct):
            return [as_record(("array", item, shape[1:]) if shape[1:] else item, part) for part in value]
        case Struct():
            return kind.record(**{name: as_record(kind.fields[name], part) for name, part in value.items()})
    return value


class Answers:
    """What the C program printed about each struct."""

    def __init__(self, folder, families):
        lines, self.sizes, self.offsets, self.bytes = [], {}, {}, {}
        structs = [one for family in families for one in family]
        declarations = [one.declaration for one, _ in structs]
        for i, (one, value) in enumerate(structs):
            name = f"struct {one.name}"
            offsets = "".join(f' printf(" %zu", offsetof({name}, {field}));' for field in one.places)
            body = "\n    ".join(assignments("s", one, value))
            lines.append(f"""static void describe_{i}(void) {{
    printf("{one.name} %zu %zu", sizeof({name}), _Alignof({name}));{offsets} puts("");
    {name} s;
    memset(&s, 0, sizeof s);
    {body}
    show("{one.name}", &s, sizeof s);
}}""")
        main = "int main(void) {\n" + "\n".join(f"    describe_{i}();" for i in range(len(structs))) + "\n}\n"
        source = folder / "structs.c"
        source.write_text("\n".join([HEADER, *declarations, *lines, main]))
        options = ["-std=gnu11", "-O0", "-Wno-scalar-storage-order", "-Wno-overflow"]
        subprocess.run([COMPILER, *options, "-o", folder / "structs", source], check=True)
        printed = subprocess.run([folder / "structs"], check=True, capture_output=True, text=True).stdout.splitlines()
        for (one, _), sizes, data in zip(structs, printed[::2], printed[1::2], strict=True):
            _, size, alignment, *offsets = sizes.split()
            self.sizes[one.name] = int(size), int(alignment)
            self.offsets[one.name] = dict(zip(one.places, map(int, offsets), strict=True))
            self.bytes[one.name] = bytes.fromhex(data.split()[1])


def known():
    """Structs that people write."""
    doubles = Struct("char_before_double", {"a": "u8", "b": "f64", "c": "u8"})
    halves = Struct("halves", {"a": "u8", "b": "f16", "c": ("array", "f16", (3,)), "d": "u8"})
    packed = Struct("packed_telemetry", {"a": "u8", "b": "u64", "c": "f16", "d": ("bytes", 3)}, "packed")
    word = Struct("status_word", {"a": ("bits", 3, False), "b": ("bits", 12, False), "c": ("bits", 1, False)})
    structs = [
        doubles,
        halves,
        packed,
        word,
        Struct("telemetry", {"timestamp": "u64", "accel": ("array", "f32", (3,)), "status": "u8"}),
        Struct("booleans", {"a": "boolean", "b": "u16", "c": ("array", "boolean", (2, 2))}),
        Struct("flags", {"a": ("bits", 3, False), "b": ("bits", 5, True), "c": "u8", "d": ("bits", 8, False)}),
        Struct("one_long", {"a": ("bits", 64, False), "b": "u8", "c": ("pad", 7), "d": ("bits", 64, True)}),
        Struct("text", {"a": "u16", "name": ("bytes", 5), "b": "u16"}),
        Struct("packed_in_c", {"a": "u8", "b": packed, "c": ("array", packed, (2,)), "d": "u32"}),
        Struct("c_in_packed", {"a": "u8", "b": doubles, "c": ("array", halves, (2, 2)), "d": "u16"}, "packed"),
        Struct("c_in_c", {"a": "u8", "b": ("array", word, (3,)), "c": "u8", "d": doubles}),
        Struct("nine_bytes", {"a": ("bits", 7, False), "b": ("bits", 64, False), "c": ("bits", 1, True)}, "packed"),
    ]
    source = random.Random("known")
    return [(one, random_value(source, one)) for one in structs]


FAMILIES = ["known", "c little", "c big", "packed little", "packed big"]


@functools.cache
def structs_of(name):
    """Pairs of a struct and values for it."""
    return known() if name == "known" else family(*name.split(), count=60)


def understood(name):
    """Whether the compiler lays out structs of this byte order at all."""
    return "big" not in name or "clang" not in subprocess.getoutput(f"{COMPILER} --version")


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    """The answers of the C compiler."""
    return Answers(tmp_path_factory.mktemp("c"), [structs_of(name) for name in filter(understood, FAMILIES)])


@pytest.fixture(params=FAMILIES)
def structs(request):
    """Structs with a value for each: those of one family."""
    if not understood(request.param):
        pytest.skip("this compiler has no byte orders but its own")
    return structs_of(request.param)


@needs_compiler
class TestAgainstAC_Compiler:
    def test_sizes_and_alignments(self, c, structs):
        for one, _ in structs:
            layout = one.record._layout
            assert (layout.itemsize, layout.alignment) == c.sizes[one.name], one.declaration
            assert one.record.itemsize == layout.itemsize

    def test_offsets(self, c, structs):
        for one, _ in structs:
            assert one.places == c.offsets[one.name], one.declaration

    def test_bytes_of_a_record_are_those_that_c_writes(self, c, structs):
        """Of every field type; for bit fields there is no `offsetof`, so that their bits must tell."""
        for one, value in structs:
            assert bytes(as_record(one, value)).hex() == c.bytes[one.name].hex(), one.declaration

    def test_a_record_that_c_wrote_reads_back(self, c, structs):
        for one, value in structs:
            assert as_plain(one.record.from_bytes(c.bytes[one.name])) == value, one.declaration

    @pytest.mark.kernel
    def test_columns_of_what_c_wrote_are_the_values(self, c, structs):
        for one, value in structs:
            columns = one.record.columns(c.bytes[one.name] * 3)
            for name, kind in one.fields.items():
                if isinstance(kind, Struct) or is_pad(kind) or (kind[0] == "array" and isinstance(kind[1], Struct)):
                    continue
                assert columns[name].tolist() == [value[name]] * 3, (name, one.declaration)

    def test_named_pads_stand_where_c_leaves_gaps(self, c, structs):
        """The same struct with a pad for each gap is accepted without `allow_padding`, and is laid out the same."""
        for one, _ in structs:
            fields, end = {}, 0
            for field in one.record._layout.fields:
                gap = field.start // 8 - end
                if gap > 0 and not is_bits(one.fields[field.name]):
                    fields[f"gap_{end}"] = ("pad", gap)
                fields[field.name] = one.fields[field.name]
                end = -(-field.stop // 8)
            size, _ = c.sizes[one.name]
            if size > end:
                fields["gap_at_the_end"] = ("pad", size - end)
            named = Struct(one.name, fields, one.layout, one.byteorder, allow_padding=False, size=size)
            places = {name: place for name, place in named.places.items() if name in one.fields}
            assert places == c.offsets[one.name], one.declaration

    def test_size_asserts_what_c_says(self, c, structs):
        for one, _ in structs:
            size, _ = c.sizes[one.name]
            with pytest.raises(jk.LayoutError, match=rf"^{one.name}: expected size={size + 1} bytes, got {size}: "):
                Struct(one.name, one.fields, one.layout, one.byteorder, size=size + 1)


def as_plain(value):
    """Records as dicts, arrays as lists."""
    match value:
        case jk.Record():
            return {name: as_plain(part) for name, part in vars(value).items()}
        case list():
            return [as_plain(part) for part in value]
    return value.tolist() if hasattr(value, "tolist") else value
