"""What a type checker makes of record classes: `mypy --strict` on files as users write them."""

import re
import subprocess
import sys

import pytest

GOOD = """
from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar

import numpy as np

import jitkit as jk
from jitkit import Record, u16


class Mode(IntEnum):
    IDLE = 0
    ARMED = 1


class Telemetry(jk.Record, layout="c", byteorder="little", size=24):
    timestamp: jk.u64
    accel_x: jk.f32
    accel_y: jk.f32
    accel_z: jk.f32
    status: jk.u8
    _pad: None = jk.pad(3)


class Header(jk.Record, layout="packed", byteorder="big", allow_padding=False):
    LIMIT: ClassVar[int] = 3

    version: int = jk.bits(3)
    type: int = jk.bits(1, signed=True)
    apid: int = jk.bits(12)
    rate: int = jk.i16.little
    placed: int = jk.u8.at(4)
    counter: int = jk.u32.within(0, 10).big
    quaternion: np.ndarray = jk.array(jk.f32, 4)
    matrix: np.ndarray[Any, np.dtype[np.float64]] = jk.array(jk.f64, (3, 3))
    temperature: float = jk.scaled(jk.i16, scale=0.01, offset=-40.0, unit="degC", valid=(-40.0, 125.0))
    pressure: float = jk.scaled(jk.bits(16), 0.5, dtype=np.float32, valid=(None, 3))
    mode: int = jk.enum_(jk.u8, {0: "idle", 1: "armed"})
    other_mode: int = jk.enum_(jk.u8, Mode)
    name: bytes = jk.bytes_(16)
    inner: Telemetry
    many: list[Telemetry] = jk.array(Telemetry, 2)

    @property
    def speed(self) -> float:
        return self.rate * 0.5 + self.inner.accel_x


class Numbers(Record):
    a: jk.u8
    b: jk.i8
    c: u16
    d: jk.i16
    _reserved: None = jk.pad(2)
    e: jk.u32
    f: jk.i32
    g: jk.u64
    h: jk.i64
    half: jk.f16
    ready: jk.boolean
    _reserved2: None = jk.pad(1)
    single: jk.f32
    double: jk.f64


telemetry = Telemetry(timestamp=1, accel_x=0.5, accel_y=1.0, accel_z=2, status=3)
header = Header(
    version=1, type=0, apid=5, rate=3, placed=1, counter=2, quaternion=np.zeros(4), matrix=np.zeros((3, 3)),
    temperature=1.0, pressure=0.5, mode=0, other_mode=Mode.ARMED, name=b"probe", inner=telemetry,
    many=[telemetry, telemetry],
)
numbers = Numbers(a=1, b=1, c=1, d=1, e=1, f=1, g=1, h=1, half=0.5, ready=True, single=0.5, double=0.5)
telemetry.status = 4
telemetry.accel_x += 0.5
header.inner.status += telemetry.status
numbers.ready = not numbers.ready

columns = Telemetry.columns(b"", fields=["timestamp", "status"], out={}, tail="keep")
more = Telemetry.columns("flight.bin", out={"status": np.zeros(2, np.uint8)})
tail: bytes = columns.tail
total: int = len(columns) + sum(len(batch) for batch in Telemetry.iter_batches("flight.bin", nbytes=1 << 20))
names: list[str] = [name for name, column in columns.items() if column.dtype == columns.valid(name).dtype]
packed: bytes = Telemetry.pack(more)
again: bytes = Telemetry.pack({name: column.tolist() for name, column in more.items()})
get_x = Telemetry.reader("accel_x")
x: float = get_x(packed, 0)
source: str = Telemetry.source()
Telemetry.compile()
try:
    Telemetry.from_bytes(b"")
except jk.DecodeError as error:
    where: int | None = error.offset
"""

REVEALED = {
    "telemetry.timestamp": "int",
    "telemetry.accel_x": "float",
    "telemetry.accel_x + telemetry.status": "float",
    "numbers.half": "float",
    "numbers.c": "int",
    "numbers.ready": "bool",
    "header.version": "int",
    "header.temperature": "float",
    "header.name": "bytes",
    "header.inner": "good.Telemetry",
    "header.inner.status": "int",
    "header.many[0].accel_x": "float",
    "header.speed": "float",
    "bytes(header)": "bytes",
    "Header.itemsize": "int",
    "Header.LIMIT": "int",
    "Header.dtype": "numpy.dtype[Any]",
    "Header.from_bytes(b'')": "good.Header",
    "Header.load(b'', 0)": "good.Header",
    "Header.view(b'')": "numpy.ndarray[Any, Any]",
    "columns": "jitkit.records._columns.Columns",
    "columns['status']": "numpy.ndarray[Any, Any]",
    "columns.unit('status')": "str | None",
    "columns.valid('status')": "numpy.ndarray[Any, Any]",
    "columns.tail": "bytes",
}

WRONG = {
    'telemetry.timestamp + "x"': "operator",
    'Telemetry(timestamp="a", accel_x=0, accel_y=0, accel_z=0, status=0)': "arg-type",
    "Telemetry(timestamp=0.5, accel_x=0, accel_y=0, accel_z=0, status=0)": "arg-type",
    "Telemetry(timestamp=1, accel_x=0, accel_y=0, accel_z=0)": "call-arg",
    "Telemetry(timestamp=1, accel_x=0, accel_y=0, accel_z=0, status=0, speed=1)": "call-arg",
    'Telemetry(timestamp=1, accel_x=0, accel_y=0, accel_z=0, status=0, _pad=b"")': "call-arg",
    "Telemetry(1, 0, 0, 0, 0)": "call-arg",
    'telemetry.status = "idle"': "assignment",
    'numbers.ready = "yes"': "assignment",
    "telemetry.speed": "attr-defined",
    "Telemetry.colums(b'')": "attr-defined",
    "Telemetry.columns(b'', tail='ignore')": "arg-type",
    "Telemetry.columns(b'', field=['status'])": "call-arg",
    "Telemetry.columns(b'')[0]": "index",
    "header.inner = header": "assignment",
    "jk.enum_(jk.u8, {'idle': 0})": "dict-item",
    "jk.bits('3')": "arg-type",
    "jk.bits(3, True)": "call-arg",
    "jk.pad()": "call-arg",
    "jk.scaled(jk.u8, factor=2)": "call-arg",
    "jk.scaled(jk.u8, scale='2')": "arg-type",
    "jk.scaled(jk.u8, unit=5)": "arg-type",
    "jk.array(jk.u8, 1.5)": "arg-type",
    "jk.u9": "attr-defined",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What mypy says of each file: (line, kind or code, text)."""
    folder = tmp_path_factory.mktemp("mypy")
    imports = "import jitkit as jk\nfrom good import Header, Telemetry, columns, header, numbers, telemetry\n"
    (folder / "good.py").write_text(GOOD)
    (folder / "revealed.py").write_text(imports + "".join(f"reveal_type({what})\n" for what in REVEALED))
    (folder / "wrong.py").write_text(imports + "\n".join(WRONG))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--show-error-codes", "--no-pretty",
         "--cache-dir", str(folder / "cache"), "good.py", "revealed.py", "wrong.py"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert not done.stderr
    found = {"good.py": [], "revealed.py": [], "wrong.py": []}
    for line in done.stdout.splitlines():
        file, number, kind, text = re.match(r"(\w+\.py):(\d+): (\w+): (.*)", line).groups()
        found[file].append((int(number), kind, text))
    return found


def test_a_file_with_all_field_types_passes(report):
    assert report["good.py"] == []


def test_fields_have_the_types_of_their_values(report):
    found = [re.fullmatch(r'Revealed type is "(.*)"', text)[1] for _, _, text in report["revealed.py"]]
    assert dict(zip(REVEALED, found, strict=True)) == REVEALED


def test_wrong_use_is_found(report):
    found = {statement: set() for statement in WRONG}
    for number, kind, text in report["wrong.py"]:
        if kind == "error":
            found[list(WRONG)[number - 3]].add(re.search(r"\[([\w-]+)\]$", text)[1])
    assert found == {statement: {code} for statement, code in WRONG.items()}


PRINTED = """
import sys
print(len(more), total, header.inner.status, header.speed, get_x)
print(sorted({"pyarrow", "polars", "pandas", "matplotlib"} & {*sys.modules}))
"""


@pytest.mark.kernel
def test_the_same_file_runs_and_imports_no_extras(tmp_path):
    """What the type checker believes is what happens."""
    (tmp_path / "flight.bin").write_bytes(bytes(48))
    (tmp_path / "good.py").write_text(GOOD + PRINTED)
    done = subprocess.run([sys.executable, "good.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("2 2 7 2.0 <reader of Telemetry.accel_x: f32 little-endian>\n[]\n", "")
